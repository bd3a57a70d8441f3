"""How the clients stand: pure, over their sealed snapshots, what is known of their last attempts, and the last run.

Silence is no verdict: a client that was never scanned is waiting, not fine, and a scheduler that has not called for
long is said before anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from ..config import Client
from ..errors import HARMLESS, KeyroundError, for_client
from ..store.runs import Run
from .clients.facts import Access
from .clients.state import NO_ENTRY, awaited
from .due import due, next_slot, slack, slot
from .lastrun import Caller, LastRun

State = Literal["failed", "late", "stopped", "incomplete", "waiting", "due", "running", "fine", "unscheduled"]
STATES: tuple[State, ...] = (
    "failed",
    "late",
    "stopped",
    "incomplete",
    "waiting",
    "due",
    "running",
    "fine",
    "unscheduled",
)
"""Problems first."""
PROBLEMS: tuple[State, ...] = STATES[:4]
_STAMP = "%Y%m%dT%H%M%SZ"
_HARMLESS = frozenset(kind.__name__ for kind in HARMLESS)
_LONG = timedelta(days=1)
"""No run takes longer: schedulers end it then."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Instants are naive UTC. `last` is the newest sealed scan; `next_at` the next one, or the next try.

    `missed`: two scans in a row are missing. `why` and `remedy`: of what went wrong, or of why nothing happens.
    """

    client: str
    name: str
    state: State
    last: datetime | None = None
    next_at: datetime | None = None
    missed: bool = False
    why: str = ""
    remedy: str = ""
    incomplete: tuple[str, ...] = ()

    def days(self, now: datetime) -> int | None:
        return (now - self.last).days if self.last else None


def standing(
    client: Client, stamps: Sequence[str], run: Run, now: datetime, every: timedelta, access: Access | None = None
) -> Standing:
    """`every`: how often a scheduler calls; until twice that and a scan's limit have passed, nothing is late.
    `access`: what is known of the way in, whose giving may be all that a client waits for.
    """
    arranged, schedule = client.arranged, client.arranged.schedule
    ahead = now + (slack(schedule) if schedule else timedelta(days=1))  # a scan by a clock that was far ahead is none
    taken = [at for at in (datetime.strptime(stamp, _STAMP) for stamp in stamps) if at <= ahead]
    last = max(taken, default=None)

    def found(state: State, why: str = "", remedy: str = "", **more: object) -> Standing:
        return Standing(client.key, client.name, state, last, why=why, remedy=remedy, **more)  # type: ignore[arg-type]

    if arranged.order and arranged.order.until and arranged.order.until < now.date():
        return found("stopped", f"The order ended on {arranged.order.until:%d %b %Y}; nothing is scanned.",
                     f"Renew [client.{client.key}.order], or run `keyround client forget {client.key}`.")  # fmt: skip
    if schedule is None:
        return found("unscheduled", "Nobody scans it by itself.", 'Add every = "week" to it if you want that.')
    current = slot(schedule, now)
    missed = last is not None and last < slot(schedule, current - timedelta(seconds=1))
    todo = due(schedule, stamps, run, now, client.key)
    if run.started and now - run.started < arranged.limit + timedelta(minutes=5):
        return found("running", f"Since {run.started:%H:%M} UTC.", missed=missed)
    if run.started or (run.failure and (last is None or last < max(current, run.failure.at))):
        failure = run.failure if not run.started else None
        if access and failure and failure.kind in NO_ENTRY and access.opened and access.opened >= failure.at:
            return found("due" if last else "waiting", "It has let us in since the last attempt was refused.",
                         "The next run scans it.", next_at=todo.next_at)  # fmt: skip
        why = " ".join(filter(None, (failure.detail, failure.therefore))) if failure else "Its process was killed."
        remedy = "It is tried again by itself; if it repeats, look into its run.log."
        if failure:
            remedy = for_client(failure.remedy, client.key)
        if access and awaited(access, failure, last):
            return found("waiting", f"It was never scanned. {why}", remedy, next_at=todo.next_at)
        return found("failed", why, remedy, missed=missed, next_at=todo.next_at)
    if last is None:
        return found("waiting", "It was never scanned.", "The next run scans it.")
    if last < current:
        over = now - current > arranged.limit + 2 * every
        return found("late" if over else "due", f"A scan is due since {current:%Y-%m-%d %H:%M} UTC.",
                     "See whether the scheduler still calls: keyround schedule show." if over else "",
                     missed=missed and over)  # fmt: skip
    following = todo.next_at or next_slot(schedule, now)
    if lacking := tuple(kind for kind in run.incomplete if kind not in _HARMLESS):
        why = f"Not everything could be read ({', '.join(lacking)})."
        remedy = f"Its report says what, on the sheet Not checked; `keyround check {client.key}` says why."
        return found("incomplete", why, remedy, next_at=following, incomplete=lacking)
    return found("fine", next_at=following)


def unreadable(key: str, wrong: KeyroundError, stamps: Sequence[str], now: datetime) -> Standing:
    """A client whose section of the configuration is wrong, or whose folder is closed to us: no run can scan it."""
    taken = [at for at in (datetime.strptime(stamp, _STAMP) for stamp in stamps) if at <= now + timedelta(days=1)]
    return Standing(key, key, "failed", max(taken, default=None), why=wrong.detail, remedy=wrong.remedy)


@dataclass(frozen=True, slots=True)
class Calls:
    """How often and when a scheduler has called. `silent`: why it seems dead; `unknown`: why that cannot be told."""

    last: datetime | None
    every: timedelta
    silent: str = ""
    unknown: str = ""


def calls(last: LastRun | None, caller: Caller | None, now: datetime) -> Calls:
    """Whether runs still come. Where nobody says how often they should, only that none ever came is worth a word."""
    known = (last.every if last else 0) or (caller.every if caller else 0)
    every = timedelta(seconds=known or 3600)
    if last is None and caller is None:
        return Calls(None, every, unknown="No run was ever started by a scheduler: keyround schedule install.")
    since = max(at for at in (last and (last.ended or last.started), caller and caller.at) if at)
    if last and last.ended is None and now - last.started <= _LONG:
        return Calls(last.started, every)
    if known and now - since > 2 * every + timedelta(minutes=5):
        begun = f"has not called since {last.started:%Y-%m-%d %H:%M} UTC" if last else "has never called"
        return Calls(last.started if last else None, every, silent=f"The scheduler {begun}: keyround schedule show.")
    if last is None:
        return Calls(None, every, unknown="The scheduler has not called yet.")
    return Calls(last.started, every)


Verdict = Literal["OK", "WARNING", "CRITICAL", "UNKNOWN"]
CODES: dict[Verdict, int] = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
"""The exit statuses of monitoring plugins."""


def verdict(found: Sequence[Standing], how: Calls, unsaid: bool = False) -> Verdict:
    """CRITICAL: no runs come, or a client lacks two scans in a row. UNKNOWN: too little has happened to tell.

    `unsaid`: somebody was to be told something, and perhaps was not.
    """
    if how.silent or any(one.missed and one.state in PROBLEMS for one in found):
        return "CRITICAL"
    if unsaid or any(one.state in PROBLEMS for one in found):
        return "WARNING"
    scheduled = [one for one in found if one.state != "unscheduled"]
    if how.unknown or not scheduled or any(one.state == "waiting" for one in scheduled):
        return "UNKNOWN"
    return "OK"
