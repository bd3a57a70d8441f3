"""Whose 2-Step Verification policy wins, for everybody: beside reading the accounts.

A company of sixty policies over four units and two hundred groups; everybody is in ten of them, and no two alike.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from keyround.engine import sandbox
from keyround.judging import _Tables
from keyround.model import NAME, Account, GroupMember
from keyround.store.draft import as_arrow
from keyround_google import enforcement

from ..google.two_step.build import LATER, NOW, OFF, ON, demand, group, outcomes, person, tables
from .timing import say, seconds

UNITS = ("/", "/Sales", "/Sales/North", "/Shop")
POLICIES, GROUPS = 60, 200


def measure(accounts: int) -> None:
    fake = tables(*_company(accounts))
    with tempfile.TemporaryDirectory() as folder:
        sources: dict[str, sandbox.Source] = {}
        for table in enforcement.DERIVED.reads:
            path = Path(folder) / f"{NAME[table]}.parquet"
            pq.write_table(as_arrow(list(fake.rows(table)), table, "t", "google"), path)
            sources[NAME[table]] = sandbox.Files((path,))
        with sandbox.opened(sources, "t") as db:
            stored = _Tables(db, "google")
            judged: list[Any] = []
            read = seconds(lambda: sum(1 for _ in stored.rows(Account)))
            members = seconds(lambda: sum(1 for _ in stored.rows(GroupMember)))
            ours = seconds(lambda: judged.extend(enforcement.rows(stored, outcomes(), NOW, {})))
    what = f"{accounts:,} accounts, {POLICIES} policies, {GROUPS} groups"
    say(f"2-Step verdicts: {what}", ours, read, f"reading the accounts; their memberships take {members:.3f} s more")
    print(f"2-Step verdicts: {len({row.verdict for row in judged})} different words among all", flush=True)


def _company(accounts: int) -> list[Any]:
    chance, keys = random.Random(3), [f"g{number}" for number in range(GROUPS)]
    rows: list[Any] = []
    for number in range(POLICIES):
        of_group = chance.choice(keys) if number % 2 else None
        since, unit = chance.choice((ON, OFF, LATER)), chance.choice(UNITS)
        rows.append(demand(since, unit, group=of_group, order=float(number)))
    rows += [group(key, *{f"p{chance.randrange(accounts)}" for _ in range(accounts * 10 // GROUPS)}) for key in keys]
    for number in range(accounts):
        rows += person(f"p{number}", chance.choice(UNITS), enforced=chance.choice((True, False)))
    return rows
