"""The last look over what is written: names that stand in free text become what the report calls these people.

Rows have been changed before (`Scan.scrub` says that they have); here go a policy's title, a reason, a note. A row that
says what somebody did, and so holds a code, must hold no name at all, however people are called elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..engine.results import Scan, Scrub
from .blocks import Block, Cell, Chart, Charts, Figure, Figures, Link, Sheet, Table, Text

_CODE = re.compile(r"\b[PD]-\d+\b")
_MACHINE = frozenset({
    "schema", "client", "client_name", "version", "tenant", "provider", "rule", "severity", "state", "dataset", "tells",
    "kind", "column", "code", "title", "protection", "plans", "country", "home_countries", "scanned_at", "missing",
    "mfa_methods", "mfa_strength", "mfa_enforcement", "privileged", "domain", "fail_on", "sign_in_countries",
})  # fmt: skip
"""Fields of the results that never hold what a person wrote."""


def veiled(sheet: Sheet, scan: Scan) -> Sheet:
    """The same with no name that the report must not say."""
    if scan.scrub is None:
        return sheet
    return replace(sheet, blocks=tuple(_block(block, scan.scrub) for block in sheet.blocks))


def plain(value: Any, scan: Scan) -> Any:
    """The same of a part of the results: a list's items are looked at one by one, as rows are."""
    if scan.scrub is None:
        return value
    return _each(value, scan.scrub, _coded(value))


def _block(block: Block, scrub: Scrub) -> Block:
    if isinstance(block, Table):
        return replace(block, rows=_rows(block, scrub))
    if isinstance(block, Text):
        return replace(block, text=_text(block.text, scrub))
    if isinstance(block, Figures):
        return replace(block, figures=tuple(_figure(figure, scrub) for figure in block.figures))
    return Charts(tuple(_chart(chart, scrub) for chart in block.charts))


def _rows(table: Table, scrub: Scrub) -> Iterator[tuple[Cell, ...]]:
    """What people wrote into a row must not join a code to a name either: there the row's own cells decide."""
    written = [column.fill_in for column in table.columns]
    for row in table.rows:
        coded = any(_coded(_said(cell)) for cell, mine in zip(row, written, strict=True) if not mine)
        if coded:
            yield tuple(_cell(cell, scrub.did) for cell in row)
        else:
            told = (_cell(cell, scrub.so) for cell in row)
            yield tuple(
                _CODE.sub("…", cell) if mine and isinstance(cell, str) else cell
                for cell, mine in zip(told, written, strict=True)
            )


def _said(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell.text if isinstance(cell, Link) else ""


def _cell(cell: Cell, said: Any) -> Cell:
    if isinstance(cell, str):
        return str(said(cell))
    if isinstance(cell, Link):
        return replace(cell, text=said(cell.text), url=cell.url if said(cell.url) == cell.url else "")
    return cell


def _text(text: str, scrub: Scrub) -> str:
    return scrub.did(text) if _coded(text) else scrub.so(text)


def _figure(figure: Figure, scrub: Scrub) -> Figure:
    label, value, note, before = (
        _text(text, scrub) for text in (figure.label, figure.value, figure.note, figure.before)
    )
    return replace(figure, label=label, value=value, note=note, before=before)


def _chart(chart: Chart, scrub: Scrub) -> Chart:
    series = tuple(replace(one, title=_text(one.title, scrub)) for one in chart.series)
    categories = tuple(_text(one, scrub) for one in chart.categories)
    return replace(chart, title=_text(chart.title, scrub), told=_text(chart.told, scrub), categories=categories,
                   series=series)  # fmt: skip


def _coded(value: Any) -> bool:
    if isinstance(value, str):
        return "-" in value and bool(_CODE.search(value))
    if isinstance(value, Mapping):
        return any(_coded(part) for part in value.values())
    return isinstance(value, list) and any(map(_coded, value))


def _each(value: Any, scrub: Scrub, coded: bool) -> Any:
    if isinstance(value, str):
        return scrub.did(value) if coded else scrub.so(value)
    if isinstance(value, Mapping):
        return {key: part if key in _MACHINE else _each(part, scrub, coded) for key, part in value.items()}
    if isinstance(value, Iterator):
        return (_each(part, scrub, _coded(part)) for part in value)
    return [_each(part, scrub, _coded(part)) for part in value] if isinstance(value, list) else value
