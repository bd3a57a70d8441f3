"""A report as plain data: what every format renders.

`sheet(scan) -> Sheet` functions build these; only workbook.py knows openpyxl.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads somewhere: to a page on the web, or to another sheet of the same report by its name."""

    text: str
    url: str = ""
    sheet: str = ""


Cell = str | int | float | bool | date | datetime | Link | None
Tone = Literal["good", "warn", "bad", "signed", "unknown", "plain"]
"""How a value is coloured; the words always say the same."""

USERNAME, TENANT, DAY = 38, 12, 14
"""Widths of columns that several sheets have. A day that does not fit is printed as ###."""


@dataclass(frozen=True, slots=True)
class Column:
    """`tones` maps the exact words a cell may hold to the tone they are shown in. `width` is in characters.

    `fill_in`: people write into it; `choices` are then the words it may hold, `dates` says that it holds days.
    """

    title: str
    width: int = 18
    tones: dict[str, Tone] = field(default_factory=dict)
    fill_in: bool = False
    choices: tuple[str, ...] = ()
    dates: bool = False


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
    """One row of a list: what it is, a value that may be coloured, and the words beside it.

    `before` is what the value was last time, in words.
    """

    label: str
    value: str
    note: str = ""
    tone: Tone = "plain"
    link: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """`large`: the values are numbers to be seen from across the room."""

    figures: tuple[Figure, ...]
    large: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """Values by category; None: not known then, and never drawn as 0."""

    title: str
    values: tuple[float | None, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Chart:
    """`stacked`: one bar, a part for each series. `bars`: a bar for each category. `lines`: categories are moments.

    `told` says the same in words, for those who see no picture.
    """

    title: str
    kind: Literal["stacked", "bars", "lines"]
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    told: str = ""


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts side by side; together as wide as the sheet."""

    charts: tuple[Chart, ...]


Block = Table | Text | Figures | Charts


@dataclass(frozen=True, slots=True)
class Sheet:
    """`widths` are the columns' when no table declares them. `one_page` prints on a single portrait or landscape A4."""

    name: str
    blocks: tuple[Block, ...]
    landscape: bool = True
    one_page: bool = False
    widths: tuple[int, ...] = ()
