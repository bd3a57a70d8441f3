"""Sign-ins counted and judged, sandbox and verdicts included, beside the bare query over the same columns."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import duckdb

from keyround import derived
from keyround.connector import Complete
from keyround.engine import sandbox
from keyround.engine.evaluate import evaluate
from keyround.engine.rule import load
from keyround.model import TABLES

from .timing import interleaved, say

NOW = datetime(2026, 11, 20)
BARE = """
select account_id, country, outcome, legacy, count(*), count(*) filter (mfa = 'single_factor'), max(country_source),
       min(signed_in_at), max(signed_in_at), max(address), max(app), max(correlation_id), max(username)
from read_parquet(?) where signed_in_at >= ? group by account_id, country, outcome, legacy
"""


def measure(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sign_ins.parquet"
        _generate(path, rows)
        accounts = Path(folder) / "accounts.parquet"
        duckdb.execute(
            "copy (select 't' as tenant, 'm365:' || i as account_id, 'p' || i as username, 'member' as kind, "
            f"true as enabled from range(20000) r(i)) to '{accounts}'"
        )
        rule = next(rule for rule in load() if rule.id == "foreign-sign-in")
        files = {"sign_ins": sandbox.Files((path,)), "accounts": sandbox.Files((accounts,))}
        outcomes = dict.fromkeys(TABLES, Complete(0))
        since = datetime(2026, 10, 21)
        given = {"now": NOW, "since": since, "until": NOW, "home_countries": ["DE"]}

        def ours() -> None:
            with sandbox.opened(files, "t") as db:
                for name in ("known_addresses", "sign_in_places"):
                    sandbox.fill(db, name, derived.computed(name, db, given), "t")
                evaluate(rule, db, "t", "m365", outcomes, given)

        def bare() -> None:
            with duckdb.connect(config={"threads": 2}) as db:
                db.execute(BARE, [str(path), since]).fetchall()

        mine, floor = interleaved(ours, bare, 3)
        say(f"sign_in_places and foreign-sign-in over {rows:,} sign-ins", mine, floor, "the bare DuckDB query")


def _generate(path: Path, rows: int) -> None:
    duckdb.execute(f"""
        copy (
          select 't' as tenant, 'm365:' || i as sign_in_id, 'm365:' || (hash(i) % 20000) as account_id,
                 timestamp '2026-10-21' + interval 1 second * (i * 2592000 // {rows}) as signed_in_at,
                 'p' || (hash(i) % 20000) as username,
                 case when hash(i, 1) % 100 < 93 then 'success' when hash(i, 1) % 100 < 95 then 'stopped_after_password'
                      else 'failure' end as outcome, 'c' || hash(i, 5) as correlation_id,
                 case when hash(i, 2) % 1000 < 990 then 'DE' else 'FR' end as country,
                 '192.0.2.' || (hash(i, 3) % 250) as address, 'provider' as country_source,
                 64500 + hash(i, 3) % 9 as asn, 'App ' || (hash(i, 6) % 40) as app, false as legacy,
                 case when hash(i, 4) % 3 = 0 then 'satisfied' else 'unknown' end as mfa
          from range({rows}) r(i)
        ) to '{path}' (compression zstd)
    """)
