"""Every account of the directory, with its last sign-ins where the plan tells them, and what its mailbox is for.

Endpoint    GET /users, GET /users/{id}/mailboxSettings/userPurpose  (v1.0)
Permission  User.Read.All; signInActivity also needs AuditLog.Read.All; userPurpose needs MailboxSettings.Read, the
            optional module "mail": without it shared mailboxes and rooms count as members
Plan        signInActivity needs Entra ID P1; refused, it takes the whole listing with it
Gaps        last successful sign-in is recorded since 1 December 2023 and may be a day late; of mailboxes with a
            licence of their own nobody asks, save those of Teams rooms
Source      https://learn.microsoft.com/graph/api/user-list
            https://learn.microsoft.com/graph/api/resources/signinactivity
            https://learn.microsoft.com/graph/api/user-get-mailboxsettings
"""

# `lastSignInDateTime` counts failed attempts too: it is an attempt, never a use.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, NotLicensed, Unexpected
from keyround.model import Account

from .organization import PLANS
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

SELECT = (
    "id,userPrincipalName,displayName,mail,accountEnabled,userType,createdDateTime,creationType,externalUserState,"
    "onPremisesSyncEnabled,assignedLicenses,assignedPlans,lastPasswordChangeDateTime,passwordPolicies,department,"
    "isResourceAccount"
)
ACTIVITY = ("activity", "last_success_at", "last_noninteractive_at", "unused_since", "last_attempt_at")
# From here on the absence of a date means that there was no such sign-in.
ATTEMPTS_SINCE = datetime(2020, 6, 1)
SUCCESSES_SINCE = datetime(2023, 12, 1)

MAILBOX = "MailboxSettings.Read"
PURPOSES = {"shared": "shared", "room": "room", "equipment": "room"}
PERSONAL = frozenset({"user", "linked", "others", "unknownfuturevalue"})
NO_MAILBOX = frozenset(
    {"mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi", "resourcenotfound", "erroritemnotfound",
     "request_resourcenotfound", "errornonexistentmailbox", "errorinvaliduser", "404"}
)  # fmt: skip
UNPLACED = "The report cannot say which of some accounts without a licence are shared mailboxes or rooms."
# Licences of Teams rooms, which no person uses: Meeting Room, Rooms Basic, Rooms Pro.
ROOMS = frozenset(
    {"6070a4c8-34c6-4937-8dfb-39bbc6397a60", "6af4b3d6-14bb-4a2a-960c-6c902aad34f3",
     "4cde982a-ede4-4409-9ae6-b003453c8ea6"}
)  # fmt: skip
INVITATIONS = {"pendingacceptance": "pending", "accepted": "accepted"}

# Accounts that Microsoft's own synchronisation and entitlement management make. A name that merely sounds like a
# machine's makes nobody a machine: whoever is one is left out of the checks.
_PACKAGE = re.compile(r"package_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@", re.IGNORECASE)
_SYNC = re.compile(r"sync_[^@]+_[0-9a-f]{4,}@|aad_[0-9a-f]{8,}@|adtoaadsyncserviceaccount@", re.IGNORECASE)
_SYNC_NAME = "on-premises directory synchronization service account"


class _Activity(msgspec.Struct):
    lastSignInDateTime: str | None = None
    lastNonInteractiveSignInDateTime: str | None = None
    lastSuccessfulSignInDateTime: str | None = None


class _Licence(msgspec.Struct):
    skuId: str | None = None


class _Plan(msgspec.Struct):
    servicePlanId: str | None = None
    capabilityStatus: str | None = None


class _User(msgspec.Struct):
    id: str
    userPrincipalName: str | None = None
    displayName: str | None = None
    mail: str | None = None
    accountEnabled: bool | None = None
    userType: str | None = None
    createdDateTime: str | None = None
    creationType: str | None = None
    externalUserState: str | None = None
    onPremisesSyncEnabled: bool | UnsetType | None = UNSET
    assignedLicenses: list[_Licence] | None = None
    assignedPlans: list[_Plan] | None = None
    lastPasswordChangeDateTime: str | None = None
    passwordPolicies: str | UnsetType | None = UNSET
    department: str | None = None
    isResourceAccount: bool | None = None
    signInActivity: _Activity | None = None

    @property
    def external(self) -> bool:
        invited = self.creationType == "Invitation" or bool(self.externalUserState)
        return invited or "#ext#" in (self.userPrincipalName or "").lower()


class _Purpose(msgspec.Struct):
    """One word; older answers put it into an object."""

    value: Any = None


class _Users(msgspec.Struct):
    value: list[_User]


class Page(msgspec.Struct, frozen=True):
    """`with_activity`: sign-in dates were asked for, so their absence means something.

    `mailboxes` holds what Microsoft said of the mailboxes it was asked about, by account: None where it would not.
    """

    body: bytes
    with_activity: bool
    mailboxes: Mapping[str, bytes | None] = {}


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    said = graph.held()
    ask = not graph.lacks((MAILBOX,))
    for page in _listed(graph):
        if ask and isinstance(page, Page):
            mailboxes, refused = _mailboxes(graph, page.body)
            if isinstance(refused, NotGranted) and not said and not any(mailboxes.values()):
                ask = False  # the token does not say what it may; now Microsoft did
            else:
                page = msgspec.structs.replace(page, mailboxes=mailboxes)
                if refused:
                    yield Without(("kind",), refused.about(UNPLACED))
        yield page


def _listed(graph: Graph) -> Iterator[Page | Without]:
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
            therefore = "The report cannot say when accounts were last used."
            if isinstance(refused, NotLicensed):
                therefore = "When accounts were last used can be told from the audit log alone."
            yield Without(ACTIVITY, refused.about(therefore))
            first = False
        yield Page(body, False)


def _mailboxes(graph: Graph, body: bytes) -> tuple[dict[str, bytes | None], CollectError | None]:
    """What the mailboxes of a page are for, and why some would not say; asked only of what may be nobody's own."""
    from .graph import Question

    asked = [user.id for user in decode(body, _Users).value if _perhaps_nobody(user)]
    found: dict[str, bytes | None] = dict.fromkeys(asked)
    refused: CollectError | None = None
    try:
        for question, answer in graph.batch(
            Question(f"users/{one}/mailboxSettings/userPurpose", MAILBOX) for one in asked
        ):
            account = question.path.split("/")[1]
            if not isinstance(answer, CollectError):
                found[account] = answer[0]
            elif answer.code.lower() in NO_MAILBOX:
                found[account] = b""
            else:
                refused = refused or answer
    except CollectError as error:
        refused = error
    return found, refused


def _perhaps_nobody(user: _User) -> bool:
    licences = {(licence.skuId or "").lower() for licence in user.assignedLicenses or ()}
    unlicensed = user.assignedLicenses is not None and licences <= ROOMS
    return _kind(user) == "member" and not user.external and (unlicensed or bool(user.isResourceAccount))


def rows(page: Page) -> Iterator[Account]:
    for user in decode(page.body, _Users).value:
        external = user.external
        created = instant(user.createdDateTime)
        seen = user.signInActivity or _Activity()
        success = instant(seen.lastSuccessfulSignInDateTime)
        quiet = instant(seen.lastNonInteractiveSignInDateTime)
        attempt = instant(seen.lastSignInDateTime)
        yield Account(
            account_id=user.id,
            username=user.userPrincipalName,
            display_name=user.displayName,
            kind=_kind(user, page.mailboxes.get(user.id, b"")),
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
            mail=user.mail,
            premium=_premium(user.assignedPlans),
            invitation=INVITATIONS.get((user.externalUserState or "").lower(), user.externalUserState or None),
        )


def _kind(user: _User, mailbox: bytes | None = b"") -> str | None:
    """`mailbox` is what Microsoft said of it: nothing where nobody asked or there is none, None where it would not."""
    if _PACKAGE.match(user.userPrincipalName or ""):
        return "service"
    if _SYNC.match(user.userPrincipalName or "") or (user.displayName or "").lower() == _SYNC_NAME:
        return "sync"
    purpose = None if mailbox is None else _purpose(mailbox)
    match (user.userType or "").lower():
        case "guest":
            return "guest"
        case "member":
            return purpose
        case "":  # accounts older than the property
            return None if user.external else purpose
    return None


def _purpose(mailbox: bytes) -> str:
    """member, shared, room, or Microsoft's own word where it has a new one."""
    value = decode(mailbox, _Purpose).value if mailbox else None
    if isinstance(value, dict):
        value = value.get("value")
    word = value.lower() if isinstance(value, str) and value else "user"
    return "member" if word in PERSONAL else PURPOSES.get(word, word)


def _premium(plans: list[_Plan] | None) -> bool | None:
    if plans is None:
        return None
    return any(
        (plan.servicePlanId or "").lower() in PLANS and plan.capabilityStatus in ("Enabled", "Warning")
        for plan in plans
    )


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
    optional=dict.fromkeys(ACTIVITY, "AuditLog.Read.All and Entra ID P1") | {"kind": MAILBOX},
)
