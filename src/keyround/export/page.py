"""Sheets as one HTML page that needs nothing else: the only code that knows HTML.

Safety      Everything that is printed is cleaned and escaped by the template's environment. The page forbids itself
            everything but its own style sheet, its own script and pictures that it carries (Content-Security-Policy
            by their hashes), so a style attribute or a handler in it would not work either
Memory      written while rows are read; of a table, at most MOST_ROWS are held and shown
Without the script everything can be read and printed; only sorting and filtering need it
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from ..engine.results import Scan
from ..words import day, language, say
from . import cells, logo
from .blocks import Cell, Charts, Column, Figures, Sheet, Table, Text, Tone
from .blocks import Link as To
from .clean import clean, short
from .files import beside
from .page_style import style_sheet, template
from .svg import svg
from .tones import LIGHT

MOST_ROWS = 5_000
"""More are told, not shown: a browser would be slow with them."""
_TALL = 100  # rows that no screen shows at once
_LONG, _TALLEST = 240, 8  # a text of more characters or lines than these is folded until somebody opens it
_SHORT = 140  # characters that it begins with
_BUFFER = 200  # pieces of text that are written at once


@dataclass(frozen=True, slots=True)
class Head:
    """What stands around the sheets."""

    title: str
    client_name: str
    taken_at: datetime
    prepared_by: str = ""
    purpose: str = ""
    logo: Path | None = None
    provider: str = ""


def head(scan: Scan) -> Head:
    by, purpose = scan.presentation.provider, scan.presentation.purpose or say("purpose")
    title = say("summary.title", client=scan.client_name)
    return Head(title, scan.client_name, scan.taken_at, by.prepared_by, purpose, by.logo, by.name)


def write(sheets: Iterable[Sheet], path: Path, about: Head) -> tuple[str, ...]:
    """The page at `path`, in place of an older one, since nobody writes into it. Gives what has to be said about it.

    Raises  StoreError, when the disk refuses; then nothing was written
    """
    picture, remarks = logo.found(about.logo)
    with beside(path) as draft:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            for part in parts(list(sheets), about, picture):
                file.write(part)
        draft.replace(path)
    return tuple(remarks)


def parts(sheets: list[Sheet], about: Head, picture: logo.Logo | None = None) -> Iterator[str]:
    """The page, piece by piece; rows are read as they are reached."""
    ids = {sheet.name: f"sheet-{number}" for number, sheet in enumerate(sheets, 1)}
    style = style_sheet(sheets, f"{short(about.client_name, 60)} · {day(about.taken_at)}", short(about.purpose, 120))
    script = template("page.js")
    stream = (
        _templates()
        .get_template("page.html.j2")
        .stream(
            about=about,
            sheets=[_Section(sheet, f"sheet-{number}", number == 1, ids) for number, sheet in enumerate(sheets, 1)],
            light=_light(sheets),
            logo=picture and f"data:image/png;base64,{_base64(picture.png)}",
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
            language=language(),
            said={key: say(f"page.{key}") for key in ("skip", "sheets", "filter_hint", "only")}
            | {"count": say("page.count", shown="{shown}", total="{total}")},
            day=day,
            say=say,
        )
    )
    stream.enable_buffering(_BUFFER)
    yield from stream


@functools.cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("keyround.export"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(source: str) -> str:
    return f"sha256-{_base64(hashlib.sha256(source.encode()).digest())}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _light(sheets: list[Sheet]) -> tuple[Tone, str] | None:
    """The overall light in a word or two, for the head of the page."""
    for block in (block for sheet in sheets for block in sheet.blocks):
        if isinstance(block, Text) and block.style == "light" and block.tone in LIGHT:
            return block.tone, say(f"light.{LIGHT[block.tone]}")
    return None


# -- what the template asks for ----------------------------------------------------------------------------------------


class _Section:
    """One sheet as the template sees it."""

    def __init__(self, sheet: Sheet, id: str, first: bool, ids: dict[str, str]) -> None:
        self.sheet, self.id, self.first, self.ids = sheet, id, first, ids
        self.titled = any(isinstance(block, Text) and block.style == "title" for block in sheet.blocks)
        self.title_level = 1 if first else 2

    @property
    def blocks(self) -> Iterator[dict[str, Any]]:
        name = self.sheet.name
        named = {""}
        for number, block in enumerate(self.sheet.blocks, 1):
            id = f"{self.id}-{number}"
            if isinstance(block, Text):
                level = self._level(block)
                name = clean(block.text) if level else name
                yield {"kind": "text", "text": block, "href": self.href(block.link), "level": level}
            elif isinstance(block, Figures):
                yield {"kind": "figures", "block": block}
            elif isinstance(block, Charts):
                drawn = [(one, Markup(svg(one, f"{id}-{n}"))) for n, one in enumerate(block.charts, 1)]
                yield {"kind": "charts", "charts": drawn}
            else:
                while name in named:  # several tables under one heading
                    name = f"{name} {len(named)}"
                named.add(name)
                yield {"kind": "table", "table": _Shown(block, id, name, self.ids)}

    def href(self, name: str) -> str:
        return f"#{self.ids[name]}" if name in self.ids else ""

    def _level(self, block: Text) -> int:
        """Of a heading; 0: it is none."""
        return {"title": self.title_level, "heading": self.title_level + 1}.get(block.style, 0)


class _Shown:
    """A table, called as the heading above it, and the rows of it that are shown; reading them counts the rest."""

    def __init__(self, table: Table, id: str, name: str, ids: dict[str, str]) -> None:
        self.id, self.name, self.columns, self.ids = id, name, table.columns, ids
        rows = iter(table.rows)
        self.rows = list(islice(rows, MOST_ROWS))
        left_out = sum(1 for _ in rows)
        self.rest = say("page.rest", n=left_out) if left_out else ""
        self.tall = len(self.rows) > _TALL
        self.empty = table.empty or say("none")
        self.orders = [{word: number for number, word in enumerate(column.tones)} for column in table.columns]
        self.classes = [self._class(number) for number, _ in enumerate(table.columns)]
        self.shown = [number for number, column in enumerate(table.columns) if self._is_shown(number, column)]
        self.filter = say("page.filter", table=name)

    def _class(self, number: int) -> str:
        values = [row[number] for row in self.rows]
        if any(map(_is_number, values)) and all(_is_number(value) or value is None for value in values):
            return "number"
        return "day" if any(isinstance(value, date) for value in values) else ""

    def _is_shown(self, number: int, column: Column) -> bool:
        """Nobody can fill in a page: what is there for that alone is left out while it is empty."""
        return not column.fill_in or bool(self.rest) or any(row[number] not in (None, "") for row in self.rows)

    def cell(self, number: int, value: Cell) -> Markup | str:
        """The inside of one cell."""
        if value is None:
            return ""
        if isinstance(value, To):
            return _link(value, self.ids)
        if isinstance(value, date):
            return Markup('<time datetime="{}">{}</time>').format(cells.text(value).replace(" ", "T"), day(value))
        if _is_number(value):
            return Markup('<data value="{}">{}</data>').format(value, _number(value))
        said = clean(cells.text(value))
        tone = self.columns[number].tones.get(said, "plain")
        if tone != "plain":
            return Markup('<span class="pill {}" data-order="{}">{}</span>').format(
                tone, self.orders[number][said], said
            )
        return _folded(said)


def _is_number(value: Cell) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: int | float) -> str:
    return say("number", n=value) if isinstance(value, int) else cells.plain(value, cells.decimal_sign())


def _link(link: To, ids: dict[str, str]) -> Markup:
    """As a link only where it leads to a page over https or to a sheet that is here."""
    text = clean(link.text)
    if link.sheet in ids:
        return Markup('<a href="#{}">{}</a>').format(ids[link.sheet], text)
    if _is_https(link.url):
        return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(clean(link.url), text)
    return escape(text)


def _is_https(url: str) -> bool:
    try:
        read = urlsplit(url)
    except ValueError:
        return False
    return read.scheme == "https" and bool(read.hostname)


def _folded(text: str) -> Markup | str:
    """Long text begins with what fits; the rest is there when it is asked for, and always on paper."""
    if len(text) <= _LONG and text.count("\n") < _TALLEST:
        return text
    half = _SHORT // 2
    ends = (end for end in ("\n", ". ", " ") if end in text[half:_SHORT])
    at = next((text.rfind(end, half, _SHORT) + len(end) for end in ends), _SHORT)
    return Markup("<details><summary>{}</summary>{}</details>").format(text[:at], text[at:])
