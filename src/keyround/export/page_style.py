"""The page's style sheet: the file, and what only one report knows. Part of page.py, apart for its size."""

from __future__ import annotations

import functools
from importlib.resources import files

from ..words import say
from . import paper
from .blocks import Sheet, Table
from .clean import clean

_LETTER = 0.47  # how wide one letter of a table is, in rem
_PADDING = 3  # letters that fit into the space between two columns
_SMALLEST, _LARGEST = 5.6, 7.2  # points, of a table on paper
_ACROSS = 1_650  # points times letters that fit across a landscape page


@functools.cache
def template(name: str) -> str:
    """A file of the page, as it stands there."""
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")  # \n only, as a browser hashes it


def style_sheet(sheets: list[Sheet], left: str, middle: str) -> str:
    """The file, and what only this report knows: widths of columns and what stands at the foot of a printed page."""
    rules = [template("page.css")]
    tables = [
        (f"sheet-{number}-{place}", block)
        for number, sheet in enumerate(sheets, 1)
        for place, block in enumerate(sheet.blocks, 1)
        if isinstance(block, Table)
    ]
    for id, table in tables:
        widths = [max(column.width, *map(len, column.title.split()), 3) for column in table.columns]
        total = sum(width + _PADDING for width in widths)
        for number, width in enumerate(widths):
            shown = f"#{id} .c{number}"
            rules.append(f"{shown}{{width:{width * _LETTER + 1.5:.1f}rem}}")
            rules.append(f"@media print{{{shown}{{width:{(width + _PADDING) / total:.2%}}}}}")
        read = sum(w + _PADDING for w, column in zip(widths, table.columns, strict=True) if not column.fill_in)
        rules.append(
            f"@media print{{#{id}{{font-size:{max(_SMALLEST, min(_LARGEST, _ACROSS / max(read, 1))):.1f}pt}}}}"
        )
    rules += [
        f"@media print{{#sheet-{number}{{zoom:{fits}}}}}"
        for number, sheet in enumerate(sheets, 1)
        if sheet.one_page and (fits := paper.scale(sheet)) < 1
    ]
    before, _, rest = say("page.number", page="\0", pages="\1").partition("\0")
    between, _, after = rest.partition("\1")
    pages = f"{_quoted(before)} counter(page) {_quoted(between)} counter(pages) {_quoted(after)}"
    rules.append(
        f"@page{{@bottom-left{{content:{_quoted(left)}}}@bottom-center{{content:{_quoted(middle)}}}"
        f"@bottom-right{{content:{pages}}}}}"
    )
    return "\n".join(rules)


def _quoted(text: str) -> str:
    """As a string of CSS in which nothing but letters and digits stands for itself, so that nothing can end it."""
    escaped = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in clean(text))
    return f'"{escaped}"'
