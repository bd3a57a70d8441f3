"""`keyround portfolio`: all clients in one workbook; one that cannot be read is one row, and the first."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from keyround.cli import main
from keyround.provider import ended
from keyround.provider.telling import Outbox
from keyround.store import runs
from keyround.store.runs import Failure, Run

FROZEN = Path(__file__).parents[2] / "fixtures" / "stores" / "0.1.0" / "acme"


@pytest.fixture
def provider(tmp_path, monkeypatch):
    """A provider's folder: a client that was scanned, one never scanned, one whose snapshot is damaged."""
    for key in ("acme", "broken"):
        shutil.copytree(FROZEN, tmp_path / "store" / key)
    (snapshot,) = (tmp_path / "store" / "broken" / "scans").iterdir()
    (snapshot / "accounts.parquet").chmod(0o600)
    (snapshot / "accounts.parquet").write_bytes(b"PAR1 no more")
    sections = [
        f'[client.{key}]\nname = "{name}"\n[[client.{key}.tenant]]\nconnector = "google"\ncustomer_id = "C0{key}"\n'
        'credential = "token"\ntoken = "env:T"\n'
        for key, name in (("acme", "Acme & Söhne"), ("broken", "Broken Ltd"), ("young", "Young Ltd"))
    ]
    (tmp_path / "keyround.toml").write_text(
        'store = "store"\n[provider]\nname = "Nordlicht IT"\n[provider.tell]\nmail = ["technik@nordlicht.example"]\n'
        + "".join(sections),
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_client_is_a_row_and_failures_come_first(provider, capsys):
    for key in ("acme", "young"):
        failure = Failure(
            datetime(2026, 11, 23, 1), "NotGranted", "The way in is closed.", "", "`keyround consent CLIENT`"
        )
        runs.keep(provider / "store" / key, Run(failure=failure))
    assert main(["portfolio", "--at", "2026-11-23T08:00:00Z", "--scheduled", "ended.json"]) == 3
    said = capsys.readouterr()
    assert "Young Ltd: The way in is closed. `keyround consent young`" in said.err
    assert "accounts.parquet" in said.err and "of them read: 1" in said.out
    book = load_workbook(provider / "portfolio-2026-11-23.xlsx")
    clients = [[cell.value for cell in row] for row in book["Clients"] if row[0].value in NAMES]
    assert [row[0] for row in clients] == ["Broken Ltd", "Young Ltd", "Acme & Söhne"]
    assert [row[1] for row in clients] == ["No scan", "No scan", "Red"]
    acme = clients[-1]
    assert acme[2].startswith("No newer scan than that of 20 Nov 2026: The way in is closed. `keyround consent acme`")
    assert acme[9].date().isoformat() == "2026-11-20" and acme[10] == 3 and " of " in acme[3]
    administrators = [[cell.value for cell in row] for row in book["Administrators"]]
    assert any(row[0] == "Acme & Söhne" and "Administrators without a second factor" in row for row in administrators)
    abroad = {row[0].value for row in book["Sign-ins abroad"]}
    assert "Acme & Söhne" in abroad and book["Not checked"].max_row > 4
    (told,) = Outbox(provider / "store" / ".provider").messages()
    assert told.subject == "Portfolio of 23 Nov 2026: 1 client is red, 2 without a scan"
    assert "Young Ltd: NO SCAN. The way in" in told.text and "Acme & Söhne: RED. No newer" in told.text
    assert ended.read(provider / "ended.json").paths["xlsx"] in told.text
    assert "KeyroundClient" not in {one.name for one in book.custom_doc_props.props if one.value}


NAMES = ("Acme & Söhne", "Broken Ltd", "Young Ltd")


def test_one_that_somebody_edited_is_kept(provider, capsys):
    words = ["portfolio", "young", "--at", "2026-11-23T08:00:00Z"]
    assert (
        main(words) == 3
        and "Young Ltd: This client was never scanned. Run `keyround scan young`." in capsys.readouterr().err
    )
    assert main(words) == 3
    path = provider / "portfolio-2026-11-23.xlsx"
    assert [one.name for one in provider.glob("*.xlsx")] == [path.name]
    book = load_workbook(path)
    book["Clients"]["A1"] = "mine"
    book.save(path)
    assert main(words) == 3 and "portfolio-2026-11-23-2.xlsx" in capsys.readouterr().out
    assert load_workbook(path)["Clients"]["A1"].value == "mine"
