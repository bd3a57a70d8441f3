"""Time that a test moves, and processes that a test stands in for.

A `Stage` gives the runner its World. Which client really gets a process and which one is played is up to the test: a
played client does in a moment what its process would leave behind.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from keyround.config import Config
from keyround.errors import Throttled
from keyround.provider import ended, process, runner
from keyround.provider.attempt import Row
from keyround.provider.ended import Ended
from keyround.store import ClientStore
from keyround.store.runs import Failure
from tests.sealing import Sealed, seal

HOUR = timedelta(hours=1)


@dataclass
class Asked:
    """The words of one process, read again."""

    words: Sequence[str]

    @property
    def verb(self) -> str:
        return self.words[0]

    @property
    def client(self) -> str:
        return self.words[1]

    def __getitem__(self, option: str) -> str:
        return self.words[self.words.index(f"--{option}") + 1]

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self["at"]).replace(tzinfo=None)

    def leave(self, end: Ended) -> None:
        ended.write(Path(self["scheduled"]), end)


Played = Callable[[Asked], int | None]
"""What a played process does; its exit status, or None where it hangs until it is stopped."""


@dataclass
class Puppet:
    """A process that has done what it does already."""

    status: int | None

    def poll(self) -> int | None:
        return self.status

    def stop(self, hard: bool) -> None:
        self.status = -9 if hard else -15


@dataclass
class Stage:
    """`now` is the computer's clock, which tests set as they like. What waits for a real process waits in earnest, at
    `pace` seconds for each one; where only played ones are left, an hour is over at once.
    `alike`: clients whose first process is a real one and whose later ones fail in the same way, as that one left it.
    """

    now: datetime
    players: Mapping[str, Played] = field(default_factory=dict)
    pace: float = 1.0
    ticks: float = 0.0
    launched: list[tuple[datetime, Asked]] = field(default_factory=list)
    real: list[process.Process] = field(default_factory=list)
    alike: dict[str, Path | Ended | None] = field(default_factory=dict)

    @property
    def world(self) -> runner.World:
        return runner.World(lambda: self.now, lambda: self.ticks, self._sleep, self._launch, lambda: False)

    def _sleep(self, seconds: float) -> None:
        self.real = [one for one in self.real if one.poll() is None]
        if self.real:
            time.sleep(seconds)
        self.ticks += seconds * self.pace if self.real else 60.0

    def _launch(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> process.Process:
        asked = Asked(words)
        self.launched.append((self.now, asked))
        if asked.client in self.players:
            return Puppet(self.players[asked.client](asked))
        before = self.alike.get(asked.client)
        if isinstance(before, Path):  # without a word it was stopped
            before = self.alike[asked.client] = ended.read(before) or Ended()
        if isinstance(before, Ended):
            if not before.failure:
                return Puppet(None)
            asked.leave(before)
            return Puppet(3)
        if asked.client in self.alike:
            self.alike[asked.client] = Path(asked["scheduled"])
        self.real.append(process.launch(words, log, environment))
        return self.real[-1]


def hours(
    stage: Stage, since: datetime, until: datetime, away: Sequence[tuple[datetime, datetime]] = ()
) -> Iterator[None]:
    """Moves the clock from hour to hour, as a scheduler that calls every hour; not while the computer is `away`."""
    at = since
    while at < until:
        if not any(first <= at < last for first, last in away):
            stage.now = at
            yield
        at += HOUR


def called(config: Config, stage: Stage, jobs: int = 4) -> list[Row]:
    return [row for row in runner.run(config, list(config.clients), stage.world, jobs) if row.outcome != "nothing"]


def healthy(config: Config, tenants: Mapping[str, Sealed]) -> Played:
    def play(asked: Asked) -> int:
        store = ClientStore(config.store, asked.client)
        if asked.verb == "report":
            asked.leave(Ended(stamp=asked["snapshot"]))
            return 0
        snapshot = seal(store, asked.at, tenants[asked.client])
        asked.leave(Ended(stamp=snapshot.folder.name, paths={"xlsx": str(store.root / "report.xlsx")}))
        return 0

    return play


def refused(kind: str, detail: str, remedy: str) -> Played:
    """One that says why it failed."""

    def play(asked: Asked) -> int:
        asked.leave(Ended(failure=Failure(asked.at, kind, detail, "Nothing could be read.", remedy)))
        return 3

    return play


def crashes(asked: Asked) -> int:
    return -11


def hangs(asked: Asked) -> None:
    return None


def throttled(config: Config, tenants: Mapping[str, Sealed]) -> Played:
    """One that is scanned, but never whole."""

    def play(asked: Asked) -> int:
        status = healthy(config, tenants)(asked)
        assert status == 0
        if asked.verb == "scan":
            end = ended.read(Path(asked["scheduled"]))
            assert end is not None
            end.incomplete = (Throttled.__name__,)
            asked.leave(end)
        return 0

    return play


def resident(pid: int | None = None) -> int:
    """Bytes of memory that a process holds, as far as this computer tells; 0 elsewhere."""
    try:
        status = Path(f"/proc/{pid or os.getpid()}/status").read_text("ascii", "replace")
    except OSError:
        return 0
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmRSS"))


def utc(text: str) -> datetime:
    """As ISO with a zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
