"""`keyround status`: problems first, a line with the statuses of monitoring plugins, JSON with null."""

from __future__ import annotations

import json
import os
from datetime import datetime

import pytest

from keyround.cli import main
from keyround.provider import lastrun
from keyround.store import runs

AT = "2026-11-25T12:00:00Z"
NOW = datetime(2026, 11, 25, 12)


@pytest.fixture
def provider(tmp_path, monkeypatch):
    """Three clients: one scanned in time, one whose certificate has ended, one never scanned."""
    sections = [
        f'[client.{key}]\nevery = "week"\ntimezone = "UTC"\n[[client.{key}.tenant]]\nconnector = "google"\n'
        f'customer_id = "C0{key}"\ncredential = "token"\ntoken = "env:T"\n'
        for key in ("acme", "bolt", "cole")
    ]
    (tmp_path / "keyround.toml").write_text('store = "store"\n' + "".join(sections))
    for key, stamp in (("acme", "20261123T021500Z"), ("bolt", "20261116T021500Z")):
        (tmp_path / "store" / key / "scans" / stamp).mkdir(parents=True)
    runs.keep(tmp_path / "store" / "acme", runs.Run(reported="20261123T021500Z"))
    ended = runs.Failure(NOW, "Expired", "The | certificate has ended.", "Nothing was read.", "Make a new one.")
    runs.keep(tmp_path / "store" / "bolt", runs.Run(failure=ended))
    lastrun.keep(tmp_path / "store", lastrun.LastRun(NOW, NOW, due=3, failed=1, every=900))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_problems_come_first_with_what_to_do(provider, capsys):
    assert main(["status", "--at", AT]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:6] if not line.startswith(" ")] == ["CLIENT", "bolt", "cole", "acme"]
    assert lines[1].split()[1] == "FAILED" and "9 days" in lines[1]
    assert lines[2] == "    The | certificate has ended. Nothing was read. Make a new one."
    assert "never" in lines[3] and "It was never scanned." in lines[4]
    assert "3 clients: 1 failed, 1 waiting, 1 fine." in lines
    assert main(["status", "acme", "--at", AT]) == 0


def test_the_line_for_monitoring(provider, capsys):
    def line(status: int, *words: str) -> str:
        assert main(["status", "--line", "--at", AT, *words]) == status
        said = capsys.readouterr()
        assert said.out.count("\n") == 1 and said.out.count("|") <= 1 and not said.err
        return said.out.strip()

    assert line(1) == ("KEYROUND WARNING - 1 of 3 clients failed: bolt; 1 of 3 clients waiting: cole | clients=3 "
                       "failed=1 late=0 stopped=0 incomplete=0 waiting=1 oldest_days=9")  # fmt: skip
    assert line(0, "acme").startswith("KEYROUND OK - 1 client scanned as scheduled | clients=1 ")
    assert line(3, "cole").endswith("waiting=1 oldest_days=U")
    assert line(2, "acme", "--at", "2026-11-25T14:00:00Z").startswith(
        "KEYROUND CRITICAL - The scheduler has not called since 2026-11-25 12:00 UTC: keyround schedule show | "
    )
    assert line(3, "nobody").startswith("KEYROUND UNKNOWN - keyround.toml has no client 'nobody'.")
    (provider / "clients.d").mkdir()
    (provider / "clients.d" / "dorn.toml").write_text('[client.dorn]\nevery = "weak"\n')
    assert "2 of 4 clients failed: bolt, dorn;" in line(1)
    (provider / "keyround.toml").write_text("store = ")
    assert line(3).startswith("KEYROUND UNKNOWN - keyround.toml, at its end: not valid TOML")


def test_for_programs_what_is_unknown_is_null(provider, capsys):
    assert main(["status", "--json", "--at", AT]) == 3
    told = json.loads(capsys.readouterr().out)
    bolt, cole, acme = told["clients"]
    assert told["state"] == "WARNING" and told["scheduler"] is None and told["last_run"] == "2026-11-25T12:00:00Z"
    assert cole["last_scan"] is None and cole["age_days"] is None and acme["next"] == "2026-11-30T02:00:00Z"
    assert bolt["remedy"] == "Make a new one." and bolt["age_days"] == 9 and acme["why"] is None


def test_a_folder_that_is_closed_to_us_hides_nobody_else(provider, capsys):
    (closed := provider / "store" / "bolt").chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("whoever runs this may read everything")
        for words in (["status", "--at", AT], ["run", "--dry-run"], ["client", "list"]):
            assert main(words) == (0 if words[0] == "client" else 3)
            said = " ".join(capsys.readouterr().out.split())
            assert "bolt/scans: Permission denied" in said and "acme" in said, words
    finally:
        closed.chmod(0o700)
