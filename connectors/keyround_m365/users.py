"""Every account of the directory, with its last sign-ins where the plan tells them.

Endpoint    GET /users  (v1.0)
Permission  User.Read.All; signInActivity also needs AuditLog.Read.All
Plan        signInActivity needs Entra ID P1; refused, it takes the whole listing with it
Gaps        last successful sign-in is recorded since 1 December 2023 and may be a day late
Source      https://learn.microsoft.com/graph/api/user-list
            https://learn.microsoft.com/graph/api/resources/signinactivity
"""

# `lastSignInDateTime` counts failed attempts too: it is an attempt, never a use.

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, NotLicensed, Unexpected
from keyround.model import Account

from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

SELECT = (
    "id,userPrincipalName,displayName,accountEnabled,userType,createdDateTime,creationType,externalUserState,"
    "onPremisesSyncEnabled,assignedLicenses,lastPasswordChangeDateTime,passwordPolicies,department"
)
ACTIVITY = ("activity", "last_success_at", "last_noninteractive_at", "unused_since", "last_attempt_at")
# From here on the absence of a date means that there was no such sign-in.
ATTEMPTS_SINCE = datetime(2020, 6, 1)
SUCCESSES_SINCE = datetime(2023, 12, 1)

_PACKAGE = re.compile(r"package_[0-9a-f-]{36}@", re.IGNORECASE)
_SYNC = re.compile(r"sync_|aad_[0-9a-f]+@|adtoaadsyncserviceaccount", re.IGNORECASE)


class _Activity(msgspec.Struct):
    lastSignInDateTime: str | None = None
    lastNonInteractiveSignInDateTime: str | None = None
    lastSuccessfulSignInDateTime: str | None = None


class _User(msgspec.Struct):
    id: str
    userPrincipalName: str | None = None
    displayName: str | None = None
    accountEnabled: bool | None = None
    userType: str | None = None
    createdDateTime: str | None = None
    creationType: str | None = None
    externalUserState: str | None = None
    onPremisesSyncEnabled: bool | UnsetType | None = UNSET
    assignedLicenses: list[msgspec.Raw] | None = None
    lastPasswordChangeDateTime: str | None = None
    passwordPolicies: str | UnsetType | None = UNSET
    department: str | None = None
    signInActivity: _Activity | None = None


class _Users(msgspec.Struct):
    value: list[_User]


class Page(msgspec.Struct, frozen=True):
    """`with_activity`: sign-in dates were asked for, so their absence means something."""

    body: bytes
    with_activity: bool


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    from .graph import Question, listing

    full = Question("users", "User.Read.All and AuditLog.Read.All", select=f"{SELECT},signInActivity", top=500)
    try:
        for body in listing(graph, full):
            yield Page(body, True)
        return
    except (NotGranted, NotLicensed, NotEnabled, Unexpected) as error:
        # Perhaps only the dates are refused: ask again without them. If the
        # listing itself is refused, the second question says so. No code: not a refusal.
        if not error.code:
            raise
        refused: CollectError = error
    first = True
    for body in listing(graph, Question("users", "User.Read.All", select=SELECT, top=999)):
        if first:
            yield Without(ACTIVITY, refused.about("The report cannot say when accounts were last used."))
            first = False
        yield Page(body, False)


def rows(page: Page) -> Iterator[Account]:
    for user in decode(page.body, _Users).value:
        name = user.userPrincipalName or ""
        external = user.creationType == "Invitation" or "#ext#" in name.lower() or bool(user.externalUserState)
        created = instant(user.createdDateTime)
        seen = user.signInActivity or _Activity()
        success = instant(seen.lastSuccessfulSignInDateTime)
        quiet = instant(seen.lastNonInteractiveSignInDateTime)
        attempt = instant(seen.lastSignInDateTime)
        yield Account(
            account_id=user.id,
            username=user.userPrincipalName,
            display_name=user.displayName,
            kind=_kind(user, name, external),
            external=external,
            enabled=user.accountEnabled,
            created_at=created,
            activity=_activity(created, success, quiet, attempt) if page.with_activity else None,
            last_success_at=success,
            last_noninteractive_at=quiet,
            unused_since=_unused_since(created or attempt, success, quiet) if page.with_activity else None,
            last_attempt_at=attempt,
            # A guest has no password here; Graph shows the day of the invitation.
            password_changed_at=None if external else instant(user.lastPasswordChangeDateTime),
            password_never_expires=_never_expires(user.passwordPolicies),
            synced=None if user.onPremisesSyncEnabled is UNSET else bool(user.onPremisesSyncEnabled),
            licensed=None if user.assignedLicenses is None else bool(user.assignedLicenses),
            department=user.department,
        )


def _kind(user: _User, name: str, external: bool) -> str | None:
    if _PACKAGE.match(name):
        return "service"
    if _SYNC.match(name) or user.displayName == "On-Premises Directory Synchronization Service Account":
        return "sync"
    match (user.userType or "").lower():
        case "guest":
            return "guest"
        case "member":
            return "member"
        case "":  # accounts older than the property
            return None if external else "member"
    return None


def _activity(
    created: datetime | None, success: datetime | None, quiet: datetime | None, attempt: datetime | None
) -> str | None:
    """seen, never, or None where the records do not reach back far enough to tell."""
    if success or quiet:
        return "seen"
    if created is None:
        return None
    if attempt is None:
        return "never" if created >= ATTEMPTS_SINCE else None
    return "never" if created >= SUCCESSES_SINCE else None


def _unused_since(existed: datetime | None, success: datetime | None, quiet: datetime | None) -> datetime | None:
    """The last use; without one the account was not used since successes are recorded, or since it is known to exist.

    Graph leaves the date of creation out for old accounts, but for some synchronised ones too: no date is no age.
    """
    used = [when for when in (success, quiet) if when]
    if used:
        return max(used)
    return existed and max(existed, SUCCESSES_SINCE)


def _never_expires(policies: str | UnsetType | None) -> bool | None:
    if isinstance(policies, UnsetType):
        return None
    return "disablepasswordexpiration" in (policies or "").lower()


DATASET = DataSet(
    name="users",
    fills=(Account,),
    pages=pages,
    rows=rows,
    tells="which accounts exist and whether they can sign in",
    source="https://learn.microsoft.com/graph/api/user-list",
    grants=("User.Read.All",),
    optional=dict.fromkeys(ACTIVITY, "AuditLog.Read.All and Entra ID P1"),
)
