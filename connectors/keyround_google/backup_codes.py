"""How many backup codes each administrator has left. They are counted; not one is read.

Endpoint    GET /admin/directory/v1/users/{user}/verificationCodes, with a mask that leaves the codes out
Permission  https://www.googleapis.com/auth/admin.directory.user.security, which would also allow to make new ones;
            Google offers none that only reads
Plan        every edition
Gaps        asked of administrators only: they are the ones nobody else lets in again; those who cannot sign in are
            not asked
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/verificationCodes/list
"""

# The endpoint answers with live codes unless it is told otherwise. A gateway that ignores the mask would hand them to
# us all the same, so the answer is made a number before anything else sees it, and its text ends there.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decoder
from keyround.model import BackupCode

from . import modules, one_by_one
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/verificationCodes/list"
MASK = "items(etag)"


class Code(Wire):
    """Nothing of it."""


class Codes(Wire):
    items: list[Code] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """How many codes one account has left; None where they could not be counted."""

    account: str
    left: int | None


def pages(admin: Admin, window: Window) -> Iterator[Page]:
    noted = admin.noted
    codes = admin.directory.verificationCodes()
    holders = [account for account in noted.known_accounts() if account in noted.holders]
    for account, answer in one_by_one.answers(admin, holders, lambda key: codes.list(userKey=key, fields=MASK)):
        yield Page(account, counted(answer) if isinstance(answer, bytes) else None)
    if cut_short := noted.lacking("users", "roles"):
        raise cut_short.about("The report cannot say which administrators have backup codes left.")


def counted(body: bytes) -> int | None:
    """How many codes an answer lists; None for anything that is no such answer."""
    try:
        return len(decoder(Codes).decode(body).items or ())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def rows(page: Page) -> Iterator[BackupCode]:
    yield BackupCode(page.account, page.left)


DATASET = modules.optional(
    DataSet(
        name="backup_codes",
        fills=(BackupCode,),
        pages=pages,
        rows=rows,
        tells="which administrators have no backup codes left, should they lose their second factor",
        source=SOURCE,
        grants=(one_by_one.SCOPE,),
        module="security",
        after=("users", "roles"),
    )
)
