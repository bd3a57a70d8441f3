"""Applications that people let into their account, or threw out again, as the log of the tokens tells it.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/token, for the events authorize and revoke
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the log for 180 days
Gaps        what somebody agreed to more than 180 days ago is not in the log, nor is what ended by itself, as when a
            password changed: only the module `security` knows what may be used today
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/token
"""

# The log also holds every single call of every application, hundreds for one consent. So the two events that matter
# are asked for by name, which makes two filter queries, over all that the log keeps. What was taken back is read
# first: a consent must not look alive because the log broke off before its end.

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import AppGrant, AuditEvent

from .activities import DONE, KEPT, SCOPE, Activities, listing
from .admin_audits import COLUMNS as CHANGED
from .admin_audits import audit_event

if TYPE_CHECKING:
    from .admin import Admin

COLUMNS = CHANGED | {"parameters": ("target", "details", "app", "scopes"), "profileId": ("account_id",)}


@dataclass(frozen=True, slots=True)
class Changes:
    """One answer, and the beginning of the window: what came before is not news."""

    body: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class Grants:
    """All the answers, packed. Whoever is in `told` has a better source: see noted."""

    bodies: tuple[bytes, ...]
    told: frozenset[str]


def pages(admin: Admin, window: Window) -> Iterator[Changes | Grants | Without]:
    packed: list[bytes] = []

    def asked(name: str) -> Iterator[Changes | Without]:
        for page in listing(admin, "token", window.until - KEPT, window.until, DONE, COLUMNS, name):
            if isinstance(page, bytes):
                packed.append(zlib.compress(page, 1))
                yield Changes(page, window.since)
            else:
                yield page

    yield from asked("revoke")
    try:
        yield from asked("authorize")
    except CollectError:
        yield Grants(tuple(packed), frozenset(admin.noted.granted))
        raise
    yield Grants(tuple(packed), frozenset(admin.noted.granted))


def rows(page: Changes | Grants) -> Iterator[AuditEvent | AppGrant]:
    if isinstance(page, Grants):
        yield from _grants(page)
        return
    for activity in decode(page.body, Activities).items or []:
        if activity.key()[1] < page.since:
            continue
        for index, event in enumerate(activity.listed):
            if event.name in ("authorize", "revoke"):
                yield from audit_event(activity, event, index, "token")


@dataclass(slots=True)
class _Grant:
    app: str | None
    scopes: set[str]


def _grants(page: Grants) -> Iterator[AppGrant]:
    """What is left of every consent after everything that was taken back. Later consents add to earlier ones."""
    found: dict[tuple[str, str], _Grant] = {}
    for _, _, name, account, client, app, scopes in sorted(_events(page.bodies), key=lambda event: event[:3]):
        if name == "authorize":
            grant = found.setdefault((account, client), _Grant(app, set()))
            grant.app = app or grant.app
            grant.scopes |= scopes
        elif (account, client) in found:
            grant = found[account, client]
            grant.scopes -= scopes or set(grant.scopes)
            if not grant.scopes:
                del found[account, client]
    for (account, client), grant in found.items():
        if account not in page.told:
            yield AppGrant(
                grant_id=f"{account}/{client}",
                app_id=client,
                app=grant.app,
                kind="delegated",
                scopes=sorted(grant.scopes),
                consent="one",
                account_id=account,
            )


Change = tuple[datetime, str, str, str, str, str | None, set[str]]


def _events(bodies: Iterable[bytes]) -> Iterator[Change]:
    """When, key of the record, event, account, application's id and name, scopes."""
    for body in bodies:
        for activity in decode(zlib.decompress(body), Activities).items or []:
            key, when = activity.key()
            account = activity.actor.account_id if activity.actor else None
            for event in activity.listed:
                client = next(iter(event.said("client_id")), None)
                if account and client and event.name in ("authorize", "revoke"):
                    scopes = {scope for text in event.said("scope") for scope in text.split()}
                    yield when, key, event.name, account, client, next(iter(event.said("app_name")), None), scopes


DATASET: DataSet[Admin, Any] = DataSet(
    name="token_activities",
    fills=(AuditEvent, AppGrant),
    pages=pages,
    rows=rows,
    tells="which applications people let into their account in the last 180 days",
    source="https://developers.google.com/workspace/admin/reports/v1/appendix/activity/token",
    grants=(SCOPE,),
    stands_in_for="tokens",
    after=("tokens",),
)
