"""Groups that policies or roles name, with everybody in them at any depth.

Endpoint    GET /groups/{id}/transitiveMembers  (v1.0)
Permission  GroupMember.Read.All (Directory.Read.All is accepted)
Gaps        a member that the application may not read comes with its id and type alone, which is all we need
Source      https://learn.microsoft.com/graph/api/group-list-transitivemembers
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from keyround.connector import decode
from keyround.errors import CollectError

if TYPE_CHECKING:
    from .graph import Graph

GRANTS = "GroupMember.Read.All or Directory.Read.All"
KINDS = {
    "#microsoft.graph.user": "account",
    "#microsoft.graph.serviceprincipal": "service_principal",
    "#microsoft.graph.group": "group",
}
"""Types of directory objects, lower case, in the common words."""
GONE = "Request_ResourceNotFound"


class Member(msgspec.Struct):
    id: str
    kind: str = msgspec.field(name="@odata.type", default="")
    displayName: str | None = None


class Members(msgspec.Struct):
    value: list[Member]


class Holder(NamedTuple):
    """An object of the directory by id; `kind` is account, service_principal, group, deleted or unknown."""

    id: str
    kind: str
    name: str | None = None


def members(graph: Graph, group: str) -> tuple[bytes, ...] | CollectError:
    """The pages of a group's members at any depth, asked for once in a session; or why there is no whole answer.

    Raises nothing: one unreadable group is a row that says so. A deleted group is the error `GONE`.
    """
    from .graph import Question, listing

    with graph.alone(f"groups/{group}"):
        if group not in graph.groups:
            try:
                question = Question(f"groups/{group}/transitiveMembers", GRANTS, top=999)
                graph.groups[group] = tuple(listing(graph, question))
            except CollectError as error:
                graph.groups[group] = error
        return graph.groups[group]


def everybody(bodies: Iterable[bytes]) -> Iterator[Holder]:
    """The members, and member groups beside them, in pages of `members`."""
    for body in bodies:
        for member in decode(body, Members).value:
            yield Holder(member.id, kind(member.kind), member.displayName)


def kind(odata_type: str) -> str:
    return KINDS.get(odata_type.lower(), "unknown")
