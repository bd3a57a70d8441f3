"""The page as text: nothing in it but what its policy allows, whatever stands in the cells."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from keyround.errors import StoreError
from keyround.export import page, sheets
from keyround.export.blocks import Cell, Column, Link, Sheet, Table, Text
from keyround.presentation import Presentation, Provider
from keyround.words import speaking

from .invented import SECOND, company

_VOID = {"meta", "link", "img", "input", "col", "br"}


class Read(HTMLParser):
    """Every element with its attributes and its own text; insists that elements are closed as they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        one: tuple[str, dict[str, str | None], list[str]] = (tag, dict(attrs), [])
        self.elements.append(one)
        if tag not in _VOID:
            self._open.append(one)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, "".join(text)) for name, attrs, text in self.elements if name == tag]


def read(path: Path) -> Read:
    return Read(path.read_text(encoding="utf-8"))


def of(sheet: Sheet, path: Path) -> Read:
    page.write([sheet], path, page.head(company()))
    return read(path)


def one(*rows: tuple[Cell, ...], columns: tuple[Column, ...] = (Column("A"),)) -> Sheet:
    return Sheet("Things", (Text("Things", "title"), Table("things", columns, iter(rows), "Nothing here.")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def test_the_page_is_closed_to_everything_but_itself(path: Path) -> None:
    scan = company(client_name='</style><script>alert(1)</script>"', **SECOND)
    assert page.write(sheets(scan), path, page.head(scan)) == ()
    html = read(path)
    tags = Counter(tag for tag, _, _ in html.elements)
    assert (tags["script"], tags["style"], tags["h1"], tags["main"], tags["base"], tags["form"]) == (1, 1, 1, 1, 0, 0)
    ((policy, _),) = [meta for meta in html.all("meta") if meta[0].get("http-equiv") == "Content-Security-Policy"]
    allowed = dict(part.split(maxsplit=1) for part in str(policy["content"]).split("; "))
    for name in ("script", "style"):
        ((attrs, inside),) = html.all(name)
        assert not attrs
        assert (
            allowed[f"{name}-src"] == f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
        )
    assert (allowed["default-src"], allowed["img-src"], allowed["base-uri"]) == ("'none'", "data:", "'none'")
    for _, attrs, _ in html.elements:
        assert not [name for name in attrs if name == "style" or name.startswith("on")]
        assert re.match(r"(#|https://|data:)", str(attrs.get("href", attrs.get("src", "#"))))
    assert "url(" not in html.all("style")[0][1] and "@import" not in html.all("style")[0][1]


def test_ids_are_unique_links_inside_lead_somewhere_and_headings_are_in_order(path: Path) -> None:
    scan = company(**SECOND)
    page.write(sheets(scan), path, page.head(scan))
    html = read(path)
    ids = [attrs["id"] for _, attrs, _ in html.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [str(attrs["href"]) for attrs, _ in html.all("a") if str(attrs["href"]).startswith("#")]
    assert {target[1:] for target in targets} <= set(ids) and len(set(targets)) > 10
    levels = [int(tag[1]) for tag, _, _ in html.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after - before <= 1 for before, after in pairwise(levels))
    assert html.all("html")[0][0]["lang"] == "en"


@pytest.mark.parametrize(
    ("link", "href"),
    [
        (Link("<x>", "https://entra.example/?a=1&b"), "https://entra.example/?a=1&b"),
        (Link("<x>", sheet="Things"), "#sheet-1"),
        (Link("<x>", "javascript:alert(1)"), None),
        (Link("<x>", "http://entra.example/"), None),
        (Link("<x>", "https:"), None),
        (Link("<x>", "https://[broken"), None),
        (Link("<x>", sheet="Elsewhere"), None),
    ],
)
def test_a_link_leads_to_a_page_over_https_or_to_a_sheet_of_the_report(
    path: Path, link: Link, href: str | None
) -> None:
    html = of(one((link,)), path)
    ((_, text),) = html.all("td")
    found = [attrs for attrs, inside in html.all("a") if inside == "<x>"]
    assert text == "<x>" and [attrs["href"] for attrs in found] == ([href] if href else [])
    assert all(attrs.get("rel") == "noopener noreferrer" for attrs in found if attrs["href"] != "#sheet-1")


def test_cells_say_what_they_are(path: Path) -> None:
    columns = (Column("A", tones={"Bad": "bad"}), Column("B"), Column("C"), Column("D"), Column("E"))
    html = of(one(("Bad", -1234.5, date(2026, 11, 3), True, None), ("Fine", 2, None, False, ""), columns=columns), path)
    assert [text for _, text in html.all("td")] == [
        "Bad",
        "-1234.5",
        "3 Nov 2026",
        "Yes",
        "",
        "Fine",
        "2",
        "",
        "No",
        "",
    ]
    (pill,) = [attrs for attrs, text in html.all("span") if text == "Bad"]
    assert pill == {"class": "pill bad", "data-order": "0"}
    assert [attrs for attrs, _ in html.all("data")] == [{"value": "-1234.5"}, {"value": "2"}]
    assert html.all("time")[-1] == ({"datetime": "2026-11-03"}, "3 Nov 2026")
    assert [attrs.get("class") for attrs, _ in html.all("th")] == [None, "number", "day", None, None]


def test_long_text_is_folded_and_whole(path: Path) -> None:
    text = "Do this.\nThen that. " * 100
    ((_, cell),) = of(one((text,)), path).all("td")
    assert cell == text


def test_more_rows_than_a_browser_likes_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_ROWS", 3)

    def rows() -> Iterator[tuple[Cell, ...]]:
        for number in range(10):
            yield (number,)

    html = of(Sheet("Things", (Table("things", (Column("A"),), rows()),)), path)
    assert [text for _, text in html.all("td")] == ["0", "1", "2"]
    ((_, said),) = [p for p in html.all("p") if p[0].get("class") == "rest"]
    assert said.startswith("7 more rows are not shown here")
    assert [text for _, text in html.all("h1")] == ["Things"]


def test_an_empty_table_says_why(path: Path) -> None:
    html = of(one(), path)
    assert not html.all("table") and [text for attrs, text in html.all("p") if attrs.get("class") == "empty"] == [
        "Nothing here."
    ]


def test_a_logo_is_written_anew_and_a_broken_one_is_no_reason_to_write_nothing(path: Path, tmp_path: Path) -> None:
    def with_logo(logo: Path) -> tuple[tuple[str, ...], list[Any]]:
        scan = company(presentation=Presentation(provider=Provider("Nordlicht IT", logo=logo)))
        return page.write(sheets(scan), path, page.head(scan)), read(path).all("img")

    good, broken = tmp_path / "logo.jpg", tmp_path / "logo.svg"
    Image.new("RGB", (2000, 500), "navy").save(good, comment=b"Ada Berg")
    remarks, ((shown, _),) = with_logo(good)
    assert remarks == () and shown["alt"] == "Nordlicht IT"
    data = base64.b64decode(str(shown["src"]).removeprefix("data:image/png;base64,"))
    assert data.startswith(b"\x89PNG") and b"Ada Berg" not in data and len(data) < good.stat().st_size
    broken.write_text("<svg onload='alert(1)'/>")
    remarks, images = with_logo(broken)
    assert not images and str(broken) in remarks[0] and "no PNG or JPEG picture" in remarks[0]


def test_the_page_is_the_old_one_or_the_whole_new_one(path: Path) -> None:
    def rows() -> Iterator[tuple[Cell, ...]]:
        yield (1,)
        raise OSError(28, "No space left on device")

    of(one(("old",)), path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="full"):
        page.write([replace(one(), blocks=(Table("t", (Column("A"),), rows()),))], path, page.head(company()))
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_a_column_to_fill_in_is_left_out_while_nobody_has(path: Path) -> None:
    columns = (Column("A"), Column("Owner", fill_in=True), Column("Note", fill_in=True), Column("B"))
    html = of(one((1, None, "", None), (2, None, "Soon", None), columns=columns), path)
    assert [text for _, text in html.all("th")] == ["A", "Note", "B"]
    assert [text for _, text in html.all("td")] == ["1", "", "", "2", "Soon", ""]


def test_in_german(path: Path) -> None:
    with speaking("de"):
        html = of(one((-1234.5, date(2026, 11, 3)), columns=(Column("A"), Column("B"))), path)
    assert html.all("html")[0][0]["lang"] == "de"
    assert [text for _, text in html.all("td")] == ["-1234,5", "03.11.2026"]
    assert html.all("data")[0][0] == {"value": "-1234.5"}
    assert 'content:"Seite\\20 " counter(page) "\\20 von\\20 " counter(pages) ""' in html.all("style")[0][1]
