"""How many random cases a run tries: few in `make test`, many in `make soak`; and what all processes of it share."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# The many processes that tests start compile our modules once, and not each for itself, whatever this computer says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Long ones: only `make soak` collects them.
collect_ignore = [] if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else ["soak"]

quiet = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
settings.register_profile("test", max_examples=60, derandomize=True, **quiet)
settings.register_profile("soak", max_examples=3000, **quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


def pytest_xdist_auto_num_workers():
    """One more than there are cores: what a test waits for, another one can use."""
    return (os.cpu_count() or 1) + 1
