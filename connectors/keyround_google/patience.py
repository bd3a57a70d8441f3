"""How long we wait for Google, and how fast we ask: the one retry and pacing layer.

Time comes from a Clock, so a test waits for nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime

from keyround.connector import Clock
from keyround.errors import CollectError, Throttled

TRIES = 5
"""Attempts at one request over a broken line or a failing server."""
TRIES_THROTTLED = 7
"""Attempts at one request while Google only asks for time."""
LONGEST = 300.0
"""Seconds of waiting for one request, all attempts together."""
CEILING = 60.0
"""Seconds of one pause that we chose ourselves."""


@dataclass
class Patience:
    """Waiting for one request, over all its attempts."""

    clock: Clock
    tries: int = 0
    waited: float = 0.0

    def wait(self, error: CollectError, after: float | None = None) -> None:
        """Pauses before the next attempt, for `after` seconds when the server named them. Raises `error` at the end."""
        self.tries += 1
        pause = min(CEILING, 2.0 ** (self.tries - 1)) * random.uniform(0.5, 1.0) if after is None else after
        if self.tries >= (TRIES_THROTTLED if isinstance(error, Throttled) else TRIES) or self.waited + pause > LONGEST:
            raise error
        self.waited += pause
        self.clock.sleep(pause)


@dataclass
class Pace:
    """At most `burst` requests at once and `rate` a second after that.

    Google allows 2,400 a minute for each of its two admin APIs; we ask for less, both together.
    """

    clock: Clock
    burst: float = 600.0
    rate: float = 25.0
    left: float = field(default=0.0, init=False)
    seen: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.left, self.seen = self.burst, self.clock.monotonic()

    def wait(self) -> None:
        now = self.clock.monotonic()
        self.left = min(self.burst, self.left + (now - self.seen) * self.rate)
        self.seen = now
        if self.left < 1:
            self.clock.sleep((1 - self.left) / self.rate)
        self.left -= 1


def retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds to wait by a Retry-After header, which is seconds or a date; None without a usable one.

    A date that is over says that one of the two clocks is wrong, not that asking at once helps.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    date = date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    seconds = (date - clock.now()).total_seconds()
    return seconds if seconds > 0 else None
