"""How the process of one client ended, in a file that it leaves to the runner: `keyround scan CLIENT --scheduled FILE`.

No file means that the process was killed or crashed. No client's data is in it: what went wrong, which snapshot was
sealed, where the report lies.

While the process lives it holds the lock beside the file. So whoever finds the file missing and the lock free, because
the runner itself was killed, knows that nobody works on it; it gives the attempt up by writing there how it ended, and
a process that comes to life only after that ends at once.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from ..errors import KeyroundError, StoreError, denied
from ..store.runs import Failure

GRACE = timedelta(minutes=2)
"""How long after its limit a process ends itself, which the runner should have stopped by then."""


@dataclass(slots=True)
class Ended:
    """`stamp`: the sealed snapshot, also where its report could not be written. `incomplete`: kinds of errors for which
    data is missing. `paths`: the report, by format. `new`: findings that were not there before. `failure` None:
    everything was done.
    """

    stamp: str = ""
    incomplete: tuple[str, ...] = ()
    paths: dict[str, str] = field(default_factory=dict)
    new: int = 0
    failure: Failure | None = None


@contextmanager
def told(file: Path | None) -> Iterator[Ended]:
    """Gives the value to be filled in, and writes it to `file` at the end, whatever the end is; None: nowhere."""
    ended = Ended()
    if file is None:
        yield ended
        return
    with alive(file) as ours:
        if not ours or read(file):
            raise StoreError("This attempt was given up before it began.", "The next run tries again by itself.")
        try:
            yield ended
        except (KeyroundError, OSError) as error:
            ended.failure = failed(error, datetime.now(UTC).replace(tzinfo=None, microsecond=0))
            write(file, ended)
            raise
        write(file, ended)


def failed(error: KeyroundError | OSError, at: datetime) -> Failure:
    if isinstance(error, OSError):
        error = denied(error, "It was not done.")
    return Failure(at, type(error).__name__, error.detail, error.therefore, error.remedy)


@contextmanager
def alive(file: Path) -> Iterator[bool]:
    """Whether nobody else works on the attempt of `file`; if so, nobody else does until the block ends."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{file}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def limited(limit: timedelta) -> None:
    """End this process when it hangs, though no runner is left to stop it; where it hung goes to the log."""
    with suppress(OSError, ValueError, AttributeError):  # no standard error to write to
        faulthandler.enable()
        faulthandler.dump_traceback_later((limit + GRACE).total_seconds(), exit=True)


def read(file: Path) -> Ended | None:
    """None where the process left nothing, or half of it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Ended)
    except (OSError, ValueError, RecursionError):
        return None


def write(file: Path, ended: Ended) -> None:
    """Whole or not at all. Raises OSError."""
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(msgspec.json.encode(ended))
    os.replace(beside, file)
