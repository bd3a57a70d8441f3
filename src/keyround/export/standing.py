"""How the client stands: the five figures, the light over them, and a light per topic. Values only, no layout.

The light   Red     an administrator can be taken over with a password, or there are signs of a takeover
            Green   everybody is protected, nothing serious was found, and no unknown could change that
            Amber   everything else

What somebody answers for makes no light red. The figures are facts and stay; so nobody unprotected is ever green.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal

from ..engine.results import DoesNotApply, Finding, Scan
from ..engine.rule import SEVERITIES, TOPICS, Rule
from ..model import RoleAssignment, SignInPlace
from ..words import say
from .blocks import Tone
from .checks import accepted_fails
from .known import NOBODY, answered, offered, whole
from .roster import Person, everyone

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
_SERIOUS = ("critical", "high")
UNUSED = frozenset({"dormant-account", "dormant-administrator"})
"""The two share the accounts between them: nobody is in both."""
ABROAD = "foreign-sign-in"
OPEN_DOORS = {"not_protected": "admin-no-second-factor", "can_switch_off": "second-factor-not-demanded"}
"""Protection of an administrator -> the check whose accepted finding says that somebody answers for it."""
KNOWN_ABROAD = "password-known-abroad"


@dataclass(slots=True)
class Tally:
    """People by protection. `unread` are the tenants whose list is not whole, so that the total is a minimum.

    One address in two tenants is one person, as well protected as the worse of the two accounts.
    """

    groups: dict[str, Group] = field(default_factory=dict)
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

    def add(self, person: Person) -> None:
        key, group = _who(person), _GROUP[person.protection]
        self.groups[key] = min(group, self.groups.get(key, group), key=_WORST.index)


def _who(person: Person) -> str:
    return person.username.casefold() if person.username else f"{person.tenant}/{person.account_id}"


@dataclass(slots=True)
class Abroad:
    """Successful sign-ins from abroad. `unplaced` are successes of which nobody knows whether they were."""

    records: int = 0
    on_trip: int = 0  # of these, from where and when a trip was reported
    who: set[tuple[str, str | None]] = field(default_factory=set)  # tenant, and account or name in the records
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
    others: int = 0  # enabled guests, shared mailboxes and rooms
    emergency: int = 0  # accounts exempt on purpose, which a check of their own looks after
    admins: Tally = field(default_factory=Tally)
    takeable: set[str] = field(default_factory=set)  # administrators whose password alone is enough
    switchable: set[str] = field(default_factory=set)  # administrators who can switch the second factor off
    accepted_admins: dict[str, Group] = field(default_factory=dict)  # who would be one of these, but for an owner
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
    got = Standing(abroad=_abroad(scan), checks=_checks(scan))
    failing = [finding for finding in scan.findings if finding.counts]
    accepted = [finding for finding in scan.findings if finding.state == "accepted"]
    unused = {_subject(f) for f in (*failing, *accepted) if f.rule.id in UNUSED}
    known_abroad = {_subject(f) for f in failing if f.rule.id == KNOWN_ABROAD}
    answered_for = {(*_subject(f), f.rule.id) for f in accepted}
    licences: list[bool | None] = []
    for person in everyone(scan):
        _count(person, got, answered_for)
        key = person.tenant, person.account_id
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
    taken = {_subject(f) for f in failing if _takeover(f)}
    got.taken, got.takeovers = len(taken), len(known_abroad - taken)
    got.serious = sum(f.severity in (*_SERIOUS, "medium") for f in failing)
    got.accepted = sum(f.severity in (*_SERIOUS, "medium") for f in accepted)
    return got


def _subject(finding: Finding) -> tuple[str, str]:
    return finding.tenant, finding.judged.subject


def _takeover(finding: Finding) -> bool:
    """It is a sign that somebody else uses the account.

    A sign-in from abroad alone is not: people travel. Nor is a password that was
    right abroad when it is a guest's, who may be at home there.
    """
    return finding.rule.nature == "event" and finding.severity == "critical"


def _count(person: Person, into: Standing, answered_for: Collection[tuple[str, str, str]]) -> None:
    # One that somebody did enter with a password alone is no longer merely kept for the day.
    if person.emergency and person.protection == "can_switch_off" and not person.password_alone:
        into.emergency += 1
        return
    if person.counted:
        into.people.add(person)
    elif person.protection != "not_applicable":
        into.others += 1
    if person.protection == "not_applicable":
        return
    if person.administers:
        into.admins.add(person)
        if (person.tenant, person.account_id, OPEN_DOORS.get(person.protection, "")) in answered_for:
            into.accepted_admins[_who(person)] = _GROUP[person.protection]
        elif person.protection == "not_protected" or (person.protection == "can_switch_off" and person.password_alone):
            into.takeable.add(_who(person))
        elif person.protection == "can_switch_off":
            into.switchable.add(_who(person))


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


def light(got: Standing) -> tuple[Tone, str]:
    """The overall light and the sentences beside it, the most urgent first."""
    red = list(_red(got))
    if red:
        return "bad", " ".join(red)
    amber = list(_amber(got))
    if amber:
        return "warn", " ".join(amber[:2])
    return "good", say("light.all_good_accepted" if got.accepted else "light.all_good")


def _red(got: Standing) -> Iterator[str]:
    if got.takeable:
        yield say("light.takeable", count=len(got.takeable), n=got.admins.total)
    if got.taken:
        yield say("light.taken", n=got.taken)
    if got.takeovers:
        yield say("light.takeover", n=got.takeovers)


def _amber(got: Standing) -> Iterator[str]:
    if got.switchable:
        yield say("light.switchable", count=len(got.switchable), n=got.admins.total)
    if got.accepted_admins:
        yield say("light.accepted_admins", n=len(got.accepted_admins))
    if open_people := got.people.count("none") + got.people.count("gaps"):
        yield say("light.open", count=open_people, n=got.people.total)
    named = len(got.switchable) + sum(group == "gaps" for group in got.accepted_admins.values())
    if (open_admins := got.admins.count("gaps") - named) > 0:
        yield say("light.open_admins", n=open_admins)
    if got.abroad.unexplained:
        yield say("light.abroad", n=got.abroad.unexplained)
    if got.serious:
        yield say("light.findings", n=got.serious)
    if not got.people.certain or not got.admins.certain or got.hidden_admins:
        yield say("light.people_unknown")
    if not got.people.total:
        yield say("light.nobody")
    if not got.abroad.certain:
        yield say("light.abroad_unknown")


@dataclass(slots=True)
class _Tried:
    """One check over all tenants."""

    rule: Rule
    fail: int = 0
    accepted: int = 0  # of these, somebody answers for them
    scope: int = 0
    partly: bool = False  # somewhere not possible, in part, or unknown for somebody
    worst: str = ""  # the gravest of those nobody answers for: single cases may be graver or lighter than the rule

    @property
    def severity(self) -> str:
        return self.worst or self.rule.severity


def topics(scan: Scan) -> list[tuple[str, Tone, str]]:
    """(topic, tone, sentence) for every topic that has a check which applies here."""
    tried: dict[str, dict[str, _Tried]] = defaultdict(dict)
    signed = accepted_fails(scan)
    for result in scan.results:
        if isinstance(result, DoesNotApply):
            continue
        check = tried[result.rule.topic].setdefault(result.rule.id, _Tried(result.rule))
        if not answered(result):
            check.partly = True
            continue
        check.fail += result.count("fail")
        check.accepted += signed[result.tenant, result.rule.id]
        check.scope += len(result.judged)
        check.partly |= bool(result.missing or result.count("unknown"))
    for finding in scan.findings:
        if finding.state != "accepted" and (of := tried[finding.rule.topic].get(finding.rule.id)):
            of.worst = min(filter(None, (of.worst, finding.severity)), key=SEVERITIES.index)
    return [(name, *_topic(list(tried[name].values()))) for name in TOPICS if name in tried]


def _topic(checks: list[_Tried]) -> tuple[Tone, str]:
    failed = [c for c in checks if c.fail > c.accepted and c.severity != "info"]
    failed.sort(key=lambda c: (SEVERITIES.index(c.severity), SEVERITIES.index(c.rule.severity), c.accepted - c.fail))
    unable = sum(c.partly and c not in failed for c in checks)
    accepted = sum(c.accepted > 0 and not c.partly and c not in failed for c in checks)
    nobody = sum(not c.scope and not c.partly for c in checks)
    passed = len(checks) - len(failed) - unable - accepted - nobody
    parts = []
    if failed:
        worst = failed[0]
        parts.append(say("topic.found", title=worst.rule.title, fail=worst.fail - worst.accepted, scope=worst.scope))
        if len(failed) > 1:
            parts.append(say("topic.more", n=len(failed) - 1))
    if accepted:
        parts.append(say("topic.accepted", n=accepted))
    if passed and not failed:
        parts.append(say("topic.passed", n=passed))
    if nobody and not failed:
        parts.append(say("topic.nobody", n=nobody))
    if unable:
        parts.append(say("topic.unable", n=unable))
    if failed:
        return "bad" if failed[0].severity in _SERIOUS else "warn", " ".join(parts)
    return "unknown" if unable else "signed" if accepted else "good" if passed else "unknown", " ".join(parts)
