"""A clock on which waiting is over at once, for tests and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from keyround.connector import Clock

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Nap:
    """What the code under test slept, in seconds, while no time passed here."""

    slept: list[float] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return Clock(lambda: sum(self.slept), self.slept.append, lambda: NOW.replace(tzinfo=None))
