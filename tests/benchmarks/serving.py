"""A provider's run: clients per hour over a line as slow as the real one, with more and more of them at once.

The least it could take: all requests at the line's speed, four at once for each client and as many clients at once as
are allowed; and no less than one client's own. Waiting for the providers' limits and what a process computes come on
top: that is what the ratio shows, and how busy the cores were says which of the two it is.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

from keyround.config import read
from keyround.provider import process, runner
from keyround.provider.world import World
from keyround_fixtures import Cloud
from keyround_fixtures.customers import customer
from keyround_fixtures.provider import furnish

LATENCY = 0.12
AT_ONCE = 4  # requests of one client
NOW = datetime(2026, 11, 20, 12)


def measure(clients: int, jobs: tuple[int, ...] = (1, 2, 4, 8, 16)) -> None:
    firms = [customer("google" if number % 3 == 2 else "m365", f"firm{number:02d}", now=NOW.replace(tzinfo=UTC))
             for number in range(clients)]  # fmt: skip
    for many in jobs:
        with tempfile.TemporaryDirectory() as folder, Cloud(*firms, latency=LATENCY) as cloud:
            os.environ.update(furnish(Path(folder), cloud))
            config = read(Path(folder) / "keyround.toml")
            world = World(lambda: NOW, time.monotonic, time.sleep, process.launch, lambda: False)
            begun, used = time.monotonic(), sum(os.times()[2:4])
            rows = list(runner.run(config, list(config.clients), world, many, forced=True))
            took, worked = time.monotonic() - begun, sum(os.times()[2:4]) - used
            assert all(row.outcome == "scanned" for row in rows), [row.failure for row in rows if row.failure]
            asked = len([one for one in cloud.requests if "$batch" not in one.path])
            least = max(ceil(asked / clients / AT_ONCE), ceil(asked / (AT_ONCE * min(many, clients)))) * LATENCY
        print(
            f"{clients} clients, {LATENCY * 1000:.0f} ms a request, {many} at once: {took:.1f} s, "
            f"{3600 * clients / took:.0f} clients an hour; {took / least:.1f}x of the requests alone ({least:.1f} s), "
            f"{worked / took:.2f} cores busy, {worked / clients:.1f} s of computing each",
            flush=True,
        )


if __name__ == "__main__":
    measure(int(sys.argv[1]), tuple(map(int, sys.argv[2:])) or (1, 2, 4, 8, 16))
