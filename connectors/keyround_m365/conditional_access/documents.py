"""Conditional Access policies and named locations, from Microsoft's documents to values.

Nothing that is not understood is dropped: an unknown condition is kept by its
name, because a policy that holds it may not apply where it seems to.

Source  https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
        https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from .grants import Grant, grant, listed

ALL, NONE, GUESTS = "all", "none", "guestsorexternalusers"
ALL_TRUSTED = "alltrusted"
TRUSTED_ADDRESSES = "00000000-0000-0000-0000-000000000000"
"""The id that stands for the trusted addresses of the old multifactor settings, which Graph does not show."""
REGISTER = "urn:user:registersecurityinfo"
RISKS = ("userRiskLevels", "signInRiskLevels", "insiderRiskLevels", "servicePrincipalRiskLevels")

_CONDITIONS = frozenset({
    "users", "applications", "clientApplications", "clientAppTypes", "platforms", "locations", "devices",
    "deviceStates", "authenticationFlows", *RISKS,
})  # fmt: skip
_USERS = frozenset({
    "includeUsers", "excludeUsers", "includeGroups", "excludeGroups", "includeRoles", "excludeRoles",
    "includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers",
})  # fmt: skip
_APPLICATIONS = frozenset({
    "includeApplications", "excludeApplications", "includeUserActions", "applicationFilter",
    "includeAuthenticationContextClassReferences",
})  # fmt: skip
_DEVICES = frozenset({"deviceFilter", "includeDevices", "excludeDevices", "includeDeviceStates", "excludeDeviceStates"})


@dataclass(frozen=True, slots=True)
class Guests:
    """Kinds of external people; `tenants` are the home tenants they must come from, None for any."""

    kinds: frozenset[str]
    tenants: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class People:
    """One side of a policy's assignment. `strange`: it also names people in a way nobody here knows."""

    everybody: bool = False
    any_guest: bool = False
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    guests: tuple[Guests, ...] = ()
    strange: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a condition includes and excludes, in lower case."""

    include: frozenset[str]
    exclude: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. `uncertain` says why nobody can tell whether it is in force; "" where that is plain.

    A condition that is None or empty does not limit the policy. `devices` are
    (rule, wanted): the policy applies where the device matches the rule or not.
    `strange` names conditions that are not known here.
    """

    policy_id: str
    name: str
    state: str
    include: People
    exclude: People
    apps: Choice
    actions: frozenset[str]
    clients: frozenset[str]
    platforms: Choice | None
    locations: Choice | None
    devices: tuple[tuple[str, bool], ...]
    risks: Mapping[str, frozenset[str]] = field(hash=False)
    flows: frozenset[str]
    strange: tuple[str, ...]
    grant: Grant
    uncertain: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A named location. `ranges` of addresses or `countries`, never both; neither where the kind is not known."""

    location_id: str
    name: str
    trusted: bool = False
    ranges: tuple[IPv4Network | IPv6Network, ...] | None = None
    countries: frozenset[str] | None = None
    unknown_countries: bool = False
    by_gps: bool = False


def policy(document: str, state: str, strengths: Mapping[str, Any]) -> Policy | None:
    """The value of one policy's JSON; None for one that is about apps signing in rather than people.

    `state` is enabled, report_only, disabled or a word nobody knows yet. `strengths` maps ids of authentication
    strengths to their documents. Raises ValueError when the document is no JSON object.
    """
    raw = _object(document)
    conditions = _dict(raw.get("conditions"))
    users = _dict(conditions.get("users"))
    include, exclude = _people(users, "include"), _people(users, "exclude")
    if _dict(conditions.get("clientApplications")).get("includeServicePrincipals") and not _anybody(include):
        return None
    name = str(raw.get("displayName") or raw.get("id"))
    demanded = grant(raw.get("grantControls"), strengths)
    applications = _dict(conditions.get("applications"))
    uncertain = ""
    if state not in ("enabled", "report_only", "disabled"):
        uncertain = f"the policy “{name}” is in a state that Keyround does not know ({state})"
    elif _filled(applications.get("applicationFilter")):
        uncertain = f"the policy “{name}” chooses apps by a filter that cannot be worked out from outside"
    elif demanded.uncertain:
        uncertain = f"the policy “{name}” demands an authentication strength that Keyround does not know"
    clients = _lower(conditions.get("clientAppTypes"))
    apps = Choice(_lower(applications.get("includeApplications")), _lower(applications.get("excludeApplications")))
    return Policy(
        policy_id=str(raw.get("id")),
        name=name,
        state=state,
        include=include,
        exclude=exclude,
        apps=apps,
        actions=_lower(applications.get("includeUserActions")),
        clients=frozenset() if ALL in clients else clients,
        platforms=_choice(conditions.get("platforms"), "Platforms"),
        locations=_choice(conditions.get("locations"), "Locations"),
        devices=tuple(_devices(conditions)),
        risks={risk: levels for risk in RISKS if (levels := _lower(conditions.get(risk)))},
        flows=_lower(_dict(conditions.get("authenticationFlows")).get("transferMethods")),
        strange=tuple(_strange(conditions)),
        grant=demanded,
        uncertain=uncertain,
    )


def location(document: str) -> Location:
    """The value of one named location's JSON. Raises ValueError when it is no JSON object."""
    raw = _object(document)
    key, name = str(raw.get("id")).lower(), str(raw.get("displayName") or raw.get("id"))
    kind = str(raw.get("@odata.type") or "").lower()
    if "countrynamedlocation" in kind or "countriesAndRegions" in raw:
        return Location(
            key,
            name,
            countries=frozenset(code.upper() for code in listed(raw.get("countriesAndRegions"))),
            unknown_countries=raw.get("includeUnknownCountriesAndRegions") is True,
            by_gps=str(raw.get("countryLookupMethod") or "").lower() == "authenticatorappgps",
        )
    if "ipnamedlocation" in kind or "ipRanges" in raw:
        return Location(key, name, raw.get("isTrusted") is True, tuple(_ranges(raw.get("ipRanges"))))
    return Location(key, name)


def _ranges(raw: Any) -> Iterator[IPv4Network | IPv6Network]:
    for one in raw if isinstance(raw, list) else ():
        try:
            yield ip_network(str(_dict(one).get("cidrAddress")), strict=False)
        except ValueError:  # a range nobody can read holds no address
            continue


def _people(users: Mapping[str, Any], side: str) -> People:
    named = _lower(users.get(f"{side}Users"))
    guests = _dict(users.get(f"{side}GuestsOrExternalUsers"))
    strange = any(key.startswith(side) and key not in _USERS and _filled(value) for key, value in users.items())
    return People(
        everybody=ALL in named,
        any_guest=GUESTS in named,
        users=named - {ALL, NONE, GUESTS},
        groups=_lower(users.get(f"{side}Groups")),
        roles=_lower(users.get(f"{side}Roles")),
        guests=(_guests(guests),) if _filled(guests) else (),
        strange=strange,
    )


def _guests(raw: Mapping[str, Any]) -> Guests:
    kinds = _lower(raw.get("guestOrExternalUserTypes"))
    tenants = _dict(raw.get("externalTenants"))
    enumerated = str(tenants.get("membershipKind") or "").lower() == "enumerated" or "members" in tenants
    return Guests(kinds, _lower(tenants.get("members")) if enumerated else None)


def _anybody(people: People) -> bool:
    return bool(
        people.everybody or people.any_guest or people.users or people.groups or people.roles or people.guests
        or people.strange
    )  # fmt: skip


def _choice(raw: Any, what: str) -> Choice | None:
    """None where the condition is not configured; without an inclusion everything is included."""
    include, exclude = (_lower(_dict(raw).get(f"{side}{what}")) for side in ("include", "exclude"))
    if not include and not exclude:
        return None
    return Choice(include or frozenset({ALL}), exclude)


def _devices(conditions: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    devices = _dict(conditions.get("devices"))
    rule = _dict(devices.get("deviceFilter"))
    if text := str(rule.get("rule") or "").strip():
        yield text, str(rule.get("mode") or "").lower() != "exclude"
    old = _dict(conditions.get("deviceStates"))
    for side, wanted in (("include", True), ("exclude", False)):
        words = {word for source, what in ((devices, "Devices"), (devices, "DeviceStates"), (old, "States"))
                 for word in _lower(source.get(f"{side}{what}"))}  # fmt: skip
        for word in sorted(words - {ALL, NONE}):
            yield f"device state: {word}", wanted


def _strange(conditions: Mapping[str, Any]) -> Iterator[str]:
    """Names of conditions that are set and not known here."""
    users = _dict(conditions.get("users"))
    known = (
        (conditions, _CONDITIONS), (users, _USERS), (_dict(conditions.get("applications")), _APPLICATIONS),
        (_dict(conditions.get("devices")), _DEVICES),
        (_dict(conditions.get("authenticationFlows")), {"transferMethods"}),
        (_dict(conditions.get("platforms")), {"includePlatforms", "excludePlatforms"}),
        (_dict(conditions.get("locations")), {"includeLocations", "excludeLocations"}),
    )  # fmt: skip
    for part, names in known:
        for key, value in part.items():
            if part is users and key.startswith(("include", "exclude")):
                continue  # said of whom, not of when
            if key not in names and not key.startswith("@") and "@odata" not in key and _filled(value):
                yield key


def _filled(value: Any) -> bool:
    """Something is said: neither absent nor empty, nor a dictionary of such."""
    if isinstance(value, dict):
        return any(_filled(part) for key, part in value.items() if not key.startswith("@"))
    return value not in (None, "", [], False)


def _object(document: str) -> dict[str, Any]:
    raw = json.loads(document)
    if not isinstance(raw, dict):
        raise ValueError("not an object")
    return raw


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _lower(value: Any) -> frozenset[str]:
    return frozenset(word.lower() for word in listed(value))
