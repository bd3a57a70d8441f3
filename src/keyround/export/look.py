"""How the workbook looks: fonts, colours, page set-up. Part of workbook.py, apart for its size; it too knows openpyxl.

Colours are told apart by people who see no red or no green, and every one of
them has its word in the same cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from unicodedata import east_asian_width

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils.indexed_list import IndexedList

from .blocks import Tone

FONT = "Calibri"
SIZE = 10.0
NOTE_SIZE = 9.0
ACCENT = "1F3A5F"
INK = "22272E"
QUIET = "5B6470"
LINE = "D5DAE0"
FILLS: dict[str, tuple[str, str]] = {  # fill, ink
    "good": ("CFEBE2", "0B4F3C"),
    "warn": ("FCE8B8", "6B4700"),
    "bad": ("F6CFC4", "7F1D0C"),
    "signed": ("D3E3F5", "1B4A80"),
    "unknown": ("E4E7EB", "3F4650"),
}
STRONG: dict[str, tuple[str, str]] = {  # the same tones where a shape is drawn and nothing is written: fill, ink on it
    "good": ("0B7A5E", "FFFFFF"),
    "warn": ("F2B134", "3D2900"),
    "bad": ("C2410C", "FFFFFF"),
    "signed": ("336FB0", "FFFFFF"),
    "unknown": ("AEB6C0", "22272E"),
}
SHADES = ("1F3A5F", "E08A1E", "3E8FD0", "BFC5CD")  # of what has no tone: told apart by lightness too
SPACED = ("heading", "light", "foot")
SPACE = 7.0
HEADER_HEIGHT = 32.0
_MOST_MEASURED = 4_000  # characters; more do not fit into the tallest row
BOLD = 1.12  # how much wider bold text is, roughly
ALIGNMENT = Alignment(horizontal="left", vertical="center", wrap_text=True, indent=1)
INSET = 1.5  # characters that the indent costs
FILL_IN = "FFFBE8"  # where people write
LINK = Font(name=FONT, size=SIZE, color="1B5FAA", underline="single")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of cell outside the tables' bodies."""

    size: float = SIZE
    bold: bool = False
    ink: str = INK
    fill: str = ""
    centred: bool = False
    ruled: bool = False
    roomy: bool = False
    middle: bool = False
    inset: bool = False


TEXT = {
    "title": Kind(17, bold=True, ink=ACCENT, roomy=True),
    "heading": Kind(12, bold=True, ink=ACCENT, roomy=True, ruled=True, middle=True),
    "light": Kind(13, bold=True, roomy=True, middle=True),
    "body": Kind(middle=True),
    "note": Kind(9, ink=QUIET, middle=True),
    "foot": Kind(9, ink=QUIET),
}
LABEL = Kind(bold=True, ruled=True, middle=True)
VALUE = Kind(centred=True, ruled=True, middle=True)
LARGE = Kind(13, bold=True, centred=True, ruled=True, middle=True)
NOTE = Kind(ruled=True, middle=True, inset=True)
HEADER = Kind(bold=True, ink="FFFFFF", fill=ACCENT, middle=True, inset=True)


def dress(book: Any) -> None:
    """Makes the default style ours: what has no style of its own is Calibri, wrapped and a little inset.

    Done to the two lists that openpyxl writes out as fonts and cell formats; it
    has no other way to give the default a style, and a style on each cell is slow.
    """
    font = Font(name=FONT, size=SIZE, color=INK, family=2)
    book._fonts = IndexedList([font])
    book._alignments = IndexedList([Alignment(), ALIGNMENT])
    plain = StyleArray()
    plain.alignmentId = 1
    book._cell_styles = IndexedList([plain])
    book._named_styles["Normal"].font = font
    book._named_styles["Normal"].alignment = ALIGNMENT


def style(cell: Any, kind: Kind, tone: str = "plain") -> None:
    fill, ink = FILLS.get(tone, (kind.fill, kind.ink))
    cell.font = Font(name=FONT, size=kind.size, bold=kind.bold, color=ink)
    if fill:
        cell.fill = PatternFill("solid", fgColor=fill)
    if kind.ruled:
        cell.border = Border(bottom=Side("thin", color=LINE))
    cell.alignment = Alignment(
        horizontal="center" if kind.centred else "left",
        vertical="center" if kind.middle else "top",
        wrap_text=True,
        indent=1 if kind.inset or (tone in FILLS and not kind.centred) else 0,
    )


def height(lines: float, size: float, roomy: bool = False) -> float:
    """Of a row in points. Excel allows 409."""
    return min(409.0, round(lines * size * 1.24 + (9 if roomy else 5), 1))


def lines(value: object, width: int, size: float = SIZE) -> int:
    """How many lines a value takes in a column of `width` characters of the default size.

    Said to Excel and LibreOffice, since neither measures the rows of a file it believes to be Excel's own.
    """
    fitting = fits(width, size)
    if not isinstance(value, str) or (len(value) <= fitting and value.isascii() and "\n" not in value):
        return 1
    if 2 * len(value) <= fitting and value.isprintable():  # even if each letter were a wide one
        return 1
    return sum(_wrapped(line, fitting) for line in value[:_MOST_MEASURED].splitlines()) or 1


def fits(width: int, size: float = SIZE) -> int:
    """How many letters stand on one line of a column; most are narrower than a digit."""
    return max(1, int((width - INSET) * 1.1 * SIZE / size))


def _wrapped(line: str, fitting: int) -> int:
    count, used = 1, 0
    for word in line.split(" "):
        wide = len(word) + sum(map(str.isupper, word)) // 3
        if not word.isascii():
            wide += sum(east_asian_width(c) in "WF" for c in word)
        if used and used + 1 + wide > fitting:
            count, used = count + 1, 0
        used += wide + (1 if used else 0)
        if used > fitting:
            count, used = count + (used - 1) // fitting, (used - 1) % fitting + 1
    return count


def paint(ws: Any, area: str, words: dict[str, Tone]) -> None:
    """A hairline under each cell of a table's column, and colour where it holds exactly one of `words`.

    The rules of a column stand together, each with its own line: LibreOffice takes only the first that holds.
    """
    line = Border(bottom=Side("thin", color=LINE))
    for word, tone in words.items():
        if tone in FILLS:
            fill, ink = FILLS[tone]
            shown = DifferentialStyle(font=Font(color=ink), fill=PatternFill("solid", bgColor=fill), border=line)
            formula = '"' + word.replace('"', '""') + '"'
            ws.conditional_formatting.add(area, Rule(type="cellIs", operator="equal", dxf=shown, formula=[formula]))
    ws.conditional_formatting.add(area, Rule(type="expression", dxf=DifferentialStyle(border=line), formula=["TRUE"]))
