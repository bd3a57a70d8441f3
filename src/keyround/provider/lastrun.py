"""When a run went over the clients last: `STORE/.provider/last-run.json`.

It is written when a run begins and again when it ends, also when nothing was due: a scheduler that has died is known
by its age, and a run that was killed by its missing end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import kept


@dataclass(frozen=True, slots=True)
class LastRun:
    """Instants are naive UTC. `ended` None: it runs still, or was killed. `due` clients were run, `failed` of them
    failed. `every`: seconds from one run to the next where the run itself knows, as in a container; 0 elsewhere.
    """

    started: datetime
    ended: datetime | None = None
    due: int = 0
    failed: int = 0
    every: int = 0


def read(store: Path) -> LastRun | None:
    """None where none ever ran, or the file is damaged."""
    return kept.read(_file(store), LastRun)


def keep(store: Path, run: LastRun) -> None:
    """Raises StoreError."""
    kept.keep(_file(store), run)


def _file(store: Path) -> Path:
    return kept.folder(store) / "last-run.json"
