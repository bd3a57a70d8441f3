"""How long we wait for Google before we give a request up. With pace.py the one layer of retry and pacing.

Time comes from a Clock, so a test waits for nothing.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from keyround.connector import Clock
from keyround.errors import CollectError, Throttled

TRIES = 6
"""Attempts at one request over a broken line or a failing server."""
TRIES_THROTTLED = 10
"""Attempts at one request while Google only asks for time: other programs may use up the tenant's minute."""
LONGEST = 300.0
"""Seconds of waiting for one request, all attempts together."""
CEILING = 60.0
"""Seconds of one pause that we chose ourselves."""
BUDGET = 3600.0
"""Seconds for one data set."""
OUT_OF_TIME = "out_of_time"


@dataclass(slots=True)
class Patience:
    """What is left of it for one request. A part of a batch is not to be asked again before `ready`."""

    tries: int = 0
    waited: float = 0.0
    ready: float = 0.0

    def pause(self, error: CollectError, after: float | None = None) -> float:
        """Seconds before the next attempt, as many as the server named if it did. Raises `error` at the end."""
        self.tries += 1
        pause = min(CEILING, 2.0 ** (self.tries - 1)) * random.uniform(0.5, 1.0) if after is None else after
        if self.tries >= (TRIES_THROTTLED if isinstance(error, Throttled) else TRIES) or self.waited + pause > LONGEST:
            raise error
        self.waited += pause
        return pause


def out_of_time() -> Throttled:
    return Throttled(
        f"The time limit of {BUDGET / 60:.0f} minutes for one part of the scan ran out: Google kept us waiting.",
        "Scan again, best outside office hours and not beside other tools that read the same tenant.",
        code=OUT_OF_TIME,
    )


def retry_after(value: str | None, clock: Clock) -> float | None:
    """Seconds to wait by a Retry-After header, which is seconds or a date; None without a usable one.

    "10,10" is the same number from two servers on the way. A date that is over, or
    "0", says that a clock is wrong, not that asking at once helps.
    """
    text = (value or "").strip()
    number = text.split(",")[0].strip()
    if number.isascii() and number.replace(".", "", 1).isdecimal() and len(number) < 10:
        return float(number) or None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    date = date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo else date
    seconds = (date - clock.now()).total_seconds()
    return seconds if seconds > 0 else None
