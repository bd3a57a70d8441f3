"""Sign-ins of the window: who, when, from where, with what result.

Endpoint    GET /auditLogs/signIns  (beta, falling back to v1.0)
Permission  AuditLog.Read.All, application
Plan        Entra ID P1; otherwise 403 Authentication_RequestFromNonPremiumTenantOrB2CTenant
Gaps        kept 30 days; interactive sign-ins only, see noninteractive_sign_ins for the others;
            v1.0 does not say whether a second factor was used
Source      https://learn.microsoft.com/graph/api/signin-list
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import Arrived, DataSet, Window, Without, decode
from keyround.errors import NotEnabled, NotGranted, Unexpected
from keyround.model import SignIn

from .wire import country, instant

if TYPE_CHECKING:
    from .graph import Graph, Question

OUTCOME: dict[int, str] = {0: "success"} | {
    code: outcome
    for outcome, codes in tomllib.loads(
        files(__package__).joinpath("outcomes.toml").read_text(encoding="utf-8")
    ).items()
    for code in codes
}
MODERN = {"browser", "mobile apps and desktop clients"}
# Clients that can only send a password. Two of them also exist in a modern form, which the protocol gives away.
LEGACY = {
    "autodiscover", "exchange activesync", "exchange online powershell", "exchange web services", "imap4",
    "mapi over http", "offline address book", "outlook anywhere (rpc over http)", "outlook service", "other clients",
    "pop3", "reporting web services", "authenticated smtp",
}  # fmt: skip
PAGE = 1000  # records, the most that Graph gives at once
SLICE = 20 * PAGE  # records: what an expired page token or a lost connection may cost
OVERLAP = timedelta(minutes=5)
_NOBODY = ("", "00000000-0000-0000-0000-000000000000")


class _Status(msgspec.Struct):
    errorCode: int | None = None


class _Coordinates(msgspec.Struct):
    latitude: float | None = None
    longitude: float | None = None


class _Location(msgspec.Struct):
    city: str | None = None
    countryOrRegion: str | None = None
    geoCoordinates: _Coordinates | None = None


class _SignIn(msgspec.Struct):
    id: str
    createdDateTime: str | None = None
    userId: str | None = None
    userPrincipalName: str | None = None
    appDisplayName: str | None = None
    ipAddress: str | None = None
    clientAppUsed: str | None = None
    correlationId: str | None = None
    isInteractive: bool | None = None
    status: _Status | None = None
    location: _Location | None = None
    riskLevelDuringSignIn: str | None = None
    authenticationRequirement: str | None = None
    authenticationProtocol: str | None = None
    autonomousSystemNumber: int | None = None
    signInEventTypes: list[str | None] | None = None


class _SignIns(msgspec.Struct):
    value: list[_SignIn]


class _When(msgspec.Struct):
    createdDateTime: str | None = None


class _Times(msgspec.Struct):
    """What slicing needs to know of a page."""

    value: list[_When]
    next: str | None = msgspec.field(name="@odata.nextLink", default=None)


def pages(graph: Graph, window: Window) -> Iterator[bytes | Without | Arrived]:
    for page in _either(graph, window):
        if isinstance(page, bytes):
            graph.sign_in_report = True
        yield page


def _either(graph: Graph, window: Window) -> Iterator[bytes | Without | Arrived]:
    """The preview's pages; where there is no preview, the old report's and what they lack."""
    begun = False
    try:
        for page in sliced(graph, window, beta=True):
            begun = True
            yield page
        return
    except (Unexpected, NotEnabled, NotGranted) as error:
        if begun:
            raise
        refused = error
    for page in sliced(graph, window, beta=False):
        if not begun:
            begun = True
            yield Without(("mfa", "asn"), NotEnabled(
                "Microsoft's preview of the sign-in report is not available here.", "Nothing to repair.",
                "The report cannot say whether a sign-in used a second factor.", refused.code,
            ))  # fmt: skip
        yield page


def sliced(graph: Graph, window: Window, beta: bool, kind: str = "") -> Iterator[bytes | Arrived]:
    """The sign-ins of the window: in one listing, or slice by slice where its first page says that there are many.

    A slice is whole days, the oldest first, since those are forgotten first. What stops a long scan costs it the slice
    under way; those before have arrived. Slices overlap by a few minutes, and a listing may begin again: the store
    keeps one record of each id.
    """
    from .graph import listing

    whole = listing(graph, _question(window.since, window.until, beta, kind))
    for first in whole:
        yield first
        days = _slice_days(decode(first, _Times), window)
        break
    else:
        return
    if not days:
        yield from whole
        return
    since = window.since
    while since < window.until:
        until = min(since + timedelta(days=days), window.until)
        yield from listing(graph, _question(since, min(until + OVERLAP, window.until), beta, kind))
        yield Arrived(since, until)
        since = until


def _slice_days(first: _Times, window: Window) -> int:
    """How many days of the window fill a slice, going by its newest records; 0: all of them."""
    times = [when for record in first.value if (when := instant(record.createdDateTime))]
    if not (first.next and times):
        return 0
    a_day = timedelta(days=1)
    per_day = len(times) / max((window.until - min(times)) / a_day, 1 / 1440)
    if per_day * ((window.until - window.since) / a_day) <= SLICE:
        return 0
    return max(1, int(SLICE / per_day))


def _question(since: datetime, until: datetime, beta: bool, kind: str) -> Question:
    from .graph import Question

    # Of the comparisons only eq, ge and le are documented.
    within = f"createdDateTime ge {since:%Y-%m-%dT%H:%M:%SZ} and createdDateTime le {until:%Y-%m-%dT%H:%M:%SZ}"
    if kind:
        within += f" and signInEventTypes/any(t: t eq '{kind}')"
    return Question("auditLogs/signIns", "AuditLog.Read.All", top=PAGE, filter=within, beta=beta, pace="reports")


def rows(page: bytes) -> Iterator[SignIn]:
    for record in decode(page, _SignIns).value:
        when = instant(record.createdDateTime)
        if when is None:
            raise Unexpected("A sign-in record has no readable time.")
        place = record.location or _Location()
        where = place.geoCoordinates or _Coordinates()
        code = record.status.errorCode if record.status else None
        outcome = None if code is None else OUTCOME.get(code, "failure")
        source = _source(record)
        land = country(place.countryOrRegion)
        yield SignIn(
            sign_in_id=record.id,
            signed_in_at=when,
            account_id=None if record.userId in _NOBODY else record.userId,
            username=record.userPrincipalName.lower() if record.userPrincipalName else None,
            outcome=outcome,
            error_code=None if code is None else str(code),
            correlation_id=record.correlationId or None,
            address=record.ipAddress or None,
            country=land,
            country_source=land and "provider",
            city=place.city or None,
            latitude=where.latitude,
            longitude=where.longitude,
            asn=record.autonomousSystemNumber or None,
            app=record.appDisplayName or None,
            client=record.clientAppUsed or None,
            legacy=_legacy(record),
            mfa=_mfa(record.authenticationRequirement, outcome, source),
            source=source,
            risk=record.riskLevelDuringSignIn or None,
        )


def _legacy(record: _SignIn) -> bool | None:
    client = (record.clientAppUsed or "").lower()
    if client in MODERN:
        return False
    if client not in LEGACY:
        return None
    # A protocol that carries tokens is the modern form of an old client.
    return (record.authenticationProtocol or "none").lower() not in ("oauth2", "devicecode")


def _mfa(requirement: str | None, outcome: str | None, source: str) -> str:
    """What was demanded is on record; that it was also satisfied follows only from success.

    An app that renews its token demands nothing anew: whether its person once passed a second factor is not said.
    """
    match (requirement or "").lower():
        case "singlefactorauthentication" if source == "interactive":
            return "single_factor"
        case "multifactorauthentication" if outcome == "success":
            return "satisfied"
    return "unknown"


def _source(record: _SignIn) -> str:
    kinds = [kind.lower() for kind in record.signInEventTypes or [] if kind]
    return (
        "noninteractive"
        if "noninteractiveuser" in kinds or (not kinds and record.isInteractive is False)
        else "interactive"
    )


DATASET = DataSet(
    name="sign_ins",
    fills=(SignIn,),
    pages=pages,
    rows=rows,
    tells="from where people signed in",
    source="https://learn.microsoft.com/graph/api/signin-list",
    grants=("AuditLog.Read.All",),
    needs_plan="P1",
    optional={"mfa": "the beta report", "asn": "the beta report"},
)
