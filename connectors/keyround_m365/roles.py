"""What roles in force and roles that can be switched on have in common: definitions, holders, scopes, the row.

Endpoint    GET /roleManagement/directory/roleDefinitions  (beta, falling back to v1.0)
            GET /roleManagement/directory/roleAssignments?$expand=principal  (v1.0)
            GET /directory/administrativeUnits, GET /directoryObjects/{id}  (v1.0), for the names of scopes
Permission  RoleManagement.Read.Directory; AdministrativeUnit.Read.All for the names (Directory.Read.All is accepted)
Gaps        a scope whose name cannot be read goes by its id: nothing about anybody is unknown because of it
Source      https://learn.microsoft.com/graph/api/resources/unifiedroleassignment
"""

# Only beta says which roles Microsoft itself counts as privileged; without it
# our own list in roles.toml decides alone.

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import decode
from keyround.errors import CollectError, NotEnabled, NotGranted, Unexpected
from keyround.model import RoleAssignment

from .groups import Holder, kind
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

GRANTS = "RoleManagement.Read.Directory"
NAMES = "AdministrativeUnit.Read.All or Directory.Read.All"
UNIT = "/administrativeunits/"
_LEVELS = {
    level: frozenset(ids)
    for level, ids in tomllib.loads(files(__package__).joinpath("roles.toml").read_text(encoding="utf-8")).items()
}
_PARTS = {
    "#microsoft.graph.group": "group",
    "#microsoft.graph.device": "device",
    "#microsoft.graph.user": "account",
}


class Role(msgspec.Struct):
    id: str
    templateId: str | None = None
    displayName: str | None = None
    isBuiltIn: bool | None = None
    isPrivileged: bool | None = None


class _Roles(msgspec.Struct):
    value: list[Role]


class Principal(msgspec.Struct):
    kind: str = msgspec.field(name="@odata.type", default="")
    displayName: str | None = None
    isAssignableToRole: bool | None = None


class Held(msgspec.Struct):
    """An assignment in force, or an instance of a schedule of Privileged Identity Management."""

    roleDefinitionId: str
    principalId: str
    directoryScopeId: str | None = None
    appScopeId: str | None = None
    principal: Principal | UnsetType | None = UNSET
    endDateTime: str | None = None
    assignmentType: str | None = None
    memberType: str | None = None

    @property
    def holder(self) -> Holder:
        return holder(self.principalId, self.principal)

    @property
    def key(self) -> tuple[str, str, str]:
        """Who holds what where; the same in an assignment and in its schedule."""
        return (self.principalId, self.roleDefinitionId, self.directoryScopeId or self.appScopeId or "")


class _HeldPage(msgspec.Struct):
    value: list[Held]


class Named(msgspec.Struct):
    """One object of the directory, or a listing of some."""

    id: str = ""
    kind: str = msgspec.field(name="@odata.type", default="")
    displayName: str | None = None
    value: list[Named] = []


class Term(NamedTuple):
    """Until when, and whether the holder switched it on; None where nobody said."""

    permanent: bool | None = None
    ends_at: datetime | None = None
    activated: bool | None = None


def definitions(graph: Graph) -> tuple[bytes, ...]:
    """Every page of role definitions. Raises CollectError."""
    from .graph import Question, remembered

    fields = "id,templateId,displayName,isBuiltIn"
    path = "roleManagement/directory/roleDefinitions"
    try:
        return tuple(remembered(graph, Question(path, GRANTS, select=f"{fields},isPrivileged", beta=True)))
    except (NotGranted, NotEnabled, Unexpected):
        return tuple(remembered(graph, Question(path, GRANTS, select=fields)))


def assignments(graph: Graph) -> Iterator[bytes]:
    """Every page of the assignments in force. Raises CollectError."""
    from .graph import Question, remembered

    yield from remembered(graph, Question("roleManagement/directory/roleAssignments", GRANTS, expand="principal"))


def scope_names(graph: Graph, bodies: Iterable[bytes]) -> tuple[bytes, ...]:
    """What the directory says about the units and objects that the assignments of `bodies` are limited to."""
    from .graph import Question, remembered

    places = {(held.directoryScopeId or "").lower() for body in bodies for held in holdings(body)}
    found: list[bytes] = []
    objects = sorted(place.strip("/") for place in places if place.rfind("/") == 0 and place != "/")
    questions = [Question(f"directoryObjects/{one}", NAMES) for one in objects]
    with suppress(CollectError):  # the ids name them too
        if any(place.startswith(UNIT) for place in places):
            units = Question("directory/administrativeUnits", NAMES, select="id,displayName", top=999)
            found += remembered(graph, units)
    with suppress(CollectError):
        graph.answers |= dict(graph.batch(one for one in questions if one not in graph.answers))
    for answer in map(graph.answers.get, questions):
        found += answer if isinstance(answer, tuple) else ()
    return tuple(found)


def by_id(bodies: Iterable[bytes]) -> dict[str, Role]:
    return {role.id: role for body in bodies for role in decode(body, _Roles).value}


def holdings(body: bytes) -> list[Held]:
    return decode(body, _HeldPage).value


def names_by_id(bodies: Iterable[bytes]) -> dict[str, Named]:
    found = [one for body in bodies for read in [decode(body, Named)] for one in (read, *read.value)]
    return {one.id.lower(): one for one in found if one.id}


def holder(key: str, principal: Principal | UnsetType | None) -> Holder:
    """Who is named; "deleted" where Graph was asked for the object and has none."""
    if principal is None:
        return Holder(key, "deleted")
    if isinstance(principal, UnsetType):
        return Holder(key, "unknown")
    return Holder(key, kind(principal.kind), principal.displayName)


def span(end: str | None) -> Term:
    """The term of what ends then; Microsoft writes "never" as no date or as the last year of the calendar."""
    when = instant(end)
    if not end or (when and when.year == 9999):
        return Term(True)
    return Term(False, when) if when else Term()


def shorter(term: Term, other: Term) -> Term:
    """Of what lasts only as long as both do."""
    if ends := list(filter(None, (term.ends_at, other.ends_at))):
        return Term(False, min(ends))
    return Term(True) if term.permanent and other.permanent else Term()


def ending(instances: Iterable[Held]) -> Term:
    """The term of one assignment, from the instances of its schedules; the longest of several counts."""
    found = list(instances)
    kinds = {(one.assignmentType or "").lower() for one in found}
    if not found or not kinds <= {"assigned", "activated"}:
        return Term()
    activated = "assigned" not in kinds
    spans = [span(one.endDateTime) for one in found]
    ends = [one.ends_at for one in spans if one.ends_at]
    if len(ends) == len(spans):
        return Term(False, max(ends), activated)
    # What was switched on always ends: no date is no answer.
    return Term(None if activated else any(one.permanent for one in spans) or None, None, activated)


def row(
    held: Held,
    role: Role | None,
    who: Holder,
    state: str,
    names: Mapping[str, Named],
    term: Term = Term(),  # noqa: B008
    via: Holder | None = None,
    members_known: bool | None = None,
) -> RoleAssignment:
    """One row of the table. `via` is the group, where there is one."""
    role = role or Role(held.roleDefinitionId)
    template = (role.templateId or role.id).lower()
    known = any(template in level for level in _LEVELS.values())
    highest = template in _LEVELS["highest"]
    high = highest or template in _LEVELS["high"]
    scope, scope_id = _scope(held, names)
    return RoleAssignment(
        holder_id=who.id,
        holder_kind=who.kind,
        holder_name=None if who.kind == "account" else who.name,
        role_id=role.id,
        role=role.displayName,
        template_id=template if role.isBuiltIn or (known and role.isBuiltIn is None) else None,
        privileged=high or template in _LEVELS["privileged"] or _marked(role, template),
        highly_privileged=high or (None if role.isBuiltIn is None else False),
        highest=highest,
        resets_credentials=template in _LEVELS["resets"] or (False if role.isBuiltIn or known else None),
        state=state,
        via_id=via and via.id,
        via=via and (via.name or via.id),
        scope=scope,
        scope_id=scope_id,
        permanent=term.permanent,
        ends_at=term.ends_at,
        activated=term.activated,
        members_known=members_known,
    )


def _marked(role: Role, template: str) -> bool | None:
    """Microsoft's own mark; without it a built-in role that we do not list is harmless and a custom one unknown."""
    if template in _LEVELS["machinery"] | _LEVELS["readers"]:
        return False
    return role.isPrivileged if role.isPrivileged is not None else (False if role.isBuiltIn else None)


def _scope(held: Held, names: Mapping[str, Named]) -> tuple[str | None, str | None]:
    """Where the role counts, in words, and the id of that part of the tenant."""
    place = held.directoryScopeId or held.appScopeId
    if not place:
        return None, None
    part = place.rpartition("/")[2]
    if not part:
        return "tenant", None
    named = names.get(part.lower(), Named())
    what = "administrative unit" if place.lower().startswith(UNIT) else _PARTS.get(named.kind.lower(), "application")
    return f"{what} {named.displayName or part}", part
