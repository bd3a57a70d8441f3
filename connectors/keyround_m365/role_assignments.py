"""Who holds which administrator role now, directly or through a group, and until when.

Endpoint    GET /roleManagement/directory/roleAssignments?$expand=principal  (v1.0)
            GET /roleManagement/directory/roleAssignmentScheduleInstances  (v1.0), for the ends
            GET /groups/{id}/transitiveMembers  (v1.0), for groups that hold a role
Permission  RoleManagement.Read.Directory; GroupMember.Read.All for the groups
Plan        ends need Entra ID P2 or Governance: without it nothing was ever given for a time, and nobody is asked
Gaps        of a group's member the end is known where the group's own assignment ends, or where Microsoft lists it
Source      https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
            https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignmentscheduleinstances
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without
from keyround.errors import CollectError
from keyround.model import RoleAssignment

from . import groups, pim, roles
from .roles import Held, Term

if TYPE_CHECKING:
    from .graph import Graph

HIDDEN = "The report cannot say who holds a role through a group."
ENDLESS = "The report cannot say which roles are held for good and which end by themselves."
ENDS = ("permanent", "ends_at", "activated")


class Page(msgspec.Struct, frozen=True):
    """One page of assignments with what it takes to read it.

    `definitions` holds every page of role definitions; `members` the pages of each group that holds a role, or None
    where the group could not be read; `schedules` every page of schedule instances; `names` what the scopes are
    called; `gone` the groups that were deleted.
    """

    assignments: bytes
    definitions: tuple[bytes, ...]
    members: dict[str, tuple[bytes, ...] | None]
    schedules: tuple[bytes, ...] = ()
    names: tuple[bytes, ...] = ()
    gone: frozenset[str] = frozenset()


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    definitions = roles.definitions(graph)
    schedules: tuple[bytes, ...] = ()
    try:
        schedules = pim.schedules(graph)
    except CollectError as error:
        yield Without(ENDS, error.about(ENDLESS))
    members: dict[str, tuple[bytes, ...] | None] = {}
    gone: set[str] = set()
    for body in roles.assignments(graph):
        for held in roles.holdings(body):
            group = held.principalId
            if held.holder.kind == "group" and group not in members:
                found = groups.members(graph, group)
                members[group] = None if isinstance(found, CollectError) else found
                if isinstance(found, CollectError) and found.code == groups.GONE:
                    gone.add(group)
                elif isinstance(found, CollectError):
                    yield Without(("members_known",), found.about(HIDDEN))
        yield Page(body, definitions, members, schedules, roles.scope_names(graph, [body]), frozenset(gone))


def rows(page: Page) -> Iterator[RoleAssignment]:
    known, names = roles.by_id(page.definitions), roles.names_by_id(page.names)
    terms = Terms(page.schedules)
    for held in roles.holdings(page.assignments):
        role, who = known.get(held.roleDefinitionId), held.holder
        if who.kind != "group":
            yield roles.row(held, role, who, "active", names, terms.of(held))
            continue
        bodies = page.members.get(who.id)
        if who.id in page.gone:
            yield roles.row(held, role, who._replace(kind="deleted"), "active", names, terms.of(held))
        elif bodies is None:
            yield roles.row(held, role, who, "active", names, terms.of(held), who, members_known=False)
        else:
            for member in groups.everybody(bodies):
                if member.kind != "group":
                    term = terms.through(held, member.id)
                    yield roles.row(held, role, member, "active", names, term, who, members_known=True)


class Terms:
    """Until when each assignment runs, from the schedule instances of the tenant."""

    def __init__(self, bodies: Iterable[bytes]) -> None:
        self._own: Mapping[tuple[str, str, str], list[Held]] = defaultdict(list)
        self._inherited: Mapping[tuple[str, str, str], list[Held]] = defaultdict(list)
        for body in bodies:
            for instance in roles.holdings(body):
                by_group = (instance.memberType or "").lower() == "group"
                (self._inherited if by_group else self._own)[instance.key].append(instance)

    def of(self, held: Held) -> Term:
        """The term of an assignment to the principal itself."""
        return roles.ending(self._own.get(held.key, ()))

    def through(self, held: Held, member: str) -> Term:
        """The term of one member of the group that holds it: a membership may end before the group's role does."""
        _, role, scope = held.key
        if listed := self._inherited.get((member, role, scope)):
            return roles.ending(listed)
        term = self.of(held)
        return term if term.ends_at else Term()


DATASET = DataSet(
    name="role_assignments",
    fills=(RoleAssignment,),
    pages=pages,
    rows=rows,
    tells="who the administrators are",
    source="https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments",
    grants=(roles.GRANTS,),
    optional={"members_known": "GroupMember.Read.All"} | dict.fromkeys(ENDS, pim.ENDS_GRANT),
)
