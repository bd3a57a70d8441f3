"""Eight days of a provider with eight customers, some of them in trouble; the whole month is tests/soak's."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, timedelta
from itertools import pairwise

from keyround.config import read
from keyround.provider.due import next_slot
from keyround.store import ClientStore, runs, stamped
from keyround_fixtures import Cloud
from keyround_fixtures.customers import customer
from keyround_fixtures.provider import furnish
from tests.soak.simulated import (
    Asked,
    Stage,
    called,
    crashes,
    hangs,
    healthy,
    hours,
    refused,
    throttled,
    utc,
)
from tests.traces import said, sealed

FIRMS = {"ahorn01": "m365", "birke02": "m365", "erle03": "google", "fichte04": "google", "kiefer05": "m365",
         "linde06": "google", "weide07": "m365", "zeder08": "m365"}  # fmt: skip
FIRST, LAST = utc("2026-10-19T00:00+02:00"), utc("2026-10-27T00:00+01:00")  # clocks go back on the 25th
AWAY = (utc("2026-10-21T01:00+02:00"), utc("2026-10-24T07:00+02:00"))
DAILY = 'every = "day"\nat = "02:30"\ntimezone = "Europe/Berlin"\n'
ONCE = 'every = "month"\non = 19\nat = "00:00"\ntimezone = "Europe/Berlin"\n'


def test_eight_days(tmp_path, monkeypatch):
    each = {"": DAILY, "weide07": ONCE, "zeder08": ONCE}
    with Cloud(*(customer(by, firm, people=5, now=FIRST.replace(tzinfo=UTC)) for firm, by in FIRMS.items())) as cloud:
        weide, zeder = cloud.tenants[-2:]  # these two get processes of their own
        weide.grants &= {"Organization.Read.All", "User.Read.All"}
        for name, value in furnish(tmp_path, cloud, each=each).items():
            monkeypatch.setenv(name, value)
        file = tmp_path / "keyround.toml"
        file.write_text(file.read_text("utf-8").replace(zeder.app, weide.app), "utf-8")  # and one a foreign credential
        config = read(file)
        tenants = {tenant.key: (tenant.id, tenant.provider, tenant.key) for tenant in cloud.tenants}
        good = healthy(config, tenants)

        def recovers(asked: Asked) -> int | None:
            ill = asked.at < FIRST + timedelta(days=6)
            return refused("Expired", "The secret has expired.", "Make a new one.")(asked) if ill else good(asked)

        players = {"ahorn01": good, "birke02": crashes, "erle03": hangs, "fichte04": throttled(config, tenants),
                   "kiefer05": recovers, "linde06": good}  # fmt: skip
        stage, before, rows = Stage(FIRST, players, alike={"zeder08": None}), {}, Counter()
        for _ in hours(stage, FIRST, LAST, [AWAY]):
            found = called(config, stage)
            assert len({row.client for row in found}) == len(found)
            rows.update((row.client, row.outcome) for row in found)
            if stage.now.hour == 3:  # what is sealed is never touched again
                before, earlier = sealed(config.store), before
                assert earlier.items() <= before.items()

        # A clock that steps back, and is put right, scans nothing; one that was far ahead keeps nobody from the next.
        for step in (-timedelta(minutes=50), timedelta(hours=1)):
            stage.now = LAST + step
            assert not [row for row in called(config, stage) if row.outcome == "scanned"]
        players["weide07"] = good
        stage.now = LAST + timedelta(days=90)
        assert {row.client for row in called(config, stage) if row.outcome == "scanned"} >= {"ahorn01", "linde06"}
        stage.now = LAST + timedelta(days=1)
        assert {row.client for row in called(config, stage) if row.outcome == "scanned"} >= {"ahorn01", "linde06"}

    slots = [FIRST]
    while slots[-1] < LAST:
        slots.append(next_slot(config.clients["ahorn01"].arranged.schedule, slots[-1]))
    assert [f"{slot:%d %H:%M}" for slot in slots[1:-1]][-3:] == ["24 00:30", "25 00:30", "26 01:30"]
    for key, most in (("ahorn01", 1), ("linde06", 1), ("fichte04", 3)):
        stamps = ClientStore(config.store, key).stamps()
        for since, until in pairwise(slots[1:]):
            asleep = AWAY[0] < since and until < AWAY[1]
            scans = [stamp for stamp in stamps if stamped(since) <= stamp < stamped(until)]
            assert len(scans) == (0 if asleep else most), (key, since, scans)
    assert ClientStore(config.store, "weide07").stamps() == [stamped(FIRST), stamped(LAST + timedelta(days=90))]
    assert len(ClientStore(config.store, "kiefer05").stamps()) == 2 + 2

    for key, kind, words in (("birke02", "Crashed", "SIGSEGV"), ("erle03", "Limit", "60 minutes"),
                             ("zeder08", "NotGranted", "application is not known")):  # fmt: skip
        run, scans = runs.read(config.store / key), ClientStore(config.store, key).stamps()
        assert run.failure.kind == kind and words in run.failure.detail and run.failure.remedy and not scans
        assert rows[key, "failed"] < 8 * 8  # tried again and again, with longer and longer waits
    for tenant in cloud.tenants:
        text = said(config.store / tenant.key)
        assert not [
            other.key for other in cloud.tenants if other is not tenant and (other.key in text or other.id in text)
        ]
