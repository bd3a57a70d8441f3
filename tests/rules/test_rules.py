"""Every case in every rule file is a test, and so is every cell of every case; nobody writes test code for a rule.

The judging itself is `keyround.engine.casebook`, which `keyround rules test` runs over anybody's rules.
"""

from __future__ import annotations

from importlib.resources import files

import pytest

from keyround.engine.casebook import betrayals, judge, misses, review
from keyround.engine.rule import Case, Rule, load, parse

RULES = load()
CASES = [pytest.param(r, c, id=f"{r.id}: {c.name}") for r in RULES for c in r.cases]


@pytest.mark.parametrize("rule, case", CASES)
def test_case(rule: Rule, case: Case) -> None:
    assert not misses(rule, case)


@pytest.mark.parametrize("rule, case", CASES)
def test_silence_never_accuses_and_never_acquits(rule: Rule, case: Case) -> None:
    assert not list(betrayals(rule, case.given, case.parameters))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_it_is_fit_to_be_read(rule: Rule) -> None:
    """Every verdict and who is out of scope is shown, texts are fit to print, sources and controls are what they say,
    columns exist, no evidence is an id, no word is jargon."""
    assert not [remark.text for remark in review(rule)]


def test_without_home_countries_everything_from_the_log_is_unknown() -> None:
    for rule in RULES:
        if "home_countries" in rule.needs:
            for case in rule.cases:
                found = judge(rule, case.given, {**case.parameters, "home_countries": None})
                assert {j.verdict for j in found.judged} <= {"unknown"}


def test_the_kit_can_fail() -> None:
    """A rule that reads silence as an answer is caught, in each of the ways there are."""
    case = {"accounts": [{"account_id": "ada", "enabled": True, "external": False},
                         {"account_id": "bo", "enabled": True, "external": True}]}  # fmt: skip
    assert not list(betrayals(_broken("external"), case))
    for broken in (
        "coalesce(external, true)",  # null reads as yes: pass becomes fail
        "external is true",  # null reads as no: fail becomes pass
        "case when external then null else external is null end",  # unknown becomes fail
    ):
        assert list(betrayals(_broken(broken), case)), broken
    assert list(betrayals(_broken("external", "where enabled"), case)), "a subject disappears"
    assert list(betrayals(_broken("external", "where external is null or not external"), case)) == []
    assert list(betrayals(_broken("false", "where external is null or not external"), case)), "one appears as pass"


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ('title    = "Highest', 'title    = "MFA of highest', "MFA is a word managers do not know"),
        ("1. Ask the administrator", "2. Ask the administrator", "fix.google is steps numbered"),
        ("fix.google", "fix.other", "no fix.google"),
        ('title    = "', 'title    = "Too long for a line of an action list or a sheet: ', "title is one line"),
        ("https://support.google.com/a/", "http://support.google.com/a/", "no https address"),
        ("https://support.google.com/a/", "https://blog.example/", "no page of a provider"),
        ("https://support.google.com/a/", "https://[x", "no https address"),
        ("references = [", 'controls.cis_m365 = ["MS.AAD.1.1v1"]\nreferences = [', "does not look like an id"),
        ("references = [", "parameters = { days = 5 }\nreferences = [", "does not use the parameter days"),
        ("failing,", "failing, account_id,", "the evidence account_id is an id"),
        ('"unknown"', '"pass"', "no case expects unknown"),
    ],
)
def test_the_reader_can_fail(right: str, wrong: str, said: str) -> None:
    text = files("keyround.rules").joinpath("no-backup-codes.toml").read_text(encoding="utf-8")
    assert right in text
    assert any(said in remark.text for remark in review(parse("no-backup-codes", text.replace(right, wrong))))


def _broken(failing: str, where: str = "") -> Rule:
    return parse(
        "broken",
        f"""
        title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"\neffort = "hours"
        action = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, {failing} as failing from accounts {where}"
    """,
    )
