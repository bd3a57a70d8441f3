"""The hidden sheet with what other sheets refer to: data of charts, long lists of choices. Part of workbook.py.

It comes last and only where something is in it. What stands in it stands elsewhere in words too.
"""

from __future__ import annotations

from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.utils import get_column_letter

from .columns import fill, text
from .naming import quoted


class Helper:
    def __init__(self, title: str) -> None:
        self.title = title
        self.rows: list[tuple[list[str | float | None], str]] = []

    def add(self, row: list[str | float | None], numbers: str = "General") -> int:
        """One more row, its numbers in that format; which row it is."""
        self.rows.append((row, numbers))
        return len(self.rows)

    def ref(self, column: int, first: int, last: int) -> str:
        """Cells of one column as formulas and charts name them."""
        letter = get_column_letter(column)
        return f"{quoted(self.title)}!${letter}${first}:${letter}${last}" if last > first else (
            f"{quoted(self.title)}!${letter}${first}")  # fmt: skip

    def listed(self, words: tuple[str, ...]) -> str:
        """The cells that hold these words, one below the other."""
        first = len(self.rows) + 1
        for word in words:
            self.add([word])
        return self.ref(1, first, len(self.rows))

    def write(self, book: Any) -> Any:
        """The sheet, or None where there is nothing to hold."""
        if not self.rows:
            return None
        ws = book.create_sheet(self.title)
        ws.sheet_state = "hidden"
        for row, numbers in self.rows:
            ws.append([_cell(ws, value, numbers) for value in row])
        ws.close()
        return ws


def _cell(ws: Any, value: str | float | None, numbers: str) -> Any:
    cell = WriteOnlyCell(ws)
    if isinstance(value, str):
        fill(cell, text(value))
    elif value is not None:
        cell.value, cell.number_format = value, numbers
    return cell
