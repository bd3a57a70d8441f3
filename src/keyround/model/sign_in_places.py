"""Table `sign_in_places`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class SignInPlace(Row):
    """One row per account, country, outcome and what explains it: the window's sign-ins, counted. Derived."""

    KEY: ClassVar[tuple[str, ...]] = (
        "account_id",
        "username",
        "country",
        "outcome",
        "legacy",
        "abroad",
        "explained",
        "redeemed",
    )

    account_id: Annotated[Id | None, "Joins accounts; null when the records name no known account."] = None
    username: Annotated[str | None, "Sign-in name in the records, where no account is known."] = None
    country: Annotated[str | None, "ISO 3166-1 alpha-2; null: not known."] = None
    outcome: Annotated[str | None, "As in sign_ins."] = None
    legacy: Annotated[bool | None, "As in sign_ins."] = None
    abroad: Annotated[
        bool | None, "Outside the home countries of this person and of no known network; null: not known."
    ] = None
    records: Annotated[int | None, "Distinct sign-in records."] = None
    single_factor: Annotated[int | None, "Of these, known to have used the password alone."] = None
    first_at: Annotated[datetime | None, "First of them, UTC."] = None
    last_at: Annotated[datetime | None, "Last of them, UTC."] = None
    addresses: Annotated[list[str] | None, "Up to five IP addresses they came from; only of those from abroad."] = None
    apps: Annotated[list[str] | None, "Up to five applications they were to; only of those from abroad."] = None
    looked_up_in: Annotated[str | None, "Name and date of the database that named the country; null: the provider."] = (
        None
    )
    explained: Annotated[
        str | None,
        "What explains it: trip; network, where a known one is why it is not abroad; nothing. Null: nothing has to.",
    ] = None
    redeemed: Annotated[
        bool | None,
        "Of those stopped after the password abroad: the same person got in within minutes; null: not known.",
    ] = None
    satisfied: Annotated[int | None, "Of these, known to have used a second factor."] = None
