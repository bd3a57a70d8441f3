"""Values as Excel cells, column by column. Part of workbook.py; it too knows openpyxl.

Text        is never a formula, an error value or a link; see `text`
Links       lead to https pages and to sheets of the same book; see `Linked`
Fill-in     columns have a colour of their own and are not locked
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill, Protection
from openpyxl.worksheet.hyperlink import Hyperlink

from ..words import say
from . import look
from .blocks import Cell, Column, Link
from .clean import clean
from .naming import quoted

MOST_LINKS = 65_530  # on one sheet; Excel drops the rest and calls the file damaged
_MOST_ADDRESS = 2_000  # characters; Excel's own limit is a little above
_MOST_UNITS = 32_767  # UTF-16 code units in one cell
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_HALF_ESCAPE = re.compile(r"_(x[0-9A-Fa-f]{0,4})?$")
_FORMULA = ("=", "+", "-", "@", "\t", "#")  # what Excel, or somebody's CSV export of it, takes for more than text
_CAREFUL = "".join(_FORMULA) + " "
_DAY_ZERO = datetime(1899, 12, 30)
_FIRST_DATE = datetime(1900, 3, 1)  # before it, Excel counts a day that never was
_MOST_DIGITS = 10**15


def fill(cell: Any, said: str) -> None:
    """Text as text: openpyxl would guess formulas and error values from it."""
    cell.value = said
    cell.data_type = "s"
    if said.startswith(_FORMULA):
        cell.quotePrefix = True


def text(said: str) -> str:
    """What Excel will show as `said`: cleaned, its own escapes escaped, within the length of a cell."""
    said = clean(said)
    if "_x" in said:
        said = _ESCAPED.sub("_x005F_", said)
    if len(said) * 2 > _MOST_UNITS and len(said.encode("utf-16-le")) // 2 > _MOST_UNITS:
        kept = said.encode("utf-16-le")[: 2 * (_MOST_UNITS - 1)].decode("utf-16-le", "ignore")
        said = _HALF_ESCAPE.sub("", kept) + "…"
    return said


class Linked:
    """The links of one sheet: as many as Excel takes; what is over stays as text."""

    def __init__(self, sheets: dict[str, str]) -> None:
        self.sheets = sheets
        self.left = MOST_LINKS

    def to(self, link: Link) -> Hyperlink | None:
        """The link, or None where it leads nowhere: to no sheet of this book, to no https page, beyond the limit."""
        title = self.sheets.get(link.sheet) if link.sheet else None
        if self.left <= 0 or not (title or _page(link.url)):
            return None
        self.left -= 1
        if title:
            return Hyperlink(ref="A1", location=f"{quoted(title)}!A1")
        return Hyperlink(ref="A1", target=link.url)


def _page(url: str) -> bool:
    if not url.startswith("https://") or len(url) > _MOST_ADDRESS or not url.isascii() or not url.isprintable():
        return False
    try:
        return bool(urlsplit(url).hostname) and not re.search(r'[\s"<>\\^`{|}]', url)
    except ValueError:
        return False


class Cells:
    """The cells of one column of a table's body, as XML; `rows` says why."""

    def __init__(self, ws: Any, column: Column, letter: str, links: Linked) -> None:
        self.ws = ws
        self.links = links
        self.letter = letter
        self.plain = _style(ws, column, column.dates and say("format.date"))
        self.quoted = _style(ws, column, quoted=True)
        self.date = _style(ws, column, say("format.date"))
        self.link = _style(ws, column, linked=True)
        self.quoted_link = _style(ws, column, linked=True, quoted=True)
        self.empty = self.plain if column.fill_in else ""  # else a cell that is not there looks the same

    def xml(self, value: Cell, row: int) -> str:
        """Empty where there is no cell."""
        if isinstance(value, str):
            if _is_simple(value):  # nearly all text
                return f'<c r="{self.letter}{row}"{self.plain} t="inlineStr"><is><t>{value}</t></is></c>'
            return self._said(text(value), row, self.plain, self.quoted)
        if value is None:
            return f'<c r="{self.letter}{row}"{self.empty}/>' if self.empty else ""
        if isinstance(value, Link):
            if link := self.links.to(value):
                link.ref = f"{self.letter}{row}"
                self.ws._hyperlinks.append(link)
                return self._said(text(value.text), row, self.link, self.quoted_link)
            return self.xml(value.text, row)
        if isinstance(value, bool):
            return self.xml(say("yes" if value else "no"), row)
        if isinstance(value, date):
            return self._day(value, row)
        if not math.isfinite(value):
            return self.xml(None, row)
        if isinstance(value, int) and abs(value) >= _MOST_DIGITS:
            return self.xml(str(value), row)
        return self._number(value, row, self.plain)

    def _said(self, said: str, row: int, plain: str, quoted: str) -> str:
        if not said:
            return self.xml(None, row)
        style = quoted if said.startswith(_FORMULA) else plain
        kept = ' xml:space="preserve"' if said != said.strip() else ""
        return f'<c r="{self.letter}{row}"{style} t="inlineStr"><is><t{kept}>{escape(said)}</t></is></c>'

    def _number(self, value: float, row: int, style: str) -> str:
        return f'<c r="{self.letter}{row}"{style} t="n"><v>{value!r}</v></c>'

    def _day(self, value: date, row: int) -> str:
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
            if value < _FIRST_DATE:
                return self.xml(f"{value:%Y-%m-%d}", row)
        elif value.tzinfo:
            value = value.astimezone(UTC).replace(tzinfo=None)
        if value < _FIRST_DATE:
            return self.xml(value.isoformat(), row)
        since = value - _DAY_ZERO
        seconds = since.seconds + since.microseconds / 1_000_000
        return self._number(since.days + seconds / 86_400 if seconds else since.days, row, self.date)


def _style(ws: Any, column: Column, numbers: str | bool = "", quoted: bool = False, linked: bool = False) -> str:
    """The attribute that gives a cell this look; none where it is that of everything."""
    if not (column.fill_in or numbers or quoted or linked):
        return ""
    cell = WriteOnlyCell(ws)
    cell.alignment = look.ALIGNMENT
    cell.quotePrefix = quoted
    if numbers:
        cell.number_format = str(numbers)
    if linked:
        cell.font = look.LINK
    if column.fill_in:
        cell.fill = PatternFill("solid", fgColor=look.FILL_IN)
        cell.protection = Protection(locked=False)
    return f' s="{cell.style_id}"'


def _is_simple(said: str) -> bool:
    """Text that stands in the file as it is."""
    return (
        said.isascii()
        and said.isprintable()
        and said[:1] not in _CAREFUL
        and said[-1] != " "
        and not ("_x" in said or "&" in said or "<" in said or ">" in said)
        and len(said) < 10_000
    )
