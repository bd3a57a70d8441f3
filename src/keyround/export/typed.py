"""What people type into a cell, as the text that it means to us: the same whatever program stored it."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import cache
from typing import Any, cast

from openpyxl.utils.datetime import from_excel

from ..notes import STATUSES
from ..words import languages, speaking, word

_LAST_DAY = 2_958_465  # 31 December 9999, as Excel counts


def text(value: Any) -> str:
    """Any cell as text."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date):
        return _iso(value)
    return str(getattr(value, "text", value))


def due(value: Any, epoch: datetime) -> str:
    """A day in ISO form where it reads as one, else as it was typed."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _LAST_DAY:
        value = from_excel(value, epoch)
    if isinstance(value, str):
        return _read_day(value) or value
    return text(value)


def status(value: Any) -> str:
    """The code of one of our words in any language, else as it was typed."""
    typed = text(value)
    return _statuses().get(typed.casefold(), typed)


def _iso(value: date | datetime) -> str:
    if isinstance(value, datetime):
        return value.isoformat(" ", "minutes") if value.hour or value.minute else value.date().isoformat()
    return value.isoformat()


_ISO_DAY = re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?:[ T]00:00(:00)?)?")
_POINTS = re.compile(r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4}|\d{2})")
_WORDS = re.compile(r"(?P<d>\d{1,2})\.?\s+(?P<m>[^\W\d_]{3,12})\.?\s+(?P<y>\d{4})")


def _read_day(typed: str) -> str:
    """Only what can be read in one way: 1/2/2027 is January to some and February to others, and stays as typed."""
    for pattern in (_ISO_DAY, _POINTS, _WORDS):
        if found := pattern.fullmatch(typed):
            month = _months().get(found["m"].casefold(), 0) if found["m"].isalpha() else int(found["m"])
            year = int(found["y"]) + (2000 if len(found["y"]) == 2 else 0)
            try:
                return date(year, month, int(found["d"])).isoformat()
            except ValueError:
                return ""
    return ""


@cache
def _months() -> dict[str, int]:
    from babel import Locale

    found: dict[str, int] = {}
    for language in languages():
        months = cast(Any, Locale.parse(language).months)
        for form in ("wide", "abbreviated"):
            for kind in ("format", "stand-alone"):
                found |= {name.rstrip(".").casefold(): number for number, name in months[kind][form].items()}
    return found


@cache
def _statuses() -> dict[str, str]:
    found = {code: code for code in STATUSES}
    for language in languages():
        with speaking(language):
            found |= {word("todo", code).casefold(): code for code in STATUSES}
    return found
