"""A workbook of ours in the state in which people send it back."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from keyround.engine.results import Scan
from keyround.errors import ConfigError
from keyround.export import actions, archive, edited, findings, refs, workbook
from keyround.notes import FIELDS, Note, Notes
from keyround.words import languages, say, speaking

from .invented import ADMIN, DORMANT, FACTOR, M365, company

FIRST, SECOND, LAST = ((M365, rule.id) for rule in (ADMIN, FACTOR, DORMANT))
SAID = {FIRST: Note("Mara", "2026-12-04", "done", "Keys ordered.\nTwo each."), SECOND: Note(note="=1+1 _x0041_ <b>")}
Said = dict[str, dict[str, str]]


def written(path: Path, scan: Scan | None = None) -> Path:
    scan = scan or company(notes=Notes(SAID))
    sheets = [actions.sheet(scan), findings.sheet(scan)]
    return workbook.write(sheets, path, workbook.properties(scan)).path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("edited") / "brandtner.xlsx")


def said(book: edited.Edited) -> Said:
    return {row.ref: {name: value for name, value in row.values.items() if value} for row in book.rows}


def entries(**changes: dict[str, str]) -> Said:
    """What `original` says, by ref; `changes` replace what stands beside FIRST, SECOND or LAST."""
    scan = company()
    keys = [action.key for action in actions.ranked(scan)] + [finding.key for finding in scan.findings]
    found = {refs.of(*key): SAID.get(key, Note()).said() for key in keys}
    return found | {refs.of(*key): changes[name] for name, key in NAMED.items() if name in changes}


NAMED = {"first": FIRST, "second": SECOND, "last": LAST}


class Page:
    """One sheet, by the titles of its columns and by ref."""

    def __init__(self, book: Any) -> None:
        self.ws = book["Actions"]
        self.header = next(row[0].row for row in self.ws.iter_rows() if row[0].value == "#")
        self.at = {cell.value: cell.column for cell in self.ws[self.header]}

    def cell(self, key: tuple[str, ...], title: str) -> Any:
        for number in range(self.header + 1, self.ws.max_row + 1):
            if self.ws.cell(number, self.at["Ref"]).value == refs.of(*key):
                return self.ws.cell(number, self.at[title])
        raise AssertionError(key)


def sorted_and_filtered(book: Any) -> None:
    page = Page(book)
    rows = [[cell.value for cell in row] for row in page.ws.iter_rows(min_row=page.header + 1)]
    for number, row in enumerate(reversed(rows), page.header + 1):
        for at, value in enumerate(row, 1):
            page.ws.cell(number, at).value = value
        page.ws.row_dimensions[number].hidden = number % 2 == 0


def renamed_and_moved(book: Any) -> None:
    ws = book["Actions"]
    ws.title, book["Findings"].title = "To do (Mara)", "Einzelheiten"
    ws.insert_cols(3, 2)
    ws.insert_rows(1, 3)
    ws.cell(1, 1).value = "Owner of this list: Mara"
    ws.column_dimensions["B"].hidden = True
    book.move_sheet(ws, 1)


def days_and_words_as_people_write_them(book: Any) -> None:
    page = Page(book)
    page.cell(FIRST, "Due").value = "4.12.26"
    page.cell(FIRST, "Status").value = " DONE "
    page.cell(SECOND, "Due").value = 46360
    page.cell(SECOND, "Status").value = "waiting for the board"
    page.cell(SECOND, "Owner").value = 17
    page.cell(LAST, "Due").value = datetime(2026, 12, 4)
    page.cell(LAST, "Note").value = "=TODAY()"  # nobody has calculated it: it stays what was typed
    page.cell(LAST, "Ref").value = refs.of(*LAST).lower()


def merged(book: Any) -> None:
    page = Page(book)
    rows = sorted(page.cell(key, "Owner").row for key in (FIRST, SECOND))
    at = page.at["Owner"]
    assert rows[0] == page.cell(FIRST, "Owner").row
    page.ws.merge_cells(start_row=rows[0], end_row=rows[1], start_column=at, end_column=at)
    last = page.cell(LAST, "Owner")
    last.value = "Bo, next week"
    page.ws.merge_cells(start_row=last.row, end_row=last.row, start_column=at, end_column=at + 1)


def half_of_it(book: Any) -> None:
    page = Page(book)
    page.ws.delete_rows(page.cell(LAST, "Ref").row)
    page.ws.delete_cols(page.at["Due"])
    below = page.ws.max_row + 1
    page.ws.cell(below, page.at["What to do"]).value = "Ask the insurer"
    page.ws.cell(below, page.at["Due"]).value = "open"  # Status stands there now
    page.ws.cell(below + 1, page.at["Ref"]).value = "A-234567AB"
    page.ws.cell(below + 1, page.at["Who"]).value = "Somebody"
    ws = book["Findings"]
    ws.delete_rows(next(row[0].row for row in ws.iter_rows() if row[0].value == "Ref"))


FIRST_SAID, SECOND_SAID = SAID[FIRST].said(), SAID[SECOND].said()
CHANGES: list[tuple[Callable[[Any], None], Said]] = [
    (sorted_and_filtered, entries()),
    (renamed_and_moved, entries()),
    (days_and_words_as_people_write_them, entries(
        second=SECOND_SAID | {"due": "2026-12-04", "status": "waiting for the board", "owner": "17"},
        last={"due": "2026-12-04", "note": "=TODAY()"},
    )),
    (merged, entries(second=SECOND_SAID | {"owner": "Mara"}, last={"owner": "Bo, next week"})),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), CHANGES, ids=lambda one: getattr(one, "__name__", ""))
def test_it_is_read_whatever_was_done_to_it(
    change: Callable[[Any], None], expected: Said, original: Path, tmp_path: Path
) -> None:
    book = openpyxl.load_workbook(original)
    change(book)
    book.save(path := tmp_path / "Kopie von Liste (2).xlsx")
    read = edited.read(path)
    found = said(read)
    if change is merged:  # the row between the two has the same value, as it looks
        between = refs.of(M365, "foreign-sign-in")
        assert found[between].pop("owner", "Mara") == "Mara"
    assert found == expected and not read.lacking
    assert read.about == archive.properties(original) and len(read.about.workbook) == 32
    assert (read.about.client, read.about.scan) == ("brandtner", "2026-11-23T09:30:00Z")


def test_what_is_missing_says_nothing_and_what_was_added_is_kept(original: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(original)
    half_of_it(book)
    book.save(path := tmp_path / "half.xlsx")
    read = edited.read(path)
    assert read.lacking == (("Actions", ("due",)), ("Findings", FIELDS))
    assert not any("due" in row.values for row in read.rows)
    assert {row.ref: row.values["owner"] for row in read.rows}[refs.of(*FIRST)] == "Mara"
    added, lost = read.rows[-2:]
    assert (added.ref, added.text, added.values["status"]) == ("", "Ask the insurer", "open")
    assert (lost.ref, lost.text) == ("A-234567AB", "Somebody") and refs.of(*LAST) not in said(read)


@pytest.mark.parametrize("language", languages())
def test_titles_and_words_of_every_language(language: str, tmp_path: Path) -> None:
    with speaking(language):
        scan = company(notes=Notes(SAID))
        path = written(tmp_path / "a.xlsx", scan)
        for one in (actions.sheet(scan), findings.sheet(scan)):
            titles = [column.title.casefold() for block in one.blocks for column in getattr(block, "columns", ())]
            assert len(set(titles)) == len(titles) and say("fill.owner").casefold() in titles
    assert said(edited.read(path)) == entries()


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_saved_by_libreoffice(original: Path, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(original)
    Page(book).cell(LAST, "Due").value = "=DATE(2026,12,4)"
    book.save(path := tmp_path / "brandtner.xlsx")
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path / "out"), str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    read = edited.read(tmp_path / "out" / "brandtner.xlsx")
    assert said(read) == entries(last={"due": "2026-12-04"})
    assert read.about.client == "brandtner" and read.about.workbook


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        edited.read(path)
    assert str(path) in caught.value.detail
    return caught.value.detail


def test_what_is_no_workbook_is_refused_by_name(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xlsx"
    assert "no file" in refused(path)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    assert "password" in refused(path)
    path.write_bytes(b"Owner;Due\n")
    assert "no Excel workbook" in refused(path)
    path.write_bytes(original.read_bytes()[:-900])
    assert "no Excel workbook" in refused(path)
    path.write_bytes(b"".join([(whole := original.read_bytes())[:4000], bytes(900), whole[4900:]]))
    assert "damaged" in refused(path)
    assert archive.properties(original).client == "brandtner"
    for limit in ("_MOST_BYTES", "_MOST_UNPACKED"):
        with monkeypatch.context() as patch:
            patch.setattr(archive, limit, 1000)
            assert "larger" in refused(original)


def test_a_row_that_says_it_is_the_nine_billionth_costs_nothing(original: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(path := tmp_path / "a.xlsx", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("sheet1.xml"):
                data = data.replace(b"</sheetData>", b'<row r="9999999999"><c r="A7"/></row></sheetData>')
            new.writestr(name, data)
    assert said(edited.read(path)) == entries()


def test_refs_that_begin_alike_are_longer_and_each_finds_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [("t", str(n)) for n in range(60)]
    monkeypatch.setattr(refs, "SHORTEST", 1)  # 60 refs of one letter out of 32
    each = refs.each(keys)
    assert len(set(each.values())) == 60
    index = refs.Index(keys)
    assert [index.key(ref) for ref in each.values()] == keys
    alike = next(ref for ref in each.values() if len(ref) > 3)[:3]
    assert index.key(alike) is None  # two could be meant
