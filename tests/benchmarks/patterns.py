"""Every rule about sign-ins, and every table they rest on, over many sign-ins, beside a bare scan of the same columns.

The sign-ins lie on the disk as the store has them: a sorted file per day. Twenty thousand people sign in, some of them
a hundred times as often as others; most stay at home, some travel, offices share an address, phones refresh their
tokens, second factors interrupt, and a few attackers try passwords.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from keyround import derived
from keyround.connector import Complete
from keyround.engine import sandbox
from keyround.engine.evaluate import evaluate
from keyround.engine.results import Evaluated
from keyround.engine.rule import load
from keyround.model import TABLES, Tenant
from keyround.store.draft import as_arrow
from keyround.terms import Terms

from .timing import say, seconds

DAYS, PEOPLE = 30, 20_000
UNTIL = datetime(2026, 11, 20)
SINCE = UNTIL - timedelta(days=DAYS)


def measure(rows: int, memory_mib: int = 3072, spill_mib: int = 65_536, folder: Path | None = None) -> None:
    """Generate `rows` sign-ins and judge them in a process of their own, so that its peak is theirs.

    `memory_mib` and `spill_mib` are the sandbox's; everything is written below `folder` (default: the system's) and
    removed again.
    """
    with tempfile.TemporaryDirectory(prefix="keyround-bench-", dir=folder) as made:
        took = seconds(lambda: _generate(Path(made), rows))
        print(f"{rows:,} sign-ins generated in {took:.0f} s", flush=True)
        for what in ("bare", "ours"):
            asked = [what, made, str(rows), str(memory_mib), str(spill_mib)]
            subprocess.run([sys.executable, "-m", __name__, *asked], check=True)


def _generate(folder: Path, rows: int) -> None:
    db = duckdb.connect(
        config={
            "threads": 2,
            "memory_limit": "3GiB",
            "temp_directory": str(folder / "spill"),
        }
    )
    db.execute("set enable_progress_bar = false")
    db.execute(f"""
        copy (select 't' as tenant, 'm365:' || hash(i::bigint, 4) || '-' || i as account_id,
                     'p' || i || '@contoso.example' as username,
                     'member' as kind, i % 50 <> 0 as enabled, false as external
              from range({PEOPLE}) r(i))
        to '{folder}/accounts.parquet'
    """)
    for day in range(DAYS):
        here = folder / f"day={(SINCE + timedelta(days=day)).date()}"
        here.mkdir()
        db.execute(f"copy ({_day(day, rows // DAYS)}) to '{here}/scan.parquet' (compression zstd)")
    db.close()


def _day(day: int, rows: int) -> str:
    """One day. `p`: the person, a few of them very busy; one in ten travels to one other country for some days."""
    return f"""
        with dice as (
            select i, hash(i, {day}) as a, hash(i, {day}, 1) as b, hash(i, {day}, 2) as c
            from range({rows}) r(i)
        ),
        who as (
            select *, (({PEOPLE}::bigint - 1) * power((a % 1000000) / 1e6, 3))::bigint as p, b % 1000 as kind,
                   timestamp '{SINCE + timedelta(days=day)}' + to_microseconds((i * 86400000000 // {rows})::bigint)
                       as moment
            from dice
        ),
        placed as (
            select *, kind >= 997 as attack,
                   p % 10 = 0 and hash(p, 3) % 27 <= {day} and {day} < hash(p, 3) % 27 + 4 as away,
                   kind < 400 as app
            from who
        )
        select 't' as tenant, 'm365:' || a || '-{day}-' || i as sign_in_id, moment as signed_in_at,
               case when not attack or c % 3 > 0 then 'm365:' || hash(p, 4) || '-' || p end as account_id,
               'p' || p || '@contoso.example' as username,
               case when attack then case when c % 5000 = 0 then 'success' else 'failure' end
                    when kind < 940 then 'success' when kind < 970 then 'interrupted'
                    when kind < 985 then 'stopped_after_password' else 'failure' end as outcome,
               case when attack then case when c % 5000 = 0 then '0' else '50126' end
                    when kind < 940 then '0' when kind < 970 then '50140' when kind < 985 then '50074'
                    else '50126' end as error_code,
               hash(i // 2, {day}, 3) || '-' || (i // 2) as correlation_id,
               case when attack then '203.0.113.' || (c % 40)
                    when away then '198.51.100.' || (p % 250)
                    when c % 100 < 55 then '192.0.2.' || (p % 30)
                    else '10.' || (p // 250 % 250) || '.' || (p % 250) || '.' || (c % 3) end as address,
               case when attack then (['NG', 'RU', 'CN', 'US'])[1 + (c % 4)::int]
                    when away then (['FR', 'US', 'SE', 'TR', 'ES', 'JP'])[1 + (p // 10 % 6)::int]
                    when p % 100 = 7 and c % 2 = 0 then 'AT'
                    when c % 500 = 0 then null else 'DE' end as country,
               'provider' as country_source,
               case when attack or away then null else 'Town ' || (p % 40) end as city,
               case when attack or away then null else 50 + (p % 40) / 40.0 end as latitude,
               case when attack or away then null else 9 + (p % 40) / 40.0 end as longitude,
               case when attack then 64496 + (c % 4)::bigint when away then 64600 + (p % 50)::bigint
                    else 64700 + (p % 5)::bigint end as asn,
               (['Office 365 Exchange Online', 'Microsoft Teams', 'SharePoint'])[1 + (c % 3)::int] as app,
               (['Browser', 'Mobile Apps and Desktop clients'])[1 + (c % 2)::int] as client,
               c % 100000 = 1 as legacy,
               case when c % 10 < 7 then 'satisfied' when c % 10 < 9 then 'single_factor' else 'unknown' end as mfa,
               case when app then 'noninteractive' else 'interactive' end as source,
               case when c % 200000 = 2 then 'high' end as risk, null::varchar as method
        from placed
    """


def _files(folder: Path) -> dict[str, sandbox.Source]:
    days = tuple(sorted(folder.glob("day=*/*.parquet")))
    tenant = sandbox.Rows(as_arrow([Tenant("m365", name="Contoso")], Tenant, "t", "m365"))
    return {
        "sign_ins": sandbox.Files(days),
        "tenants": tenant,
        "accounts": sandbox.Files((folder / "accounts.parquet",)),
    }


def _bare(folder: Path, memory_mib: int) -> None:
    """Read the columns once, and count what is in them: the least that anybody can do who wants to know anything."""
    read = ("account_id", "username", "signed_in_at", "outcome", "error_code", "address", "country", "latitude",
            "longitude", "asn", "app", "client", "legacy", "mfa", "source", "risk", "correlation_id",
            "sign_in_id")  # fmt: skip
    shown = ", ".join(f"max({name})" for name in read)
    with duckdb.connect(config={"threads": 2, "memory_limit": f"{memory_mib}MiB"}) as db:
        db.execute(
            f"select {shown} from read_parquet('{folder}/day=*/*.parquet', hive_partitioning = false)"
        ).fetchall()


def _ours(folder: Path, memory_mib: int, spill_mib: int, said: Callable[[str, float, object], None]) -> None:
    files = _files(folder)
    outcomes = dict.fromkeys(TABLES, Complete(0))
    given: dict[str, Any] = {"now": UNTIL, "since": SINCE, "until": UNTIL, "home_countries": ["DE"], "own_access": [],
                             "log_since": SINCE, "measured": False, "terms": Terms(),
                             "emergency_accounts": ()}  # fmt: skip
    roomy: Mapping[str, Any] = {"memory_mib": memory_mib, "spill_mib": spill_mib, "spill": folder}
    with sandbox.opened(files, "t", **roomy) as db:
        for name in derived.SQL:
            begun = time.perf_counter()
            table = derived.computed(name, db, given)
            sandbox.fill(db, name, table, "t")
            said(f"table {name}", time.perf_counter() - begun, f"{table.num_rows:,} rows")
        for rule in load():
            if rule.reads & ({"sign_ins", *derived.SQL} - {"account_use", "factor_use"}):
                begun = time.perf_counter()
                result = evaluate(rule, db, "t", "m365", outcomes, given, patience=3600)
                if isinstance(result, Evaluated):
                    said(f"rule {rule.id}", time.perf_counter() - begun, f"{result.count('fail'):,} fail")


def _in_this_process(what: str, folder: str, rows: str, memory_mib: str, spill_mib: str) -> None:
    kept = Path(folder) / "bare-seconds"
    if what == "bare":
        took = seconds(lambda: _bare(Path(folder), int(memory_mib)))
        kept.write_text(str(took), encoding="ascii")
        return
    bare = float(kept.read_text(encoding="ascii"))

    def said(name: str, took: float, found: object) -> None:
        say(f"  {name}", took, bare, f"the bare scan, {found}")

    took = seconds(lambda: _ours(Path(folder), int(memory_mib), int(spill_mib), said))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(f"all of it over {int(rows):,} sign-ins, peak {peak:,.0f} MiB", took, bare, "the bare scan")


if __name__ == "__main__":
    _in_this_process(*sys.argv[1:])
