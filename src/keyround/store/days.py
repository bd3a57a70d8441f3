"""Sign-ins by day: which days are stored, which are finished, and one row per sign-in in order of time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..connector import Arrived, Window
from ..model import SignIn, arrow_schema
from ..model.arrays import arrow_array
from ..model.sign_ins import OUTCOMES

if TYPE_CHECKING:
    import pyarrow as pa

SETTLED = timedelta(hours=48)  # after this a day gets no more late records worth waiting for
BATCH = 32_768  # rows at a time


def parts(root: Path, tenant: str, dataset: str) -> dict[date, Path]:
    """The part of each stored day, oldest day first, relative to the client's folder `root`."""
    found: dict[date, Path] = {}
    for path in sorted(folder(root, tenant, dataset).glob("day=*/*.parquet")):
        with suppress(ValueError):  # somebody else's folder
            found[date.fromisoformat(path.parent.name.removeprefix("day="))] = path.relative_to(root)
    return found


def folder(root: Path, tenant: str, dataset: str) -> Path:
    return root / "sign_ins" / quote(tenant, safe="") / dataset


def finished(arrived: Sequence[Arrived], since: datetime, until: datetime) -> list[date]:
    """The whole days from `since` among what has `arrived` that get no more records after `until`.

    A day that the provider had begun to forget counts too: later it has even less
    of it. For the same reason a stored day is never replaced.
    """
    days = set()
    for part in arrived:
        first, asked_at = max(part.since, since), min(part.asked_at or until, until)
        day = first.date() if first.time() == time() else first.date() + timedelta(days=1)
        while (over := datetime.combine(day + timedelta(days=1), time())) <= part.until and over + SETTLED <= asked_at:
            days.add(day)
            day += timedelta(days=1)
    return sorted(days)


@contextmanager
def sorter(folder: Path, raw: Path, fetched: Window, one_login: timedelta) -> Iterator[Any]:
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
        within = (
            f"{rows} where file_row_number not in (from dropped) "
            f"and signed_in_at >= {_sql(fetched.since)} and signed_in_at < {_sql(fetched.until)}"
        )
        if one_login:
            _merge(db, within, one_login)
        names = ", ".join(f'"{name}"' for name in arrow_schema(SignIn).names)
        db.execute(f"create view kept as select {names} from {within}")
        yield db


def _merge(db: Any, kept: str, one_login: timedelta) -> None:
    """Drop what only repeats a success: same account, address and app within `one_login` of the login's first record.

    Nothing but a success is ever dropped, and only for an earlier success: each
    attempt that failed counts. Every day is counted for itself, so that it comes
    out the same whichever days were fetched with it.
    """
    starts: dict[tuple[Any, ...], datetime] = {}
    repeated: list[int] = []
    found = db.execute(
        f"select file_row_number, signed_in_at, coalesce(account_id, lower(username)), address, app from {kept} "
        "and outcome = 'success' and coalesce(account_id, username) is not null order by signed_in_at, sign_in_id"
    )
    while some := found.fetchmany(BATCH):
        for number, when, *login in some:
            key = (when.date(), *login)
            if key in starts and when - starts[key] <= one_login:
                repeated.append(number)
            else:
                starts[key] = when
    import pyarrow as pa

    twice = pa.table({"file_row_number": arrow_array(repeated, pa.int64())})
    db.register("repeated", twice)
    db.execute("insert into dropped from repeated")
    db.unregister("repeated")


def in_order(db: Any, where: str) -> Iterator[pa.Table]:
    import pyarrow as pa

    found = db.sql(f"select * from kept where {where} order by signed_in_at, sign_in_id").to_arrow_reader(BATCH)
    for batch in found:
        yield pa.Table.from_batches([batch])


def by_day(db: Any, days: Sequence[date]) -> Iterator[tuple[date, Iterator[pa.Table]]]:
    """Each of `days`, oldest first, with its rows in order, all in one pass: take a day's rows before the next day."""
    found = groupby(_slices(in_order(db, f"signed_in_at::date in ({in_sql(days)})")), itemgetter(0))
    day, rows = next(found, (None, iter(())))
    for wanted in sorted(days):
        if day == wanted:
            yield wanted, map(itemgetter(1), rows)
            day, rows = next(found, (None, iter(())))
        else:
            yield wanted, iter(())


def _slices(batches: Iterator[pa.Table]) -> Iterator[tuple[date, pa.Table]]:
    for batch in batches:
        start = 0
        for day, same in groupby(when.date() for when in batch["signed_in_at"].to_pylist()):
            count = sum(1 for _ in same)
            yield day, batch.slice(start, count)
            start += count


def in_sql(days: Iterable[date]) -> str:
    """The days as a list in SQL that is never empty."""
    return ", ".join(f"'{day}'" for day in sorted(days)) or "null"


def _sql(text: str | Path | datetime) -> str:
    return "'" + str(text).replace("'", "''") + "'"
