"""What charts and lists of choices refer to, out of the reader's sight. Part of workbook.py.

A chart's data lies in hidden rows below everything else on its own sheet, a list of choices that is too long to stand
in its rule on a hidden sheet, which comes last and only where there is such a list.
"""

from __future__ import annotations

from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from .columns import fill, text
from .naming import quoted


class Lists:
    """The hidden sheet of choices, one below the other."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.words: list[str] = []

    def listed(self, words: tuple[str, ...]) -> str:
        """The cells that hold these words."""
        first = len(self.words) + 1
        self.words += words
        return _area(self.title, 1, first, len(self.words))

    def write(self, book: Any) -> None:
        if self.words:
            ws = book.create_sheet(self.title)
            ws.sheet_state = "hidden"
            for word in self.words:
                ws.append([_cell(ws, word, "General")])
            ws.close()


class Below:
    """The hidden rows of one sheet. Where they will lie is known once everything above them is written: until then
    whatever refers to them is promised its cells.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[list[str | float | None], str]] = []
        self.promised: list[tuple[Any, int, int, int]] = []

    def add(self, row: list[str | float | None], numbers: str = "General") -> int:
        """One more row, its numbers in that format; which of these rows it is."""
        self.rows.append((row, numbers))
        return len(self.rows)

    def promise(self, reference: Any, column: int, first: int, last: int) -> Any:
        """`reference`, whose `f` will name the cells of one column in these rows."""
        self.promised.append((reference, column, first, last))
        return reference

    def write(self, ws: Any, above: int) -> None:
        """Below `above` rows of `ws`, and every promise kept."""
        for number, (row, numbers) in enumerate(self.rows, above + 1):
            ws.row_dimensions[number].hidden = True
            ws.append([_cell(ws, value, numbers) for value in row])
        for reference, column, first, last in self.promised:
            reference.f = _area(self.title, column, above + first, above + last)


def _area(title: str, column: int, first: int, last: int) -> str:
    letter = get_column_letter(column)
    begin = f"{quoted(title)}!${letter}${first}"
    return f"{begin}:${letter}${last}" if last > first else begin


def _cell(ws: Any, value: str | float | None, numbers: str) -> Any:
    cell = WriteOnlyCell(ws)
    if isinstance(value, str):
        fill(cell, text(value))
    elif value is not None:
        cell.value, cell.number_format = value, numbers
    return cell
