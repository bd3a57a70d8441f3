"""One sheet as an Excel worksheet, from the top down. Part of workbook.py; it too knows openpyxl."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles.colors import Color
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.table import Table as ExcelTable
from openpyxl.worksheet.table import TableColumn, TableStyleInfo

from ..words import say
from . import charts, logo, look
from .blocks import Block, Cell, Charts, Column, Figure, Figures, Link, Sheet, Table, Text
from .clean import short
from .columns import Cells, Linked, fill, text
from .filling import validation
from .furniture import Properties, set_up
from .helper import Below, Lists
from .naming import table_name, unique
from .rest import Rest
from .rows import row_xml, taking_xml

MOST_ROWS = 1_048_576


@dataclass(frozen=True, slots=True)
class Shared:
    """What the sheets of one workbook have in common. `titles`: what each sheet is called in the file."""

    book: Any
    about: Properties
    titles: dict[str, str]
    tables: set[str]
    lists: Lists
    rest: Rest


class Page:
    """One worksheet while it is being written."""

    def __init__(self, shared: Shared, sheet: Sheet, title: str, mark: logo.Logo | None = None) -> None:
        self.ws: Any = shared.book.create_sheet(title)
        self.shared = shared
        self.sheet = sheet
        self.links = Linked(shared.titles)
        self.row = 0
        self.mark = mark
        self.below = Below(title)
        found = [block for block in sheet.blocks if isinstance(block, Table)]
        self.widths = _widths(found, sheet.widths)
        header = None
        if len(found) == 1 and sheet.blocks[-1] is found[0]:
            header = 1 + sum(_height_in_rows(block) for block in sheet.blocks[:-1])
        set_up(self.ws, self.widths, header, sheet.landscape, sheet.one_page, shared.about)
        taking_xml(self.ws)

    def write(self) -> None:
        for block in self.sheet.blocks:
            if isinstance(block, Table):
                self._table(block)
            elif isinstance(block, Text):
                self._paragraph(block)
            elif isinstance(block, Charts):
                self._charts(block)
            else:
                for figure in block.figures:
                    self._figure(figure, block)
        if self.ws._charts or self.ws._images:  # they end on the last column's edge, which else counts as the next one
            self.ws.print_area = f"A1:{get_column_letter(len(self.widths))}{self.row}"
        self.below.write(self.ws, self.row)
        self.ws.close()

    def _append(self, cells: list[Any], height: float | None = None) -> None:
        self.row += 1
        if height is not None:
            self.ws.row_dimensions[self.row].height = height
        self.ws.append(cells)
        if height is not None:
            del self.ws.row_dimensions[self.row]  # written already; kept, it would cost memory for each row

    def _paragraph(self, block: Text) -> None:
        """Over the whole width; a title leaves the last column to the logo, if there is one."""
        if block.style in look.SPACED:
            self._append([], look.SPACE)
        kind = look.TEXT[block.style]
        beside, self.mark = (self.mark, None) if block.style == "title" else (None, self.mark)
        widths = self.widths[:-1] if beside and len(self.widths) > 1 else self.widths
        lines = look.lines(block.text, sum(widths), kind.size * (look.BOLD if kind.bold else 1))
        height = look.height(lines, kind.size, kind.roomy)
        if beside:
            height = max(height, beside.height + 6)
            by = self.shared.about.prepared_by or self.shared.about.title
            logo.place(self.ws, beside, self.widths, self.row + 1, say("workbook.logo", by=by))
        self._across([self._cell(block.text, kind, block.tone, block.link)], height, len(widths))

    def _charts(self, block: Charts) -> None:
        if any(map(charts.known, block.charts)):
            self._append([], charts.height(block))
            charts.draw(self.ws, block, self.row, self.widths, self.below)
        for chart in block.charts:
            if not charts.known(chart):
                self._paragraph(Text(charts.in_words(chart), "note"))

    def _figure(self, figure: Figure, block: Figures) -> None:
        """Label, value, and the note over the rest of the width; without any value, the note begins in its place."""
        valued = any(one.value for one in block.figures)
        longest = max(map(len, figure.value.splitlines()), default=0)
        value = look.LARGE if block.large and longest < 14 else look.VALUE
        cells = [self._cell(figure.label, look.LABEL, "plain", figure.link)]
        if valued:
            cells.append(self._cell(figure.value, value, figure.tone))
            _add_before(cells[-1], figure, value)
        before = look.lines(figure.before, self.widths[1], look.NOTE.size) if valued and figure.before else 0
        lines = max(
            look.lines(figure.label, self.widths[0], look.LABEL.size * look.BOLD),
            look.lines(figure.value, self.widths[1], value.size * look.BOLD) * value.size / look.SIZE + before
            if valued
            else 1,
            look.lines(figure.note, sum(self.widths[len(cells) :]), look.NOTE.size),
        )
        cells.append(self._cell(figure.note, look.NOTE))
        self._across(cells, look.height(lines, look.LABEL.size, roomy=valued))

    def _across(self, cells: list[Any], height: float | None = None, last: int = 0) -> None:
        """A row whose last cell goes on to the right edge, or to column `last`."""
        first, last = len(cells), last or len(self.widths)
        if last > first:
            self.ws.merged_cells.add(
                f"{get_column_letter(first)}{self.row + 1}:{get_column_letter(last)}{self.row + 1}"
            )
            for _ in range(last - first):  # else the rest has neither fill nor line
                cells.append(WriteOnlyCell(self.ws))
                cells[-1]._style = cells[first - 1]._style
        self._append(cells, height)

    def _cell(self, said: str, kind: look.Kind, tone: str = "plain", link: str = "") -> Any:
        """A cell of its own style; only titles, headings and figures are."""
        cell = WriteOnlyCell(self.ws)
        if said:
            fill(cell, text(said))
        look.style(cell, kind, tone)
        if link and (to := self.links.to(Link(said, sheet=link))):
            to.display = self.shared.titles[link]
            cell.hyperlink = to
        return cell

    def _table(self, block: Table) -> None:
        titles = _headers(block.columns)
        self._append([self._cell(title, look.HEADER) for title in titles], look.HEADER_HEIGHT)
        header = self.row
        over = self._rows(block, titles)
        if self.row == header:
            kind = look.TEXT["body"]
            empty = block.empty or say("none")
            self._across(
                [self._cell(empty, kind)], look.height(look.lines(empty, sum(self.widths), kind.size), kind.size)
            )
            return
        ref = f"A{header}:{get_column_letter(len(titles))}{self.row}"
        table = ExcelTable(displayName=unique(table_name(block.name), self.shared.tables), ref=ref)
        _columns(table, titles)
        table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
        with warnings.catch_warnings():  # openpyxl says that we must name the columns; we did
            warnings.simplefilter("ignore", UserWarning)
            self.ws.add_table(table)
        for number, column in enumerate(block.columns, 1):
            letter = get_column_letter(number)
            area = f"{letter}{header + 1}:{letter}{self.row}"
            look.paint(self.ws, area, column.tones)
            if rule := validation(column, area, self.shared.lists.listed):
                self.ws.data_validations.append(rule)
        if over:
            self._across([self._cell(over, look.TEXT["body"], "unknown")])

    def _rows(self, block: Table, titles: list[str]) -> str:
        """The body; what has to be said about rows that did not fit."""
        letters = map(get_column_letter, range(1, len(titles) + 1))
        kinds = [
            Cells(self.ws, column, letter, self.links) for column, letter in zip(block.columns, letters, strict=True)
        ]
        columns = [(kind.xml, width, look.fits(width)) for kind, width in zip(kinds, self.widths, strict=False)]
        rows = iter(block.rows)
        while self.row < MOST_ROWS - 1:  # the last one says where the rest is
            row = next(rows, None)
            if row is None:
                return ""
            self.row += 1
            tall = 1
            cells = []
            for value, (xml, width, fitting) in zip(row, columns, strict=True):
                if isinstance(value, Link):
                    tall = max(tall, look.lines(value.text, width))
                elif isinstance(value, str) and (len(value) > fitting or not value.isascii() or "\n" in value):
                    tall = max(tall, look.lines(value, width))
                cells.append(xml(value, self.row))
            self.ws.append(row_xml(self.row, "".join(cells), look.height(tall, look.SIZE) if tall > 1 else None))
        return self._over(table_name(block.name), titles, rows)

    def _over(self, table: str, titles: list[str], rows: Iterator[tuple[Cell, ...]]) -> str:
        """The rest, into a file beside the workbook."""
        first = next(rows, None)
        if first is None:
            return ""
        file, write = self.shared.rest.open(table, titles)
        write(first)
        count = 1
        for row in rows:
            write(row)
            count += 1
        return say("workbook.rows_elsewhere", n=count, file=file)


def _add_before(cell: Any, figure: Figure, kind: look.Kind) -> None:
    """What the value was last time, small below it in the same cell."""
    if figure.value and figure.before:
        ink = look.FILLS.get(figure.tone, ("", look.INK))[1]
        large = InlineFont(rFont=look.FONT, sz=kind.size, b=kind.bold, color=Color(ink))
        small = InlineFont(rFont=look.FONT, sz=look.NOTE.size, color=Color(ink))
        cell.value = CellRichText(TextBlock(large, text(figure.value)), TextBlock(small, "\n" + text(figure.before)))
        cell.data_type = "s"


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
    if isinstance(block, Charts):
        drawn = [charts.known(chart) for chart in block.charts]
        return any(drawn) + drawn.count(False)
    return len(block.figures) if isinstance(block, Figures) else 0


def _headers(columns: tuple[Column, ...]) -> list[str]:
    taken: set[str] = set()
    return [unique(text(short(column.title, 200)) or "Column", taken) for column in columns]
