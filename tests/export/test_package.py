"""The workbook part by part, against what Excel insists on: whatever breaks that, it offers to repair."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from datetime import date
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import openpyxl
import pytest
from openpyxl.utils import range_boundaries
from PIL import Image, PngImagePlugin

from keyround.export import columns, logo, look, rows, sheets, workbook
from keyround.export.blocks import Chart, Charts, Column, Figure, Figures, Link, Series, Sheet, Table, Text
from keyround.export.workbook import Properties, Written

from .invented import NOW, company

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
IN_OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
ORDER = ["sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "mergeCells",
         "conditionalFormatting", "dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup",
         "headerFooter", "drawing", "tableParts"]  # fmt: skip

MONTHS = tuple(f"{month} 2026" for month in ("Jan", "Feb", "Mar", "Apr"))
STACKED = Chart("Protection", "stacked", ("People",), (
    Series("Protected", (31,), "good"), Series("With gaps", (6,), "warn"), Series("None", (0,), "bad"),
    Series("=SUM(1)", (None,), "unknown")), "31 of 45 people are protected.")  # fmt: skip
TREND = Chart("Trend", "lines", MONTHS, (Series("People", (None, 20, None, 31.5)), Series("Findings", (9, 0, 7, 5))))
LYING = Chart("Countries", "bars", ("Germany", "=1+1", "Portugal"), (Series("Sign-ins", (140, 7, None)),), "Germany.")
UPRIGHT = Chart("Hours", "bars", tuple(map(str, range(24))), (Series("Sign-ins", tuple(range(24))),), "By hour.")
SILENT = Chart("Sign-ins", "bars", ("Germany",), (Series("Sign-ins", (None,)),), "Nobody could read the sign-ins.")
MANY = tuple(f"Somebody with a long name {number}" for number in range(40))
TO_DO = (
    Column("Ref", 14),
    Column("Page", 20),
    Column("Owner", 16, fill_in=True),
    Column("Who", 16, fill_in=True, choices=MANY),
    Column("Due", 14, fill_in=True, dates=True),
    Column("Status", 14, {"Done": "good"}, True, ("Open", "Done", 'Say "no"')),
)
ROWS = [
    ("A-1", Link("Users", "https://admin.example/#users?a=1&b=2"), None, None, None, "Open"),
    ("A-2", Link("=1+1", "https://admin.example"), "=cmd|calc", "Ada", date(2026, 12, 1), "Done"),
    ("A-3", Link("script", "javascript:alert(1)"), "Bo", None, None, None),
    ("A-4", Link("first", sheet="Overview"), "Cy", None, None, None),
    ("A-5", Link("nowhere", sheet="No such sheet"), "Di", None, None, None),
    *((f"A-6{n}", Link("bad", url), "Ed", None, None, None) for n, url in enumerate(
        ("http://a.example", "https://", "https://a b", "https://[x", "https://ä.example", "file:///etc", "HTTPS://x"))),
]  # fmt: skip


def picture(size: tuple[int, int] = (900, 240), kind: str = "PNG") -> bytes:
    packed = io.BytesIO()
    secret = PngImagePlugin.PngInfo()
    secret.add_text("Author", "Somebody's name")
    Image.new("RGB", size, "#1F3A5F").save(packed, kind, pnginfo=secret)
    return packed.getvalue()


def written(folder: Path) -> Written:
    (folder / "logo.png").write_bytes(picture())
    about = Properties("Check", "c", "Söhne & Co", NOW, "Nordlicht IT", logo=folder / "logo.png")
    before = Figures((Figure("People", "31 of 45", "", "bad", before="October: 24 of 45"),), large=True)
    blocks = (Text("Check", "title"), before, Charts((STACKED, TREND, LYING)), Text("More", "heading"),
              Charts((UPRIGHT, SILENT)), Charts((SILENT,)))  # fmt: skip
    overview = Sheet("Overview", blocks, one_page=True, widths=(38, 24, 48))
    actions = Sheet("What's to do", (Charts((TREND,)), Text("Note"), Table("to_do", TO_DO, ROWS)))
    return workbook.write([overview, actions], folder / "a.xlsx", about)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return written(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module", params=["every block", "a scan"])
def parts(request: pytest.FixtureRequest, made: Written, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every part of the file by its name; XML as its root."""
    path = made.path
    if request.param == "a scan":
        scan = company()
        path = tmp_path_factory.mktemp("scan") / "b.xlsx"
        workbook.write(sheets(scan), path, workbook.properties(scan))
    with zipfile.ZipFile(path) as book:
        assert len(set(map(str.casefold, book.namelist()))) == len(book.namelist())
        read = {name: book.read(name) for name in book.namelist()}
    return {n: ElementTree.fromstring(data) if n.endswith((".xml", ".rels")) else data for n, data in read.items()}


def relations(parts: dict[str, Any], part: str) -> dict[str, Any]:
    folder, name = posixpath.split(part)
    rels = parts.get(f"{folder}/_rels/{name}.rels")
    found = [] if rels is None else list(rels)
    assert len({rel.get("Id") for rel in found}) == len(found)
    return {rel.get("Id"): rel for rel in found}


def target(part: str, rel: Any) -> str:
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), rel.get("Target"))).lstrip("/")


def worksheets(parts: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """Sheet name -> its part's name and root."""
    rels = relations(parts, "xl/workbook.xml")
    found = {}
    for sheet in parts["xl/workbook.xml"].iter(f"{MAIN}sheet"):
        name = target("xl/workbook.xml", rels[sheet.get(f"{IN_OFFICE}id")])
        found[sheet.get("name")] = (name, parts[name])
    return found


def cells(root: Any) -> dict[str, str]:
    return {cell.get("r"): "".join(cell.itertext()) for cell in root.iter(f"{MAIN}c")}


def test_every_part_has_a_type_and_every_relation_an_end(parts: dict[str, Any]) -> None:
    types = parts["[Content_Types].xml"]
    defaults = {one.get("Extension") for one in types if one.tag.endswith("Default")}
    named = [one.get("PartName").lstrip("/") for one in types if one.tag.endswith("Override")]
    assert len(named) == len(set(named)) and set(named) <= parts.keys()
    for name in parts.keys() - {"[Content_Types].xml"}:
        assert name in named or name.rpartition(".")[2] in defaults, name
        if name.endswith(".rels"):
            continue
        rels = relations(parts, name)
        for rel in rels.values():
            if rel.get("TargetMode") == "External":
                assert rel.get("Target").startswith("https://")
            else:
                assert target(name, rel) in parts
        if not isinstance(parts[name], bytes):
            asked = {
                value for one in parts[name].iter() for key, value in one.attrib.items() if key.startswith(IN_OFFICE)
            }
            assert asked <= rels.keys(), name


def test_sheets_and_names(parts: dict[str, Any]) -> None:
    book = parts["xl/workbook.xml"]
    named = list(worksheets(parts))
    assert len({name.casefold() for name in named}) == len(named)
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\]|^'|'$", name) for name in named)
    for one in book.iter(f"{MAIN}definedName"):
        sheet, _, _ = one.text.rpartition("!")
        assert sheet.strip("'").replace("''", "'") == named[int(one.get("localSheetId"))]
    tables = [root.get("displayName").casefold() for name, root in parts.items() if "/tables/" in name]
    assert len(tables) == len(set(tables))


def test_worksheets_are_in_order_and_refer_to_styles_that_exist(parts: dict[str, Any]) -> None:
    styles = parts["xl/styles.xml"]
    formats, shown = (len(styles.find(f"{MAIN}{name}")) for name in ("cellXfs", "dxfs"))
    for name, root in worksheets(parts).values():
        tags = [ORDER.index(child.tag.removeprefix(MAIN)) for child in root]
        assert tags == sorted(tags), name
        rows = [int(row.get("r")) for row in root.iter(f"{MAIN}row")]
        assert rows == sorted(set(rows)) and rows[-1] <= 1_048_576
        for cell in root.iter(f"{MAIN}c"):
            assert cell.find(f"{MAIN}f") is None and cell.get("t", "n") in ("inlineStr", "n")
            assert int(cell.get("s", 0)) < formats
            assert len("".join(cell.itertext()).encode("utf-16-le")) // 2 <= 32_767
        assert all(int(rule.get("dxfId")) < shown for rule in root.iter(f"{MAIN}cfRule"))
        merged = [range_boundaries(one.get("ref")) for one in root.iter(f"{MAIN}mergeCell")]
        tables = [range_boundaries(parts[target(name, rel)].get("ref")) for rel in relations(parts, name).values()
                  if rel.get("Type").endswith("/table")]  # fmt: skip
        assert not any(map(_overlap, *zip(*combinations(merged + tables, 2), strict=True))) if merged else True
        for one in ("oddHeader", "oddFooter"):
            assert len(root.findtext(f".//{MAIN}{one}") or "") <= 255
        links = [link.get("ref") for link in root.iter(f"{MAIN}hyperlink")]
        assert len(links) == len(set(links)) <= columns.MOST_LINKS
        for link in root.iter(f"{MAIN}hyperlink"):
            if location := link.get("location"):
                assert location.removesuffix("!A1").strip("'").replace("''", "'") in worksheets(parts)
            else:
                assert link.get(f"{IN_OFFICE}id")


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def test_validations_are_within_excels_limits(parts: dict[str, Any]) -> None:
    named = worksheets(parts)
    for _, root in named.values():
        for rule in root.iter(f"{MAIN}dataValidation"):
            for key, most in (("promptTitle", 32), ("errorTitle", 32), ("prompt", 255), ("error", 255)):
                assert len(rule.get(key, "")) <= most
            formula = rule.findtext(f"{MAIN}formula1") or ""
            assert len(formula) <= 255 and formula[:1] != "="
            if formula.startswith("'"):
                sheet, _, area = formula.rpartition("!")
                first, last = area.replace("$", "").split(":")
                found = cells(named[sheet.strip("'").replace("''", "'")][1])
                assert found[first] == MANY[0] and found[last] == MANY[-1]


def test_charts_show_cells_that_exist_and_copy_what_stands_there(parts: dict[str, Any]) -> None:
    held = {name: cells(root) for name, (_, root) in worksheets(parts).items()}
    for name, root in parts.items():
        if not name.startswith("xl/charts/"):
            continue
        assert root.find(f".//{CHART}dispBlanksAs").get("val") == "gap"
        for ref in (*root.iter(f"{CHART}strRef"), *root.iter(f"{CHART}numRef")):
            sheet, _, area = ref.findtext(f"{CHART}f").rpartition("!")
            left, top, right, bottom = range_boundaries(area.replace("$", ""))
            assert left == right
            column = openpyxl.utils.get_column_letter(left)
            here = held[sheet.strip("'").replace("''", "'")]
            stood = [here.get(f"{column}{row}", "") for row in range(top, bottom + 1)]
            copied = [""] * int(ref.find(f".//{CHART}ptCount").get("val"))
            for point in ref.iter(f"{CHART}pt"):
                copied[int(point.get("idx"))] = point.findtext(f"{CHART}v")
            assert copied == stood


def test_drawings_stand_one_beside_the_other_and_are_told_in_words(parts: dict[str, Any]) -> None:
    for name, root in parts.items():
        if not name.startswith("xl/drawings/drawing"):
            continue
        shapes = [one for one in root.iter() if one.tag == f"{DRAWING}cNvPr"]
        assert len({shape.get("id") for shape in shapes}) == len(shapes)
        assert all(shape.get("descr") and shape.get("name") for shape in shapes)
        boxes = []
        for anchor in root.iter(f"{DRAWING}twoCellAnchor"):
            begin, end = (
                [
                    int(anchor.find(f"{DRAWING}{which}/{DRAWING}{key}").text)
                    for key in ("row", "col", "colOff", "rowOff")
                ]
                for which in ("from", "to")
            )
            assert begin[0] == end[0] and begin[1:3] < end[1:3] and begin[3] < end[3] and min(begin) >= 0
            boxes.append((begin[0], begin[1:3], end[1:3]))
        for (row, _, right), (other, left, _) in pairwise(boxes):
            assert row < other or right < left


def test_what_is_not_known_is_a_gap_and_said(made: Written) -> None:
    read = openpyxl.load_workbook(made.path)
    last = min(number for number, row in read["Overview"].row_dimensions.items() if row.hidden) - 1
    assert read["Overview"].print_area == f"'Overview'!$A$1:$C${last}"
    overview = read["Overview"]
    below = {number for number, row in overview.row_dimensions.items() if row.hidden}
    assert max(below) == overview.max_row
    assert [one.title for one in read if one.sheet_state != "visible"] == ["Choices"] == read.sheetnames[-1:]
    rows = [tuple(cell.value for cell in overview[number]) for number in sorted(below)]
    assert rows[10][:2] == ("Portugal: not known", None)
    assert rows[3][:3] == ("Jan 2026", None, 9) and "=SUM(1): not known" in rows[0]
    said = [cell.value for row in read["Overview"] for cell in row if cell.value]
    assert said.count(SILENT.told) == 2 and len(read["Overview"]._charts) == 4
    with zipfile.ZipFile(made.path) as book:
        drawing = book.read("xl/drawings/drawing1.xml").decode()
    assert 'descr="31 of 45 people are protected."' in drawing and 'descr="Trend"' in drawing


def test_links_lead_to_https_pages_and_sheets_only(made: Written) -> None:
    actions = openpyxl.load_workbook(made.path)["What's to do"]
    found = {cell.value: cell.hyperlink for cell in actions["B"] if cell.hyperlink}
    assert found.keys() == {"Users", "=1+1", "first"}
    assert found["Users"].target == ROWS[0][1].url  # type: ignore[union-attr]
    assert found["first"].location == "'Overview'!A1"
    assert all(cell.font.underline for cell in actions["B"] if cell.hyperlink)
    assert {cell.value for cell in actions["B"]} >= {"script", "nowhere", "bad"}


def test_more_links_than_excel_takes_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST_LINKS", 3)
    rows = [(Link(f"page {n}", "https://a.example"), Link(f"sheet {n}", sheet="S")) for n in range(5)]
    sheet = Sheet("S", (Text("up", link="S"), Table("t", (Column("A"), Column("B")), rows)))
    got = openpyxl.load_workbook(workbook.write([sheet], tmp_path / "a.xlsx", Properties("t", "c", "C", NOW)).path)["S"]
    assert sum(cell.hyperlink is not None for row in got for cell in row) == 3
    assert got["A7"].value == "page 4" and got["B7"].value == "sheet 4"


def test_columns_to_fill_in(made: Written) -> None:
    actions = openpyxl.load_workbook(made.path)["What's to do"]
    top = next(cell.row for cell in actions["A"] if cell.value == "A-1")
    rules = {str(rule.sqref): rule for rule in actions.data_validations.dataValidation}
    bottom = top + len(ROWS) - 1
    assert set(rules) == {f"{letter}{top}:{letter}{bottom}" for letter in "CDEF"}
    status, due = rules[f"F{top}:F{bottom}"], rules[f"E{top}:E{bottom}"]
    assert (status.formula1, status.errorStyle, status.allow_blank) == ('"Open,Done,Say ""no"""', "stop", True)
    assert (due.type, due.errorStyle, due.showInputMessage) == ("date", "warning", True)
    for letter in "CDEF":
        for row in (top, bottom):  # also where nothing stands yet
            cell = actions[f"{letter}{row}"]
            assert cell.protection.locked is False and cell.fill.fgColor.rgb.endswith(look.FILL_IN)
    assert actions[f"A{top}"].protection.locked and actions[f"E{top}"].number_format == "d mmm yyyy"
    assert actions[f"C{top + 1}"].value == "=cmd|calc" and actions[f"C{top + 1}"].data_type == "s"


def test_the_identity_is_that_of_the_content(made: Written, tmp_path: Path) -> None:
    again = written(tmp_path)
    assert again.workbook_id == made.workbook_id and len(made.workbook_id) == 32
    read = openpyxl.load_workbook(made.path)
    assert read.custom_doc_props[workbook.WORKBOOK].value == made.workbook_id
    for about, word in ((Properties("t", "c", "C", NOW), "x"), (Properties("t", "d", "C", NOW), "x"),
                        (Properties("t", "c", "C", NOW), "y")):  # fmt: skip
        sheet = Sheet("S", (Text(word),))
        ids = {workbook.write([sheet], tmp_path / f"{n}.xlsx", about).workbook_id for n in range(2)}
        assert len(ids) == 1 and made.workbook_id not in ids
        made = Written(made.path, "", ids.pop())


# -- the logo --------------------------------------------------------------------


def test_a_logo_is_written_anew_and_small(made: Written, tmp_path: Path) -> None:
    with zipfile.ZipFile(made.path) as book:
        (data,) = [book.read(name) for name in book.namelist() if "/media/" in name]
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (600, 160) and not image.info and b"Somebody" not in data
    (tmp_path / "a.jpg").write_bytes(picture((400, 4_000), "JPEG"))
    tall = logo.read(tmp_path / "a.jpg")
    assert isinstance(tall, logo.Logo) and (tall.width, tall.height) <= logo.BOX and tall.height == logo.BOX[1]


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 pixels wide and high."""
    data = picture((1, 1))
    size = data[12:16] + (60_000).to_bytes(4, "big") * 2 + data[24:29]
    return data[:12] + size + zlib.crc32(size).to_bytes(4, "big") + data[33:]


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no PNG"), (b"GIF89a" + b"\0" * 50, "no PNG"), (picture()[:200], "no PNG"), (bomb(), "too large"),
     (b"\x89PNG\r\n\x1a\n" + b"\xff" * 90, "no PNG"), (b"\0" * (logo._MOST_BYTES + 1), "too large"), (None, "No such")],
)  # fmt: skip
def test_a_logo_that_is_none_is_a_remark(data: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "logo.png"
    if data is not None:
        file.write_bytes(data)
    about = Properties("t", "c", "C", NOW, logo=file)
    got = workbook.write([Sheet("S", (Text("Title", "title"),))], tmp_path / "a.xlsx", about)
    assert said in got.remarks[0] and str(file) in got.remarks[0]
    assert not openpyxl.load_workbook(got.path)["S"]._images


# -- colours ---------------------------------------------------------------------

SEES = {  # what is left of red, green and blue: everything, without red cones, without green ones
    "everybody": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopes": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
    "deuteranopes": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
}


def _linear(colour: str) -> list[float]:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def _lab(linear: list[float]) -> tuple[float, float, float]:
    to_xyz = ((0.4339, 0.3763, 0.1899), (0.2126, 0.7152, 0.0722), (0.0177, 0.1095, 0.8728))
    x, y, z = (max(0.0, sum(a * b for a, b in zip(row, linear, strict=True))) ** (1 / 3) for row in to_xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("who", SEES)
def test_colours_of_charts_are_told_apart_by(who: str) -> None:
    for colours in ([fill for fill, _ in look.STRONG.values()], look.SHADES):
        seen = [
            _lab([sum(a * b for a, b in zip(row, _linear(one), strict=True)) for row in SEES[who]]) for one in colours
        ]
        assert min(sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in combinations(seen, 2)) > 24


def test_numbers_on_colours_can_be_read() -> None:
    for fill, ink in (*look.STRONG.values(), *look.FILLS.values()):
        dark, light = sorted(sum(map(float.__mul__, (0.2126, 0.7152, 0.0722), _linear(one))) for one in (fill, ink))
        assert (light + 0.05) / (dark + 0.05) >= 4.5


# -- rows as text ----------------------------------------------------------------


class Shy:
    """A stream that takes elements only, as lxml's does."""

    def __init__(self, stream: Any) -> None:
        self.write = stream.write


def test_a_stream_that_shows_no_file_gets_the_same_rows(
    made: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = rows._put
    monkeypatch.setattr(rows, "_put", lambda stream, row: put(Shy(stream), row))
    again = written(tmp_path)
    found = []
    for path in (made.path, again.path):
        with zipfile.ZipFile(path) as book:
            found.append(ElementTree.canonicalize(book.read("xl/worksheets/sheet2.xml").decode()))
    assert found[0] == found[1] and "=cmd|calc" in found[0]
