"""From a Scan to the files that people get, in the language and the form that the client laid down.

What writes a format is imported where that format is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engine import figures
from ..engine.results import Scan
from ..engine.spoken import spoken
from ..errors import StoreError
from ..export import results_json, sheets, standing
from ..export.edited import Edited
from ..presentation import FORMATS
from ..store import ClientStore, stamped
from ..words import speaking
from . import names, veil
from .noted import handed_in, keep, noted, veiled

__all__ = ["Handed", "hand_over", "handed_in"]


@dataclass(frozen=True, slots=True)
class Handed:
    """What was written, by format, and what has to be said about it; `scan` calls people as what was written does."""

    paths: dict[str, Path]
    scan: Scan
    remarks: tuple[str, ...] = ()


def hand_over(
    scan: Scan,
    folder: Path,
    store: ClientStore,
    fail_on: str,
    formats: Sequence[str] = FORMATS[:2],
    carry: Sequence[Edited] = (),
) -> Handed:
    """Write `<client>-<date>.xlsx`, `.json`, ... into `folder`. Raises StoreError; what was there then stays.

    What people wrote into the client's last workbook there, or into those of `carry`, is read first and kept.
    Whoever is not to be called by name is not from here on, in any format: see `veil`.
    """
    stem = f"{scan.client}-{scan.taken_at:%Y-%m-%d}"
    paths: dict[str, Path] = {}
    people = noted(scan, folder, store, carry)
    scan, remarks = people.scan, list(people.remarks)
    with speaking(scan.presentation.language):
        codes, index = names.coded(scan, store.root)
        scan, stands = veiled(veil.veiled(scan, codes, index), scan, codes)
        told = spoken(scan, scan.presentation.language)
        if "xlsx" in formats:
            from ..export import workbook

            about, ours = workbook.properties(told), store.written()

            def before(workbook_id: str) -> None:
                remarks.extend(keep(store, workbook_id, scan, stands))

            book = workbook.write(sheets(told), folder / f"{stem}.xlsx", about, ours, before)
            paths["xlsx"] = book.path
            remarks += book.remarks
            remarks += _remember(store, (book.sha256, *book.more.values()))
        if "html" in formats:
            from ..export import page

            paths["html"] = folder / f"{stem}.html"
            remarks += page.write(sheets(told), paths["html"], page.head(told))
        if "csv" in formats:
            from ..export import csv

            tables = csv.write(sheets(told), folder / f"{stem}-csv", store.written())
            paths["csv"] = tables.path
            remarks += _remember(store, tables.sha256)
    if "json" in formats:  # for programs, and so always in English
        paths["json"] = results_json.write(scan, folder / f"{stem}.json", fail_on)
    return Handed(paths, scan, tuple(dict.fromkeys((*remarks, *_keep_figures(scan, store)))))


def _remember(store: ClientStore, written: Iterable[str]) -> Iterator[str]:
    """For the next report to know that nobody edited these. Says why where the store may only be read."""
    try:
        for sha256 in written:
            store.remember(sha256)
    except StoreError as error:  # the next report stands beside this one
        yield error.detail


def _keep_figures(scan: Scan, store: ClientStore) -> Iterator[str]:
    """What the Summary counted, for the reports of later scans: of the first report of each scan, and never again.

    Says why where the store may only be read.
    """
    stamp = stamped(scan.taken_at)
    if store.has_figures(stamp):
        return
    try:
        store.keep_figures(stamp, figures.as_json(standing.figures(scan)))
    except StoreError as error:
        yield error.detail
