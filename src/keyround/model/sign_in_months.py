"""Table `sign_in_months`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class SignInMonth(Row):
    """One row per person, country, month and outcome of sign-ins whose own records were removed when their time was
    over. Counted by the store, never collected; none of these records is in sign_ins as well.
    """

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "username", "country", "month", "outcome", "unattended")

    account_id: Annotated[Id | None, "Joins accounts; null when the records named no known account."] = None
    username: Annotated[str | None, "Sign-in name, lower case, only of records that named no account."] = None
    country: Annotated[str | None, "ISO 3166-1 alpha-2; null: not known."] = None
    month: Annotated[datetime | None, "First day of the month, UTC."] = None
    ended: Annotated[
        datetime | None,
        "Every one of them is older than this, UTC: the month's end, or the day up to which it was counted.",
    ] = None
    outcome: Annotated[str | None, "As in sign_ins."] = None
    unattended: Annotated[bool | None, "By an app on its own (source noninteractive); null: not told."] = None
    records: Annotated[int | None, "How many."] = None
