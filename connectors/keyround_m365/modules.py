"""Optional data sets: off until their permission is granted, and nobody's fault while they are.

The permissions a token was issued with decide; where it does not say, Microsoft's first answer does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyround.connector import DataSet, Window, Without, where_offered
from keyround.errors import CollectError, NotEnabled, NotGranted, NotLicensed

from .refusals import no_such_page

if TYPE_CHECKING:
    from .graph import Graph


PLANS = {"P1": "Entra ID P1", "P2": "Entra ID P2"}


def optional(dataset: DataSet[Graph, Any]) -> DataSet[Graph, Any]:
    """The same data set, NotEnabled as long as its permissions are not granted. Whatever plan it lacks is named."""

    offered = elsewhere(dataset)

    def pages(graph: Graph, window: Window) -> Iterator[Any]:
        if lacking := graph.lacks(dataset.grants):
            raise _off(dataset, lacking)
        begun = False
        try:
            for page in offered.pages(graph, window):
                begun |= not isinstance(page, Without)
                yield page
        except NotGranted as error:
            if begun:
                raise
            raise _off(dataset, dataset.grants, error.code) from error
        except NotLicensed as error:
            if begun or not dataset.needs_plan:
                raise
            plan = PLANS.get(dataset.needs_plan, dataset.needs_plan)
            detail = f"This needs {plan}, which the tenant does not have."
            raise NotLicensed(detail, error.remedy, code=error.code) from error

    return replace(dataset, pages=pages, required=False)


def elsewhere(dataset: DataSet[Graph, Any]) -> DataSet[Graph, Any]:
    """The same data set, NotEnabled where the cloud has no such page."""
    return where_offered(dataset, no_such_page, "This Microsoft cloud does not offer it.")


def _off(dataset: DataSet[Graph, Any], lacking: list[str] | tuple[str, ...], code: str = "") -> NotEnabled:
    wanted = " and ".join(lacking)
    return NotEnabled(
        f"The optional module {dataset.module!r} is not switched on.",
        f"If you want it, grant the application permission {wanted}; otherwise nothing to do.",
        code=code,
    )


def spared(error: CollectError, therefore: str) -> CollectError:
    """The same error about a detail whose permission most scans do without: refused, it is off rather than broken."""
    if not isinstance(error, NotGranted):
        return error.about(therefore)
    return NotEnabled(error.detail, error.remedy, therefore, error.code)
