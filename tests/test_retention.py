"""Retention: what has been kept long enough goes, and nothing that was known becomes unknown or new by it."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from keyround import history
from keyround.cli import main
from keyround.config import read
from keyround.connector import Arrived
from keyround.engine import ledger, sandbox, sealed
from keyround.engine.results import NotEvaluated
from keyround.engine.rule import load
from keyround.errors import StoreError
from keyround.handover import carry
from keyround.judging import judge
from keyround.model import COMPUTED, TABLES, Account, SignIn
from keyround.notes import Note
from keyround.provider import retention
from keyround.provider.clients import forgetting
from keyround.provider.periods import Found, plan
from keyround.provider.telling import Message, Outbox
from keyround.rounds import Keeping
from keyround.scan import window
from keyround.store import ClientStore, codes, cut, deletions, hashed, months, notes, reveals, runs, sweep
from keyround.store.disk import sha256

ROOT = Path(__file__).parents[1]
FROZEN = ROOT / "fixtures" / "stores" / "0.1.0" / "acme"
TENANT = "a05a5e34-66ee-500f-8c7d-dad2b1f22e8b"
BEGIN = datetime(2026, 1, 5, 6)
WHO = ("ada", "bo", "cy")
USUAL = Keeping()
(FIRST_COUNTRY,) = (rule for rule in load() if rule.id == "first-country")


def scanned(
    store: ClientStore, at: datetime, log: list[SignIn], failing: str = "", whole: bool = True, days: int = 30
) -> None:
    """A scan of a provider that holds `log`, in which the state rule fails for the people whose letters are given."""
    with store.locked():
        store.check_days()
        draft = store.begin(at)
        asked = window(at, days)
        fetched = store.fetch_window(TENANT, "sign_ins", asked)
        with draft.writer(TENANT, "m365", "users", Account) as write:
            write([Account(who, f"{who}@hof.example", enabled=True) for who in WHO])
        with draft.writer(TENANT, "m365", "sign_ins", SignIn) as write:
            write([row for row in log if fetched.since <= row.signed_in_at < fetched.until])
        draft.settle(TENANT, "sign_ins", fetched, [Arrived(fetched.since, fetched.until)] if whole else [])
        draft.freeze()
        far = replace(asked, since=at - timedelta(days=180))
        done = {"state": "complete", "rows": 1, "without": {}}
        draft.readable({
            "version": "0.2.0", "client": store.root.name, "client_name": "Hof", "taken_at": at.isoformat(),
            "since": asked.since.isoformat(), "until": asked.until.isoformat(),
            "terms": {"home_countries": ["DE", "SE"]},
            "tenants": [{
                "id": TENANT, "connector": "m365", "name": "Hof", "outcomes": {"users": done, "sign_ins": done},
                "parts": hashed(store.root, store.parts(TENANT, "sign_ins", far)),
                "months": store.months(TENANT, "sign_ins"),
            }],
        })  # fmt: skip
        directory = sealed.Directory("Hof", WHO, True, {who: f"{who}@hof.example" for who in WHO})
        letters = "".join("f" if who[0] in failing else "p" for who in WHO)
        answer = sealed.Answer("Rule", "high", "asked", "state", "accounts", True, True, letters, {}, directory)
        told = sealed.Sealed(at, asked, {TENANT: directory}, {(TENANT, "state-rule"): answer})
        draft.seal(sealed.as_json(told))
    history.settle_often(store)


def life(chance: Random, until: datetime) -> list[SignIn]:
    """Everybody's sign-ins, some a day."""
    rows, day = [], BEGIN - timedelta(days=30)
    while day < until:
        for who in WHO:
            if chance.random() < 0.4:
                outcome, country = chance.choice(("success", "success", "failure")), chance.choice(("DE", "SE", None))
                rows.append(SignIn(f"{who}{len(rows)}", day + timedelta(minutes=chance.randrange(1080)), who, who,
                                   outcome, country=country, address="192.0.2.1"))  # fmt: skip
        day += timedelta(days=1)
    return rows


def stored_days(store: ClientStore) -> Counter[tuple[str, str, str]]:
    """Sign-ins of days that were stored, also of those that went."""
    found: Counter[tuple[str, str, str]] = Counter()
    for parts in sweep.days(store.root).values():
        for path in parts.values():
            found.update((row["account_id"], row["country"], row["outcome"])
                         for row in pq.read_table(store.root / path).to_pylist())  # fmt: skip
    for home in sweep.counted(store.root):
        newest = months.newest(store.root, home)
        for row in pq.read_table(store.root / newest.path).to_pylist():
            found[row["account_id"], row["country"], row["outcome"]] += row["records"]
    return found


def oldest_row(store: ClientStore) -> datetime:
    """Of all the sign-ins in all the files there are."""
    rows = [at for path in store.root.rglob("*.parquet") if "signed_in_at" in pq.read_schema(path).names
            for at in pq.read_table(path, columns=["signed_in_at"])["signed_in_at"].to_pylist()]  # fmt: skip
    return min(rows, default=datetime.max)


def known(store: ClientStore) -> dict[object, ledger.Entry]:
    found = history.remembered(store)
    return {(place, key): entry for place, record in found.records.items() for key, entry in record.entries.items()}


def changed(store: ClientStore) -> list[object]:
    now = history.remembered(store)
    then = history.remembered(store, now.taken_at)
    return [replace(change, who="") for change in ledger.changes(then, now)]


@pytest.mark.parametrize("seed", [1])
def test_whatever_goes_what_is_known_stays(tmp_path, seed):
    chance, at = Random(seed), BEGIN
    kept, tidy = ClientStore(tmp_path, "kept"), ClientStore(tmp_path, "tidy")
    log = life(chance, BEGIN + timedelta(days=400))
    for count in range(1, 7):
        failing, whole = "".join(who[0] for who in WHO if chance.random() < 0.5), chance.random() < 0.8
        for store in (kept, tidy):
            scanned(store, at, log, failing, whole, days=5)
        now = at + timedelta(hours=chance.randint(1, 20))
        if chance.random() < 0.7:
            retention.tidied(tidy, USUAL, now)
            assert oldest_row(tidy) >= datetime.combine(now.date() - timedelta(days=90), time())
            over = now - timedelta(days=90)
            assert not any(e.who for e in known(tidy).values() if not e.alive and e.since < over)
        assert len(tidy.stamps()) >= min(count, 2)
        tidy.snapshot(tidy.stamps()[0])
        assert {key: replace(e, who="") for key, e in known(tidy).items()} == {
            key: replace(e, who="") for key, e in known(kept).items()
        }
        assert changed(tidy) == changed(kept)
        at += timedelta(days=chance.choice((5, 7, 40, 60)))
    assert stored_days(tidy) == stored_days(kept)
    assert len(tidy.stamps()) < len(kept.stamps()) and any(sweep.counted(tidy.root))


def test_a_process_that_is_killed_loses_nothing_and_counts_nothing_twice(tmp_path):
    log = life(Random(5), BEGIN + timedelta(days=120))
    kept = ClientStore(tmp_path, "kept")
    for week in (0, 2, 14):
        scanned(kept, BEGIN + timedelta(weeks=week), log, "ab", days=14)
    whole, now = stored_days(kept), BEGIN + timedelta(weeks=15)

    def begun(name: str) -> ClientStore:
        shutil.copytree(kept.root, tmp_path / name)
        return ClientStore(tmp_path, name)

    def folded(store: ClientStore) -> dict[date, Path]:
        """Counted and sealed, and then the process is killed."""
        ((home, parts),) = sweep.days(store.root).items()
        old = {day: path for day, path in parts.items() if day < now.date() - timedelta(days=90)}
        assert len(old) > 10
        months.fold(store.root, home, old, now)
        (store.root / home / ".months-half").write_bytes(b"half")
        return old

    before_removal, half_removed = begun("one"), begun("two")
    folded(before_removal)
    sweep.remove_days(half_removed.root, list(folded(half_removed).values())[:5])
    a_snapshot = begun("three")
    gone = a_snapshot.scans / f".gone-{a_snapshot.stamps()[0]}"
    history.settle(a_snapshot, a_snapshot.stamps()[0])
    (a_snapshot.scans / a_snapshot.stamps()[0]).rename(gone)
    for store in (before_removal, half_removed, a_snapshot):
        later = now + timedelta(hours=1)
        for stamp in store.stamps():  # whoever looks meanwhile sees every sign-in once
            snapshot = store.snapshot(stamp)
            assert {*snapshot.files(snapshot.manifest["tenants"][0])["sign_ins"]} <= {*store.root.rglob("*.parquet")}
        retention.tidied(store, USUAL, later)
        assert stored_days(store) == whole
    scanned(half_removed, later, log, "ab", days=5)
    ((home, parts),) = sweep.days(half_removed.root).items()
    assert months.newest(half_removed.root, home).days.isdisjoint(parts)
    for store in (before_removal, half_removed, a_snapshot):
        assert not list(store.root.rglob(".months-half")) and known(store).keys() == known(kept).keys()
    assert not gone.exists() and not retention.tidied(half_removed, USUAL, now + timedelta(hours=2)).deletions


def first_countries(store: ClientStore, stamp: str) -> dict[str, str]:
    """Verdicts of the rule about first sign-ins from a country, by person and country."""
    (result,) = judge(store.snapshot(stamp), [FIRST_COUNTRY]).results
    assert not isinstance(result, NotEvaluated)
    return {f"{one.subject} {one.aspect}".strip(): one.verdict for one in result.judged}


def test_nothing_is_new_only_because_the_days_before_are_gone(tmp_path):
    def entry(who: str, day: int, country: str) -> SignIn:
        return SignIn(f"{who}{day}{country}", BEGIN + timedelta(days=day), who, who, "success", country=country)

    log = [entry(who, day, "DE") for who in WHO for day in range(-25, 130, 2)]
    log += [entry("ada", -9, "SE"), entry("ada", 117, "SE"), entry("bo", 117, "SE")]
    store = ClientStore(tmp_path, "hof")
    scanned(store, BEGIN, log, days=10)
    scanned(store, BEGIN + timedelta(days=120), log, days=15)
    right = {"ada": "pass", "bo SE": "fail", "cy": "pass"}  # Ada was there once, long ago
    retention.tidied(store, USUAL, BEGIN + timedelta(days=120))
    assert first_countries(store, store.stamps()[-1]) == right  # an older snapshot, which names days that are gone
    scanned(store, BEGIN + timedelta(days=121), log, days=15)
    assert first_countries(store, store.stamps()[-1]) == right  # one that was told of the counts
    (counted,) = [months.newest(store.root, home) for home in sweep.counted(store.root)]
    (store.root / counted.path).chmod(0o600)
    (store.root / counted.path).write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match="removed days"):
        store.snapshot(store.stamps()[-1])
    with pytest.raises(StoreError, match="removed days"):
        scanned(store, BEGIN + timedelta(days=122), log, days=15)


def test_an_account_that_only_the_log_tells_of_is_as_unused_as_its_month_was(tmp_path):
    from keyround import derived
    from keyround.model import SignInMonth
    from keyround.store.draft import as_arrow

    march, july = datetime(2026, 3, 1), datetime(2026, 7, 9, 8)
    sources = {
        "accounts": sandbox.Rows(as_arrow([Account(who, f"{who}@hof.example") for who in WHO], Account, "t", "m365")),
        "sign_ins": sandbox.Rows(as_arrow([SignIn("1", july, "bo", outcome="success")], SignIn, "t", "m365")),
        "sign_in_months": sandbox.Rows(as_arrow([
            SignInMonth(who, None, "DE", march, datetime(2026, 4, 1), "success", False, 9) for who in ("ada", "bo")
        ], SignInMonth, "t", "m365")),
    }  # fmt: skip
    with sandbox.opened(sources, "t") as db:
        found = derived.computed("account_use", db, {"log_since": datetime(2026, 2, 1), "measured": False}).to_pylist()
    last = datetime(2026, 3, 31, 23, 59, 59)
    assert [(row["account_id"][5:], row["unused_since"], row["activity"]) for row in found] == [
        ("ada", last, "seen"), ("bo", july, "seen"), ("cy", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scans", "evidence", "gone"), [(2, 90, 2), (4, 90, 1), (2, 500, 0), (2, 1, 3), (9, 1, 0)]
)  # what was replaced longer ago than the evidence is kept, and never one of the newest
def test_the_newest_snapshots_stay_and_an_older_one_as_long_as_evidence(scans, evidence, gone):
    at = datetime(2026, 11, 20, 12)
    stamps = tuple(f"{at - timedelta(days=days):%Y%m%dT%H%M%SZ}" for days in (300, 200, 100, 50, 0))
    planned = plan(Found(stamps, oldest={stamps[-1]: date(2026, 8, 1)}), Keeping(90, evidence, scans), at)
    assert planned.snapshots == stamps[:gone] and planned.shortened == stamps[-1:]


def test_one_ledger_a_month_stays_for_two_years_and_the_one_that_what_is_kept_begins_with():
    at = datetime(2026, 11, 20, 12)
    ledgers = tuple(
        f"{day}T120000Z" for day in ("20240801", "20260705", "20260719", "20260802", "20260809", "20261101")
    )
    planned = plan(Found(("20260816T120000Z", "20261115T120000Z"), ledgers=ledgers), USUAL, at)
    assert planned.ledgers == (ledgers[0], ledgers[1], ledgers[3])


def test_an_old_snapshot_without_its_days_opens_and_says_what_it_no_longer_knows(tmp_path, capsys, monkeypatch):
    (tmp_path / "keyround.toml").write_text(
        'store = "."\n[client.acme]\nnames = "coded"\nkeep = { sign_ins = 400, reason = "A case in court." }\n'
        '[[client.acme.tenant]]\n'
        'connector = "google"\ncustomer_id = "C0d88c055"\ncredential = "token"\ntoken = "env:T"\n', encoding="utf-8"
    )  # fmt: skip
    shutil.copytree(FROZEN, tmp_path / "acme")
    monkeypatch.setenv("T", "unused")
    store, config = ClientStore(tmp_path, "acme"), ["--config", str(tmp_path / "keyround.toml")]
    assert main(["tidy", "acme", *config, "--at", "2027-02-20"]) == 0
    assert "nothing has been kept for too long" in capsys.readouterr().out
    shutil.copytree(FROZEN, tmp_path / "gone")
    words = ["tidy", "--all", *config, "--at", "2028-01-01"]
    assert main([*words, "--dry-run"]) == 3 and "keyround client forget gone" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "gone")
    before = {path: path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file() and ".lock" not in path.name}
    assert main([*words, "--dry-run"]) == 0
    assert "5 days of sign-ins (login_activities) of 2026-11-13 to 2026-11-17" in " ".join(
        capsys.readouterr().out.split()
    )
    after = {path: path.stat().st_mtime for path in tmp_path.rglob("*") if path.is_file() and ".lock" not in path.name}
    assert after.keys() - before.keys() <= {store.root / ".notes-lock"} and before.items() <= after.items()
    assert main(words) == 0
    log = {deletion.what: deletion for _, deletion in deletions.read(store.root)}
    shown = log["sign-ins of the snapshot 20261120T120000Z"]
    assert (shown.count, shown.oldest, shown.newest) == (64, "2026-11-18", "2026-11-19")
    assert {deletion.reason for deletion in log.values()} == {"A case in court."}
    assert not re.search(r"@|\.example", (store.root / deletions.FILE).read_text(encoding="ascii"))
    assert oldest_row(store) == datetime.max and not cut.left(store.scans / store.stamps()[0])
    capsys.readouterr()
    files, reports = {*before}, store.root / "reports"
    history.settle(store, store.stamps()[-1])
    store.memory(TENANT)["search"] = "42"
    runs.keep(store.root, runs.Run())
    assert main(["report", "acme", *config, "--output", str(reports), "--format", "xlsx,json"]) == 1
    assert "Sign-ins before 2026-11-27 are kept no longer" in capsys.readouterr().err
    said = json.loads(next(reports.glob("*.json")).read_text(encoding="utf-8"))
    states = {one["dataset"]: one["state"] for one in said["coverage"]}
    assert states["sign_ins"] == states["login_activities"] == "incomplete" and states["users"] == "complete"
    foreign = [one for one in said["checks"] if one["rule"] == "foreign-sign-in"]
    assert foreign and not any(one["evaluated"] for one in foreign)  # no green light for what is gone
    assert main(["reveal", "acme", "P-1", *config, "--reason", "A test."]) == 0
    files |= {path for path in store.root.rglob("*") if path.is_file()}
    told_of_every_file({path.relative_to(store.root) for path in files if path.is_relative_to(store.root)})


def told_of_every_file(files: set[Path]) -> None:
    """The page for the data-protection officer says what each of them is, and names none that there is not."""
    page = (ROOT / "PRIVACY.md").read_text(encoding="utf-8")
    of_a_client = re.sub(r"(?s)Besides the clients' folders.*?\n### ", "", page)
    first_cells = re.findall(r"^\| (`[^|]+) \|", of_a_client, re.MULTILINE)
    patterns = [name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]
    for name in (TABLES.keys() - COMPUTED) | {"sign_in_months"}:
        assert f"`{name}`" in page
    kinds = {pattern for pattern in patterns if any(path.match(pattern) for path in files)}
    assert {path for path in files if not any(path.match(pattern) for pattern in patterns)} == set()
    assert set(patterns) & {*TABLES} == (TABLES.keys() - COMPUTED)
    of_runs = {"access.json", "run.log", "run.log.1", ".run-lock", ".attempts/*", "outbox/*", "told.json"}
    assert {p for p in patterns if p not in TABLES} - kinds == of_runs


def test_what_people_wrote_goes_with_what_it_was_about_and_their_own_files_never(tmp_path):
    store, far = ClientStore(tmp_path, "hof"), BEGIN + timedelta(days=200)
    scanned(store, BEGIN, [], "ab")
    scanned(store, BEGIN + timedelta(days=10), [], "b")
    ada, bo = ((TENANT, "state-rule", who, "") for who in ("ada", "bo"))
    kept = carry.Kept({ada: Note(owner="Frau Busch"), bo: Note(note="Termin")}, frozenset({("w", ada, "owner", "B")}))
    notes.keep(store.root, carry.as_json(kept, {"digest": "w"}))
    for number, days in enumerate((0, 150, 199)):
        notes.keep_written(store.root, f"{number:08x}", {})
        path = store.root / "noted" / f"{number:08x}.json"
        os.utime(path, (when := (BEGIN + timedelta(days=days)).timestamp(), when))
    (store.root / "reports").mkdir()
    for name, days in (("old.xlsx", 0), ("old.json", 0), ("edited.xlsx", 1), ("new.xlsx", 150), ("new.json", 2)):
        path = store.root / "reports" / name
        path.write_bytes(name.encode())
        os.utime(path, (when := (BEGIN + timedelta(days=days)).timestamp(), when))
        if name != "edited.xlsx":
            store.remember(sha256(path))
    codes.given(store.root, [(f"{TENANT}/ada",), (f"{TENANT}/bo",)], at=BEGIN.date())
    before = {f"P-{n}": codes.read(store.root).keys(f"P-{n}") for n in (1, 2)}
    outbox = Outbox(store.root)
    for name, days, state in (("a", 0, "failed"), ("b", 0, "held"), ("c", 150, "sent")):
        made = BEGIN + timedelta(days=days)
        outbox.add(Message(name * 16, "hof", "report", "", "x@hof.example", "mail", "", "", made, state,
                           attached=f"{name}-hof.xlsx"))  # fmt: skip
        outbox.lay_beside(f"{name}-hof.xlsx", b"")
    reveals.write(store.root, BEGIN - timedelta(days=900), "P-1", "Asked.")
    reveals.write(store.root, BEGIN, "P-2", "Asked.")
    (store.root / "notes.json").chmod(0o600)
    tidied = retention.tidied(store, USUAL, far)
    left, read = carry.from_json(notes.peek(store.root))
    assert left == carry.Kept({bo: Note(note="Termin")}) and read == {"digest": "w"}
    assert sorted(path.name for path in (store.root / "reports").iterdir()) == ["edited.xlsx", "new.json", "new.xlsx"]
    assert "edited.xlsx" in tidied.remarks[0] and len(tidied.remarks) == 1
    assert {one.state for one in outbox.messages()} == {"held", "sent"} and not (outbox.folder / "a-hof.xlsx").exists()
    assert [look.code for look in reveals.read(store.root)] == ["P-2"]
    assert sorted(path.stem for path in (store.root / "noted").iterdir()) == ["00000001", "00000002"]
    assert {code: codes.read(store.root).keys(code) for code in before} == before  # a snapshot still knows them
    for days in (200, 230):
        scanned(store, BEGIN + timedelta(days=days), [], "b")
    codes.given(store.root, [(f"{TENANT}/bo",)], at=(BEGIN + timedelta(days=230)).date())
    retention.tidied(store, USUAL, BEGIN + timedelta(days=330))
    after = codes.given(store.root, [(f"{TENANT}/cy",)], at=(BEGIN + timedelta(days=330)).date())
    assert f"{TENANT}/ada" not in after.numbers["P"] and after.code("P", f"{TENANT}/cy") == "P-3"
    assert after.keys(after.code("P", f"{TENANT}/bo")) == [f"{TENANT}/bo"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_nothing_goes_through_a_link(tmp_path):
    log = life(Random(2), BEGIN + timedelta(days=5))
    theirs, ours = ClientStore(tmp_path, "theirs"), ClientStore(tmp_path, "ours")
    for store in (theirs, ours):
        scanned(store, BEGIN, log, days=5)
    (ours.root / "sign_ins" / "more").symlink_to(theirs.root / "sign_ins" / TENANT, target_is_directory=True)
    (tmp_path / "again").symlink_to(theirs.root, target_is_directory=True)
    files = {path: path.stat().st_mode for path in theirs.root.rglob("*")}
    (tmp_path / "keyround.toml").write_text('store = "."')
    config = read(tmp_path / "keyround.toml")
    for store in (ours, ClientStore(tmp_path, "again")):
        with pytest.raises(StoreError, match="is a link"):
            retention.tidied(store, USUAL, BEGIN + timedelta(days=300))
    forgetting.remove(config, "ours", None, forgetting.remains(config, "ours", None), BEGIN)
    assert not ours.root.exists() and {path: path.stat().st_mode for path in theirs.root.rglob("*")} == files
