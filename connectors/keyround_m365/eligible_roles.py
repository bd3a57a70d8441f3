"""Who can switch on which administrator role: by himself, through a group, or by becoming a member of a group.

Endpoint    GET /roleManagement/directory/roleEligibilityScheduleInstances?$expand=principal  (v1.0)
            GET /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances?$filter=groupId eq '…'  (v1.0)
            GET /groups/{id}/transitiveMembers  (v1.0)
Permission  RoleEligibilitySchedule.Read.Directory (RoleManagement.Read.Directory covers it);
            PrivilegedEligibilitySchedule.Read.AzureADGroup and GroupMember.Read.All for groups that hold a role
Plan        Entra ID P2 or Governance; without it nothing can be switched on, and nothing is missing
Gaps        a delegated sign-in of a partner (GDAP) is refused here
Source      https://learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, NotNeeded, Window, Without
from keyround.errors import CollectError
from keyround.model import RoleAssignment

from . import pim, roles
from .role_assignments import HIDDEN, Terms
from .roles import Held, Term

if TYPE_CHECKING:
    from .graph import Graph

UNNAMED = "a group that Microsoft does not name"


class Page(msgspec.Struct, frozen=True):
    """Every page of what can be switched on, and what it takes to read it.

    `assignments` and `schedules` are those in force: who can become a member of a group that holds a role can switch
    that role on. `groups` holds what was read of each of these groups.
    """

    eligible: tuple[bytes, ...]
    assignments: tuple[bytes, ...]
    definitions: tuple[bytes, ...]
    groups: dict[str, pim.Facts]
    schedules: tuple[bytes, ...] = ()
    names: tuple[bytes, ...] = ()


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    eligible: list[bytes] = []
    assignments: list[bytes] = []
    broken: CollectError | None = None
    try:
        eligible += pim.eligibilities(graph)
        if not graph.pim:
            raise NotNeeded
        assignments += roles.assignments(graph)
    except CollectError as error:
        broken = error
    if broken and not eligible:
        raise broken
    definitions = roles.definitions(graph)
    try:
        schedules = pim.schedules(graph)
    except CollectError:
        schedules = ()  # the data set of roles in force says so
    held = [one for body in (*eligible, *assignments) for one in roles.holdings(body)]
    groups, errors = pim.closure(graph, (one.principalId for one in held if one.holder.kind == "group"))
    for hidden in errors:
        yield Without(("members_known",), hidden if hidden.therefore else hidden.about(HIDDEN))
    names = roles.scope_names(graph, (*eligible, *assignments))
    yield Page(tuple(eligible), tuple(assignments), definitions, groups, schedules, names)
    if broken:
        raise broken


def rows(page: Page) -> Iterator[RoleAssignment]:
    known, names = roles.by_id(page.definitions), roles.names_by_id(page.names)
    eligible = [held for body in page.eligible for held in roles.holdings(body)]
    through = _through_groups(eligible, page.groups)
    for held in eligible:
        role, who, term = known.get(held.roleDefinitionId), held.holder, roles.span(held.endDateTime)
        if who.kind == "group":
            yield from _of_group(held, role, names, page.groups, term, in_force=False)
        elif (held.memberType or "").lower() != "group":
            yield roles.row(held, role, who, "eligible", names, term)
        elif held.key not in through:  # by a group that is not listed itself
            yield replace(roles.row(held, role, who, "eligible", names, term), via=UNNAMED)
    terms = Terms(page.schedules)
    for held in (held for body in page.assignments for held in roles.holdings(body)):
        if held.holder.kind == "group":
            role = known.get(held.roleDefinitionId)
            yield from _of_group(held, role, names, page.groups, terms.of(held), in_force=True)


def _of_group(
    held: Held,
    role: roles.Role | None,
    names: Mapping[str, roles.Named],
    known: Mapping[str, pim.Facts],
    term: Term,
    in_force: bool,
) -> Iterator[RoleAssignment]:
    """Who can switch the role on through the group: only whoever must become a member where it is in force."""
    group = held.holder
    if known.get(group.id, pim.Facts(None, None)).gone:
        if not in_force:
            yield roles.row(held, role, group._replace(kind="deleted"), "eligible", names, term)
        return
    inside = pim.inside(group.id, known)
    for way in inside.ways:
        if way.eligible or not in_force:
            # A membership in force may end, too: nobody lists when.
            membership = Term(True) if way.eligible else Term()
            own = Term(False, way.ends_at) if way.ends_at else membership
            yield roles.row(held, role, way.who, "eligible", names, roles.shorter(term, own), group, members_known=True)
    if not (inside.eligible_known and (inside.members_known or in_force)):
        yield roles.row(held, role, group, "eligible", names, roles.shorter(term, Term()), group, members_known=False)


def _through_groups(eligible: list[Held], known: Mapping[str, pim.Facts]) -> set[tuple[str, str, str]]:
    """Who can switch on what where through a group that is listed itself."""
    found = set()
    for held in eligible:
        if held.holder.kind == "group":
            _, role, scope = held.key
            found |= {(way.who.id, role, scope) for way in pim.inside(held.principalId, known).ways}
    return found


DATASET = DataSet(
    name="eligible_roles",
    fills=(RoleAssignment,),
    pages=pages,
    rows=rows,
    tells="who can become an administrator by switching a role on",
    source="https://learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances",
    grants=(pim.ROLES_GRANT,),
    needs_plan="P2",
    optional={"members_known": f"{pim.GROUPS_GRANT} and GroupMember.Read.All"},
    after=("organization", "role_assignments"),
)
