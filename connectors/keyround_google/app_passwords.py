"""App passwords: each opens the account, mail above all, without a second factor.

Endpoint    GET /admin/directory/v1/users/{user}/asps
Permission  https://www.googleapis.com/auth/admin.directory.user.security, which would also allow to delete them;
            Google offers none that only reads
Plan        every edition
Gaps        the passwords themselves are not in the answer; people who cannot sign in are not asked
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/asps/list
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, decode
from keyround.errors import CollectError, Unexpected
from keyround.model import AppPassword

from . import modules, one_by_one
from .wire import EPOCH, Wire

if TYPE_CHECKING:
    from .admin import Admin

SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/asps/list"
MASK = "items(codeId,name,creationTime,lastTimeUsed)"


class Password(Wire):
    codeId: str | int | None = None
    name: str | None = None
    creationTime: str | int | None = None
    lastTimeUsed: str | int | None = None


class Passwords(Wire):
    items: list[Password] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The app passwords of one account; None where they could not be read."""

    account: str
    body: bytes | None


def pages(admin: Admin, window: Window) -> Iterator[Page]:
    asps = admin.directory.asps()
    accounts = admin.noted.known_accounts()
    for account, answer in one_by_one.answers(admin, accounts, lambda key: asps.list(userKey=key, fields=MASK)):
        yield Page(account, None if isinstance(answer, CollectError) else answer)
    if cut_short := admin.noted.lacking("users"):
        raise cut_short.about("The report cannot say who of everybody has app passwords.")


def rows(page: Page) -> Iterator[AppPassword]:
    try:
        found = None if page.body is None else decode(page.body, Passwords).items or []
    except Unexpected:
        found = None
    if not found:
        yield AppPassword(page.account, None, known=found is not None)
        return
    for number, one in enumerate(found):
        yield AppPassword(
            account_id=page.account,
            code_id=str(one.codeId) if one.codeId is not None else f"number {number + 1}",
            name=one.name or None,
            created_at=seconds(one.creationTime),
            last_used_at=seconds(one.lastTimeUsed),
        )


def seconds(value: str | int | None) -> datetime | None:
    """Unix seconds, as text mostly; None for 0, which says never, and for what is no number.

    >>> seconds("1767225600"), seconds("0"), seconds("soon")
    (datetime.datetime(2026, 1, 1, 0, 0), None, None)
    """
    try:
        return EPOCH + timedelta(seconds=int(value)) if value and int(value) > 0 else None
    except (ValueError, OverflowError):
        return None


DATASET = modules.optional(
    DataSet(
        name="app_passwords",
        fills=(AppPassword,),
        pages=pages,
        rows=rows,
        tells="who has app passwords, which open an account without a second factor",
        source=SOURCE,
        grants=(one_by_one.SCOPE,),
        module="security",
        after=("users",),
    )
)
