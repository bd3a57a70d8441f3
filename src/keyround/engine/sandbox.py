"""The only connection a rule's SQL ever sees: one tenant of one scan.

Threat     A rule pack written by somebody else, run by a provider against many
           clients: it must not read another client's snapshot, write a file,
           reach the network, or run for ever.
Walls      1. `gate.inspect` refuses anything but a select over known tables.
           2. This connection opens the files it was given and no other, cannot
              be reconfigured, and stops when memory, spill or time run out.
Not ours   DuckDB lets an allowed path be written as well as read: what keeps a
           `copy … to` off a sealed snapshot is the file's mode, which root does
           not feel. And it makes no promise about hostile SQL
           (duckdb.org/docs/operations_manual/securing_duckdb). A provider who
           runs packs from strangers gives this process an ordinary user.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from ..errors import RuleError
from ..model import TABLES, Row, columns, ddl
from ..model.schema import TENANT

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Files:
    """A table as Parquet files on disk, read only when a rule asks.

    `paths` repeat no row among themselves. Each group in `refetched` holds files
    that may bring the same row again, oldest first: the newest wins. No one file
    holds a row twice.
    """

    paths: tuple[Path, ...]
    refetched: tuple[tuple[Path, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """A table in memory, such as a derived one; `tenant` is its first column."""

    table: pa.Table


Source = Files | Rows
SMALL = 2_000_000
"""Bytes of Parquet that are read once into memory. What is larger is streamed, by each select anew."""

# Kleene's "or" and "and" over a group. bool_or skips null and would turn "one
# no, one unknown" into no; over an empty group they are false and true.
MACROS = """
create macro any_true(x) as case when bool_or(x) then true when count(*) = count(x) then false end;
create macro all_true(x) as case when not bool_and(x) then false when count(*) = count(x) then true end;
"""
LOCK = """
set python_enable_replacements = false;
set autoinstall_known_extensions = false;
set autoload_known_extensions = false;
set allow_community_extensions = false;
set enable_external_access = false;
set lock_configuration = true;
"""


@contextmanager
def opened(sources: Mapping[str, Source], tenant: str, *, memory_mib: int = 1024, spill: Path | None = None,
           spill_mib: int = 16_384) -> Iterator[duckdb.DuckDBPyConnection]:  # fmt: skip
    """The tables of one tenant, every other tenant's rows left out; a table without a source is empty.

    What does not fit into memory spills into a private folder under `spill`
    (default: the system's), removed afterwards.
    """
    private = tempfile.mkdtemp(prefix="keyround-", dir=spill)
    threads = str(min(4, os.cpu_count() or 1))
    held = secrets.token_hex(16)  # before names that no select can know: what is read from a file stays as it was read
    try:
        with duckdb.connect(config={"memory_limit": f"{memory_mib}MiB", "threads": threads}) as db:
            db.execute(f"set temp_directory = {_text(private)}")
            db.execute(f"set max_temp_directory_size = '{spill_mib}MiB'")
            db.execute(f"set allowed_paths = {_quoted(*_paths(sources))}")
            prepare(db)
            for name, table in TABLES.items():
                match sources.get(name):
                    case None:
                        db.execute(ddl(name, table))
                    case Rows(rows):
                        db.execute(ddl(name, table))
                        _insert(db, name, rows, tenant)
                    case Files() as files:
                        shown = _view(db, table, files, tenant)
                        if sum(path.stat().st_size for path in _all(files)) <= SMALL:
                            db.execute(f'create table "{held}{name}" as {shown}')
                            shown = f'from "{held}{name}"'
                        db.execute(f'create view "{name}" as {shown}')
            db.execute(LOCK)
            yield db
    finally:
        shutil.rmtree(private, ignore_errors=True)


def fill(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, tenant: str) -> None:
    """Show these rows of a tenant as the whole of a table; a table computed from others may so be one of them."""
    if db.execute("from duckdb_views() where view_name = ? and not internal", [name]).fetchone():
        db.execute(f'drop view "{name}"')  # of files that hold half of it: the rows complete them
        db.execute(ddl(name, TABLES[name]))
    else:
        db.execute(f'delete from "{name}"')
    _insert(db, name, rows, tenant)


def _insert(db: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, tenant: str) -> None:
    db.register("given_rows", rows)
    db.execute(f'insert into "{name}" by name from given_rows where tenant = ?', [tenant])
    db.unregister("given_rows")


def prepare(db: duckdb.DuckDBPyConnection) -> None:
    """What rules may count on besides the tables; tests give it to a connection of their own."""
    db.execute(MACROS)


@contextmanager
def patience(db: duckdb.DuckDBPyConnection, seconds: float, rule: str) -> Iterator[None]:
    """Interrupt what `db` is doing when the time is up. Raises RuleError naming the rule."""
    timer = threading.Timer(seconds, db.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise RuleError(f"{rule}: stopped after {seconds:g} seconds.") from error
    finally:
        timer.cancel()
        timer.join()


def _paths(sources: Mapping[str, Source]) -> Iterator[str]:
    for source in sources.values():
        if isinstance(source, Files):
            yield from (str(path.resolve()) for path in _all(source))


def _all(files: Files) -> Iterator[Path]:
    for group in (files.paths, *files.refetched):
        yield from group


def _view(db: duckdb.DuckDBPyConnection, table: type[Row], files: Files, tenant: str) -> str:
    """One select over all parts, in the model's columns; a column older than the file is null."""
    parts = [_part(db, table, files.paths, tenant, ())] if files.paths else []
    for group in files.refetched:
        parts += [_part(db, table, (path,), tenant, group[place + 1 :]) for place, path in enumerate(group)]
    if not parts:
        nulls = ", ".join(f'null::{c.sql} as "{c.name}"' for c in (TENANT, *columns(table)))
        return f"select {nulls} where false"
    return " union all ".join(parts)


def _part(db: duckdb.DuckDBPyConnection, table: type[Row], paths: tuple[Path, ...], tenant: str,
          newer: tuple[Path, ...]) -> str:  # fmt: skip
    """The tenant's rows of these files that no newer file brings again."""
    source = _parquet(paths)
    there = {name for name, *_ in db.execute(f"describe from {source}").fetchall()}
    shown = ", ".join(
        f'old."{c.name}"::{c.sql} as "{c.name}"' if c.name in there else f'null::{c.sql} as "{c.name}"'
        for c in (TENANT, *columns(table))
    )
    owned = f"tenant = {_text(tenant)}"
    part = f"select {shown} from {source} old where old.{owned}"
    if not newer:
        return part
    same = " and ".join(f'old."{key}" is not distinct from new."{key}"' for key in table.KEY)
    return f"{part} and not exists (select 1 from {_parquet(newer)} new where new.{owned} and {same})"


def _parquet(paths: tuple[Path, ...]) -> str:
    union = ", union_by_name = true" if len(paths) > 1 else ""
    return f"read_parquet({_quoted(*(str(path.resolve()) for path in paths))}, hive_partitioning = false{union})"


def _quoted(*texts: str) -> str:
    """A list of texts as SQL."""
    return "[" + ", ".join(map(_text, texts)) + "]"


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
