"""Accepted risks laid over the findings: what somebody answers for until a day. Values in, values out.

An acceptance never changes a verdict: the check has failed, and somebody has said why it may. It holds while its last
day is not over and the finding is no graver than what was accepted. Whom it is for is asked of the snapshot: a name
that is nowhere, or a group whose members nobody knows, covers nothing, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from typing import Literal, get_args

from ..connector import Tables
from ..model import Account, Device, Group, GroupMember, home_address
from ..terms import Acceptance
from ..words import listed
from .results import Accepted, AcceptedState, Evaluated, Finding, NotEvaluated, Result, State, TenantInfo
from .rule import SEVERITIES, Rule

SOON = 30
"""Days before the end from which on an acceptance expires soon."""
_MANY = 5_000  # names; more cannot all be compared with a misspelt one
STANDING: frozenset[State] = frozenset({"new", "open", "reopened", "worse", "newly_checked"})
"""States of a finding that is known to fail now. What could not be looked at again is neither open nor accepted."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Whom an acceptance may name in one tenant.

    `accounts` maps id to user name and display name; `groups` id to name; `members` a group's id to its members' ids,
    whoever is one today. `open_groups` are groups of which not every member is known. `devices` maps id to name and the
    account whose it is. `whole`: no account is missing; `groups_whole`, `devices_whole`: nor one of these.
    """

    tenant: TenantInfo
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    open_groups: frozenset[str] = frozenset()
    whole: bool = True
    groups_whole: bool = True
    devices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    devices_whole: bool = True

    def lists(self, written: str, table: str) -> bool:
        """Whether whoever is so called, among the subjects of that table, is surely known. A user name has an @."""
        listed = self.devices_whole if table == "devices" else True
        return listed and self.whole and (self.groups_whole or "@" in written)

    def owned(self, written: str, owners: Collection[str]) -> list[tuple[str, str]]:
        """The devices of that name or id, and those of these accounts."""
        wanted = {written.casefold()} - {""}
        return [(self.tenant.id, device) for device, (name, owner) in self.devices.items()
                if device.casefold() in wanted or name.casefold() in wanted or owner in owners]  # fmt: skip


def directory(
    tenant: TenantInfo, tables: Tables, whole: bool, groups_whole: bool, devices_whole: bool = True
) -> Directory:
    """The directory of one tenant, from its tables. `whole`: every account arrived; the others: every such."""
    groups: dict[str, str] = {}
    known = set()
    for group in tables.rows(Group):
        if group.exists is not False:
            groups[group.group_id] = group.name or groups.get(group.group_id, "")
            known |= {group.group_id} if group.members_known else set()
    members: dict[str, set[str]] = {}
    for row in tables.rows(GroupMember):
        if row.group_id in groups and row.relation != "owner" and row.state != "eligible":
            members.setdefault(row.group_id, set()).add(row.member_id)
    devices: dict[str, tuple[str, str]] = {}
    for one in tables.rows(Device):  # a row of each source
        name, owner = devices.get(one.device_id, ("", ""))
        devices[one.device_id] = (one.name or name, one.account_id or owner)
    return Directory(
        tenant,
        {row.account_id: (row.username or "", row.display_name or "") for row in tables.rows(Account)},
        groups,
        {group: frozenset(ids) for group, ids in members.items()},
        frozenset(groups.keys() - known),
        whole,
        groups_whole,
        devices,
        devices_whole,
    )


def overlay(
    findings: Sequence[Finding],
    results: Sequence[Result],
    acceptances: Iterable[Acceptance],
    today: date,
    directories: Sequence[Directory],
    rules: Collection[Rule],
) -> tuple[tuple[Finding, ...], tuple[Accepted, ...]]:
    """The findings with those accepted that are, and every acceptance with what became of it, the loudest first.

    `rules` are all there are. Where several acceptances are made for one finding, any that holds is enough; it goes to
    the one that holds longest. Order of the findings is kept.
    """
    known, people = {rule.id: rule for rule in rules}, _people(directories)
    made = [_meant(one, findings, results, directories, people, known) for one in acceptances]
    made.sort(key=lambda m: m.acceptance.until, reverse=True)
    meets = _index(made)
    covers: dict[int, list[Finding]] = {}
    back: dict[int, list[Finding]] = {}
    judged = []
    for finding in findings:
        accepted = finding
        if finding.state in STANDING:
            tried = [(n, _lapse(made[n].acceptance, finding, today)) for n in meets(finding)]
            held = next((n for n, lapsed in tried if not lapsed), None)
            if held is not None:
                accepted = replace(finding, state="accepted", acceptance=made[held].acceptance)
                covers.setdefault(held, []).append(accepted)
            elif tried:
                first, lapsed = tried[0]
                accepted = replace(finding, acceptance=made[first].acceptance, lapsed=lapsed)
                for n, _ in tried:
                    back.setdefault(n, []).append(accepted)
        judged.append(accepted)
    said = [_accepted(m, tuple(covers.get(n, ())), tuple(back.get(n, ())), results, today) for n, m in enumerate(made)]
    return tuple(judged), tuple(sorted(said, key=_loudest))


def _lapse(acceptance: Acceptance, finding: Finding, today: date) -> Literal["", "expired", "worse"]:
    if today > acceptance.until:
        return "expired"
    most = acceptance.severity or finding.first_severity
    graver = most is not None and SEVERITIES.index(finding.severity) < SEVERITIES.index(most)
    return "worse" if graver else ""


@dataclass(frozen=True, slots=True)
class _Meant:
    """An acceptance with what its words stand for in this scan. `subjects` None: everybody in these tenants."""

    acceptance: Acceptance
    rule: Rule | None
    kind: Literal["account", "group", "tenant", "unknown"]
    name: str
    tenants: frozenset[str]
    subjects: frozenset[tuple[str, str]] | None
    unknown: AcceptedState | None = None
    nearest: str = ""


def _index(made: Sequence[_Meant]) -> Callable[[Finding], list[int]]:
    """Which of them are made for a finding, whether they hold or not, in their order."""
    of_one: dict[tuple[str, str, str], list[int]] = {}
    of_all: dict[tuple[str, str], list[int]] = {}
    for n, one in enumerate(made):
        rule = one.acceptance.rule
        for tenant, subject in one.subjects or ():
            of_one.setdefault((rule, tenant, subject), []).append(n)
        for tenant in one.tenants if one.subjects is None else ():
            of_all.setdefault((rule, tenant), []).append(n)

    def meets(finding: Finding) -> list[int]:
        tenant, rule, subject, aspect = finding.key
        found = (*of_one.get((rule, tenant, subject), ()), *of_all.get((rule, tenant), ()))
        return sorted(n for n in found if made[n].acceptance.aspect in ("", aspect))

    return meets


def _meant(
    acceptance: Acceptance,
    findings: Sequence[Finding],
    results: Sequence[Result],
    directories: Sequence[Directory],
    people: _People,
    rules: Mapping[str, Rule],
) -> _Meant:
    rule, written = rules.get(acceptance.rule), acceptance.subject.strip()
    here = [d for d in directories if not acceptance.tenant or names_tenant(d.tenant, acceptance.tenant)]
    tenants = frozenset(d.tenant.id for d in here)

    def meant(kind: Literal["account", "group", "tenant", "unknown"], name: str,
              subjects: Iterable[tuple[str, str]] | None, unknown: AcceptedState | None = None,
              remedy: str = "") -> _Meant:  # fmt: skip
        found = None if subjects is None else frozenset(subjects)
        return _Meant(acceptance, rule, kind, name, tenants, found, unknown, remedy)

    if rule is None:
        return meant("unknown", written, (), "unknown_rule", _nearest(acceptance.rule, rules))
    if not here:
        words = {word for d in directories for word in (d.tenant.id, d.tenant.domain, d.tenant.name) if word}
        return meant("unknown", written, (), "unknown_tenant", _nearest(acceptance.tenant, words))
    if not written:
        return meant("tenant", "", None)
    named = [one for one in people.get(written.casefold(), ()) if one[0] in tenants]
    if rule.subject == "devices":
        devices = [
            own for d in here for own in d.owned(written, {a for tenant, a, _ in named if tenant == d.tenant.id})
        ]
        if devices:
            return meant("account", named[0][2] if named else written, devices)
    if named:
        return meant("account", named[0][2], [(tenant, account) for tenant, account, _ in named])
    if groups := [(d, group) for d in here for group in _groups(d, written)]:
        members = [(d.tenant.id, member) for d, group in groups for member in d.members.get(group, ())]
        if rule.subject == "devices":
            members = [own for d, g in groups for own in d.owned("", d.members.get(g, frozenset()))]
        hidden = any(group in d.open_groups for d, group in groups)
        name = groups[0][0].groups[groups[0][1]] or written
        return meant("group", name, members, "unread_members" if hidden else None)
    if whole := [d.tenant for d in here if _called(d.tenant, written)]:
        tenants = frozenset(tenant.id for tenant in whole)
        return meant("tenant", listed([tenant.name for tenant in whole]), None)
    if strangers := list(_strangers(findings, results, acceptance.rule, tenants, written)):
        return meant("account", written, strangers)
    unknown: AcceptedState = (
        "unknown_subject" if all(d.lists(written, rule.subject) for d in here) else "unread_subject"
    )
    return meant("unknown", written, (), unknown, _nearest(written, _words(here, rule.subject)))


def names_tenant(tenant: TenantInfo, written: str) -> bool:
    """Whether this is a tenant's id, domain or name, or the connector it is read with."""
    return _called(tenant, written) or written.strip().casefold() == tenant.connector.casefold()


def _called(tenant: TenantInfo, written: str) -> bool:
    words = (tenant.id, tenant.domain or "", tenant.name)
    return written.strip().casefold() in {word.casefold() for word in words if word}


_People = Mapping[str, Sequence[tuple[str, str, str]]]
"""A name in small letters -> tenant, id and display name of every account so called."""


def _people(directories: Iterable[Directory]) -> _People:
    """By id and by user name, of a guest also by the one used at home."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for one in directories:
        for account, (username, name) in one.accounts.items():
            for word in {account, username, home_address(username) or ""} - {""}:
                found.setdefault(word.casefold(), []).append((one.tenant.id, account, name or username or account))
    return found


def _groups(one: Directory, written: str) -> list[str]:
    wanted = written.casefold()
    return [group for group, name in one.groups.items() if wanted in (group.casefold(), name.casefold())]


def _strangers(findings: Iterable[Finding], results: Iterable[Result], rule: str, tenants: Collection[str],
               written: str) -> Iterator[tuple[str, str]]:  # fmt: skip
    """Subjects in no list of accounts: apps, or people who were deleted since."""
    wanted = written.casefold()
    answers = [r for r in results if isinstance(r, Evaluated) and r.rule.id == rule and r.tenant in tenants]
    said = [(r.tenant, judged) for r in answers for judged in r.judged]
    said += [(f.tenant, f.judged) for f in findings if f.rule.id == rule and f.tenant in tenants]
    for tenant, judged in said:
        account = str(judged.evidence.get("account") or "")
        if wanted in (judged.subject.casefold(), account.casefold(), (home_address(account) or "").casefold()):
            yield tenant, judged.subject


def _nearest(written: str, known: Iterable[str]) -> str:
    """The word that may have been meant, whatever its capitals; empty where none is near.

    Of a long directory only those are compared that begin or, before the @, end alike: likeness is slow to measure.
    """
    words = {word.casefold(): word for word in known}
    wanted = written.casefold()
    near = list(words)
    if len(near) > _MANY:
        head, tail = wanted[:2], wanted.partition("@")[0][-2:]
        near = [word for word in near if word.startswith(head) or word.partition("@")[0].endswith(tail)]
    close = get_close_matches(wanted, near[:_MANY], 1)
    return words[close[0]] if close else ""


def _words(here: Iterable[Directory], table: str) -> list[str]:
    """Everything that may stand as a subject of that table, as people write it."""
    words = {username for one in here for username, _ in one.accounts.values() if username}
    words |= {home_address(username) or username for username in words}
    words |= {name for one in here for name, _ in one.devices.values() if name and table == "devices"}
    return sorted(words | {name for one in here for name in one.groups.values() if name})


def _accepted(meant: _Meant, covers: tuple[Finding, ...], back: tuple[Finding, ...], results: Iterable[Result],
              today: date) -> Accepted:  # fmt: skip
    left = (meant.acceptance.until - today).days
    worse = any(finding.lapsed == "worse" for finding in back)
    state: AcceptedState
    if meant.unknown in ("unknown_rule", "unknown_tenant", "unknown_subject"):
        state = meant.unknown
    elif left < 0:
        state = "expired"
    elif worse:
        state = "worse"
    elif meant.unknown is not None:
        state = meant.unknown
    elif not covers:
        state = "not_checked" if any(map(_undecided(meant), results)) else "nothing_found"
    else:
        state = "expires_soon" if left <= SOON else "in_force"
    return Accepted(meant.acceptance, state, left, meant.kind, meant.name, meant.rule, covers, back, meant.nearest)


def _undecided(meant: _Meant) -> Callable[[Result], bool]:
    """Whether an answer leaves open that there is still something to accept."""
    acceptance = meant.acceptance

    def undecided(result: Result) -> bool:
        if result.rule.id != acceptance.rule or result.tenant not in meant.tenants:
            return False
        if isinstance(result, NotEvaluated):
            return True
        if not isinstance(result, Evaluated):
            return False
        if result.missing and not result.judged:
            return True
        return any(
            judged.verdict == "unknown"
            and acceptance.aspect in ("", judged.aspect)
            and (meant.subjects is None or (result.tenant, judged.subject) in meant.subjects)
            for judged in result.judged
        )

    return undecided


_LOUD: tuple[AcceptedState, ...] = get_args(AcceptedState)


def _loudest(accepted: Accepted) -> tuple[int, date, str, str, str]:
    acceptance = accepted.acceptance
    return _LOUD.index(accepted.state), acceptance.until, acceptance.rule, acceptance.subject, acceptance.aspect
