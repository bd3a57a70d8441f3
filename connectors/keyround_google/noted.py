"""What data sets of one session tell each other, so that nothing is asked of Google twice.

Filled while pages go by; the data set that uses a note names the one that makes it in its `after`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, Unexpected
from keyround.model import RoleAssignment, Row

from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin
    from .users import Page


@dataclass(slots=True)
class Noted:
    """Ids as Google writes them. `failed` holds the error of each data set that did not arrive whole.

    `accounts` are those that can sign in, in the order of the listing; `addresses` lead to the account, of everybody;
    `holders` hold a role or the directory's mark of one. `granted`: accounts whose connected apps were read one by one.
    `signals`: what the login log holds besides sign-ins, of what was read of it, and `unread`, why some of that made
    no sense; `login_since`: from there on it was read whole in this session. `root`: id of the unit at the top, without
    prefix; `documents`: policies and assignments of single sign-on as they came.
    """

    accounts: dict[str, None] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    holders: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)
    failed: dict[str, CollectError] = field(default_factory=dict)
    signals: list[Row] = field(default_factory=list)
    unread: CollectError | None = None
    login_since: datetime | None = None
    root: str | None = None
    documents: list[bytes] = field(default_factory=list)

    def known_accounts(self) -> list[str]:
        """Everybody who can sign in. Raises the error for which nobody is known."""
        if not self.accounts:
            raise self.lacking("users") or Unexpected("The list of accounts is empty.")
        return list(self.accounts)

    def lacking(self, *names: str) -> CollectError | None:
        """Why not everybody can be asked, where one of these data sets did not arrive whole.

        A permission that those lack is theirs to report, and none of a module that hangs on them.
        """
        error = next((self.failed[name] for name in names if name in self.failed), None)
        if isinstance(error, NotGranted):
            return NotEnabled(f"It is not known whom to ask about: {error.detail}", error.remedy, code=error.code)
        return error


Note = Callable[[Noted, DataSet["Admin", Any], Any], None]
"""Takes from one page of a data set what is worth noting."""


def noting(dataset: DataSet[Admin, Any], note: Note) -> DataSet[Admin, Any]:
    """The same data set, noted page by page."""

    def pages(admin: Admin, window: Window) -> Iterator[Any]:
        try:
            for page in dataset.pages(admin, window):
                if not isinstance(page, Without):
                    note(admin.noted, dataset, page)
                yield page
        except CollectError as error:
            admin.noted.failed[dataset.name] = error
            raise

    return replace(dataset, pages=pages)


class One(Wire):
    id: str | int | None = None
    primaryEmail: str | None = None
    suspended: bool | None = None
    archived: bool | None = None
    isAdmin: bool | None = None
    isDelegatedAdmin: bool | None = None


class Ones(Wire):
    users: list[One] | None = None


def accounts(noted: Noted, dataset: DataSet[Admin, Any], page: Page) -> None:
    """Of page after page of users: whose address is whose, who is not known to be shut out, who is an administrator."""
    for user in decode(page.users, Ones).users or ():
        if not user.id:
            continue
        if user.primaryEmail:
            noted.addresses[user.primaryEmail.lower()] = str(user.id)
        if not user.suspended and not user.archived:
            noted.accounts[str(user.id)] = None
        if user.isAdmin or user.isDelegatedAdmin:
            noted.holders.add(str(user.id))


def holders(noted: Noted, dataset: DataSet[Admin, Any], page: Any) -> None:
    """Of page after page of roles, everybody who holds one, also through a group."""
    noted.holders |= {row.holder_id for row in dataset.rows(page) if isinstance(row, RoleAssignment)}
