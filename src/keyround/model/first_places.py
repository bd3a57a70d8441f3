"""Table `first_places`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class FirstPlace(Row):
    """One row per account and country of its successful sign-ins in the window, and whether it came from there before.

    Derived, never collected. Left out are accounts that only ever came from one country, and what came from a network
    the client knows.
    """

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "country")

    account_id: Annotated[Id, "Joins accounts."]
    country: Annotated[str | None, "ISO 3166-1 alpha-2; null: not known."] = None
    abroad: Annotated[bool | None, "As in sign_in_places."] = None
    explained: Annotated[str | None, "As in sign_in_places."] = None
    first_at: Annotated[datetime | None, "First of them in the window, UTC."] = None
    last_at: Annotated[datetime | None, "Last of them, UTC."] = None
    records: Annotated[int | None, "Successful sign-ins from there in the window."] = None
    before: Annotated[bool | None, "It also signed in from there before the window; null: a place is not known."] = None
    elsewhere: Annotated[int | None, "Its successful sign-ins from other countries before the first one from here."] = (
        None
    )
    records_since: Annotated[
        datetime | None,
        "First record of the account, UTC, or the end of its month where only that is kept: nothing older is known.",
    ] = None
    addresses: Annotated[list[str] | None, "Up to five IP addresses they came from."] = None
