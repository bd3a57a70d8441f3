"""When the next request may start: Google's limits by family of addresses, and what its refusals teach.

Nothing here sleeps or sends: a caller is told how long it is too early. A family
that was told to wait waits as a whole. After a refusal it goes half as fast, and
then faster again with every window that passes in peace. Safe from any thread.

Source  https://developers.google.com/workspace/admin/directory/v1/limits
        https://developers.google.com/workspace/admin/reports/v1/limits
        https://developers.google.com/workspace/admin/licensing/v1/limits
        https://developers.google.com/workspace/admin/alertcenter/guides/limits
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from urllib.parse import urlsplit

from keyround.connector import Clock
from keyround.pacing import Family, Limit

# Google counts by the minute; windows of ten seconds keep that and forget a refusal sooner. They are a little longer
# than they need be: the first of ten requests may have travelled more slowly than the eleventh.
OPEN = Limit(0, 10.2, 10)
LIMITS = {
    "directory": Limit(400, 10.2, 10),  # 2,400 a minute
    "mobile devices": Limit(10, 1.1, 1),
    "reports": Limit(400, 10.2, 10),
    "filtered reports": Limit(41, 10.2, 4),
    "policies": Limit(1, 1.1, 1),  # nowhere published; asked faster than once a second it answers 429
    "licences": Limit(1, 1.1, 1),
    "alerts": Limit(150, 1.1, 10),
}
"""Per person that the credential acts for. Families that are not listed are OPEN, each for itself."""
FAMILIES = (
    (r"/admin/directory/v1/customer/[^/]+/devices/mobile", ("mobile devices", "directory")),
    (r"/admin/directory/", ("directory",)),
    (r"/admin/reports/v1/activity/users/(?!all/)", ("filtered reports", "reports")),
    (r"/admin/reports/.*[?&](eventName|filters|actorIpAddress|orgUnitID|groupIdFilter)=.",
     ("filtered reports", "reports")),
    (r"/admin/reports/", ("reports",)),
    (r"/v1/(policies|inboundS)", ("policies",)),
    (r"/v1/devices", ("devices",)),
    (r"/apps/licensing/", ("licences",)),
    (r"/v1beta1/alerts", ("alerts",)),
    (r"/batch[/?]", ("batches",)),  # whose parts count where they belong
)  # fmt: skip
"""The first that is in the address decides. A request counts in every family that is named; the first is its own."""


def families_of(uri: str) -> tuple[str, ...]:
    """In which families a request to that address counts.

    >>> families_of("https://admin.googleapis.com/admin/reports/v1/activity/users/all/applications/login?filters=a==b")
    ('filtered reports', 'reports')
    """
    parts = urlsplit(uri)
    address = f"{parts.path}?{parts.query}"
    return next((names for where, names in FAMILIES if re.search(where, address)), ("other",))


class Pace:
    """The families of one tenant. Times are the clock's own seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}

    def early(self, families: Sequence[str], count: int = 1) -> float:
        """How many seconds too early it is for `count` requests; 0.0 when they may start, and then they have."""
        with self._lock:
            now = self._clock.monotonic()
            counted = [self._family(name) for name in families]
            early = max(one.early(now, count) for one in counted)
            if early > 0:
                return early
            for one in counted:
                one.start(now, count)
            return 0.0

    def refused(self, family: str, started: float, seconds: float) -> None:
        """A request that began at `started` came too early: none of its family starts for `seconds`."""
        with self._lock:
            self._family(family).refused(self._clock.monotonic(), started, seconds)

    def size(self, family: str) -> int:
        """How many requests are worth sending at once; 0 when there is no limit."""
        with self._lock:
            return self._family(family).most

    def _family(self, name: str) -> Family:
        return self._families.setdefault(name, Family(LIMITS.get(name, OPEN), 2))
