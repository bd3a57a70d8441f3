"""Rows that no sheet has room for: in CSV files beside the workbook. Part of workbook.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from . import cells
from .blocks import Cell
from .files import beside, refused


class Rest:
    """The CSV files of one workbook: written under other names until the workbook is whole."""

    def __init__(self, book: Path, ours: frozenset[str], closing: ExitStack) -> None:
        self.book = book
        self.ours = ours
        self.closing = closing
        self.drafts: dict[Path, Path] = {}
        self.files = closing.enter_context(ExitStack())

    def open(self, table: str, titles: list[str]) -> tuple[str, Callable[[Iterable[Cell]], None]]:
        """A new file's name, and what writes a row into it; the titles stand in it already."""
        path = next(one for one in candidates(self.book.with_name(f"{self.book.stem}-{table}-more{cells.SUFFIX}"))
                    if one not in self.drafts and free(one, self.ours))  # fmt: skip
        draft = self.closing.enter_context(beside(path))
        self.drafts[path] = draft
        write = cells.row_writer(self.files.enter_context(draft.open("w", encoding=cells.ENCODING, newline="")))
        write(titles)
        return path.name, write

    def settle(self) -> dict[Path, str]:
        """The files under their own names, each with its SHA-256."""
        self.files.close()
        settled = {}
        for path, draft in self.drafts.items():
            settled[path] = sha256(draft)
            try:
                os.replace(draft, path)
            except OSError as error:
                raise refused(path, error) from error
        return settled


def candidates(path: Path) -> Iterable[Path]:
    """`path`, and where that is taken, the same with -2, -3, ..."""
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1


def free(path: Path, ours: frozenset[str]) -> bool:
    """Nothing stands there, or a file of ours that nobody has edited."""
    return not path.exists() or sha256(path) in ours


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
