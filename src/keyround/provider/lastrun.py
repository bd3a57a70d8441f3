"""When a run went over the clients last, and who calls the runs: `last-run.json`, `schedule.json` in `STORE/.provider`.

It is written when a run begins and again when it ends, also when nothing was due: a scheduler that has died is known
by its age, and a run that was killed by its missing end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..store.disk import disk_errors
from ..store.runs import Failure, Run
from . import kept


@dataclass(frozen=True, slots=True)
class LastRun:
    """Instants are naive UTC. `ended` None: it runs still, or was killed. `due` clients were run, `failed` of them
    failed. `every`: seconds from one run to the next where the run itself knows, as in a container; 0 elsewhere.
    `failures`: by client, also of those in whose own folders nothing can be written.
    """

    started: datetime
    ended: datetime | None = None
    due: int = 0
    failed: int = 0
    every: int = 0
    failures: Mapping[str, Failure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """What `keyround schedule install` has put up, and when: which scheduler calls, and every how many seconds."""

    by: str
    name: str
    every: int
    at: datetime


def caller(store: Path) -> Caller | None:
    """None where nothing was installed, or something that we know nothing of."""
    return kept.read(_file(store, "schedule"), Caller)


def keep_caller(store: Path, found: Caller | None) -> None:
    """None: it was removed. Raises StoreError."""
    if found:
        kept.keep(_file(store, "schedule"), found)
    else:
        with disk_errors("It is not written down."):
            _file(store, "schedule").unlink(missing_ok=True)


def read(store: Path) -> LastRun | None:
    """None where none ever ran, or the file is damaged."""
    return kept.read(_file(store, "last-run"), LastRun)


def keep(store: Path, run: LastRun) -> None:
    """Raises StoreError."""
    kept.keep(_file(store, "last-run"), run)


def known(run: Run, key: str, last: LastRun | None) -> Run:
    """What is known of a client's attempts, with the failure that could not be written into its own folder."""
    failure = last.failures.get(key) if last else None
    return replace(run, failure=failure) if failure and not run.failure and not run.started else run


def _file(store: Path, name: str) -> Path:
    return kept.folder(store) / f"{name}.json"
