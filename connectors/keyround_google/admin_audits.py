"""Changes of the window that matter for who gets in: by administrators, and by people to their own accounts.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/admin and .../user_accounts
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the logs for 180 days
Gaps        the log of administrators names people by address only; a record may arrive hours late; passkeys that
            people add themselves are in the login log (login_signals), consents in that of the tokens
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-event-names
            https://developers.google.com/workspace/admin/reports/v1/appendix/activity/user-accounts
"""

# Both logs are short beside that of the sign-ins: one question each for the whole window, without a filter.

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.model import AuditEvent

from .activities import DONE, SCOPE, Activities, Activity, Actor, Event, Key, Program, listing

if TYPE_CHECKING:
    from .admin import Admin

LOGS = ("admin", "user_accounts")
COLUMNS = {
    "ipAddress": ("address",),
    "email": ("actor", "target"),
    "key": ("actor",),
    "applicationInfo": ("actor",),
    "applicationName": ("actor",),
    "oauthClientId": ("actor_id",),
    "status": ("succeeded",),
    "parameters": ("target", "details"),
}
WORDS = tomllib.loads(resources.files(__package__).joinpath("audit_actions.toml").read_text("utf-8"))
ACTIONS: dict[str, str] = {name: action for action, names in WORDS["actions"].items() for name in names}
NOTHING = frozenset(WORDS["nothing"])
FOLLOWED = frozenset(WORDS["followed"])
TELLING: list[str] = WORDS["telling"]
ENDED = {"SUCCEEDED": True, "SUCCEEDED_WITH_WARNINGS": True, "FAILED": False, "SKIPPED": False, "": True}
ROBOT = ".gserviceaccount.com"


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    for log in LOGS:
        yield from listing(admin, log, window.since, window.until, DONE, COLUMNS)


def rows(page: bytes) -> Iterator[AuditEvent]:
    for activity in decode(page, Activities).items or []:
        log = (activity.id or Key()).applicationName or "admin"
        for index, event in enumerate(activity.listed):
            yield from audit_event(activity, event, index, log)


def action(event: Event) -> str | None:
    """The common word for an event; `other` for a new name among those that we follow, None for what we do not."""
    name = event.name or ""
    if name in ACTIONS:
        return ACTIONS[name]
    if event.type == "APPLICATION_SETTINGS":
        return "security_setting_changed" if event.text("APPLICATION_NAME") == "security" else None
    return "other" if name and name not in NOTHING and event.type in FOLLOWED else None


def audit_event(activity: Activity, event: Event, index: int, log: str) -> Iterator[AuditEvent]:
    """The row of one event, or none where it is not followed. `log` keeps its id apart from those of other logs."""
    done = action(event)
    if done is None:
        return
    key, when = activity.key()
    kind, actor_id, actor = _actor(activity.actor or Actor())
    target_kind, target_id, target = _target(event, actor_id, actor, log)
    yield AuditEvent(
        event_id=f"{log}/{key}/{index}",
        happened_at=when,
        action=done,
        provider_action=event.name,
        succeeded=ENDED.get((event.status.eventStatus or "") if event.status else ""),
        actor_kind=kind,
        actor_id=actor_id,
        actor=actor,
        address=activity.ipAddress or None,
        target_kind=target_kind,
        target_id=target_id,
        target=target,
        details=[value for name in TELLING for value in event.said(name) if value],
    )


def _actor(actor: Actor) -> tuple[str | None, str | None, str | None]:
    """Kind, id and name of whoever did it: a person, a program, or Google itself under a key."""
    email, program = (actor.email or "").lower(), actor.applicationInfo or Program()
    if email.endswith(ROBOT):
        return "app", program.oauthClientId or actor.account_id, email
    if email or actor.account_id:
        return "account", actor.account_id, email or None
    if program.oauthClientId or program.applicationName:
        return "app", program.oauthClientId or None, program.applicationName or None
    return ("app", None, actor.key) if actor.key else (None, None, None)


def _target(
    event: Event, actor_id: str | None, actor: str | None, log: str
) -> tuple[str | None, str | None, str | None]:
    """Kind, id and name of what it was done to. The administrators' log knows people by their address alone."""
    if log in ("user_accounts", "login"):
        return "account", actor_id, actor
    if person := event.text("USER_EMAIL"):
        return "account", actor_id if person == actor else None, person
    for kind, ids, names in WORDS["targets"]:
        key, name = (next((v for one in some for v in event.said(one) if v), None) for some in (ids, names))
        if key or name:
            return kind, key, name
    return None, None, None


DATASET = DataSet(
    name="admin_audits",
    fills=(AuditEvent,),
    pages=pages,
    rows=rows,
    tells="who lately changed second factors, passwords, administrators, settings and accounts",
    source="https://developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-event-names",
    grants=(SCOPE,),
)
