"""Many clients, some of which fail in every way there is; then real processes that hang, and are ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyround.config import Config, read
from keyround.errors import Busy
from keyround.provider import ended, lastrun, process, runner, telling
from keyround.provider import round as rounds
from keyround.provider.attempt import Row, file_of
from keyround.provider.work import PORTFOLIO, TIDY
from keyround.provider.world import World
from keyround.store import runs, stamped
from keyround.store.runs import Failure

START = datetime(2026, 11, 23, 6)
CLIENT = """
[client.{key}]
every = "week"
[[client.{key}.tenant]]
connector = "google"
customer_id = "C0{key}"
credential = "token"
token = "env:TOKEN_{KEY}"
"""


def configured(folder: Path, *keys: str, top: str = "", each: str = "") -> Config:
    sections = "".join(CLIENT.format(key=key, KEY=key.upper()) + each for key in keys)
    (folder / "keyround.toml").write_text(f'store = "store"\ntimezone = "UTC"\n{top}{sections}', encoding="utf-8")
    return read(folder / "keyround.toml")


@dataclass
class Pretend:
    """A process that does what its client's name says, in five minutes of pretended time."""

    room: Room
    words: Sequence[str]
    since: float
    log: Path
    temporary: Path
    told: str = ""

    def poll(self) -> int | None:
        key = self.words[1].partition("-")[0]
        if key == "service" and self.room.seconds >= self.room.stop_at:
            return 143  # a service manager tells everybody at once
        if self.told == "soft" and key != "deaf":
            return 143
        if self.told == "hard":
            return -9
        if key in ("hang", "deaf") or self.room.seconds - self.since < 300:
            return None
        if self.words[0] == "send":
            return 0
        at, file = self.room.now(), Path(self.option("--scheduled"))
        if key == "crash":
            return -11
        if key == "bug":
            return 1
        if key == "poisoned":
            file.write_bytes(b"\x93\x00" * 500_000)
            return 0
        end = ended.Ended(new=2, paths={"xlsx": "report.xlsx"})
        if key == "watched":
            end.failure = ended.failed(Busy("Another scan is running."), at)
        elif key == "refused":
            end.failure = Failure(at, "WrongTenant", "It opens another tenant.", "Nothing.", "Check tenant_id.")
        elif self.words[0] == "scan":
            end.stamp = stamped(self.room.started(self.words))
            (file.parents[1] / "scans" / end.stamp).mkdir(parents=True, exist_ok=True)
            end.incomplete = ("NotLicensed", "Throttled") if key == "patient" else ()
        ended.write(file, end)
        return 0

    def stop(self, hard: bool) -> None:
        self.told = "hard" if hard else "soft"

    def option(self, name: str) -> str:
        return self.words[self.words.index(name) + 1]


@dataclass
class Room:
    """Pretended time, and the processes that were started in it."""

    seconds: float = 0.0
    begun: list[Pretend] = field(default_factory=list)
    at_once: int = 0
    stop_at: float = 1e9
    die_at: float = 1e9

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def started(self, words: Sequence[str]) -> datetime:
        return datetime.fromisoformat(words[words.index("--at") + 1]).replace(tzinfo=None)

    def sleep(self, seconds: float) -> None:
        self.seconds += max(seconds, 5.0)
        self.at_once = max(self.at_once, sum(one.poll() is None for one in self.begun))
        if self.seconds > self.die_at:
            raise KeyboardInterrupt

    def launch(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> Pretend:
        if words[1] == "unstartable":
            raise OSError(11, "Resource temporarily unavailable")
        if words[1] == "mistake":
            raise ZeroDivisionError
        temporary = Path(environment.get("TMPDIR", ""))
        assert words[0] == "send" or (list(temporary.iterdir()) == [] and temporary.is_relative_to(log.parent))
        self.begun.append(Pretend(self, words, self.seconds, log, temporary))
        return self.begun[-1]

    def world(self) -> World:
        return World(self.now, lambda: self.seconds, self.sleep, self.launch, lambda: self.seconds >= self.stop_at)

    def run(self, config: Config, jobs: int = 3, hooks: runner.Hooks | None = None) -> dict[str, Row]:
        rows = runner.run(config, list(config.clients), self.world(), jobs, hooks=hooks)
        return {row.client: row for row in rows}


KINDS = {"crash": "Crashed", "bug": "Crashed", "hang": "Limit", "deaf": "Limit", "poisoned": "Crashed",
         "refused": "WrongTenant", "unstartable": "StoreError", "mistake": "Unexpected", "full": "StoreError",
         "locked": "StoreError"}  # fmt: skip


def test_each_failure_is_one_red_row_and_everybody_else_is_scanned(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "good-1", *KINDS, "good-2", top='limit = "10m"\n'), Room()
    (config.store / "full" / "run.json").mkdir(parents=True)  # what is known of it cannot be written
    (config.store / "locked").write_text("no folder")
    rows = room.run(config, jobs=12)
    assert {key: row.failure.kind for key, row in rows.items() if row.failure} == KINDS
    assert {key for key, row in rows.items() if row.outcome == "scanned"} == {"good-1", "good-2"}
    for key, row in rows.items():
        assert row.failure is None or (row.failure.detail and row.failure.remedy), key
    assert "SIGSEGV" in rows["crash"].failure.detail and str(config.store / "crash") in rows["crash"].failure.remedy
    assert "10 minutes" in rows["hang"].failure.detail
    assert "ZeroDivisionError" in (config.store / "mistake" / "run.log").read_text()
    assert not [one for one in room.begun if one.temporary.exists()]
    known = runs.read(config.store / "mistake")
    assert known.failure and known.failure.kind == "Unexpected" and not known.started and rows["mistake"].next_at
    retried = rows["crash"].next_at
    assert retried and timedelta(minutes=7) < retried - START < timedelta(minutes=20)
    begun = len(room.begun)
    again = room.run(config)  # at once: those that failed wait for their next attempt
    assert len(room.begun) == begun and again["good-1"].why.startswith("done")
    room.seconds += 9 * 3600
    third = room.run(config, jobs=12)
    assert third["refused"].repeats and not rows["refused"].repeats
    assert [one.words[1] for one in room.begun].count("good-1") == 1
    assert runs.read(config.store / "refused").attempts == 2


def test_what_could_not_be_read_for_a_passing_reason_is_tried_again_twice(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "patient"), Room()
    first = room.run(config)["patient"]
    assert first.ended and first.ended.incomplete == ("NotLicensed", "Throttled") and first.next_at
    for _ in range(40):
        room.seconds += 4 * 3600
        room.run(config)
    assert len(room.begun) == 3
    room.seconds += 24 * 3600
    assert room.run(config)["patient"].outcome == "scanned"


def test_a_run_that_is_told_to_stop_ends_its_processes_and_blames_no_client(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "good-1", "deaf", "service", "good-2"), Room(stop_at=100)
    rows = room.run(config, jobs=3)
    assert room.at_once == 3
    assert {key: row.outcome for key, row in rows.items()} == dict.fromkeys(("good-1", "deaf", "service"), "stopped")
    assert runs.read(config.store / "service") == runs.Run()
    assert all(one.poll() is not None for one in room.begun)
    assert runs.read(config.store / "deaf") == runs.Run() == runs.read(config.store / "good-1")
    room.stop_at = 1e9
    (row,) = runner.run(config, ["good-1"], room.world(), 1)
    assert row.outcome == "scanned"


def test_after_a_killed_run_its_processes_are_waited_for_or_given_up(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "good-1", "hang", "good-2"), Room(die_at=100)
    with pytest.raises(KeyboardInterrupt):
        room.run(config, jobs=3)
    room.die_at = 1e9
    assert all(one.told == "soft" for one in room.begun)  # what a run that still can leaves behind
    alive, dead, done = (file_of(config.store / key, START) for key in ("good-1", "hang", "good-2"))
    done.parents[1].joinpath("scans", stamped(START)).mkdir(parents=True)
    ended.write(done, ended.Ended(stamped(START), paths={"xlsx": "there.xlsx"}))
    room.seconds = 1000
    with ended.alive(alive) as ours:  # as its process does while it lives
        assert ours
        rows = room.run(config)
    assert rows["good-1"].outcome == "busy" and rows["good-2"].outcome == "scanned"
    assert runs.read(config.store / "good-2").reported == stamped(START)
    again = next(one for one in room.begun if one.words[1] == "hang" and one.since >= 1000)
    assert again and rows["hang"].failure and rows["hang"].failure.kind == "Limit"
    with pytest.raises(Exception, match="given up"), ended.told(dead):
        raise AssertionError("a process that comes to life too late must do nothing")
    assert room.run(config)["good-1"].outcome == "scanned"


def test_a_snapshot_without_its_report_is_reported_and_not_scanned_again(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "good-1"), Room()
    (config.store / "good-1" / "scans" / stamped(START)).mkdir(parents=True)
    (config.store / "good-1" / "scans" / "20300101T000000Z").mkdir()  # from a clock that was wrong
    row = room.run(config)["good-1"]
    assert row.outcome == "reported" and room.begun[0].words[:4] == ["report", "good-1", "--snapshot", stamped(START)]
    assert room.run(config)["good-1"].outcome == "nothing"


def test_a_client_that_somebody_scans_by_hand_is_left_alone(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "watched"), Room()
    assert room.run(config)["watched"].outcome == "busy" and runs.read(config.store / "watched") == runs.Run()


def test_what_follows_a_client_may_fail_and_does_not_undo_its_scan(tmp_path: Path) -> None:
    config, room = configured(tmp_path, "good-1", "good-2", "good-3"), Room()
    told: list[str] = []

    def tell(key: str, row: Row) -> tuple[str, ...]:
        told.append(key)
        if key == "good-3":
            raise ZeroDivisionError
        return ()

    def refused(client: object, now: datetime) -> Failure | None:
        return Failure(now, "OrderEnded", "The order has ended.") if client.key == "good-2" else None  # type: ignore[attr-defined]

    def follows(key: str, row: Row) -> list[tuple[str, tuple[str, ...]]]:
        return [(key, ("send", "hang", "--queued"))] if key == "good-1" else []

    rows = room.run(config, hooks=runner.Hooks(refused, tell, follows))
    assert (
        rows["good-1"].outcome == "scanned"
        and "`keyround send hang --queued` failed (late)" in rows["good-1"].remarks[0]
    )
    assert rows["good-2"].failure and rows["good-2"].failure.kind == "OrderEnded"
    assert rows["good-3"].outcome == "scanned" and "ZeroDivisionError" in rows["good-3"].remarks[0]
    assert sorted(told) == ["good-1", "good-2", "good-3"]


def test_a_whole_run_tells_of_failures_once_and_does_the_provider_s_own_once_a_slot(tmp_path: Path) -> None:
    top = """
[provider]
heartbeat = "env:NOBODY_HAS_SET_THIS"
tell = { mail = ["ops@nordlicht.example"] }
portfolio = { every = "day", at = "05:00" }
"""
    config, room = configured(tmp_path, "good-1", "crash", "good-2", top=top), Room()
    with config.path.open("a", encoding="utf-8") as file:
        file.write('[client.good-2.order]\nauthorised_by = "A. Brandtner"\nuntil = 2026-11-22\n')
        file.write('[client.good-1.order]\nauthorised_by = "B. Coskun"\nuntil = 2026-12-10\n')
        file.write('[client.broken]\nevery = "fortnight"\n')
    config, keys = read(config.path), ["good-1", "crash", "good-2", "broken"]

    def whole(**more: bool) -> list[Row | str]:
        return list(rounds.whole(config, keys, room.world(), 2, **more))

    found = whole()
    assert [row.outcome for row in found if isinstance(row, Row) and row.client in (TIDY, PORTFOLIO)] == ["scanned"] * 2
    mute, beat = (line for line in found if isinstance(line, str))
    assert "NOBODY_HAS_SET_THIS" in beat
    assert "No mail can leave: [provider.tell] asks for it" in mute
    outbox = telling.Outbox(config.store / PORTFOLIO)
    assert sorted((one.client, one.kind) for one in outbox.messages()) == [
        ("broken", "failure"), ("crash", "failure"), ("good-1", "expiring"), ("good-2", "failure"),
    ]  # fmt: skip
    assert not [one for one in room.begun if one.words[1] == "good-2"]  # whose order has ended
    sent = {(*one.words[:3], one.log) for one in room.begun if one.words[0] == "send"}
    assert sent == {("send", "provider", "--queued", config.store.absolute() / PORTFOLIO / "run.log")}
    mark = lastrun.read(config.store)
    assert mark and (mark.due, mark.failed) == (4, 3) and mark.ended and mark.ended > mark.started
    own = [one.words[0] for one in room.begun if one.words[0] in ("tidy", "portfolio")]
    outcomes = {row.client: row.outcome for row in whole() if isinstance(row, Row)}
    assert (outcomes["good-2"], outcomes["broken"]) == ("nothing", "failed")  # refused once a slot
    asked = {row.client: row.outcome for row in whole(forced=True) if isinstance(row, Row)}
    assert asked["good-2"] == "failed"
    assert own == [one.words[0] for one in room.begun if one.words[0] in ("tidy", "portfolio")] == ["tidy", "portfolio"]
    assert len(outbox.messages()) == 4
    room.seconds += 26 * 3600
    whole()
    assert [one.words[0] for one in room.begun if one.words[0] in ("tidy", "portfolio")] == own * 2


def test_a_process_sees_its_own_client_s_variables_and_what_nobody_names(tmp_path: Path) -> None:
    tell = '[provider]\nheartbeat = "env:BEAT"\n[provider.tell]\nchannels = ["env:TEAMS"]\n'
    config = configured(tmp_path, "one", "two", top=tell)
    given = dict.fromkeys(("TOKEN_ONE", "TOKEN_TWO", "BEAT", "TEAMS", "HTTPS_PROXY", "PATH"), "x")
    assert set(process.environment(config, config.clients["one"], given=given)) == {"TOKEN_ONE", "HTTPS_PROXY", "PATH"}
    provider = process.environment(config, with_general=True, given=given)
    assert set(provider) == {"BEAT", "TEAMS", "HTTPS_PROXY", "PATH"}


@pytest.fixture
def silent(tmp_path: Path) -> Callable[..., Config]:
    """A client whose provider takes every connection and never answers."""
    server = socket.create_server(("127.0.0.1", 0))
    url = f'api_url = "http://127.0.0.1:{server.getsockname()[1]}"\n'
    yield lambda **more: configured(tmp_path, "one", "two", each=url, **more)
    server.close()


def test_a_real_process_is_ended_at_its_limit_and_knows_no_other_client_s_secret(silent, monkeypatch) -> None:
    monkeypatch.setenv("TOKEN_ONE", "ya29.one")
    monkeypatch.setenv("TOKEN_TWO", "ya29.two")
    config, seen = silent(top='limit = "1m"\n'), []

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        with suppress(OSError, StopIteration):
            (child,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            seen.append(Path(f"/proc/{child}/environ").read_bytes())

    begun = time.monotonic()
    world = World(lambda: START, lambda: (time.monotonic() - begun) * 20, sleep, process.launch, lambda: False)
    (row,) = runner.run(config, ["one"], world, 1)
    assert row.failure and row.failure.kind == "Limit"
    assert not list((config.store / "one").glob("scans/*")) and not list((config.store / "one").glob("scans/.draft-*"))
    assert "Stopped." in (config.store / "one" / "run.log").read_text()
    if sys.platform == "linux":
        assert b"ya29.one" in seen[-1] and b"ya29.two" not in seen[-1]


@pytest.mark.skipif(os.name == "nt", reason="Windows tells nobody to stop")
def test_a_scheduled_run_stops_in_order(silent, tmp_path: Path) -> None:
    config = silent()
    child = subprocess.Popen(
        [sys.executable, "-m", "keyround", "run", "--every", "15m", "--jobs", "1"], cwd=tmp_path,
        env={**os.environ, "TOKEN_ONE": "x", "TOKEN_TWO": "x"}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    known = config.store / "one" / "run.json"
    until = time.monotonic() + 30
    while not known.exists() and time.monotonic() < until:
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 143 and out.splitlines() == ["one  stopped", "1 stopped"]
    assert json.loads(known.read_text())["attempts"] == 0
