from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from keyround.connector import Complete, Incomplete, NotOffered, Outcome
from keyround.engine import sandbox
from keyround.engine.evaluate import evaluate
from keyround.engine.results import DoesNotApply, Evaluated, Judged, NotEvaluated, Result
from keyround.engine.rule import Rule, parse
from keyround.errors import NotGranted, NotLicensed, RuleError
from keyround.model import TABLES, ddl

COMPLETE: dict[str, Outcome] = dict.fromkeys(TABLES, Complete(3))
REFUSED = NotGranted("No permission.")
SELECT = "select account_id as subject, not enabled as failing, username as account, created_at from accounts"


def rule(select: str = SELECT, partial: str = "refuse", more: str = "") -> Rule:
    return parse("some-rule", f"""
        title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"\neffort = "hours"
        action = "x"\nwhy = "x"\nfix = {{}}\nreferences = []\npartial = "{partial}"\nselect = \"\"\"{select}\"\"\"
        {more}
    """)  # fmt: skip


@pytest.fixture
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": "1"}) as db:
        sandbox.prepare(db)
        for name, table in TABLES.items():
            db.execute(ddl(name, table))
        db.execute("""insert into accounts (tenant, account_id, username, enabled, created_at) values
            ('t', 'm365:cy', 'cy', null, null), ('t', 'm365:bo', 'bo', true, null),
            ('t', 'm365:ada', 'ada', false, timestamp '2026-01-02 03:04:05')""")
        yield db


def judge(
    db: duckdb.DuckDBPyConnection, rule: Rule, outcomes: dict[str, Outcome] | None = None, **given: Any
) -> Result:
    return evaluate(rule, db, "t", "m365", {**COMPLETE, **(outcomes or {})}, given)


def test_true_fails_false_passes_null_is_unknown_and_ids_are_bare(db: duckdb.DuckDBPyConnection) -> None:
    result = judge(db, rule())
    assert isinstance(result, Evaluated)
    assert [(j.subject, j.verdict) for j in result.judged] == [("ada", "fail"), ("bo", "pass"), ("cy", "unknown")]
    assert result.judged[0] == Judged("ada", "fail", {"account": "ada", "created_at": datetime(2026, 1, 2, 3, 4, 5)})
    assert (result.tenant, result.missing, result.count("fail")) == ("t", {}, 1)


def test_a_table_the_connector_does_not_offer(db: duckdb.DuckDBPyConnection) -> None:
    two = "select a.account_id as subject, true as failing from accounts a join sign_ins s using (account_id)"
    outcomes = {"accounts": NotOffered(), "sign_ins": Incomplete(0, REFUSED)}
    assert judge(db, rule(two), outcomes) == DoesNotApply(rule(two), "t")
    assert isinstance(judge(db, rule(), {"sign_ins": NotOffered()}), Evaluated)


def test_what_is_read_beside_is_never_missed(db: duckdb.DuckDBPyConnection) -> None:
    two = """select a.account_id as subject, not a.enabled and u.passkeys is null as failing
             from accounts a left join account_measures u using (account_id)"""
    beside = rule(two, more='beside = ["account_measures"]')
    for outcome, missing in ((NotOffered(), {}), (Incomplete(0, REFUSED), {"account_measures": REFUSED})):
        result = judge(db, beside, {"account_measures": outcome})
        assert isinstance(result, Evaluated) and result.missing == missing
        assert [j.verdict for j in result.judged] == ["fail", "pass", "unknown"]
    assert judge(db, beside, {"accounts": NotOffered()}) == DoesNotApply(beside, "t")
    with pytest.raises(RuleError, match="beside names 'sign_ins'"):
        rule(two, more='beside = ["sign_ins"]')


def test_where_nobody_is_concerned_a_column_that_was_not_told_is_not_missed(db: duckdb.DuckDBPyConnection) -> None:
    nobody = rule("select account_id as subject, strongest = 'weak' as failing from mfa_registrations")
    used = rule("select account_id as subject, true as failing, method from factor_use")
    untold: Outcome = Complete(0, {"strongest": REFUSED, "method": REFUSED})
    result = judge(db, nobody, {"mfa_registrations": untold})
    assert isinstance(result, Evaluated) and result.missing == {}
    result = judge(db, used, {"factor_use": untold})  # without the method there is no row
    assert isinstance(result, Evaluated) and result.missing == {"factor_use.method": REFUSED}


def test_half_a_table_is_no_table(db: duckdb.DuckDBPyConnection) -> None:
    assert judge(db, rule(), {"accounts": Incomplete(3, REFUSED)}) == NotEvaluated(rule(), "t", {"accounts": REFUSED})


def test_keep_fails_keeps_fails_and_nothing_else(db: duckdb.DuckDBPyConnection) -> None:
    keen = rule(partial="keep-fails")
    result = judge(db, keen, {"accounts": Incomplete(3, REFUSED)})
    assert isinstance(result, Evaluated)
    assert [(j.subject, j.verdict) for j in result.judged] == [("ada", "fail"), ("bo", "unknown"), ("cy", "unknown")]
    assert result.missing == {"accounts": REFUSED}
    db.execute("delete from accounts where account_id = 'm365:ada'")
    assert judge(db, keen, {"accounts": Incomplete(2, REFUSED)}) == NotEvaluated(keen, "t", {"accounts": REFUSED})


def test_columns_the_provider_would_not_give_are_named_if_the_rule_mentions_them(db: duckdb.DuckDBPyConnection) -> None:
    error = NotLicensed("No P1.")
    result = judge(db, rule(), {"accounts": Complete(3, {"created_at": error, "licensed": error})})
    assert isinstance(result, Evaluated)
    assert result.missing == {"accounts.created_at": error}


def test_parameters_have_defaults_that_the_scan_may_replace(db: duckdb.DuckDBPyConnection) -> None:
    asks = rule(
        "select account_id as subject, username = $who as failing from accounts", more='parameters = { who = "bo" }'
    )
    for given, fails in (({}, ["bo"]), ({"who": "ada", "home_countries": None}, ["ada"])):
        result = judge(db, asks, **given)
        assert isinstance(result, Evaluated)
        assert [j.subject for j in result.judged if j.verdict == "fail"] == fails


def test_an_aspect_keeps_two_rows_of_one_subject_apart(db: duckdb.DuckDBPyConnection) -> None:
    twice = """select account_id as subject, {} as aspect, true as failing from accounts
               union all select account_id, {}, null from accounts"""
    result = judge(db, rule(twice.format("'FR'", "null")))
    assert isinstance(result, Evaluated)
    assert [(j.subject, j.aspect, j.verdict) for j in result.judged[:2]] == [
        ("ada", "", "unknown"),
        ("ada", "FR", "fail"),
    ]
    with pytest.raises(RuleError, match="twice"):
        judge(db, rule(twice.format("'FR'", "'FR'")))
    with pytest.raises(RuleError, match="twice"):
        judge(db, rule(twice.format("null", "''")))


@pytest.mark.parametrize("select, reason", [
    ("select account_id, true as failing from accounts", "subject"),
    ("select account_id as subject from accounts", "failing"),
    ("select username as subject, username as subject, true as failing from accounts", "twice"),
    ("select nullif(account_id, account_id) as subject, true as failing from accounts", "without a subject"),
    ("select account_id as subject, 'yes' as failing from accounts", "neither true"),
    ("select account_id as subject, true as failing, 1 as aspect from accounts", "not text"),
    ("select account_id as subject, true as failing, interval 1 day as wait from accounts", "wait"),
    ("select account_id as subject, true as failing, cast(username as bigint) as n from accounts", "some-rule"),
])  # fmt: skip
def test_a_rule_that_answers_nonsense_is_named(db: duckdb.DuckDBPyConnection, select: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason) as caught:
        judge(db, rule(select))
    assert caught.value.detail.startswith("some-rule: ")
