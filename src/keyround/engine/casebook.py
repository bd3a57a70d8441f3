"""Is a rule right? Its cases judged, every cell of them silenced in turn, and the whole read through. Pure.

What `keyround rules test` runs over anybody's rule file and the house's own tests over every rule of the package. The
case rows stand in a database in memory that is locked like the one of a scan.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import Any

import duckdb

from ..connector import Complete
from ..errors import RuleError
from ..model import TABLES, columns, ddl, prefixed
from ..model.schema import TENANT
from . import proofread, sandbox
from .evaluate import evaluate
from .proofread import Remark
from .results import Evaluated
from .rule import VERDICTS, Case, Rule

GIVEN: Mapping[str, Any] = {
    "now": datetime(2026, 8, 1), "since": datetime(2026, 7, 2), "until": datetime(2026, 8, 1),
    "home_countries": ["DK", "SE"], "own_access": [],
}  # fmt: skip
"""What every scan supplies, as cases see it: 1 August 2026, the 30 days before it, at home in Denmark and Sweden."""
_TENANT, _PROVIDER = "t", "m365"
_COMPLETE = dict.fromkeys(TABLES, Complete(0))
_PATIENCE = 20.0  # seconds for one case: a handful of rows
Rows = Mapping[str, list[dict[str, Any]]]
Verdicts = dict[tuple[str, str], str]


@functools.cache
def database() -> duckdb.DuckDBPyConnection:
    """One locked connection for all cases; each fills the tables it names and empties them again."""
    db = duckdb.connect(config={"threads": "1", "memory_limit": "512MiB", "temp_directory": ""})
    sandbox.prepare(db)
    for name, table in TABLES.items():
        db.execute(ddl(name, table))
    db.execute("pragma disable_optimizer")  # of a handful of rows the best plan costs more than any
    db.execute(sandbox.LOCK)
    return db


def judge(rule: Rule, given: Rows, parameters: Mapping[str, Any] | None = None) -> Evaluated:
    """The rule over these rows, ids bare, whomever it is for. Raises RuleError, naming the file and the line."""
    with _holding(rule, given):
        return _judged(rule, parameters)


@contextmanager
def _holding(rule: Rule, given: Rows) -> Iterator[None]:
    """The rows in their tables until the block ends."""
    db = database()
    db.begin()  # nothing of it is ever kept
    try:
        for name, rows in given.items():
            _fill(name, rows)
        yield
    except RuleError as error:
        raise _placed(rule, error) from error
    finally:
        db.rollback()


def _judged(rule: Rule, parameters: Mapping[str, Any] | None) -> Evaluated:
    anywhere, given = replace(rule, not_for=frozenset()), {**GIVEN, **(parameters or {})}
    result = evaluate(anywhere, database(), _TENANT, _PROVIDER, _COMPLETE, given, patience=_PATIENCE)
    assert isinstance(result, Evaluated)  # every table is complete
    return result


def rehearse(rule: Rule) -> None:
    """Run the rule over empty tables: what the database itself refuses is met here. Raises RuleError."""
    judge(rule, {})


def _fill(name: str, rows: list[dict[str, Any]]) -> None:
    """Exactly these rows in that table."""
    database().execute(f'delete from "{name}"')
    keys = list(dict.fromkeys(key for row in rows for key in row))
    if not keys:
        return
    names = ", ".join(f'"{key}"' for key in (TENANT.name, *keys))
    places = ", ".join(["(" + ", ".join("?" * (1 + len(keys))) + ")"] * len(rows))
    cells = [cell for row in rows for cell in (_TENANT, *(_stored(name, key, row.get(key)) for key in keys))]
    database().execute(f'insert into "{name}" ({names}) values {places}', cells)


def _stored(table: str, column: str, value: Any) -> Any:
    return prefixed(_PROVIDER, value) if column in _identifiers(table) else value


@functools.cache
def _identifiers(name: str) -> frozenset[str]:
    return frozenset(column.name for column in columns(TABLES[name]) if column.identifier)


def _placed(rule: Rule, error: RuleError) -> RuleError:
    """What went wrong while the select ran, with the file and, where the database says one, the line."""
    at = re.search(r"\bLINE (\d+):", error.detail)
    said = re.split(r"\n*\bLINE \d+:", error.detail.removeprefix(f"{rule.id}: "))[0]
    said = re.sub(r"^(\w+ )+Error: ", "", " ".join(said.split())).rstrip(".")
    line = rule.line + int(at[1]) - 1 if at and rule.line else rule.line
    where = rule.file or rule.id
    return RuleError(f"{where}, line {line}: {said}." if line else f"{where}: {said}.")


def verdicts(result: Evaluated) -> Verdicts:
    """By subject and aspect."""
    return {(j.subject, j.aspect): j.verdict for j in result.judged}


def expected(case: Case) -> Verdicts:
    """By subject and aspect, as `verdicts`."""
    found = {}
    for key, verdict in case.expect.items():
        subject, _, aspect = key.partition(" | ")
        found[subject, aspect] = verdict
    return found


def misses(rule: Rule, case: Case) -> list[str]:
    """What a case expects and does not get, one sentence each; empty: it holds. Raises RuleError."""
    result = judge(rule, case.given, case.parameters)
    right, found = expected(case), verdicts(result)
    said = [
        f"{_named(key)}: expected {right.get(key, 'to be out of scope')}, got {found.get(key, 'nothing: out of scope')}"
        for key in sorted(right.keys() | found.keys())
        if right.get(key) != found.get(key)
    ]
    leaks = sorted({text for text in _texts(result) if text.startswith(f"{_PROVIDER}:")})
    return said + [f"{text!r} is an id as it is stored: show names instead" for text in leaks]


def _named(key: tuple[str, str]) -> str:
    return " | ".join(filter(None, key))


def _texts(result: Evaluated) -> Iterator[str]:
    for judged in result.judged:
        yield from (judged.subject, judged.aspect)
        for value in judged.evidence.values():
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


# -- the house test ---------------------------------------------------------------------------------------------------


def betrayals(rule: Rule, given: Rows, parameters: Mapping[str, Any] | None = None) -> Iterator[str]:
    """Where silence accuses or acquits: turning any one nullable cell to null may keep a verdict or make it unknown.

    Precisely, with B the verdicts before and A after, keyed by (subject, aspect):
    1. a key in both has the same verdict in A, or unknown;
    2. a key only in A is unknown: what was out of scope, or had no aspect, may come in only so;
    3. a key only in B is excused when its subject still stands in A with an unknown: the fact is there, its aspect
       (the country, say) is not. So no subject disappears;
    4. one exception to 3: a subject whose id stood in the nulled cell and in no other cell cannot be named by anyone.
    """
    with _holding(rule, given):
        before = verdicts(_judged(rule, parameters))
        silenced = []
        for table, some in itertools.groupby(cells(rule, given), itemgetter(0)):
            silenced += [(cell, _without(rule, given, cell, parameters)) for cell in some]
            _fill(table, given[table])
    said = Counter(v for rows in given.values() for row in rows for v in row.values() if isinstance(v, str))
    for (table, number, column), after in silenced:
        gone = given[table][number][column]
        named = said.keys() - ({gone} if isinstance(gone, str) and said[gone] == 1 else set())
        for subject, aspect in sorted(before.keys() | after.keys()):
            was, now = before.get((subject, aspect)), after.get((subject, aspect))
            still_there = any(s == subject and verdict == "unknown" for (s, _), verdict in after.items())
            unnameable = subject == gone and subject not in named
            if now not in (was, "unknown") and not (now is None and (still_there or unnameable)):
                became = f"is {now or 'no longer there'}, was {was or 'out of scope'}"
                yield f"without {table}[{number}].{column}, {_named((subject, aspect))} {became}"


def _without(rule: Rule, given: Rows, cell: tuple[str, int, str], parameters: Mapping[str, Any] | None) -> Verdicts:
    """What the rule says of the rows that are held, this cell of theirs emptied."""
    table, number, column = cell
    rows = given[table]
    _fill(table, [*rows[:number], {**rows[number], column: None}, *rows[number + 1 :]])
    return verdicts(_judged(rule, parameters))


def cells(rule: Rule, given: Rows) -> Iterator[tuple[str, int, str]]:
    """Every cell that the provider might not tell and the rule reads: table, number of the row, column."""
    for table, rows in given.items():
        nullable = {c.name for c in columns(TABLES[table]) if c.nullable} & rule.columns
        for number, row in enumerate(rows):
            for column in sorted(row.keys() & nullable):
                yield table, number, column


# -- reading it through -----------------------------------------------------------------------------------------------


def review(rule: Rule) -> Iterator[Remark]:
    """What is wrong with a rule besides its cases. Raises RuleError where the select does not run."""
    yield from _shown(rule)
    yield from _select(rule)
    yield from proofread.read(rule)
    yield from proofread.translations(rule)


def _shown(rule: Rule) -> Iterator[Remark]:
    shown = {verdict for case in rule.cases for verdict in case.expect.values()}
    for verdict in VERDICTS:
        if verdict not in shown:
            yield Remark(f"no case expects {verdict}: write one")
    if rule.subject == "accounts":
        listed = [{subject for subject, _ in expected(case)} for case in rule.cases]
        there = [{row["account_id"] for row in case.given.get("accounts", ())} for case in rule.cases]
        if not any(accounts - subjects for accounts, subjects in zip(there, listed, strict=True)):
            yield Remark("no case shows who is out of scope: give an account that `expect` does not name")


def _select(rule: Rule) -> Iterator[Remark]:
    known = {c.name for name in rule.reads for c in columns(TABLES[name])} | {TENANT.name}
    if not rule.columns & known:
        yield Remark("the select reads no column at all")
    if judge(rule, {}).judged:
        yield Remark("the select judges somebody even where every table is empty")
    for name in sorted(rule.parameters.keys() - rule.needs):
        yield Remark(f"the select does not use the parameter {name}")
    identifiers = {c.name for table in TABLES.values() for c in columns(table) if c.identifier}
    values = {**rule.parameters, **GIVEN}
    database().execute(rule.select, {name: values[name] for name in rule.needs})
    for name, *_ in database().description or ():
        if name in identifiers:
            yield Remark(f"the evidence {name} is an id: show a name")
