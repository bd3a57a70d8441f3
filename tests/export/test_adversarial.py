"""Whatever people call themselves stands in every format as the text it is: nothing runs, nothing is lost."""

from __future__ import annotations

import csv
import functools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from keyround.engine.results import Evaluated, Judged
from keyround.export import cells, sheets
from keyround.export.blocks import Cell, Table
from keyround.export.clean import clean
from keyround.handover import Handed, hand_over
from keyround.store import ClientStore

from .invented import ADMIN, account, admin, bare, company, small
from .test_page import Read

NAMES = {
    "formula": '=HYPERLINK("http://evil.example";"Ada")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3",
    "at": "@SUM(A1:A9)",
    "wide": "＝1＋1",
    "blank": " \u00a0=1+1",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "quote": "'=1+1",
    "error": "#N/A",
    "escaped": "_x0041_da",
    "rtl": "\u202egpj.exe",
    "arabic": "آدا بيرغ",
    "hebrew": "(אדה) 1-2",
    "zero_width": "A\u200bd\u200da\ufeff",
    "emoji": "👩‍👩‍👧‍👦 Ada 🇩🇰",
    "combining": "Z̷̧̢a͎͓l̴g̶o̴",
    "long": "Wolfeschlegelstein" * 600,
    "lines": "Ada\r\nBerg\n\n=1+1\u2028x\x85y",
    "sheet": "Summary'!A1",
    "brackets": "[Book1]People!$A$1:*?/\\",
    "script": "</td></script><script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "cdata": "]]><x/>",
    "comment": "<!-- Ada",
    "entity": "&lt;Ada&#x41;&amp;",
    "template": "{{7*7}}{% raw %}",
    "format": "{0.__class__} %s %(n)s ${n}",
    "surrogate": "Ada\ud800\udfff Berg",
    "noncharacter": "Ada\ufffe\uffff",
    "control": "Ada\x00\x07\x1b[31m\x7f",
    "separators": 'a;b,c\t"d"\'e',
    "number": "0012345678901234567890",
    "day": "2026-01-02",
    "true": "TRUE",
    "null": "None",
}
ROWS = [row for id, name in NAMES.items() for row in (account(id, name, department=name), bare(id), admin(id, name))]
FOUND = tuple(Judged(id, "fail", {"names": [name], "account": name}, name) for id, name in NAMES.items())
SCAN = replace(
    small(ROWS, (Evaluated(ADMIN, "11111111-2222-3333-4444-555555555555", FOUND),)),
    client_name="".join(NAMES[id] for id in ("script", "surrogate", "control", "rtl", "template")),
)
Cells = list[list[str]]


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Handed:
    folder = tmp_path_factory.mktemp("handed")
    return hand_over(SCAN, folder, store(folder), "high", ("xlsx", "json", "html", "csv"))


def store(folder: Path) -> ClientStore:
    found = ClientStore(folder / "store", "brandtner")
    with found.locked():
        return found


@functools.cache
def expected() -> dict[str, tuple[list[str], list[tuple[Cell, ...]]]]:
    """Sheet -> header and rows, of those that have one table and something in it."""
    found = {}
    for sheet in sheets(SCAN):
        tables = [block for block in sheet.blocks if isinstance(block, Table)]
        if len(tables) == 1 and (rows := list(tables[0].rows)):
            found[sheet.name] = [column.title for column in tables[0].columns], rows
    return found


def from_workbook(handed: Handed, name: str, header: list[str]) -> Cells:
    rows = list(_book(handed.paths["xlsx"])[name])
    start = next(n for n, row in enumerate(rows) if [cell.value for cell in row][: len(header)] == header)
    for row in rows[start + 1 :]:
        assert {cell.data_type for cell in row} <= {"s", "n", "d"}  # no formula, no error
    shown = re.compile(r"_x([0-9A-Fa-f]{4})_")
    return [
        [shown.sub(lambda found: chr(int(found[1], 16)), str(cell.value or "")) for cell in row]
        for row in rows[start + 1 :]
    ]


def from_page(handed: Handed, name: str, header: list[str]) -> Cells:
    html = _page(handed.paths["html"])
    number = [sheet.name for sheet in sheets(SCAN)].index(name) + 1
    found: Cells = []
    inside = False
    for tag, attrs, text in html.elements:
        inside = str(attrs.get("id", "")).startswith(f"sheet-{number}-") if tag == "table" else inside
        if inside and tag == "tr":
            found.append([])
        elif inside and tag == "td":
            found[-1].append("".join(text))
    return [row for row in found if row]


@functools.cache
def _book(path: Path) -> Any:
    return openpyxl.load_workbook(path)


@functools.cache
def _page(path: Path) -> Read:
    html = Read(path.read_text(encoding="utf-8"))
    tags = {tag for tag, _, _ in html.elements}
    assert not tags & {"x", "iframe", "object"} and not html.all("img") and len(html.all("script")) == 1
    return html


def from_csv(handed: Handed, name: str, header: list[str]) -> Cells:
    with (handed.paths["csv"] / f"{name.replace(' ', '-')}.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == header
    for row in rows[1:]:
        for cell in row:
            assert not cell.strip().startswith(("=", "+", "@", "＝")) and not re.match(r"-\D", cell)
            assert cell == cell.strip("\t\r\x00")
    return rows[1:]


@pytest.mark.parametrize("read", [from_workbook, from_page, from_csv])
def test_text_stays_text(handed: Handed, read: Callable[[Handed, str, list[str]], Cells]) -> None:
    for name, (header, rows) in expected().items():
        got = read(handed, name, header)
        assert len(got) >= len(rows)
        for row, came in zip(rows, got, strict=False):
            for value, text in zip(row, came, strict=False):
                if isinstance(value, str):
                    said = cells.text(value)
                    assert text == (cells.safe(said) if read is from_csv else said)
    people = " ".join(" ".join(cell for cell in row if isinstance(cell, str)) for row in expected()["People"][1])
    for name in NAMES.values():  # what the sheet is given is whole, but for line breaks in a name and the longest
        assert " ".join(clean(name).split())[:90] in people


def test_the_results_hold_what_the_provider_said(handed: Handed) -> None:
    read = json.loads(handed.paths["json"].read_text(encoding="utf-8"))
    names = {one["account_id"]: one["display_name"] for one in read["accounts"]}
    assert names == {id: re.sub("[\ud800-\udfff]", "\ufffd", name) for id, name in NAMES.items()}


def test_nothing_of_it_is_said_twice(handed: Handed) -> None:
    assert not handed.remarks and set(handed.paths) == {"xlsx", "json", "html", "csv"}
    assert company().client in str(handed.paths["xlsx"])
