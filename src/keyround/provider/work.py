"""What a run may have to do, ready to be started: the scan of one client, the provider's portfolio, or tidying up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path

from ..config import Client, Config
from ..rounds import Schedule
from ..store import ClientStore
from ..store.runs import Run
from .due import Due
from .process import environment

PORTFOLIO = ".provider"
"""The key of the portfolio, and the folder of the provider's own in the store; no client's key begins with a dot."""
TIDY = ".provider/tidy"
"""The key of removing what has been kept long enough, also of clients that are not scanned any more."""
_DAILY = Schedule("day", at=time(1), zone="UTC")


@dataclass(frozen=True, slots=True)
class Work:
    """`stamps`: of what was made already, given what is known of earlier runs. `words`: of the command that does what
    is due, given when it starts and the file in which it says how it ended.
    """

    key: str
    root: Path
    schedule: Schedule | None
    limit: timedelta
    environment: Mapping[str, str] = field(repr=False)
    stamps: Callable[[Run], Sequence[str]]
    words: Callable[[Due, datetime, Path], list[str]]
    client: Client | None = None

    @property
    def log(self) -> Path:
        return (self.root / "run.log").absolute()


def work(config: Config, key: str) -> Work:
    """Of a client, the `PORTFOLIO`, or `TIDY`. Raises ConfigError."""
    if key == PORTFOLIO:
        output = ["--output", str((config.reports or config.store / PORTFOLIO / "reports").absolute())]
        return _own(config, key, config.portfolio, ["portfolio", *output])
    if key == TIDY:
        return _own(config, key, _DAILY if config.clients else None, ["tidy", "--all"])
    client = config.client(key)
    store = ClientStore(config.store, client.key)

    def words(todo: Due, now: datetime, file: Path) -> list[str]:
        which = ["--at", f"{now.isoformat()}Z"] if todo.kind == "scan" else ["--snapshot", todo.stamp]
        output = ["--output", str(config.reports_of(client).absolute())]
        return [todo.kind, client.key, *which, *output, *_places(config, file)]

    arranged, allowed = client.arranged, environment(config, client)
    return Work(
        client.key, store.root, arranged.schedule, arranged.limit, allowed, lambda run: store.stamps(), words, client
    )


def _own(config: Config, key: str, schedule: Schedule | None, command: list[str]) -> Work:
    """What the provider does for itself, once a slot; without a schedule never."""

    def stamps(run: Run) -> list[str]:
        return [run.reported] if run.reported else []

    def words(todo: Due, now: datetime, file: Path) -> list[str]:
        return [*command, "--at", f"{now.isoformat()}Z", *_places(config, file)]

    allowed = environment(config, with_general=True)
    return Work(key, config.store / key, schedule, timedelta(hours=1), allowed, stamps, words)


def _places(config: Config, file: Path) -> list[str]:
    return ["--config", str(config.path.absolute()), "--scheduled", str(file.absolute())]
