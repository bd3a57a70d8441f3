"""Every case in every rule file is a test, and so is every cell of every case; nobody writes test code for a rule.

The judging itself is `keyround.engine.casebook`, which `keyround rules test` runs over anybody's rules.
"""

from __future__ import annotations

from importlib.resources import files

import pytest

from keyround.engine import spoken
from keyround.engine.casebook import betrayals, judge, misses, review
from keyround.engine.proofread import read, translations
from keyround.engine.rule import Case, Rule, load, parse
from keyround.words import languages

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
    columns exist, no evidence is an id, no word is jargon; hours, a page to begin at, a message and every translation
    are there."""
    assert not [remark.text for remark in review(rule)]


def test_a_translation_is_of_a_rule() -> None:
    ids = {rule.id for rule in RULES}
    for language in languages():
        shelf = files("keyround.words") / language / "rules"
        found = {file.name.removesuffix(".toml") for file in shelf.iterdir()} if shelf.is_dir() else set()
        assert found <= ids, language


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


ENGLISH = """
title = "Doors left open"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"
effort = "minutes"\naction = "Close the doors"\nwhy = "Anybody may come in."\nreferences = []\nnot_for = ["google"]
message = "Please close the door."
parameters = { days = 3 }\nmeaning.days = "days"
fix.m365 = "1. Open https://aka.ms/mysecurityinfo.\\n2. Name the rest in keyround.toml."
select = "select account_id as subject, created_at < $now - to_days($days) as failing from accounts"
"""
GERMAN = """
title = "Offene Türen"\naction = "Türen schließen"\nwhy = "Jeder kann hereinkommen."\nmeaning.days = "Tage"
message = '''
Bitte schließen
Sie die Tür.

Danke.
'''
fix.m365 = "1. https://aka.ms/mysecurityinfo öffnen.\\n2. Die übrigen in keyround.toml nennen."
"""


@pytest.mark.parametrize(
    "wrong, said",
    [
        ("takes = { each = 3 }", "takes says 3 hours"),
        ("takes = { once = 0 }", "takes says 0 hours"),
        ('page.m365 = "https://account.microsoft.com/"', "no page of entra.microsoft.com"),
        ('page.m365 = "https://entra.microsoft.com/doors.onmicrosoft.com/#home"', "one organisation only"),
        ('page.google = "https://admin.google.com/ac/users"', "page.google leads nobody"),
        ('message = "Dear {name}, close it."', "nobody fills anything in"),
        (f'message = "{"Close it. " * 91}"', "more than 900"),
        ('message = "Your OTP, please."', "OTP is a word"),
        ("", "no message"),
    ],
)
def test_what_is_handed_over_is_read_too(wrong: str, said: str) -> None:
    text = ENGLISH.replace('message = "Please close the door."', "")
    assert any(said in remark.text for remark in read(parse("doors", text + wrong)))


@pytest.mark.parametrize(
    "right, wrong, said",
    [
        ("", "", ""),
        ('why = "Jeder kann hereinkommen."', "", "de: why is missing"),
        ("meaning.days", "meaning.hours", "de: meaning.days is missing"),
        ("fix.m365", "fix.google", "de: fix.google stands where"),
        ("message = ", 'follows = "CIS"\nmessage = ', "de: follows stands where"),
        ("Tür.", "{tuer}.", "de: message holds '{'"),
        ("\\n2. ", " ", "de: fix.m365 has not the same numbered steps"),
        ("/mysecurityinfo", "/mysecurity", "de: fix.m365 does not lead to the same places"),
        ("Offene Türen", "Offene Türen " * 9, "de: title is one line of at most 78"),
        ("action", "aktion", "unknown key 'aktion'"),
    ],
)
def test_a_translation_says_what_the_english_says(tmp_path, monkeypatch, right: str, wrong: str, said: str) -> None:
    monkeypatch.setattr("keyround.engine.proofread.languages", lambda: ("de", "en"))
    (tmp_path / "de").mkdir()
    (tmp_path / "de" / "doors.toml").write_text(GERMAN.replace(right, wrong), encoding="utf-8")
    rule = parse("doors", ENGLISH, folder=str(tmp_path))
    found = [remark.text for remark in translations(rule)]
    assert any(said in text for text in found) if said else not found
    if not said:
        german = spoken.in_language(rule, "de")
        assert (german.title, german.message) == ("Offene Türen", "Bitte schließen Sie die Tür.\n\nDanke.")


def _broken(failing: str, where: str = "") -> Rule:
    return parse(
        "broken",
        f"""
        title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"\neffort = "hours"
        action = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, {failing} as failing from accounts {where}"
    """,
    )
