"""What Google's Alert Center told the administrators.

Endpoint    GET https://alertcenter.googleapis.com/v1beta1/alerts
Permission  https://www.googleapis.com/auth/apps.alerts, which could also delete alerts: Google has no scope that only
            reads them. Service account with domain-wide delegation only
Plan        every edition; some kinds of alert need a larger one
Gaps        an alert names an account where it is about one; the address alone tells the country, offline
Source      https://developers.google.com/workspace/admin/alertcenter/reference/rest/v1beta1/alerts/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import Unexpected
from keyround.model import RiskEvent

from . import modules
from .wire import Wire, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/apps.alerts"
SOURCE = "https://developers.google.com/workspace/admin/alertcenter/reference/rest/v1beta1/alerts/list"
MASK = "nextPageToken,alerts(alertId,createTime,startTime,type,source,deleted,metadata(status,severity),data)"
COLUMNS = {
    "metadata": ("level", "state"),
    "severity": ("level",),
    "status": ("state",),
    "data": ("username", "address"),
}
WHOSE = (
    "email", "userEmail", "superAdminPasswordResetEvent.userEmail", "primaryAdminChangedEvent.updatedAdminEmail",
    "actorEmail",
)  # fmt: skip
"""Where the many kinds of alert name an account: the one it happened to, before the one who did it."""


class Metadata(Wire):
    status: str | None = None
    severity: str | None = None


class Alert(Wire):
    """`data` has another shape for every kind of alert, so nothing is taken for granted about it."""

    alertId: str | None = None
    createTime: str | None = None
    startTime: str | None = None
    type: str | None = None
    source: str | None = None
    deleted: bool | None = None
    metadata: Metadata | None = None
    data: Any = None


class Alerts(Wire):
    alerts: list[Alert] | None = None


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    within = f'createTime >= "{window.since:%Y-%m-%dT%H:%M:%SZ}" AND createTime <= "{window.until:%Y-%m-%dT%H:%M:%SZ}"'
    yield from admin.listing(
        admin.alerts.alerts(), (SCOPE,), COLUMNS,
        customerId=admin.customer.removeprefix("C"), filter=within, orderBy="create_time desc", pageSize=500,
        fields=MASK,
    )  # fmt: skip


def rows(page: bytes) -> Iterator[RiskEvent]:
    for alert in decode(page, Alerts).alerts or []:
        created = instant(alert.createTime)
        if created is None or not alert.alertId:
            raise Unexpected("An alert has no id or no readable time.")
        data, metadata = _object(alert.data), alert.metadata or Metadata()
        login = _object(data.get("loginDetails"))
        signed_in_at = instant(_text(login.get("loginTime")))
        yield RiskEvent(
            event_id=alert.alertId,
            source="detection",
            username=next((text.lower() for path in WHOSE if (text := _told(data, path))), None),
            level=_word(metadata.severity),
            state="deleted" if alert.deleted else _word(metadata.status),
            kind=alert.type or alert.source or None,
            reason=_reason(alert, data),
            happened_at=signed_in_at or instant(alert.startTime) or created,
            detected_at=created,
            address=_text(login.get("ipAddress")),
        )


def _reason(alert: Alert, data: Mapping[str, Any]) -> str | None:
    """Whether somebody got in: Google gives the time of a suspicious login only where it did not block it."""
    if "login" not in (alert.type or "").lower() or "loginDetails" not in data:
        return None
    return "signed in" if _text(_object(data["loginDetails"]).get("loginTime")) else "blocked"


def _word(word: str | None) -> str | None:
    """A word of Google's in lower case; None for one that says nothing."""
    said = (word or "").lower()
    return None if not said or said.endswith("unspecified") else said


def _told(data: Mapping[str, Any], path: str) -> str | None:
    """The text at `path`, a name or a name within an object."""
    outer, _, inner = path.rpartition(".")
    return _text((_object(data.get(outer)) if outer else data).get(inner))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return (value.strip() or None) if isinstance(value, str) else None


DATASET = modules.optional(
    DataSet(
        name="alerts",
        fills=(RiskEvent,),
        pages=pages,
        rows=rows,
        tells="what Google's Alert Center told the administrators",
        source=SOURCE,
        grants=(SCOPE,),
        module="alerts",
    )
)
