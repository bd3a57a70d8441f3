"""The customers of a Microsoft partner: the organisations that have given it delegated administration (GDAP).

Endpoint    GET /tenantRelationships/delegatedAdminCustomers  (v1.0)
Permission  DelegatedAdminRelationship.Read.All, in the partner's own tenant
Gaps        a customer without an active relationship is not listed
Source      https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from keyround.connector import decode
from keyround.setup import Customer

from .graph import Graph, Question, listing
from .permissions import PARTNER

MOST = 300  # in one page, says Microsoft


class _Customer(msgspec.Struct):
    tenantId: str | None = None
    displayName: str | None = None


class _Customers(msgspec.Struct):
    value: list[_Customer]


def customers(graph: Graph) -> Iterator[Customer]:
    """Each with its tenant. Raises CollectError."""
    question = Question("tenantRelationships/delegatedAdminCustomers", PARTNER, top=MOST)
    for body in listing(graph, question):
        for one in decode(body, _Customers).value:
            if one.tenantId:
                yield Customer(one.displayName or one.tenantId, {"tenant_id": one.tenantId})
