"""What somebody answers for: whom it covers, until when, and what ends it before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from keyround.engine.acceptance import Directory, directory, overlay
from keyround.engine.results import Evaluated, Finding, Judged, NotEvaluated, TenantInfo
from keyround.engine.rule import Rule, parse
from keyround.errors import NotGranted
from keyround.model import Account, Group, GroupMember
from keyround.terms import Acceptance

SEEN, TODAY, END = datetime(2026, 8, 1), date(2026, 11, 20), date(2027, 6, 30)


def rule(name: str, severity: str = "high") -> Rule:
    return parse(name, f"""
        title = "{name}"\nseverity = "{severity}"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"
        effort = "hours"\naction = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, enabled as failing from accounts"
    """)  # fmt: skip


FACTOR, ABROAD = rule("no-factor"), rule("foreign-sign-in", "medium")
RULES = (FACTOR, ABROAD)
M365, GOOGLE = (
    TenantInfo("t1", "m365", "Microsoft 365", "Acme", "acme.example"),
    TenantInfo("t2", "google", "Google Workspace", "Acme Labs", "acme.example"),
)
PEOPLE = {"ada": ("Ada@acme.example", "Ada Berg"), "bo": ("bo@acme.example", "Bo Lindner"),
          "gus": ("gus_home.example#EXT#@acme.example", "Gus Guest")}  # fmt: skip
DIRECTORIES = (
    Directory(M365, PEOPLE, {"g1": "Kiosk", "g2": "Hidden"}, {"g1": frozenset({"bo"}), "g2": frozenset({"bo"})},
              frozenset({"g2"})),
    Directory(GOOGLE, {"101": ("ada@acme.example", "Ada Berg")}),
)  # fmt: skip
FAILING = (("t1", "ada", "high"), ("t1", "bo", "high"), ("t1", "gus", "high"), ("t2", "101", "high"))
FINDINGS = (
    *(Finding(tenant, FACTOR, Judged(who, "fail"), "open", SEEN, "high") for tenant, who, _ in FAILING),
    Finding("t1", ABROAD, Judged("ada", "fail", {}, "PT"), "new", SEEN, "medium"),
    Finding("t1", ABROAD, Judged("ada", "fail", {}, "US"), "new", SEEN, "medium"),
)
RESULTS = (
    Evaluated(FACTOR, "t1", (*(f.judged for f in FINDINGS[:3]), Judged("cy", "unknown"), Judged("di", "pass"))),
    Evaluated(FACTOR, "t2", (FINDINGS[3].judged,)),
    Evaluated(ABROAD, "t1", tuple(f.judged for f in FINDINGS[4:])),
    NotEvaluated(ABROAD, "t2", {"sign_ins": NotGranted("No.")}),
)


def accept(subject: str = "", rule: str = "no-factor", until: date = END, **more: str) -> Acceptance:
    return Acceptance(rule, "Known.", "M. Jensen", until, subject, **more)


def covered(*made: Acceptance, today: date = TODAY, findings: Any = FINDINGS,
            directories: Any = DIRECTORIES) -> tuple[list[str], list[str]]:  # fmt: skip
    """Whom the acceptances cover, and what became of each."""
    found, accepted = overlay(findings, RESULTS, made, today, directories, RULES)
    assert [f.key for f in found] == [f.key for f in findings]
    who = [f"{f.judged.subject} {f.judged.aspect}".strip() for f in found if f.state == "accepted"]
    assert sorted(who) == sorted(f"{f.judged.subject} {f.judged.aspect}".strip() for a in accepted for f in a.covers)
    return who, [one.state for one in accepted]


@pytest.mark.parametrize(
    "made, whom",
    [
        (accept("bo"), ["bo"]),  # a provider's id
        (accept("BO@acme.example"), ["bo"]),
        (accept("ada@acme.example"), ["ada", "101"]),  # the same name in two tenants
        (accept("ada@acme.example", tenant="t2"), ["101"]),
        (accept("ada@acme.example", tenant="m365"), ["ada"]),
        (accept("gus@home.example"), ["gus"]),  # a guest, as the workbook calls him
        (accept("kiosk"), ["bo"]),  # a group
        (accept(), ["ada", "bo", "gus", "101"]),
        (accept("Acme Labs"), ["101"]),  # a whole tenant by its name
        (accept("ada", "foreign-sign-in"), ["ada PT", "ada US"]),
        (accept("ada", "foreign-sign-in", aspect="PT"), ["ada PT"]),
    ],
    ids=lambda value: getattr(value, "subject", ""),
)
def test_whom_an_acceptance_covers(made: Acceptance, whom: list[str]) -> None:
    assert covered(made) == (whom, ["in_force"])


def test_the_last_day_is_included_and_the_end_is_said_before_and_after() -> None:
    assert covered(accept("bo", until=TODAY)) == (["bo"], ["expires_soon"])
    assert covered(accept("bo", until=date(2026, 12, 20))) == (["bo"], ["expires_soon"])
    assert covered(accept("bo", until=date(2026, 12, 21))) == (["bo"], ["in_force"])
    found, (expired,) = overlay(FINDINGS, RESULTS, [accept("bo", until=date(2026, 11, 19))], TODAY, DIRECTORIES, RULES)
    bo = found[1]
    assert (bo.state, bo.lapsed, bo.acceptance) == ("open", "expired", expired.acceptance)
    assert (expired.state, expired.days_left, expired.back) == ("expired", -1, (bo,))
    assert all(f.lapsed == "" and f.acceptance is None for f in found if f is not bo)


def test_one_that_holds_is_enough_and_the_longest_counts() -> None:
    over, short, long = accept("bo", until=date(2026, 1, 1)), accept("bo", until=TODAY), accept("bo")
    found, said = overlay(FINDINGS, RESULTS, [over, short, long], TODAY, DIRECTORIES, RULES)
    assert found[1].acceptance == long and found[1].state == "accepted"
    assert {one.acceptance: len(one.covers) for one in said} == {over: 0, short: 0, long: 1}


@pytest.mark.parametrize(
    "severity, first, state",
    [("", "high", "worse"), ("high", "critical", "worse"), ("critical", "low", "in_force"), ("", None, "in_force"),
     ("medium", "critical", "worse"), ("", "critical", "in_force")],
)  # fmt: skip
def test_a_finding_that_got_graver_counts_again(severity: str, first: Any, state: str) -> None:
    grave = replace(FINDINGS[1], judged=Judged("bo", "fail", severity="critical"), first_severity=first)
    whom, (became,) = covered(accept("bo", severity=severity), findings=(grave,))
    assert (became, whom) == (state, ["bo"] if state == "in_force" else [])


def test_what_is_not_known_covers_nothing_and_says_why() -> None:
    assert covered(accept("Hidden")) == (["bo"], ["unread_members"])  # bo is known to be one of them
    assert covered(accept("cyrus")) == ([], ["unknown_subject"])
    assert covered(accept("cy")) == ([], ["not_checked"])  # in no list of accounts, but the check knows him
    cut = (replace(DIRECTORIES[0], whole=False), DIRECTORIES[1])
    assert covered(accept("zoe@acme.example"), directories=cut) == ([], ["unread_subject"])
    no_groups = (replace(DIRECTORIES[0], groups_whole=False), DIRECTORIES[1])
    assert covered(accept("zoe@acme.example"), directories=no_groups) == ([], ["unknown_subject"])
    assert covered(accept("Cleaners"), directories=no_groups) == ([], ["unread_subject"])
    assert covered(accept("ada@acme.example", "foreign-sign-in", tenant="google")) == ([], ["not_checked"])
    people = {**PEOPLE, "cy": ("cy@acme.example", ""), "di": ("di@acme.example", "")}
    more = (replace(DIRECTORIES[0], accounts=people), DIRECTORIES[1])
    assert covered(accept("cy"), directories=more) == ([], ["not_checked"])
    assert covered(accept("di"), directories=more) == ([], ["nothing_found"])


def test_a_device_is_named_by_its_name_or_by_whose_it_is() -> None:
    outdated = replace(rule("old-device"), subject="devices")
    devices = {"d1": ("Front desk", "ada"), "d2": ("Bo-Phone", "bo"), "d3": ("", "")}
    here = (replace(DIRECTORIES[0], devices=devices), DIRECTORIES[1])
    failing = tuple(Finding("t1", outdated, Judged(one, "fail"), "open", SEEN) for one in devices)
    results = (Evaluated(outdated, "t1", tuple(one.judged for one in failing)),)

    def said(subject: str, whole: bool = True) -> tuple[list[str], str, str]:
        listed = (replace(here[0], devices_whole=whole), here[1])
        found, (one,) = overlay(failing, results, [accept(subject, "old-device")], TODAY, listed, (outdated,))
        return [f.judged.subject for f in found if f.state == "accepted"], one.state, one.nearest

    assert said("front desk") == said("d1") == said("ADA@acme.example") == (["d1"], "in_force", "")
    assert said("Kiosk")[0] == ["d2"]  # bo's, who is in the group
    assert said("Frnt desk") == ([], "unknown_subject", "Front desk")
    assert said("Frnt desk", whole=False)[1] == "unread_subject"
    assert said("gus_home.example#EXT#@acme.example")[1] == "nothing_found"


def test_misspelt_words_get_the_nearest_and_stand_first() -> None:
    made = [accept("bo"), accept("bo", "no-facto"), accept("bo@acme.exmaple"), accept("bo", tenant="acme.exampel")]
    said = overlay(FINDINGS, RESULTS, made, TODAY, DIRECTORIES, RULES)[1]
    assert [(one.state, one.nearest) for one in said] == [
        ("unknown_rule", "no-factor"),
        ("unknown_subject", "bo@acme.example"),
        ("unknown_tenant", "acme.example"),
        ("in_force", ""),
    ]


def test_what_is_over_is_not_accepted_any_more() -> None:
    over = tuple(replace(f, state=state) for f, state in zip(FINDINGS, ("fixed", "gone", "past"), strict=False))
    assert covered(accept(), findings=over)[0] == []


def test_the_directory_is_read_from_the_tables() -> None:
    class Held:
        def rows(self, table: Any) -> Any:
            return iter([row for row in rows if isinstance(row, table)])

    rows = [
        Account("ada", "ada@acme.example", "Ada"),
        Group("g1", "Kiosk", exists=True, members_known=True),
        Group("g2", "Hidden", members_known=False),
        Group("g3", "Gone", exists=False),
        GroupMember("g1", "ada", "account", "member", "active"),
        GroupMember("g1", "bo", "account", "owner", "active"),  # may make himself one, and is none
        GroupMember("g1", "cy", "account", "member", "eligible"),
        GroupMember("g3", "ada", "account", "member", "active"),
    ]
    got = directory(M365, Held(), True, False)
    assert got.accounts == {"ada": ("ada@acme.example", "Ada")} and got.groups == {"g1": "Kiosk", "g2": "Hidden"}
    assert got.whole and not got.groups_whole
    assert got.members == {"g1": {"ada"}} and got.open_groups == {"g2"}
