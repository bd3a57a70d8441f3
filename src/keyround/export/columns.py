"""Values as Excel cells, column by column. Part of workbook.py; it too knows openpyxl.

Text        is never a formula, an error value or a link; see `text`
Links       lead to https pages and to sheets of the same book; see `Linked`
Fill-in     columns have a colour of their own, are not locked, and know what may stand in them
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

from openpyxl.cell import Cell as ExcelCell
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill, Protection
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink

from ..words import say
from . import look
from .blocks import Cell, Column, Link
from .clean import clean
from .naming import quoted

MOST_LINKS = 65_530  # on one sheet; Excel drops the rest and calls the file damaged
_MOST_ADDRESS = 2_000  # characters; Excel's own limit is a little above
_MOST_UNITS = 32_767  # UTF-16 code units in one cell
_MOST_LISTED = 255  # characters of a list of choices that stands in the rule itself
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_HALF_ESCAPE = re.compile(r"_(x[0-9A-Fa-f]{0,4})?$")
_FORMULA = ("=", "+", "-", "@", "\t", "#")  # what Excel, or somebody's CSV export of it, takes for more than text
_SIGNS = "".join(_FORMULA)
_FIRST_DATE = date(1900, 3, 1)  # before it, Excel counts a day that never was
_SENSIBLE = (date(2000, 1, 1), date(2100, 1, 1))  # days that people mean
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
    """The cells of one column: reused from row to row, since each row is on disk before the next is made."""

    def __init__(self, ws: Any, column: Column, links: Linked) -> None:
        self.links = links
        self.fill_in = column.fill_in
        self.quoted = WriteOnlyCell(ws)
        self.quoted.quotePrefix = True
        self.date = WriteOnlyCell(ws)
        self.link = WriteOnlyCell(ws)
        self.blank = WriteOnlyCell(ws)
        self.link.font = look.LINK
        self.date.number_format = say("format.date")
        if column.dates:
            self.blank.number_format = self.date.number_format
        for cell in (self.quoted, self.date, self.link, self.blank):
            cell.alignment = look.ALIGNMENT
            if column.fill_in:
                cell.fill = PatternFill("solid", fgColor=look.FILL_IN)
                cell.protection = Protection(locked=False)

    def of(self, value: Cell) -> Any:
        """What openpyxl takes: a bare value, or a cell that holds more than that."""
        if isinstance(value, Link):
            if link := self.links.to(value):
                fill(self.link, text(value.text))
                self.link.hyperlink = link
                return self.link
            value = value.text
        bare = self._bare(value)
        if not self.fill_in or isinstance(bare, ExcelCell):
            return bare
        if isinstance(bare, str):
            fill(self.blank, bare)
        else:
            self.blank.value = bare
        return self.blank

    def _bare(self, value: Cell) -> Any:
        if isinstance(value, str):
            said = text(value)
            if said[:1] not in _SIGNS:
                return said
            if not said:
                return None
            fill(self.quoted, said)
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


def is_simple(said: str) -> bool:
    """Text that `Cells.of` would give back as it is: most of all text, and told from the rest in no time."""
    return said.isascii() and said.isprintable() and said[:1] not in _SIGNS and "_x" not in said and len(said) < 10_000


def validation(column: Column, area: str, listed: Callable[[tuple[str, ...]], str]) -> DataValidation | None:
    """What Excel lets people write into `area`, and what it tells them before. `listed` keeps long lists elsewhere."""
    if not column.fill_in:
        return None
    told: dict[str, Any] = {
        "allow_blank": True,
        "showInputMessage": True,
        "promptTitle": _short(say("workbook.fill_in"), 32),
    }
    if column.choices:
        words = tuple(map(text, column.choices))
        listing = '"' + ",".join(words).replace('"', '""') + '"'
        inside = len(listing) <= _MOST_LISTED and not any("," in word or word != word.strip() for word in words)
        return DataValidation(
            type="list",
            formula1=listing if inside else listed(words),
            sqref=area,
            errorStyle="stop",
            showErrorMessage=True,
            errorTitle=_short(say("workbook.wrong_choice"), 32),
            error=_short(say("workbook.wrong_choice_remedy"), 255),
            prompt=_short(say("workbook.fill_in_choice"), 255),
            **told,
        )
    if column.dates:
        first, last = (str((one - date(1899, 12, 30)).days) for one in _SENSIBLE)
        return DataValidation(
            type="date",
            operator="between",
            formula1=first,
            formula2=last,
            sqref=area,
            errorStyle="warning",  # "after the holidays" is an answer too
            showErrorMessage=True,
            errorTitle=_short(say("workbook.wrong_day"), 32),
            error=_short(say("workbook.wrong_day_remedy"), 255),
            prompt=_short(say("workbook.fill_in_day"), 255),
            **told,
        )
    return DataValidation(sqref=area, prompt=_short(say("workbook.fill_in_text"), 255), **told)


def _short(said: str, most: int) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"
