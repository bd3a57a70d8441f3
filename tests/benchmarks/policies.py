"""Is a second factor demanded of everybody: the engine beside the naive enumerator, and beside reading the accounts.

A company of 40 departments and 20 sites whose 60 policies name all of them, and 140 small groups that policies exempt
or try something out on.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from keyround.engine import sandbox
from keyround.judging import _Tables
from keyround.model import NAME, Account, GroupMember
from keyround.store.draft import as_arrow
from keyround_m365 import enforcement

from ..m365.conditional_access import naive
from ..m365.conditional_access.build import (
    EXCHANGE,
    OWN_APP,
    RESISTANT,
    at,
    controls,
    countries,
    group,
    network,
    on,
    outcomes_of,
    person,
    policy,
    tables_of,
)
from .timing import say, seconds

DEPARTMENTS, SITES, SMALL = 40, 20, 140
PLACES = [network("Office", "192.0.2.0/24", trusted=True), network("Branch", "198.51.100.0/25"),
          countries("Home", "DK", "SE", "NO")]  # fmt: skip
SAMPLE = 100


def measure(accounts: int) -> None:
    people, rows = _directory(accounts)
    policies = list(_policies())
    fake = tables_of(policies, people, *rows, locations=PLACES)
    with tempfile.TemporaryDirectory() as folder:
        sources: dict[str, sandbox.Source] = {}
        for table in enforcement.DERIVED.reads:
            path = Path(folder) / f"{NAME[table]}.parquet"
            pq.write_table(as_arrow(list(fake.rows(table)), table, "t", "m365"), path)
            sources[NAME[table]] = sandbox.Files((path,))
        with sandbox.opened(sources, "t") as db:
            tables = _Tables(db, "m365")
            judged: list[Any] = []
            read = seconds(lambda: sum(1 for _ in tables.rows(Account)))
            members = seconds(lambda: sum(1 for _ in tables.rows(GroupMember)))
            ours = seconds(lambda: judged.extend(enforcement.rows(tables, outcomes_of(), datetime(2026, 11, 20), {})))
    what = f"{accounts:,} accounts, {len(policies)} policies, {DEPARTMENTS + SITES + SMALL} groups"
    say(f"verdicts: {what}", ours, read, f"reading the accounts; their memberships take {members:.3f} s more")
    few = random.Random(2).sample(people, SAMPLE)
    mine = {person.account_id for person in few}
    near = [row for row in rows if not isinstance(row, GroupMember) or row.member_id in mine]
    slow: dict[str, str] = {}
    each = seconds(lambda: slow.update(naive.verdicts(policies, few, *near, locations=PLACES))) / SAMPLE
    say("verdicts: each thousand accounts", ours / accounts * 1000, each * 1000, f"the naive enumerator over {SAMPLE}")
    found = {row.account_id: row.verdict for row in judged}
    odd = sum(found[key] != word for key, word in slow.items())
    print(f"verdicts: {odd} of {SAMPLE} differ; {len(set(found.values()))} different words among all", flush=True)


def _directory(accounts: int) -> tuple[list[Account], list[Any]]:
    people = [person(f"p{number}") for number in range(accounts)]
    rows: list[Any] = []
    for number in range(DEPARTMENTS):
        rows += group(f"d{number}", *(f"p{one}" for one in range(number, accounts, DEPARTMENTS)))
    for number in range(SITES):
        rows += group(f"s{number}", *(f"p{one}" for one in range(accounts) if one // DEPARTMENTS % SITES == number))
    chance = random.Random(1)
    for number in range(SMALL):
        rows += group(f"x{number}", *{f"p{chance.randrange(accounts)}" for _ in range(20)})
    return people, rows


def _policies() -> Iterator[dict[str, Any]]:
    def groups(letter: str, *numbers: int) -> list[str]:
        return [f"{letter}{number}" for number in numbers]

    for number in range(20):
        grant = ("mfa", controls("mfa", "compliantDevice"), "compliantDevice", controls(strength=RESISTANT))[number % 4]
        where = ({}, {"platforms": on("android", "iOS")}, {"clientAppTypes": ["browser"]},
                 {"locations": at("All", without=["AllTrusted"])})[number // 4 % 4]  # fmt: skip
        yield policy(f"Departments {number}", grant, users=(), **where, who={
            "includeGroups": groups("d", 2 * number, 2 * number + 1),
            "excludeGroups": groups("x", *range(4 * number, 4 * number + 4)),
        })  # fmt: skip
    for number in range(20):
        grant = "block" if number % 2 else "mfa"
        where = {"locations": at("All", without=["loc-Home"])} if number % 2 else {}
        apps = ["Office365"] if number % 3 else [EXCHANGE, OWN_APP]
        yield policy(f"Site {number}", grant, users=(), apps=apps, **where, who={
            "includeGroups": groups("s", number), "excludeGroups": groups("x", 80 + 2 * number, 81 + 2 * number),
        })  # fmt: skip
    for number in range(18):
        state = "enabledForReportingButNotEnforced" if number % 3 else "enabled"
        yield policy(f"Pilot {number}", users=(), apps=[OWN_APP], state=state,
                     who={"includeGroups": groups("x", 120 + number)})  # fmt: skip
    yield policy("Old clients", "block", clientAppTypes=["exchangeActiveSync", "other"])
    yield policy("Risk", signInRiskLevels=["high"], who={"excludeGroups": groups("x", 138, 139)})
