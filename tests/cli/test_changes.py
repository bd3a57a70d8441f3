"""What became of findings, from sealed results alone: no tenant, no snapshot, no judging."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from keyround import history
from keyround.cli import main
from keyround.connector import Window
from keyround.engine.sealed import Answer, Directory, Sealed, as_json
from keyround.store import ClientStore, stamped

DAY = datetime(2026, 8, 3, 6)
TENANT = "11111111-2222-3333-4444-555555555555"
RULES = {"no-factor": ("No second factor", "high", "state"), "abroad": ("Signed in from abroad", "medium", "event")}
NAMES = {key: f"{key}@hof.example" for key in ("ada", "bo", "cy", "di", "ed")}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keyround.toml").write_text(f"""
        store = "store"
        [client.acme]
        name = "Hof\\u001b[2J GmbH"
        [[client.acme.tenant]]
        connector = "m365"\ntenant_id = "{TENANT}"\ncredential = "token"\ntoken = "env:NOBODY_ASKS"
    """)
    return ClientStore(tmp_path / "store", "acme")


def scanned(store, week, accounts="ada bo cy di ed", days=30, **said):
    """`said`: by rule, subjects and their letters as `ada:f cy/FR:f`; None: not evaluated."""
    at = DAY + timedelta(weeks=week)
    directory = Directory("Hof", tuple(accounts.split()), True, NAMES)
    answers = {}
    for rule, (title, severity, nature) in RULES.items():
        asked = (title, severity, "digest", nature, "accounts")
        found = said[rule.replace("-", "_")]
        if found is None:
            answers[TENANT, rule] = Answer(*asked)
            continue
        words = {"f": "fail", "p": "pass", "u": "unknown"}
        pairs = [one.split(":") for one in found.split()]
        others = {(*key.split("/"), "")[:2]: (words[letter], None) for key, letter in pairs}
        answers[TENANT, rule] = Answer(*asked, True, True, "-" * len(directory.accounts), others, directory)
    folder = store.scans / stamped(at)
    folder.mkdir(parents=True)
    window = Window(datetime.combine((at - timedelta(days=days)).date(), datetime.min.time()), at)
    sealed = as_json(Sealed(at, window, {TENANT: directory}, answers))
    (folder / "results.json").write_text(json.dumps(sealed), "utf-8")


def said(capsys, *words):
    status = main(["changes", "acme", *words])
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def weeks(store):
    scanned(store, 0, no_factor="ada:f bo:f cy:f di:p ed:f", abroad="cy/FR:f di/US:f")
    scanned(store, 1, no_factor="ada:f bo:f cy:f di:f ed:f", abroad=None)
    scanned(store, 5, "bo cy di ed", no_factor="bo:p cy:u di:f", abroad="cy:p di/US:f")
    return store


def test_by_name_and_group_against_the_scan_before(weeks, capsys):
    status, out, _ = said(capsys)
    assert status == 0
    assert out == (
        "Hof[2J GmbH: the scan of 2026-09-07 06:00 UTC compared with that of 2026-08-10 06:00 UTC.\n"
        "\nFixed (1)\n"
        "  high      No second factor\n"
        "              bo@hof.example · first seen 2026-08-03\n"
        "\nGone: no longer there (1)\n"
        "  high      No second factor\n"
        "              ada@hof.example · first seen 2026-08-03\n"
        "\nOut of scope: still there, and no longer asked about (1)\n"
        "  high      No second factor\n"
        "              ed@hof.example · first seen 2026-08-03\n"
        "\nPast: longer ago than the period looks back (1)\n"
        "  medium    Signed in from abroad\n"
        "              cy@hof.example, France · first seen 2026-08-03\n"
        "\nNot re-checked: nobody knows whether it still is so (1)\n"
        "  high      No second factor\n"
        "              cy@hof.example · first seen 2026-08-03\n"
    )


@pytest.mark.parametrize(
    ("since", "against", "states"),
    [
        ("2026-08-03", "2026-08-03", {"di": "new"}),
        ("2026-08-09", "2026-08-03", {"di": "new"}),
        ("20260803T060000Z", "2026-08-03", {"di": "new"}),
        ("2026-08-10T05:59:59Z", "2026-08-03", {"di": "new"}),
        ("2026-08-10", "2026-08-10", {}),
        ("2027-01-01", "2026-08-10", {}),
    ],
)
def test_since_is_the_scan_at_or_before(weeks, capsys, since, against, states):
    status, out, _ = said(capsys, "--since", since, "--format", "json")
    found = json.loads(out)
    assert status == 0 and found["since"] == f"{against}T06:00:00Z" and found["scanned_at"] == "2026-09-07T06:00:00Z"
    ended = {"bo": "fixed", "ada": "gone", "ed": "left_scope", "cy": "not_rechecked"}
    of_rule = [change for change in found["changes"] if change["rule"] == "no-factor"]
    assert {change["subject"]: change["state"] for change in of_rule} == ended | states
    (abroad,) = [change for change in found["changes"] if change["rule"] == "abroad"]
    assert abroad == {
        "tenant": TENANT, "rule": "abroad", "title": "Signed in from abroad", "severity": "medium", "subject": "cy",
        "aspect": "FR", "account": "cy@hof.example", "from": "new" if against == "2026-08-03" else "not_rechecked",
        "state": "past", "first_seen": "2026-08-03T06:00:00Z", "last_seen": "2026-08-03T06:00:00Z",
        "since": found["since"],
    }  # fmt: skip


def test_without_two_scans_there_is_nothing_to_compare(store, capsys):
    assert said(capsys)[::2] == (
        2,
        "There is no scan of acme yet, and nothing to compare.\nRun `keyround scan acme` first.\n",
    )
    scanned(store, 0, no_factor="ada:f", abroad="")
    status, _, err = said(capsys)
    assert status == 2 and "only one scan" in err
    scanned(store, 1, no_factor="ada:f", abroad="")
    assert said(capsys)[1].endswith("\nNothing has changed.\n")
    status, _, err = said(capsys, "--since", "2026-08-02")
    assert status == 2 and "2026-08-03 06:00" in err
    status, _, err = said(capsys, "--since", "yesterday")
    assert status == 2 and "neither a day" in err


def test_a_sealed_ledger_stands_for_scans_that_are_gone(weeks, capsys, caplog):
    everything = said(capsys)
    before = [one.taken_at for one in history.ledgers(weeks)]
    history.settle(weeks, weeks.stamps()[1])
    (path,) = weeks.root.glob("ledger-*")
    assert path.name == "ledger-20260810T060000Z.json" and path.stat().st_mode & 0o777 == 0o400
    assert list(weeks.root.glob(".ledger*")) == []
    for stamp in weeks.stamps()[:2]:
        (weeks.scans / stamp / "results.json").unlink()
    assert [one.taken_at for one in history.ledgers(weeks)] == before[1:] and said(capsys) == everything
    assert history.remembered(weeks, before[1]).taken_at is None  # an old report does not know the future
    assert history.remembered(weeks, before[2]).taken_at == before[1]
    history.settle(weeks, "20260831T060000Z")  # up to then, the newest that is known is the same
    assert len(weeks.ledgers()) == 1
    for broken in ("{", "[]", '{"schema": 9}'):
        path.chmod(0o600)
        path.write_text(broken)
        caplog.clear()
        assert said(capsys)[0] == 2 and "The ledger of 20260810T060000Z" in caplog.text


def test_a_damaged_result_is_said_and_left_out(weeks, capsys, caplog):
    for broken in ("{", '{"schema": 3, "taken_at": "2026-08-10T06:00:00", "rules": []}', '{"taken_at": 1, "rules": 1}'):
        (weeks.scans / weeks.stamps()[1] / "results.json").write_text(broken)
        caplog.clear()
        status, out, _ = said(capsys)
        assert status == 0 and "compared with that of 2026-08-03" in out and "findings may look newer" in caplog.text


def test_once_many_scans_lie_behind_a_ledger_is_sealed_and_tells_the_same(store, capsys):
    for week in range(history.OFTEN):
        scanned(store, week, no_factor=f"ada:f bo:{'fp'[week % 2]} cy:{'fuf'[week % 3]}", abroad="cy/FR:f")
    history.settle_often(store)
    assert store.ledgers() == []
    scanned(store, history.OFTEN, no_factor="ada:f bo:p cy:u", abroad=None)
    asked = [(), *(("--since", f"{DAY + timedelta(weeks=week):%Y-%m-%d}") for week in range(history.OFTEN))]
    before = [said(capsys, *words) for words in asked]
    (store.root / ".ledger-abc").write_text("{")  # a process was killed while it wrote
    history.settle_often(store)
    assert store.ledgers() == store.stamps()[-1:]
    assert [said(capsys, *words) for words in asked] == before
    history.settle_often(store)
    assert len(store.ledgers()) == 1
    store.begin(DAY + timedelta(weeks=99)).discard()
    assert not list(store.root.glob(".ledger-*"))
    status, _, err = said(capsys, "--since", "2026-08-02")
    assert status == 2 and "2026-08-03 06:00" in err
