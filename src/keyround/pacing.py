"""How many requests may start within a time, and what a refusal teaches: the arithmetic that connectors share.

Which limits a provider has, and which request counts where, is each connector's
own business. Nothing here sleeps or sends.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .connector import Clock, Cost

_ALMOST = 1e-3
_SPEEDY = 200  # requests in a window: from here on an open family needs no limit


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` requests may start within `seconds`, and never fewer than `least`.

    With 0 for `most` as many as come may, until one is refused.
    """

    most: int
    seconds: float
    least: int


@dataclass(slots=True)
class Family:
    """The requests that count together and started lately, and how many may.

    A family that was told to wait waits as a whole. After a refusal it goes half as fast as it went, and then faster
    again by one part in `regain` with every window that passes in peace. Times are one clock's seconds.
    """

    limit: Limit
    regain: int = 4
    most: int = field(init=False)
    _starts: deque[float] = field(default_factory=deque, init=False)
    _held: float = field(default=0.0, init=False)
    _changed: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self.most = self.limit.most

    def early(self, now: float, count: int) -> float:
        """How many seconds too early it is for `count` requests."""
        if self._held - now > _ALMOST:
            return self._held - now
        while self._starts and self._starts[0] + self.limit.seconds - now <= _ALMOST:
            self._starts.popleft()
        if not self.most or not self._starts or len(self._starts) + count <= self.most:
            return 0.0
        # Free once this many of the oldest have left the window.
        leaving = min(len(self._starts) + count - self.most, len(self._starts))
        return self._starts[leaving - 1] + self.limit.seconds - now

    def start(self, now: float, count: int) -> None:
        """`count` requests begin."""
        self._starts.extend([now] * count)
        if self.most != self.limit.most and now - self._changed >= self.limit.seconds:
            self.most += max(1, self.most // self.regain)
            self._changed = now
            if self.limit.most:
                self.most = min(self.most, self.limit.most)
            elif self.most > _SPEEDY:
                self.most = 0

    def refused(self, now: float, started: float, seconds: float) -> None:
        """A request that began at `started` came too early: none starts for `seconds`."""
        self._held = max(self._held, now + seconds)
        if started <= self._changed:  # asked at the speed of before
            return
        self.most = max(self.limit.least, min(self.most or len(self._starts), len(self._starts)) // 2)
        self._changed = now


@dataclass(slots=True)
class Spent:
    """Requests by family, and the time during which anybody waited. For any thread."""

    clock: Clock
    requests: Counter[str] = field(default_factory=Counter)
    waited: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiters: int = 0
    since: float = 0.0

    def asked(self, family: str) -> None:
        with self.lock:
            self.requests[family] += 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        with self.lock:
            if not self.waiters:
                self.since = self.clock.monotonic()
            self.waiters += 1
        try:
            yield
        finally:
            with self.lock:
                self.waiters -= 1
                if not self.waiters:
                    self.waited += self.clock.monotonic() - self.since

    @property
    def cost(self) -> Cost:
        with self.lock:
            return Cost(dict(sorted(self.requests.items())), self.waited)

    def __str__(self) -> str:
        families = ", ".join(f"{family} {count}" for family, count in self.cost.requests.items())
        return f"requests by family: {families or 'none'}; waited {self.waited:.0f} s"
