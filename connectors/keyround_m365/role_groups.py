"""Groups that hold a role or can switch one on: who is in them, who can get in, and who may let anybody in.

Endpoint    GET /groups/{id}/transitiveMembers, GET /groups/{id}/owners  (v1.0)
            GET /identityGovernance/privilegedAccess/group/eligibilityScheduleInstances?$filter=groupId eq '…'  (v1.0)
Permission  RoleManagement.Read.Directory, GroupMember.Read.All (Directory.Read.All is accepted);
            PrivilegedEligibilitySchedule.Read.AzureADGroup for who can become a member or an owner
Plan        becoming one needs Entra ID P2 or Governance; without it nobody can, and nothing is missing
Source      https://learn.microsoft.com/graph/api/group-list-owners
            https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances
"""

# An owner of such a group holds no role, and is one step away from it: he makes himself a member.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without
from keyround.errors import CollectError
from keyround.model import Group, GroupMember

from . import groups, pim, roles

if TYPE_CHECKING:
    from .graph import Graph

HIDDEN = "The report cannot say who is in a group that holds a role."
OWNERLESS = "The report cannot say who may add members to a group that holds a role."


class Page(msgspec.Struct, frozen=True):
    """One group. `groups` holds what was read of it and of those that lead into it, `owners` None where unreadable."""

    group: str
    name: str | None
    role_assignable: bool | None
    groups: dict[str, pim.Facts]
    owners: tuple[bytes, ...] | None


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    from .graph import Question

    named: dict[str, roles.Principal] = {}
    broken: CollectError | None = None
    for listing in (roles.assignments, pim.eligibilities):
        try:
            for held in (held for body in listing(graph) for held in roles.holdings(body)):
                if isinstance(held.principal, roles.Principal) and held.holder.kind == "group":
                    named[held.principalId] = held.principal
        except CollectError as error:
            broken = broken or error
    known, errors = pim.closure(graph, named)
    for hidden in errors:
        column = "eligible_known" if hidden.therefore == pim.CLOSED else "members_known"
        yield Without((column,), hidden if hidden.therefore else hidden.about(HIDDEN))
    questions = [Question(f"groups/{one}/owners", groups.GRANTS, top=999) for one in named if not known[one].gone]
    owners: dict[str, tuple[bytes, ...]] = {}
    try:
        for question, answer in graph.batch(questions):
            if not isinstance(answer, CollectError):
                owners[question.path.split("/")[1]] = answer
            elif answer.code != groups.GONE:
                yield Without(("owners_known",), answer.about(OWNERLESS))
    except CollectError as error:
        yield Without(("owners_known",), error.about(OWNERLESS))
    for group, principal in named.items():
        yield Page(group, principal.displayName, principal.isAssignableToRole, known, owners.get(group))
    if broken:
        raise broken


def rows(page: Page) -> Iterator[Group | GroupMember]:
    gone = page.groups[page.group].gone if page.group in page.groups else False
    inside, future = pim.inside(page.group, page.groups), pim.future_owners(page.group, page.groups)
    yield Group(
        group_id=page.group,
        name=page.name,
        exists=not gone,
        members_known=inside.members_known,
        role_assignable=page.role_assignable,
        owners_known=gone or page.owners is not None,
        eligible_known=inside.eligible_known and future.eligible_known,
    )
    for way in inside.ways:
        yield _member(page.group, way, "member")
    for owner in groups.everybody(page.owners or ()):
        yield _member(page.group, pim.Way(owner, False, None), "owner")
    for way in future.ways:
        yield _member(page.group, way, "owner")


def _member(group: str, way: pim.Way, relation: str) -> GroupMember:
    return GroupMember(
        group_id=group,
        member_id=way.who.id,
        member_kind=way.who.kind,
        relation=relation,
        state="eligible" if way.eligible else "active",
        ends_at=way.ends_at,
    )


DATASET = DataSet(
    name="role_groups",
    fills=(Group, GroupMember),
    pages=pages,
    rows=rows,
    tells="who is in the groups that hold a role, and who may let others in",
    source="https://learn.microsoft.com/graph/api/group-list-owners",
    grants=(roles.GRANTS, groups.GRANTS),
    optional={"eligible_known": pim.GROUPS_GRANT},
    after=("organization", "role_assignments", "eligible_roles"),
)
