"""Snapshots on disk: written once, sealed by rename, never edited.

    STORE/<client>/scans/<YYYYMMDDTHHMMSSZ>/      one Parquet file per table, results.json, manifest.json
    STORE/<client>/sign_ins/<tenant>/<data set>/day=<date>/<scan>.parquet

A day of sign-ins that is over, old enough for late records to have come, and
fetched whole gets a part of its own: later scans read it and ask the provider
only for what is new, so history outlives the provider's. Younger days live in
the snapshot and are fetched again. The manifest lists the exact parts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from .connector import Window
from .errors import StoreError
from .model import COMPUTED, NAME, TABLES, Row, SignIn, arrow_schema, columns, prefixed
from .model.sign_ins import OUTCOMES

FORMAT = 1
SETTLED = timedelta(hours=48)  # after this a day gets no more late records worth waiting for
BATCH = 32_768  # rows turned into columns at a time
_STAMP = re.compile(r"\d{8}T\d{6}Z")
_log = logging.getLogger(__name__)


class ClientStore:
    """Everything stored about one client."""

    def __init__(self, root: Path, client: str) -> None:
        self.root = root / client
        self.scans = self.root / "scans"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other scans of this client out. Raises StoreError when one is running."""
        lock = FileLock(self.root / ".lock", mode=0o600)
        with _disk_errors():
            _private(self.scans)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise StoreError(
                    "Another scan of this client is running.", "Wait until it has ended, then scan again."
                ) from error
        try:
            yield
        finally:
            lock.release()

    def stamps(self) -> list[str]:
        """The sealed snapshots, oldest first."""
        if not self.scans.is_dir():
            return []
        return sorted(folder.name for folder in self.scans.iterdir() if _STAMP.fullmatch(folder.name))

    def snapshot(self, stamp: str) -> Snapshot:
        """Open one sealed snapshot. Raises StoreError when it is damaged or gone."""
        return Snapshot.read(self.root, self.scans / stamp)

    def results(self) -> Iterator[Mapping[str, Any]]:
        """The verdicts sealed with each scan, oldest first; a scan whose judging failed has none.

        One damaged file makes findings look younger than they are; that is said, and hides no report.
        """
        for stamp in self.stamps():
            try:
                raw = json.loads((self.scans / stamp / "results.json").read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except (OSError, ValueError):
                raw = None
            if isinstance(raw, dict) and raw.keys() >= {"taken_at", "rules"}:
                yield raw
            else:
                _log.warning("The results of the scan %s are damaged: findings may look newer than they are.", stamp)

    def written(self) -> frozenset[str]:
        """SHA-256 of every workbook written for this client: a file with another one was edited by people."""
        try:
            return frozenset((self.root / "workbooks").read_text(encoding="ascii", errors="replace").split())
        except FileNotFoundError:
            return frozenset()

    def remember(self, workbook: str) -> None:
        """Add one to `written`. Raises StoreError."""
        path = self.root / "workbooks"
        with _disk_errors():
            path.touch(0o600)
            with path.open("a", encoding="ascii") as file:
                file.write(f"{workbook}\n")

    def begin(self, taken_at: datetime) -> Draft:
        """A new draft; what a killed scan left behind is removed. Call it under `locked`."""
        with _disk_errors():
            for left in self.scans.glob(".draft-*"):
                shutil.rmtree(left)
            stamp = f"{taken_at:%Y%m%dT%H%M%SZ}"
            if (self.scans / stamp).exists():
                raise StoreError(f"There is a snapshot of {stamp} already.", "Scan again a second later.")
            folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.scans))
        return Draft(self.root, folder, self.scans / stamp, taken_at)

    def fetch_window(self, tenant: str, dataset: str, window: Window) -> Window:
        """The part of `window` that no stored day covers: from the first uncovered day to the end."""
        covered = {day for day, _ in self._parts(tenant, dataset)}
        day = window.since.date()
        while day in covered:
            day += timedelta(days=1)
        return Window(max(window.since, datetime.combine(day, time())), window.until)

    def parts(self, tenant: str, dataset: str, window: Window) -> dict[date, Path]:
        """The part of each stored day in `window`, relative to the client's folder."""
        days = sorted(self._parts(tenant, dataset))
        return {day: path for day, path in days if window.since.date() <= day <= window.until.date()}

    def _parts(self, tenant: str, dataset: str) -> Iterator[tuple[date, Path]]:
        folder = self.root / "sign_ins" / quote(tenant, safe="") / dataset
        for path in folder.glob("day=*/*.parquet"):
            with suppress(ValueError):  # somebody else's folder
                yield date.fromisoformat(path.parent.name.removeprefix("day=")), path.relative_to(self.root)

    def check_days(self) -> None:
        """Raises StoreError when a stored day is no longer what the newest snapshot says: every scan would read it."""
        for stamp in reversed(self.stamps()):
            try:
                tenants = json.loads((self.scans / stamp / "manifest.json").read_text(encoding="utf-8"))["tenants"]
                days = {self.root / part: digest for tenant in tenants for part, digest in tenant["parts"].items()}
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # a damaged snapshot; an older one knows
            with _disk_errors():
                for path in [path for path, digest in days.items() if path.exists() and _sha256(path) != digest]:
                    raise StoreError(
                        f"A stored day of sign-ins is damaged: {path}.",
                        "Restore this file from a backup, or remove it: the next scan asks for that day again.",
                        "Nothing was scanned.",
                    )
            return


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

    def close(self) -> None:
        if self._file is None:
            self.add(self.schema.empty_table())
        if self._file is not None:
            self._file.close()

    def keep(self) -> None:
        """Close, and see the file onto the disk: a power cut must not leave a finished day that is empty."""
        self.close()
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())


@dataclass(slots=True)
class Draft:
    """A snapshot being written. Until `seal`, no reader can see it."""

    root: Path
    folder: Path
    target: Path
    taken_at: datetime
    _writers: dict[str, _Writer] = field(default_factory=dict)
    _raw: dict[tuple[str, str], _Writer] = field(default_factory=dict)
    _moves: list[tuple[Path, Path]] = field(default_factory=list)
    _manifest: Mapping[str, Any] = field(default_factory=dict)

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
            with _disk_errors():
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
            path = self.folder / f".raw-{len(self._raw)}.parquet"
            return self._raw.setdefault((tenant, dataset), _Writer(path, arrow_schema(table)))
        name = NAME[table]
        return self._writers.setdefault(name, _Writer(self.folder / f"{name}.parquet", arrow_schema(table)))

    def settle(self, tenant: str, dataset: str, fetched: Window, whole: bool, now: datetime | None = None) -> None:
        """Sort one data set's sign-ins into finished days and the rest, one record per id, in order of time.

        `now` is the computer's own clock (default: the scan's). A scan taken "at" a day to come must
        not call the days before it finished, unless records of them are there.
        """
        raw = self._raw.pop((tenant, dataset), None)
        if raw is None:
            if not whole:
                return
            raw = _Writer(self.folder / ".raw-empty.parquet", arrow_schema(SignIn))
        stored = ClientStore(self.root.parent, self.root.name).parts(tenant, dataset, fetched)
        with _disk_errors():
            raw.close()
        with _disk_errors(), _sorter(self.folder, raw.path, fetched) as db:
            ((newest,),) = db.sql("select max(signed_in_at) from kept").fetchall()
            known = min(fetched.until, self.taken_at, max(now or self.taken_at, newest or fetched.since))
            finished = [day for day in _finished(fetched.since, known) if day not in stored] if whole else []
            for day in finished:
                part = _Writer(self.folder / f".part-{len(self._moves)}.parquet", arrow_schema(SignIn))
                part.fill(_in_order(db, f"signed_in_at >= '{day}' and signed_in_at < '{day + timedelta(days=1)}'"))
                part.keep()
                home = self.root / "sign_ins" / quote(tenant, safe="") / dataset / f"day={day}"
                self._moves.append((part.path, home / f"{self.target.name}.parquet"))
            elsewhere = ", ".join(f"'{day}'" for day in sorted({*finished, *stored})) or "null"
            rest = self._writers.setdefault("sign_ins", _Writer(self.folder / "sign_ins.parquet", arrow_schema(SignIn)))
            rest.fill(_in_order(db, f"(signed_in_at::date in ({elsewhere})) is not true"))
            raw.path.unlink()

    def freeze(self) -> None:
        """Close every table and move the finished days to their place; no row can be added afterwards."""
        with _disk_errors():
            for name in TABLES.keys() - COMPUTED:
                path, schema = self.folder / f"{name}.parquet", arrow_schema(TABLES[name])
                self._writers.setdefault(name, _Writer(path, schema)).keep()
            for part, home in self._moves:
                _private(home.parent)
                part.chmod(0o400)
                os.replace(part, home)

    def readable(self, manifest: Mapping[str, Any]) -> Snapshot:
        """The frozen draft as the snapshot it is going to be; `manifest` is what `seal` will write."""
        self._manifest = manifest
        return Snapshot(self.root, self.folder, manifest)

    def seal(self, results: Mapping[str, Any] | None) -> Snapshot:
        """Make the snapshot visible, whole or not at all. Raises StoreError."""
        with _disk_errors():
            if results is not None:
                _write_json(self.folder / "results.json", results)
            files = {path.name: _sha256(path) for path in sorted(self.folder.glob("[!.]*"))}
            manifest = {"format": FORMAT, **self._manifest, "files": files}
            _write_json(self.folder / "manifest.json", manifest)
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One sealed scan. Every file was checked against the manifest when it was opened."""

    root: Path
    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, root: Path, folder: Path) -> Snapshot:
        """Raises StoreError when the snapshot is not there, damaged or from a later version."""

        def damaged(why: str) -> StoreError:
            return StoreError(
                f"The snapshot {folder.name} is damaged: {why}.",
                "Name another snapshot with --snapshot, restore the file from a backup, or scan again.",
                "No report is made of it.",
            )

        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            datetime.fromisoformat(manifest["taken_at"])
            if manifest["format"] < 1:
                raise ValueError
            if manifest["format"] > FORMAT:
                raise StoreError(f"The snapshot {folder.name} was written by a later version.", "Update keyround.")
            files = {folder / name: digest for name, digest in manifest["files"].items()}
            files |= {root / part: digest for tenant in manifest["tenants"] for part, digest in tenant["parts"].items()}
        except FileNotFoundError as error:
            raise StoreError(
                f"There is no whole snapshot {folder.name}.", "Scan first, or name another one."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged("manifest.json cannot be read") from error
        for path, digest in files.items():
            name = path.relative_to(root).as_posix()
            try:
                if _sha256(path) != digest:
                    raise damaged(f"{name} was changed after it was sealed")
            except OSError as error:
                raise damaged(f"{name} cannot be read: {error.strerror}") from error
        return cls(root, folder, manifest)

    @property
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["taken_at"])

    def files(self, tenant: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
        """The Parquet files that hold each table of one tenant of the manifest; other tenants' rows may be in them."""
        files = {name: (path,) for name in TABLES if (path := self.folder / f"{name}.parquet").exists()}
        parts = tuple(self.root / part for part in tenant["parts"])
        return files | {"sign_ins": (*parts, *files.get("sign_ins", ()))}


def hashed(root: Path, parts: Mapping[date, Path]) -> dict[str, str]:
    """The parts as a manifest lists them: path below the client's folder -> SHA-256."""
    with _disk_errors():
        return {path.as_posix(): _sha256(root / path) for _, path in sorted(parts.items())}


def as_arrow(rows: Sequence[Row], table: type[Row], tenant: str, provider: str) -> pa.Table:
    """Rows as the columns that are stored: the tenant in front, ids prefixed with their provider."""
    schema, kept = arrow_schema(table), columns(table)
    if not rows:
        return schema.empty_table()
    read = attrgetter(*(column.name for column in kept))
    values = list(zip(*map(read, rows), strict=True)) if len(kept) > 1 else [tuple(map(read, rows))]
    arrays = [pa.array([tenant] * len(rows), schema.field(0).type)]
    for column, of_column in zip(kept, values, strict=True):
        cells = [prefixed(provider, value) for value in of_column] if column.identifier else of_column
        arrays.append(pa.array(cells, schema.field(column.name).type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _finished(since: datetime, until: datetime) -> list[date]:
    """The whole days from `since` that get no more records after `until`.

    A day that the provider had begun to forget counts too: later it has even
    less of it. For the same reason a stored day is never replaced.
    """
    day = since.date() if since.time() == time() else since.date() + timedelta(days=1)
    days = []
    while datetime.combine(day + timedelta(days=1), time()) + SETTLED <= until:
        days.append(day)
        day += timedelta(days=1)
    return days


@contextmanager
def _sorter(folder: Path, raw: Path, fetched: Window) -> Iterator[Any]:
    """A private database with the view `kept`: the raw sign-ins of the window asked for, one row per id.

    A sign-in that waits for its second factor is reported first as stopped and
    later, under the same id, as a success: the weightier outcome is what became
    of it. Ids are compared by their hash first, so that telling that a million
    of them are different takes little memory.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix=".spill-", dir=folder) as spill, duckdb.connect() as db:
        db.execute("set memory_limit = '1GiB'")
        db.execute(f"set temp_directory = {_sql(spill)}")
        rows = f"read_parquet({_sql(raw)}, file_row_number = true)"
        order = ", ".join(map(_sql, OUTCOMES))
        db.execute(f"create table twice as select hash(sign_in_id) as id from {rows} group by all having count(*) > 1")
        db.execute(
            f"create table dropped as select file_row_number from {rows} where hash(sign_in_id) in (from twice) "
            "qualify row_number() over (partition by sign_in_id order by "
            f"coalesce(list_position([{order}], outcome), 99), signed_in_at desc, file_row_number) > 1"
        )
        names = ", ".join(f'"{name}"' for name in arrow_schema(SignIn).names)
        db.execute(
            f"create view kept as select {names} from {rows} where file_row_number not in (from dropped) "
            f"and signed_in_at >= {_sql(fetched.since)} and signed_in_at < {_sql(fetched.until)}"
        )
        yield db


def _private(folder: Path) -> None:
    """Make `folder` and what is missing above it, for this user alone."""
    for missing in reversed([folder, *folder.parents]):
        if not missing.is_dir():
            missing.mkdir(exist_ok=True, mode=0o700)


def _sql(text: str | Path | datetime) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _in_order(db: Any, where: str) -> Iterator[pa.Table]:
    found = db.sql(f"select * from kept where {where} order by signed_in_at, sign_in_id").to_arrow_reader(BATCH)
    for batch in found:
        yield pa.Table.from_batches([batch])


def _write_json(path: Path, value: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn the disk's refusals into a StoreError that says what helps."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise StoreError(f"The snapshot could not be written: {reason}.", therefore="This scan is not kept.") from error
