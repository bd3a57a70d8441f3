"""Whether a second factor that guests have passed at home counts here.

Endpoint    GET /policies/crossTenantAccessPolicy/default, GET /policies/crossTenantAccessPolicy/partners  (v1.0)
Permission  Policy.Read.All
Gaps        a partner without a setting of its own follows the default: it has no row
Source      https://learn.microsoft.com/graph/api/crosstenantaccesspolicyconfigurationdefault-get
            https://learn.microsoft.com/graph/api/crosstenantaccesspolicy-list-partners
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.model import Setting

from .wire import flag

if TYPE_CHECKING:
    from .graph import Graph

PATH = "policies/crossTenantAccessPolicy"
GRANTS = "Policy.Read.All"


class _Trust(msgspec.Struct):
    isMfaAccepted: bool | None = None


class _Default(msgspec.Struct):
    inboundTrust: _Trust | None = None


class _Partner(_Default):
    tenantId: str = ""


class _Partners(msgspec.Struct):
    value: list[_Partner]


class Page(msgspec.Struct, frozen=True):
    """The default, or one page of partners."""

    body: bytes
    partners: bool


def pages(graph: Graph, window: Window) -> Iterator[Page]:
    from .graph import Question, listing

    yield Page(graph.one(Question(f"{PATH}/default", GRANTS)), False)
    for body in listing(graph, Question(f"{PATH}/partners", GRANTS)):
        yield Page(body, True)


def rows(page: Page) -> Iterator[Setting]:
    if not page.partners:
        yield _setting("tenant", decode(page.body, _Default).inboundTrust)
        return
    for partner in decode(page.body, _Partners).value:
        if partner.inboundTrust and partner.inboundTrust.isMfaAccepted is not None:
            yield _setting(f"partner:{partner.tenantId.lower()}", partner.inboundTrust)


def _setting(scope: str, trust: _Trust | None) -> Setting:
    return Setting("guest_mfa_trusted", flag((trust or _Trust()).isMfaAccepted), scope, PATH)


DATASET = DataSet(
    name="cross_tenant_access",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="whether a guest's second factor from home counts here",
    source="https://learn.microsoft.com/graph/api/crosstenantaccesspolicyconfigurationdefault-get",
    grants=(GRANTS,),
    required=False,
)
