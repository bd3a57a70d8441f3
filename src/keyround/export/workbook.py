"""Sheets as an Excel workbook. Only this file and its parts know openpyxl:
worksheet, columns, charts, helper, furniture, logo and look.

Memory      write-only mode; one row at a time, whatever the number of rows
Text        is never a formula, an error value or a link; see `columns`
Looks       live in the workbook's default style and in conditional formatting,
            because styling every cell costs half as much again as writing it
Names       of sheets, tables and headers are made valid and unique; see `naming`
Identity    stands in the file's own properties: whose it is, of which scan, and
            KeyroundWorkbook, another for every content
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.packaging.custom import StringProperty

from ..engine.results import Scan
from ..words import say, speaking
from . import logo, look
from .blocks import Sheet
from .clean import clean, short
from .files import beside, refused
from .furniture import Properties
from .helper import Lists
from .naming import sheet_titles
from .rest import Rest, candidates, free, sha256
from .worksheet import Page, Shared

__all__ = ("CLIENT", "SCAN", "WORKBOOK", "Properties", "Written", "properties", "write")

CLIENT, SCAN, WORKBOOK = "KeyroundClient", "KeyroundScan", "KeyroundWorkbook"
"""Names of the file's own properties."""


@dataclass(frozen=True, slots=True)
class Written:
    """Where the workbook is now, and the hash by which the next scan knows that nobody edited it.

    `workbook_id` is its KeyroundWorkbook. `more`: files beside it with rows that did not fit, and their hashes.
    """

    path: Path
    sha256: str
    workbook_id: str
    more: dict[Path, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def properties(scan: Scan) -> Properties:
    by = scan.presentation.provider
    return Properties(
        title=say("summary.title", client=scan.client_name),
        client=scan.client,
        client_name=scan.client_name,
        taken_at=scan.taken_at,
        prepared_by=by.prepared_by,
        purpose=scan.presentation.purpose,
        logo=by.logo,
    )


def write(
    sheets: Iterable[Sheet],
    path: Path,
    about: Properties,
    ours: frozenset[str] = frozenset(),
    before: Callable[[str], None] = lambda _: None,
) -> Written:
    """The workbook at `path`; beside it as `-2`, `-3`, ... where a file stands that people may have edited.

    Takes   ours: the SHA-256 of every file written earlier; such a file is replaced
            before: told the workbook's id before anybody can have it
    Raises  StoreError, when the disk refuses; then nothing was written
    """
    mark, remarks = logo.found(about.logo)
    with beside(path) as draft, contextlib.ExitStack() as closing:
        rest = Rest(next(one for one in candidates(path) if free(one, ours)), ours, closing)
        workbook_id = _save(list(sheets), draft, about, rest, mark)
        hashed = sha256(draft)
        before(workbook_id)
        more = rest.settle()
        if more:
            with speaking("en"):
                remarks.append(say("workbook.more_files", files=", ".join(str(one) for one in more)))
        for target in candidates(path):
            if not free(target, ours):
                continue
            try:
                os.replace(draft, target)
            except PermissionError as error:  # on Windows: open in Excel
                if os.name != "nt" or not target.exists():
                    raise refused(target, error) from error
                continue
            return Written(target, hashed, workbook_id, more, tuple(remarks))
    raise AssertionError("candidates never end")


def _save(sheets: list[Sheet], path: Path, about: Properties, rest: Rest, mark: logo.Logo | None) -> str:
    book: Any = Workbook(write_only=True)
    look.dress(book)
    book.calculation.fullCalcOnLoad = False  # there is nothing to calculate; Excel would offer to save on closing
    *titles, hidden = sheet_titles([*(sheet.name for sheet in sheets), say("workbook.choices")])
    names = {sheet.name: title for sheet, title in zip(sheets, titles, strict=True)}
    shared = Shared(book, about, names, set(), Lists(hidden), rest)
    for number, (sheet, title) in enumerate(zip(sheets, titles, strict=True)):
        page = Page(shared, sheet, title, mark if number == 0 else None)
        try:
            page.write()
        except BaseException:
            with contextlib.suppress(Exception):
                page.ws.close()  # else its temporary file stays open
            raise
    shared.lists.write(book)
    workbook_id = _identity(book, about)
    _describe(book, about, workbook_id)
    # Into memory first, a few megabytes: a zip file that meets a full disk complains once more when it is dropped.
    packed = io.BytesIO()
    book.save(packed)
    path.write_bytes(packed.getbuffer())
    return workbook_id


def _describe(book: Any, about: Properties, workbook_id: str) -> None:
    told = book.properties
    told.title, told.subject, told.category = clean(about.title), clean(about.client_name), say("workbook.kind")
    told.creator = told.lastModifiedBy = clean(about.prepared_by) or "Keyround"
    told.keywords, told.contentStatus = "Keyround", say("workbook.confidential")
    told.description = short(about.purpose or say("purpose"), 255)
    told.created = about.taken_at.replace(tzinfo=UTC)
    for name, value in ((CLIENT, about.client), (SCAN, _instant(about)), (WORKBOOK, workbook_id)):
        book.custom_doc_props.append(StringProperty(name=name, value=clean(value)))


def _instant(about: Properties) -> str:
    return f"{about.taken_at:%Y-%m-%dT%H:%M:%SZ}"


def _identity(book: Any, about: Properties) -> str:
    """Of client, scan and everything that stands in the sheets: their XML as it was written."""
    digest = hashlib.sha256(f"{about.client}\0{_instant(about)}".encode("utf-8", "surrogatepass"))
    for ws in book.worksheets:
        digest.update(bytes.fromhex(sha256(Path(ws._writer.out))))
    return digest.hexdigest()[:32]
