"""Privileged Identity Management: what is not in force and can be switched on, for roles and for groups.

Endpoint    GET /roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal  (v1.0)
            GET /roleManagement/directory/roleAssignmentScheduleInstances  (v1.0)
            GET /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances?$filter=groupId eq '…'  (v1.0)
Permission  RoleEligibilitySchedule.Read.Directory, RoleAssignmentSchedule.Read.Directory (RoleManagement.Read.Directory
            covers both); PrivilegedEligibilitySchedule.Read.AzureADGroup for the groups
Plan        Entra ID P2 or Governance; otherwise 400 AadPremiumLicenseRequired: nothing can be switched on there
Source      https://learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances
            https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import decode
from keyround.errors import CollectError, NotGranted, NotLicensed, Unexpected

from . import groups
from .groups import Holder
from .modules import spared
from .roles import Principal, holder, span

if TYPE_CHECKING:
    from .graph import Graph

ROLES_GRANT = "RoleEligibilitySchedule.Read.Directory or RoleManagement.Read.Directory"
ENDS_GRANT = "RoleAssignmentSchedule.Read.Directory or RoleManagement.Read.Directory"
GROUPS_GRANT = "PrivilegedEligibilitySchedule.Read.AzureADGroup"
P2, GOVERNANCE = "eec0eb4f-6444-4f95-aba0-50c24d67f998", "e866a266-3cff-43a3-acca-0c90a7e00c8b"
NESTED = 5  # groups that can become members of groups, one below the other, that are followed
CLOSED = "The report cannot say who can make himself a member or owner of a group that holds a role."
TOO_DEEP = Unexpected(
    f"Groups that can become members of groups are nested more than {NESTED} deep.",
    "Look at these groups in the Entra admin centre: Identity Governance > Privileged Identity Management > Groups.",
    CLOSED,
)


class Instance(msgspec.Struct):
    """Somebody who can become a member or an owner of a group."""

    principalId: str
    accessId: str | None = None
    endDateTime: str | None = None
    principal: Principal | UnsetType | None = UNSET

    @property
    def holder(self) -> Holder:
        return holder(self.principalId, self.principal)


class _Instances(msgspec.Struct):
    value: list[Instance]


class Facts(msgspec.Struct, frozen=True):
    """What was read of one group; None where it could not be. `members` are those of any depth."""

    members: tuple[bytes, ...] | None
    eligible: tuple[bytes, ...] | None
    gone: bool = False


class Way(NamedTuple):
    """One holder of a membership. `eligible`: it must first be switched on. `ends_at` None: never, as far as known."""

    who: Holder
    eligible: bool
    ends_at: datetime | None


class Inside(NamedTuple):
    """Everybody in a group: `members_known` says so of those in force, `eligible_known` of those who can become it."""

    ways: tuple[Way, ...]
    members_known: bool
    eligible_known: bool


def absent(graph: Graph, error: CollectError) -> bool:
    """Nothing can be switched on in this tenant: Microsoft says that the plan lacks it, or refuses what no plan holds.

    A tenant whose subscriptions do hold it is known to be told the opposite; nobody may conclude anything from that.
    """
    sold = None if graph.plans is None else not graph.plans.isdisjoint((P2, GOVERNANCE))
    if (isinstance(error, NotLicensed) and not sold) or (isinstance(error, NotGranted) and sold is False):
        graph.pim = False
    return not graph.pim


def schedules(graph: Graph) -> tuple[bytes, ...]:
    """Every page of assignments in force with their ends; nothing where the plan knows no ends. Raises CollectError."""
    from .graph import Question, remembered

    path = "roleManagement/directory/roleAssignmentScheduleInstances"
    try:
        return tuple(remembered(graph, Question(path, ENDS_GRANT))) if graph.pim else ()
    except CollectError as error:
        if absent(graph, error):
            return ()
        raise


def eligibilities(graph: Graph) -> Iterator[bytes]:
    """Every page of roles that can be switched on; nothing where the plan knows none. Raises CollectError."""
    from .graph import Question, remembered

    path = "roleManagement/directory/roleEligibilityScheduleInstances"
    try:
        if graph.pim:
            yield from remembered(graph, Question(path, ROLES_GRANT, expand="principal"))
    except CollectError as error:
        if not absent(graph, error):
            raise


def closure(graph: Graph, roots: Iterable[str]) -> tuple[dict[str, Facts], list[CollectError]]:
    """What is known of these groups and of every group that is or can become a member of one, and what hid the rest."""
    found: dict[str, Facts] = {}
    errors: list[CollectError] = []
    waiting = deque((group, 0, True) for group in sorted(set(roots)))
    while waiting:
        group, depth, is_group = waiting.popleft()
        if group in found:
            continue
        if depth > NESTED:
            errors.append(TOO_DEEP)
            continue
        members = groups.members(graph, group)
        if isinstance(members, CollectError) and members.code == groups.GONE:
            if is_group:
                found[group] = Facts((), (), gone=True)
            continue
        eligible = _eligible(graph, group)
        errors += [error for error in (members, eligible) if isinstance(error, CollectError)]
        found[group] = Facts(
            None if isinstance(members, CollectError) else members,
            None if isinstance(eligible, CollectError) else eligible,
        )
        waiting += [(one, depth + 1, sure) for one, sure in _groups_in(found[group])]
    return found, errors


def _eligible(graph: Graph, group: str) -> tuple[bytes, ...] | CollectError:
    """Who can become a member or owner. Its permission is one that most scans do without: refused is not broken."""
    from .graph import Question, remembered

    path = "identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
    try:
        question = Question(path, GROUPS_GRANT, filter=f"groupId eq '{group}'", expand="principal")
        return tuple(remembered(graph, question)) if graph.pim else ()
    except CollectError as error:
        return () if absent(graph, error) else spared(error, CLOSED)


def _groups_in(facts: Facts) -> Iterator[tuple[str, bool]]:
    """Groups in a group, and whether it is certain that they are groups."""
    for member in groups.everybody(facts.members or ()):
        if member.kind == "group":
            yield member.id, True
    for instance in instances(facts.eligible or ()):
        who = instance.holder
        if who.kind == "group" or isinstance(instance.principal, UnsetType):
            yield who.id, who.kind == "group"


def inside(root: str, known: Mapping[str, Facts]) -> Inside:
    """Everybody who is a member of `root` or can become one, each by the way that ends last.

    A way ends with the first of its parts. Groups are visited the longest way first, once as members in force and
    once as members that must be switched on, so that a circle is walked once.
    """
    ways: dict[tuple[str, bool], Way] = {}
    waiting: list[tuple[str, bool, datetime | None]] = [(root, False, None)]
    seen: set[tuple[str, bool]] = set()
    members_known = eligible_known = True
    while waiting:
        waiting.sort(key=lambda step: step[2] or datetime.max)
        group, switched, ends = waiting.pop()
        if (group, switched) in seen or (switched and group == root):  # who is in it need not become it
            continue
        seen.add((group, switched))
        facts = known.get(group, Facts(None, None))
        members_known &= switched or facts.members is not None
        eligible_known &= facts.eligible is not None and (facts.members is not None or not switched)
        for who in groups.everybody(facts.members or ()):
            if who.kind == "group":
                waiting.append((who.id, switched, ends))
            else:
                _keep(ways, Way(who, switched, ends))
        for instance in instances(facts.eligible or ()):
            who = instance.holder
            if (instance.accessId or "").lower() != "member":
                continue
            until = _earlier(ends, span(instance.endDateTime).ends_at)
            if who.kind == "group" or who.id in known:
                waiting.append((who.id, True, until))
            else:
                _keep(ways, Way(who, True, until))
    return Inside(tuple(ways.values()), members_known, eligible_known)


def future_owners(group: str, known: Mapping[str, Facts]) -> Inside:
    """Everybody who can become an owner of the group."""
    facts = known.get(group, Facts(None, None))
    ways: dict[tuple[str, bool], Way] = {}
    all_known = facts.eligible is not None
    for instance in instances(facts.eligible or ()):
        if (instance.accessId or "").lower() != "owner":
            continue
        who, ends = instance.holder, span(instance.endDateTime).ends_at
        if who.kind != "group" and who.id not in known:
            _keep(ways, Way(who, True, ends))
            continue
        within = inside(who.id, known)
        all_known &= within.members_known and within.eligible_known
        for way in within.ways:
            _keep(ways, Way(way.who, True, _earlier(ends, way.ends_at)))
    return Inside(tuple(ways.values()), all_known, all_known)


def _keep(ways: dict[tuple[str, bool], Way], way: Way) -> None:
    key = (way.who.id, way.eligible)
    if key not in ways or (way.ends_at or datetime.max) > (ways[key].ends_at or datetime.max):
        ways[key] = way


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(filter(None, (one, other)), default=None)


def instances(bodies: Iterable[bytes]) -> Iterator[Instance]:
    for body in bodies:
        yield from decode(body, _Instances).value
