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

from .grants import MFA, Grant, grant, listed, part

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
_CLIENTS = frozenset({
    ALL, "browser", "mobileappsanddesktopclients", "exchangeactivesync", "eassupported", "easunsupported", "other",
})  # fmt: skip
_CLIENT_NAMES = {"modern": "mobileappsanddesktopclients"}  # as it was called once
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
    """A named location. `ranges` of addresses or `countries`, never both; neither where nobody knows what it holds."""

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
    strengths to their documents. Raises ValueError when the document is no JSON object or a part of it has a shape
    that Microsoft's documents never have.
    """
    raw = _object(document)
    conditions = part(raw.get("conditions"))
    users = part(conditions.get("users"))
    include, exclude = _people(users, "include"), _people(users, "exclude")
    if part(conditions.get("clientApplications")).get("includeServicePrincipals") and not _anybody(include):
        return None
    if not users:
        raise ValueError("whom the policy concerns is not said")
    name = str(raw.get("displayName") or raw.get("id"))
    demanded = grant(raw.get("grantControls"), strengths)
    applications = part(conditions.get("applications"))
    uncertain = ""
    if state not in ("enabled", "report_only", "disabled"):
        uncertain = f"the policy “{name}” is in a state that Keyround does not know ({state})"
    elif _filled(applications.get("applicationFilter")):
        uncertain = f"the policy “{name}” chooses apps by a filter that cannot be worked out from outside"
    elif demanded.uncertain:
        uncertain = f"the policy “{name}” demands an authentication strength that Keyround does not know"
    clients = frozenset(_CLIENT_NAMES.get(word, word) for word in _lower(conditions.get("clientAppTypes")))
    apps = Choice(_lower(applications.get("includeApplications")), _lower(applications.get("excludeApplications")))
    if _filled(applications.get("applicationFilter")) and not apps.include:
        apps = Choice(frozenset({ALL}), apps.exclude)  # whichever the filter chooses
    return Policy(
        policy_id=str(raw.get("id")),
        name=name,
        state=state,
        include=include,
        exclude=exclude,
        apps=apps,
        actions=_lower(applications.get("includeUserActions")),
        clients=frozenset() if ALL in clients or clients - _CLIENTS else clients,
        platforms=_choice(conditions.get("platforms"), "Platforms"),
        locations=_choice(conditions.get("locations"), "Locations"),
        devices=tuple(_devices(conditions)),
        risks={risk: levels for risk in RISKS if (levels := _lower(conditions.get(risk)))},
        flows=_lower(part(conditions.get("authenticationFlows")).get("transferMethods")),
        strange=tuple(_strange(conditions)),
        grant=demanded,
        uncertain=uncertain,
    )


def unreadable(policy_id: str, name: str, state: str) -> Policy:
    """Stands for a policy whose document cannot be understood: it may ask everybody for a second factor, or nobody."""
    return Policy(
        policy_id, name, state, People(everybody=True), People(), Choice(frozenset({ALL}), frozenset()), frozenset(),
        frozenset(), None, None, (), {}, frozenset(), (), Grant(clauses=(frozenset({MFA}),)),
        f"the policy “{name}” is written in a way that Keyround does not understand",
    )  # fmt: skip


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
        return Location(key, name, raw.get("isTrusted") is True, _ranges(raw.get("ipRanges")))
    return Location(key, name)


def _ranges(raw: Any) -> tuple[IPv4Network | IPv6Network, ...] | None:
    """None where a range cannot be read: what lies in it would seem to lie outside."""
    try:
        return tuple(ip_network(str(part(one).get("cidrAddress")), strict=False) for one in raw)
    except (TypeError, ValueError):
        return None


def _people(users: Mapping[str, Any], side: str) -> People:
    named = _lower(users.get(f"{side}Users"))
    guests = part(users.get(f"{side}GuestsOrExternalUsers"))
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
    tenants = part(raw.get("externalTenants"))
    enumerated = str(tenants.get("membershipKind") or "").lower() == "enumerated" or "members" in tenants
    return Guests(kinds, _lower(tenants.get("members")) if enumerated else None)


def _anybody(people: People) -> bool:
    return bool(
        people.everybody or people.any_guest or people.users or people.groups or people.roles or people.guests
        or people.strange
    )  # fmt: skip


def _choice(raw: Any, what: str) -> Choice | None:
    """None where the condition is not configured; without an inclusion everything is included."""
    include, exclude = (_lower(part(raw).get(f"{side}{what}")) for side in ("include", "exclude"))
    if not include and not exclude:
        return None
    return Choice(include or frozenset({ALL}), exclude)


def _devices(conditions: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    devices = part(conditions.get("devices"))
    rule = part(devices.get("deviceFilter"))
    if text := str(rule.get("rule") or "").strip():
        yield text, str(rule.get("mode") or "").lower() != "exclude"
    old = part(conditions.get("deviceStates"))
    for side, wanted in (("include", True), ("exclude", False)):
        words = {word for source, what in ((devices, "Devices"), (devices, "DeviceStates"), (old, "States"))
                 for word in _lower(source.get(f"{side}{what}"))}  # fmt: skip
        for word in sorted(words - {ALL, NONE}):
            yield f"device state: {word}", wanted


def _strange(conditions: Mapping[str, Any]) -> Iterator[str]:
    """Names of conditions that are set and not known here."""
    users = part(conditions.get("users"))
    known = (
        (conditions, _CONDITIONS), (users, _USERS), (part(conditions.get("applications")), _APPLICATIONS),
        (part(conditions.get("devices")), _DEVICES),
        (part(conditions.get("authenticationFlows")), {"transferMethods"}),
        (part(conditions.get("platforms")), {"includePlatforms", "excludePlatforms"}),
        (part(conditions.get("locations")), {"includeLocations", "excludeLocations"}),
    )  # fmt: skip
    for said, names in known:
        for key, value in said.items():
            if said is users and key.startswith(("include", "exclude")):
                continue  # said of whom, not of when
            if key not in names and not key.startswith("@") and "@odata" not in key and _filled(value):
                yield key
    if _lower(conditions.get("clientAppTypes")) - _CLIENTS - set(_CLIENT_NAMES):
        yield "clientAppTypes"


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


def _lower(value: Any) -> frozenset[str]:
    return frozenset(word.lower() for word in listed(value))
