"""From edited workbooks in a folder to the next report: what is read, what is kept, what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from keyround import export, handover
from keyround.engine.results import Finding, Judged
from keyround.errors import ConfigError, StoreError
from keyround.export import edited, refs
from keyround.handover import Handed, hand_over, handed_in
from keyround.presentation import Presentation
from keyround.store import ClientStore, notes

from .export.invented import ADMIN, FACTOR, M365, NOW, company

FIRST, SECOND = (refs.of(M365, rule.id) for rule in (ADMIN, FACTOR))
LATER = {"taken_at": NOW + timedelta(days=7)}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClientStore:
    sheets = [one.sheet for one in (export.actions, export.findings, export.changes)]  # the others hold no notes
    monkeypatch.setattr(handover, "sheets", lambda scan: [sheet(scan) for sheet in sheets])
    return ClientStore(tmp_path / "store", "brandtner")


def report(tmp_path: Path, store: ClientStore, *carry: Path, **changes: Any) -> Handed:
    return hand_over(
        replace(company(), **changes), tmp_path, store, "high", carry=handed_in(carry, store.root.name, store)
    )


def write(path: Path, to: Path | None = None, /, ref: str = FIRST, **said: Any) -> Path:
    """What people do: fill in a row and save."""
    book = openpyxl.load_workbook(path)
    for ws in book:
        at: dict[Any, int] = {}
        for row in ws.iter_rows():
            values = [cell.value for cell in row]
            if "Ref" in values:
                at = {value: number for number, value in enumerate(values)}
            elif at and values[at["Ref"]] == ref:
                for title, value in said.items():
                    row[at[title]].value = value
    book.save(to or path)
    return to or path


def actions(handed: Handed) -> dict[str, dict[str, Any]]:
    return {one["ref"]: one for one in json.loads(handed.paths["json"].read_text(encoding="utf-8"))["actions"]}


def test_the_workbook_in_the_folder_is_read_once_and_stays(tmp_path: Path, store: ClientStore) -> None:
    book = write(report(tmp_path, store).paths["xlsx"], Owner="Mara", Status="Done")
    theirs = book.read_bytes()
    again = report(tmp_path, store)
    assert again.remarks == ("brandtner-2026-11-23.xlsx: 2 entries by people carried over.",)
    assert again.paths["xlsx"].name == "brandtner-2026-11-23-2.xlsx" and book.read_bytes() == theirs
    (row,) = [row for row in edited.read(again.paths["xlsx"]).rows if row.ref == FIRST]
    assert (row.values["owner"], row.values["status"]) == ("Mara", "done")
    assert actions(again)[FIRST]["status"] == "done"
    # Of this scan the mark says nothing yet; the next one finds it still.
    assert report(tmp_path, store).remarks == ()
    assert report(tmp_path, store, **LATER).remarks == ("1 action is marked done and still found.",)


def test_both_changed_ours_stays_and_a_copy_given_twice_is_told_once(tmp_path: Path, store: ClientStore) -> None:
    book = report(tmp_path, store).paths["xlsx"]
    mailed = write(book, tmp_path / "mail.bin", Owner="Eve", Note="Mine.")
    write(book, Owner="Mara")
    both = report(tmp_path, store, mailed)
    assert [line for line in both.remarks if "stays" in line] == [
        f"{FIRST}: Owner stays 'Mara'; mail.bin says 'Eve'. Whoever knows better writes it into the new workbook."
    ]
    assert (actions(both)[FIRST]["owner"], actions(both)[FIRST]["note"]) == ("Mara", "Mine.")
    ws = openpyxl.load_workbook(both.paths["xlsx"])["Actions"]
    assert any(cell.value == "In mail.bin, Owner also said: Eve" for row in ws.iter_rows() for cell in row)
    assert report(tmp_path, store, mailed).remarks == ()


def test_what_cannot_be_read_is_said_and_left_as_it_is(tmp_path: Path, store: ClientStore) -> None:
    broken, foreign = tmp_path / "brandtner-2026-11-23.xlsx", tmp_path / "other.xlsx"
    broken.write_bytes(b"PK\x03\x04 not any more")
    hand_over(replace(company(), client="other"), tmp_path, ClientStore(tmp_path / "store", "other"), "high")
    write(tmp_path / "other-2026-11-23.xlsx", foreign, Owner="Eve")
    done = report(tmp_path, store)
    assert len(done.remarks) == 1 and str(broken) in done.remarks[0] and "not overwritten" in done.remarks[0]
    assert broken.read_bytes() == b"PK\x03\x04 not any more" and done.paths["xlsx"].name.endswith("-2.xlsx")
    assert actions(done)[FIRST]["owner"] is None


def test_damaged_notes_are_set_aside_and_read_anew_from_the_last_workbook(tmp_path: Path, store: ClientStore) -> None:
    write(report(tmp_path, store).paths["xlsx"], Owner="Mara")
    report(tmp_path, store)
    kept = store.root / "notes.json"
    for number, broken in enumerate(("{", '{"schema": 1, "notes": 3}'), 1):
        kept.write_text(broken)
        again = report(tmp_path, store)
        assert "set aside" in again.remarks[0] and actions(again)[FIRST]["owner"] == "Mara"
        assert (store.root / f"notes-damaged-{number}.json").read_text() == broken
    kept.write_text('{"schema": 2}')
    later = report(tmp_path, store)
    assert "later version" in later.remarks[0] and kept.read_text() == '{"schema": 2}'


def test_a_disk_that_refuses_costs_no_entry(
    tmp_path: Path, store: ClientStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = write(report(tmp_path, store).paths["xlsx"], Owner="Mara")
    theirs = book.read_bytes()

    def refuse(*_: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(notes, "keep", refuse)
        full = report(tmp_path, store)
    assert any("disk is full" in line for line in full.remarks) and actions(full)[FIRST]["owner"] == "Mara"
    assert book.read_bytes() == theirs and actions(report(tmp_path, store))[FIRST]["owner"] == "Mara"


def test_what_is_accepted_or_gone_shows_its_note_under_changes(tmp_path: Path, store: ClientStore) -> None:
    write(report(tmp_path, store).paths["xlsx"], Owner="Mara")
    report(tmp_path, store)
    scan = company()
    kept = tuple(one for one in scan.findings if one.rule.id != ADMIN.id)
    quiet = Finding(M365, ADMIN, Judged("bo", "unknown"), "not_rechecked", NOW)
    for findings, second in ((kept, False), ((*kept, quiet), False), (scan.findings, True)):
        done = report(tmp_path, store, findings=findings, **LATER)
        ws = openpyxl.load_workbook(done.paths["xlsx"])["Changes"]
        assert (FIRST not in [cell.value for row in ws.iter_rows() for cell in row]) is second
        assert (FIRST in actions(done)) is second
    assert actions(done)[FIRST]["owner"] == "Mara"


def test_by_code_a_ref_tells_nobody_who_it_is_and_finds_its_place_again(tmp_path: Path, store: ClientStore) -> None:
    scan = {"presentation": Presentation(names="coded")}
    first = report(tmp_path, store, **scan).paths["xlsx"]
    shown = [row.ref for row in edited.read(first).rows if row.ref.startswith("F-")]
    assert shown and not {refs.of_finding(one) for one in company().findings} & set(shown)
    write(first, ref=shown[0], Note="Asked.", Owner="Mara")
    again = report(tmp_path, store, **scan)
    rows = {row.ref: row.values for row in edited.read(again.paths["xlsx"]).rows}
    assert (rows[shown[0]]["note"], rows[shown[0]]["owner"]) == ("Asked.", "Mara")
    gone = report(tmp_path, store, **scan, findings=(), **LATER)
    (left,) = edited.read(gone.paths["xlsx"]).rows
    assert left.values["owner"] == "Mara" and left.ref not in {refs.of_finding(one) for one in company().findings}
    write(gone.paths["xlsx"], ref=left.ref, Status="Done")
    back = report(tmp_path, store, taken_at=NOW + timedelta(days=14))  # by name again
    assert [row.values["status"] for row in edited.read(back.paths["xlsx"]).rows if row.values["owner"] == "Mara"] == [
        "done"
    ]


@pytest.mark.parametrize("how", [{"works_council": True}, {"names": "initials"}], ids=str)
def test_every_finding_keeps_its_note_where_state_and_behaviour_are_kept_apart(
    how: dict[str, Any], tmp_path: Path, store: ClientStore
) -> None:
    scan = {"presentation": Presentation(**how)}
    first = report(tmp_path, store, **scan).paths["xlsx"]
    shown = [row.ref for row in edited.read(first).rows if row.ref.startswith("F-")]
    for ref in shown:
        write(first, ref=ref, Note="Asked.")
    again = report(tmp_path, store, **scan)
    assert not [one for one in again.remarks if "differ" in one]
    rows = {row.ref: row.values for row in edited.read(again.paths["xlsx"]).rows}
    assert shown and {rows[ref]["note"] for ref in shown} == {"Asked."}


def test_a_foreign_or_empty_copy_is_refused(tmp_path: Path, store: ClientStore) -> None:
    book = report(tmp_path, store).paths["xlsx"]
    with pytest.raises(ConfigError, match="belongs to the client 'brandtner'"):
        handed_in([book], "other", store)
    bare = openpyxl.load_workbook(book)
    for name in [one.name for one in bare.custom_doc_props.props]:
        del bare.custom_doc_props[name]  # as other programs do
    bare.save(tmp_path / "bare.xlsx")
    with pytest.raises(ConfigError, match="does not say which client"):  # and nothing was ever scanned here
        handed_in([tmp_path / "bare.xlsx"], "brandtner", store)
    bare.create_sheet("Mine")
    for name in bare.sheetnames[:-1]:
        del bare[name]
    bare.save(tmp_path / "bare.xlsx")
    with pytest.raises(ConfigError, match="no row with a Ref"):
        handed_in([tmp_path / "bare.xlsx"], "brandtner", store)
