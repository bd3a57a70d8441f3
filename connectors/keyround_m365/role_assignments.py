"""Who holds which administrator role, directly or through a group.

Endpoint    GET /roleManagement/directory/roleDefinitions  (beta, falling back to v1.0)
            GET /roleManagement/directory/roleAssignments?$expand=principal  (v1.0)
            GET /groups/{id}/transitiveMembers  (v1.0), for groups that hold a role
Permission  RoleManagement.Read.Directory; GroupMember.Read.All for the groups
Gaps        roles that can be switched on (PIM) are not listed here, only those in force
Source      https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
"""

# Only beta says which roles Microsoft itself counts as privileged; without it
# our own list in roles.toml decides alone.

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, Unexpected
from keyround.model import RoleAssignment

from . import groups

if TYPE_CHECKING:
    from .graph import Graph

GRANTS = "RoleManagement.Read.Directory"
HIDDEN = "The report cannot say who holds a role through a group."
_LEVELS = {
    level: frozenset(ids)
    for level, ids in tomllib.loads(files(__package__).joinpath("roles.toml").read_text(encoding="utf-8")).items()
}


class _Role(msgspec.Struct):
    id: str
    templateId: str | None = None
    displayName: str | None = None
    isBuiltIn: bool | None = None
    isPrivileged: bool | None = None


class _Roles(msgspec.Struct):
    value: list[_Role]


class _Principal(msgspec.Struct):
    id: str | None = None
    kind: str = msgspec.field(name="@odata.type", default="")
    displayName: str | None = None


class _Assignment(msgspec.Struct):
    roleDefinitionId: str
    principalId: str
    directoryScopeId: str | None = None
    appScopeId: str | None = None
    principal: _Principal | None = None


class _Assignments(msgspec.Struct):
    value: list[_Assignment]


class Page(msgspec.Struct, frozen=True):
    """One page of assignments with what it takes to read it.

    `definitions` holds every page of role definitions; `members` the pages of
    each group that holds a role, or None where the group could not be read.
    """

    assignments: bytes
    definitions: tuple[bytes, ...]
    members: dict[str, tuple[bytes, ...] | None]


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    from .graph import Question, listing

    definitions = _definitions(graph)
    members: dict[str, tuple[bytes, ...] | None] = {}
    question = Question("roleManagement/directory/roleAssignments", GRANTS, expand="principal")
    for body in listing(graph, question):
        for assignment in decode(body, _Assignments).value:
            group = assignment.principalId
            if _kind(assignment.principal) == "group" and group not in members:
                found = groups.members(graph, group)
                members[group] = None if isinstance(found, CollectError) else found
                if isinstance(found, CollectError) and found.code != groups.GONE:  # a deleted group is no omission
                    yield Without(("members_known",), found.about(HIDDEN))
        yield Page(body, definitions, members)


def _definitions(graph: Graph) -> tuple[bytes, ...]:
    from .graph import Question, listing

    fields = "id,templateId,displayName,isBuiltIn"
    path = "roleManagement/directory/roleDefinitions"
    try:
        return tuple(listing(graph, Question(path, GRANTS, select=f"{fields},isPrivileged", beta=True)))
    except (NotGranted, NotEnabled, Unexpected):
        return tuple(listing(graph, Question(path, GRANTS, select=fields)))


def rows(page: Page) -> Iterator[RoleAssignment]:
    roles = {role.id: role for body in page.definitions for role in decode(body, _Roles).value}
    for assignment in decode(page.assignments, _Assignments).value:
        role = roles.get(assignment.roleDefinitionId) or _Role(assignment.roleDefinitionId)
        kind = _kind(assignment.principal)
        if kind != "group":
            yield _row(assignment, role, assignment.principalId, kind)
            continue
        group = assignment.principal.displayName if assignment.principal else None
        bodies = page.members.get(assignment.principalId)
        if bodies is None:
            yield _row(assignment, role, assignment.principalId, "group", group, members_known=False)
            continue
        for body in bodies:
            for member in decode(body, groups.Members).value:
                held_by = groups.KINDS.get(member.kind.lower(), "unknown")
                if held_by != "group":
                    yield _row(assignment, role, member.id, held_by, group, members_known=True)


def _row(
    assignment: _Assignment,
    role: _Role,
    holder: str,
    kind: str,
    group: str | None = None,
    members_known: bool | None = None,
) -> RoleAssignment:
    template = (role.templateId or role.id).lower()
    highest = template in _LEVELS["highest"]
    high = highest or template in _LEVELS["high"]
    return RoleAssignment(
        holder_id=holder,
        holder_kind=kind,
        role_id=role.id,
        role=role.displayName,
        privileged=high or template in _LEVELS["privileged"] or _marked(role, template),
        highly_privileged=high or (None if role.isBuiltIn is None else False),
        highest=highest,
        state="active",
        via_id=None if members_known is None else assignment.principalId,
        via=None if members_known is None else group or assignment.principalId,
        scope=_scope(assignment),
        permanent=None,  # an activated role looks the same here; only PIM knows its end
        members_known=members_known,
    )


def _marked(role: _Role, template: str) -> bool | None:
    """Microsoft's own mark; without it a built-in role that we do not list is harmless and a custom one unknown."""
    if template in _LEVELS["machinery"] | _LEVELS["readers"]:
        return False
    return role.isPrivileged if role.isPrivileged is not None else (False if role.isBuiltIn else None)


def _scope(assignment: _Assignment) -> str | None:
    scope = assignment.directoryScopeId
    if scope == "/":
        return "tenant"
    if scope and scope.startswith("/administrativeUnits/"):
        return f"administrative unit {scope.rpartition('/')[2]}"
    if scope or assignment.appScopeId:
        return f"application {(scope or assignment.appScopeId or '').strip('/')}"
    return None


def _kind(principal: _Principal | None) -> str:
    return groups.KINDS.get(principal.kind.lower(), "unknown") if principal else "unknown"


DATASET = DataSet(
    name="role_assignments",
    fills=(RoleAssignment,),
    pages=pages,
    rows=rows,
    tells="who the administrators are",
    source="https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments",
    grants=("RoleManagement.Read.Directory",),
    optional={"members_known": "GroupMember.Read.All"},
)
