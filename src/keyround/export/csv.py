"""Sheets as CSV files, one for each sheet that has a table, in a folder of their own: what cells.py says of a cell.

Summary     has no table: what it says stands in rows of label, value, before and note
Empty       tables say in their first row why they are: nothing found and nothing read are not the same
Names       are the sheets', in any language, each once; what a file system minds becomes `-`
The folder  is the old one or the whole new one. It is replaced only where nothing but files of ours stands in it, as we
            wrote them; else the new one stands beside it as `-2`, `-3`, ...: people write into these files too
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from ..words import say
from . import cells
from .blocks import Cell, Charts, Figures, Sheet, Table, Text
from .clean import short
from .files import folder_beside, refused
from .rest import candidates, sha256

_MOST_NAME = 120  # bytes
_RESERVED = re.compile("con|prn|aux|nul|(com|lpt)[0-9¹²³]", re.IGNORECASE)  # by Windows, for what is no file


@dataclass(frozen=True, slots=True)
class Written:
    """Where the folder is now, and the hashes of its files, by which the next scan knows that nobody edited them."""

    path: Path
    sha256: tuple[str, ...]


def write(sheets: Iterable[Sheet], path: Path, ours: frozenset[str] = frozenset()) -> Written:
    """The folder at `path`, or beside it where people may have changed what stands there.

    Takes   ours: the SHA-256 of every file written earlier
    Raises  StoreError, when the disk refuses; then nothing was written
    """
    with folder_beside(path) as draft:
        hashes: list[str] = []
        taken: set[str] = set()
        for sheet in sheets:
            rows = _rows(sheet)
            if rows is not None:
                file = draft / f"{_name(sheet.name, taken)}{cells.SUFFIX}"
                _write(rows, file)
                hashes.append(sha256(file))
        for target in candidates(path):
            if os.path.lexists(target) and not _is_ours(target, ours):
                continue
            try:
                _replace(draft, target, ours)
            except PermissionError as error:  # on Windows: a file in it is open in Excel
                if os.name != "nt" or not target.exists():
                    raise refused(target, error) from error
                continue
            return Written(target, tuple(hashes))
    raise AssertionError("candidates never end")


def _rows(sheet: Sheet) -> Iterable[tuple[Cell, ...]] | None:
    """The header and the rows of every table of a sheet, else its words and figures; None: it has no figures either."""
    tables = [block for block in sheet.blocks if isinstance(block, Table)]
    if tables:
        return (row for number, table in enumerate(tables) for row in _table(table, apart=number > 0))
    if any(isinstance(block, Figures) for block in sheet.blocks):
        return _figures(sheet)
    return None


def _table(table: Table, apart: bool) -> Iterator[tuple[Cell, ...]]:
    if apart:
        yield ()
    yield tuple(column.title for column in table.columns)
    empty = True
    for row in table.rows:
        empty = False
        yield row
    if empty:
        yield (table.empty or say("none"),)


def _figures(sheet: Sheet) -> Iterator[tuple[Cell, ...]]:
    yield tuple(say(f"csv.{column}") for column in ("label", "value", "before", "note"))
    for block in sheet.blocks:
        if isinstance(block, Text):
            yield (block.text, "", "", "")
        elif isinstance(block, Figures):
            for one in block.figures:
                yield (one.label, " ".join(one.value.split()), one.before, one.note)
        elif isinstance(block, Charts):
            for chart in block.charts:
                yield (chart.title, "", "", chart.told)


def _write(rows: Iterable[tuple[Cell, ...]], path: Path) -> None:
    with path.open("w", encoding=cells.ENCODING, newline="") as file:
        row = cells.row_writer(file)
        for values in rows:
            row(values)
    path.chmod(0o600)


def _name(sheet: str, taken: set[str]) -> str:
    """A file name on every system, without its ending, that is not `taken` yet."""
    name = re.sub(r'[\\/:*?"<>|\s.]+', "-", normalize("NFC", short(sheet, 60))).strip("-")
    name = name.encode()[:_MOST_NAME].decode(errors="ignore") or "sheet"
    if _RESERVED.fullmatch(name):
        name = f"_{name}"
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.casefold())
    return free


def _is_ours(folder: Path, ours: frozenset[str]) -> bool:
    """A folder, no link to one, that holds nothing but what was written earlier and not touched since."""
    return folder.is_dir() and not folder.is_symlink() and all(_is_written(one, ours) for one in folder.iterdir())


def _is_written(file: Path, ours: frozenset[str]) -> bool:
    return file.is_file() and not file.is_symlink() and sha256(file) in ours


def _replace(draft: Path, target: Path, ours: frozenset[str]) -> None:
    """`draft` in place of `target`: the old folder steps aside first, and comes back if the new one cannot."""
    if not target.exists():
        draft.rename(target)
        return
    old = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.old")
    target.rename(old)
    try:
        draft.rename(target)
    except OSError:
        old.rename(target)
        raise
    with contextlib.suppress(OSError):  # a file that somebody put there meanwhile keeps the folder
        for file in old.iterdir():
            if _is_written(file, ours):
                file.unlink()
        old.rmdir()
