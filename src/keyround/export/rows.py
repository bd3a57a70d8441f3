"""Rows of a table's body as XML, straight into the sheet. Part of workbook.py; it too knows openpyxl.

openpyxl makes an object of each cell, of it a tree, and of that text, which takes
four times as long as everything else together. Tables may have hundreds of
thousands of rows, so theirs are written as text at once; all other rows are
openpyxl's, and so is the sheet around them.
"""

from __future__ import annotations

from typing import Any

from openpyxl.xml.functions import fromstring


class Row(tuple[str]):
    """One row as XML; `ws.append` takes it for a row of cells, and hands it on."""


def taking_xml(ws: Any) -> None:
    """From now on `ws.append` takes a Row too. Writes the sheet's head: views and widths must be set already."""
    ws._get_writer()
    values, write = ws._values_to_row, ws._writer.write_row
    ws._values_to_row = lambda row, number: row if isinstance(row, Row) else values(row, number)
    ws._writer.write_row = lambda xf, row, number: _put(xf, row) if isinstance(row, Row) else write(xf, row, number)


def _put(xf: Any, row: Row) -> None:
    """Into the stream, or, where the stream does not show its file (lxml's does not), as the element that it is."""
    put = getattr(xf, "_file", None)
    if callable(put):
        put(row[0])
    else:
        xf.write(fromstring(row[0]))


def row_xml(number: int, cells: str, height: float | None) -> Row:
    tall = f' ht="{height}" customHeight="1"' if height else ""
    return Row((f'<row r="{number}"{tall}>{cells}</row>',))
