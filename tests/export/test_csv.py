"""The folder of CSV files: whole or not at all, and never over what people wrote or put there."""

from __future__ import annotations

import csv as stdlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keyround.errors import StoreError
from keyround.export import csv, sheets
from keyround.export.blocks import Cell, Column, Sheet, Table
from keyround.words import speaking

from .invented import company, small


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(stdlib.reader(file))


def one(name: str = "Things", *rows: tuple[Cell, ...]) -> Sheet:
    return Sheet(name, (Table("things", (Column("A"), Column("B")), iter(rows), "Nothing here."),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "brandtner-2026-11-23-csv"


def test_a_file_for_each_sheet(path: Path) -> None:
    written = csv.write(sheets(company()), path)
    assert written.path == path and len(written.sha256) == 11
    assert {"Summary.csv", "People.csv", "Sign-ins-abroad.csv", "About.csv"} < {file.name for file in path.iterdir()}
    raw = (path / "People.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfName,User name,") and raw.endswith(b"\r\n")
    ada = next(row for row in rows(path / "People.csv") if row[0] == "Ada Berg" and "2026-11-22" in row)
    assert len(ada) == len(rows(path / "People.csv")[0])
    summary = rows(path / "Summary.csv")
    assert summary[0] == ["What", "Value", "Before", "Note"]
    assert ["Administrators protected", "1 of 2", "", "1 without a second factor."] in summary
    assert any(row[0].startswith("RED. Act this week.") for row in summary)


def test_an_empty_table_says_why(path: Path) -> None:
    csv.write(sheets(small([])), path)
    assert rows(path / "People.csv")[1:] == [["No account could be read. Not checked says why."]]


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (("Übersicht", "概要", "ملخص"), ["Übersicht", "概要", "ملخص"]),
        (("a/b\\c:d", "..", "CON", "x" * 90), ["a-b-c-d", "sheet", "_CON", "x" * 59 + "…"]),
        (("People", "PEOPLE", "people."), ["People", "PEOPLE-2", "people-3"]),
        (("漢" * 60,), ["漢" * 40]),
    ],
)
def test_names_are_files_on_every_system(path: Path, names: tuple[str, ...], files: list[str]) -> None:
    csv.write([one(name) for name in names], path)
    assert sorted(file.stem for file in path.iterdir()) == sorted(files)


def test_a_folder_of_ours_is_replaced_and_any_other_left_alone(path: Path) -> None:
    first = csv.write([one("A", (1, 2)), one("B", (1, 2))], path)
    ours = frozenset(first.sha256)
    second = csv.write([one("A", (3, 4))], path, ours)
    assert second.path == path and [file.name for file in path.iterdir()] == ["A.csv"]
    ours |= frozenset(second.sha256)
    (path / "A.csv").write_bytes((path / "A.csv").read_bytes() + b"called her,\r\n")
    third = csv.write([one("A", (5, 6))], path, ours)
    assert third.path.name == f"{path.name}-2" and b"called her" in (path / "A.csv").read_bytes()
    ours |= frozenset(third.sha256)
    (third.path / "my notes.txt").write_text("mine")
    assert csv.write([one("A", (7, 8))], path, ours).path.name == f"{path.name}-3"
    assert (third.path / "my notes.txt").read_text() == "mine"
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, f"{path.name}-2", f"{path.name}-3"]


def test_what_fails_half_way_leaves_what_was_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = frozenset(csv.write([one("A", (1, 2))], path).sha256)
    before = (path / "A.csv").read_bytes()

    def broken() -> Iterator[tuple[Cell, ...]]:
        yield (1, 2)
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="full"):
        csv.write([replace(one(), blocks=(Table("t", (Column("A"), Column("B")), broken()),))], path, ours)
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if target == path and not self.name.endswith(".old"):
            raise PermissionError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        csv.write([one("A", (3, 4))], path, ours)
    assert (path / "A.csv").read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_in_german_excel_s_own_signs(path: Path) -> None:
    with speaking("de"):
        csv.write([*sheets(company()), one("Maße", (1.5, -2), ("a;b", "1,5"))], path)
    assert (path / "Maße.csv").read_bytes() == b'\xef\xbb\xbfA;B\r\n1,5;-2\r\n"a;b";1,5\r\n'
    assert (path / "Übersicht.csv").read_text(encoding="utf-8-sig").startswith("Was;Wert;Zuvor;Anmerkung")
