"""When the next request may start: Microsoft's limits by family of paths, and what its refusals teach.

Nothing here sleeps or sends: a caller is told how long it is too early. A family
that was told to wait waits as a whole. After a refusal it goes half as fast, and
then a little faster with every window that passes in peace. Safe from any thread.

Source  https://learn.microsoft.com/graph/throttling-limits
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import lru_cache

from keyround.connector import Clock
from keyround.pacing import Family, Limit

# The windows are a little longer than Microsoft's: the first of five requests may have travelled more slowly than the
# sixth.
OPEN = Limit(0, 10.3, 10)
LIMITS = {
    "reports": Limit(5, 10.3, 5),
    "policies": Limit(1, 1.1, 1),  # for all applications of the tenant together, and no Retry-After
    # Not published for single accounts: two a second in the long run, and a small company at one go.
    "methods": Limit(100, 51.5, 20),
    "usage": Limit(14, 610.0, 14),
}
"""Per application and tenant. Families that are not listed are OPEN, each for itself."""
OVER_ALL_TENANTS = {"reports": Limit(122, 10.3, 122)}
FAMILIES = (
    (r"users/[^/]+/authentication/", "methods"),
    (r"(identity/conditionalAccess|identityProtection)/", "policies"),
    (r"(auditLogs|reports/authenticationMethods)/", "reports"),
    (r"reports/", "usage"),
    (r"security/", "security"),
    (r"deviceManagement/", "devices"),
    (r"users/[^/]+/(mailFolders|mailboxSettings)", "mail"),
)


def family_of(path: str, select: str = "") -> str:
    """The family of a path below the version. Listings with sign-in dates are one apart: their limit is not clear."""
    if "signInActivity" in select:
        return "activity"
    return next((name for start, name in FAMILIES if re.match(start, path, re.IGNORECASE)), "directory")


class Pace:
    """The families of one application in one tenant. Times are the clock's own seconds."""

    def __init__(self, app: str, clock: Clock) -> None:
        self._app = app
        self._clock = clock
        self._families: dict[str, Family] = {}

    def early(self, family: str, count: int = 1) -> float:
        """How many seconds too early it is for `count` requests; 0.0 when they may start, and then they have."""
        with _LOCK:
            now = self._clock.monotonic()
            counted = self._counted(family)
            early = max(one.early(now, count) for one in counted)
            if early > 0:
                return early
            for one in counted:
                one.start(now, count)
            return 0.0

    def refused(self, family: str, started: float, seconds: float) -> None:
        """A request that began at `started` came too early: none of its family starts for `seconds`."""
        with _LOCK:
            self._family(family).refused(self._clock.monotonic(), started, seconds)

    def size(self, family: str) -> int:
        """How many requests are worth sending at once; 0 when there is no limit."""
        with _LOCK:
            return self._family(family).most

    def _family(self, name: str) -> Family:
        return self._families.setdefault(name, Family(LIMITS.get(name, OPEN)))

    def _counted(self, family: str) -> Sequence[Family]:
        own = self._family(family)
        return (own, _over_all_tenants(self._app, family, self._clock)) if family in OVER_ALL_TENANTS else (own,)


_LOCK = threading.Lock()


@lru_cache(maxsize=64)
def _over_all_tenants(app: str, family: str, clock: Clock) -> Family:
    """One for every tenant that this process reads with the same application."""
    return Family(OVER_ALL_TENANTS[family])
