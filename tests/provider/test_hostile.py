"""What computers do to a run: a folder that takes nothing, a log that nobody reads, processes that nobody ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keyround.cli import main
from keyround.provider import process

UNRULY = """
import os, subprocess, sys, time
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
if "keyround" in sys.orig_argv:
    child = subprocess.Popen([sys.executable, "-S", "-c", deaf], stdout=subprocess.PIPE)
    child.stdout.readline()
    os.write(2, bytes(9 << 20))
    open(os.environ["SAID"], "w").write(str(child.pid))
    time.sleep(600)
"""


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_process_started_ends_with_it_and_its_log_fills_no_disk(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(UNRULY)
    said, log = tmp_path / "said", tmp_path / "run.log"
    one = process.launch(["scan", "acme"], log, {**os.environ, "PYTHONPATH": str(tmp_path), "SAID": str(said)})
    until(lambda: said.exists() and said.read_text())
    assert log.stat().st_size > process.LOG_MOST
    one.stop(hard=False)
    until(lambda: one.poll() is not None)
    assert log.stat().st_size < process.LOG_MOST
    stat = Path("/proc", said.read_text(), "stat")
    until(lambda: not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("Z"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_run_goes_on_though_its_words_and_a_client_s_folder_are_refused(tmp_path, monkeypatch, capsys) -> None:
    section = '[client.{0}]\nevery = "week"\n{1}\n[[client.{0}.tenant]]\nconnector = "google"\n' \
              'customer_id = "C0{0}"\ncredential = "token"\ntoken = "env:T"\n'  # fmt: skip
    ended = '[client.cole.order]\nauthorised_by = "A. Brandtner"\nuntil = 2020-01-31'
    (tmp_path / "keyround.toml").write_text(
        'store = "store"\n' + section.format("bolt", "") + section.format("cole", ended)
    )
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "bolt").write_text("no folder")
    monkeypatch.chdir(tmp_path)
    full = open("/dev/full", "w")  # noqa: SIM115  # to close it is refused too
    with monkeypatch.context() as inside:
        inside.setattr(sys, "stdout", full)
        assert main(["run", "--jobs", "1"]) == 3
    os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    full.close()
    assert "No space left" in capsys.readouterr().err
    assert main(["status", "--json"]) == 3
    found = {one["client"]: one for one in json.loads(capsys.readouterr().out)["clients"]}
    assert found["bolt"]["state"] == "failed" and "store/bolt" in found["bolt"]["why"] and found["bolt"]["remedy"]
    assert found["cole"]["state"] == "stopped"
    assert main(["run", "--dry-run"]) == 0
    assert "cole  refused: cole: the order of A. Brandtner ended on 2020-01-31." in capsys.readouterr().out


def test_a_broken_pipe_is_no_finding() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-u", "-m", "keyround", "tables"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
