"""What ordinary people and guests may do without asking: invite, consent, create.

Endpoint    GET /policies/authorizationPolicy  (v1.0: one object; beta would give a list)
Permission  Policy.Read.All
Source      https://learn.microsoft.com/graph/api/authorizationpolicy-get
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

PATH = "policies/authorizationPolicy"
GUEST_ROLES = {
    "a0b1b346-4d3e-4e8b-98f8-753987be4970": "member",
    "10dae51f-b6af-4016-8d66-8c2a99b929b3": "guest",
    "2af84b1e-32c8-42b7-82bc-daa82404023b": "restricted",
}
"""What guests can see: as much as members, the default, or themselves alone."""
CONSENT = {
    "microsoft-user-default-legacy": "all",
    "microsoft-user-default-recommended": "recommended",
    "microsoft-user-default-low": "low",
}
"""To which apps people may give access to their own data: all, those Microsoft deems fit, or those of low risk."""
_OWN = "managepermissiongrantsforself."


class _Permissions(msgspec.Struct):
    allowedToCreateApps: bool | None = None
    allowedToCreateSecurityGroups: bool | None = None
    allowedToCreateTenants: bool | None = None
    allowedToReadOtherUsers: bool | None = None
    permissionGrantPoliciesAssigned: list[str] | None = None


class _Policy(msgspec.Struct):
    guestUserRoleId: str | None = None
    allowInvitesFrom: str | None = None
    allowedToUseSSPR: bool | None = None
    allowEmailVerifiedUsersToJoinOrganization: bool | None = None
    allowUserConsentForRiskyApps: bool | None = None
    blockMsolPowerShell: bool | None = None
    defaultUserRolePermissions: _Permissions | None = None


def pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question

    yield graph.one(Question(PATH, "Policy.Read.All"))


def rows(page: bytes) -> Iterator[Setting]:
    policy = decode(page, _Policy)
    may = policy.defaultUserRolePermissions or _Permissions()
    assigned = may.permissionGrantPoliciesAssigned
    role = policy.guestUserRoleId
    values = {
        "guest_role": role and GUEST_ROLES.get(role.lower(), role),
        "invitations_by": policy.allowInvitesFrom,
        "user_consent": None if assigned is None else _consent(assigned),
        "consent_policies": None if assigned is None else msgspec.json.encode(assigned).decode(),
        "user_consent_risky_apps": flag(policy.allowUserConsentForRiskyApps),
        "users_create_apps": flag(may.allowedToCreateApps),
        "users_create_groups": flag(may.allowedToCreateSecurityGroups),
        "users_create_tenants": flag(may.allowedToCreateTenants),
        "users_read_others": flag(may.allowedToReadOtherUsers),
        "sspr_for_administrators": flag(policy.allowedToUseSSPR),
        "email_verified_join": flag(policy.allowEmailVerifiedUsersToJoinOrganization),
        "msol_powershell_blocked": flag(policy.blockMsolPowerShell),
    }
    for name, value in values.items():
        yield Setting(name, value, source=PATH)


def _consent(assigned: list[str]) -> str:
    """One of CONSENT's words, none, or the name of the tenant's own policy."""
    own = [name[len(_OWN) :] for name in assigned if name.lower().startswith(_OWN)]
    known = [word for policy, word in CONSENT.items() if policy in map(str.lower, own)]
    return known[0] if known else ", ".join(own) or "none"


DATASET = DataSet(
    name="authorization_policy",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="what people and guests may do without asking: invite others, let apps in, create things",
    source="https://learn.microsoft.com/graph/api/authorizationpolicy-get",
    grants=("Policy.Read.All",),
    required=False,
)
