"""What an expert would say of one person, slowly: every possible world is tried, one after the other.

Whatever could not be read (who is in a group, which licence somebody holds, whether a clause
nobody knows holds, whether the old domain-wide single sign-on is switched on) is true in some
worlds and false in others. What all worlds agree on is known, the rest is not.

A tenant here is a plain object of raw documents, see `Tenant`. Nothing of the product is used.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

ALL_ADMINS = "WORKSPACE_ALL_ADMIN_GROUP"
PREFIX = "settings/security.two_step_verification_"
World = dict[Any, Any]
Document = dict[str, Any]


@dataclass
class User:
    key: str
    unit: str = "/"
    enrolled: bool | None = True
    enforced: bool | None = False
    directory_admin: str | None = "none"  # highest, other, none; None: the directory did not say
    suspended: bool = False
    seen: bool = True
    created: datetime = datetime(2024, 1, 1)
    grace: tuple[str, ...] = ()  # what administrators gave, as Google wrote it, oldest first
    seen_elsewhere: bool = False  # lately, by the log or the usage report
    reported: bool | None = None  # protected, by the usage report


@dataclass
class Role:
    holder: str  # a user, or a group
    highest: bool | None = False  # None: nobody told what the role may do
    ends: datetime | None = None


@dataclass
class Crowd:
    """A group with its direct members, users and groups; `known` False: Google refused to list them."""

    members: tuple[str, ...] = ()
    known: bool = True
    exists: bool = True


@dataclass
class Tenant:
    users: list[User]
    units: dict[str, str] | None = field(default_factory=lambda: {"/": "root"})  # path -> id; None: could not be read
    policies: list[Document] | None = field(default_factory=list)  # None: could not be read
    sso: list[Document] | None = field(default_factory=list)
    groups: dict[str, Crowd] = field(default_factory=dict)
    licenses: dict[str, set[str]] | None = None  # user -> SKUs; None: could not be read
    roles: list[Role] | None = field(default_factory=list)


class Outcome(NamedTuple):
    """How it is in one world. `state`: off, scheduled, on, or unread; `winner`: None is Google's default."""

    state: str
    winner: str | None
    factor: str
    grace: timedelta
    trust: bool
    elsewhere: bool
    admin: bool
    highest: bool


@dataclass
class Expected:
    """One value: known. Several: not known, it is one of them."""

    verdicts: set[str]
    states: set[str]
    winners: set[str | None]
    factors: set[str]
    graces: set[timedelta]
    trusts: set[bool]
    elsewhere: set[bool]
    certain: bool  # there is one world only


def judge(tenant: Tenant, user: User, now: datetime) -> Expected:
    worlds = [_in_world(tenant, user, world, now) for world in _worlds(tenant, user)]
    if user.seen_elsewhere and (tenant.sso is None or len({one.elsewhere for one in worlds}) > 1):
        certain = all(one.highest for one in worlds)  # super administrators come in at Google whatever the traces say
        worlds = [one._replace(elsewhere=not certain) for one in worlds]
    verdicts = {word for one in worlds for word in _words(user, one.state, one.elsewhere, one.admin)}
    states, winners, factors, graces, trusts, elsewhere, *_ = (set(column) for column in zip(*worlds, strict=True))
    return Expected(verdicts, states, winners, factors, graces, trusts, elsewhere, len(worlds) == 1)


def _words(user: User, state: str, elsewhere: bool, admin: bool) -> set[str]:
    """Google's flag is the fact. Without it the policies decide, but Google demands it of administrators by itself."""
    otherwise = "third_party" if elsewhere else "not_enforced"
    if user.suspended:
        return {"blocked"}
    if user.enforced:
        return {"enforced"}
    if state == "unread":
        return {otherwise} if user.enforced is False else {"enforced", "scheduled", otherwise}
    if state == "scheduled":
        return {"scheduled", "enforced"} if admin and user.enforced is None else {"scheduled"}
    if user.enforced is False:
        return {otherwise}
    if state == "on":
        return {"enforced"}
    return {otherwise, "enforced"} if admin else {otherwise}


# ---- one world


def _in_world(tenant: Tenant, user: User, world: World, now: datetime) -> Outcome:
    person = _Person(tenant, user, world, now)
    through = _elsewhere(tenant, person), person.admin, person.highest
    if tenant.policies is None:
        return Outcome("unread", None, "unread", timedelta(), True, *through)
    enforcing, factor, grace, trust = (
        _winner(tenant.policies, PREFIX + name, person)
        for name in ("enforcement", "enforcement_factor", "grace_period", "device_trust")
    )
    return Outcome(
        _state(_value(enforcing).get("enforcedFrom"), now),
        enforcing["name"] if enforcing else None,
        _value(factor).get("allowedSignInFactorSet", "ALL"),
        timedelta(seconds=float(_value(grace).get("enrollmentGracePeriod", "0s").rstrip("s"))),
        str(_value(trust).get("allowTrustingDevice", True)).lower() == "true",
        *through,
    )


def _winner(policies, setting, person):
    """The greatest sort order wins whole; a customer's own policy before Google's where it is the same."""
    best = None
    for policy in _turned(policies, person.world):
        if policy["setting"]["type"] == setting and person.holds(policy):
            best = policy if best is None or _rank(policy, person.world) > _rank(best, person.world) else best
    return best


def _turned(documents, world):
    """Of two with the same rank the first wins; in each world another one is first."""
    turn = world.get("first", 0)
    return documents[turn:] + documents[:turn]


def _rank(policy, world):
    order = policy["policyQuery"].get("sortOrder")
    return (world[("order", policy["name"])], False) if order is None else (float(order), policy["type"] == "ADMIN")


def _value(policy):
    return policy["setting"]["value"] if policy else {}


def _state(since, now):
    if since in (None, ""):
        return "off"
    when = datetime.fromisoformat(since.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
    if when.year <= 1970:
        return "off"
    return "scheduled" if when > now else "on"


def _elsewhere(tenant, person):
    """Does this person sign in at another provider? Super administrators never do."""
    if person.highest:
        return False
    assigned = _turned(tenant.sso or [], person.world)
    through_groups = [a for a in assigned if "targetGroup" in a and person.member(a["targetGroup"].split("/")[1])]
    if through_groups:
        return _mode(min(through_groups, key=lambda a: a.get("rank", 0)), person)
    through_units = [a for a in assigned if "targetOrgUnit" in a and person.under(a["targetOrgUnit"].split("/")[1])]
    if through_units:
        depth = {key: _depth(path) for path, key in (tenant.units or {}).items()}
        return _mode(max(through_units, key=lambda a: depth.get(a["targetOrgUnit"].split("/")[1], 99)), person)
    return False


def _mode(assignment, person):
    mode = assignment.get("ssoMode")
    if mode in ("SAML_SSO", "OIDC_SSO"):
        return True
    return False if mode == "SSO_OFF" else person.world[("mode", mode)]


def _depth(path):
    return 0 if path == "/" else path.count("/")


class _Person:
    def __init__(self, tenant, user, world, now):
        self.tenant, self.user, self.world = tenant, user, world
        held = [] if tenant.roles is None else [
            role for role in tenant.roles
            if (role.ends is None or role.ends > now) and (role.holder == user.key or (
                role.holder in tenant.groups and self.member(role.holder)))
        ]  # fmt: skip
        word = user.directory_admin
        self.highest = word == "highest" or any(role.highest for role in held) or bool(world.get("highest"))
        self.admin = self.highest or word == "other" or bool(held) or bool(world.get("admin"))

    def member(self, group):
        if group == ALL_ADMINS:
            return self.admin
        crowd = self.tenant.groups.get(group)
        if crowd is None:
            return self.world[("group", group)]
        if not crowd.exists:
            return False
        if ("group", group) in self.world:
            return self.world[("group", group)]
        return inside(self.tenant.groups, group, self.user.key)

    def under(self, unit):
        if ("unit", unit) in self.world:
            return self.world[("unit", unit)]
        return any(key == unit and _above(path, self.user.unit) for path, key in self.tenant.units.items())

    def licensed(self, sku):
        if self.tenant.licenses is None:
            return self.world[("license", sku)]
        return sku in self.tenant.licenses.get(self.user.key, set())

    def holds(self, policy):
        asked = policy["policyQuery"]
        if asked.get("query"):
            return self._text(asked["query"])
        unit, group = asked.get("orgUnit"), asked.get("group")
        return (unit is None or self.under(unit.split("/")[-1])) and (
            group is None or self.member(group.split("/")[-1])
        )

    def _text(self, text):
        boolean = re.sub(_ATOM, lambda found: str(self._atom(found)), text)
        boolean = boolean.replace("&&", " and ").replace("||", " or ").replace("!", " not ")
        if re.search(_ODD, boolean):
            return self.world[("clause", text)]
        return bool(eval(boolean.strip()))

    def _atom(self, found):
        what, body = found["what"], found["body"]
        names = re.findall(r"'([^']*)'", body)
        if what == "org_units" and "orgUnitId(" in body:
            return any(self.under(name) for name in names)
        if what == "groups" and "groupId(" in body:
            return any(self.member(name) for name in names)
        if what == "licenses" and " in [" in body:
            return any(self.licensed(name.rsplit("/", 1)[-1]) for name in names)
        return self.world[("clause", found[0])]


_ATOM = re.compile(r"entity\.(?P<what>\w+)\.exists\((?P<body>(?:[^()]|\([^()]*\))*)\)")
_ODD = re.compile(r"[^\s()TrueFalsenotdr]")


def _above(path, unit):
    return path == "/" or unit == path or unit.startswith(path + "/")


def inside(groups, group, user, seen=frozenset()):
    crowd = groups.get(group)
    if crowd is None or group in seen:
        return False
    return user in crowd.members or any(
        inside(groups, member, user, seen | {group}) for member in crowd.members if member in groups
    )


def opaque(groups, group, seen=frozenset()):
    """Somebody below could not be listed, so that the members of this one are not all known."""
    crowd = groups[group]
    return crowd.exists and (not crowd.known or any(
        opaque(groups, member, seen | {group}) for member in crowd.members if member in groups and member not in seen
    ))  # fmt: skip


# ---- every world


def _worlds(tenant, user):
    """Each way in which what nobody knows may be."""
    open_points = dict(_unknown(tenant, user))
    for values in itertools.product(*open_points.values()):
        yield dict(zip(open_points, values, strict=True))


def _unknown(tenant, user):
    either = (True, False)
    for group in tenant.groups:
        if opaque(tenant.groups, group) and not inside(tenant.groups, group, user.key):
            yield ("group", group), either
    untold = tenant.roles is None or any(role.holder == user.key and role.highest is None for role in tenant.roles)
    if user.directory_admin is None and untold:
        yield "highest", either
    if tenant.roles is None and user.directory_admin in (None, "none"):
        yield "admin", either
    policies, sso = tenant.policies or [], tenant.sso or []
    asked = [policy["policyQuery"] for policy in policies]
    for policy in policies:
        if policy["policyQuery"].get("sortOrder") is None:
            yield ("order", policy["name"]), (-math.inf, math.inf)
    if len(policies) > len({_key(p) for p in policies}) or len(sso) > len({_key(a) for a in sso}):
        yield "first", tuple(range(max(len(policies), len(sso))))
    if tenant.units is None or user.unit not in tenant.units:
        text = json.dumps([asked, sso])
        named_units = set(re.findall(r"orgUnits/(\w+)", text)) | set(re.findall(r"orgUnitId\('(\w+)'", text))
        for unit in named_units - set((tenant.units or {}).values()):
            yield ("unit", unit), either
    for mode in {a.get("ssoMode") for a in sso} - {"SSO_OFF", "SAML_SSO", "OIDC_SSO"}:
        yield ("mode", mode), either
    texts = {one.get("query", "") for one in asked}
    for text in texts:
        for found in _ATOM.finditer(text):
            if found["what"] not in ("org_units", "groups", "licenses"):
                yield ("clause", found[0]), either
        if re.search(_ODD, re.sub(r"&&|\|\||!", "", _ATOM.sub("True", text))):
            yield ("clause", text), either
    if tenant.licenses is None:
        for sku in set(re.findall(r"/sku/(\w+)", json.dumps(sorted(texts)))):
            yield ("license", sku), either
    named = set(re.findall(r"groupId\('([^']*)'\)", json.dumps(sorted(texts))))
    named |= {one["group"].split("/")[-1] for one in asked if "group" in one}
    named |= {a["targetGroup"].split("/")[1] for a in sso if "targetGroup" in a}
    for group in named - {ALL_ADMINS} - set(tenant.groups):
        yield ("group", group), either


def _key(document):
    if asked := document.get("policyQuery"):
        order = asked.get("sortOrder")
        return document["setting"]["type"], document["name"] if order is None else float(order), document["type"]
    return document.get("targetOrgUnit") or document.get("rank", 0)


# ---- what is shown beside the verdict


def grace_until(user: User, found: Expected, now: datetime) -> set[datetime | None]:
    """Until when somebody may do without who must use it and is not enrolled, as far as it is known."""
    for text in user.grace[-1:]:  # the last word of an administrator holds
        when = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
        if when > now:
            return {when}
    if "unread" in found.states or not user.seen:
        return {None}  # the period begins with the first sign-in
    ends = {user.created + grace if grace else now for grace in found.graces}
    return {end if end > now else None for end in ends}


def contradicts(user: User, found: Expected) -> set[bool]:
    """Do Google's flag and what else Google says differ?"""
    if user.suspended or user.enforced is None:
        return {False}
    if user.reported is not None and user.enrolled is not None and user.reported != (user.enforced and user.enrolled):
        return {True}
    return {state != "unread" and user.enforced is not (state == "on") for state in found.states}
