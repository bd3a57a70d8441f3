"""How each domain signs people in, and how long their passwords last.

Endpoint    GET /domains, GET /domains/{id}/federationConfiguration  (v1.0)
Permission  Domain.Read.All (Directory.Read.All is accepted); Domain-InternalFederation.Read.All for federated ones
Gaps        for accounts copied from an on-premises directory its own password policy may decide instead
Source      https://learn.microsoft.com/graph/api/domain-list
            https://learn.microsoft.com/graph/api/domain-list-federationconfiguration
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import Setting

from .modules import spared
from .wire import flag

if TYPE_CHECKING:
    from .graph import Graph

GRANTS = "Domain.Read.All or Directory.Read.All"
FEDERATION = "Domain-InternalFederation.Read.All"
NEVER = 2147483647  # days, in Graph's own writing
UNREAD = "The report cannot say whether another sign-in service is trusted to ask for the second factor."
_FEDERATED = "federated"


class _Domain(msgspec.Struct):
    id: str
    authenticationType: str | None = None
    isRoot: bool | None = None
    isVerified: bool | None = None
    passwordValidityPeriodInDays: int | None = None


class _Domains(msgspec.Struct):
    value: list[_Domain]


class _Federation(msgspec.Struct):
    issuerUri: str | None = None
    federatedIdpMfaBehavior: str | None = None
    nextSigningCertificate: str | UnsetType | None = UNSET


class _Federations(msgspec.Struct):
    value: list[_Federation]


class Page(msgspec.Struct, frozen=True):
    """Every page of domains, and of each federated one that could be read its configuration."""

    domains: tuple[bytes, ...]
    federations: dict[str, bytes]


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    from .graph import Question, listing

    bodies = tuple(listing(graph, Question("domains", GRANTS)))
    domains = {domain.id.lower(): domain for body in bodies for domain in decode(body, _Domains).value}
    federations = {}
    for name, domain in domains.items():
        if _type(domain) == _FEDERATED and _root(name, domains) == name:
            try:
                federations[name] = graph.one(Question(f"domains/{domain.id}/federationConfiguration", FEDERATION))
            except CollectError as error:
                yield Without(("federated_mfa",), spared(error, UNREAD))
    yield Page(bodies, federations)


def rows(page: Page) -> Iterator[Setting]:
    domains = {domain.id.lower(): domain for body in page.domains for domain in decode(body, _Domains).value}
    for name, domain in domains.items():
        if domain.isVerified is False:  # nobody can sign in with it yet
            continue
        root = _root(name, domains)
        days = domain.passwordValidityPeriodInDays
        days = domains[root].passwordValidityPeriodInDays if days is None else days
        values = {
            "domain_authentication": _type(domain),
            "password_validity_days": "never" if days == NEVER else None if days is None else str(days),
        }
        if values["domain_authentication"] == _FEDERATED:
            found = decode(page.federations[root], _Federations).value if root in page.federations else []
            federation = found[0] if len(found) == 1 else _Federation()
            values["federated_mfa"] = federation.federatedIdpMfaBehavior
            values["federation_issuer"] = federation.issuerUri
            second = federation.nextSigningCertificate
            values["federation_second_certificate"] = None if second is UNSET else flag(bool(second))
        for setting, value in values.items():
            yield Setting(setting, value, f"domain:{name}", "domains")


def _type(domain: _Domain) -> str | None:
    return domain.authenticationType and domain.authenticationType.lower()


def _root(name: str, domains: dict[str, _Domain]) -> str:
    """The domain whose settings hold: a subdomain inherits from the one it is part of, as far as that is signed in
    the same way."""
    above = name.partition(".")[2]
    while above:
        if above in domains and domains[name].isRoot is False and _type(domains[above]) == _type(domains[name]):
            return _root(above, domains)
        above = above.partition(".")[2]
    return name


DATASET = DataSet(
    name="domains",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="how each domain signs people in and when passwords expire",
    source="https://learn.microsoft.com/graph/api/domain-list",
    grants=(GRANTS,),
    required=False,
    optional={"federated_mfa": FEDERATION},
)
