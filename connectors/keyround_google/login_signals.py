"""Google's warnings about accounts, and passkeys that people add and remove: what the login log holds besides sign-ins.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/login
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the log for 180 days
Gaps        a kind of warning that Google adds after this was written is seen only in days whose sign-ins are read anew;
            a suspicious login that Google blocked is among the sign-ins, not here
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login
"""

# Sign-ins of a finished day are in the store and not asked for again; what else that day held is not stored. So
# the days that the sign-ins were read of in this session cost nothing here, since they were noted in passing, and
# for the days before them each event is asked for by name: one question a name, however many sign-ins there were. A
# first scan asks nothing, a later one eleven times. Changes that the log of the accounts repeats (2-Step Verification,
# passwords, recovery data, forwarding) are left to it, see admin_audits: it is short and read whole.

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, Unexpected
from keyround.model import AuditEvent, RiskEvent, Row

from .activities import PLACED, SCOPE, Activities, Activity, Event, listing
from .admin_audits import audit_event
from .wire import EPOCH

if TYPE_CHECKING:
    from .admin import Admin
    from .noted import Noted

SOURCE = "https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login"
COLUMNS = {"networkInfo": ("country",), "regionCode": ("country",), "ipAddress": ("address",)}
WORDS = tomllib.loads(resources.files(__package__).joinpath("outcomes.toml").read_text("utf-8"))
SIGN_INS = frozenset(WORDS["outcomes"]) - frozenset(WORDS["signals"]["risk"])
RISK: list[str] = WORDS["signals"]["risk"]
CHANGES: list[str] = WORDS["signals"]["changes"]
TYPES = frozenset(WORDS["signals"]["types"])
NO_SUCH_NAME = frozenset({"invalid", "invalidParameter", "badRequest", "INVALID_ARGUMENT", "HTTP 400"})

Page = bytes | tuple[Row, ...]
"""An answer of Google's, or what was noted of others."""


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    try:
        yield from _by_name(admin, window.since, admin.noted.login_since or window.until)
    except CollectError:
        yield tuple(admin.noted.signals)
        raise
    yield tuple(admin.noted.signals)
    if admin.noted.unread:
        raise admin.noted.unread


def _by_name(admin: Admin, since: datetime, until: datetime) -> Iterator[bytes | Without]:
    """What the days hold whose sign-ins were not read in this session."""
    names = [*RISK, *CHANGES] if since < until else []
    refused: list[Unexpected] = []
    for name in names:
        try:
            yield from listing(admin, "login", since, until, PLACED, COLUMNS, name)
        except Unexpected as error:  # a server that does not know the name has no such events
            if error.code not in NO_SUCH_NAME:
                raise
            refused.append(error)
    if names and len(refused) == len(names):
        raise refused[0]


def note(noted: Noted, page: bytes) -> None:
    """Keep what a page of the login log holds for us. A warning that makes no sense must not cost the sign-ins."""
    try:
        noted.signals += rows(page)
    except CollectError as error:
        noted.unread = error


def rows(page: Page) -> Iterator[Row]:
    if isinstance(page, tuple):
        yield from page
        return
    for activity in decode(page, Activities).items or []:
        for index, event in enumerate(activity.listed):
            if event.name in CHANGES:
                yield from audit_event(activity, event, index, "login")
            elif event.name in RISK or (event.type in TYPES and event.name and event.name not in SIGN_INS):
                yield _risk(activity, event, index)


def _risk(activity: Activity, event: Event, index: int) -> RiskEvent:
    key, when = activity.key()
    account_id, username = activity.whose(event)
    return RiskEvent(
        event_id=f"login/{key}/{index}",
        source="detection",
        account_id=account_id,
        username=username,
        kind=event.name,
        reason=event.text("sensitive_action_name") or None,
        happened_at=_micros(event) or when,
        detected_at=when,
        address=activity.ipAddress or None,
        country=activity.country,
    )


def _micros(event: Event) -> datetime | None:
    """When the sign-in was that made Google act, which it counts in millionths of a second."""
    text = event.text("login_timestamp")
    try:
        return EPOCH + timedelta(microseconds=int(text)) if text.isdecimal() else None
    except (OverflowError, ValueError):
        return None


DATASET: DataSet[Admin, Any] = DataSet(
    name="login_signals",
    fills=(RiskEvent, AuditEvent),
    pages=pages,
    rows=rows,
    tells="for which accounts Google gave a warning or stepped in, and who added or removed a passkey",
    source=SOURCE,
    grants=(SCOPE,),
    after=("login_activities",),
)
