"""Policies, locations and tenants for the tests, in Graph's own shape and in few words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from keyround.connector import Complete, Outcome
from keyround.model import (
    Account,
    Group,
    GroupMember,
    MfaEnforcement,
    MfaRegistration,
    RoleAssignment,
    Setting,
)
from keyround_m365 import access_policies, enforcement

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
EXCHANGE, TEAMS, OWN_APP = (
    "00000002-0000-0ff1-ce00-000000000000",
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe",
    "0b0b0b0b-1111-2222-3333-444444444444",
)
RESISTANT = ("windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor")
READ = ("organization", "security_defaults", "access_policies", "named_locations", "policy_groups", "users",
        "mfa_registrations", "role_assignments", "per_user_mfa", "domains")  # fmt: skip


def controls(*words: str, operator: str = "OR", strength: Iterable[str] = (), satisfied: str = "mfa",
             custom: Iterable[str] = ()) -> dict[str, Any]:  # fmt: skip
    combinations = list(strength)
    return {
        "operator": operator,
        "builtInControls": list(words),
        "customAuthenticationFactors": list(custom),
        "termsOfUse": [],
        "authenticationStrength": {
            "id": "11111111-0000-0000-0000-000000000004", "displayName": "A strength",
            "requirementsSatisfied": satisfied, "allowedCombinations": combinations,
        } if combinations else None,
    }  # fmt: skip


def policy(
    name: str, grant: Any = "mfa", *, users: Iterable[str] = ("All",), apps: Iterable[str] = ("All",),
    without: Iterable[str] = (), state: str = "enabled", who: Mapping[str, Any] | None = None, **conditions: Any,
) -> dict[str, Any]:  # fmt: skip
    """`grant` is one word or whole controls; `who` adds to conditions.users, `without` are excluded apps."""
    return {
        "id": f"id-{name}",
        "displayName": name,
        "state": state,
        "conditions": {
            "users": {
                "includeUsers": list(users), "excludeUsers": [], "includeGroups": [], "excludeGroups": [],
                "includeRoles": [], "excludeRoles": [], "includeGuestsOrExternalUsers": None,
                "excludeGuestsOrExternalUsers": None, **(who or {}),
            },
            "applications": {
                "includeApplications": list(apps), "excludeApplications": list(without), "includeUserActions": [],
                "includeAuthenticationContextClassReferences": [], "applicationFilter": None,
            },
            "clientAppTypes": ["all"], "platforms": None, "locations": None, "devices": None, "userRiskLevels": [],
            "signInRiskLevels": [], "servicePrincipalRiskLevels": [], "insiderRiskLevels": None,
            "clientApplications": None, "authenticationFlows": None,
            **conditions,
        },
        "grantControls": controls(grant) if isinstance(grant, str) else grant,
        "sessionControls": None,
    }  # fmt: skip


def guests(*kinds: str, tenants: Iterable[str] | None = None) -> dict[str, Any]:
    external: dict[str, Any] = {"@odata.type": "#microsoft.graph.conditionalAccessAllExternalTenants",
                                "membershipKind": "all"}  # fmt: skip
    if tenants is not None:
        external = {"@odata.type": "#microsoft.graph.conditionalAccessEnumeratedExternalTenants",
                    "membershipKind": "enumerated", "members": list(tenants)}  # fmt: skip
    return {"guestOrExternalUserTypes": ",".join(kinds), "externalTenants": external}


def network(name: str, *ranges: str, trusted: bool = False) -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.ipNamedLocation", "id": f"loc-{name}", "displayName": name,
        "isTrusted": trusted,
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": one} for one in ranges],
    }  # fmt: skip


def countries(name: str, *codes: str, unknown: bool = False, lookup: str = "clientIpAddress") -> dict[str, Any]:
    return {
        "@odata.type": "#microsoft.graph.countryNamedLocation", "id": f"loc-{name}", "displayName": name,
        "countriesAndRegions": list(codes), "countryLookupMethod": lookup,
        "includeUnknownCountriesAndRegions": unknown,
    }  # fmt: skip


def at(*include: str, without: Iterable[str] = ()) -> dict[str, Any]:
    return {"includeLocations": list(include), "excludeLocations": list(without)}


def on(*include: str, without: Iterable[str] = ()) -> dict[str, Any]:
    return {"includePlatforms": list(include), "excludePlatforms": list(without)}


def person(name: str = "ada", **given: Any) -> Account:
    return Account(name, **{"username": f"{name}@contoso.example", "kind": "member", "external": False,
                            "enabled": True, "synced": False} | given)  # fmt: skip


def group(name: str, *members: str, known: bool = True, exists: bool = True) -> list[Any]:
    return [
        Group(name, name, exists, known and exists),
        *(GroupMember(name, m, "account", "member", "active") for m in members),
    ]


def role(holder: str, template: str = GLOBAL_ADMINISTRATOR, **given: Any) -> RoleAssignment:
    return RoleAssignment(holder, **{"holder_kind": "account", "role_id": template, "role": "Global Administrator",
                                     "state": "active", "scope": "tenant", "privileged": True,
                                     "highest": template == GLOBAL_ADMINISTRATOR} | given)  # fmt: skip


def tables_of(
    policies: Iterable[Mapping[str, Any]], people: Iterable[Account], *rows: Any,
    locations: Iterable[Mapping[str, Any]] = (), defaults: bool | None = False,
    per_user: Mapping[str, str | None] | None = None, federated: bool = False,
) -> Any:  # fmt: skip
    """A tenant's tables: everything is known of it unless a row says otherwise."""
    people = list(people)
    stored: list[Any] = [*people, *rows]
    for kind, found in (("policy", policies), ("location", locations)):
        body = json.dumps({"value": list(found)}).encode()
        stored += access_policies.rows(access_policies.Page(body, kind, "beta"))
    if defaults is not None:
        stored.append(Setting("security_defaults", str(defaults).lower()))
    stored += [
        Setting("per_user_mfa", (per_user or {}).get(a.account_id, "disabled"), f"account:{a.account_id}")
        for a in people
    ]
    stored.append(Setting("domain_authentication", "federated" if federated else "managed", "domain:contoso.example"))
    if not any(isinstance(row, MfaRegistration) for row in rows):
        stored += [MfaRegistration(account.account_id, True) for account in people]
    return SimpleNamespace(rows=lambda table: (row for row in stored if type(row) is table))


def outcomes_of(**other: Outcome) -> dict[str, Outcome]:
    return {name: Complete(1) for name in READ} | other


def judged(
    policies: Iterable[Mapping[str, Any]], people: Iterable[Account] | None = None, *rows: Any,
    outcomes: Mapping[str, Outcome] | None = None, config: Mapping[str, Any] | None = None, **tenant: Any,
) -> dict[str, MfaEnforcement]:  # fmt: skip
    """Account id -> verdict, through the same derived table that a scan fills."""
    tables = tables_of(policies, people or [person()], *rows, **tenant)
    found = enforcement.rows(tables, outcomes or outcomes_of(), datetime(2026, 11, 20), config or {})
    return {row.account_id: row for row in found}
