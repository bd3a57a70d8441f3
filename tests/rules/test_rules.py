"""Every case in every rule file is a test, and so is every cell of every case; nobody writes test code for a rule."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

from keyround.connector import Complete
from keyround.engine import sandbox
from keyround.engine.evaluate import evaluate
from keyround.engine.results import Evaluated
from keyround.engine.rule import Case, Rule, load, parse
from keyround.model import TABLES, columns, ddl, prefixed
from keyround.model.schema import TENANT

TRUSTED = {"learn.microsoft.com", "support.google.com", "knowledge.workspace.google.com", "www.cisa.gov"}
GIVEN = {"now": datetime(2026, 8, 1), "since": datetime(2026, 7, 2), "until": datetime(2026, 8, 1),
         "home_countries": ["DK", "SE"], "own_access": []}  # fmt: skip
COMPLETE = dict.fromkeys(TABLES, Complete(0))
TENANT_ID, PROVIDER = "t", "m365"
RULES = load()
CASES = [pytest.param(r, c, id=f"{r.id}: {c.name}") for r in RULES for c in r.cases]
by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
Verdicts = Mapping[tuple[str, str], str]


@functools.cache
def database() -> duckdb.DuckDBPyConnection:
    """One connection for all cases; each fills the tables it names and empties them again."""
    db = duckdb.connect(config={"threads": "1"})
    sandbox.prepare(db)
    for name, table in TABLES.items():
        db.execute(ddl(name, table))
    return db


def judge(rule: Rule, given: Mapping[str, list[dict[str, Any]]], parameters: Mapping[str, Any]) -> Evaluated:
    db = database()
    for name, rows in given.items():
        identifiers = {c.name for c in columns(TABLES[name]) if c.identifier}
        for row in rows:
            cells = {k: prefixed(PROVIDER, v) if k in identifiers else v for k, v in row.items()} | {
                "tenant": TENANT_ID
            }
            names = ", ".join(f'"{key}"' for key in cells)
            db.execute(f'insert into "{name}" ({names}) values ({", ".join("?" * len(cells))})', list(cells.values()))
    try:
        result = evaluate(rule, db, TENANT_ID, PROVIDER, COMPLETE, {**GIVEN, **parameters})
    finally:
        for name in given:
            db.execute(f'delete from "{name}"')
    assert isinstance(result, Evaluated)
    return result


def verdicts(result: Evaluated) -> dict[tuple[str, str], str]:
    return {(j.subject, j.aspect): j.verdict for j in result.judged}


def expected(case: Case) -> dict[tuple[str, str], str]:
    found = {}
    for key, verdict in case.expect.items():
        subject, _, aspect = key.partition(" | ")
        found[subject, aspect] = verdict
    return found


@pytest.mark.parametrize("rule, case", CASES)
def test_case(rule: Rule, case: Case) -> None:
    for name, rows in case.given.items():
        for row in rows:
            assert row.keys() <= {c.name for c in columns(TABLES[name])}, f"{name} has no such column"
            assert row.keys() >= {c.name for c in columns(TABLES[name]) if not c.nullable and c.name != "value"} - {
                "scope"
            }
    result = judge(rule, case.given, case.parameters)
    assert verdicts(result) == expected(case)
    assert not [leak for leak in _texts(result) if leak.startswith(f"{PROVIDER}:")]


def _texts(result: Evaluated) -> Iterator[str]:
    for judged in result.judged:
        yield from (judged.subject, judged.aspect)
        for value in judged.evidence.values():
            yield from (v for v in (value if isinstance(value, list) else [value]) if isinstance(v, str))


@by_rule
def test_cases_show_every_verdict_and_what_is_out_of_scope(rule: Rule) -> None:
    assert {v for c in rule.cases for v in c.expect.values()} == {"fail", "pass", "unknown"}
    if rule.subject == "accounts":
        listed = [{s for s, _ in expected(c)} for c in rule.cases]
        there = [{row["account_id"] for row in c.given.get("accounts", ())} for c in rule.cases]
        assert any(accounts - subjects for accounts, subjects in zip(there, listed, strict=True))


@by_rule
def test_its_texts_are_fit_to_print(rule: Rule) -> None:
    assert {urlsplit(u).hostname for u in rule.references} <= TRUSTED
    assert all(urlsplit(u).scheme == "https" for u in rule.references)
    assert set(rule.fix) == {"m365", "google"} - rule.not_for
    for steps in rule.fix.values():
        numbers = re.findall(r"^(\d)\. ", steps, re.MULTILINE)
        assert numbers == [str(n + 1) for n in range(len(numbers))]
    assert not rule.title.endswith(".")
    assert not rule.action.endswith(".")
    assert len(rule.title) <= 60
    assert len(rule.action) <= 80
    assert set(rule.controls) <= {"cis_m365", "cis_google", "scuba_m365", "scuba_google"}


@by_rule
def test_it_rests_on_columns_that_exist(rule: Rule) -> None:
    known = {c.name for name in rule.reads for c in columns(TABLES[name])} | {TENANT.name}
    assert rule.columns & known, "reads no column at all"
    assert not judge(rule, {}, {}).judged


@by_rule
def test_no_evidence_is_an_id(rule: Rule) -> None:
    identifiers = {c.name for table in TABLES.values() for c in columns(table) if c.identifier}
    database().execute(rule.select, {name: {**rule.parameters, **GIVEN}[name] for name in rule.needs})
    assert not {str(c[0]) for c in database().description or ()} & identifiers


def test_without_home_countries_everything_from_the_log_is_unknown() -> None:
    for rule in RULES:
        if "home_countries" in rule.needs:
            for case in rule.cases:
                found = judge(rule, case.given, {**case.parameters, "home_countries": None})
                assert {j.verdict for j in found.judged} <= {"unknown"}


# -- the house test ---------------------------------------------------------------------------------------------------


def test_the_kit_can_fail() -> None:
    """A rule that reads silence as an answer is caught, in each of the ways there are."""
    case = {"accounts": [{"account_id": "ada", "enabled": True, "external": False},
                         {"account_id": "bo", "enabled": True, "external": True}]}  # fmt: skip
    assert not list(betrayals(_broken("external"), case, {}))
    for broken in (
        "coalesce(external, true)",  # null reads as yes: pass becomes fail
        "external is true",  # null reads as no: fail becomes pass
        "case when external then null else external is null end",  # unknown becomes fail
    ):
        assert list(betrayals(_broken(broken), case, {})), broken
    assert list(betrayals(_broken("external", "where enabled"), case, {})), "a subject disappears"
    assert list(betrayals(_broken("external", "where external is null or not external"), case, {})) == []
    assert list(betrayals(_broken("false", "where external is null or not external"), case, {})), "one appears as pass"


def _broken(failing: str, where: str = "") -> Rule:
    return parse(
        "broken",
        f"""
        title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"\neffort = "hours"
        action = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, {failing} as failing from accounts {where}"
    """,
    )


@pytest.mark.parametrize("rule, case", CASES)
def test_silence_never_accuses_and_never_acquits(rule: Rule, case: Case) -> None:
    """Turning any one nullable cell to null may keep a verdict or make it unknown, never anything else.

    Precisely, with B the verdicts before and A after, keyed by (subject, aspect):
    1. a key in both has the same verdict in A, or unknown;
    2. a key only in A is unknown: what was out of scope, or had no aspect, may come in only so;
    3. a key only in B is excused when its subject still stands in A with an unknown: the fact is there, its aspect
       (the country, say) is not. So no subject disappears;
    4. one exception to 3: a subject whose id stood in the nulled cell and in no other cell cannot be named by anyone.
    """
    assert not list(betrayals(rule, case.given, case.parameters))


def betrayals(rule: Rule, given: Mapping[str, list[dict[str, Any]]], parameters: Mapping[str, Any]) -> Iterator[str]:
    before = verdicts(judge(rule, given, parameters))
    for table, number, column, changed in _nulled(rule, given):
        after = verdicts(judge(rule, changed, parameters))
        gone = given[table][number][column]
        named = {v for rows in changed.values() for row in rows for v in row.values() if isinstance(v, str)}
        for subject, aspect in before.keys() | after.keys():
            was, now = before.get((subject, aspect)), after.get((subject, aspect))
            still_there = any(s == subject and verdict == "unknown" for (s, _), verdict in after.items())
            unnameable = subject == gone and subject not in named
            if now not in (was, "unknown") and not (now is None and (still_there or unnameable)):
                yield f"{table}[{number}].{column} null: {subject} | {aspect} was {was}, is {now}"


def _nulled(rule: Rule, given: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, int, str, dict[str, Any]]]:
    for table, rows in given.items():
        nullable = {c.name for c in columns(TABLES[table]) if c.nullable} & rule.columns
        for number, row in enumerate(rows):
            for column in sorted(row.keys() & nullable):
                changed = [*rows[:number], {**row, column: None}, *rows[number + 1 :]]
                yield table, number, column, {**given, table: changed}
