"""Sign-ins of the window: who, when, from where, with what result.

Endpoint    GET /auditLogs/signIns  (beta, falling back to v1.0)
Permission  AuditLog.Read.All, application
Plan        Entra ID P1; otherwise 403 Authentication_RequestFromNonPremiumTenantOrB2CTenant
Gaps        kept 30 days; interactive sign-ins only; v1.0 does not say whether a second factor was used
Source      https://learn.microsoft.com/graph/api/signin-list
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import NotEnabled, NotGranted, Unexpected
from keyround.model import SignIn

from .wire import country, instant

if TYPE_CHECKING:
    from .graph import Graph

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


def pages(graph: Graph, window: Window) -> Iterator[bytes | Without]:
    from .graph import Question, listing

    # Of the comparisons only eq, ge and le are documented.
    within = (
        f"createdDateTime ge {window.since:%Y-%m-%dT%H:%M:%SZ} and createdDateTime le {window.until:%Y-%m-%dT%H:%M:%SZ}"
    )
    question = Question("auditLogs/signIns", "AuditLog.Read.All", top=1000, filter=within, beta=True, pace="reports")
    begun = False
    try:
        for body in listing(graph, question):
            begun = True
            yield body
        return
    except (Unexpected, NotEnabled, NotGranted) as error:
        if begun:
            raise
        refused = error
    for body in listing(graph, Question(question.path, question.grants, top=1000, filter=within, pace="reports")):
        if not begun:
            begun = True
            yield Without(("mfa", "asn"), NotEnabled(
                "Microsoft's preview of the sign-in report is not available here.", "Nothing to repair.",
                "The report cannot say whether a sign-in used a second factor.", refused.code,
            ))  # fmt: skip
        yield body


def rows(page: bytes) -> Iterator[SignIn]:
    for record in decode(page, _SignIns).value:
        when = instant(record.createdDateTime)
        if when is None:
            raise Unexpected("A sign-in record has no readable time.")
        place = record.location or _Location()
        where = place.geoCoordinates or _Coordinates()
        code = record.status.errorCode if record.status else None
        outcome = None if code is None else OUTCOME.get(code, "failure")
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
            mfa=_mfa(record.authenticationRequirement, outcome),
            source=_source(record),
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


def _mfa(requirement: str | None, outcome: str | None) -> str:
    """What was demanded is on record; that it was also satisfied follows only from success."""
    match (requirement or "").lower():
        case "singlefactorauthentication":
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
