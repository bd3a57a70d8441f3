"""Every sheet of the invented company as text, and what the Summary may and may not say.

`KEYROUND_GOLDEN=write pytest tests/export/test_sheets.py` writes the golden files anew: read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from keyround.connector import Complete, Incomplete
from keyround.engine.results import Evaluated, Judged, NotEvaluated, TenantInfo
from keyround.errors import ConfigError, NotEnabled
from keyround.export import sheets
from keyround.export.blocks import Figure, Figures, Sheet, Table, Text
from keyround.export.results_json import results
from keyround.export.standing import standing
from keyround.export.text import render
from keyround.model import KnownAddress, MfaEnforcement, RoleAssignment, SignInPlace
from keyround.presentation import Presentation
from keyround.terms import Home, Network, Remark, Terms, Trip
from keyround.words import speaking

from .invented import (
    ABROAD,
    ACCEPTANCES,
    ADMIN,
    DORMANT,
    FACTOR,
    GOOGLE,
    HIGHEST,
    M365,
    M365_TENANT,
    MICROSOFT,
    NOT_OFFERED,
    NOW,
    REFUSED,
    RESULTS,
    SECOND,
    SEEN,
    UNLICENSED,
    WORKSPACE,
    Held,
    accept,
    accepting,
    account,
    admin,
    bare,
    company,
    findings,
    judged,
    registered,
    rule,
    small,
)

GOLDEN = Path(__file__).parent / "golden"
NO_REPORT = UNLICENSED.about("The report cannot say who has set up a second factor.")
UNPAID = UNLICENSED.about("The report cannot say who signed in, from where and how.")
NO_P1 = company(
    tenants=(replace(M365_TENANT, plans=("Business Standard",)),),
    coverage=small([], mfa_registrations=Incomplete(0, NO_REPORT), sign_ins=Incomplete(0, UNPAID)).coverage,
    results=(
        Evaluated(HIGHEST, M365, (Judged(M365, "pass"),)),
        NotEvaluated(ADMIN, M365, {"mfa_registrations": NO_REPORT}),
        NotEvaluated(ABROAD, M365, {"sign_ins": UNPAID}),
        NotEvaluated(DORMANT, M365, {"accounts": UNLICENSED}),
    ),
    findings=(),
    tables=small([account("ada", "Ada Berg", last_success_at=None, activity=None), admin("ada")]).tables,
)
NOTHING = company(tenants=(), coverage=(), results=(), findings=(), presentation=Presentation())
SIGNED = accepting(company(), *ACCEPTANCES)
SCANS = {"company": company(), "no-p1": NO_P1, "nothing": NOTHING, "signed": SIGNED}
AGAIN = company(**SECOND)


def sheet(scan: Any, name: str) -> Sheet:
    return next(one for one in sheets(scan) if one.name == name)


def figures(scan: Any) -> dict[str, Figure]:
    return {f.label: f for b in sheet(scan, "Summary").blocks if isinstance(b, Figures) for f in b.figures}


def overall(scan: Any) -> Text:
    return next(b for b in sheet(scan, "Summary").blocks if isinstance(b, Text) and b.style == "light")


def rows(scan: Any, name: str) -> list[dict[str, Any]]:
    table = next(b for b in sheet(scan, name).blocks if isinstance(b, Table))
    return [dict(zip((c.title for c in table.columns), row, strict=True)) for row in table.rows]


@pytest.mark.parametrize("scan", SCANS)
def test_golden(scan: str) -> None:
    for one in sheets(SCANS[scan]):
        _golden(scan, one.name, render(one))


def test_golden_german() -> None:
    for english, name in (("Summary", "Übersicht"), ("Actions", "Maßnahmen"), ("Not checked", "Nicht geprüft")):
        with speaking("de"):
            _golden("german", english, render(sheet(SIGNED, name)))


def _golden(folder: str, name: str, said: str) -> None:
    file = GOLDEN / folder / f"{name.lower().replace(' ', '-')}.txt"
    if os.environ.get("KEYROUND_GOLDEN") == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8"), name


def test_changes_name_who_it_was_and_silence_changes_no_figure() -> None:
    said = render(sheet(AGAIN, "Changes"))
    golden = GOLDEN / "second" / "changes.txt"
    if os.environ.get("KEYROUND_GOLDEN") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")
    assert rows(AGAIN, "Findings")[-1]["State"] == "Not re-checked"
    first, second = (render(sheet(scan, "Summary")).splitlines() for scan in (company(), AGAIN))
    (told,) = [line for line in second if line not in first]
    assert told == "Since 16 Nov 2026: 1 worse, 1 new, 1 fixed, 2 gone, 1 out of scope, 1 not re-checked."
    first, second = ([row | {"Since last time": None} for row in rows(scan, "Actions")] for scan in (company(), AGAIN))
    assert first == second and rows(AGAIN, "Actions")[0]["Since last time"] == "Worse: 1"


def test_the_order_is_the_workbook_s() -> None:
    assert [one.name for one in sheets(company())] == [
        "Summary", "Actions", "People", "Administrators", "Sign-ins abroad", "Findings", "Checks", "Changes",
        "Accepted risks", "Not checked", "About",
    ]  # fmt: skip


# -- the light -----------------------------------------------------------------

HOME = [SignInPlace("ada", None, "DE", "success", False, False, 9, 0, NOW, NOW, None)]
SAFE = [
    account("ada", "Ada"),
    registered("ada", "passkey", strongest="phishing_resistant"),
    MfaEnforcement("ada", "enforced"),
    admin("ada"),
    *HOME,
]
FINE = (Evaluated(ADMIN, M365, judged(ada="pass")), Evaluated(DORMANT, M365, judged(ada="pass")))


def test_green_when_all_is_known_and_well() -> None:
    scan = small(SAFE, FINE)
    assert overall(scan).tone == "good"
    assert figures(scan)["People protected"].value == "1 of 1"
    assert figures(scan)["Successful sign-ins from abroad"].value == "None"
    assert figures(scan)["Accounts unused for 90 days"].value == "0"


@pytest.mark.parametrize(
    ("more", "outcomes"),
    [
        ([account("bo")], {}),  # figure 1: nothing known about bo
        ([], {"role_assignments": Incomplete(1, REFUSED)}),  # figure 2
        ([admin("group", holder_kind="group")], {}),  # figure 2: whoever is in the group
        ([], {"sign_ins": Incomplete(1, UNLICENSED)}),  # figure 3
        ([SignInPlace("ada", None, None, "success", False, None, 1, 0, NOW, NOW, None)], {}),  # figure 3
        ([], {"accounts": Incomplete(1, REFUSED)}),
    ],
)
def test_no_green_over_an_unknown(more: list[Any], outcomes: dict[str, Any]) -> None:
    assert overall(small([*SAFE, *more], FINE, **outcomes)).tone == "warn"


def test_no_green_without_home_countries_or_people() -> None:
    homeless = TenantInfo(M365, "m365", "Microsoft 365", "Brandtner")
    assert overall(small(SAFE, FINE, tenant=homeless)).tone == "warn"
    assert overall(small([], ())).tone == "warn"


def test_red_when_an_administrator_s_password_is_enough() -> None:
    scan = small([account("bo"), bare("bo"), MfaEnforcement("bo", "enforced"), admin("bo", state="eligible")])
    assert overall(scan) == Text(
        "RED. Act this week. The only administrator can be taken over with a password alone.", "light", "bad"
    )


def test_an_administrator_who_can_switch_it_off_is_amber_until_the_password_alone_was_seen_to_work() -> None:
    rows_ = [account("bo"), registered("bo", "passkey"), MfaEnforcement("bo", "not_enforced"), admin("bo")]
    assert overall(small(rows_)).tone == "warn"
    seen = SignInPlace("bo", None, "DE", "success", False, False, 3, 1, NOW, NOW, None)
    assert overall(small([*rows_, seen])).tone == "bad"


def test_signs_of_a_takeover_are_red_whoever_it_is() -> None:
    stopped = rule("password-known-abroad", nature="event", topic="sign_ins")
    scan = small(SAFE, (*FINE, Evaluated(stopped, M365, judged(ada="fail"))))
    assert overall(scan).text == "RED. Act this week. One account shows signs that somebody else has its password."


def test_an_account_that_looks_taken_over_is_told_with_everything_that_happened() -> None:
    found = rule("takeover-sequence", nature="event", topic="sign_ins", severity="critical")
    story = [
        "2026-07-20T10:00:00Z abroad BR 203.0.113.7",
        "2026-07-20T10:07:00Z security_info_registered passkey",
        "2026-07-21T08:00:00Z password_reset help@brandtner.example",
        "2026-07-21T09:00:00Z sessions_ended",
    ]
    lighter = Judged("bo", "fail", {"timeline": story[:1]}, severity="high")
    scan = small(SAFE, (*FINE, Evaluated(found, M365, (Judged("ada", "fail", {"timeline": story}), lighter))))
    first = "RED. Act this week. One account looks taken over by somebody else: look at it first."
    assert overall(scan).text.startswith(first)
    facts = next(row["Facts"] for row in rows(scan, "Findings") if row["Severity"] == "Critical")
    assert facts.split("\n") == [
        "What happened (UTC): ", "20 Jul 2026, 10:00: Signed in from abroad (Brazil, 203.0.113.7)",
        "20 Jul 2026, 10:07: New second factor set up (Passkey)",
        "21 Jul 2026, 08:00: Password reset (help@brandtner.example)", "21 Jul 2026, 09:00: Signed out everywhere",
    ]  # fmt: skip


def test_what_this_report_reads_with_is_called_so() -> None:
    tenant = replace(M365_TENANT, own_access=frozenset({"ada", "app"}))
    app = RoleAssignment("app", "service_principal", "r", "Global Reader", privileged=True, state="active")
    scan = small([*SAFE, app], FINE, tenant)
    named = "This report's own access"
    gaps = "Gaps and exemptions"
    assert [row["Name"] for row in rows(scan, "People") if named in (row[gaps] or "")] == ["Ada"]
    assert len([row for row in rows(scan, "Administrators") if named in (row[gaps] or "")]) == 2
    said = {one["account_id"]: one["own_access"] for one in results(scan, "high")["accounts"]}
    assert said["ada"] and not any(said[key] for key in said if key != "ada")


def test_a_trip_or_an_old_protocol_is_no_sign_of_a_takeover() -> None:
    odd = rule("foreign-sign-in", nature="event", severity="high")
    assert overall(small(SAFE, (*FINE, Evaluated(odd, M365, judged(ada="fail"))))).tone == "warn"


# -- the figures ---------------------------------------------------------------


def test_sign_ins_that_were_not_read_are_not_none() -> None:
    figure = figures(NO_P1)["Successful sign-ins from abroad"]
    assert (figure.value, figure.tone) == ("Not known", "unknown")
    assert figures(NO_P1)["Accounts unused for 90 days"].value == "Not known"
    assert figures(NO_P1)["Checks not possible"].value == "3 of 4"


def test_half_a_log_gives_a_minimum() -> None:
    abroad = SignInPlace("ada", None, "PT", "success", False, True, 1, 0, NOW, NOW, None)
    scan = small([*SAFE, abroad], sign_ins=Incomplete(2, REFUSED))
    assert figures(scan)["Successful sign-ins from abroad"].value == "At least 1\nby 1 person"
    scan = small(SAFE, sign_ins=Incomplete(1, REFUSED))
    assert figures(scan)["Successful sign-ins from abroad"].value == "None known"


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        ((True, False), "1 with a licence."),
        ((False, False), "None of them has a paid licence."),
        ((True, None), "At least 1 with a licence."),
        ((False, None), ""),
    ],
)
def test_licences_of_unused_accounts(licences: tuple[bool | None, ...], said: str) -> None:
    people = [account(f"p{n}", licensed=licence) for n, licence in enumerate(licences)]
    scan = small(people, (Evaluated(DORMANT, M365, judged(p0="fail", p1="fail")),))
    assert figures(scan)["Accounts unused for 90 days"].note == said


def test_assumed_home_countries_are_called_assumed() -> None:
    scan = small(SAFE, tenant=replace(M365_TENANT, home_countries=("DE",), home_assumed=True))
    assert "Germany (assumed from the tenant's own country)" in figures(scan)["Successful sign-ins from abroad"].note


def test_one_address_in_two_tenants_is_one_person_as_safe_as_the_weaker_account() -> None:
    got = figures(company())["People protected"]
    assert got.value == "1 of 6"  # Ada is fine in both; cy, cy2, bo, ed and Eva are not


def test_guests_shared_mailboxes_and_the_switched_off_are_not_people() -> None:
    more = [account("g", kind="guest"), account("s", kind="shared"), account("x", enabled=False)]
    figure = figures(small([*SAFE, *more]))["People protected"]
    assert figure.value == "1 of 1" and "2 guests, shared mailboxes and rooms are not counted here." in figure.note


def test_a_topic_is_grey_where_none_was_possible_and_where_a_tenant_was_not_looked_at() -> None:
    assert figures(NO_P1)["Passwords and second factors"].tone == "unknown"  # three checks of four were not possible
    assert figures(small(SAFE, FINE))["Passwords and second factors"].tone == "good"
    twins = company(results=FINE, findings=(), tenants=(M365_TENANT, replace(M365_TENANT, id="other")))
    assert figures(twins)["Passwords and second factors"].tone == "unknown"


def test_a_topic_with_nothing_to_look_at_is_not_green_and_a_person_has_to_answer() -> None:
    nobody = Evaluated(rule("no-device", topic="updates"), M365, ())
    assert figures(small(SAFE, (nobody,)))["Updates"].tone == "unknown"
    ready = Evaluated(rule("ready", topic="recovery"), M365, judged(ada="pass"))
    both = (nobody, Evaluated(rule("old", topic="updates"), M365, judged(ada="pass")), ready)
    got = figures(small(SAFE, both))
    assert got["Updates"].tone == "good"
    for topic, asked in (("Backups", "who last tried it, and when."), ("Plan for the bad day", "whom to call first")):
        assert got[topic].tone == "unknown" and asked in got[topic].note  # ready accounts are no plan
    missing = Evaluated(rule("ready", topic="recovery", severity="low"), M365, judged(ada="fail"))
    assert figures(small(SAFE, (missing,)))["Plan for the bad day"].tone == "warn"


def test_a_topic_s_light_is_that_of_its_gravest_case_not_of_the_rule() -> None:
    lighter = Evaluated(rule("app", topic="updates"), M365, (Judged("ada", "fail", severity="medium"),))
    assert figures(small(SAFE, (lighter,)))["Updates"].tone == "warn"
    graver = Evaluated(
        rule("old", topic="updates", severity="low"), M365, (Judged("ada", "fail", severity="critical"),)
    )
    topic = figures(small(SAFE, (lighter, graver)))["Updates"]
    assert topic.tone == "bad" and topic.note == "Old: 1; 1 further check found something: see Findings."


def test_a_topic_counts_over_all_tenants_in_any_order() -> None:
    topic = "Passwords and second factors"
    assert figures(company(results=RESULTS[::-1]))[topic] == figures(company())[topic]


def test_the_summary_stays_on_one_page_however_much_there_is() -> None:
    many = tuple(
        Evaluated(rule(f"r{n}", topic="apps", action="Do this " * 40), M365, judged(ada="fail")) for n in range(30)
    )
    lost = tuple(NotEvaluated(rule(f"n{n}"), M365, {"x": REFUSED.about(f"Silence {n}.")}) for n in range(30))
    tenants = tuple(replace(M365_TENANT, id=str(n)) for n in range(30))
    scan = company(tenants=tenants, results=many + lost, findings=findings(many), client_name="Long " * 50)
    summary = sheet(scan, "Summary")
    assert summary.one_page and len(render(summary).splitlines()) < 50


# -- the other sheets ----------------------------------------------------------


def test_actions_are_ranked_by_risk_removed_per_hour() -> None:
    assert [row["Rule id"] for row in rows(company(), "Actions")] == [
        "admin-no-second-factor", "foreign-sign-in", "account-no-second-factor", "dormant-account",
    ]  # fmt: skip


def test_an_action_names_25_and_counts_the_rest() -> None:
    many = {f"p{n:02}": "fail" for n in range(30)}
    scan = small([account(id, f"Person {id}") for id in many], (Evaluated(FACTOR, M365, judged(**many)),))
    who = rows(scan, "Actions")[0]["Who"]
    assert who.startswith("Person p00, Person p01") and who.endswith("Person p24, and 5 more: see Findings")


def test_people_of_one_name_are_told_apart() -> None:
    scan = small([account("cy", "Cy"), account("cy2", "Cy")], (Evaluated(FACTOR, M365, judged(cy2="fail")),))
    assert rows(scan, "Actions")[0]["Who"] == "Cy (cy2)"


def test_the_least_protected_stand_first() -> None:
    assert [row["Protected"] for row in rows(company(), "People")][:4] == [
        "Not protected", "Not protected", "Can switch it off", "Protected with gaps",
    ]  # fmt: skip


def test_holders_that_are_no_account_stand_under_administrators_only() -> None:
    names = [row["Name"] for row in rows(company(), "Administrators")]
    assert "App: backup-app" in names
    assert all("backup-app" not in row["Name"] for row in rows(company(), "People"))


def test_administrators_are_told_by_name_until_when_and_where() -> None:
    unit = "7f1d0a52-0c86-4bb8-9a38-6d6a0f3c1e55"
    scan = small(
        [
            admin("app", holder_kind="service_principal", holder_name="Backup"),
            admin("old", holder_kind="deleted"),
            admin("bo", state="active", activated=True, permanent=False, ends_at=datetime(2027, 3, 1)),
            admin("cy", state="eligible", permanent=False, ends_at=datetime(2027, 3, 2), via_id="g", via="Tier 0"),
            admin("di", scope="administrative unit Werk Nord2024", scope_id=unit),
            admin("ed", scope=f"administrative unit {unit}", scope_id=unit),
        ],
        (),
    )
    found = {row["Name"]: (row["State"], row["Held"], row["Scope"]) for row in rows(scan, "Administrators")}
    assert found["App: Backup"][0] == "Active, permanent"
    assert "No longer in the directory: old" in found
    told = {name.rpartition(" ")[2]: said for name, said in found.items()}
    assert told["bo"] == ("Switched on, until 1 Mar 2027", "Directly", "Whole tenant")
    assert told["cy"] == ("Can be switched on, until 2 Mar 2027", "Tier 0", "Whole tenant")
    assert told["di"][2] == "Administrative unit Werk Nord2024" and told["ed"][2] == "Administrative unit"


def test_administrators_of_google_are_told_as_its_console_tells_them() -> None:
    unit = "03ph8a2zabc1234"
    helper = {"role": "Help Desk Admin", "role_id": "7", "resets_credentials": True}
    scan = small(
        [
            account("flag", "flag", administrator="other"),
            admin("flag", role=None, role_id=None, privileged=None, resets_credentials=None),
            admin("robot", holder_kind="no_person", **helper),
            admin("ed", scope="organisational unit /Laden", scope_id=unit, **helper),
            admin("fi", scope=f"organisational unit {unit}, under a condition", scope_id=unit, role_id="7"),
        ],
        (),
    )
    found = {row["Name"].rpartition(" ")[2]: row for row in rows(scan, "Administrators")}
    assert (found["flag"]["Role"], found["flag"]["Held"]) == ("Unknown", "By the directory's own mark")
    assert found["flag"]["Resets passwords"] == "Unknown" and found["ed"]["Resets passwords"] == "Yes"
    assert found["robot"]["Name"] == "Service account or deleted account: robot"
    assert found["robot"]["Protected"] == "Not applicable"
    assert found["ed"]["Scope"] == "Organisational unit /Laden"
    assert found["fi"]["Scope"] == "Organisational unit, under a condition"
    assert standing(scan).hidden_admins == 0 and standing(scan).admins.total == 1


def test_suspended_and_archived_are_told_apart() -> None:
    people = [account(key, enabled=False, status=key) for key in ("suspended", "archived")]
    (shut,) = rows(small([*people, admin("suspended")]), "Administrators")
    assert (shut["State"], shut["Protected"]) == ("Account cannot sign in", "Not applicable")
    assert {row["Kind"] for row in rows(small(people), "People")} == {"Member, suspended", "Member, archived"}


def test_an_empty_sign_in_sheet_says_whether_it_knows() -> None:
    def empty(scan: Any) -> str:
        return next(b.empty for b in sheet(scan, "Sign-ins abroad").blocks if isinstance(b, Table))

    assert empty(small(SAFE)) == "No sign-in from abroad in the period 24 Oct 2026 – 22 Nov 2026."
    assert empty(small(SAFE, sign_ins=Incomplete(0, REFUSED))).startswith("None known.")
    assert empty(small(SAFE, sign_ins=NOT_OFFERED)).startswith("None known.")


def test_sentences_among_the_evidence_stand_on_lines_of_their_own() -> None:
    evidence = {"gaps": ["No second factor on trusted networks.", "No second factor in Teams, Word."],
                "enforced_by": ["All", "Admins"], "exempt_kind": "group", "named_under": ["exclude"],
                "exempt_through": []}  # fmt: skip
    results = (Evaluated(rule("x"), M365, (Judged("ada", "fail", evidence),)),)
    assert rows(small([account("ada")], results), "Findings")[0]["Facts"].split("\n") == [
        "Gaps: No second factor on trusted networks.",
        "No second factor in Teams, Word.",
        "Demanded by: All, Admins",
        "Who is exempt: A group",
        "The policy: exempts it",
        "Exempt through: None",
    ]


def test_evidence_is_plain() -> None:
    evidence = {
        "account": "ada@brandtner.example", "newColumn_x": 3, "licensed": True, "last_success_at": None,
        "countries": ["DE", "PT"], "methods": ["mobile_phone"], "seen": datetime(2026, 1, 2), "empty": [],
    }  # fmt: skip
    scan = small([account("ada")], (Evaluated(FACTOR, M365, (Judged("ada", "fail", evidence),)),))
    assert rows(scan, "Findings")[0]["Facts"].split("\n") == [
        "Newcolumn x: 3", "Has a licence: Yes", "Last sign-in: Unknown", "Countries: Germany, Portugal",
        "Second factor: Mobile phone (text or call)", "Seen: 2 Jan 2026", "Empty: None",
    ]  # fmt: skip


def test_a_route_a_timeline_and_whole_kilometres_read_as_sentences() -> None:
    evidence = {
        "from_country": "NG", "to_country": "DE", "km": 3519.0, "first_seen": datetime(2026, 11, 20, 4),
        "timeline": ["2026-11-24T02:25:00Z consent_given Mail.Read, Mail Sync",
                     "2026-11-24T02:26:00Z abroad NG 203.0.113.4"],
    }  # fmt: skip
    for aspect in ("DE-NG", "2026-11-20"):
        found = Judged("ada", "fail", evidence, aspect)
        scan = small([account("ada")], (Evaluated(FACTOR, M365, (found,)),))
        assert rows(scan, "Findings")[0]["Facts"].split("\n") == [
            "From: Nigeria", "To: Germany", "Kilometres, at least: 3,519", "First seen: 20 Nov 2026",
            "What happened (UTC): ", "24 Nov 2026, 02:25: App let in (Mail.Read, Mail Sync)",
            "24 Nov 2026, 02:26: Signed in from abroad (Nigeria, 203.0.113.4)",
        ]  # fmt: skip


def test_a_long_threshold_says_how_much_there_is() -> None:
    long = rule("long", parameters={"wide": list("abcdef"), "words": "a|b|c|d|e", "windows_supported_from": 26200})
    row = rows(small(SAFE, (Evaluated(long, M365, judged(ada="pass")),)), "Checks")[0]
    assert row["Thresholds"].split("\n") == [
        "Permissions that reach far: a, b, c, d and 2 more", "Suspicious words: a, b, c, d and 1 more",
        "Windows, build with updates, from: 26200",
    ]  # fmt: skip


def test_a_gap_that_no_rule_reads_is_told_as_well() -> None:
    scan = small(SAFE, FINE, sign_ins=Incomplete(3, REFUSED))
    row = rows(scan, "Not checked")[0]
    assert (row["Not checked"], row["Extent"], row["What to do"]) == ("Sign-ins", "Data not read", REFUSED.remedy)
    assert rows(small(SAFE, FINE), "Not checked") == []


# -- checks without an answer --------------------------------------------------

KINDLESS = Evaluated(FACTOR, M365, judged(ada="unknown", bo="unknown"), {"mfa_registrations.strongest": UNLICENSED})


def test_unknown_for_everybody_is_no_answer_anywhere() -> None:
    scan = small(SAFE, (*FINE, KINDLESS))
    check = next(row for row in rows(scan, "Checks") if row["Rule id"] == FACTOR.id)
    assert (check["Result"], check["Found"]) == ("Could not be checked", "2 unknown")
    assert figures(scan)["Checks not possible"].value == "1 of 3"
    assert "in part" not in figures(scan)["Checks not possible"].note
    topic = figures(scan)["Passwords and second factors"]
    assert topic.tone == "unknown" and topic.note.startswith("1 check was not possible, or not for everybody.")
    assert rows(scan, "Not checked")[0]["Extent"] == "Could not be checked"


def test_unknown_for_everybody_is_told_even_where_nothing_is_missing() -> None:
    scan = small(SAFE, (Evaluated(FACTOR, M365, judged(ada="unknown")),))
    (row,) = rows(scan, "Not checked")
    assert row["What happened"] == "The facts this check needs are not known of the only account concerned."


def test_nobody_concerned_is_an_answer_unless_something_is_missing() -> None:
    nobody, lost = Evaluated(FACTOR, M365, ()), Evaluated(ADMIN, M365, (), {"accounts.kind": UNLICENSED})
    assert [row["Result"] for row in rows(small(SAFE, (nobody, lost)), "Checks")] == [
        "Could not be checked", "Nobody concerned",
    ]  # fmt: skip


def test_without_home_countries_the_report_says_which_checks_suffer() -> None:
    needs = rule("foreign-sign-in", nature="event", columns=frozenset({"abroad"}))
    homeless = replace(M365_TENANT, home_countries=None)
    scan = small(SAFE, (Evaluated(needs, M365, judged(ada="unknown", bo="pass")),), tenant=homeless)
    (row,) = rows(scan, "Not checked")
    assert (row["Extent"], row["What happened"]) == (
        "Checked in part", "No home country is known, so no sign-in can be called foreign.")  # fmt: skip
    assert figures(scan)["Successful sign-ins from abroad"].value == "Not known"


# -- guests, reasons, controls -------------------------------------------------

GUEST = account("gus", "Gus", kind="guest", external=True, username="gus_home.example#EXT#@brandtner.example")


def test_a_guest_may_be_at_home_abroad() -> None:
    seen = SignInPlace("gus", None, "DK", "success", False, True, 1, 0, NOW, NOW, None)
    known = rule("password-known-abroad", nature="event", topic="sign_ins")
    scan = small([*SAFE, GUEST, seen], (*FINE, Evaluated(known, M365, judged(gus="fail"))))
    figure = figures(scan)["Successful sign-ins from abroad"]
    assert figure.value == "1 by 1 person" and "1 of these people is a guest, who may be at home there." in figure.note
    assert overall(scan).tone == "warn"  # not red: nobody's password was stolen for all we know
    (row,) = rows(scan, "Sign-ins abroad")
    assert (row["Kind"], row["User name"]) == ("Guest", "gus@home.example")


def test_an_external_member_is_called_external() -> None:
    scan = small([account("dot", kind="member", external=True)])
    assert rows(scan, "People")[0]["Kind"] == "Member, external"


def test_a_stop_before_a_success_is_not_alarming() -> None:
    stop = SignInPlace("ada", None, "PT", "stopped_after_password", False, True, 1, 0, NOW, NOW, None)
    for redeemed, said in ((None, "Password right, then stopped"), (False, "Password right, then stopped"),
                           (True, "Stopped once, also signed in")):  # fmt: skip
        (row,) = rows(small([*SAFE, replace(stop, redeemed=redeemed)]), "Sign-ins abroad")
        assert row["What happened"] == said


def test_trips_explain_and_the_rest_has_to_be_explained() -> None:
    entered = SignInPlace(
        "ada", None, "PT", "success", False, True, 5, 1, NOW, NOW, None, explained="trip", satisfied=3
    )
    rest = replace(entered, account_id="bo", records=2, single_factor=0, satisfied=None, explained="nothing")
    scan = small([*SAFE, account("bo"), entered, rest], FINE)
    figure = figures(scan)["Successful sign-ins from abroad"]
    assert (figure.value, figure.tone) == ("7 by 2 people", "warn")
    assert "5 fit a reported trip, 2 unexplained." in figure.note
    assert "2 successful sign-ins from abroad have to be explained." in overall(scan).text
    first, second = rows(scan, "Sign-ins abroad")
    assert [first[c] for c in ("Explained by", "With second factor", "Password alone", "Factor not known")] == [
        "Reported trip", 3, 1, 1]  # fmt: skip
    assert (second["Explained by"], second["Factor not known"]) == (None, None)
    told = small([*SAFE, entered], FINE)
    figure = figures(told)["Successful sign-ins from abroad"]
    assert figure.tone == "good" and "All of them fit a reported trip." in figure.note
    assert overall(told).tone == "good"


def test_what_was_laid_down_about_places_stands_above_the_table() -> None:
    terms = Terms(
        homes=(Home(("PT",), group="Sales"),),
        trips=(Trip(date(2026, 11, 9), date(2026, 11, 10), people=("ada@brandtner.example",)),),
        networks=(Network("VPN", asns=(64500,)),),
    )
    unsure = SignInPlace("ada", None, "PT", "success", False, None, 2, 0, NOW, NOW, None)
    remark = Remark("Not everybody in Sales is known.", "It cannot say who is at home in Portugal.", "Name the people.")
    scan = replace(small([*SAFE, unsure, KnownAddress("192.0.2.1", "Branch")], FINE), terms=terms, remarks=(remark,))
    said = render(sheet(scan, "Sign-ins abroad"))
    for line in (
        "Also at home: Sales: Portugal.",
        "Reported trips: ada@brandtner.example: anywhere, 9 Nov 2026 – 10 Nov 2026.",
        "Known networks, never abroad: VPN; Branch.",
        "of 2 sign-ins it is not known whether the person is at home there",
    ):
        assert line in said
    (row,) = rows(scan, "Not checked")
    assert (row["Extent"], row["Tenant"], row["What to do"]) == ("Not in effect", None, "Name the people.")
    assert "· It cannot say who is at home in Portugal." in render(sheet(scan, "Summary"))


def test_a_reason_stands_once_above_the_people_and_under_not_checked() -> None:
    unread = [MfaEnforcement(id, "unknown", reason="Policies are not read yet.") for id in ("bo", "cy")]
    scan = small([*SAFE, account("bo"), account("cy"), *unread], FINE)
    people = render(sheet(scan, "People"))
    assert people.count("Policies are not read yet.") == 1
    assert rows(scan, "Not checked")[0]["What the report does not say"] == (
        "The report cannot say whether 2 accounts must use a second factor.")  # fmt: skip
    refused = Incomplete(0, REFUSED.about("The report cannot say it."))
    because = [MfaEnforcement("bo", "unknown", reason=f"Not read: {REFUSED.detail}")]
    told = rows(small([*SAFE, *because], FINE, sign_ins=refused), "Not checked")
    assert [row["Not checked"] for row in told] == ["Sign-ins"]  # the error itself says it


def test_controls_are_the_tenant_s_own() -> None:
    controls = {row["Tenant"]: row["Controls"] for row in rows(company(), "Checks") if row["Rule id"] == ADMIN.id}
    assert controls["Microsoft 365"].split("\n") == [
        "CIS Microsoft 365 7.0: 1.1.1, 5.2.2.1", "CISA SCuBA: MS.AAD.3.6", "House: 7"]  # fmt: skip
    assert controls["Google Workspace"].split("\n") == ["CIS Google Workspace 1.3: 4.1.1.1", "House: 7"]


def test_roles_that_were_not_read_are_unknown_not_none() -> None:
    scan = small([account("ada")], role_assignments=Incomplete(0, REFUSED))
    assert rows(scan, "People")[0]["Roles"] == "Unknown"


def test_a_plan_without_sign_ins_is_told_without_reproach() -> None:
    note = figures(NO_P1)["Successful sign-ins from abroad"].note
    assert note == "Microsoft 365: the plan holds no record of sign-ins, so nothing is known about them."


@pytest.mark.parametrize(("n", "said"), [(0, "None"), (1, "1 by 1 person"), (1200, "1,200 by 1 person")])
def test_a_figure_reads_well_with_none_one_and_many(n: int, said: str) -> None:
    abroad = [SignInPlace("ada", None, "PT", "success", False, True, n, 0, NOW, NOW, None)] if n else []
    assert figures(small([*SAFE, *abroad], FINE))["Successful sign-ins from abroad"].value == said


def test_an_emergency_account_counts_for_nothing_while_it_is_ready_and_for_everything_once_it_is_not() -> None:
    def stands(*factor: Any) -> Any:
        glass = [account("glass", "Notfall"), MfaEnforcement("glass", "not_enforced", emergency=True), admin("glass")]
        return standing(company(tables=Held({M365: [*MICROSOFT, *glass, *factor], GOOGLE: WORKSPACE})))

    before, ready = standing(company()), stands(registered("glass", "security_key", strongest="phishing_resistant"))
    assert (ready.emergency, ready.admins.groups, ready.switchable) == (1, before.admins.groups, before.switchable)
    factor = registered("glass", "security_key", strongest="phishing_resistant")
    entered = stands(factor, SignInPlace("glass", None, "DE", "success", False, False, 1, 1, SEEN, SEEN, None))
    assert entered.emergency == 0 and len(entered.takeable) == len(before.takeable) + 1
    bare_password = stands(bare("glass"))
    assert bare_password.emergency == 0 and len(bare_password.takeable) == len(before.takeable) + 1


def test_factors_that_are_not_all_listed_are_said_to_be_at_least_those() -> None:
    untold = NotEnabled("Only keys are counted.", "Nothing.", "There may be others.")
    person = replace(registered("a", "mobile_phone"), strongest=None, updated_at=datetime(2026, 11, 20))
    rows = [account("a", "Ada"), person]
    people = render(sheet(small(rows, mfa_registrations=Complete(1, {"methods": untold})), "People"))
    assert "second factors: There may be others. What is counted is of 20 Nov 2026." in people
    # A text message that was used shows that there is one, not that there is nothing better.
    (ada,) = (line for line in people.splitlines() if line.startswith("Ada"))
    assert "Mobile phone" in ada and "Weak" not in ada and "Unknown" in ada
    assert "There may be others" not in render(sheet(small(rows), "People"))


def test_what_does_not_fit_stands_where_the_gaps_stand() -> None:
    later = MfaEnforcement(
        "bo", "scheduled", enforced_by=["For all, from 1 March 2027"], gaps=["Only from 1 March 2027 on."],
        report_only=[], verdict_if_enabled="enforced", contradiction="The flag says no.", grace_until=SEEN,
    )  # fmt: skip
    scan = small([account("bo"), bare("bo"), later, admin("bo")])
    for name in ("People", "Administrators"):
        assert rows(scan, name)[0]["Gaps and exemptions"] == (
            "Contradiction: The flag says no.\nOnly from 1 March 2027 on."
        )


# -- accepted risks ------------------------------------------------------------


def test_an_accepted_administrator_is_amber_and_still_counted_as_unprotected() -> None:
    scan = small([account("bo", "Bo"), bare("bo"), MfaEnforcement("bo", "enforced"), admin("bo")],
                 (Evaluated(ADMIN, M365, judged(bo="fail")),))  # fmt: skip
    assert overall(scan).tone == "bad" and figures(scan)["Administrators protected"].value == "0 of 1"
    signed = accepting(scan, accept(ADMIN, "bo"))
    assert overall(signed).tone == "warn" and "is accepted" in overall(signed).text
    figure = figures(signed)["Administrators protected"]
    assert (figure.value, figure.tone) == ("0 of 1", "bad") and "1 of these is accepted." in figure.note
    assert not rows(signed, "Actions") and rows(signed, "Findings")[0]["State"] == "Accepted"
    (check,) = rows(signed, "Checks")
    assert (check["Result"], check["Found"]) == ("Accepted", "1 of 1, 1 accepted")
    expired = accepting(scan, accept(ADMIN, "bo", until=date(2026, 11, 22)))
    assert overall(expired).tone == "bad" and rows(expired, "Findings")[0]["State"] == "New"
    assert "expired on 22 Nov 2026" in rows(expired, "Findings")[0]["Facts"]


def test_a_topic_is_blue_only_while_nothing_else_is_open_in_it() -> None:
    fails = Evaluated(FACTOR, M365, judged(bo="fail", cy="fail"))
    one, both = accept(FACTOR, "bo"), accept(FACTOR, "")
    scan = small([account("bo"), account("cy")], (fails,))
    assert (figures(accepting(scan, one))["Passwords and second factors"].value) == "Red"
    assert figures(accepting(scan, one))["Passwords and second factors"].note.endswith(": 1.")
    topic = figures(accepting(scan, both))["Passwords and second factors"]
    assert (topic.value, topic.tone) == ("Accepted", "signed")
    half = replace(fails, missing={"mfa_registrations": REFUSED})
    topic = figures(accepting(small([account("bo"), account("cy")], (half,)), both))["Passwords and second factors"]
    assert topic.tone == "unknown"


def test_accepted_sign_ins_from_abroad_have_been_explained() -> None:
    place = SignInPlace("ada", None, "PT", "success", False, True, 2, 0, NOW, NOW, None)
    scan = small([*SAFE, place], (*FINE, Evaluated(ABROAD, M365, (Judged("ada", "fail", {}, "PT"),))))
    assert overall(scan).text.startswith("AMBER. Plan the next steps. 2 successful sign-ins")
    signed = accepting(scan, accept(ABROAD, "ada"))
    assert overall(signed).tone == "good" and "somebody answers for" in overall(signed).text
    figure = figures(signed)["Successful sign-ins from abroad"]
    assert figure.value == "2 by 1 person" and figure.tone == "signed" and "2 of these are accepted." in figure.note


def test_own_thresholds_stand_beside_the_usual_ones_and_those_without_effect_under_about() -> None:
    strict = replace(DORMANT, parameters={"unused_days": 45, "never_used_days": 30})
    mistake = ConfigError("thresholds.x: none.", "Look.")
    scan = company(results=(Evaluated(strict, M365, judged(ada="pass")),), findings=(),
                   usual={DORMANT.id: {"unused_days": 90}}, mistakes=(mistake,))  # fmt: skip
    (check,) = rows(scan, "Checks")
    assert check["Thresholds"].splitlines() == [
        "Unused for (days): 45 (own threshold, usually 90)", "Never used for (days): 30"]  # fmt: skip
    assert "Setting without effect | thresholds.x: none. Look." in render(sheet(scan, "About"))
