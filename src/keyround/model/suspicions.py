"""Table `suspicions`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Suspicion(Row):
    """One row per account and reason to doubt that somebody who got in was the person. Derived, never collected."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "reason", "country", "first_at")

    account_id: Annotated[Id, "Joins accounts."]
    reason: Annotated[
        str, "abroad, first_country, impossible_travel, guessed (from where passwords were tried) or provider_risk."
    ]
    country: Annotated[str | None, "Where they came from, ISO 3166-1 alpha-2; null: not known."] = None
    first_at: Annotated[datetime | None, "First of these sign-ins, UTC."] = None
    last_at: Annotated[datetime | None, "Last of them, UTC."] = None
    records: Annotated[int | None, "How many."] = None
    single_factor: Annotated[int | None, "Of these, known to have used the password alone."] = None
    addresses: Annotated[list[str] | None, "Up to five IP addresses they came from."] = None
