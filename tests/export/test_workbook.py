"""The file itself: read again with openpyxl, and part by part as XML against what Excel insists on."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyround import words
from keyround.errors import StoreError
from keyround.export import clean, sheets, workbook, worksheet
from keyround.export.blocks import Cell, Column, Figure, Figures, Sheet, Table, Text
from keyround.export.text import render
from keyround.export.workbook import Properties

from .invented import NOW, company

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ABOUT = Properties("IT security check", "brandtner", "Brandtner & Söhne", NOW, "Nordlicht IT")


def parts(path: Path, like: str) -> dict[str, ElementTree.Element]:
    with zipfile.ZipFile(path) as book:
        return {name: ElementTree.fromstring(book.read(name)) for name in book.namelist() if re.search(like, name)}


def one(rows: Any, *columns: Column, name: str = "things") -> Sheet:
    return Sheet("Things", (Text("Things", "title"), Table(name, columns or (Column("A"),), rows, "Nothing here.")))


def unescaped(text: str) -> str:
    """What Excel shows: it decodes _xHHHH_."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scan = company()
    path = tmp_path_factory.mktemp("book") / "brandtner-2026-11-23.xlsx"
    return workbook.write(sheets(scan), path, workbook.properties(scan)).path


def test_every_part_is_xml_and_no_cell_a_formula(book: Path) -> None:
    for name, root in parts(book, r"\.xml$|\.rels$").items():
        assert not root.findall(f".//{MAIN}f"), name
        for cell in root.iter(f"{MAIN}c"):
            assert cell.get("t", "n") in ("inlineStr", "n"), cell.get("r")


def test_tables_are_what_excel_insists_on(book: Path) -> None:
    cells = {name: _cells(root) for name, root in parts(book, r"worksheets/sheet\d+\.xml$").items()}
    found = parts(book, r"tables/table\d+\.xml$")
    names = [root.get("displayName", "").casefold() for root in found.values()]
    assert len(names) == len(set(names)) == 9
    assert len({root.get("id") for root in found.values()}) == 9
    links = parts(book, r"worksheets/_rels/")
    for file, root in found.items():
        (sheet,) = [
            name.replace("_rels/", "").removesuffix(".rels")
            for name, rels in links.items()
            if any(str(rel.get("Target")).endswith(Path(file).name) for rel in rels)
        ]
        first, last = str(root.get("ref")).split(":")
        titles = [column.get("name") for column in root.iter(f"{MAIN}tableColumn")]
        header = re.sub(r"\D", "", first)
        assert titles == [text for at, text in cells[sheet].items() if re.sub(r"\D", "", at) == header]
        assert len({str(title).casefold() for title in titles}) == len(titles)
        assert int(re.sub(r"\D", "", last)) > int(header)
        assert root.find(f"{MAIN}autoFilter") is not None


def _cells(root: ElementTree.Element) -> dict[str, str]:
    return {str(cell.get("r")): "".join(cell.itertext()) for cell in root.iter(f"{MAIN}c")}


def test_what_prints(book: Path) -> None:
    read = openpyxl.load_workbook(book)
    assert read.sheetnames[0] == "Summary" and len(read.sheetnames) == 11
    summary, people = read["Summary"], read["People"]
    assert (summary.page_setup.orientation, summary.page_setup.fitToHeight) == ("portrait", 1)
    assert (people.page_setup.paperSize, people.page_setup.fitToWidth, people.page_setup.fitToHeight) == (9, 1, 0)
    assert people.freeze_panes == "B6" and people.print_title_rows == "$5:$5"
    assert people.oddHeader.left.text == "Brandtner Anlagenbau GmbH · 23 Nov 2026"
    assert people.oddHeader.right.text == "Confidential" and people.oddFooter.right.text == "Page &P of &N"
    assert people.oddFooter.left.text == words.say("purpose")
    assert {sheet.sheet_properties.pageSetUpPr.fitToPage for sheet in read} == {True}
    widths = [people.column_dimensions[c.column_letter].width for c in people[5]]
    assert all(width >= 10 for width in widths)


def test_dates_are_dates_and_links_are_inside(book: Path) -> None:
    read = openpyxl.load_workbook(book)
    header = [cell.value for cell in read["People"][5]]
    seen = read["People"].cell(6, header.index("Last sign-in") + 1)
    assert isinstance(seen.value, datetime) and seen.number_format == "d mmm yyyy"
    links = [cell.hyperlink for row in read["Summary"] for cell in row if cell.hyperlink]
    assert {link.location for link in links} >= {"'People'!A1", "'Sign-ins abroad'!A1", "'Not checked'!A1"}
    assert not any(link.target for link in links)


def test_headers_and_footers_are_no_longer_than_excel_takes_and_hold_no_code_of_a_name(tmp_path: Path) -> None:
    for name in ("&" * 200, "Söhne & Töchter & Partner " * 20, "3M"):
        about = Properties("Check", "c", name, NOW, purpose=name)
        path = workbook.write([one([("x",)])], tmp_path / "a.xlsx", about).path
        (root,) = parts(path, r"worksheets/sheet").values()
        header, footer = (str(root.findtext(f".//{MAIN}odd{where}er")) for where in ("Head", "Foot"))
        assert len(footer) <= 255 and footer.endswith("Page &P of &N")
        assert len(header) <= 255 and header.endswith("Confidential") and "23 Nov 2026" in header
        for left in (header.partition("&C")[0], footer.partition("&R")[0]):
            assert "&" not in left.removeprefix("&L&8 &K5B6470").replace("&&", "")
        path.unlink()


def test_excel_keeps_one_sheet_name_for_itself(tmp_path: Path) -> None:
    path = workbook.write([Sheet("History", (Text("x"),))], tmp_path / "a.xlsx", ABOUT).path
    assert openpyxl.load_workbook(path).sheetnames == ["History_2"]


def test_many_notes_are_not_frozen_above_the_table(tmp_path: Path) -> None:
    notes = tuple(Text(f"Note {n}", "note") for n in range(20))
    sheet = Sheet("S", (*notes, Table("t", (Column("A"),), [("x",)])))
    path = workbook.write([sheet], tmp_path / "a.xlsx", ABOUT).path
    read = openpyxl.load_workbook(path)["S"]
    assert read.freeze_panes is None and read.print_title_rows == "$21:$21"


def test_no_cell_shows_how_the_program_spells_things(book: Path) -> None:
    odd = re.compile(r"^(None|True|False|nan|[a-z]+(_[a-z]+)+|[A-Z]{2})$|<.*>|\b[a-z]+\.[a-z]+_[a-z]+\b")
    for sheet in openpyxl.load_workbook(book):
        shown_ = {str(cell.value) for row in sheet for cell in row if isinstance(cell.value, str)}
        assert {text for text in shown_ if odd.search(text)} <= {"None"}  # the word for "no second factor"


def test_properties(book: Path) -> None:
    read = openpyxl.load_workbook(book)
    assert read.properties.title == "IT security check · Brandtner Anlagenbau GmbH"
    assert read.properties.creator == "Nordlicht IT, A. Petersen"
    assert {p.name: p.value for p in read.custom_doc_props.props} == {
        "KeyroundClient": "brandtner", "KeyroundScan": "2026-11-23T09:30:00Z",
        "KeyroundWorkbook": read.custom_doc_props["KeyroundWorkbook"].value}  # fmt: skip


def test_colours_stand_for_exact_words(book: Path) -> None:
    people = openpyxl.load_workbook(book)["People"]
    painted = {rule.formula[0] for area in people.conditional_formatting for rule in area.rules}
    assert {'"Protected"', '"Not protected"', '"Weak"'} <= painted


# -- text ----------------------------------------------------------------------

ODD = [
    '=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\t=1", "#N/A", "#REF!", "TRUE", "1", "'quoted", "_x0041_",
    "_x005F_x0041_",
    "\x00\x01\x1f", "a\rb\r\nc", "\ud800", "\udfff\ud800", "\ufffe\uffff", "\U0001fffe", "\u202egnp.exe",
    "\u2067x\u2069",
    "\u200b\u200d", "👩‍👩‍👧", "<b>&amp;</b>]]>", "  spaces  ", "\n", "", "é" * 40_000, "👍" * 20_000, "_x0041" * 9_000,
    "_x0041_" * 9_000, "\x85\u2028\u2029", "{0} %s", "1/2", "2026-11-23", "Sheet1!A1", "DDE(\"cmd\")",
]  # fmt: skip


def shown(rows: list[tuple[Cell, ...]], path: Path) -> list[Any]:
    """The first column as written, read again."""
    got = workbook.write([one(rows, Column("A", tones={"x": "good"}))], path / "a.xlsx", ABOUT)
    sheet = openpyxl.load_workbook(got.path)["Things"]
    for root in parts(got.path, r"worksheets/sheet").values():
        assert not root.findall(f".//{MAIN}f")
    got.path.unlink()
    for row in sheet.iter_rows(min_row=3):
        assert row[0].data_type in ("s", "n", "d") or row[0].value is None
    return [sheet.cell(3 + n, 1).value for n in range(len(rows))]


def as_shown(text: str) -> str:
    """How text may differ: control characters as symbols, and no more than Excel's length."""
    return clean.clean(text)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_text_stays_text(text: str, tmp_path: Path) -> None:
    got = shown([(text,), ("end",)], tmp_path)[0]
    got = got or ""
    assert len(got.encode("utf-16-le")) // 2 <= 32_767
    expected = as_shown(text)
    if len(expected) < 10_000:
        assert unescaped(got) == expected
    else:
        assert got.endswith("…") and expected.startswith(unescaped(got[:-1]))


TEXTS = st.text(
    st.one_of(
        st.characters(), st.sampled_from("=+-@\t\r\n_x04A\u202e\x00\ufffe\ud800'\"<&"), st.characters(categories=["Cs"])
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_any_text_survives_as_text(texts: list[str], tmp_path: Path) -> None:
    got = shown([(text,) for text in texts], tmp_path)
    assert [unescaped(value or "") for value in got] == [as_shown(text) for text in texts]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sheet=TEXTS, table=TEXTS, title=TEXTS)
def test_any_name_of_anything_gives_a_file_that_loads(sheet: str, table: str, title: str, tmp_path: Path) -> None:
    about = Properties(title, sheet, table, NOW, title)
    figures = Figures((Figure(title, table, sheet, link=sheet), Figure(sheet, table, title, "bad")))
    twice = [Sheet(sheet, (Text(title, "title", link=sheet), figures, Table(table, (Column(title), Column(title)),
             [(title, table)]))) for _ in range(2)]  # fmt: skip
    got = workbook.write(twice, tmp_path / "b.xlsx", about)
    read = openpyxl.load_workbook(got.path)
    assert len({name.casefold() for name in read.sheetnames}) == 2
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]", name) for name in read.sheetnames)
    names = [name for one in read for name in one.tables]
    assert len({name.casefold() for name in names}) == 2 and all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names)
    got.path.unlink()


@given(text=TEXTS)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean.clean(text)
    assert clean.clean(once) == once
    once.encode("utf-8")


def test_ordinary_text_is_left_alone() -> None:
    for text in ("Björn Müller-Lüdenscheidt", "李小龍", "עברית", "👩‍👩‍👧", "a\tb\nc"):
        assert clean.clean(text) == text


@pytest.mark.parametrize("name", ["A1", "XFD1048576", "R1C1", "r", "C", "1st", "a b", "", "Ünder"])
def test_table_names_are_no_addresses(name: str, tmp_path: Path) -> None:
    path = workbook.write([one([("x",)], name=name)], tmp_path / "a.xlsx", ABOUT).path
    (got,) = openpyxl.load_workbook(path)["Things"].tables
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", got) and not re.fullmatch(r"[A-Za-z]{1,3}\d+|[RrCc]|R1C1", got)


# -- values, blocks, limits ----------------------------------------------------


def test_values(tmp_path: Path) -> None:
    given_: list[Cell] = [1, 2.5, True, None, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), date(1899, 1, 1),
                          float("nan"), 10**18, "x"]  # fmt: skip
    got = shown([(value,) for value in given_], tmp_path)
    assert got == [1, 2.5, "Yes", None, datetime(2026, 1, 2), datetime(2026, 1, 2, 3, 4), "1899-01-01", None,
                   "1000000000000000000", "x"]  # fmt: skip


def test_an_empty_table_says_so_and_is_no_excel_table(tmp_path: Path) -> None:
    path = workbook.write([one([])], tmp_path / "a.xlsx", ABOUT).path
    sheet = openpyxl.load_workbook(path)["Things"]
    assert not sheet.tables and [row[0].value for row in sheet.iter_rows()] == ["Things", "A", "Nothing here."]


def test_several_tables_on_one_sheet(tmp_path: Path) -> None:
    tables = tuple(Table("t", (Column("A", 10), Column("B", 30)), [(n, "x")]) for n in range(3))
    path = workbook.write([Sheet("S", (*tables, Text("end")))], tmp_path / "a.xlsx", ABOUT).path
    sheet = openpyxl.load_workbook(path)["S"]
    assert [table.ref for table in sheet.tables.values()] == ["A1:B2", "A3:B4", "A5:B6"]
    assert sheet.freeze_panes is None and sheet.column_dimensions["B"].width == 30


def test_more_rows_than_a_sheet_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worksheet, "MOST_ROWS", 10)
    written = workbook.write(
        [one(((n, "=1") for n in range(100)), Column("A"), Column("B"))], tmp_path / "a.xlsx", ABOUT
    )
    sheet = openpyxl.load_workbook(written.path)["Things"]
    assert sheet.max_row == 10 and sheet.tables["things"].ref == "A2:B9"
    assert sheet["A10"].value == "93 more rows do not fit into a sheet; they are in the file a-things-more.csv."
    ((rest, hashed),) = written.more.items()
    assert rest == tmp_path / "a-things-more.csv" and hashed == hashlib.sha256(rest.read_bytes()).hexdigest()
    lines = rest.read_bytes().decode("utf-8-sig").split("\r\n")
    assert (lines[:2], lines[-2:], len(lines)) == (["A,B", "7,'=1"], ["99,'=1", ""], 95)
    assert str(rest) in written.remarks[0]
    rest.write_text("edited")
    again = workbook.write([one(((n, 2) for n in range(100)), Column("A"), Column("B"))], tmp_path / "b.xlsx", ABOUT)
    assert [path.name for path in again.more] == ["b-things-more.csv"]
    again = workbook.write(
        [one(((n, 2) for n in range(100)), Column("A"), Column("B"))],
        tmp_path / "a.xlsx",
        ABOUT,
        frozenset({written.sha256}),
    )
    assert [path.name for path in again.more] == ["a-things-more-2.csv"]  # people may have edited the first
    assert rest.read_text() == "edited"


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        rows = ((f"Person {n}", "line one\nline two", n, date(2026, 1, 1), "=1") for n in range(count))
        columns = tuple(Column(f"C{n}", 20) for n in range(5))
        tracemalloc.start()
        workbook.write([one(rows, *columns)], tmp_path / f"{count}.xlsx", ABOUT)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    small, large = peak(400), peak(2_500)
    assert large < small + 300_000


def test_twenty_thousand_rows(tmp_path: Path) -> None:
    columns = (Column("Name", 20), Column("State", 12, {"Protected": "good"}), Column("Seen", 12))
    rows = ((f"Person {n}", "Protected", date(2026, 1, 1)) for n in range(20_000))
    path = workbook.write([one(rows, *columns)], tmp_path / "a.xlsx", ABOUT).path
    (root,) = parts(path, r"tables/").values()
    assert root.get("ref") == "A2:C20002"


# -- the file on the disk ------------------------------------------------------


def test_a_workbook_that_people_may_have_edited_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "client.xlsx"
    first = workbook.write([one([("1",)])], path, ABOUT)
    assert first.path == path and first.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    ours = frozenset({first.sha256})
    assert workbook.write([one([("2",)])], path, ABOUT, ours).path == path  # ours, untouched: replaced
    path.write_bytes(path.read_bytes() + b"edited")
    second = workbook.write([one([("3",)])], path, ABOUT, ours)
    assert second.path == tmp_path / "client-2.xlsx"
    assert workbook.write([one([("4",)])], path, ABOUT, ours).path == tmp_path / "client-3.xlsx"
    assert workbook.write([one([("5",)])], path, ABOUT, ours | {second.sha256}).path == tmp_path / "client-2.xlsx"
    assert path.read_bytes().endswith(b"edited")


def failing(error: BaseException) -> Iterator[tuple[Cell, ...]]:
    yield ("one",)
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError(errno.ENOSPC, "No space left"), "the disk is full"), (PermissionError(errno.EACCES, "no"), "no")],
)
def test_a_refusing_disk_is_a_store_error_with_three_sentences(error: OSError, said: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        workbook.write([one(failing(error))], tmp_path / "a.xlsx", ABOUT)
    assert caught.value.remedy and caught.value.therefore
    assert not list(tmp_path.iterdir())


def test_a_bug_in_a_sheet_leaves_nothing_either(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        workbook.write([one([("x",)]), one(failing(ZeroDivisionError()))], tmp_path / "a.xlsx", ABOUT)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").mkdir()
    with pytest.raises(StoreError):
        workbook.write([one([("x",)])], tmp_path / "a.xlsx", ABOUT)
    assert [file.name for file in tmp_path.iterdir()] == ["a.xlsx"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = workbook.write([one([("x",)])], tmp_path / "a.xlsx", ABOUT).path
    assert path.stat().st_mode & 0o077 == 0


def test_text_and_workbook_hold_the_same_words(book: Path) -> None:
    read = openpyxl.load_workbook(book)
    for one_sheet in sheets(company()):
        cells = {str(cell.value) for row in read[one_sheet.name] for cell in row if isinstance(cell.value, str)}
        said = render(one_sheet)
        for text in cells:
            assert " / ".join(text.splitlines()) in said or " ".join(text.split()) in said, text
