"""A workbook that people have edited, read again: what stands beside which action or finding.

Rows        are known by their ref, wherever they stand now, on whatever sheet
Columns     are known by their titles, in any of our languages; one that is not there says nothing
Merged      a value over several rows stands for each of them; a field that is part of a wider one says nothing
Tolerance   Excel's and LibreOffice's own ways to store text, days and numbers; formulas by what they showed last
Distrust    the file comes from anywhere: its size, its parts and its rows are bounded
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.worksheet._reader import WorkSheetParser

from ..errors import ConfigError
from ..notes import FIELDS
from ..words import languages, say, speaking
from . import archive, refs, typed
from .clean import clean, short

_MOST_ROWS = 1_048_576
_MOST_COLUMNS = 400
_MOST_TEXT = 300
_ESCAPED = re.compile(r"_x005F_(?=x[0-9A-Fa-f]{4}_)")


@dataclass(frozen=True, slots=True)
class Row:
    """`values` holds a text, perhaps empty, for each field that the sheet has a column of; `text` is the rest of it."""

    ref: str
    values: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Edited:
    """One workbook as it is now. `lacking` names the columns that are missing, by sheet."""

    path: Path
    about: archive.Properties
    rows: tuple[Row, ...]
    lacking: tuple[tuple[str, tuple[str, ...]], ...] = ()


def read(path: Path) -> Edited:
    """The whole of it. Raises ConfigError, naming the file, for what is no workbook or cannot be trusted."""
    about = archive.properties(path)
    try:
        with warnings.catch_warnings():  # openpyxl tells what it does not know; none of it matters here
            warnings.simplefilter("ignore")
            return _read(path, about)
    except (ConfigError, MemoryError):
        raise
    except Exception as error:  # openpyxl raises whatever the broken part led it to
        raise archive.refused(path, f"is damaged ({type(error).__name__})") from error


@cache
def _titles() -> tuple[dict[str, str], ...]:
    """For each language, what a column is called -> the field; `ref` for the refs."""
    found: list[dict[str, str]] = []
    for language in languages():
        with speaking(language):
            fields = {say(f"fill.{name}").casefold(): name for name in FIELDS}
            found.append(fields | {say("column.ref").casefold(): "ref"})
    return tuple(found)


def _likely(book: Any) -> Iterator[Any]:
    """The sheets that a ref, or the title of its column, stands on: found in the text of the file, so that the rows of
    all others, which may be many, need not be taken apart."""
    titles = [title for language in _titles() for title, name in language.items() if name == "ref"]
    either = "|".join([rf"[afn]-[a-z2-7]{{{refs.SHORTEST},52}}", *map(re.escape, titles)])
    whole = re.compile(either, re.IGNORECASE)
    inline = re.compile(rf">\s*(?:{either})\s*<".encode(), re.IGNORECASE)
    for sheet in book.worksheets:
        strings = sheet._shared_strings
        wanted = {b"%d" % number for number, text in enumerate(strings) if whole.fullmatch(text.strip())}
        with sheet._get_source() as source:
            tail = b""
            while chunk := source.read(2**20):
                text = tail + chunk
                if inline.search(text) or (wanted and not wanted.isdisjoint(_SHARED.findall(text))):
                    yield sheet
                    break
                tail = text[-200:]


_SHARED = re.compile(rb"""t=["']s["'][^<>]*>\s*<(?:\w+:)?v>(\d+)<""")


def _read(path: Path, about: archive.Properties) -> Edited:
    rows: list[Row] = []
    lacking: list[tuple[str, tuple[str, ...]]] = []
    # Of our own file: openpyxl leaves one open that it cannot read.
    with path.open("rb") as file, closing(load_workbook(file, read_only=True)) as book:
        for sheet in _likely(book):
            found, missing = _sheet(book, sheet)
            rows += found
            if missing:
                lacking.append((sheet.title, missing))
    return Edited(path, about, tuple(rows), tuple(lacking))


@dataclass(slots=True)
class _Line:
    """One row of a sheet that stands below a header we know."""

    number: int
    cells: dict[int, Any]
    columns: Mapping[str, int]


def _sheet(book: Any, sheet: Any) -> tuple[list[Row], tuple[str, ...]]:
    """The rows of one sheet, and which columns it lacks."""
    lines: list[_Line] = []
    columns: Mapping[str, int] | None = None
    formulas = headless = False
    parser = _parser(book, sheet, values=False)
    with parser.source:
        for number, cells in _rows(parser):
            if header := _header(cells):
                columns = header
            elif columns is None:
                headless = headless or any(_is_ref(value) for value, _ in cells.values())
            elif cells:
                lines.append(_Line(number, {at: value for at, (value, _) in cells.items()}, columns))
                formulas = formulas or any(kind == "f" for _, kind in cells.values())
        merged = [one.bounds for one in parser.merged_cells.mergeCell] if parser.merged_cells else []
    if not any(_ref(line) or "ref" in line.columns for line in lines):
        return [], FIELDS if headless else ()  # else it is no sheet of ours
    if formulas:
        _show(book, sheet, lines)
    _spread(lines, merged)
    missing = [name for name in FIELDS if not any(name in line.columns for line in lines)]
    return list(filter(None, (_row(line, book.epoch) for line in lines))), tuple(missing)


def _parser(book: Any, sheet: Any, values: bool) -> Any:
    return WorkSheetParser(
        sheet._get_source(), sheet._shared_strings, data_only=values, epoch=book.epoch,
        date_formats=book._date_formats, timedelta_formats=book._timedelta_formats,
    )  # fmt: skip


def _rows(parser: Any) -> Iterator[tuple[int, dict[int, tuple[Any, str]]]]:
    """Number and filled cells of each row, by column. Rows and columns beyond Excel's own are left out."""
    for number, cells in parser.parse():
        if number > _MOST_ROWS:
            return
        parser.row_dimensions.clear()
        found: dict[int, tuple[Any, str]] = {}
        for cell in cells[:_MOST_COLUMNS]:
            value = cell["value"]
            if isinstance(value, str):
                value = clean(_ESCAPED.sub("_", value.replace("_x000D_", "\r"))).strip()
            if value is not None and value != "":
                found[cell["column"]] = value, cell["data_type"]
        yield number, found


def _header(cells: Mapping[int, tuple[Any, str]]) -> dict[str, int] | None:
    """Where the columns are, if this row says so by naming at least two of them.

    In one language: what Status is in one may be something else in another.
    """
    words = [(at, value.casefold()) for at, (value, _) in sorted(cells.items()) if isinstance(value, str)]
    best: dict[str, int] = {}
    for titles in _titles():
        found: dict[str, int] = {}
        for at, title in words:
            if name := titles.get(title):
                found.setdefault(name, at)
        best = max(best, found, key=len)
    return best if len(best) >= 2 else None


def _ref(line: _Line) -> str:
    """The ref of a row: in its column, else wherever one stands alone."""
    at = line.columns.get("ref")
    for value in [line.cells.get(at)] if at else line.cells.values():
        if _is_ref(value):
            return str(value).upper()
    return ""


def _is_ref(value: Any) -> bool:
    return isinstance(value, str) and bool(refs.PATTERN.fullmatch(value.upper()))


def _show(book: Any, sheet: Any, lines: Sequence[_Line]) -> None:
    """What formulas showed when the file was saved last; one that nobody has calculated stays a formula."""
    by_number = {line.number: line for line in lines}
    parser = _parser(book, sheet, values=True)
    with parser.source:
        for number, cells in _rows(parser):
            if number in by_number:
                by_number[number].cells.update({at: value for at, (value, _) in cells.items()})


def _spread(lines: Sequence[_Line], merged: Iterable[tuple[int, int, int, int]]) -> None:
    """Merged cells: downwards the value holds for every row; sideways the covered fields say nothing."""
    by_number = {line.number: line for line in lines}
    for left, top, right, bottom in merged:
        first = by_number.get(top)
        for number in range(top, min(bottom, top + 10_000) + 1):
            if (line := by_number.get(number)) is None:
                continue
            covered = {name for name, at in line.columns.items() if left < at <= right}
            line.columns = {name: at for name, at in line.columns.items() if name not in covered}
            if first is not None and left in first.cells:
                line.cells[left] = first.cells[left]


_READ: dict[str, Callable[[Any, datetime], str]] = {
    "owner": lambda value, _: typed.text(value),
    "due": typed.due,
    "status": lambda value, _: typed.status(value),
    "note": lambda value, _: typed.text(value),
}


def _row(line: _Line, epoch: datetime) -> Row | None:
    """None for a row that says nothing: it is blank, or a sentence of ours below the table."""
    ref = _ref(line)
    values = {name: _READ[name](line.cells.get(at), epoch) for name, at in line.columns.items() if name != "ref"}
    ours = set(line.columns.values())
    texts = [typed.text(value) for at, value in sorted(line.cells.items()) if at not in ours and isinstance(value, str)]
    if not ref and not any(values.values()) and (len(line.cells) < 2 and min(line.cells) == 1):
        return None
    stray = typed.text(line.cells.get(line.columns.get("ref", 0))) if not ref else ""
    return Row(ref, values, short(" · ".join(filter(None, [stray, *texts])), _MOST_TEXT))
