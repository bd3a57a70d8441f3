"""Sign-ins to Google accounts, from the login log.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/login
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the log for 180 days
Gaps        mail programs and other clients without a browser are mostly absent; a record may arrive hours late;
            people who sign in elsewhere by SAML leave only the success; no device is named
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import NotEnabled, Unexpected
from keyround.model import SignIn

from .wire import Wire, country, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
SOURCE = "https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login"
KEPT = timedelta(days=180)
NOBODY = "105250506097979753968"
"""Stands where Google withholds or does not know whose profile it is."""

MASK = (
    "nextPageToken,items(id(time,uniqueQualifier),actor(email,profileId),ipAddress,"
    "networkInfo(ipAsn,regionCode,subdivisionCode),events(type,name,parameters))"
)
COLUMNS = {
    "networkInfo": ("country", "city", "asn"),
    "regionCode": ("country",),
    "subdivisionCode": ("city",),
    "ipAsn": ("asn",),
    "ipAddress": ("address",),
}
WORDS = tomllib.loads(resources.files(__package__).joinpath("outcomes.toml").read_text("utf-8"))
OUTCOMES: dict[str, str] = WORDS["outcomes"]
STATUSES: dict[str, str] = {word: status for status, words in WORDS["statuses"].items() for word in words}
FIRST = frozenset(WORDS["methods"]["first"])
SECOND = frozenset(WORDS["methods"]["second"])
PASSWORDLESS = FIRST | frozenset(WORDS["methods"]["passwordless"])
NO_PASSWORD = frozenset(WORDS["clients"]["no_password"])
LEGACY = frozenset(WORDS["clients"]["legacy"])

Scalar = str | int | float | bool | None


class Parameter(Wire):
    name: str | None = None
    value: Scalar = None
    boolValue: Scalar = None
    intValue: Scalar = None
    multiValue: list[Scalar] | None = None
    multiIntValue: list[Scalar] | None = None


class Event(Wire):
    name: str | None = None
    type: str | None = None
    parameters: list[Parameter] | None = None

    def texts(self, name: str) -> list[str]:
        """The values of one parameter in whichever container they came, lower case."""
        for parameter in self.parameters or ():
            if parameter.name == name:
                one = (parameter.value, parameter.boolValue, parameter.intValue)
                values = [*(parameter.multiValue or ()), *(parameter.multiIntValue or ()), *one]
                return [str(value).lower() for value in values if value is not None]
        return []

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def is_true(self, name: str) -> bool:
        return self.text(name) == "true"

    @property
    def status(self) -> str:
        """passed, failed or unknown: how a challenge ended."""
        return STATUSES.get(self.text("login_challenge_status").strip(), "unknown")


class Key(Wire):
    time: str | None = None
    uniqueQualifier: str | int | None = None


class Actor(Wire):
    email: str | None = None
    profileId: str | int | None = None


class Network(Wire):
    ipAsn: list[int | str] | int | str | None = None
    regionCode: str | None = None
    subdivisionCode: str | None = None


class Activity(Wire):
    id: Key | None = None
    actor: Actor | None = None
    ipAddress: str | None = None
    networkInfo: Network | None = None
    events: list[Event] | Event | None = None


class Activities(Wire):
    items: list[Activity] | None = None


UNTOLD = NotEnabled(
    "Google's login log leaves out old mail programs that send nothing but a password.",
    "Nothing to repair: IMAP and POP can be switched off under Apps > Google Workspace > Gmail > End User Access.",
    "The report cannot say whether Google accounts are used through old mail protocols.",
)


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    yield Without(("legacy",), UNTOLD)
    log = admin.reports.activities()
    for since, until in days(window):
        yield from admin.listing(
            log, (SCOPE,), COLUMNS,
            userKey="all", applicationName="login", customerId=admin.customer,
            startTime=f"{since.isoformat(timespec='milliseconds')}Z",
            endTime=f"{until.isoformat(timespec='milliseconds')}Z",
            maxResults=1000, fields=MASK,
        )  # fmt: skip


def days(window: Window) -> Iterator[tuple[datetime, datetime]]:
    """The window cut at midnight, newest first, and no further back than the log reaches."""
    since, until = max(window.since, window.until - KEPT), window.until
    while until > since:
        midnight = (until - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        start = max(midnight, since)
        yield start, until
        until = start


def rows(page: bytes) -> Iterator[SignIn]:
    for activity in decode(page, Activities).items or []:
        events = activity.events if isinstance(activity.events, list) else [activity.events] if activity.events else []
        proven = any(
            e.name == "login_verification" and e.is_true("is_second_factor") and e.status == "passed" for e in events
        )
        for index, event in enumerate(events):
            outcome = outcome_of(event)
            if outcome != "none":
                yield _sign_in(activity, event, index, outcome, proven)


def outcome_of(event: Event) -> str:
    """The class of one event, or `none` when it is not about a sign-in."""
    outcome = OUTCOMES.get(event.name or "", "interrupted" if event.type == "login" else "none")
    if outcome != "step":
        return outcome
    methods = set(event.texts("login_challenge_method"))
    if event.status == "failed" and not event.is_true("is_second_factor") and methods and methods <= PASSWORDLESS:
        return "failure"
    return str(WORDS["steps"][event.status])


def mfa(event: Event, proven: bool) -> str:
    """`satisfied` and `single_factor` only on evidence in the record itself."""
    if event.name == "login_verification":
        return "satisfied" if event.is_true("is_second_factor") and event.status == "passed" else "unknown"
    if event.name != "login_success":
        return "unknown"
    methods = set(event.texts("login_challenge_method"))
    if proven or methods & SECOND:
        return "satisfied"
    if methods == {"password"} and event.text("login_type") not in NO_PASSWORD:
        return "single_factor"
    return "unknown"


def _sign_in(activity: Activity, event: Event, index: int, outcome: str, proven: bool) -> SignIn:
    key, actor, network = activity.id or Key(), activity.actor or Actor(), activity.networkInfo or Network()
    signed_in_at = instant(key.time)
    if signed_in_at is None or key.uniqueQualifier is None:
        raise Unexpected("A record of Google's login log has no time or no qualifier.")
    region, profile = country(network.regionCode), str(actor.profileId or "")
    suspicious = event.is_true("is_suspicious") or (event.name or "").startswith("suspicious_")
    return SignIn(
        sign_in_id=f"{key.time}/{key.uniqueQualifier}/{index}",
        signed_in_at=signed_in_at,
        account_id=profile if profile and profile != NOBODY else None,
        username=(actor.email or event.text("affected_email_address")).lower() or None,
        outcome=outcome,
        error_code=event.name,
        address=activity.ipAddress or None,
        country=region,
        country_source="provider" if region else None,
        city=network.subdivisionCode if region else None,
        asn=_asn(network.ipAsn),
        client=event.text("login_type") or None,
        legacy=True if event.name in LEGACY else None,
        mfa=mfa(event, proven),
        source="interactive",
        risk="suspicious" if suspicious else None,
    )


def _asn(value: list[int | str] | int | str | None) -> int | None:
    first = next(iter(value), None) if isinstance(value, list) else value
    if isinstance(first, str):
        first = int(first) if first.isdecimal() and len(first) <= 10 else None
    return first if first and 0 < first < 2**32 else None


DATASET = DataSet(
    name="login_activities",
    fills=(SignIn,),
    pages=pages,
    rows=rows,
    tells="who signed in, from where, and how",
    source=SOURCE,
    grants=(SCOPE,),
)
