"""Optional data sets: off until their scope is granted, and nobody's fault while they are.

Google does not say which scopes were granted before it is asked; its first answer decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, where_offered
from keyround.errors import NotEnabled, NotGranted

from .refusals import no_such_page

if TYPE_CHECKING:
    from .admin import Admin


def optional(dataset: DataSet[Admin, Any]) -> DataSet[Admin, Any]:
    """The same data set, NotEnabled as long as what it needs is refused before its first page."""

    offered = elsewhere(dataset)

    def pages(admin: Admin, window: Window) -> Iterator[Any]:
        begun = False
        try:
            for page in offered.pages(admin, window):
                begun |= not isinstance(page, Without)
                yield page
        except NotGranted as error:
            if begun:
                raise
            detail = f"The optional module {dataset.module!r} is not switched on."
            raise NotEnabled(detail, f"If you want it: {error.remedy}", code=error.code) from error

    return replace(dataset, pages=pages, required=False)


def elsewhere(dataset: DataSet[Admin, Any]) -> DataSet[Admin, Any]:
    """The same data set, NotEnabled where the cloud has no such page."""
    return where_offered(dataset, no_such_page, "This server does not offer it.")
