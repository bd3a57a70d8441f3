"""Which applications people have let into their accounts, and what each may do there.

Endpoint    GET /admin/directory/v1/users/{user}/tokens
Permission  https://www.googleapis.com/auth/admin.directory.user.security, which would also allow to revoke them;
            Google offers none that only reads
Plan        every edition
Gaps        when it was let in is not told; Google lists what others made, with few of its own programs among it, and
            what the organisation made itself looks like somebody else's; people who cannot sign in are not asked
Source      https://developers.google.com/workspace/admin/directory/v1/guides/manage-security
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, decode
from keyround.errors import CollectError, Unexpected
from keyround.model import AppGrant

from . import modules, one_by_one
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

SOURCE = "https://developers.google.com/workspace/admin/directory/v1/guides/manage-security"
MASK = "items(clientId,displayText,anonymous,scopes)"
GOOGLES = frozenset({"77185425430.apps.googleusercontent.com"})
"""Programs of Google's own that are listed like everybody's: Chrome."""


class Token(Wire):
    clientId: str | None = None
    displayText: str | None = None
    anonymous: bool | None = None
    scopes: list[str] | None = None


class Tokens(Wire):
    items: list[Token] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What one account let in; None where it could not be read."""

    account: str
    body: bytes | None


def pages(admin: Admin, window: Window) -> Iterator[Page]:
    tokens = admin.directory.tokens()
    accounts = admin.noted.known_accounts()
    for account, answer in one_by_one.answers(admin, accounts, lambda key: tokens.list(userKey=key, fields=MASK)):
        if isinstance(answer, CollectError):
            yield Page(account, None)
        else:
            admin.noted.granted.add(account)
            yield Page(account, answer)
    if cut_short := admin.noted.lacking("users"):
        raise cut_short.about("The report cannot say which applications everybody has let in.")


def rows(page: Page) -> Iterator[AppGrant]:
    try:
        found = None if page.body is None else decode(page.body, Tokens).items or []
    except Unexpected:
        found = None
    if found is None:
        yield AppGrant(grant_id=f"{page.account}/unread", kind="delegated", consent="one", account_id=page.account)
        return
    for token in found:
        if not token.clientId:
            continue
        yield AppGrant(
            grant_id=f"{page.account}/{token.clientId}",
            app_id=token.clientId,
            app=token.displayText or None,
            # Anonymous is Google's word for an application that nobody registered.
            verified=False if token.anonymous else None,
            third_party=token.clientId not in GOOGLES,
            enabled=True,
            kind="delegated",
            scopes=token.scopes,
            consent="one",
            account_id=page.account,
        )


DATASET = modules.optional(
    DataSet(
        name="tokens",
        fills=(AppGrant,),
        pages=pages,
        rows=rows,
        tells="which applications people have let into their accounts",
        source=SOURCE,
        grants=(one_by_one.SCOPE,),
        module="security",
        after=("users",),
    )
)
