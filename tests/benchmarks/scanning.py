"""Whole scans: data sets one after the other and at once, over a line as slow as the real one;
then whether memory grows with the size of the tenant, from the first request to the written workbook.

Waiting for the providers' limits is left out (its clock is virtual), distance is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from keyround.cli.written import write
from keyround.config import Client, TenantConfig
from keyround.connector import Cost
from keyround.engine import rule
from keyround.installed import connector
from keyround.judging import reported
from keyround.scan import scan
from keyround.store import ClientStore

from ..napping import Nap
from .collecting import served
from .timing import interleaved, say

LATENCY = 0.12
WORDS = {"m365": ("tenant_id", "graph_url"), "google": ("customer_id", "api_url")}
"""What a tenant's id and the root of its APIs are called in the settings."""


def measure(accounts: int, sign_ins: int) -> None:
    for provider in ("m365", "google"):
        _at_once(provider)
        _memory(provider, accounts, sign_ins)


def _at_once(provider: str) -> None:
    reader: Any = connector(provider)
    most = reader.at_once
    with served(provider, 300, 3000, "--latency", str(LATENCY)) as cloud:

        def reading(at_once: int) -> Callable[[], None]:
            def work() -> None:
                reader.at_once = at_once
                _scanned(provider, cloud, report=False)

            return work

        try:
            together, apart = interleaved(reading(most), reading(1), 5)
        finally:
            reader.at_once = most
    what = f"{provider} scan, 300 accounts, {LATENCY * 1000:.0f} ms a request, {most} at once"
    say(what, together, apart, "one by one")


def _memory(provider: str, accounts: int, sign_ins: int) -> None:
    found = []
    for share in (5, 1):
        with served(provider, accounts // share, sign_ins // share) as cloud:
            done = subprocess.run([sys.executable, "-m", "tests.benchmarks.scanning", provider, json.dumps(cloud)],
                                  check=True, capture_output=True, text=True)  # fmt: skip
        found.append(json.loads(done.stdout.splitlines()[-1]))
    few, many = found
    print(
        f"{provider} scan, judged and written, {accounts:,} accounts and {sign_ins:,} sign-ins: "
        f"{many['seconds']:.1f} s, {many['requests']} requests, peak memory {many['peak'] >> 10} MiB; "
        f"a fifth of that: {few['seconds']:.1f} s, {few['requests']} requests, {few['peak'] >> 10} MiB",
        flush=True,
    )


def _scanned(provider: str, cloud: dict[str, Any], report: bool) -> Cost:
    """Scan the generated tenant; write its workbook if asked to."""
    os.environ["KEYROUND_BENCH"] = cloud["token"]
    own, url = WORDS[provider]
    client = Client("bench", "Bench", (TenantConfig(provider, {
        "connector": provider, own: cloud["tenant_id"], "credential": "token", "token": "env:KEYROUND_BENCH",
        url: cloud["url"],
    }, Path()),))  # fmt: skip
    costs: list[Cost] = []
    rules = rule.load() if report else []
    until = datetime.fromisoformat(cloud["now"]).replace(tzinfo=None, microsecond=0)
    with tempfile.TemporaryDirectory() as folder:
        store = ClientStore(Path(folder), client.key)
        snapshot, judged = scan(
            client,
            store,
            rules,
            until,
            30,
            Nap().clock,
            lambda *said: costs.extend(c for c in said if isinstance(c, Cost)),
        )
        if report:
            with reported(snapshot, store, rules, judged=judged) as done:
                write(done, Path(folder), "high", store)
    return costs[0]


def _alone(provider: str, cloud: dict[str, Any]) -> None:
    """One whole scan; prints seconds, requests and peak memory in KiB."""
    begun = time.perf_counter()
    cost = _scanned(provider, cloud, report=True)
    # Not ru_maxrss: a child inherits the peak of the process that started it.
    status = Path("/proc/self/status").read_text().splitlines()
    (peak,) = [int(line.split()[1]) for line in status if line.startswith("VmHWM")]
    print()
    print(json.dumps({"seconds": time.perf_counter() - begun, "requests": sum(cost.requests.values()), "peak": peak}))


if __name__ == "__main__":
    _alone(sys.argv[1], json.loads(sys.argv[2]))
