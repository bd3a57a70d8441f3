"""Small readings that several data sets share: text, instants, booleans that may be left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import UNSET, Struct, UnsetType

EPOCH = datetime(1970, 1, 1)


class Wire(Struct, gc=False):
    """Base of what we read of an answer: only the fields we use, and never in a cycle, so never garbage-collected."""


Flag = bool | None | UnsetType
"""A boolean that Google may leave out of the answer."""


def instant(value: str | int | None) -> datetime | None:
    """RFC 3339 text or epoch milliseconds as naive UTC; None for anything that is neither.

    >>> instant("2026-10-05T07:41:12.310Z"), instant("1336509883546"), instant("soon")
    (datetime.datetime(2026, 10, 5, 7, 41, 12, 310000), datetime.datetime(2012, 5, 8, 20, 44, 43, 546000), None)
    """
    try:
        if isinstance(value, int) or (isinstance(value, str) and value.lstrip("-").isdecimal()):
            return EPOCH + timedelta(milliseconds=int(value))
        if not value:
            return None
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def country(code: str | None) -> str | None:
    """An ISO 3166-1 alpha-2 code; None for the codes that mean "not known".

    >>> country("dk"), country("XX"), country("T1"), country("")
    ('DK', None, None, None)
    """
    code = (code or "").strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code not in ("XX", "ZZ") else None


def flag(value: Flag, answered: bool) -> bool | None:
    """`value`, or False where it was left out and `answered`, else None for unknown.

    >>> flag(UNSET, True), flag(UNSET, False), flag(None, True)
    (False, None, None)
    """
    return (False if answered else None) if value is UNSET else value
