"""People, and whether each is enrolled in 2-Step Verification and made to be.

Endpoint    GET /admin/directory/v1/users
Permission  https://www.googleapis.com/auth/admin.directory.user.readonly
Plan        every edition
Gaps        which second factors a person has is not in the answer, only that there is one; the last login
            counts interactive ones only
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/users/list
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET

from keyround.connector import DataSet, Window, Without, decode
from keyround.model import Account, MfaRegistration, Setting

from .wire import EPOCH, Flag, Wire, flag, instant, said

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
    "isEnrolledIn2Sv": ("registered", "capable", "methods", "strongest", "weakest"),
    "isEnforcedIn2Sv": (f"settings.{ENFORCED}",),
    "suspended": ("enabled",),
    "archived": ("enabled",),
    "lastLoginTime": ("activity", "last_success_at"),
    "creationTime": ("created_at",),
    "recoveryEmail": ("recovery_data",),
    "recoveryPhone": ("recovery_data",),
    "isGuestUser": (),
}
"""What the mask asks for, and the columns that stay empty where the server knows no such field."""

MASK = f"nextPageToken,users(id,{','.join(COLUMNS).replace('name,', 'name/fullName,')})"


class Name(Wire):
    fullName: str | None = None


class User(Wire):
    id: str | int | None = None
    primaryEmail: str | None = None
    name: Name | None = None
    orgUnitPath: str | None = None
    isEnrolledIn2Sv: Flag = UNSET
    isEnforcedIn2Sv: Flag = UNSET
    suspended: Flag = UNSET
    archived: Flag = UNSET
    isGuestUser: Flag = UNSET
    lastLoginTime: str | int | None = None
    creationTime: str | int | None = None
    recoveryEmail: str | None = None
    recoveryPhone: str | None = None


class Users(Wire):
    users: list[User] | None = None


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    yield from admin.listing(
        admin.directory.users(), (SCOPE,), COLUMNS,
        customer=admin.customer, maxResults=500, projection="basic", fields=MASK,
    )  # fmt: skip


def rows(page: bytes) -> Iterator[Account | MfaRegistration | Setting]:
    users = decode(page, Users).users or []
    suspended = said(user.suspended for user in users)
    archived = said(user.archived for user in users)
    enrolled = said(user.isEnrolledIn2Sv for user in users)
    enforced = said(user.isEnforcedIn2Sv for user in users)
    recovery = any(user.recoveryEmail or user.recoveryPhone for user in users)
    for user in users:
        if not user.id:
            continue
        account_id = str(user.id)
        guest = user.isGuestUser is True
        seen = instant(user.lastLoginTime)
        yield Account(
            account_id=account_id,
            username=user.primaryEmail,
            display_name=user.name.fullName if user.name else None,
            kind="guest" if guest else "member",
            external=guest,
            enabled=_enabled(flag(user.suspended, suspended), flag(user.archived, archived)),
            created_at=instant(user.creationTime),
            activity=None if seen is None else "never" if seen <= EPOCH else "seen",
            last_success_at=seen if seen and seen > EPOCH else None,
            unused_since=seen if seen is None or seen > EPOCH else instant(user.creationTime),
            org_unit=user.orgUnitPath,
            recovery_data=bool(user.recoveryEmail or user.recoveryPhone) if recovery else None,
        )
        yield _registration(account_id, flag(user.isEnrolledIn2Sv, enrolled))
        demanded = flag(user.isEnforcedIn2Sv, enforced)
        if demanded is not None:
            yield Setting(ENFORCED, "true" if demanded else "false", f"account:{account_id}", "users.list")


def _enabled(suspended: bool | None, archived: bool | None) -> bool | None:
    if suspended or archived:
        return False
    return None if suspended is None or archived is None else True


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
