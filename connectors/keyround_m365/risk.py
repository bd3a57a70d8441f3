"""Accounts that Microsoft considers at risk, and what made it think so.

Endpoint    GET /identityProtection/riskyUsers, GET /identityProtection/riskDetections  (v1.0)
Permission  IdentityRiskyUser.Read.All; IdentityRiskEvent.Read.All
Plan        the accounts need Entra ID P2; the events P1, and P2 to be called by their names instead of `generic`
Gaps        events are kept 30 days (P1) or 90 days (P2); levels and kinds may be hidden
Source      https://learn.microsoft.com/graph/api/riskyuser-list
            https://learn.microsoft.com/graph/api/riskdetection-list
"""

# One request a second for the whole tenant, whoever asks, and no word on how long to wait: the family of the policies.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.errors import Unexpected
from keyround.model import RiskEvent

from . import modules
from .wire import country, instant

if TYPE_CHECKING:
    from .graph import Graph

STATES = {
    "none": "none",
    "confirmedsafe": "confirmed_safe",
    "remediated": "remediated",
    "dismissed": "dismissed",
    "atrisk": "at_risk",
    "confirmedcompromised": "confirmed_compromised",
}
_HIDDEN = ("", "hidden", "unknownfuturevalue")


class _User(msgspec.Struct):
    id: str
    riskLevel: str | None = None
    riskState: str | None = None
    riskDetail: str | None = None
    riskLastUpdatedDateTime: str | None = None
    userPrincipalName: str | None = None


class _Users(msgspec.Struct):
    value: list[_User]


class _Location(msgspec.Struct):
    countryOrRegion: str | None = None


class _Detection(msgspec.Struct):
    id: str
    userId: str | None = None
    userPrincipalName: str | None = None
    riskEventType: str | None = None
    riskLevel: str | None = None
    riskState: str | None = None
    riskDetail: str | None = None
    activityDateTime: str | None = None
    detectedDateTime: str | None = None
    ipAddress: str | None = None
    location: _Location | None = None
    correlationId: str | None = None


class _Detections(msgspec.Struct):
    value: list[_Detection]


def user_pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question, listing

    grants = "IdentityRiskyUser.Read.All"
    yield from listing(graph, Question("identityProtection/riskyUsers", grants, top=500, pace="policies"))


def user_rows(page: bytes) -> Iterator[RiskEvent]:
    for user in decode(page, _Users).value:
        yield RiskEvent(
            event_id=user.id,
            source="user",
            account_id=user.id,
            username=user.userPrincipalName.lower() if user.userPrincipalName else None,
            level=_said(user.riskLevel),
            state=_state(user.riskState),
            reason=_reason(user.riskDetail),
            detected_at=instant(user.riskLastUpdatedDateTime),
        )


def detection_pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question, listing

    path, grants = "identityProtection/riskDetections", "IdentityRiskEvent.Read.All"
    within = f"detectedDateTime ge {window.since:%Y-%m-%dT%H:%M:%SZ}"
    yield from listing(graph, Question(path, grants, top=500, filter=within, pace="policies"))


def detection_rows(page: bytes) -> Iterator[RiskEvent]:
    for event in decode(page, _Detections).value:
        happened, detected = instant(event.activityDateTime), instant(event.detectedDateTime)
        if happened is None and detected is None:
            raise Unexpected("A risk event has no readable time.")
        yield RiskEvent(
            event_id=event.id,
            source="detection",
            account_id=event.userId or None,
            username=event.userPrincipalName.lower() if event.userPrincipalName else None,
            level=_said(event.riskLevel),
            state=_state(event.riskState),
            kind=event.riskEventType or None,
            reason=_reason(event.riskDetail),
            happened_at=happened,
            detected_at=detected,
            address=event.ipAddress or None,
            country=country(event.location.countryOrRegion) if event.location else None,
            correlation_id=event.correlationId or None,
        )


def _said(word: str | None) -> str | None:
    """A word in lower case; None for one that hides what it should say."""
    said = (word or "").lower()
    return None if said in _HIDDEN else said


def _state(word: str | None) -> str | None:
    said = _said(word)
    return STATES.get(said, word) if said else None


def _reason(word: str | None) -> str | None:
    return word if _said(word) not in (None, "none") else None


USERS = modules.optional(
    DataSet(
        name="risky_users",
        fills=(RiskEvent,),
        pages=user_pages,
        rows=user_rows,
        tells="which accounts Microsoft considers at risk",
        source="https://learn.microsoft.com/graph/api/riskyuser-list",
        grants=("IdentityRiskyUser.Read.All",),
        needs_plan="P2",
        module="risk",
    )
)
DETECTIONS = modules.optional(
    DataSet(
        name="risk_detections",
        fills=(RiskEvent,),
        pages=detection_pages,
        rows=detection_rows,
        tells="which sign-ins Microsoft holds for risky, and why",
        source="https://learn.microsoft.com/graph/api/riskdetection-list",
        grants=("IdentityRiskEvent.Read.All",),
        needs_plan="P1",
        module="risk",
    )
)
