"""Around a worksheet: print set-up, headers, footers, frozen panes. Part of workbook.py; it too knows openpyxl."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from openpyxl.utils import get_column_letter

from ..words import day, say
from .clean import short
from .look import ALIGNMENT, QUIET

_MOST_CODED = 255  # characters of a header or footer with all its codes; Excel repairs a file that has more
_CODES = len("&L&8 &K000000") * 3
_MOST_FROZEN = 12  # rows; more of them leave a small screen nothing to scroll
_MOST_NAME = 80


@dataclass(frozen=True, slots=True)
class Properties:
    """What the file says about itself: in its properties, its headers and footers, and by the provider's logo."""

    title: str
    client: str
    client_name: str
    taken_at: datetime
    prepared_by: str = ""
    purpose: str = ""
    logo: Path | None = None


def set_up(ws: Any, widths: list[int], header: int | None, landscape: bool, one_page: bool, about: Properties) -> None:
    """Everything that must be set before the first row is written. `header`: the row of the only table's header."""
    for number, width in enumerate(widths, 1):
        column = ws.column_dimensions[get_column_letter(number)]
        column.width, column.alignment = width, ALIGNMENT
    ws.sheet_view.showGridLines = False
    ws.sheet_format.defaultRowHeight = 18
    ws.sheet_format.customHeight = True
    ws.sheet_properties.pageSetUpPr.fitToPage = True
    ws.page_setup.paperSize = 9  # A4
    ws.page_setup.orientation = "landscape" if landscape else "portrait"
    ws.page_setup.fitToWidth = 1
    ws.page_setup.fitToHeight = 1 if one_page else 0
    ws.page_margins.left = ws.page_margins.right = 0.5
    ws.page_margins.top, ws.page_margins.bottom = 0.65, 0.65
    ws.page_margins.header = ws.page_margins.footer = 0.3
    ws.print_options.horizontalCentered = True
    _head_and_foot(ws, about)
    if header is not None and header <= _MOST_FROZEN:
        ws.freeze_panes = f"B{header + 1}"
    if header is not None:
        ws.print_title_rows = f"{header}:{header}"


def _head_and_foot(ws: Any, about: Properties) -> None:
    """Whose it is and of which day above, with the sheet's name; what it may be used for and the page below."""
    secret, pages = say("workbook.confidential"), say("format.page")
    left = _MOST_CODED - _CODES - len(secret) - len("&A")
    whose = _literal(f"{short(about.client_name, _MOST_NAME)} · {day(about.taken_at)}", left)
    purpose = _literal(about.purpose or say("purpose"), _MOST_CODED - _CODES - len(pages))
    for part, text in (
        (ws.oddHeader.left, whose),
        (ws.oddHeader.center, "&A"),
        (ws.oddHeader.right, secret),
        (ws.oddFooter.left, purpose),
        (ws.oddFooter.right, pages),
    ):
        part.text, part.size, part.color = text, 8, QUIET


def _literal(text: str, most: int) -> str:
    """As part of a header or footer, where & begins a code, and of no more than `most` characters."""
    kept = short(text, most)
    while len(kept) + kept.count("&") > most:
        kept = kept[:-2] + "…"
    return kept.replace("&", "&&")
