"""`keyround rules`: the list is the documentation, a page says it all, own rules are tried, and a new one begun."""

from __future__ import annotations

import json
import shutil
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from keyround.cli import main
from keyround.cli.rulepage import page
from keyround.engine.rule import load
from keyround.installed import connector

OURS = Path(str(files("keyround.rules")))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def said(capsys):
    def run(*words: str, status: int = 0) -> str:
        assert main(["rules", *words]) == status
        out, err = capsys.readouterr()
        return out + err

    return run


def listed(said, *words: str) -> set[str]:
    return {rule["id"] for rule in json.loads(said("list", "--format", "json", *words))}


def test_the_list_names_every_rule_and_fits_the_screen(here, said):
    rules, text = load(), said()
    assert all(f" {rule.id}" in text and rule.title in " ".join(text.split()) for rule in rules)
    assert max(map(len, text.split("\n"))) <= 80


def test_filters_narrow_the_list_down(here, said):
    rules = {rule.id: rule for rule in load()}
    assert listed(said) == rules.keys()
    assert listed(said, "--topic", "sign-ins") == {r.id for r in rules.values() if r.topic == "sign_ins"}
    assert listed(said, "--severity", "high") == {r.id for r in rules.values() if r.severity in ("critical", "high")}
    assert "more-people-than-licences" not in listed(said, "--provider", "google")
    assert "weak-password" not in listed(
        said, "--provider", "m365"
    )  # which measures no password: nothing answers there
    assert "highest-administrator-count" in listed(said, "--control", "MS.AAD.7.1")
    assert "highest-administrator-count" not in listed(said, "--control", "1.1.30")
    assert "foreign-sign-in" in listed(said, "--search", "abroad TRIP")
    assert "No rule" in said("list", "--search", "unheard-of")
    assert "Did you mean 'passwords'?" in said("list", "--topic", "pasword", status=2)


def test_a_page_says_what_is_read_and_what_that_needs(here, said):
    connectors = {name: connector(name) for name in ("m365", "google")}
    for rule in load():
        text = page(rule, connectors, sql=True, cases=True)
        whole = " ".join(text.split())
        assert all(part in whole for part in (rule.title, " ".join(rule.why.split()), *rule.references))
        assert rule.cases[0].name in whole and rule.select.strip() in text.replace("\n  ", "\n")
        printed = text.partition("\nSelect\n")[0].split("\n")
        assert not [line for line in printed if len(line) > 80 and "https://" not in line]
    text = said("show", "dormant-account")
    assert "accounts: one row per account" in text and "User.Read.All" in text and "AuditLog.Read.All" in text
    assert "unused_days = 90: " in text and "Benchmark v7.0.0: 5.3.2" in text
    assert "Minutes: 30 minutes, and 15 minutes for each account" in text
    assert "Begin at https://admin.google.com/" in text and "tell the people concerned\n  We are" in text
    licences = page(next(r for r in load() if r.id == "more-people-than-licences"), connectors, sql=False, cases=False)
    assert "Not asked in  Google Workspace" in licences
    passwords = said("show", "weak-password")
    assert "Not asked in  Microsoft 365" in passwords and "What to do in Microsoft 365" not in passwords


def test_a_new_rule_says_what_to_write_next_and_replaces_nothing(here, said):
    assert "rules test" in said("new", "our-first", "--folder", "ours")
    file = here / "ours" / "our-first.toml"
    begun = file.read_text(encoding="utf-8")
    assert tomllib.loads(begun)["id"] == "our-first"
    text = said("test", "ours", status=1)
    for left in ("write next", "ada: expected fail, got unknown", "no case expects pass", "title still says"):
        assert left in " ".join(text.split())
    assert "already" in said("new", "our-first", "--folder", "ours", status=2) and file.read_text("utf-8") == begun
    assert "comes with" in said("new", "dormant-account", status=2)
    assert "no id" in said("new", "../our", status=2)


def test_a_rule_that_reads_silence_as_an_answer_fails(here, said):
    good = (OURS / "no-backup-codes.toml").read_text(encoding="utf-8").replace("no-backup-codes", "ours")
    (here / "ours.toml").write_text(good, encoding="utf-8")
    assert "all is well" in said("test", "ours.toml")
    bad = good.replace("references = [", 'references = [\n  "https://blog.example",')
    (here / "ours.toml").write_text(
        bad.replace("m.registered as in_scope", "m.registered is true as in_scope"), "utf-8"
    )
    text = " ".join(said("test", "ours.toml", status=1).split())
    assert "note the reference https://blog.example" in text and "a cell left empty changes a verdict" in text
    shutil.copy(OURS / "weak-password.toml", here)
    assert "Keyround comes with a rule weak-password" in " ".join(said("test", "weak-password.toml", status=1).split())
    (here / "ours.toml").write_text("title = 5", encoding="utf-8")
    assert "ours.toml" in said("test", "ours.toml", "nowhere.toml", status=2)


def test_a_bad_own_rule_stops_a_scan_before_it_begins(here, capsys):
    (here / "keyround.toml").write_text(
        'rules = ["ours"]\nstore = "store"\n[client.acme]\n[[client.acme.tenant]]\nconnector = "m365"\n'
    )
    main(["rules", "new", "odd", "--folder", "ours"])
    file = here / "ours" / "odd.toml"
    main(["rules", "list", "--search", "odd"])
    assert "own: ours" in capsys.readouterr().out
    file.write_text(file.read_text("utf-8").replace("null::boolean", "accountid"), encoding="utf-8")
    number = next(n for n, line in enumerate(file.read_text("utf-8").split("\n"), 1) if "accountid" in line)
    for verb in ("scan", "check"):
        assert main([verb, "acme"]) == 2
        assert f"{Path('ours', 'odd.toml')}, line {number}: no table it reads has a column" in capsys.readouterr().err
    assert not (here / "store").exists()
