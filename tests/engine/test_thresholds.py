"""A client's own thresholds: what fits replaces the default, what does not is said and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from keyround.engine.rule import parse
from keyround.engine.thresholds import applied

RULE = parse("some-rule", """
    title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"
    effort = "hours"\naction = "x"\nwhy = "x"\nfix = {}\nreferences = []
    parameters = { days = 90, speed = 900.0, east = -1, strict = false, apps = ["mail"], word = "x" }
    select = "select account_id as subject, enabled as failing from accounts"
""")  # fmt: skip


@pytest.mark.parametrize(
    "key, value, kept",
    [("days", 30, 30), ("days", 0, 0), ("speed", 800, 800.0), ("east", -5, -5), ("strict", True, True),
     ("apps", [], []), ("apps", ["imap", "pop"], ["imap", "pop"]), ("word", "y", "y")],
)  # fmt: skip
def test_what_fits_replaces_the_default(key: str, value: Any, kept: Any) -> None:
    got = applied([RULE], {"some-rule": {key: value}})
    (rule,) = got.rules
    assert rule.parameters == {**RULE.parameters, key: kept} and type(rule.parameters[key]) is type(kept)
    assert got.usual == {"some-rule": {key: RULE.parameters[key]}} and not got.mistakes


@pytest.mark.parametrize(
    "rule, key, value, said",
    [
        ("some-ruel", "days", 30, "Did you mean 'some-rule'?"),
        ("some-rule", "day", 30, "Did you mean 'days'?"),
        ("some-rule", "days", True, "days = True is not a whole number from 0 to 1,000,000. The default is 90."),
        ("some-rule", "days", 1.5, "whole number"),
        ("some-rule", "days", -1, "from 0"),
        ("some-rule", "days", 10**400, "to 1,000,000"),
        ("some-rule", "days", "30", "whole number"),
        ("some-rule", "speed", float("nan"), "a number from"),
        ("some-rule", "speed", float("inf"), "a number from"),
        ("some-rule", "strict", 1, "true or false"),
        ("some-rule", "apps", "mail", "a list of texts"),
        ("some-rule", "apps", ["mail", 3], "a list of texts"),
        ("some-rule", "word", ["x"], "text in quotes"),
    ],
)
def test_what_does_not_fit_is_said_and_the_default_stands(rule: str, key: str, value: Any, said: str) -> None:
    got = applied([RULE], {rule: {key: value}})
    (mistake,) = got.mistakes
    assert said in str(mistake) and f"thresholds.{rule}" in str(mistake)
    assert got.rules == (RULE,) and not got.usual
