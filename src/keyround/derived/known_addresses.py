"""Addresses of the log that lie in a network the client knows: by configuration, or as a trusted named location.

In Python, since SQL knows no ranges of IPv6 addresses. Only addresses that lie in one are kept, so millions of others
cost time and no memory.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Any

from ..model import KnownAddress, arrow_schema
from ..model.addresses import parsed
from ..model.arrays import arrow_array
from ..terms import Terms

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

Range = tuple[IPv4Network | IPv6Network, str, str]
"""A range of addresses, the name of its network, and who says so."""
_AT_ONCE = 50_000


def known_addresses(db: duckdb.DuckDBPyConnection, terms: Terms) -> pa.Table:
    """The table. Where several ranges hold an address the narrowest names it, and the client's own before others."""
    import pyarrow as pa

    ranges = [*_configured(terms), *_trusted(db)]
    found: list[tuple[str, str, str, str]] = []
    if ranges:
        of = network_of(ranges)
        rows = db.execute("select tenant, address from sign_ins where address is not null group by tenant, address")
        while some := rows.fetchmany(_AT_ONCE):
            found += [(tenant, address, *network) for tenant, address in some if (network := of(address))]
    schema = arrow_schema(KnownAddress)
    columns = zip(*sorted(found), strict=True) if found else ((),) * len(schema)
    return pa.table([arrow_array(cells, kind) for cells, kind in zip(columns, schema.types, strict=True)], schema)


def network_of(ranges: Iterable[Range]) -> Callable[[str], tuple[str, str] | None]:
    """Address in any spelling -> (name, source) of the narrowest range it lies in.

    One dictionary for each length of prefix: an address costs as many look-ups as there are lengths, not ranges.
    """
    lengths: dict[int, dict[int, dict[int, tuple[str, str]]]] = {4: defaultdict(dict), 6: defaultdict(dict)}
    for network, name, source in ranges:
        spare = network.max_prefixlen - network.prefixlen
        lengths[network.version][spare].setdefault(int(network.network_address) >> spare, (name, source))
    narrowest = {version: sorted(tables.items()) for version, tables in lengths.items()}

    def found(text: str) -> tuple[str, str] | None:
        address = parsed(text)
        if address is None:
            return None
        number = int(address)
        for spare, networks in narrowest[address.version]:
            if network := networks.get(number >> spare):
                return network
        return None

    return found


def _configured(terms: Terms) -> Iterator[Range]:
    for network in terms.networks:
        yield from ((ip_network(one), network.name, "configuration") for one in network.ranges)


def _trusted(db: duckdb.DuckDBPyConnection) -> Iterator[Range]:
    """The ranges of named locations that the tenant's policies trust. One that cannot be read is no known network.

    Source  https://learn.microsoft.com/graph/api/resources/ipnamedlocation
    """
    select = "select document, name from access_policies where kind = 'location' and document is not null order by all"
    for document, name in db.execute(select).fetchall():
        try:
            raw: Any = json.loads(document)
            if raw["isTrusted"] is not True:
                continue
            ranges = [part["cidrAddress"] for part in raw["ipRanges"]]
        except (ValueError, TypeError, KeyError):
            continue
        for one in ranges:
            try:
                network = ip_network(one, strict=False)
            except (ValueError, TypeError):
                continue
            if network.prefixlen:  # everywhere is no network
                yield network, name or str(raw.get("displayName") or raw.get("id")), "trusted_location"
