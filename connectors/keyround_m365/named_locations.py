"""Named locations that Conditional Access policies refer to: networks and countries.

Endpoint    GET /identity/conditionalAccess/namedLocations  (v1.0)
Permission  Policy.Read.All
Source      https://learn.microsoft.com/graph/api/conditionalaccessroot-list-namedlocations
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keyround.connector import DataSet, NotNeeded, Window
from keyround.model import AccessPolicy

from . import access_policies
from .access_policies import Page, rows

if TYPE_CHECKING:
    from .graph import Graph


def pages(graph: Graph, window: Window) -> Iterator[Page]:
    from .graph import Question, listing

    if not graph.policies:
        raise NotNeeded
    question = Question("identity/conditionalAccess/namedLocations", access_policies.GRANTS, pace="policies")
    for body in listing(graph, question):
        yield Page(body, "location", "v1.0")


DATASET = DataSet(
    name="named_locations",
    fills=(AccessPolicy,),
    pages=pages,
    rows=rows,
    tells="which networks and countries the policies mean",
    source="https://learn.microsoft.com/graph/api/conditionalaccessroot-list-namedlocations",
    grants=(access_policies.GRANTS,),
    required=False,  # what a location is then stays open; that policies name it is known
    after=(access_policies.DATASET.name,),
)
