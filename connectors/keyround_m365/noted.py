"""What earlier data sets leave behind for those that ask account by account: ids and errors, no decisions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, Unexpected
from keyround.model import RoleAssignment, Setting

if TYPE_CHECKING:
    from .graph import Graph
    from .users import Page


@dataclass(slots=True)
class Noted:
    """Ids as Graph writes them. `failed` holds the error of each data set that did not arrive whole.

    `accounts` are those that may sign in, in the order of the listing; `reported` have a row in the registration
    report; `holders` hold a role in whatever way; `certificates`: the tenant lets people sign in with one. `salt` makes
    the hash of a phone number worthless outside this session; it is never stored.
    """

    accounts: dict[str, None] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    holders: set[str] = field(default_factory=set)
    certificates: bool = False
    failed: dict[str, CollectError] = field(default_factory=dict)
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def known_accounts(self) -> list[str]:
        """Everybody who may sign in. Raises the error for which nobody is known."""
        if not self.accounts:
            raise self.failed.get("users") or Unexpected("The list of accounts is empty.")
        return list(self.accounts)


Note = Callable[[Noted, DataSet["Graph", Any], Any], None]
"""Takes from one page of a data set what is worth noting."""


def noting(dataset: DataSet[Graph, Any], note: Note, *, kept: bool = False) -> DataSet[Graph, Any]:
    """The same data set, noted page by page; `kept`: only once the page became rows."""

    def pages(graph: Graph, window: Window) -> Iterator[Any]:
        try:
            for page in dataset.pages(graph, window):
                worth = not isinstance(page, Without)
                if worth and not kept:
                    note(graph.noted, dataset, page)
                yield page
                if worth and kept:
                    note(graph.noted, dataset, page)
        except CollectError as error:
            graph.noted.failed[dataset.name] = error
            raise

    return replace(dataset, pages=pages)


class _One(msgspec.Struct):
    id: str
    accountEnabled: bool | None = None


class _Ones(msgspec.Struct):
    value: list[_One]


def accounts(noted: Noted, dataset: DataSet[Graph, Any], page: Page) -> None:
    """Of page after page of users, whoever is not known to be switched off."""
    noted.accounts |= {user.id: None for user in decode(page.body, _Ones).value if user.accountEnabled is not False}


def reported(noted: Noted, dataset: DataSet[Graph, Any], page: bytes) -> None:
    noted.reported |= {user.id for user in decode(page, _Ones).value}


def holders(noted: Noted, dataset: DataSet[Graph, Any], page: Any) -> None:
    """Of page after page of roles, everybody who holds one, also those who would have to switch it on."""
    noted.holders |= {row.holder_id for row in dataset.rows(page) if isinstance(row, RoleAssignment)}


def certificates(noted: Noted, dataset: DataSet[Graph, Any], page: Any) -> None:
    """Of the policy on methods, whether people may sign in with a certificate."""
    settings = [row for row in dataset.rows(page) if isinstance(row, Setting)]
    noted.certificates |= any((one.name, one.value) == ("method_allowed.certificate", "true") for one in settings)
