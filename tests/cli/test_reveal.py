"""`keyround reveal`: who is behind a code, for a reason, and never without a trace."""

from __future__ import annotations

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from keyround.cli import main
from keyround.model import Account, Device
from keyround.store import ClientStore, codes

NOW = datetime(2026, 11, 20, 12)
CONFIG = """
store = "store"
[client.acme]
name = "Acme"
names = "coded"
[[client.acme.tenant]]
connector = "google"
customer_id = "C01"
credential = "token"
token = "env:NONE"
"""


def scanned(store: ClientStore, at: datetime, *rows: Account | Device) -> None:
    """A sealed snapshot that holds these rows."""
    with store.locked():
        draft = store.begin(at)
        for table, name in ((Account, "accounts"), (Device, "devices")):
            with draft.writer("C01", "google", name, table) as write:
                write([row for row in rows if isinstance(row, table)])
        draft.freeze()
        draft.readable({"taken_at": at.isoformat(), "tenants": [{"id": "C01", "connector": "google", "parts": {}}]})
        draft.seal({"schema": 1})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClientStore:
    monkeypatch.chdir(tmp_path)
    Path("keyround.toml").write_text(CONFIG, encoding="utf-8")
    store = ClientStore(Path("store"), "acme")
    scanned(store, NOW, Account("1", "ada@a.example", "Ada\x07 Berg"), Account("2", "left@a.example", "Leo Left"),
            Device("d", "directory", name="ADA-NB", account_id="1"))  # fmt: skip
    scanned(store, NOW + timedelta(days=1), Account("1", "ada@a.example", "Ada Berg-Lindner"))
    # In this order each gets the next number: one at a time nobody is drawn before another.
    for person in ("C01/1", "C01/2", "C01/3", "C01/name:who@b.example"):
        codes.given(store.root, [(person,)], [("C01/d",)])
    return store


def test_a_code_is_named_as_the_newest_snapshot_that_knows_it_has_it(
    store: ClientStore, capsys: pytest.CaptureFixture[str]
) -> None:
    for code, said in {
        "p-1": "P-1: Ada Berg-Lindner, ada@a.example (Google Workspace)",
        "P-2": "P-2: Leo Left, left@a.example (Google Workspace)",
        "P-3": "P-3: no snapshot that is kept knows the name any more. Tenant C01, id 3",
        "P-4": "P-4: who@b.example (as a sign-in says; in no directory of C01)",
        "D-1": "D-1: ADA-NB, ada@a.example (Google Workspace)",
        codes.read(store.root).hidden("P-1"): "Ada Berg-Lindner",
    }.items():
        assert main(["reveal", "acme", code, "--reason", "A sign-in\nfrom Peru"]) == 0
        assert said in capsys.readouterr().out
    log = (store.root / "reveals.log").read_text(encoding="utf-8")
    assert "Ada" not in log and log.count("A sign-in from Peru") == 6
    assert (store.root / "reveals.log").stat().st_mode & 0o077 == 0
    with (store.root / "reveals.log").open("a", encoding="utf-8") as file:
        file.write("{cut short")
    assert main(["reveal", "acme", "P-2", "--reason", "again"]) == 0
    assert main(["reveal", "acme", "--log"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  P-1  \S+  A sign-in from Peru", told[1])
    assert "cut short or changed" in told[-2] and told[-1].endswith("  again") and len(told) == 9


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["P-1"], 2, "Missing option '--reason'"),
        (["P-1", "--reason", "  "], 2, "Missing option '--reason'"),
        (["--reason", "x"], 2, "Missing argument 'CODE'"),
        (["P-9", "--reason", "x"], 2, "has the code 'P-9'"),
        (["X-1", "--reason", "x"], 2, "has the code 'X-1'"),
    ],
)
def test_nobody_is_named_without_a_reason_or_a_code(
    store: ClientStore, capsys: pytest.CaptureFixture[str], words: list[str], status: int, said: str
) -> None:
    assert main(["reveal", "acme", *words]) == status
    out, err = capsys.readouterr()
    assert said in err and not out and not (store.root / "reveals.log").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk to be had here")
def test_what_cannot_be_written_down_is_not_said(store: ClientStore, capsys: pytest.CaptureFixture[str]) -> None:
    (store.root / "reveals.log").symlink_to("/dev/full")
    assert main(["reveal", "acme", "P-1", "--reason", "x"]) == 3
    out, err = capsys.readouterr()
    assert not out and "Ada" not in err and "Nobody is named" in err
