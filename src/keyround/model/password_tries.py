"""Table `password_tries`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class PasswordTry(Row):
    """One row per account, address and hour in which passwords were refused, where it is more than somebody's slip.

    Derived, never collected. Left out is who had got in from that address before, and an address from which more people
    get in than were tried: an office that nobody named.
    """

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "username", "address", "hour", "wrong")

    hour: Annotated[datetime, "The hour it was in, UTC."]
    tries: Annotated[int, "Records of it."]
    account_id: Annotated[Id | None, "Joins accounts; null when the records name no known account."] = None
    username: Annotated[str | None, "Sign-in name in the records, where no account is known."] = None
    address: Annotated[str | None, "IP address they came from."] = None
    wrong: Annotated[bool | None, "A password was refused; null: it may have been."] = None
    first_at: Annotated[datetime | None, "First of them, UTC."] = None
    last_at: Annotated[datetime | None, "Last of them, UTC."] = None
    country: Annotated[str | None, "Where they came from, ISO 3166-1 alpha-2; null: not known."] = None
    known: Annotated[bool | None, "The address lies in a network the client knows."] = None
    followed: Annotated[bool | None, "The same account got in from this address afterwards; null: perhaps."] = None
    users: Annotated[int | None, "Names that were tried from this address on that day."] = None
    entered: Annotated[list[str] | None, "Up to five names that got in from this address since it began."] = None
