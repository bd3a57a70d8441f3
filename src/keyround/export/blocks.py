"""A report as plain data: what every format renders.

`sheet(scan) -> Sheet` functions build these; only workbook.py knows openpyxl.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

Cell = str | int | float | bool | date | datetime | None
Tone = Literal["good", "warn", "bad", "signed", "unknown", "plain"]
"""How a value is coloured; the words always say the same."""

USERNAME, TENANT, DAY = 38, 12, 14
"""Widths of columns that several sheets have. A day that does not fit is printed as ###."""


@dataclass(frozen=True, slots=True)
class Column:
    """`tones` maps the exact words a cell may hold to the tone they are shown in. `width` is in characters."""

    title: str
    width: int = 18
    tones: dict[str, Tone] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header. `rows` may be a generator: it is read once. `name` is the Excel table's name."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Cell, ...]]
    empty: str = ""  # what to say when there is no row


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph or heading, as wide as the sheet. `link` is the name of the sheet it leads to."""

    text: str
    style: Literal["title", "heading", "light", "body", "note", "foot"] = "body"
    tone: Tone = "plain"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a list: what it is, a value that may be coloured, and the words beside it."""

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"
    link: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """`large`: the values are numbers to be seen from across the room."""

    figures: tuple[Figure, ...]
    large: bool = False


Block = Table | Text | Figures


@dataclass(frozen=True, slots=True)
class Sheet:
    """`widths` are the columns' when no table declares them. `one_page` prints on a single portrait or landscape A4."""

    name: str
    blocks: tuple[Block, ...]
    landscape: bool = True
    one_page: bool = False
    widths: tuple[int, ...] = ()
