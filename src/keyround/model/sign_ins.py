"""Table `sign_ins`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row

OUTCOMES = ("success", "stopped_after_password", "blocked", "failure", "interrupted")
"""Weightiest first: where one sign-in is reported more than once, the first of these is what became of it."""


@dataclass(frozen=True, slots=True)
class SignIn(Row):
    """One row per sign-in record, successful or not."""

    KEY: ClassVar[tuple[str, ...]] = ("sign_in_id",)

    sign_in_id: Annotated[Id, "The provider's id of the record; the same id is the same sign-in."]
    signed_in_at: Annotated[datetime, "UTC."]
    account_id: Annotated[Id | None, "Joins accounts; null when the record names no known account."] = None
    username: Annotated[str | None, "Sign-in name in the record, lower case."] = None
    outcome: Annotated[str | None, "success, stopped_after_password, blocked, failure or interrupted."] = None
    error_code: Annotated[str | None, "The provider's code or event name behind the outcome."] = None
    correlation_id: Annotated[str | None, "Ties the records of one sign-in together."] = None
    address: Annotated[str | None, "IP address the sign-in came from."] = None
    country: Annotated[str | None, "ISO 3166-1 alpha-2; null: not known, and never abroad."] = None
    country_source: Annotated[str | None, "Who said so: provider, or the name and date of a database."] = None
    city: Annotated[str | None, "City or subdivision, as the provider resolved the address."] = None
    latitude: Annotated[float | None, "Degrees north."] = None
    longitude: Annotated[float | None, "Degrees east."] = None
    asn: Annotated[int | None, "Autonomous system number of the network."] = None
    app: Annotated[str | None, "Application signed in to."] = None
    client: Annotated[str | None, "Client or protocol, in the provider's words."] = None
    legacy: Annotated[bool | None, "An old mail protocol that cannot ask for a second factor."] = None
    mfa: Annotated[str | None, "satisfied, single_factor or unknown."] = None
    source: Annotated[
        str | None, "interactive, noninteractive, audit, or saml: to another application, through the provider."
    ] = None
    risk: Annotated[str | None, "The provider's own risk word for this sign-in."] = None
    method: Annotated[
        str | None,
        "Second factor it succeeded with, a common word or the provider's; null: none or not told.",
    ] = None
