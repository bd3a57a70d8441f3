"""Table `risk_events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class RiskEvent(Row):
    """One row per account the provider considers at risk, and per event of the window that made it think so."""

    KEY: ClassVar[tuple[str, ...]] = ("source", "event_id")

    event_id: Annotated[Id, "The provider's id of the event; of an account, the account's."]
    source: Annotated[str, "user: the account as a whole; detection: one event."]
    account_id: Annotated[Id | None, "Joins accounts."] = None
    username: Annotated[str | None, "Sign-in name in the record, lower case."] = None
    level: Annotated[str | None, "low, medium, high or none; null also where the plan hides it."] = None
    state: Annotated[
        str | None, "at_risk, confirmed_compromised, remediated, dismissed, confirmed_safe, none, or another word."
    ] = None
    kind: Annotated[str | None, "What was seen, in the provider's word; generic where the plan hides it."] = None
    reason: Annotated[str | None, "Why it is in that state, in the provider's word."] = None
    happened_at: Annotated[datetime | None, "When it was done, UTC."] = None
    detected_at: Annotated[datetime | None, "When the provider noticed, or last changed its mind, UTC."] = None
    address: Annotated[str | None, "IP address."] = None
    country: Annotated[str | None, "ISO 3166-1 alpha-2, as the provider resolved the address."] = None
    correlation_id: Annotated[str | None, "Ties the event to the sign-in it was seen in."] = None
