"""A month of a provider with sixty customers, each scanned in processes of its own against the pretend clouds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from keyround.config import read
from keyround.provider.due import next_slot
from keyround.store import ClientStore, runs, stamped
from keyround_fixtures import Cloud, Fault
from keyround_fixtures.customers import customer
from keyround_fixtures.provider import furnish
from tests.traces import said

from .simulated import HOUR, utc

WOODS = ("ahorn", "birke", "buche", "eibe", "eiche", "erle", "esche", "fichte", "hasel", "kiefer", "linde", "weide")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SINCE, UNTIL = utc("2026-10-05T00:00+02:00"), utc("2026-11-05T00:00+01:00")  # clocks go back on the 25th of October
AWAY = (utc("2026-10-13T22:00+02:00"), utc("2026-10-16T23:00+02:00"))
FOREVER = 1_000_000
TROUBLE = ("expired", "throttled", "broken", "hanging", "garbage", "another", "swapped", "swapped")
"""What ails the last firms; everybody else is well."""
KINDS = {"expired": {"Expired"}, "another": {"WrongTenant"}, "swapped": {"NotGranted"}, "hanging": {"Limit"},
         "throttled": {"Throttled", "Limit"}, "broken": {"Unreachable", "Limit", "Unexpected"},
         "garbage": {"Unexpected", "Unreachable", "Limit"}}  # fmt: skip


@pytest.mark.parametrize("firms, real", [(60, False), (60, True)], ids=["memory", "processes"])
def test_a_month(tmp_path, firms, real):
    a_month(tmp_path, firms, real, UNTIL)


def a_month(folder: Path, firms: int, real: bool, until) -> dict[str, float]:
    names = [f"{WOODS[number % len(WOODS)]}{number:02d}" for number in range(firms)]
    ails = dict(zip(names[-len(TROUBLE) :], TROUBLE, strict=True))
    by = ["google" if number % 3 == 2 and name not in ails else "m365" for number, name in enumerate(names)]
    now = SINCE.replace(tzinfo=UTC)
    tenants = [customer(by[number], name, people=5 + number % 16, now=now) for number, name in enumerate(names)]
    each = {name: schedule(number, name in ails) for number, name in enumerate(names)}
    with Cloud(*tenants) as cloud:
        environment = {**os.environ, **furnish(folder, cloud, each=each)}
        spoil(folder / "keyround.toml", cloud, ails)
        plan = {
            "config": str(folder / "keyround.toml"), "since": SINCE.isoformat(), "until": until.isoformat(),
            "away": [[at.isoformat() for at in AWAY]], "alike": list(ails),
            "played": {} if real else {one.key: [one.id, one.provider] for one in tenants if one.key not in ails},
        }  # fmt: skip
        (folder / "plan.json").write_text(json.dumps(plan), "utf-8")
        words = [sys.executable, "-m", "tests.soak.month", str(folder / "plan.json")]
        root = Path(__file__).parents[2]
        environment["PYTHONPATH"] = os.pathsep.join(str(root / name) for name in ("src", "connectors", "fixtures", "."))
        done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True)
        assert not done.returncode, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    config, rows = read(folder / "keyround.toml"), [line for line in lines if "client" in line]
    check_rows(rows, ails)
    for name in names:
        check_scans(config, name, name in ails, until)
        text = said(config.store / name)
        for tenant in tenants:
            text = text.replace(tenant.account, "")
            other = tenant.key in text or tenant.id.lower() in text
            assert not other or tenant.key == name or ails.get(name) == "another", (name, tenant.key)
    for name, ill in ails.items():
        failure = runs.read(config.store / name).failure
        assert failure and failure.kind in KINDS[ill] and failure.detail and failure.remedy, (name, ill, failure)
    held = [line["held"] for line in lines if "held" in line]
    assert max(held[len(held) // 2 :]) < 1.05 * max(held[2 : len(held) // 2]) + (4 << 20), held
    return {"rows": len(rows), "held": max(held)}


def schedule(number: int, ill: bool) -> str:
    limit = 'limit = "2m"\n' if ill else ""
    return f'every = "week"\non = "{DAYS[number % 7]}"\nat = "02:30"\ntimezone = "Europe/Berlin"\n{limit}'


def spoil(file: Path, cloud: Cloud, ails: dict[str, str]) -> None:
    """Each in its own way."""
    text = file.read_text("utf-8")
    for name, ill in ails.items():
        if ill == "throttled":
            cloud.faults.append(Fault(".", tenant=name, status=429, headers={"retry-after": "3000"}, times=FOREVER))
        elif ill == "broken":
            cloud.faults.append(Fault(".", tenant=name, status=500, times=FOREVER))
        elif ill == "hanging":
            cloud.faults.append(Fault(".", tenant=name, kind="slow", delay=900, times=FOREVER))
        elif ill == "garbage":
            cloud.faults.append(Fault(".", tenant=name, kind="truncated", times=FOREVER))
        elif ill == "another":
            cloud.tenant(name).singles["organization"] = cloud.tenants[0].singles["organization"]
        elif ill == "expired":
            cloud.refuse_sign_in(name, 7000222)
    one, other = (cloud.tenant(name) for name, ill in ails.items() if ill == "swapped")
    text = text.replace(one.app, "swapping").replace(other.app, one.app).replace("swapping", other.app)
    file.write_text(text, "utf-8")


def check_rows(rows: list[dict[str, object]], ails: dict[str, str]) -> None:
    """One row for each attempt, and nobody who is well has failed."""
    at_once = Counter((row["at"], row["client"]) for row in rows)
    assert set(at_once.values()) == {1}
    failed = defaultdict(list)
    for row in rows:
        if row["outcome"] == "failed":
            failed[row["client"]].append(row)
    assert failed.keys() == ails.keys(), {name: found[0] for name, found in failed.items() if name not in ails}


def check_scans(config, name: str, ill: bool, until) -> None:
    """One scan for each slot in which the computer was on; none twice."""
    stamps = ClientStore(config.store, name).stamps()
    if ill:
        assert not stamps, (name, stamps)
        return
    slots = [SINCE - timedelta(days=7)]
    while slots[-1] < until:
        slots.append(next_slot(config.clients[name].arranged.schedule, slots[-1]))
    for since, end in pairwise(slots):
        on = [at for n in range(24 * 32) if since <= (at := SINCE + n * HOUR) < min(end, until)]
        on = [at for at in on if not AWAY[0] <= at < AWAY[1]]
        scans = [stamp for stamp in stamps if stamped(since) <= stamp < stamped(end)]
        assert len(scans) == bool(on), (name, since, scans)
