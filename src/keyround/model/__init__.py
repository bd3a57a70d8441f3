"""The tables: what every connector fills and every rule reads. One file per table."""

from __future__ import annotations

from .access_policies import AccessPolicy
from .account_use import AccountUse
from .accounts import Account
from .auth_methods import AuthMethod
from .group_members import GroupMember
from .groups import Group
from .mfa_enforcements import MfaEnforcement
from .mfa_registrations import MfaRegistration
from .policy_exclusions import PolicyExclusion
from .role_assignments import RoleAssignment
from .schema import Column, Id, Row, arrow_schema, bare, columns, ddl, prefixed
from .settings import Setting
from .sign_in_places import SignInPlace
from .sign_ins import SignIn
from .tenants import Tenant

TABLES: dict[str, type[Row]] = {
    "tenants": Tenant,
    "accounts": Account,
    "mfa_registrations": MfaRegistration,
    "auth_methods": AuthMethod,
    "mfa_enforcements": MfaEnforcement,
    "role_assignments": RoleAssignment,
    "sign_ins": SignIn,
    "sign_in_places": SignInPlace,
    "account_use": AccountUse,
    "settings": Setting,
    "access_policies": AccessPolicy,
    "groups": Group,
    "group_members": GroupMember,
    "policy_exclusions": PolicyExclusion,
}
COMPUTED: frozenset[str] = frozenset({"mfa_enforcements", "policy_exclusions", "sign_in_places", "account_use"})
"""Tables that are worked out from the others again whenever a snapshot is read; no file holds them."""

NAME: dict[type[Row], str] = {table: name for name, table in TABLES.items()}

__all__ = [
    "COMPUTED", "NAME", "TABLES", "AccessPolicy", "Account", "AccountUse", "AuthMethod", "Column", "Group",
    "GroupMember", "Id", "MfaEnforcement", "MfaRegistration", "PolicyExclusion", "RoleAssignment", "Row", "Setting",
    "SignIn", "SignInPlace", "Tenant", "arrow_schema", "bare", "columns", "ddl", "prefixed",
]  # fmt: skip
