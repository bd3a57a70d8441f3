"""How the client stands: everything that the Summary counts. Values only, no layout and no words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..engine import figures as kept
from ..engine.results import DoesNotApply, Finding, Scan
from ..model import RoleAssignment, SignInPlace
from .known import NOBODY, answered, offered, whole
from .light import light
from .roster import Key, Person, everyone, joined

Group = Literal["none", "gaps", "unknown", "protected"]
_WORST: tuple[Group, ...] = ("none", "gaps", "unknown", "protected")
_GROUP: dict[str, Group] = {
    "protected": "protected",
    "partly": "gaps",
    "can_switch_off": "gaps",
    "not_protected": "none",
    "not_verifiable": "unknown",
    "unknown": "unknown",
}
_SERIOUS = ("critical", "high", "medium")
UNUSED = frozenset({"dormant-account", "dormant-administrator"})
"""The two share the accounts between them: nobody is in both."""
ABROAD = "foreign-sign-in"
OPEN_DOORS = {"not_protected": "admin-no-second-factor", "can_switch_off": "second-factor-not-demanded"}
"""Protection of an administrator -> the check whose accepted finding says that somebody answers for it."""
KNOWN_ABROAD = "password-known-abroad"


@dataclass(slots=True)
class Tally:
    """People by protection. `unread` are the tenants whose list is not whole, so that the total is a minimum.

    Who has an account in several tenants is as well protected as the worst of them.
    """

    groups: dict[Key, Group] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def count(self, group: Group) -> int:
        return sum(one == group for one in self.groups.values())

    @property
    def total(self) -> int:
        return len(self.groups)

    @property
    def certain(self) -> bool:
        """No unknown could change what the figure says."""
        return not self.unread and "unknown" not in self.groups.values()

    def add(self, key: Key, person: Person) -> None:
        group = _GROUP[person.protection]
        self.groups[key] = min(group, self.groups.get(key, group), key=_WORST.index)

    def counted(self) -> kept.People:
        return kept.People(
            protected=self.count("protected"),
            gaps=self.count("gaps"),
            none=self.count("none"),
            unknown=self.count("unknown"),
            total=self.total,
            at_least=bool(self.unread),
        )


class Open(NamedTuple):
    """An account that keeps a person from being protected, and the facts that its protection is made of."""

    tenant: str
    account_id: str
    who: Key
    registered: bool | None
    verdict: str | None
    enabled: bool | None
    kind: str | None


@dataclass(slots=True)
class Abroad:
    """Successful sign-ins from abroad. `unplaced` are successes of which nobody knows whether they were."""

    records: int = 0
    on_trip: int = 0  # of these, from where and when a trip was reported
    who: set[tuple[str, str | None]] = field(default_factory=set)  # tenant, and account or name in the records
    countries: Counter[str] = field(default_factory=Counter)  # records by country
    guests: int = 0  # of these, invited from elsewhere: abroad may be their home
    accepted: int = 0  # of these, sign-ins that somebody answers for
    unplaced: int = 0
    unread: list[str] = field(default_factory=list)  # tenants of which no sign-in was read
    partial: list[str] = field(default_factory=list)  # tenants of which not all were
    homeless: list[str] = field(default_factory=list)  # tenants without home countries
    read: int = 0  # tenants of which at least some sign-ins were read

    @property
    def unexplained(self) -> int:
        return self.records - self.on_trip - self.accepted

    @property
    def certain(self) -> bool:
        return not (self.unplaced or self.unread or self.partial or self.homeless)


@dataclass(frozen=True, slots=True)
class Unused:
    """Accounts nobody has used, as the rule for them says; `count` is None where it could not run anywhere."""

    count: int | None
    unknown: int = 0
    licensed: int = 0  # of these, known to have a licence
    licences_known: bool = False  # of all of these
    accepted: int = 0  # of these, somebody answers for them
    unread: list[str] = field(default_factory=list)  # tenants where it could not run


@dataclass(slots=True)
class Checks:
    """Checks, counted per tenant; one that does not apply is not counted."""

    total: int = 0
    impossible: int = 0
    in_part: int = 0


@dataclass(slots=True)
class Standing:
    people: Tally = field(default_factory=Tally)
    open: list[Open] = field(default_factory=list)
    others: int = 0  # enabled guests, shared mailboxes and rooms
    emergency: int = 0  # accounts exempt on purpose, which a check of their own looks after
    admins: Tally = field(default_factory=Tally)
    takeable: set[Key] = field(default_factory=set)  # administrators whose password alone is enough
    switchable: set[Key] = field(default_factory=set)  # administrators who can switch the second factor off
    accepted_admins: dict[Key, Group] = field(default_factory=dict)  # who would be one of these, but for an owner
    hidden_admins: int = 0  # privileged holders whose people could not be read
    abroad: Abroad = field(default_factory=Abroad)
    unused: Unused = field(default_factory=lambda: Unused(None))
    checks: Checks = field(default_factory=Checks)
    taken: int = 0  # accounts with signs that somebody else uses them
    takeovers: int = 0  # of the others, those of which somebody else has the password
    serious: int = 0  # findings of medium severity or above
    accepted: int = 0  # the same, of those that somebody answers for


def standing(scan: Scan) -> Standing:
    """Everything the Summary counts, in one pass over the accounts."""
    scan = scan.coded or scan  # where what people did is kept apart, only there do both meet
    got = Standing(abroad=_abroad(scan), checks=_checks(scan))
    failing = [finding for finding in scan.findings if finding.counts]
    accepted = [finding for finding in scan.findings if finding.state == "accepted"]
    unused = {_subject(f) for f in (*failing, *accepted) if f.rule.id in UNUSED}
    known_abroad = {_subject(f) for f in failing if f.rule.id == KNOWN_ABROAD}
    answered_for = {(*_subject(f), f.rule.id) for f in accepted}
    licences: list[bool | None] = []
    same = joined(scan)
    for person in everyone(scan):
        key = person.tenant, person.account_id
        _count(person, same.get(key, key), got, answered_for)
        if key in unused:
            licences.append(person.licensed)
        if person.guest:
            got.abroad.guests += key in got.abroad.who
            known_abroad.discard(key)
    for tenant in scan.tenants:
        if not whole(scan, tenant.id, "accounts"):
            got.people.unread.append(tenant.id)
            got.admins.unread.append(tenant.id)
        elif offered(scan, tenant.id, "role_assignments") and not whole(scan, tenant.id, "role_assignments"):
            got.admins.unread.append(tenant.id)
        for row in scan.rows(RoleAssignment, tenant.id):
            if row.privileged is not False and row.holder_kind not in ("account", *NOBODY):
                got.hidden_admins += 1
    got.unused = _unused(scan, licences)
    taken = {_subject(f) for f in failing if takeover(f)}
    got.taken, got.takeovers = len(taken), len(known_abroad - taken)
    got.serious = sum(f.severity in _SERIOUS for f in failing)
    got.accepted = sum(f.severity in _SERIOUS for f in accepted)
    return got


def figures(scan: Scan, got: Standing | None = None) -> kept.Figures:
    """What the Summary shows as numbers. `got` is the standing where it was counted already."""
    got = got or standing(scan)
    abroad, unused = got.abroad, got.unused
    return kept.Figures(
        taken_at=scan.taken_at,
        light=light(got)[0],
        people=got.people.counted(),
        admins=got.admins.counted(),
        abroad=kept.Abroad(abroad.records, len(abroad.who), abroad.on_trip, abroad.unexplained, not abroad.certain)
        if abroad.read
        else None,
        unused=None
        if unused.count is None
        else kept.Unused(
            unused.count, unused.licensed if unused.licences_known else None, bool(unused.unknown or unused.unread)
        ),
        checks=kept.Checks(got.checks.impossible, got.checks.total),
    )


def _subject(finding: Finding) -> tuple[str, str]:
    return finding.tenant, finding.judged.subject


def takeover(finding: Finding) -> bool:
    """It is a sign that somebody else uses the account.

    A sign-in from abroad alone is not: people travel. Nor is a password that was
    right abroad when it is a guest's, who may be at home there.
    """
    return finding.rule.nature == "event" and finding.severity == "critical"


def _count(person: Person, who: Key, into: Standing, answered_for: Collection[tuple[str, str, str]]) -> None:
    # One that somebody did enter with a password alone is no longer merely kept for the day.
    if person.emergency and person.protection == "can_switch_off" and not person.password_alone:
        into.emergency += 1
        return
    if person.counted:
        into.people.add(who, person)
        if person.protection != "protected":
            into.open.append(Open(person.tenant, person.account_id, who, person.registered,
                                  person.enforcement, person.enabled, person.kind))  # fmt: skip
    elif person.protection != "not_applicable":
        into.others += 1
    if person.protection == "not_applicable":
        return
    if person.administers:
        into.admins.add(who, person)
        if (person.tenant, person.account_id, OPEN_DOORS.get(person.protection, "")) in answered_for:
            into.accepted_admins[who] = _GROUP[person.protection]
        elif person.protection == "not_protected" or (person.protection == "can_switch_off" and person.password_alone):
            into.takeable.add(who)
        elif person.protection == "can_switch_off":
            into.switchable.add(who)


def _abroad(scan: Scan) -> Abroad:
    got = Abroad()
    accepted = [f for f in scan.findings if f.rule.id == ABROAD and f.state == "accepted"]
    answered_for = {(*_subject(f), f.judged.aspect) for f in accepted}
    for tenant in scan.tenants:
        if not offered(scan, tenant.id, "sign_ins"):
            continue
        rows = 0
        for place in scan.rows(SignInPlace, tenant.id):
            rows += 1
            if place.outcome == "success" and place.abroad:
                got.records += place.records or 1
                got.countries[place.country or ""] += place.records or 1
                if place.explained == "trip":
                    got.on_trip += place.records or 1
                elif (tenant.id, place.account_id, place.country) in answered_for:
                    got.accepted += place.records or 1
                got.who.add((tenant.id, place.account_id or place.username))
            elif place.outcome == "success" and place.abroad is None:
                got.unplaced += place.records or 1
        is_whole = whole(scan, tenant.id, "sign_ins")
        if not is_whole:
            (got.partial if rows else got.unread).append(tenant.id)
        if not tenant.home_countries:
            got.homeless.append(tenant.id)
        elif is_whole or rows:
            got.read += 1
    return got


def _checks(scan: Scan) -> Checks:
    got = Checks()
    for result in scan.results:
        if not isinstance(result, DoesNotApply):
            got.total += 1
            got.impossible += not answered(result)
            got.in_part += answered(result) and bool(result.missing)
    return got


def _unused(scan: Scan, licences: list[bool | None]) -> Unused:
    asked = [r for r in scan.results if r.rule.id in UNUSED and not isinstance(r, DoesNotApply)]
    ran = [r for r in asked if answered(r)]
    unread = list(dict.fromkeys(r.tenant for r in asked if not answered(r)))
    if not ran:
        return Unused(None, unread=unread)
    return Unused(
        count=sum(r.count("fail") for r in ran),
        unknown=sum(r.count("unknown") for r in ran),
        licensed=licences.count(True),
        licences_known=None not in licences,
        unread=unread,
        accepted=sum(f.rule.id in UNUSED and f.state == "accepted" for f in scan.findings),
    )
