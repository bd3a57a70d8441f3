"""What a run may have to do, ready to be started: the scan of one client, or the provider's portfolio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..config import Client, Config
from ..rounds import Schedule
from ..store import ClientStore
from ..store.runs import Run
from .due import Due
from .process import environment

PORTFOLIO = ".provider"
"""The key of the portfolio, and the folder of the provider's own in the store; no client's key begins with a dot."""


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
        return self.root / "run.log"


def work(config: Config, key: str) -> Work:
    """Of a client, or the `PORTFOLIO`. Raises ConfigError."""
    if key == PORTFOLIO:
        return _portfolio(config)
    client = config.client(key)
    store = ClientStore(config.store, client.key)

    def words(todo: Due, now: datetime, file: Path) -> list[str]:
        which = ["--at", f"{now.isoformat()}Z"] if todo.kind == "scan" else ["--snapshot", todo.stamp]
        return [todo.kind, client.key, *which, *_places(config, config.reports_of(client), file)]

    arranged, allowed = client.arranged, environment(config, client)
    return Work(
        client.key, store.root, arranged.schedule, arranged.limit, allowed, lambda run: store.stamps(), words, client
    )


def _portfolio(config: Config) -> Work:
    """It is not forced on anybody: without a schedule it is never due."""
    root = config.store / PORTFOLIO

    def stamps(run: Run) -> list[str]:
        return [run.reported] if run.reported else []

    def words(todo: Due, now: datetime, file: Path) -> list[str]:
        output = config.reports or root / "reports"
        return ["portfolio", "--at", f"{now.isoformat()}Z", *_places(config, output, file)]

    allowed = environment(config, with_general=True)
    return Work(PORTFOLIO, root, config.portfolio, timedelta(hours=1), allowed, stamps, words)


def _places(config: Config, output: Path, file: Path) -> list[str]:
    places = {"--config": config.path, "--output": output, "--scheduled": file}
    return [word for option, place in places.items() for word in (option, str(place.absolute()))]
