"""Address -> country, offline, with the name and the date of the database that says so.

DB-IP Lite (CC BY 4.0) comes with the package; `geo_database` in keyround.toml
names another MMDB file. What a database says is evidence, not proof: it is
asked only where the provider named no country, and once, while collecting, so
that a sealed snapshot never changes its mind.
"""

from __future__ import annotations

import io
import lzma
import re
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError
from .model.addresses import parsed

if TYPE_CHECKING:
    from maxminddb.reader import Reader

_BUNDLED = "data/dbip-country.mmdb.xz"
_CODE = re.compile("[A-Z]{2}")
_NOWHERE = frozenset({"XX", "ZZ", "T1", "A1", "A2", "O1", "EU", "AP"})  # no country, or too many of them


class Atlas:
    """A database of countries, opened when the first address needs it. None: the one that comes with the package."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._source = ""
        self.country = lru_cache(65_536)(self._country)

    def check(self) -> None:
        """Raises ConfigError when the configured file is no database; the one of the package needs no check."""
        if self._path:
            self._open()

    def _country(self, address: str | None) -> tuple[str, str] | None:
        """(ISO 3166-1 alpha-2, source) of a public address in any spelling.

        None for an address that belongs to no country (private, local, shared,
        documentation, multicast) and for one that the database does not know.
        Raises ConfigError when the configured file cannot be read.
        """
        where = parsed(address)
        if where is None or not public(where):
            return None
        if self._reader is None:
            # The reader last: another thread that sees it may need the source.
            reader, self._source = self._open()
            self._reader = reader
        code = _code(_found(self._reader, where))
        return (code, self._source) if code else None

    def _open(self) -> tuple[Reader, str]:
        import maxminddb

        try:
            if self._path:
                reader = maxminddb.open_database(str(self._path))
                name = reader.metadata().database_type or self._path.name
            else:
                packed = files(__package__).joinpath(_BUNDLED).read_bytes()
                reader = maxminddb.open_database(io.BytesIO(lzma.decompress(packed)), maxminddb.MODE_FD)
                name = "DB-IP Lite"
            built = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
        except (OSError, ValueError, OverflowError, maxminddb.InvalidDatabaseError) as error:
            raise ConfigError(
                f"geo_database: {self._path} cannot be read as a database of countries: {error}.",
                "Name an MMDB file, such as GeoLite2-Country.mmdb, or leave the setting out.",
            ) from error
        return reader, f"{name} {built:%Y-%m-%d}"


def public(address: IPv4Address | IPv6Address) -> bool:
    """The address belongs to somebody on the Internet, so asking where makes sense."""
    return address.is_global and not address.is_multicast


def _found(reader: Reader, address: IPv4Address | IPv6Address) -> Any:
    import maxminddb

    try:
        return reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):  # a database without IPv6, or damaged in this place
        return None


def _code(record: Any) -> str | None:
    """The country in a record, as DB-IP, MaxMind or IPinfo write it."""
    if not isinstance(record, dict):
        return None
    country = record.get("country_code") or record.get("country")
    text = country.get("iso_code") if isinstance(country, dict) else country
    code = text.strip().upper() if isinstance(text, str) else ""
    return code if _CODE.fullmatch(code) and code not in _NOWHERE else None
