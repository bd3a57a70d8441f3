"""Who holds which administrator role, directly or through a group.

Endpoint    GET /admin/directory/v1/customer/{customer}/roles and …/roleassignments, then for each group that
            holds a role GET /admin/directory/v1/groups/{group} and …/members with indirect members
Permission  https://www.googleapis.com/auth/admin.directory.rolemanagement.readonly, and for groups
            https://www.googleapis.com/auth/admin.directory.group.readonly
Plan        every edition; conditions and some temporary roles only in the larger ones
Gaps        a service account or a deleted account that holds a role looks like a person here: its id joins no account
Source      https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

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
ROLE_COLUMNS = {"rolePrivileges": ("privileged", "highly_privileged")}
ASSIGNMENT_MASK = "nextPageToken,items(roleId,assignedTo,assigneeType,scopeType,orgUnitId,condition,expirationDetails)"
ASSIGNMENT_COLUMNS = {
    "expirationDetails": ("permanent", "ends_at"),
    "assigneeType": ("holder_kind",),
    "scopeType": ("scope",),
    "orgUnitId": ("scope",),
    "condition": (),
}
MEMBER_MASK = "nextPageToken,members(id,type)"


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
        for holder_id, kind, group, via, known in _holders(item, page.groups):
            ends = instant(item.expirationDetails.expireTime) if item.expirationDetails else None
            permanent = False if item.expirationDetails else (True if page.ends_told else None)
            role, privileged, highly, highest = judged(roles.get(str(item.roleId)))
            yield RoleAssignment(
                holder_id=holder_id,
                holder_kind=kind,
                role_id=str(item.roleId) if item.roleId else None,
                role=role,
                privileged=privileged,
                highly_privileged=highly,
                highest=highest,
                state="active",
                via_id=group,
                via=via,
                scope=_scope(item),
                permanent=permanent,
                ends_at=ends,
                members_known=known,
            )


Holder = tuple[str, str, str | None, str | None, bool | None]
"""Who holds it, what kind of holder, through which group by id and name, and whether its members are known."""


def _holders(item: Assignment, groups: Mapping[str, Group]) -> Iterator[Holder]:
    assigned = str(item.assignedTo)
    if not _is_group(item):
        kind = "account" if (item.assigneeType or "").lower() == "user" else "unknown"
        yield assigned, kind, None, None, None
        return
    group = groups.get(assigned, Group())
    about = decode(group.about, About) if group.about is not None else About()
    via = about.name or about.email
    if group.members is None:
        yield assigned, "group", assigned, via, False
        return
    for member in _members(group.members):
        kind = (member.type or "").upper()
        if kind == "USER" and member.id:
            yield str(member.id), "account", assigned, via, True
        elif kind == "CUSTOMER":  # Everybody in the company, without being listed.
            yield assigned, "group", assigned, via, False
        elif kind != "GROUP" and member.id:  # The people in a nested group are listed themselves.
            yield str(member.id), "unknown", assigned, via, True


def _members(pages: Iterable[bytes]) -> Iterator[Member]:
    for page in pages:
        yield from decode(page, Members).members or []


def _is_group(item: Assignment) -> bool:
    return (item.assigneeType or "").lower() == "group"


def _scope(item: Assignment) -> str | None:
    kind = (item.scopeType or "").upper()
    if kind == "ORG_UNIT":
        scope = f"organisational unit {(item.orgUnitId or '').removeprefix('id:')}".rstrip()
    elif kind == "CUSTOMER":
        scope = "tenant"
    else:
        return item.scopeType
    return f"{scope}, under a condition" if item.condition else scope


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
