"""People: who can sign in, who is an administrator, who is enrolled in 2-Step Verification and made to be.

Endpoint    GET /admin/directory/v1/users
Permission  https://www.googleapis.com/auth/admin.directory.user.readonly
Plan        every edition
Gaps        which second factors a person has is not in the answer, only that there is one; the last login
            counts interactive ones only; whether an account is kept in step by Directory Sync leaves no mark
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import UNSET

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import Account, MfaRegistration, Setting

from .wire import EPOCH, Flag, Wire, flag, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.directory.user.readonly"
SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list"
ENFORCED = "two_step_enforced"
"""Name of the setting that keeps Google's own flag for one account, under the scope `account:ID`."""

COLUMNS = {
    "primaryEmail": ("username",),
    "name": ("display_name",),
    "orgUnitPath": ("org_unit",),
    "isAdmin": ("administrator",),
    "isDelegatedAdmin": ("administrator",),
    "isEnrolledIn2Sv": ("registered", "capable", "methods", "strongest", "weakest"),
    "isEnforcedIn2Sv": (f"settings.{ENFORCED}",),
    "suspended": ("enabled", "status"),
    "suspensionReason": ("status_reason",),
    "archived": ("enabled", "status"),
    "lastLoginTime": ("activity", "last_success_at", "unused_since"),
    "agreedToTerms": (),
    "creationTime": ("created_at",),
    "recoveryEmail": ("recovery_data",),
    "recoveryPhone": ("recovery_data",),
    "isGuestUser": (),
}
"""What the mask asks for, and the columns that stay empty where the server knows no such field."""

MASK = f"nextPageToken,users(id,{','.join(COLUMNS).replace('name,', 'name/fullName,')})"


class Name(Wire):
    fullName: str | None = None


class Flags(Wire):
    """What decides, over the whole listing, whether a flag that is not there is false or was never told."""

    isAdmin: Flag = UNSET
    isDelegatedAdmin: Flag = UNSET
    isEnrolledIn2Sv: Flag = UNSET
    isEnforcedIn2Sv: Flag = UNSET
    suspended: Flag = UNSET
    archived: Flag = UNSET
    agreedToTerms: Flag = UNSET


class User(Flags):
    id: str | int | None = None
    primaryEmail: str | None = None
    name: Name | None = None
    orgUnitPath: str | None = None
    suspensionReason: str | None = None
    isGuestUser: Flag = UNSET
    lastLoginTime: str | int | None = None
    creationTime: str | int | None = None
    recoveryEmail: str | bool | None = None
    recoveryPhone: str | bool | None = None

    def __post_init__(self) -> None:
        """That there is recovery data is all we want to know; what it is goes no further than this line."""
        self.recoveryEmail, self.recoveryPhone = bool(self.recoveryEmail), bool(self.recoveryPhone)


class Glance(Wire):
    users: list[Flags] | None = None


class Users(Wire):
    users: list[User] | None = None


AWAITED = frozenset({"isAdmin", "isDelegatedAdmin", "isEnrolledIn2Sv", "isEnforcedIn2Sv", "suspended", "archived"})
"""Flags without which pages wait for the end of the listing: another page may tell them."""
LEFT_OUT = frozenset({"isAdmin", "isDelegatedAdmin", "suspended", "archived"})
"""Flags that are false for everybody where the answer shows that it leaves out what is false. Those of 2-Step
Verification are not among them: that nobody at all is enrolled has to be said, not concluded."""


@dataclass(slots=True)
class Told:
    """What a listing has told so far.

    Partial answers may leave out a flag that is false. One that somebody has is
    false for the others; one that nobody has was not told. Somebody who is an
    administrator of one kind and has no word about the other shows that false is
    left out altogether, as long as nobody has a false that was written.
    """

    flags: set[str] = field(default_factory=set)
    written: bool = False
    left_out: bool = False
    asked: bool = True
    """Every name of the mask was accepted: what is not there was asked for."""

    def add(self, page: bytes) -> None:
        for user in decode(page, Glance).users or []:
            found = {name: value for name in Flags.__struct_fields__ if (value := getattr(user, name)) is not UNSET}
            self.flags |= {name for name, value in found.items() if value is not None}
            self.written |= False in found.values()
            kinds = [found[name] for name in ("isAdmin", "isDelegatedAdmin") if name in found]
            self.left_out |= kinds == [True]

    @property
    def names(self) -> frozenset[str]:
        shown = self.left_out and not self.written and self.asked
        return frozenset(self.flags | LEFT_OUT) if shown else frozenset(self.flags)


@dataclass(frozen=True, slots=True)
class Page:
    """One page, and the flags that the listing has told of anybody."""

    users: bytes
    told: frozenset[str] = frozenset()


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    told, awaited, held = Told(), set(AWAITED), list[bytes]()
    listing = admin.listing(
        admin.directory.users(), (SCOPE,), COLUMNS,
        customer=admin.customer, maxResults=500, projection="basic", fields=MASK,
    )  # fmt: skip
    try:
        for page in listing:
            if isinstance(page, Without):
                told.asked = False
                awaited -= {name for name in awaited if set(COLUMNS[name]) <= set(page.columns)}
                yield page
                continue
            told.add(page)
            held.append(page)
            if awaited <= told.flags:
                yield from _released(held, told)
    except CollectError:
        yield from _released(held, told)
        raise
    yield from _released(held, told)


def _released(held: list[bytes], told: Told) -> Iterator[Page]:
    while held:
        yield Page(held.pop(0), told.names)


def rows(page: Page) -> Iterator[Account | MfaRegistration | Setting]:
    users = decode(page.users, Users).users or []
    recovery = any(user.recoveryEmail or user.recoveryPhone for user in users)
    for user in users:
        if not user.id:
            continue
        account_id = str(user.id)
        guest = user.isGuestUser is True
        suspended = flag(user.suspended, "suspended" in page.told)
        status = _status(suspended, flag(user.archived, "archived" in page.told))
        created, seen = instant(user.creationTime), instant(user.lastLoginTime)
        activity = _activity(seen, flag(user.agreedToTerms, "agreedToTerms" in page.told))
        last = seen if activity == "seen" else None
        yield Account(
            account_id=account_id,
            username=user.primaryEmail,
            display_name=user.name.fullName if user.name else None,
            kind="guest" if guest else "member",
            external=guest,
            enabled=None if status is None else status == "active",
            created_at=created,
            activity=activity,
            last_success_at=last,
            unused_since=created if activity == "never" else last,
            org_unit=user.orgUnitPath,
            recovery_data=bool(user.recoveryEmail or user.recoveryPhone) if recovery else None,
            status=status,
            status_reason=user.suspensionReason if suspended else None,
            administrator=_administrator(
                flag(user.isAdmin, "isAdmin" in page.told), flag(user.isDelegatedAdmin, "isDelegatedAdmin" in page.told)
            ),
        )
        yield _registration(account_id, flag(user.isEnrolledIn2Sv, "isEnrolledIn2Sv" in page.told))
        demanded = flag(user.isEnforcedIn2Sv, "isEnforcedIn2Sv" in page.told)
        if demanded is not None:
            yield Setting(ENFORCED, "true" if demanded else "false", f"account:{account_id}", "users.list")


def _status(suspended: bool | None, archived: bool | None) -> str | None:
    """An archived account keeps its data for others; whether it is suspended too changes nothing.

    >>> _status(True, True), _status(True, None), _status(False, False), _status(False, None)
    ('archived', 'suspended', 'active', None)
    """
    if archived:
        return "archived"
    if suspended:
        return "suspended"
    return None if suspended is None or archived is None else "active"


def _activity(seen: datetime | None, agreed: bool | None) -> str | None:
    """1970 is Google's word for never; so are terms nobody has agreed to yet, where no login was told.

    >>> _activity(EPOCH, True), _activity(None, False), _activity(None, True)
    ('never', 'never', None)
    """
    if seen is None:
        return "never" if agreed is False else None
    return "never" if seen <= EPOCH else "seen"


def _administrator(highest: bool | None, delegated: bool | None) -> str | None:
    """
    >>> _administrator(True, None), _administrator(False, True), _administrator(False, False)
    ('highest', 'other', 'none')
    """
    if highest:
        return "highest"
    if delegated:
        return "other"
    return None if highest is None or delegated is None else "none"


def _registration(account_id: str, enrolled: bool | None) -> MfaRegistration:
    """Enrolled says that there is a second factor, not which, nor whether the policy still allows it."""
    if enrolled is False:
        return MfaRegistration(account_id, False, False, [], "none", "none", source="users.list")
    return MfaRegistration(account_id, enrolled, source="users.list")


DATASET = DataSet(
    name="users",
    fills=(Account, MfaRegistration, Setting),
    pages=pages,
    rows=rows,
    tells="who has an account, whether 2-Step Verification is set up, and for whom it is enforced",
    source=SOURCE,
    grants=(SCOPE,),
)
