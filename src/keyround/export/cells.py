"""Cells as plain text, for CSV files: what Excel and LibreOffice open without running or misreading anything.

Text        that begins like a formula gets an apostrophe in front, as OWASP advises
            (https://owasp.org/www-community/attacks/CSV_Injection): it is then shown,
            by every program, and never run. Blanks before it, and the wide forms of
            the same signs, count too, since some programs skip or fold them
Numbers     stay numbers, also negative ones; with the language's decimal sign, never grouped
Days        as 2026-11-23: every Excel takes it for that day, whatever its language, where
            11/12/2026 is one of two
Files       UTF-8 with its mark, without which Excel reads another alphabet; `;` between
            cells where the language writes 1,5, because Excel does there
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import TextIO

from ..words import language, say
from .blocks import Cell, Link
from .clean import clean

ENCODING = "utf-8-sig"
SUFFIX = ".csv"
_FORMULA = tuple("=+-@＝＋－＠")
_SKIPPED = "\u200b\u2060\ufeff"  # shown by nobody; str.strip leaves them


def text(value: Cell) -> str:
    """What a person reads, on as many lines as it has; not yet safe for a spreadsheet."""
    if value is None:
        return ""
    if isinstance(value, Link):
        return clean(value.text)
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, datetime):
        instant = value.astimezone(UTC) if value.tzinfo else value
        return f"{instant:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else clean(str(value))


def safe(said: str) -> str:
    """`said`, with an apostrophe in front where a spreadsheet could take it for more than text.

    >>> safe("=1+1"), safe(" @SUM(A1)"), safe("a=b")
    ("'=1+1", "' @SUM(A1)", 'a=b')
    """
    if said[:1] in ("\t", "\n") or said.strip().strip(_SKIPPED).lstrip().startswith(_FORMULA):
        return f"'{said}"
    return said


def plain(value: Cell, decimal: str = ".") -> str:
    """One cell as it stands in a CSV file, before the quotes."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return format(value, ".15g").replace(".", decimal)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return safe(text(value))


def decimal_sign() -> str:
    """Of the language that is spoken now."""
    from babel import Locale

    return str(Locale.parse(language()).number_symbols["latn"]["decimal"])


def row_writer(file: TextIO) -> Callable[[Iterable[Cell]], None]:
    """What writes one row after the other into `file`, which was opened with ENCODING and newline=""."""
    decimal = decimal_sign()
    write = csv.writer(file, delimiter=";" if decimal == "," else ",").writerow  # \r\n, quotes where they are needed
    return lambda row: write([plain(value, decimal) for value in row])
