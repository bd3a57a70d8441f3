"""On whose order a client is scanned: shown on About, missed where a provider has none, and an end where it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from keyround.cli import main
from keyround.config import read
from keyround.export import about
from keyround.export.text import render
from keyround.provider import ended
from keyround.provider.orders import refusal, standing
from keyround.provider.round import whole
from keyround.provider.world import World
from keyround.words import speaking
from tests.export.invented import company

PROVIDER = '[provider]\nname = "Nordlicht IT"\n'
ORDER = """
[client.acme.order]
authorised_by = "M. Jensen"
role          = "managing director"
on            = 2026-01-02
until         = 2026-12-31
"""
CLIENT = '[client.acme]\nname = "Acme Ltd"\n[[client.acme.tenant]]\nconnector = "m365"\n'


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "keyround.toml").write_text(f'store = "store"\n{text}', encoding="utf-8")
        return read(tmp_path / "keyround.toml")

    return write


@pytest.mark.parametrize(
    "text, day, refused, said",
    [
        (CLIENT, "2027-05-01", False, ""),
        (PROVIDER + CLIENT, "2027-05-01", False, "nobody is named who ordered"),
        (PROVIDER + CLIENT + ORDER, "2026-06-01", False, ""),
        (PROVIDER + CLIENT + ORDER, "2026-12-01", False, "ends on 2026-12-31"),
        (PROVIDER + CLIENT + ORDER, "2026-12-31", False, "ends on 2026-12-31"),
        (PROVIDER + CLIENT + ORDER, "2027-01-01", True, "ended on 2026-12-31"),
        (PROVIDER + CLIENT + ORDER, "2026-01-01", True, "is still to come"),
        (CLIENT + ORDER, "2027-01-01", True, "ended on 2026-12-31"),
        (PROVIDER + CLIENT + ORDER.replace("until         = 2026-12-31", ""), "2036-01-01", False, ""),
    ],
)
def test_where_an_order_stands(written, text, day, refused, said):
    config = written(text)
    found = standing(config, config.client("acme"), date.fromisoformat(day))
    failure = refusal(config, config.client("acme"), datetime.fromisoformat(f"{day}T06:00"))
    assert found.refused == refused == (failure is not None)
    assert said in str(found.said) if said else found.said is None


def test_after_its_end_nothing_is_scanned_by_itself_and_by_hand_it_is_said(written, tmp_path, monkeypatch, capsys):
    written(PROVIDER + CLIENT + ORDER)
    monkeypatch.chdir(tmp_path)
    words = ["scan", "acme", "--at", "2027-01-01T06:00:00Z"]
    assert main([*words, "--scheduled", "ended.json"]) == 2
    assert ended.read(tmp_path / "ended.json").failure.detail == "acme: the order of M. Jensen ended on 2026-12-31."
    assert "tenant_id" not in capsys.readouterr().err
    assert main(words) == 2  # by hand it goes on, to the section, which is not complete
    said = capsys.readouterr().err
    assert "Warning: acme: the order of M. Jensen ended" in said and "tenant_id" in said


def test_a_run_starts_nothing_for_it_and_says_why(written):
    config = written(PROVIDER + CLIENT + ORDER)
    begun = []
    now = datetime(2027, 1, 1, 6)
    world = World(lambda: now, lambda: 0.0, lambda _: None, lambda *words: begun.append(words), lambda: False)
    (row,) = (row for row in whole(config, ["acme"], world, 1, forced=True) if getattr(row, "client", "") == "acme")
    assert row.outcome == "failed" and "ended on 2026-12-31" in row.failure.detail and not begun


@pytest.mark.parametrize(
    "language, line",
    [
        ("en", "Ordered by: M. Jensen, managing director, on 2 Jan 2026, valid until 31 Dec 2026"),
        ("de", "Im Auftrag von: M. Jensen, managing director, vom 02.01.2026, gültig bis 31.12.2026"),
    ],
)
def test_about_says_who_ordered_it(written, language, line):
    presentation = written(PROVIDER + CLIENT + ORDER).client("acme").presentation
    with speaking(language):
        scan = replace(company(), presentation=replace(presentation, language=language))
        shown = render(about.sheet(scan))
    assert line.partition(": ")[2] in shown and line.partition(": ")[0] in shown
