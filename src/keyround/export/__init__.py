"""What a scan becomes: sheets as plain data, and the formats that render them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points

from ..engine.results import Scan
from . import about, abroad, accepted, actions, administrators, changes, checks, findings, not_checked, people, summary
from .blocks import Sheet
from .veil import veiled

_SHEETS = (summary, actions, people, administrators, abroad, findings, checks, changes, accepted, not_checked, about)


def sheets(scan: Scan) -> Iterator[Sheet]:
    """Every sheet in the workbook's order, then those of installed packages.

    What they hold is free of names that the report must not say, whoever made it.

    A package adds one by registering a function `sheet(scan) -> Sheet` under the
    entry point group `keyround.sheets`.
    """
    for module in _SHEETS:
        yield veiled(module.sheet(scan), scan)
    for point in sorted(entry_points(group="keyround.sheets"), key=lambda point: point.name):
        yield veiled(point.load()(scan), scan)
