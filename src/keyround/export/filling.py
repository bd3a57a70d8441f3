"""What people may write into a column, and what they are told before. Part of workbook.py; it too knows openpyxl."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from openpyxl.worksheet.datavalidation import DataValidation

from ..words import say
from .blocks import Column
from .columns import text

_MOST_LISTED = 255  # characters of a list of choices that stands in the rule itself
_SENSIBLE = (date(2000, 1, 1), date(2100, 1, 1))  # days that people mean


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
