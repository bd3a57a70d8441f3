"""One rule over many sign-ins, sandbox and verdicts included, beside the bare query over the same columns."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import duckdb

from keyround.connector import Complete
from keyround.engine import sandbox
from keyround.engine.evaluate import evaluate
from keyround.engine.rule import load
from keyround.model import TABLES

from .timing import interleaved, say

NOW = datetime(2026, 11, 20)
BARE = """
select account_id, country, bool_or(outcome = 'success' and country <> 'DE'), count(*), max(signed_in_at)
from read_parquet(?) where outcome = 'success' and signed_in_at >= ? group by account_id, country
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
                evaluate(rule, db, "t", "m365", outcomes, given)

        def bare() -> None:
            with duckdb.connect(config={"threads": 2}) as db:
                db.execute(BARE, [str(path), since]).fetchall()

        mine, floor = interleaved(ours, bare, 3)
        say(f"rule foreign-sign-in over {rows:,} sign-ins", mine, floor, "the bare DuckDB query")


def _generate(path: Path, rows: int) -> None:
    duckdb.execute(f"""
        copy (
          select 't' as tenant, 'm365:' || i as sign_in_id, 'm365:' || (hash(i) % 20000) as account_id,
                 timestamp '2026-10-21' + interval 1 second * (i * 2592000 // {rows}) as signed_in_at,
                 case when hash(i, 1) % 100 < 93 then 'success' else 'failure' end as outcome,
                 case when hash(i, 2) % 1000 < 990 then 'DE' else 'FR' end as country,
                 '192.0.2.' || (hash(i, 3) % 250) as address, false as legacy, 'unknown' as mfa
          from range({rows}) r(i)
        ) to '{path}' (compression zstd)
    """)
