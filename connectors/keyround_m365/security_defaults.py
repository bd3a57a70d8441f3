"""Whether Microsoft's security defaults are switched on.

Endpoint    GET /policies/identitySecurityDefaultsEnforcementPolicy  (v1.0)
Permission  Policy.Read.All
Source      https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get
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

PATH = "policies/identitySecurityDefaultsEnforcementPolicy"


class _Policy(msgspec.Struct):
    isEnabled: bool | None = None


def pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question

    yield graph.one(Question(PATH, "Policy.Read.All"))


def rows(page: bytes) -> Iterator[Setting]:
    yield Setting("security_defaults", flag(decode(page, _Policy).isEnabled), source=PATH)


DATASET = DataSet(
    name="security_defaults",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="whether Microsoft's security defaults demand a second factor",
    source="https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get",
    grants=("Policy.Read.All",),
)
