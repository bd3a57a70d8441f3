"""A snapshot being written: rows in, one Parquet file per table out, invisible until it is sealed.

Each data set writes files of its own, so that several may write at once; they
are joined in the order in which connectors declare them, whoever was first.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..connector import Arrived, Window
from ..model import COMPUTED, NAME, TABLES, Row, SignIn, arrow_schema, columns, prefixed
from ..model.arrays import arrow_array
from . import months
from .days import BATCH, by_day, finished, folder, in_order, in_sql, parts, sorter
from .disk import disk_errors, private, sha256, write_json
from .snapshot import FORMAT, Snapshot


@dataclass(slots=True)
class _Writer:
    """One Parquet file being filled with rows."""

    path: Path
    schema: pa.Schema
    _file: pq.ParquetWriter | None = None

    def add(self, batch: pa.Table) -> None:
        if self._file is None:
            self._file = pq.ParquetWriter(self.path, self.schema, compression="zstd")
        self._file.write_table(batch)

    def fill(self, batches: Iterator[pa.Table]) -> None:
        for batch in batches:
            self.add(batch.cast(self.schema))

    def join(self, other: _Writer) -> None:
        """Take over the rows of a file that is closed."""
        with pq.ParquetFile(other.path) as file:
            self.fill(pa.Table.from_batches([batch]) for batch in file.iter_batches(BATCH))
        other.path.unlink()

    def close(self) -> None:
        if self._file is None:
            self.add(pa.Table.from_batches([], self.schema))
        if self._file is not None:
            self._file.close()

    def keep(self) -> None:
        """Close, and see the file onto the disk: a power cut must not leave a finished day that is empty."""
        self.close()
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())


@dataclass(slots=True)
class Draft:
    """A snapshot being written. Until `seal`, no reader can see it.

    Several data sets may be written at once, each by one thread; everything else is for one thread alone.
    """

    root: Path
    folder: Path
    target: Path
    taken_at: datetime
    _writers: dict[tuple[str, str, str], _Writer] = field(default_factory=dict)
    _raw: dict[tuple[str, str], _Writer] = field(default_factory=dict)
    _moves: list[tuple[Path, Path]] = field(default_factory=list)
    _manifest: Mapping[str, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def writer(
        self, tenant: str, provider: str, dataset: str, counted: type[Row]
    ) -> Iterator[Callable[[list[Row]], int]]:
        """A function that takes rows of any table and gives how many of `counted` were new. Raises StoreError.

        A row whose key came before is dropped; sign-ins are compared later, in `settle`.
        """
        waiting: dict[type[Row], list[Row]] = {}
        seen: dict[type[Row], set[Any]] = {}

        def flush(table: type[Row]) -> None:
            with disk_errors():
                self._writer(table, tenant, dataset).add(as_arrow(waiting.pop(table), table, tenant, provider))

        def write(rows: list[Row]) -> int:
            new = 0
            for row in rows:
                table = type(row)
                if table is not SignIn:
                    keys = seen.setdefault(table, set())
                    key = tuple(getattr(row, name) for name in table.KEY)
                    if key in keys:
                        continue
                    keys.add(key)
                new += table is counted
                held = waiting.setdefault(table, [])
                held.append(row)
                if len(held) >= BATCH:
                    flush(table)
            return new

        yield write
        for table in list(waiting):
            flush(table)

    def _writer(self, table: type[Row], tenant: str, dataset: str) -> _Writer:
        if table is SignIn:
            if (tenant, dataset) not in self._raw:
                self._raw[tenant, dataset] = self._file("raw", table)
            return self._raw[tenant, dataset]
        return self._rows(NAME[table], tenant, dataset)

    def _rows(self, table: str, tenant: str, dataset: str) -> _Writer:
        key = (table, tenant, dataset)
        if key not in self._writers:
            self._writers[key] = self._file("rows", TABLES[table])
        return self._writers[key]

    def _file(self, what: str, table: type[Row]) -> _Writer:
        return _Writer(self.folder / f".{what}-{next(self._numbers)}.parquet", arrow_schema(table))

    def settle(
        self,
        tenant: str,
        dataset: str,
        fetched: Window,
        arrived: Sequence[Arrived],
        now: datetime | None = None,
        one_login: timedelta = timedelta(),
    ) -> None:
        """Sort one data set's sign-ins into finished days and the rest, one record per id, in order of time.

        `arrived` are the parts of the window that came whole, so that their days may be finished; [] finishes none.
        `now` is the computer's own clock (default: the scan's). A scan taken "at" a day to come must
        not call the days before it finished, unless records of them are there.
        `one_login`: successes of one account, address and app within it are one.
        """
        raw = self._raw.pop((tenant, dataset), None)
        if raw is None:
            if not arrived:
                return
            raw = self._file("raw", SignIn)
        counted = months.newest(self.root, months.folder(tenant, dataset))
        stored = parts(self.root, tenant, dataset).keys() | (counted.days if counted else frozenset())
        with disk_errors():
            raw.close()
        with disk_errors(), sorter(self.folder, raw.path, fetched, one_login) as db:
            ((newest,),) = db.sql("select max(signed_in_at) from kept").fetchall()
            known = min(fetched.until, self.taken_at, max(now or self.taken_at, newest or fetched.since))
            done = [day for day in finished(arrived, fetched.since, known) if day not in stored]
            for day, batches in by_day(db, done):
                part = self._file("part", SignIn)
                part.fill(batches)
                part.keep()
                home = folder(self.root, tenant, dataset) / f"day={day}"
                self._moves.append((part.path, home / f"{self.target.name}.parquet"))
            elsewhere = in_sql({*done, *stored})
            rest = self._rows(NAME[SignIn], tenant, dataset)
            rest.fill(in_order(db, f"(signed_in_at::date in ({elsewhere})) is not true"))
            raw.path.unlink()

    def freeze(self, order: Sequence[tuple[str, str]] = ()) -> None:
        """Close every table and move the finished days to their place; no row can be added afterwards.

        `order` names (tenant, data set) as they are declared: so are the rows of a table that several fill.
        """
        places = {key: place for place, key in enumerate(order)}
        with disk_errors():
            for name in TABLES.keys() - COMPUTED:
                whole = _Writer(self.folder / f"{name}.parquet", arrow_schema(TABLES[name]))
                filled = sorted((key for key in self._writers if key[0] == name), key=lambda k: places.get(k[1:], 0))
                if len(filled) == 1:
                    self._writers[filled[0]].keep()
                    os.replace(self._writers[filled[0]].path, whole.path)
                    continue
                for key in filled:
                    self._writers[key].close()
                    whole.join(self._writers[key])
                whole.keep()
            for part, home in self._moves:
                private(home.parent)
                part.chmod(0o400)
                os.replace(part, home)

    def readable(self, manifest: Mapping[str, Any]) -> Snapshot:
        """The frozen draft as the snapshot it is going to be; `manifest` is what `seal` will write."""
        self._manifest = manifest
        return Snapshot(self.root, self.folder, manifest)

    def seal(self, results: Mapping[str, Any] | None) -> Snapshot:
        """Make the snapshot visible, whole or not at all. Raises StoreError."""
        with disk_errors():
            if results is not None:
                write_json(self.folder / "results.json", results)
            files = {path.name: sha256(path) for path in sorted(self.folder.glob("[!.]*"))}
            manifest = {"format": FORMAT, **self._manifest, "files": files}
            write_json(self.folder / "manifest.json", manifest)
            for path in self.folder.iterdir():
                path.chmod(0o400)
            os.replace(self.folder, self.target)
            self.target.chmod(0o500)
        return Snapshot(self.root, self.target, manifest)

    def discard(self) -> None:
        """Forget the draft; finished snapshots stay as they are."""
        for writer in [*self._writers.values(), *self._raw.values()]:
            with suppress(OSError):  # a full disk is what brought us here
                writer.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def as_arrow(rows: Sequence[Row], table: type[Row], tenant: str, provider: str) -> pa.Table:
    """Rows as the columns that are stored: the tenant in front, ids prefixed with their provider."""
    schema, kept = arrow_schema(table), columns(table)
    if not rows:
        return pa.Table.from_batches([], schema)
    read = attrgetter(*(column.name for column in kept))
    values = list(zip(*map(read, rows), strict=True)) if len(kept) > 1 else [tuple(map(read, rows))]
    arrays = [arrow_array([tenant] * len(rows), schema.field(0).type)]
    for column, of_column in zip(kept, values, strict=True):
        cells = [prefixed(provider, value) for value in of_column] if column.identifier else of_column
        arrays.append(arrow_array(cells, schema.field(column.name).type))
    return pa.Table.from_arrays(arrays, schema=schema)
