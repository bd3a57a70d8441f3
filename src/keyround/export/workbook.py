"""Sheets as an Excel workbook: the only code that knows openpyxl.

Memory      write-only mode; one row at a time, whatever the number of rows
Text        is never a formula, an error value or a link; see `_text`
Looks       live in the workbook's default style and in conditional formatting,
            because styling every cell costs half as much again as writing it
Names       of sheets, tables and headers are made valid and unique here
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.packaging.custom import StringProperty
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.table import Table as ExcelTable
from openpyxl.worksheet.table import TableColumn, TableStyleInfo

from ..engine.results import Scan
from ..words import day, say
from . import look
from .blocks import Block, Cell, Charts, Column, Figure, Figures, Link, Sheet, Table, Text
from .clean import clean, short
from .files import beside, refused

MOST_ROWS = 1_048_576
_MOST_UNITS = 32_767  # UTF-16 code units in one cell
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA = ("=", "+", "-", "@", "\t", "#")  # what Excel, or somebody's CSV export of it, takes for more than text
_FIRST_DATE = date(1900, 3, 1)  # before it, Excel counts a day that never was
_MOST_DIGITS = 10**15


@dataclass(frozen=True, slots=True)
class Properties:
    """What the file says about itself, in its properties and its footers."""

    title: str
    client: str
    client_name: str
    taken_at: datetime
    prepared_by: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the workbook is now, and the hash by which the next scan knows that nobody edited it."""

    path: Path
    sha256: str


def properties(scan: Scan) -> Properties:
    title = say("summary.title", client=scan.client_name)
    return Properties(title, scan.client, scan.client_name, scan.taken_at, scan.presentation.provider.prepared_by)


def write(sheets: Iterable[Sheet], path: Path, about: Properties, ours: frozenset[str] = frozenset()) -> Written:
    """The workbook at `path`; beside it as `-2`, `-3`, ... where a file stands that people may have edited.

    Takes   ours: the SHA-256 of every workbook written earlier; such a file is replaced
    Raises  StoreError, when the disk refuses; then nothing was written
    """
    with beside(path) as draft:
        _save(list(sheets), draft, about)
        sha256 = _sha256(draft)
        for target in _candidates(path):
            if target.exists() and _sha256(target) not in ours:
                continue
            try:
                os.replace(draft, target)
            except PermissionError as error:  # on Windows: open in Excel
                if os.name != "nt" or not target.exists():
                    raise refused(target, error) from error
                continue
            return Written(target, sha256)
    raise AssertionError("candidates never end")


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _save(sheets: list[Sheet], path: Path, about: Properties) -> None:
    book: Any = Workbook(write_only=True)
    look.dress(book)
    book.calculation.fullCalcOnLoad = False  # there is nothing to calculate; Excel would offer to save on closing
    book.properties.title = clean(about.title)
    book.properties.subject = clean(about.client_name)
    book.properties.creator = clean(about.prepared_by) or "Keyround"
    book.properties.created = about.taken_at.replace(tzinfo=UTC)
    instant = f"{about.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    for name, value in (("KeyroundClient", about.client), ("KeyroundScan", instant)):
        book.custom_doc_props.append(StringProperty(name=name, value=clean(value)))
    titles = _titles([sheet.name for sheet in sheets])
    tables: set[str] = set()
    links = {sheet.name: title for sheet, title in zip(sheets, titles, strict=True)}
    for sheet, title in zip(sheets, titles, strict=True):
        page = _Page(book, sheet, title, about, tables, links)
        try:
            page.write()
        except BaseException:
            with contextlib.suppress(Exception):
                page.ws.close()  # else its temporary file stays open
            raise
    # Into memory first, a few megabytes: a zip file that meets a full disk complains once more when it is dropped.
    packed = io.BytesIO()
    book.save(packed)
    path.write_bytes(packed.getbuffer())


class _Page:
    """One worksheet while it is being written, from the top down."""

    def __init__(
        self, book: Any, sheet: Sheet, title: str, about: Properties, tables: set[str], links: dict[str, str]
    ) -> None:
        self.ws: Any = book.create_sheet(title)
        self.sheet = sheet
        self.tables = tables
        self.links = links
        self.row = 0
        found = [block for block in sheet.blocks if isinstance(block, Table)]
        self.widths = _widths(found, sheet.widths)
        header = None
        if len(found) == 1 and sheet.blocks[-1] is found[0]:
            header = 1 + sum(_height_in_rows(block) for block in sheet.blocks[:-1])
        footer = f"{short(about.client_name, 60)} · {day(about.taken_at)}"
        look.page(self.ws, self.widths, header, sheet.landscape, sheet.one_page, footer)

    def write(self) -> None:
        for block in self.sheet.blocks:
            if isinstance(block, Table):
                self._table(block)
            elif isinstance(block, Text):
                self._paragraph(block)
            elif isinstance(block, Charts):
                pass
            else:
                for figure in block.figures:
                    self._figure(figure, block)
        self.ws.close()

    def _append(self, cells: list[Any], height: float | None = None) -> None:
        self.row += 1
        if height is not None:
            self.ws.row_dimensions[self.row].height = height
        self.ws.append(cells)
        if height is not None:
            del self.ws.row_dimensions[self.row]  # written already; kept, it would cost memory for each row

    def _paragraph(self, block: Text) -> None:
        if block.style in look.SPACED:
            self._append([], look.SPACE)
        kind = look.TEXT[block.style]
        lines = look.lines(block.text, sum(self.widths), kind.size * (look.BOLD if kind.bold else 1))
        self._across([self._cell(block.text, kind, block.tone, block.link)], look.height(lines, kind.size, kind.roomy))

    def _figure(self, figure: Figure, block: Figures) -> None:
        """Label, value, and the note over the rest of the width; without any value, the note begins in its place."""
        valued = any(one.value for one in block.figures)
        longest = max(map(len, figure.value.splitlines()), default=0)
        value = look.LARGE if block.large and longest < 14 else look.VALUE
        cells = [self._cell(figure.label, look.LABEL, "plain", figure.link)]
        if valued:
            cells.append(self._cell(figure.value, value, figure.tone))
        lines = max(
            look.lines(figure.label, self.widths[0], look.LABEL.size * look.BOLD),
            look.lines(figure.value, self.widths[1], value.size * look.BOLD) * value.size / look.SIZE if valued else 1,
            look.lines(figure.note, sum(self.widths[len(cells) :]), look.NOTE.size),
        )
        cells.append(self._cell(figure.note, look.NOTE))
        self._across(cells, look.height(lines, look.LABEL.size, roomy=valued))

    def _across(self, cells: list[Any], height: float | None = None) -> None:
        """A row whose last cell goes on to the right edge."""
        first, last = len(cells), len(self.widths)
        if last > first:
            self.ws.merged_cells.add(
                f"{get_column_letter(first)}{self.row + 1}:{get_column_letter(last)}{self.row + 1}"
            )
            for _ in range(last - first):  # else the rest has neither fill nor line
                cells.append(WriteOnlyCell(self.ws))
                cells[-1]._style = cells[first - 1]._style
        self._append(cells, height)

    def _cell(self, text: str, kind: look.Kind, tone: str = "plain", link: str = "") -> Any:
        """A cell of its own style; only titles, headings and figures are."""
        cell = WriteOnlyCell(self.ws)
        if text:
            _fill(cell, _text(text))
        look.style(cell, kind, tone)
        if link in self.links:
            title = self.links[link].replace("'", "''")
            cell.hyperlink = Hyperlink(ref="A1", location=f"'{title}'!A1", display=self.links[link])
        return cell

    def _table(self, block: Table) -> None:
        titles = _headers(block.columns)
        self._append([self._header(title) for title in titles], look.HEADER_HEIGHT)
        header = self.row
        kinds = [_Cells(self.ws) for _ in block.columns]
        most = MOST_ROWS - 1  # the last one says how much was left out
        left_out = 0
        for row in block.rows:
            if self.row >= most:
                left_out += 1
                continue
            tall = max(map(look.lines, row, self.widths))
            self._append(
                [kind.of(value) for kind, value in zip(kinds, row, strict=True)],
                look.height(tall, look.SIZE) if tall > 1 else None,
            )
        if self.row == header:
            kind = look.TEXT["body"]
            empty = block.empty or say("none")
            self._across(
                [self._cell(empty, kind)], look.height(look.lines(empty, sum(self.widths), kind.size), kind.size)
            )
            return
        ref = f"A{header}:{get_column_letter(len(titles))}{self.row}"
        table = ExcelTable(displayName=_unique(_table_name(block.name), self.tables), ref=ref)
        _columns(table, titles)
        table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
        with warnings.catch_warnings():  # openpyxl says that we must name the columns; we did
            warnings.simplefilter("ignore", UserWarning)
            self.ws.add_table(table)
        for number, column in enumerate(block.columns, 1):
            letter = get_column_letter(number)
            look.paint(self.ws, f"{letter}{header + 1}:{letter}{self.row}", column.tones)
        if left_out:
            text = say("file.rows_left_out", n=left_out)
            self._across([self._cell(text, look.TEXT["body"], "unknown")])

    def _header(self, title: str) -> Any:
        cell = WriteOnlyCell(self.ws)
        _fill(cell, title)
        look.style(cell, look.HEADER)
        return cell


class _Cells:
    """The cells of one column: reused from row to row, since each row is on disk before the next is made."""

    def __init__(self, ws: Any) -> None:
        self.quoted = WriteOnlyCell(ws)
        self.quoted.quotePrefix = True
        self.date = WriteOnlyCell(ws)
        self.quoted.alignment = self.date.alignment = look.ALIGNMENT
        self.date.number_format = say("format.date")

    def of(self, value: Cell) -> Any:
        if isinstance(value, Link):
            value = value.text
        if isinstance(value, str):
            text = _text(value)
            if not text.startswith(_FORMULA):
                return text or None
            _fill(self.quoted, text)
            return self.quoted
        if isinstance(value, bool):
            return say("yes" if value else "no")
        if isinstance(value, date):
            naive = (
                value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value
            )
            if (naive.date() if isinstance(naive, datetime) else naive) < _FIRST_DATE:
                return naive.isoformat()
            self.date.value = naive
            return self.date
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return str(value) if isinstance(value, int) and abs(value) >= _MOST_DIGITS else value


def _fill(cell: Any, text: str) -> None:
    """Text as text: openpyxl would guess formulas and error values from it."""
    cell.value = text
    cell.data_type = "s"
    if text.startswith(_FORMULA):
        cell.quotePrefix = True


def _text(text: str) -> str:
    """What Excel will show as `text`: cleaned, its own escapes escaped, within the length of a cell."""
    text = _ESCAPED.sub("_x005F_", clean(text))
    if len(text) * 2 > _MOST_UNITS and len(text.encode("utf-16-le")) // 2 > _MOST_UNITS:
        kept = text.encode("utf-16-le")[: 2 * (_MOST_UNITS - 1)].decode("utf-16-le", "ignore")
        text = _HALF_ESCAPE.sub("", kept) + "…"
    return text


_HALF_ESCAPE = re.compile(r"_(x[0-9A-Fa-f]{0,4})?$")


def _columns(table: Any, titles: list[str]) -> None:
    """Columns and filter, named as the header's cells; openpyxl would call them Column1, Column2, ..."""
    table.autoFilter = AutoFilter(ref=table.ref)
    table.tableColumns = [TableColumn(id=number, name=title) for number, title in enumerate(titles, 1)]


def _widths(tables: list[Table], declared: tuple[int, ...]) -> list[int]:
    count = max([len(declared), *(len(table.columns) for table in tables)], default=1)
    widths = list(declared) + [0] * (max(count, 1) - len(declared))
    for table in tables:
        for number, column in enumerate(table.columns):
            widths[number] = max(widths[number], column.width)
    return [width or 18 for width in widths]


def _height_in_rows(block: Block) -> int:
    if isinstance(block, Text):
        return 2 if block.style in look.SPACED else 1
    return len(block.figures) if isinstance(block, Figures) else 0


def _titles(names: list[str]) -> list[str]:
    """Valid sheet names, each once. Excel keeps "History" for itself."""
    taken = {"history"}
    return [_unique(re.sub(r"[\[\]:*?/\\]", "-", short(name, 31)).strip("'") or "Sheet", taken, 31) for name in names]


def _headers(columns: tuple[Column, ...]) -> list[str]:
    taken: set[str] = set()
    return [_unique(_text(short(column.title, 200)) or "Column", taken) for column in columns]


def _table_name(name: str) -> str:
    """Letters, digits and underscores, and nothing that reads as a cell's address."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)[:200]
    return (
        name
        if re.match(r"[A-Za-z_]", name) and not re.fullmatch(r"[A-Za-z]{1,3}\d+|[Rr]\d*([Cc]\d*)?|[Cc]\d*", name)
        else f"t_{name}"
    )


def _unique(name: str, taken: set[str], most: int = 255) -> str:
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name[: most - len(str(number)) - 1]}_{number}"
    taken.add(free.casefold())
    return free
