"""The groups that policies and single sign-on name, with everybody in them at any depth.

Endpoint    GET /admin/directory/v1/groups/{group}, GET /admin/directory/v1/groups/{group}/members with indirect ones,
            many at once through POST /batch
Permission  https://www.googleapis.com/auth/admin.directory.group.readonly
Plan        every edition
Gaps        a group that was deleted while a policy still names it is a row of its own
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/members/list
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, NotNeeded, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import Group, GroupMember

from .roles import GROUPS, MEMBER_MASK, About, Members
from .two_step.documents import groups_named
from .two_step.people import EVERYBODY
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/members/list"
HIDDEN = "The report cannot say of everybody whether a policy applies."
GONE = frozenset({"notFound", "NOT_FOUND"})
KINDS = {"USER": "account", "CUSTOMER": EVERYBODY}
"""Google's kinds of members as common words. People in a group inside the group are listed themselves."""


class _More(Wire):
    nextPageToken: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One group. `about` and `members` are None where they could not be read; `gone`: Google knows no such group."""

    group: str
    about: bytes | None = None
    members: tuple[bytes, ...] | None = None
    gone: bool = False


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    named = sorted({group for document in admin.noted.documents for group in groups_named(document)})
    if not named:
        raise NotNeeded
    found: dict[str, bytes | CollectError] = {}
    broken: CollectError | None = None
    try:
        found.update(admin.batch(_questions(admin, named), (GROUPS,)))
    except CollectError as error:  # As for one, so for every other one.
        broken = error
    for group in named:
        members, about = found.get(f"members {group}"), found.get(f"about {group}")
        if isinstance(members, CollectError) and members.code not in GONE:
            yield Without(("members_known",), members.about(HIDDEN))
        yield Page(
            group,
            about if isinstance(about, bytes) else None,
            _whole(admin, group, members) if isinstance(members, bytes) else None,
            isinstance(members, CollectError) and members.code in GONE,
        )
    if broken:
        raise broken


def _questions(admin: Admin, named: list[str]) -> Iterator[tuple[str, Any]]:
    """Two for each group; without its name a group is what it is."""
    for group in named:
        yield f"members {group}", admin.directory.members().list(**_query(group))
        yield f"about {group}", admin.directory.groups().get(groupKey=group, fields="name,email")


def _query(group: str) -> dict[str, Any]:
    return {"groupKey": group, "includeDerivedMembership": True, "maxResults": 200, "fields": MEMBER_MASK}


def _whole(admin: Admin, group: str, first: bytes) -> tuple[bytes, ...]:
    """Every page of a group's members. Of a group with more than one page the first is asked for once more."""
    if not decode(first, _More).nextPageToken:
        return (first,)
    listing = admin.listing(admin.directory.members(), (GROUPS,), {}, **_query(group))
    return tuple(body for body in listing if isinstance(body, bytes))


def rows(page: Page) -> Iterator[Group | GroupMember]:
    about = decode(page.about, About) if page.about is not None else About()
    known = page.members is not None
    yield Group(
        group_id=page.group,
        name=about.name or about.email,
        exists=False if page.gone else True if known else None,
        members_known=known,
    )
    for body in page.members or ():
        for member in decode(body, Members).members or ():
            kind = (member.type or "").upper()
            if member.id and kind != "GROUP":
                yield GroupMember(page.group, str(member.id), KINDS.get(kind, kind.lower() or None), "member", "active")


DATASET = DataSet(
    name="policy_groups",
    fills=(Group, GroupMember),
    pages=pages,
    rows=rows,
    tells="who is in the groups that policies name",
    source=SOURCE,
    grants=(GROUPS,),
    after=("policies", "sso"),
)
