"""The groups that Conditional Access policies name, with everybody in them at any depth.

Endpoint    GET /groups/{id}, GET /groups/{id}/transitiveMembers  (v1.0), many at once through POST /$batch
Permission  GroupMember.Read.All (Directory.Read.All is accepted)
Gaps        a group that was deleted while a policy still names it is a row of its own
Source      https://learn.microsoft.com/graph/api/group-list-transitivemembers
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, NotNeeded, Window, Without, decode, decoder
from keyround.errors import CollectError
from keyround.model import Group, GroupMember

from . import access_policies, groups

if TYPE_CHECKING:
    from .graph import Graph, Question

HIDDEN = "The report cannot say of everybody whether a policy applies."
_SIDES = ("includeGroups", "excludeGroups")


class _Users(msgspec.Struct):
    includeGroups: list[str | None] | None = None
    excludeGroups: list[str | None] | None = None


class _Conditions(msgspec.Struct):
    users: _Users | None = None


class _Policy(msgspec.Struct):
    conditions: _Conditions | None = None
    state: str | None = None


class _Group(msgspec.Struct):
    displayName: str | None = None
    isAssignableToRole: bool | None = None


class Page(msgspec.Struct, frozen=True):
    """One group. `about` is its own document, None where it could not be read; `members` likewise.

    `gone`: Microsoft has no such group.
    """

    group: str
    about: bytes | None
    members: tuple[bytes, ...] | None
    gone: bool


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    named = sorted({group for document in graph.policies for group in _groups(document)})
    if not named:
        raise NotNeeded
    about, members = _questions(named)
    asked = [question for pair in zip(about.values(), members.values(), strict=True) for question in pair]
    answers: dict[Question, tuple[bytes, ...] | CollectError] = dict(graph.batch(asked))
    for group in named:
        found, inside = answers[about[group]], answers[members[group]]
        if isinstance(inside, CollectError) and inside.code != groups.GONE:
            yield Without(("members_known",), inside.about(HIDDEN))
        yield Page(
            group,
            None if isinstance(found, CollectError) else found[0],
            None if isinstance(inside, CollectError) else inside,
            any(isinstance(answer, CollectError) and answer.code == groups.GONE for answer in (found, inside)),
        )


def _questions(named: list[str]) -> tuple[dict[str, Question], dict[str, Question]]:
    from .graph import Question

    return (
        {key: Question(f"groups/{key}", groups.GRANTS, select="id,displayName,isAssignableToRole") for key in named},
        {key: Question(f"groups/{key}/transitiveMembers", groups.GRANTS, select="id", top=999) for key in named},
    )


def _groups(document: bytes) -> set[str]:
    """The groups that one policy includes or excludes; none of one that is switched off."""
    try:
        policy = decoder(_Policy).decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return set()
    users = policy.conditions.users if policy.conditions else None
    if users is None or (policy.state or "").lower() == "disabled":
        return set()
    return {group for side in _SIDES for group in getattr(users, side) or () if group}


def rows(page: Page) -> Iterator[Any]:
    about = _Group() if page.about is None else decode(page.about, _Group)
    yield Group(
        group_id=page.group,
        name=about.displayName,
        exists=False if page.gone else True if page.about is not None or page.members is not None else None,
        members_known=not page.gone and page.members is not None,
        role_assignable=about.isAssignableToRole,
    )
    for body in page.members or ():
        for member in decode(body, groups.Members).value:
            kind = groups.KINDS.get(member.kind.lower(), member.kind or None)
            yield GroupMember(page.group, member.id, kind, "member", "active")


DATASET = DataSet(
    name="policy_groups",
    fills=(Group, GroupMember),
    pages=pages,
    rows=rows,
    tells="who is in the groups that policies name",
    source="https://learn.microsoft.com/graph/api/group-list-transitivemembers",
    grants=(groups.GRANTS,),
    optional={"members_known": groups.GRANTS},
    after=(access_policies.DATASET.name,),
)
