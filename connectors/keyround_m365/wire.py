"""Small translations that several data sets share."""

from __future__ import annotations

from datetime import UTC, datetime

_NEVER = 1601  # Microsoft writes "no date" as year 1 or 1601


def instant(text: str | None) -> datetime | None:
    """An ISO 8601 instant as naive UTC; None for absent, unreadable and placeholder dates.

    >>> instant("2026-08-01T06:30:00.1234567Z"), instant("0001-01-01T00:00:00Z"), instant("soon")
    (datetime.datetime(2026, 8, 1, 6, 30, 0, 123456), None, None)
    """
    if not text:
        return None
    try:
        read = datetime.fromisoformat(text)
        when = read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except (ValueError, OverflowError):
        return None
    return when if when.year > _NEVER else None


def country(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 in capitals; None for empty and for the codes that mean "unknown"."""
    code = (text or "").strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() and code not in ("XX", "ZZ") else None


def flag(value: bool | None) -> str | None:
    """A switch as the value of a setting."""
    return None if value is None else str(value).lower()


def count(number: int | None) -> int | None:
    """A number of things; None for what cannot be one."""
    return number if number is not None and 0 <= number < 2**53 else None
