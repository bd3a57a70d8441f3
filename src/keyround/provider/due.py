"""When a client is due: pure, over its schedule, its sealed snapshots and what is known of its last attempts.

A slot is an instant of the schedule. A client is due when no snapshot was sealed since its latest slot: a computer that
slept over three of them catches up once, and asking twice changes nothing. Instants are naive UTC.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from ..rounds import Schedule
from ..store.runs import Run

FIRST, MOST = timedelta(minutes=10), timedelta(hours=6)
"""How long after the first failed attempt the next one comes; each later wait is three times as long, up to MOST."""
AGAIN = (timedelta(hours=1), timedelta(hours=5))
"""How long after a scan with data missing for a passing reason it is repeated, and how often at most."""
PASSING = frozenset({"Throttled", "Unreachable"})
SPREAD = 0.25
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Due:
    """What to do now. `slot`: since when the client is due, or what the last scan was for; None without a schedule.

    `attempt` counts from 1 in each slot, `again` how often a scan is repeated for what it could not read. `why` is said
    to the administrator. `next_at`: where there is nothing to do now, when there will be.
    """

    kind: Literal["scan", "report", "nothing"]
    slot: datetime | None
    attempt: int
    why: str
    next_at: datetime | None = None
    again: int = 0
    stamp: str = ""


def due(
    schedule: Schedule | None, stamps: Sequence[str], run: Run, now: datetime, client: str = "", forced: bool = False
) -> Due:
    """`stamps`: of the sealed snapshots. `forced`: somebody asks for a scan now, due or not. An attempt that `run`
    still calls started counts as failed: whoever asks knows that it does not run any more.
    """
    current = slot(schedule, now) if schedule else None
    same = run.slot == current
    attempt = run.attempts + 1 if same else 1
    if forced:
        return Due("scan", current, attempt, "asked for")
    if schedule is None or current is None:
        return Due("nothing", None, 0, "no schedule")
    latest = now + slack(schedule)
    done = [stamp for stamp in stamps if current <= datetime.strptime(stamp, _STAMP) <= latest]
    following = next_slot(schedule, now)
    retry_at = _retry_at(run, client, now) if same else None
    retry_at = min(retry_at, following) if retry_at else None  # with the next slot everything begins again
    if not done:
        if retry_at:
            return Due("nothing", current, run.attempts, f"attempt {run.attempts} failed", retry_at)
        tried = "" if attempt == 1 else f", attempt {attempt}"
        return Due("scan", current, attempt, f"due since {current:%Y-%m-%d %H:%M} UTC{tried}")
    newest = max(done)
    if run.reported not in done:
        if retry_at:
            return Due("nothing", current, run.attempts, "its report could not be written", retry_at)
        return Due(
            "report",
            current,
            attempt,
            f"the report of {datetime.strptime(newest, _STAMP):%Y-%m-%d %H:%M} UTC was never written",
            stamp=newest,
        )
    again = run.again if same else len(AGAIN)
    if run.reported == newest and again < len(AGAIN) and PASSING.intersection(run.incomplete):
        if retry_at:
            return Due("nothing", current, run.attempts, "scanned, but not everything could be read", retry_at)
        return Due("scan", current, attempt, "again, for what could not be read", again=again + 1)
    return Due(
        "nothing",
        current,
        run.attempts if same else 0,
        f"done {datetime.strptime(newest, _STAMP):%Y-%m-%d %H:%M} UTC",
        following,
    )


def slack(schedule: Schedule) -> timedelta:
    """How far ahead of the clock a snapshot may lie and still count: a clock that was set back a little must not lead
    to a second scan, one that was far ahead must not prevent the next ones.
    """
    return min(timedelta(hours=schedule.count), timedelta(days=1)) if schedule.unit == "hour" else timedelta(days=1)


def backoff(client: str, slot: datetime | None, attempt: int) -> timedelta:
    """The wait after a failed attempt; not the same for all clients, which may have failed for one common reason."""
    return _spread(min(FIRST * 3 ** min(max(attempt, 1) - 1, 9), MOST), f"{client} {slot} {attempt}")


def repeated(client: str, slot: datetime | None, again: int) -> timedelta:
    """The wait after a scan that lacks data for a passing reason, which was already repeated `again` times."""
    return _spread(AGAIN[min(again, len(AGAIN) - 1)], f"{client} {slot} again {again}")


def _spread(wait: timedelta, seed: str) -> timedelta:
    share = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) / 2**32
    return timedelta(seconds=round(wait.total_seconds() * (1 - SPREAD + 2 * SPREAD * share)))


def _retry_at(run: Run, client: str, now: datetime) -> datetime | None:
    """Until when to wait; None where the wait is over. One that is too long comes from a clock that was wrong."""
    until = run.started + backoff(client, run.slot, run.attempts) if run.started else run.retry_at
    return until if until and now < until <= now + MOST * (1 + SPREAD) else None


def slot(schedule: Schedule, now: datetime) -> datetime:
    """The latest slot that is not later than `now`."""
    around = _around(schedule, now)
    return around[bisect_right(around, now) - 1]


def next_slot(schedule: Schedule, now: datetime) -> datetime:
    """The first slot later than `now`."""
    around = _around(schedule, now)
    return around[bisect_right(around, now)]


def _around(schedule: Schedule, now: datetime) -> list[datetime]:
    """Some slots before `now` and some after it, in order. A zone that moves across the date line leaves out a day."""
    if schedule.unit == "hour":
        step = timedelta(hours=schedule.count)
        last = now - (now - datetime(1970, 1, 1)) % step
        return [last, last + step]
    zone = ZoneInfo(schedule.zone) if schedule.zone else None
    period = _period(schedule, _local(now, zone).date()) // schedule.count
    days = (_day(schedule, number * schedule.count) for number in range(period - 2, period + 3))
    return sorted({_instant(datetime.combine(day, schedule.at), zone) for day in days})


def _period(schedule: Schedule, day: date) -> int:
    """Days, weeks and months are numbered from the first day of the calendar on, so that every second one is the same
    whoever asks.
    """
    if schedule.unit == "month":
        return day.year * 12 + day.month - 1
    return day.toordinal() if schedule.unit == "day" else (day.toordinal() - 1) // 7  # 0001-01-01 was a Monday


def _day(schedule: Schedule, period: int) -> date:
    if schedule.unit == "month":
        year, month = divmod(period, 12)
        return date(year, month + 1, min(schedule.on, monthrange(year, month + 1)[1]))
    return date.fromordinal(period if schedule.unit == "day" else period * 7 + 1 + schedule.on)


def _local(at: datetime, zone: ZoneInfo | None) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None, fold=0)


def _utc(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """A wall clock without a zone is this computer's."""
    return (wall.replace(tzinfo=zone) if zone else wall).astimezone(UTC).replace(tzinfo=None)


def _instant(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """When clocks there show `wall`: the first time where they show it twice; where they never do, the first instant
    after what was left out.
    """
    after, before = _utc(wall.replace(fold=1), zone), _utc(wall, zone)  # reckoned as after a change, and as before it
    if before <= after:
        return before
    moved = _local(before, zone) - before
    while before - after > timedelta(seconds=1):  # clocks were put forward between the two
        middle = after + (before - after) // 2
        if _local(middle, zone) - middle == moved:
            before = middle
        else:
            after = middle
    return before.replace(microsecond=0)
