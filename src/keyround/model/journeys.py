"""Table `journeys`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Journey(Row):
    """One row per two successive successful sign-ins of an account that lie far apart for the time between. Derived."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "left_at", "arrived_at", "to_address")

    account_id: Annotated[Id, "Joins accounts."]
    left_at: Annotated[datetime, "The earlier of the two, UTC."]
    arrived_at: Annotated[datetime, "The later, UTC."]
    from_country: Annotated[str | None, "ISO 3166-1 alpha-2."] = None
    to_country: Annotated[str | None, "ISO 3166-1 alpha-2."] = None
    from_place: Annotated[str | None, "City, where it was told."] = None
    to_place: Annotated[str | None, "City, where it was told."] = None
    from_address: Annotated[str | None, "IP address."] = None
    to_address: Annotated[str | None, "IP address."] = None
    km: Annotated[float | None, "Great-circle distance; between countries the least that it can be."] = None
    hours: Annotated[float | None, "Time between them."] = None
    kmh: Annotated[float | None, "The speed it would take, km/h; null: at the same moment."] = None
    by_country: Annotated[bool | None, "A place was not told, so countries were measured."] = None
    same_network: Annotated[
        bool | None,
        "Both came from one network (where the log names none: from one address), or the one that is out of the "
        "ordinary for this account from a network that the client knows; null: not known.",
    ] = None
    people: Annotated[
        int | None, "Accounts that got in from the address that is out of the ordinary: several share an office, a VPN."
    ] = None
