"""A rule file that is wrong in any way is refused with its file, the line and the reason; never with a traceback."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyround.engine.casebook import rehearse
from keyround.engine.rule import load, parse
from keyround.errors import RuleError

GOOD = '''\
# A rule.
title    = "Accounts that are odd"
severity = "low"
topic    = "accounts"
nature   = "state"
subject  = "accounts"
effort   = "hours"
action   = "Look at them"
why      = """
Why, with a line that looks like a key:
severity = "none"
"""
references = []
fix.m365 = "1. Look."
fix.google = "1. Look."
controls.cis_m365 = ["1.1.1"]
parameters = { days = 90 }
meaning.days = "days"

# One row per account,
# and no more.
select = \'\'\'
select account_id as subject,
       created_at < $now - to_days($days::integer) as failing, username
from accounts
\'\'\'

[[case]]
name = "a"
given.accounts = [{ account_id = "ada", created_at = 2026-01-01T00:00:00 }]
expect = { ada = "fail" }

[[case]]
name = "b"
parameters = { days = 900 }
given.accounts = [
  { account_id = "ada", created_at = 2026-01-01T00:00:00 },
]
expect = { ada = "pass" }
'''


def test_what_a_good_one_holds() -> None:
    rule = parse("odd", GOOD, "ours/odd.toml", "ours")
    assert (rule.line, [case.line for case in rule.cases]) == (23, [28, 33])
    assert rule.remark == "One row per account, and no more."
    assert (rule.file, rule.folder, rule.meaning) == ("ours/odd.toml", "ours", {"days": "days"})
    rehearse(rule)


@pytest.mark.parametrize(
    "right, wrong, line, said",
    [
        ('title    = "Accounts', "title    = Accounts", 2, "Invalid value"),
        ('"low"', '"grave"', 3, "severity is 'grave', not one of"),
        ("topic ", "topik ", 4, "unknown key 'topik'"),
        ('action   = "Look at them"', "action = 5", 8, "action is 5, not text"),
        ("references = []", 'references = "https://x.example"', 13, "not a list of texts"),
        ("references = []", "references = [5]", 13, "not a list of texts"),
        ('fix.m365 = "1. Look."', "fix.m365 = 1", 14, "fix is"),
        ('["1.1.1"]', "[1]", 16, "controls is"),
        ("{ days = 90 }", "5", 17, "parameters is 5, not a table"),
        ("{ days = 90 }", "{ days = 90, at = 07:00:00 }", 17, "parameters.at is"),
        ("{ days = 90 }", "{ days = 99999999999999999999 }", 17, "parameters.days is"),
        ("meaning.days", "meaning.weeks", 18, "meaning explains 'weeks'"),
        ("from accounts", "from acounts", 25, "there is no table 'acounts'"),
        ("username", "nmae", 24, "has a column 'nmae'"),
        ("to_days($days", "to_days($weeks", 24, "parameter $weeks has no default"),
        ("from accounts", "from accounts where", 25, "syntax error"),
        ("username", "now() as username", 24, "now()"),
        ('expect = { ada = "fail" }', 'expect = { ada = "failed" }', 31, "expects 'failed' of 'ada'"),
        ('expect = { ada = "fail" }', "", 28, "case 'a' has no expect"),
        ('expect = { ada = "pass" }', "expect = { ada = 1 }", 39, "expect is"),
        ("{ days = 900 }", "{ dais = 900 }", 35, "sets 'dais'"),
        ('given.accounts = [{ account_id = "ada", c', 'given.acounts = [{ account_id = "ada", c', 30, "unknown table"),
        ('[\n  { account_id = "ada"', '[\n  { acount_id = "ada"', 37, "accounts has no column 'acount_id'"),
        ('[\n  { account_id = "ada"', "[\n  { account_id = 7", 37, "accounts.account_id is 7, not text"),
        ('[\n  { account_id = "ada",', "[\n  {", 36, "a row of accounts has no account_id"),
        ("2026-01-01T00:00:00 },\n]", "2026-01-01 },\n]", 37, "not an instant"),
        ("2026-01-01T00:00:00 },\n]", "2026-01-01T00:00:00Z },\n]", 37, "not an instant"),
        ('[[case]]\nname = "b"', '[[case]]\nnam = "b"', 34, "unknown key 'nam'"),
        ("# A rule.", 'id = "other"', 1, "not the file's name"),
        ("# A rule.", 'beside = ["sign_ins"]', 1, "beside names 'sign_ins'"),
    ],
)
def test_a_mistake_is_named_with_its_line(right: str, wrong: str, line: int, said: str) -> None:
    assert GOOD.count(right) >= 1
    with pytest.raises(RuleError) as caught:
        parse("odd", GOOD.replace(right, wrong, 1))
    assert caught.value.detail.startswith(f"odd.toml, line {line}: ") and said in caught.value.detail


def test_what_only_the_database_refuses_has_a_line_too() -> None:
    with pytest.raises(RuleError, match=r"^odd\.toml, line 24: Cannot"):
        rehearse(parse("odd", GOOD.replace("username", "coalesce(created_at, username) as username")))


ANYTHING = st.sampled_from(
    ["5", "-1.5", "nan", "true", '""', '"x"', "[]", "[[]]", "{}", "{ a = 1 }", "{ a.b = [{}] }", "[{}]", "[1, 'a']",
     "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "07:00:00", "[" * 3000, "'''\n'''", "=", "9" * 30]
)  # fmt: skip


@given(st.integers(0, GOOD.count("\n")), ANYTHING, st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_in_a_file_breaks_the_reader(number: int, value: str, cut: bool) -> None:
    lines = GOOD.split("\n")
    key = lines[number].partition("=")[0]
    lines[number:] = [f"{key}= {value}", *([] if cut else lines[number + 1 :])]
    try:
        rehearse(parse("odd", "\n".join(lines)))
    except RuleError as error:
        assert re.match(r"odd\.toml(, line \d+)?: .+\.$", error.detail, re.DOTALL)


def test_folders_of_own_rules(tmp_path) -> None:
    (tmp_path / "odd.toml").write_text(GOOD, encoding="utf-8-sig")
    assert {rule.id: rule.folder for rule in load([tmp_path])}["odd"] == str(tmp_path)
    twice = tmp_path / "admin-no-second-factor.toml"
    twice.write_text(GOOD, encoding="utf-8")
    with pytest.raises(RuleError, match=f"{re.escape(str(twice))}: Keyround comes with"):
        load([tmp_path])
    with pytest.raises(RuleError, match="the folder of rules cannot be read"):
        load([tmp_path / "nowhere"])
    twice.rename(tmp_path / "No Id.toml")
    with pytest.raises(RuleError, match=r"No Id.toml: an id"):
        load([tmp_path])
