"""One attempt at one client: where it leaves what, and what follows from how it ended. Nothing is started here."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from ..store import stamped
from ..store.disk import disk_errors, private
from ..store.runs import Failure, Run
from . import due as dues
from .due import AGAIN, PASSING, Due, backoff
from .ended import Ended

Outcome = Literal["scanned", "reported", "failed", "awaited", "nothing", "busy", "stopped"]


@dataclass(frozen=True, slots=True)
class Row:
    """What a run did about one client.

    `failure`: why it failed, or why it is awaited, since the client has yet to let us in; and `repeats` whether the
    attempt before failed in the same way. `slot`: since when it was due. `why`: of nothing and of busy. `remarks`: what
    went wrong afterwards, such as telling somebody.
    """

    client: str
    outcome: Outcome
    why: str = ""
    ended: Ended | None = None
    failure: Failure | None = None
    repeats: bool = False
    slot: datetime | None = None
    next_at: datetime | None = None
    remarks: tuple[str, ...] = ()


def file_of(root: Path, started: datetime) -> Path:
    """Where the process of the attempt that started then says how it ended."""
    return root / ".attempts" / f"{stamped(started)}.json"


def scratch(file: Path) -> Path:
    """The folder for temporary files of the attempt that writes `file`: a client's data spills into nobody else's, and
    what a killed process leaves there is found.
    """
    return file.with_suffix(".tmp")


def swept(file: Path) -> None:
    """Remove the temporary files of an attempt that is over."""
    shutil.rmtree(scratch(file), ignore_errors=True)


def prepared(root: Path, started: datetime) -> Path:
    """`file_of`, its folders made, and what attempts before the last one left there removed. Raises StoreError."""
    file = file_of(root, started)
    with disk_errors("Nothing was scanned."):
        private(file.parent)
        left = {path: path.name.partition(".")[0] for path in file.parent.iterdir()}
        last = max(left.values(), default="")
        for path, stamp in left.items():
            if stamp != last or stamp == file.stem:
                with suppress(PermissionError):  # Windows: its process has it open
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        private(scratch(file))
    return file


@contextmanager
def held(root: Path) -> Iterator[bool]:
    """Keep other runs away from this client; False where one is at it. Raises StoreError."""
    with disk_errors("Nothing was scanned."):
        private(root)
        lock = FileLock(root / ".run-lock", mode=0o600)
        with suppress(Timeout):
            lock.acquire(timeout=0)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def begun(run: Run, due: Due, now: datetime) -> Run:
    """What is known before the process starts: if nobody is left to say more, the attempt has failed."""
    again = due.again if due.kind == "scan" else run.again
    return replace(run, slot=due.slot, attempts=due.attempt, started=now, retry_at=None, again=again)


def settled(run: Run, ended: Ended, client: str, now: datetime) -> Run:
    """What is known after it."""
    if ended.failure:
        retry_at = now + backoff(client, run.slot, run.attempts)
        return replace(run, started=None, retry_at=retry_at, failure=ended.failure)
    waits = run.again < len(AGAIN) and PASSING.intersection(ended.incomplete)
    return replace(
        run, attempts=0, started=None, failure=None, incomplete=ended.incomplete,
        reported=ended.stamp or stamped(run.started or now),
        retry_at=now + dues.repeated(client, run.slot, run.again) if waits else None,
    )  # fmt: skip


def row(client: str, kind: str, before: Run, after: Run, ended: Ended, next_at: datetime | None) -> Row:
    repeats = bool(before.failure and ended.failure and repeated(before.failure, ended.failure))
    outcome: Outcome = "failed" if ended.failure else "scanned" if kind == "scan" else "reported"
    return Row(client, outcome, "", ended, ended.failure, repeats, after.slot, next_at)


def repeated(one: Failure, other: Failure) -> bool:
    """Whether an attempt failed as the one before did."""
    return (one.kind, one.remedy) == (other.kind, other.remedy)


def killed(at: datetime) -> Failure:
    """The runner itself was killed, and its process with it."""
    return Failure(
        at, "Killed", "The last attempt was cut off: the run was killed, or the computer went down.",
        "Nothing of that attempt is kept.", "It is tried again by itself; nobody has to do anything.",
    )  # fmt: skip


def exceeded(at: datetime, limit: timedelta, log: Path) -> Failure:
    minutes = round(limit.total_seconds() / 60)
    return Failure(
        at, "Limit", f"It took longer than its limit of {minutes} minute{'s' * (minutes != 1)} and was stopped.",
        "Nothing of that attempt is kept, unless a snapshot was sealed already.",
        f"{log} says how far it got. If the tenant is large, set a higher limit for this client; "
        "if it did not even sign in, look at the network and the proxy.",
    )  # fmt: skip


def crashed(at: datetime, status: int, log: Path) -> Failure:
    """The process ended without a word. One that was told to end, by whomever, says so with 128 and the signal."""
    if status in (130, 143):
        status = 128 - status
    if status < 0:
        with suppress(ValueError):
            name = signal.Signals(-status).name
            memory = ", as happens when memory runs out" if name == "SIGKILL" else ""
            return Failure(at, "Crashed", f"The process was ended by {name}{memory}.",
                           "Nothing of that attempt is kept, unless a snapshot was sealed already.",
                           f"See the end of {log}.")  # fmt: skip
    return Failure(
        at, "Crashed", f"The process broke down with the status {status}, for a reason that nobody foresaw.",
        "Nothing of that attempt is kept, unless a snapshot was sealed already.",
        f"See the end of {log}; if it repeats, report it to us with that.",
    )  # fmt: skip


def unexpected(at: datetime, error: Exception, log: Path) -> Failure:
    return Failure(
        at, "Unexpected", f"Keyround itself made a mistake with this client ({type(error).__name__}).",
        "It was not scanned; the other clients were.", f"See the end of {log}; report it to us with that.",
    )  # fmt: skip
