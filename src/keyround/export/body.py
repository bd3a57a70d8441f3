"""The Summary as the body of a mail: plain lines that fit a phone, without names, charts and places to tick.

Everything is said as the sheet says it; what the sheet itself leaves to its pictures is left out.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from textwrap import wrap

from ..engine.results import Scan
from ..model import Account
from ..words import say
from . import summary
from .blocks import Block, Figure, Figures, Text
from .clean import clean
from .veil import veiled

WIDTH = 72
_POINT, _JOINT = "· ", " · "


def body(scan: Scan, further: Sequence[str], names: Collection[str]) -> str:
    """`further`: paragraphs before the last one, which says what a report is not; an empty one makes a gap, and one
    that begins with a blank is not broken. `names`: how those are called who must not be named; a line about something
    left out or unread that does is not told.
    """
    *blocks, disclaimer = veiled(summary.sheet(scan), scan).blocks
    (_, top), *parts = _parts(blocks)
    lines = [line for block in _top(top) for line in _lines(block)]
    for heading, under in parts:
        if heading == say("summary.five"):  # mostly what to ask, and the same every time
            continue
        lines += ["", heading.upper(), *(line for block in under if not _names(block, names) for line in _lines(block))]
    head = itertools.takewhile(lambda block: isinstance(block, Text), top)
    tenants = [block for block in head if isinstance(block, Text) and block.style == "note"]  # ids: not to begin with
    lines += ["", *paragraphs(further), ""]
    lines += [line for block in (*tenants, Text("", "body"), disclaimer) for line in _lines(block) or [""]]
    return "\n".join(lines).strip() + "\n"


def names_of(scan: Scan) -> frozenset[str]:
    """How the accounts of this scan are called. One word alone may be any word: a department, a product, a colour."""
    rows = (row for tenant in scan.tenants for row in scan.rows(Account, tenant.id))
    found = (name.strip().casefold() for row in rows for name in (row.username or "", row.display_name or ""))
    return frozenset(name for name in found if "@" in name or " " in name)


def paragraphs(texts: Sequence[str]) -> list[str]:
    """Each on as many lines as it takes."""
    return [line for text in texts for line in ([text] if text.startswith(" ") else _broken(text) or [""])]


def _broken(text: str, first: str = "", under: str = "") -> list[str]:
    """An address or a path is never broken."""
    return wrap(" ".join(clean(text).split()), WIDTH, initial_indent=first, subsequent_indent=under or " " * len(first),
                break_long_words=False, break_on_hyphens=False)  # fmt: skip


def _parts(blocks: Sequence[Block]) -> Iterator[tuple[str, list[Block]]]:
    """Each heading with what stands under it; what stands above the first has none."""
    heading, found = "", list[Block]()
    for block in blocks:
        if isinstance(block, Text) and block.style == "heading":
            yield heading, found
            heading, found = clean(block.text), []
        else:
            found.append(block)
    yield heading, found


def _top(blocks: Sequence[Block]) -> Iterator[Block]:
    """The head, the light and the figures; behind these stand charts, and what is said of charts."""
    for block in blocks:
        if not isinstance(block, Text) or block.style != "note":
            yield block
        if isinstance(block, Figures):
            return


def _lines(block: Block) -> list[str]:
    if isinstance(block, Figures):
        return [line for figure in block.figures for line in _figure(figure)]
    if not isinstance(block, Text) or block.style == "foot":
        return []
    if block.text.startswith(_POINT):
        return _broken(block.text.removeprefix(_POINT), "- ")
    if block.style == "light":
        return ["", *_broken(block.text)]
    parts = block.text.split(_JOINT) if block.style == "body" and len(block.text) > WIDTH else [block.text]
    return [line for part in parts for line in _broken(part)]


def _figure(figure: Figure) -> Iterator[str]:
    decision = figure.value == say("decision.tick")
    margin = "   " if decision else "  "
    before = f" ({figure.before})" if figure.before else ""
    yield ""
    yield from _broken(figure.label if decision else f"{figure.label}: {figure.value}{before}", under=margin)
    for line in figure.note.split("\n"):
        yield from _broken(line, margin)


def _names(block: Block, names: Collection[str]) -> bool:
    if not isinstance(block, Text) or not block.text.startswith(_POINT):
        return False
    said = block.text.casefold()
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) for name in names if name in said)
