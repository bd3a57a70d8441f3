"""Which tenant this is and what its subscriptions include.

Endpoint    GET /organization, GET /subscribedSkus  (v1.0)
Permission  Organization.Read.All (Directory.Read.All is accepted for both)
Source      https://learn.microsoft.com/graph/api/organization-list
            https://learn.microsoft.com/graph/api/subscribedsku-list
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Identity, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, Unexpected
from keyround.model import Setting, Tenant

from .wire import country, instant

if TYPE_CHECKING:
    from .graph import Graph, Question

FIELDS = "id,displayName,countryLetterCode,createdDateTime,verifiedDomains"
GRANTS = "Organization.Read.All (or Directory.Read.All)"
PLANS = {
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d": "P1",
    "eec0eb4f-6444-4f95-aba0-50c24d67f998": "P2",
}
"""Entra service plan ids. A P2 plan includes everything of P1."""


class _Domain(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    isDefault: bool | None = None


class _Organization(msgspec.Struct):
    id: str
    displayName: str | None = None
    countryLetterCode: str | None = None
    createdDateTime: str | None = None
    verifiedDomains: list[_Domain] | None = None


class _Organizations(msgspec.Struct):
    value: list[_Organization]


class _Units(msgspec.Struct):
    enabled: int | None = None
    warning: int | None = None


class _Plan(msgspec.Struct):
    servicePlanId: str | None = None
    provisioningStatus: str | None = None


class _Sku(msgspec.Struct):
    skuPartNumber: str | None = None
    capabilityStatus: str | None = None
    prepaidUnits: _Units | None = None
    servicePlans: list[_Plan] | None = None


class _Skus(msgspec.Struct):
    value: list[_Sku]


def _question(path: str, select: str = "") -> Question:
    from .graph import Question

    return Question(path, GRANTS, select=select)


def identify(graph: Graph) -> Identity:
    """What the token and the tenant say this tenant is. Raises CollectError when neither can be had.

    A token that names its tenant is enough where /organization itself is
    refused: Entra issued it for that tenant and no other.
    """
    from .graph import tenant_of

    own = own_access(graph)
    claims = {tid} if (tid := tenant_of(graph.token())) else set[str]()
    try:
        body = graph.own = graph.one(_question("organization", FIELDS))
    except (NotGranted, NotEnabled, Unexpected):
        if not claims:
            raise
        return Identity(frozenset(claims), own=own)
    for organization in decode(body, _Organizations).value:
        return Identity(frozenset({*claims, organization.id.lower()}), organization.displayName, own)
    return Identity(frozenset(claims), own=own)


def own_access(graph: Graph) -> frozenset[str]:
    """The application that asks, by its id everywhere and the one it has here; or the person who signed in."""
    from .graph import token_claims

    claims = token_claims(graph.token())
    told = (graph.app, *(claims.get(name) for name in ("appid", "azp", "oid")))
    return frozenset(one.lower() for one in told if isinstance(one, str) and one)


def pages(graph: Graph, window: Window) -> Iterator[tuple[bytes, bytes | None] | Without]:
    own = graph.own or graph.one(_question("organization", FIELDS))
    graph.domains = domains(decode(own, _Organizations).value)
    skus: bytes | None = None
    try:
        skus = graph.one(_question("subscribedSkus"))
        subscribed = decode(skus, _Skus).value
        graph.premium = bool({"P1", "P2"} & set(plans(subscribed)))
        graph.plans = service_plans(subscribed)
    except CollectError as error:
        skus = None
        yield Without(("plans",), error)
    yield own, skus


def rows(page: tuple[bytes, bytes | None]) -> Iterator[Tenant | Setting]:
    own, skus = page
    for organization in decode(own, _Organizations).value[:1]:
        domains = organization.verifiedDomains or []
        yield Tenant(
            provider="m365",
            name=organization.displayName,
            primary_domain=next((d.name for d in domains if d.isDefault), None),
            country=country(organization.countryLetterCode),
            created_at=instant(organization.createdDateTime),
            plans=None if skus is None else plans(decode(skus, _Skus).value),
        )
        for domain in domains:
            if domain.name and (domain.type or "").lower() in ("managed", "federated"):
                yield Setting(
                    "verified_domain", (domain.type or "").lower(), f"domain:{domain.name.lower()}", "organization"
                )
    if skus is not None:
        yield Setting("p1_seats", str(p1_seats(decode(skus, _Skus).value)), source="subscribedSkus")


def domains(organizations: list[_Organization]) -> frozenset[str] | None:
    """The organisation's own domains, lower case; None where it does not say."""
    found = [domain.name.lower() for own in organizations for domain in own.verifiedDomains or [] if domain.name]
    return frozenset(found) or None


def plans(skus: list[_Sku]) -> list[str]:
    """P1 and P2 where a live subscription provides them, then the names of all live subscriptions."""
    found = {
        PLANS[plan.servicePlanId.lower()]
        for sku in _live(skus)
        for plan in sku.servicePlans or []
        if plan.servicePlanId and plan.servicePlanId.lower() in PLANS and plan.provisioningStatus == "Success"
    }
    if "P2" in found:
        found.add("P1")
    return [*sorted(found), *sorted({sku.skuPartNumber for sku in _live(skus) if sku.skuPartNumber})]


def service_plans(skus: list[_Sku]) -> frozenset[str]:
    """Ids, lower case, of the service plans that live subscriptions hold, also where one is not set up yet."""
    return frozenset(
        plan.servicePlanId.lower()
        for sku in _live(skus)
        for plan in sku.servicePlans or []
        if plan.servicePlanId and plan.provisioningStatus != "Disabled"
    )


def _live(skus: list[_Sku]) -> list[_Sku]:
    return [sku for sku in skus if sku.capabilityStatus in ("Enabled", "Warning") and _seats(sku)]


def p1_seats(skus: list[_Sku]) -> int:
    """For how many people a live subscription includes Entra ID P1; one who is counted in two counts twice."""
    return sum(_seats(sku) for sku in skus if {"P1", "P2"} & set(plans([sku])))


def _seats(sku: _Sku) -> int:
    units = sku.prepaidUnits or _Units()
    return (units.enabled or 0) + (units.warning or 0)


DATASET = DataSet(
    name="organization",
    fills=(Tenant, Setting),
    pages=pages,
    rows=rows,
    tells="what the tenant is called, where it is and what its plan includes",
    source="https://learn.microsoft.com/graph/api/organization-list",
    grants=("Organization.Read.All",),
    optional={"plans": "LicenseAssignment.Read.All"},
)
