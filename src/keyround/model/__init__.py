"""The tables: what every connector fills and every rule reads. One file per table."""

from __future__ import annotations

from .access_policies import AccessPolicy
from .account_measures import AccountMeasure
from .account_use import AccountUse
from .accounts import Account, home_address
from .app_credentials import AppCredential
from .app_grants import AppGrant
from .app_passwords import AppPassword
from .audit_events import AuditEvent
from .auth_methods import AuthMethod
from .backup_codes import BackupCode
from .devices import Device
from .factor_use import FactorUse
from .first_places import FirstPlace
from .group_members import GroupMember
from .groups import Group
from .journeys import Journey
from .known_addresses import KnownAddress
from .license_assignments import LicenseAssignment
from .mailbox_rules import MailboxRule
from .mfa_enforcements import MfaEnforcement
from .mfa_registrations import MfaRegistration
from .org_units import OrgUnit
from .password_tries import PasswordTry
from .policy_exclusions import PolicyExclusion
from .risk_events import RiskEvent
from .role_assignments import RoleAssignment
from .schema import Column, Id, Row, arrow_schema, bare, columns, ddl, prefixed
from .secure_scores import SecureScore
from .settings import Setting
from .sign_in_months import SignInMonth
from .sign_in_places import SignInPlace
from .sign_ins import SignIn
from .suspicions import Suspicion
from .tenants import Tenant
from .training import Training

TABLES: dict[str, type[Row]] = {
    "tenants": Tenant,
    "accounts": Account,
    "mfa_registrations": MfaRegistration,
    "auth_methods": AuthMethod,
    "mfa_enforcements": MfaEnforcement,
    "role_assignments": RoleAssignment,
    "sign_ins": SignIn,
    "sign_in_months": SignInMonth,
    "sign_in_places": SignInPlace,
    "account_use": AccountUse,
    "known_addresses": KnownAddress,
    "first_places": FirstPlace,
    "journeys": Journey,
    "password_tries": PasswordTry,
    "suspicions": Suspicion,
    "settings": Setting,
    "access_policies": AccessPolicy,
    "groups": Group,
    "group_members": GroupMember,
    "policy_exclusions": PolicyExclusion,
    "app_grants": AppGrant,
    "app_credentials": AppCredential,
    "mailbox_rules": MailboxRule,
    "risk_events": RiskEvent,
    "devices": Device,
    "audit_events": AuditEvent,
    "training": Training,
    "secure_scores": SecureScore,
    "factor_use": FactorUse,
    "account_measures": AccountMeasure,
    "app_passwords": AppPassword,
    "backup_codes": BackupCode,
    "org_units": OrgUnit,
    "license_assignments": LicenseAssignment,
}
COMPUTED: frozenset[str] = frozenset(
    {
        "mfa_enforcements",
        "policy_exclusions",
        "sign_in_months",
        "known_addresses",
        "sign_in_places",
        "first_places",
        "journeys",
        "password_tries",
        "suspicions",
        "account_use",
        "factor_use",
    }
)
"""Tables that no connector fills: worked out from the others again whenever a snapshot is read, so that no file holds
them; of `sign_in_months` the store keeps what it counted."""

AS_WHOLE_AS: dict[str, str] = dict.fromkeys(
    ("sign_in_months", "known_addresses", "sign_in_places", "first_places", "journeys", "password_tries", "suspicions"),
    "sign_ins",
)
"""Computed tables -> the one they count: as whole as that, and named after it where something is missing."""

NAME: dict[type[Row], str] = {table: name for name, table in TABLES.items()}

__all__ = [
    "AS_WHOLE_AS", "COMPUTED", "NAME", "TABLES", "AccessPolicy", "Account", "AccountMeasure", "AccountUse",
    "AppCredential", "AppGrant", "AppPassword", "AuditEvent", "AuthMethod", "BackupCode", "Column", "Device",
    "FactorUse", "FirstPlace", "Group", "GroupMember", "Id", "Journey", "KnownAddress", "LicenseAssignment",
    "MailboxRule", "MfaEnforcement", "MfaRegistration", "OrgUnit", "PasswordTry", "PolicyExclusion", "RiskEvent",
    "RoleAssignment", "Row", "SecureScore", "Setting", "SignIn", "SignInMonth", "SignInPlace", "Suspicion", "Tenant",
    "Training", "arrow_schema", "bare", "columns", "ddl", "home_address", "prefixed",
]  # fmt: skip
