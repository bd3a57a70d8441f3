"""Who holds which administrator role, directly or through a group.

Endpoint    GET /admin/directory/v1/customer/{customer}/roles and …/roleassignments, then for each group that
            holds a role GET /admin/directory/v1/groups/{group} and …/members with indirect members
Permission  https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly, and for groups
            https://www.googleapis.com/auth/admin.directory.group.readonly
Plan        every edition; conditions and some temporary roles only in the larger ones
Gaps        a service account or a deleted account that holds a role looks like a person in the answer: `administrators`
            finds that its id joins no account, and which of the two it is stays open
Source      https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, Expired, NotGranted, Throttled, Unreachable
from keyround.model import RoleAssignment

from .role_words import Role, judged
from .wire import Wire, instant

if TYPE_CHECKING:
    from .admin import Admin

ROLES = "https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly"
GROUPS = "https://www.googleapis.com/auth/admin.directory.group.readonly"
SOURCE = "https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles"

ROLE_MASK = "nextPageToken,items(roleId,roleName,isSuperAdminRole,rolePrivileges/privilegeName)"
ROLE_COLUMNS = dict.fromkeys(
    ("rolePrivileges", "privilegeName"), ("privileged", "highly_privileged", "resets_credentials")
)
ASSIGNMENT_MASK = "nextPageToken,items(roleId,assignedTo,assigneeType,scopeType,orgUnitId,condition,expirationDetails)"
ASSIGNMENT_COLUMNS = {
    "expirationDetails": ("permanent", "ends_at"),
    "assigneeType": ("holder_kind",),
    "scopeType": ("scope",),
    "orgUnitId": ("scope", "scope_id"),
    "condition": (),
}
MEMBER_MASK = "nextPageToken,members(id,email,type)"
MACHINES = ".gserviceaccount.com"
UNIT = "organisational unit"
CONDITION = ", under a condition"


class Roles(Wire):
    items: list[Role] | None = None


class Expiration(Wire):
    expireTime: str | int | None = None


class Assignment(Wire):
    roleId: str | int | None = None
    assignedTo: str | int | None = None
    assigneeType: str | None = None
    scopeType: str | None = None
    orgUnitId: str | None = None
    condition: str | None = None
    expirationDetails: Expiration | None = None


class Assignments(Wire):
    items: list[Assignment] | None = None


class Member(Wire):
    id: str | int | None = None
    email: str | None = None
    type: str | None = None


class Members(Wire):
    members: list[Member] | None = None


class About(Wire):
    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What could be read about a group that holds a role; None where it could not."""

    about: bytes | None = None
    members: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of assignments with all that is needed to spell it out."""

    assignments: bytes
    roles: tuple[bytes, ...]
    groups: Mapping[str, Group] = field(default_factory=dict)
    ends_told: bool = True


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    roles: list[bytes] = []
    listing = admin.listing(
        admin.directory.roles(), (ROLES,), ROLE_COLUMNS, customer=admin.customer, maxResults=100, fields=ROLE_MASK
    )
    for page in listing:
        if isinstance(page, Without):
            yield page
        else:
            roles.append(page)
    groups: dict[str, Group] = {}
    refusals: list[CollectError] = []
    ends_told = True
    listing = admin.listing(
        admin.directory.roleAssignments(), (ROLES,), ASSIGNMENT_COLUMNS,
        customer=admin.customer, maxResults=200, fields=ASSIGNMENT_MASK,
    )  # fmt: skip
    for page in listing:
        if isinstance(page, Without):
            ends_told = ends_told and "ends_at" not in page.columns
            yield page
            continue
        for group_id in _group_ids(page):
            if group_id not in groups:
                groups[group_id] = _group(admin, group_id, refusals)
        yield Page(page, tuple(roles), groups, ends_told)
    if refusals and all(group.members is None for group in groups.values()) and isinstance(refusals[0], NotGranted):
        yield Without(("via",), refusals[0])


def _group_ids(page: bytes) -> Iterator[str]:
    for item in decode(page, Assignments).items or []:
        if _is_group(item) and item.assignedTo:
            yield str(item.assignedTo)


def _group(admin: Admin, group_id: str, refusals: list[CollectError]) -> Group:
    """One unreadable group must not hide every other administrator; a dead line or token must."""
    about, members = None, None
    try:
        groups, listed = admin.directory.groups(), admin.directory.members()
        members = tuple(
            page
            for page in admin.listing(
                listed, (GROUPS,), {}, groupKey=group_id, includeDerivedMembership=True, maxResults=200,
                fields=MEMBER_MASK,
            )
            if isinstance(page, bytes)
        )  # fmt: skip
        about = admin.fetch(groups.get(groupKey=group_id, fields="name,email"), (GROUPS,))
    except (Throttled, Expired, Unreachable):
        raise
    except CollectError as error:
        refusals.append(error)
    return Group(about, members)


def rows(page: Page) -> Iterator[RoleAssignment]:
    roles = {str(role.roleId): role for body in page.roles for role in decode(body, Roles).items or [] if role.roleId}
    for item in decode(page.assignments, Assignments).items or []:
        if not item.assignedTo:
            continue
        role = judged(roles.get(str(item.roleId)))
        scope, unit = _scope(item)
        for holder in _holders(item, page.groups):
            yield RoleAssignment(
                holder_id=holder.id,
                holder_kind=holder.kind,
                holder_name=holder.name,
                role_id=str(item.roleId) if item.roleId else None,
                role=role.name,
                privileged=role.privileged,
                highly_privileged=role.highly_privileged,
                highest=role.highest,
                resets_credentials=role.resets_credentials,
                state="active",
                via_id=holder.via_id,
                via=holder.via,
                scope=scope,
                scope_id=unit,
                permanent=False if item.expirationDetails else (True if page.ends_told else None),
                ends_at=instant(item.expirationDetails.expireTime) if item.expirationDetails else None,
                members_known=holder.members_known,
            )


class Holder(NamedTuple):
    """Who holds it, and through which group. A group whose members are known stands for everybody in the company."""

    id: str
    kind: str | None
    name: str | None = None
    via_id: str | None = None
    via: str | None = None
    members_known: bool | None = None


def _holders(item: Assignment, groups: Mapping[str, Group]) -> Iterator[Holder]:
    assigned = str(item.assignedTo)
    if not _is_group(item):
        # Without a word about its kind it may be a group as well.
        kind = "account" if (item.assigneeType or "").lower() == "user" else "unknown" if item.assigneeType else None
        yield Holder(assigned, kind)
        return
    group = groups.get(assigned, Group())
    about = decode(group.about, About) if group.about is not None else About()
    path = (assigned, about.name or about.email)
    if group.members is None:
        yield Holder(assigned, "group", None, *path, False)
        return
    for member in _members(group.members):
        kind, key = (member.type or "").upper(), member.id or member.email
        if kind == "CUSTOMER":
            yield Holder(assigned, "group", None, *path, True)
        elif kind != "GROUP" and key:  # The people in a nested group are listed themselves.
            yield Holder(str(key), _kind(kind, member.email or ""), member.email, *path, True)


def _kind(kind: str, email: str) -> str:
    if email.lower().endswith(MACHINES):
        return "service_principal"
    return "account" if kind == "USER" else "unknown"


def _members(pages: Iterable[bytes]) -> Iterator[Member]:
    for page in pages:
        yield from decode(page, Members).members or []


def _is_group(item: Assignment) -> bool:
    return (item.assigneeType or "").lower() == "group"


def _scope(item: Assignment) -> tuple[str | None, str | None]:
    """Where the role counts, in words, and the id of the organisational unit."""
    kind, unit = (item.scopeType or "").upper(), (item.orgUnitId or "").removeprefix("id:") or None
    if kind == "ORG_UNIT":
        return under(f"{UNIT} {unit or ''}".rstrip(), bool(item.condition)), unit
    return under("tenant" if kind == "CUSTOMER" else item.scopeType, bool(item.condition)), None


def under(scope: str | None, condition: bool) -> str | None:
    return f"{scope}{CONDITION}" if scope and condition else scope


DATASET = DataSet(
    name="roles",
    fills=(RoleAssignment,),
    pages=pages,
    rows=rows,
    tells="who the administrators are",
    source=SOURCE,
    grants=(ROLES,),
    optional={"via": GROUPS},
)
