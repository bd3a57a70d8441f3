"""The verdict found the slow way: every sign-in that can happen, one after the other, in every way things may stand.

Written from Microsoft's pages and from the documents as Graph gives them; it shares nothing with the engine it checks.
A sign-in is a dictionary of plain facts: this app, this address, this platform. A world is a dictionary of guesses:
in this group or not, invited from outside or not. Whoever comes out the same in every world has a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

from keyround.model import Account, Group, GroupMember, MfaRegistration, RoleAssignment

from .build import EXCHANGE, TEAMS

SUITES = {"office365": {EXCHANGE, TEAMS, "00000003-0000-0ff1-ce00-000000000000", "another app of Office 365"},
          "microsoftadminportals": {"an administration site"}}  # fmt: skip
OTHER = "an app that no policy names"
MFA_TRUSTED = "00000000-0000-0000-0000-000000000000"
SECOND_FACTORS = {"windowshelloforbusiness", "fido2", "x509certificatemultifactor", "devicebasedpush",
                  "temporaryaccesspassonetime", "temporaryaccesspassmultiuse", "federatedmultifactor"}  # fmt: skip
SINGLE_FACTORS = {"password", "sms", "federatedsinglefactor", "x509certificatesinglefactor"}
RISKS = {"signInRiskLevels": ("none", "low", "medium", "high"), "userRiskLevels": ("none", "low", "medium", "high"),
         "insiderRiskLevels": ("none", "minor", "moderate", "elevated"),
         "servicePrincipalRiskLevels": ("none", "low", "medium", "high")}  # fmt: skip
READ = {"users", "applications", "clientAppTypes", "platforms", "locations", "devices", "clientApplications",
        "authenticationFlows", *RISKS}  # fmt: skip

Document = Mapping[str, Any]
Facts = dict[Any, Any]


def verdicts(
    policies: Iterable[Document], people: Iterable[Account], *rows: Any, locations: Iterable[Document] = (),
    defaults: bool | None = False, per_user: Mapping[str, str | None] | None = None, federated: bool = False,
    activated: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Account id -> verdict, of the same tenants as `build.judged`; `activated`: with every eligible role."""
    policies, places = list(policies), {place["id"].lower(): place for place in locations}
    found: dict[str, str] = {}
    demanded: dict[tuple[int, ...], str] = {}
    for account in people:
        if account.enabled is False:
            found[account.account_id] = "blocked"
            continue
        words = set()
        for world in _worlds(account, policies, rows, defaults, activated):
            mine = tuple(
                number
                for number, policy in enumerate(policies)
                if world["policy", number] and _concerns(policy, account, world)
            )
            if mine not in demanded:
                demanded[mine] = _demanded([policies[number] for number in mine], places)
            asked = (per_user or {}).get(account.account_id, "disabled")
            words.add(_settled(demanded[mine], account, world, asked, federated))
        found[account.account_id] = words.pop() if len(words) == 1 else "unknown"
    return found


# What we may not know.


def _worlds(
    account: Account, policies: list[Document], rows: Iterable[Any], defaults: bool | None, activated: bool
) -> Iterator[Facts]:
    either = (True, False)
    guesses: Facts = {
        "external": either if account.external is None else (account.external,),
        "guest": either if account.kind is None else (account.kind == "guest",),
        "defaults": either if defaults is None else (defaults,),
        "home": {"elsewhere"},
        "registered": either,
    }
    for number, policy in enumerate(policies):
        guesses["policy", number] = either if _doubtful(policy) else (True,)
        users = policy["conditions"]["users"]
        for side in ("include", "exclude"):
            guests = users[f"{side}GuestsOrExternalUsers"] or {}
            guesses["home"] |= set((guests.get("externalTenants") or {}).get("members", ()))
            guesses |= {("group", group.lower()): either for group in users[f"{side}Groups"]}
    for row in rows:
        if isinstance(row, MfaRegistration) and row.account_id == account.account_id and row.registered is not None:
            guesses["registered"] = (row.registered,)
        if isinstance(row, Group) and (row.members_known or row.exists is False):
            guesses["group", row.group_id.lower()] = (False,)
    for row in rows:
        if isinstance(row, GroupMember) and row.member_id == account.account_id:
            guesses["group", row.group_id.lower()] = (True,)
        if isinstance(row, RoleAssignment) and row.scope == "tenant" and (row.state == "active" or activated):
            role = str(row.role_id).lower()
            if row.holder_id == account.account_id:
                guesses["role", role] = (True,)
            elif row.members_known is False:
                guesses["hidden", row.holder_id] = either
    if not any(isinstance(row, MfaRegistration) for row in rows):
        guesses["registered"] = (True,)  # what `build.tables_of` says of a tenant where nobody says otherwise
    for answers in product(*guesses.values()):
        world = dict(zip(guesses, answers, strict=True))
        for row in rows:
            if isinstance(row, RoleAssignment) and world.get(("hidden", row.holder_id)):
                world["role", str(row.role_id).lower()] = True
        yield world


def _doubtful(policy: Document) -> bool:
    """It may be in force or not, and nobody here can tell."""
    strength = (policy["grantControls"] or {}).get("authenticationStrength") or {}
    words = {word.lower() for word in strength.get("allowedCombinations", ())}
    return bool(
        policy["state"] not in ("enabled", "disabled", "enabledForReportingButNotEnforced")
        or policy["conditions"]["applications"]["applicationFilter"]
        or {word for word in words if "," not in word} - SECOND_FACTORS - SINGLE_FACTORS
    )


# Whom a policy concerns.


def _concerns(policy: Document, account: Account, world: Facts) -> bool:
    conditions = policy["conditions"]
    if policy["state"] in ("disabled", "enabledForReportingButNotEnforced"):
        return False
    if not conditions["applications"]["includeApplications"] and not conditions["applications"]["applicationFilter"]:
        return False  # user actions and authentication contexts are no sign-ins to an app
    return _meant(conditions["users"], "include", account, world) and not _meant(
        conditions["users"], "exclude", account, world
    )


def _meant(users: Document, side: str, account: Account, world: Facts) -> bool:
    kind = _guest_kind(world)
    named = {name.lower() for name in users[f"{side}Users"]}
    if "all" in named or account.account_id.lower() in named:
        return True
    if "guestsorexternalusers" in named and kind is not None:
        return True
    if any(world["group", group.lower()] for group in users[f"{side}Groups"]):
        return True
    if any(world.get(("role", role.lower())) for role in users[f"{side}Roles"]):
        return True
    guests = users[f"{side}GuestsOrExternalUsers"]
    if not guests or kind not in guests["guestOrExternalUserTypes"].split(","):
        return False
    tenants = guests["externalTenants"]
    return tenants["membershipKind"] == "all" or world["home"] in tenants["members"]


def _guest_kind(world: Facts) -> str | None:
    if world["external"]:
        return "b2bCollaborationGuest" if world["guest"] else "b2bCollaborationMember"
    return "internalGuest" if world["guest"] else None


# Every sign-in there can be, as far as these policies tell sign-ins apart.


def _sign_ins(policies: list[Document], places: Mapping[str, Document]) -> Iterator[Facts]:
    facts: dict[Any, set[Any]] = {"app": {OTHER}, "client": {"browser", "mobileAppsAndDesktopClients"},
                                  "address": {"203.0.113.250"}}  # fmt: skip
    mentioned = set()
    for policy in policies:
        conditions = policy["conditions"]
        apps = conditions["applications"]
        for app in (*apps["includeApplications"], *apps["excludeApplications"]):
            if app.lower() not in ("all", "none"):
                facts["app"] |= SUITES.get(app.lower(), {app})
        if conditions["platforms"]:
            facts["platform"] = {"android", "iOS", "windows", "macOS", "linux", "windowsPhone", "something unknown"}
        if conditions["authenticationFlows"]:
            facts["flow"] = {"normal", "deviceCodeFlow", "authenticationTransfer"}
        if conditions["devices"]:
            facts["device", conditions["devices"]["deviceFilter"]["rule"]] = {True, False}
        for risk, levels in RISKS.items():
            if "none" in (conditions[risk] or ()):
                facts[risk] = set(levels)
        for key in conditions.keys() - READ:
            facts[key, json.dumps(conditions[key])] = {True, False}
        where = conditions["locations"] or {"includeLocations": (), "excludeLocations": ()}
        mentioned |= {name.lower() for name in (*where["includeLocations"], *where["excludeLocations"])}
    if mentioned & {"alltrusted", MFA_TRUSTED}:
        facts[MFA_TRUSTED] = {True, False}
    for name in mentioned - {"all", "alltrusted", MFA_TRUSTED} - places.keys():
        facts["place", name] = {True, False}
    for name, place in places.items():
        if "ipRanges" in place and (name in mentioned or "alltrusted" in mentioned):
            for one in place["ipRanges"]:
                network = ip_network(one["cidrAddress"])
                facts["address"] |= {str(network[0] - 1), str(network[0]), str(network[-1]), str(network[-1] + 1)}
        elif name in mentioned:
            seen = facts.setdefault(("country", place["countryLookupMethod"]), {"nowhere", "ZZ"})
            seen |= set(place["countriesAndRegions"])
    alike = {frozenset(name for name, place in places.items() if _within(one, place)): one for one in facts["address"]}
    facts["address"] = set(alike.values())
    for values in product(*facts.values()):
        yield dict(zip(facts, values, strict=True))


def _within(address: str, place: Document) -> bool:
    return any(_holds(one["cidrAddress"], address) for one in place.get("ipRanges", ()))


@cache
def _holds(network: str, address: str) -> bool:
    return ip_address(address) in ip_network(network)


def _hits(policy: Document, sign_in: Facts, places: Mapping[str, Document]) -> bool:
    conditions = policy["conditions"]
    apps, platforms, where = conditions["applications"], conditions["platforms"], conditions["locations"]
    clients = conditions["clientAppTypes"]
    included = apps["includeApplications"] or ["All"]  # a filter alone: whichever it chooses
    if not _covers(included, sign_in) or _covers(apps["excludeApplications"], sign_in):
        return False
    if clients and "all" not in clients and sign_in["client"] not in clients:
        return False
    if platforms:
        included, excluded = platforms["includePlatforms"], platforms["excludePlatforms"]
        if "all" not in included and sign_in["platform"] not in included:
            return False
        if "all" in excluded or sign_in["platform"] in excluded:
            return False
    if where:
        if not any(_there(name, sign_in, places) for name in where["includeLocations"]):
            return False
        if any(_there(name, sign_in, places) for name in where["excludeLocations"]):
            return False
    if conditions["devices"]:
        device = conditions["devices"]["deviceFilter"]
        if sign_in["device", device["rule"]] != (device["mode"] == "include"):
            return False
    flows = conditions["authenticationFlows"]
    if flows and sign_in["flow"] not in flows["transferMethods"].split(","):
        return False
    for risk in RISKS:
        if conditions[risk] and sign_in.get(risk, "none") not in conditions[risk]:
            return False
    return all(sign_in[key, json.dumps(conditions[key])] for key in conditions.keys() - READ)


def _covers(listed: Iterable[str], sign_in: Facts) -> bool:
    names = {name.lower() for name in listed}
    app = sign_in["app"]
    return "all" in names or app.lower() in names or any(app in SUITES.get(name, ()) for name in names)


def _there(name: str, sign_in: Facts, places: Mapping[str, Document]) -> bool:
    name = name.lower()
    if name == "all":
        return True
    if name == MFA_TRUSTED:
        return bool(sign_in[MFA_TRUSTED])
    if name == "alltrusted":
        return sign_in[MFA_TRUSTED] or any(
            place.get("isTrusted") and _within(sign_in["address"], place) for place in places.values()
        )
    if name not in places:
        return bool(sign_in["place", name])
    place = places[name]
    if "ipRanges" in place:
        return _within(sign_in["address"], place)
    country = sign_in["country", place["countryLookupMethod"]]
    return country in place["countriesAndRegions"] or (
        country == "nowhere" and place["includeUnknownCountriesAndRegions"]
    )


# What is asked of it.


def _asked(policies: list[Document], custom: bool) -> str:
    """What these policies together ask of one sign-in: blocked, mfa, choice (mfa or something else) or nothing.

    `custom`: another product's control counts as a second factor.
    """
    demands = []
    for policy in policies:
        grant = policy["grantControls"] or {}
        wanted = list(grant.get("builtInControls", ()))
        wanted += ["mfa" if custom else "another product"] * len(grant.get("customAuthenticationFactors", ()))
        wanted += ["terms"] * len(grant.get("termsOfUse", ()))
        strength = grant.get("authenticationStrength")
        if strength:
            real = strength["requirementsSatisfied"] == "mfa" and all(
                "," in word or word.lower() in SECOND_FACTORS or word.lower() not in SINGLE_FACTORS
                for word in strength["allowedCombinations"]
            )
            wanted.append("mfa" if real else "a weak strength")
        if "block" in wanted:
            return "blocked"
        demands += [wanted] if grant.get("operator") == "OR" else [[one] for one in wanted]
    if any(demand and set(demand) == {"mfa"} for demand in demands):
        return "mfa"
    return "choice" if any("mfa" in demand for demand in demands) else "nothing"


def _access(asked: list[tuple[str, str]]) -> str:
    """What the policies come to, from the app and what is asked of every sign-in."""
    answers = {answer for _, answer in asked}
    if answers == {"blocked"}:
        return "blocked"
    if not answers & {"mfa", "choice"}:
        return "nothing"
    gaps = {app for app, answer in asked if answer in ("choice", "nothing")}
    if not gaps:
        return "enforced"
    if OTHER not in gaps:
        return "enforced_except_apps"
    elsewhere = {answer for app, answer in asked if app == OTHER}
    whole = {app for app, answer in asked if answer == "mfa"} - gaps
    return "apps_only" if whole and not elsewhere & {"mfa", "choice"} else "conditional"


def _demanded(policies: list[Document], places: Mapping[str, Document]) -> str:
    """What these policies come to; another product's control may be a second factor, but cannot be checked."""
    hits = [(one["app"], [policy for policy in policies if _hits(policy, one, places)])
            for one in _sign_ins(policies, places)]  # fmt: skip
    strict, word = (_access([(app, _asked(hit, custom)) for app, hit in hits]) for custom in (False, True))
    return "third_party" if word == "enforced" and strict != "enforced" else word


def _settled(word: str, account: Account, world: Facts, per_user: str | None, federated: bool) -> str:
    """The verdict, where policies come to `word`."""
    if word in ("blocked", "enforced"):
        return word
    defaults = world["defaults"] and account.kind != "sync"
    if per_user is None:
        if word == "nothing" and defaults:
            return "security_defaults"
        return word if word == "third_party" else "unknown"
    if per_user == "enforced" or (per_user == "enabled" and world["registered"]):
        return "per_user"
    if word != "nothing":
        return word
    if per_user == "enabled":
        return "per_user_pending"
    if defaults:
        return "security_defaults"
    return "third_party" if federated and not world["external"] else "not_enforced"
