"""How the scheduled runs of one client went: `STORE/<client>/run.json`, replaced whole at every change.

What was scanned the sealed snapshots say; this only holds what they cannot: attempts that failed, and which snapshot's
report has been written. A damaged or missing file costs a repeated report at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from .disk import disk_errors, private, put


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed, in the three sentences of every error. `kind` is the error's class, or "Crashed"..."""

    at: datetime
    kind: str
    detail: str
    therefore: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """Instants are naive UTC. `attempts` counts those since `slot`, the instant at which the client became due, and
    since the last one that succeeded.

    `started` is set while an attempt runs; found later, that attempt was killed. `failure` is the last one's, None
    after success. `reported` is the stamp of the newest snapshot whose report was written. `incomplete`: kinds of
    errors (`errors.py`) for which data of that snapshot is missing; `again`: how often it was repeated for their sake.
    """

    slot: datetime | None = None
    attempts: int = 0
    started: datetime | None = None
    retry_at: datetime | None = None
    failure: Failure | None = None
    reported: str = ""
    incomplete: tuple[str, ...] = ()
    again: int = 0


def read(root: Path) -> Run:
    """What is known of the client in `root`; nothing where there is no file, or a damaged one."""
    try:
        return msgspec.json.decode((root / "run.json").read_bytes(), type=Run)
    except (OSError, ValueError, RecursionError):
        return Run()


def keep(root: Path, run: Run) -> None:
    """Replace it, whole or not at all. Raises StoreError."""
    with disk_errors("What was scanned is kept."):
        private(root)
        for left in root.glob(".run-?*"):  # of a run that was killed here; only who holds the run's lock comes here
            if left.name != ".run-lock":
                left.unlink(missing_ok=True)
        put(root / "run.json", msgspec.json.encode(run), ".run-")
