"""Whether this computer's clock can be believed by whoever is about to remove what is too old.

A laptop that was set to 2030 for an hour must not lose everything. What speaks for a date is that the store was in use
shortly before it: a scan, or an earlier call like this one, `STORE/.provider/clock.json`; and most of a day before
it, since whatever happened within that hour is as wrong as the clock. After a long pause nothing speaks for it on
the first day, and on the next one the first day does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from . import kept

FAR = timedelta(days=45)
APART = timedelta(hours=20)
_STAMP = re.compile(r"\d{8}T\d{6}Z")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The last call, and one that was `APART` before it."""

    at: datetime
    before: datetime | None = None


def doubted(store: Path, now: datetime) -> datetime | None:
    """When the store was last in use before `now`, where that is too long ago to believe it; None: nothing is wrong."""
    last = max((at for at in _witnesses(store) if at <= now - APART), default=None)
    return last if last and now - last > FAR else None


def noted(store: Path, now: datetime) -> None:
    """Remember that it was in use now. Raises StoreError."""
    calls = _calls(store)
    seen = [at for at in calls if at <= now]
    if not seen or seen != calls or now - seen[0] >= APART:
        kept.keep(_file(store), _Seen(now, seen[0] if seen else None))


def _witnesses(store: Path) -> Iterator[datetime]:
    yield from _calls(store)
    for path in store.glob("*/scans/*"):
        if _STAMP.fullmatch(path.name):
            yield datetime.strptime(path.name, "%Y%m%dT%H%M%SZ")


def _calls(store: Path) -> list[datetime]:
    """The last one first."""
    seen = kept.read(_file(store), _Seen)
    return [at for at in (seen.at, seen.before) if at] if seen else []


def _file(store: Path) -> Path:
    return kept.folder(store) / "clock.json"
