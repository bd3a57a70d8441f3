"""Who signs in through another provider, where Google's own second step is not asked.

Endpoint    GET https://cloudidentity.googleapis.com/v1/inboundSsoAssignments
Permission  https://www.googleapis.com/auth/cloud-identity.inboundsso.readonly, asked for a super administrator
Plan        every edition
Gaps        whether the older provider of the whole domain is set up is not in the answer
Source      https://cloud.google.com/identity/docs/reference/rest/v1/inboundSsoAssignments
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.model import AccessPolicy

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/cloud-identity.inboundsso.readonly"
SOURCE = "https://cloud.google.com/identity/docs/reference/rest/v1/inboundSsoAssignments"
MASK = "nextPageToken,inboundSsoAssignments"
MODES = {
    "SAML_SSO": "Single sign-on with another provider (SAML)",
    "OIDC_SSO": "Single sign-on with another provider (OpenID Connect)",
    "DOMAIN_WIDE_SAML_IF_ENABLED": "Single sign-on as set up for the whole domain",
    "SSO_OFF": "No single sign-on",
}


class _Document(msgspec.Struct):
    name: str | None = None
    ssoMode: str | None = None
    targetGroup: str | None = None
    targetOrgUnit: str | None = None


class _Raw(msgspec.Struct):
    inboundSsoAssignments: list[msgspec.Raw] | None = None


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    listing = admin.listing(
        admin.identity.inboundSsoAssignments(), (SCOPE,), {},
        pageSize=100, filter=f"customer==customers/{admin.customer}", fields=MASK,
    )  # fmt: skip
    for page in listing:
        if isinstance(page, bytes):
            admin.noted.documents += [bytes(raw) for raw in decode(page, _Raw).inboundSsoAssignments or ()]
        yield page


def rows(page: bytes) -> Iterator[AccessPolicy]:
    for raw in decode(page, _Raw).inboundSsoAssignments or ():
        found = decode(bytes(raw), _Document)
        mode = found.ssoMode or ""
        yield AccessPolicy(
            policy_id=found.name or found.targetGroup or found.targetOrgUnit or "unnamed",
            kind="sso",
            name=MODES.get(mode, mode or None),
            state="disabled" if mode == "SSO_OFF" else "enabled",
            document=bytes(raw).decode("utf-8", "replace"),
            source="v1",
        )


DATASET = DataSet(
    name="sso",
    fills=(AccessPolicy,),
    pages=pages,
    rows=rows,
    tells="who signs in through another provider, so that Google does not ask for a second step",
    source=SOURCE,
    grants=(SCOPE,),
    required=False,
)
