"""Sign-ins whose days are gone: how many of them, by person, country and month.

    STORE/<client>/months/<tenant>/<data set>/<stamp>-<first half of its SHA-256>.parquet

Each file is sealed and holds everything that was counted until then, and the days that it was counted from: the newest
one is all there is to know. It is whole on the disk before any of these days goes, and a day that is in it is never
counted again nor read beside it, so that a process that is killed loses nothing and counts nothing twice.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ..errors import StoreError
from ..model.schema import arrow_schema
from ..model.sign_in_months import SignInMonth
from .disk import disk_errors, private, sha256

KEPT = 24
"""Months after which what was counted goes as well."""
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{32})\.parquet")
_DAYS = b"keyround.days"
_BATCH = 32_768


@dataclass(frozen=True, slots=True)
class Months:
    """One sealed file, relative to the client's folder, and the days in it."""

    path: PurePosixPath
    days: frozenset[date]


def folder(tenant: str, dataset: str) -> PurePosixPath:
    """Relative to the client's folder."""
    return PurePosixPath("months", quote(tenant, safe=""), dataset)


def beside(part: str) -> PurePosixPath:
    """The folder of what is counted of the data set whose day this is, as a manifest writes it."""
    return PurePosixPath("months", *PurePosixPath(part).parts[1:3])


def day(part: str) -> date:
    """Which day this is, as a manifest writes it."""
    return date.fromisoformat(PurePosixPath(part).parts[3].removeprefix("day="))


def newest(root: Path, home: PurePosixPath) -> Months | None:
    """What is counted in the folder `home` of the client in `root`. Raises StoreError when it cannot be read."""
    names = [path.name for path in (root / home).glob("*.parquet") if _NAME.fullmatch(path.name)]
    return opened(root, home / max(names)) if names else None


def opened(root: Path, path: PurePosixPath) -> Months:
    """One file of them, checked against its name. Raises StoreError."""
    import pyarrow.parquet as pq

    try:
        named = _NAME.fullmatch(path.name)
        if named is None or not sha256(root / path).startswith(named[2]):
            raise ValueError
        ranges = json.loads(pq.read_schema(root / path).metadata[_DAYS])
        return Months(path, frozenset(day for first, last in ranges for day in _between(first, last)))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"What is counted of removed days of sign-ins is damaged: {root / path}.",
            "Restore this file from a backup. If there is none, remove it: first sign-ins from a country are then told "
            "without what it knew.",
            "Nothing was scanned or reported.",
        ) from error


def fold(root: Path, home: PurePosixPath, days: Mapping[date, Path], at: datetime) -> Months:
    """Count these days, parts relative to `root`, with those counted before; what is older than `KEPT` months is left
    out. Sealed when it returns; the days are still there. Raises StoreError."""
    with disk_errors("Nothing was removed."):
        private(root / home)
        for left in (root / home).glob(".months-*"):  # by a process that was killed; nobody else writes here now
            left.unlink()
    before = newest(root, home)
    known = before.days if before else frozenset()
    new = {day: part for day, part in days.items() if day not in known}
    counted = known | new.keys()
    stamp = at.replace(microsecond=0)
    if before and (named := _NAME.fullmatch(before.path.name)):  # a clock that was set back
        stamp = max(stamp, datetime.strptime(named[1], "%Y%m%dT%H%M%SZ") + timedelta(seconds=1))
    with disk_errors("Nothing was removed."):
        handle, name = tempfile.mkstemp(prefix=".months-", dir=root / home)
        os.close(handle)
        draft = Path(name)
        try:
            _count(root, [*new.values()], before, counted, at, draft)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            path = home / f"{stamp:%Y%m%dT%H%M%SZ}-{sha256(draft)[:32]}.parquet"
            draft.chmod(0o400)
            os.replace(draft, root / path)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
    return Months(path, counted)


def overdue(root: Path, months: Months, at: datetime) -> bool:
    """Something in it is older than `KEPT` months. Raises StoreError."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with disk_errors("Nothing was removed."):
        first = pc.min(pq.read_table(root / months.path, columns=["month"])["month"]).as_py()
    return first is not None and first < _oldest(at)


def superseded(root: Path, home: PurePosixPath, named: Iterable[str]) -> list[PurePosixPath]:
    """Files that hold less than the newest, and that no snapshot names."""
    names = sorted(path.name for path in (root / home).glob("*.parquet") if _NAME.fullmatch(path.name))
    still = set(named)
    return [home / name for name in names[:-1] if (home / name).as_posix() not in still]


def _count(
    root: Path, parts: Iterable[Path], before: Months | None, counted: Iterable[date], at: datetime, draft: Path
) -> None:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(SignInMonth).with_metadata({_DAYS: json.dumps(_ranges(counted)).encode()})
    ends: dict[date, date] = {}
    for day in sorted(counted):
        ends[day.replace(day=1)] = day + timedelta(days=1)
    with tempfile.TemporaryDirectory(prefix=".spill-", dir=draft.parent) as spill, duckdb.connect() as db:
        db.execute("set memory_limit = '1GiB'")
        db.execute(f"set temp_directory = {_text(spill)}")
        sources = [_of_day(db, root / part) for part in parts]
        if before:
            kept = ", ".join(name for name in schema.names if name != "ended")
            sources.append(f"select {kept} from read_parquet({_text(root / before.path)})")
        select = f"""
            select m.tenant, m.account_id, m.username, m.country, m.month, e.ended, m.outcome, m.unattended,
                   sum(m.records)::bigint as records
            from ({" union all by name ".join(sources)}) m
            join (select unnest($months::date[])::timestamp as month, unnest($ended::date[])::timestamp as ended) e
              on e.month = m.month
            where m.month >= $oldest
            group by all order by all
        """
        given = {"months": list(ends), "ended": list(ends.values()), "oldest": _oldest(at)}
        with pq.ParquetWriter(draft, schema, compression="zstd") as file:
            if sources:
                for batch in db.sql(select, params=given).to_arrow_reader(_BATCH):
                    file.write_table(pa.Table.from_batches([batch]).cast(schema))


def _of_day(db: Any, part: Path) -> str:
    """The counts of one part, as a select; columns that its version did not know are null."""
    source = f"read_parquet({_text(part)}, hive_partitioning = false)"
    there = {name for name, *_ in db.execute(f"describe from {source}").fetchall()}
    names = ("account_id", "username", "country", "outcome", "source")
    shown = ", ".join(name if name in there else f"null::varchar as {name}" for name in names)
    return (
        "select tenant, account_id, case when account_id is null then lower(username) end as username, country, "
        "date_trunc('month', signed_in_at)::timestamp as month, outcome, source = 'noninteractive' as unattended, "
        f"count(*) as records from (select tenant, signed_in_at, {shown} from {source}) group by all"
    )


def _oldest(at: datetime) -> datetime:
    months = at.year * 12 + at.month - 1 - KEPT
    return datetime(months // 12, months % 12 + 1, 1)


def _ranges(days: Iterable[date]) -> list[tuple[str, str]]:
    found: list[list[date]] = []
    for day in sorted(days):
        if found and found[-1][1] + timedelta(days=1) == day:
            found[-1][1] = day
        else:
            found.append([day, day])
    return [(first.isoformat(), last.isoformat()) for first, last in found]


def _between(first: str, last: str) -> Iterable[date]:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        yield day
        day += timedelta(days=1)


def _text(path: str | Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
