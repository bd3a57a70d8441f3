"""For how long what is kept of a client: over plain values, what has to go now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath

from ..rounds import Keeping
from ..store import stamped

_LEDGERS = timedelta(days=730)
"""How long the last ledger of each month stays."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is. `days`: those stored, by data set; `oldest`: of each snapshot's own sign-ins; `ledgers`: up to
    which scans one is sealed."""

    stamps: tuple[str, ...] = ()
    days: Mapping[PurePosixPath, tuple[date, ...]] = field(default_factory=dict)
    oldest: Mapping[str, date] = field(default_factory=dict)
    ledgers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to go. `before`: the first day whose sign-ins stay; `closed`: what ended before that instant is over."""

    before: date
    closed: datetime
    days: Mapping[PurePosixPath, tuple[date, ...]]
    snapshots: tuple[str, ...]
    shortened: tuple[str, ...]
    ledgers: tuple[str, ...]


def plan(found: Found, keeping: Keeping, now: datetime) -> Plan:
    """What has to go now. Snapshots that go are always the oldest ones."""
    before = now.date() - timedelta(days=keeping.sign_ins)
    closed = now - timedelta(days=keeping.evidence)
    replaced = found.stamps[1 : -keeping.scans + 1 or None] if len(found.stamps) > keeping.scans else ()
    over = sum(1 for stamp in replaced if stamp < stamped(closed))
    kept = found.stamps[over:]
    return Plan(
        before,
        closed,
        {home: gone for home, days in found.days.items() if (gone := tuple(day for day in days if day < before))},
        found.stamps[:over],
        tuple(stamp for stamp in kept if stamp in found.oldest and found.oldest[stamp] < before),
        _ledgers(found, kept, now),
    )


def _ledgers(found: Found, kept: Sequence[str], now: datetime) -> tuple[str, ...]:
    """Ledgers that nothing kept begins with; the last of each month stays for years, to compare with."""
    older = [stamp for stamp in found.ledgers if not kept or stamp < kept[0]]
    last = {stamp[:6]: stamp for stamp in older}  # the last one of each month
    bases = set(older[-1:])
    return tuple(stamp for stamp in older
                 if stamp not in bases and (last[stamp[:6]] != stamp or stamp < stamped(now - _LEDGERS)))  # fmt: skip
