"""The Summary over time: figures kept with each scan and said again, the trend, decisions, and that it names nobody."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyround import history
from keyround.connector import Complete, Incomplete
from keyround.engine import figures as kept
from keyround.engine import thresholds
from keyround.engine.figures import Abroad, Checks, Figures, People, Unused
from keyround.engine.results import Evaluated
from keyround.export import blocks, effort, summary
from keyround.export.standing import figures
from keyround.export.text import render
from keyround.handover import hand_over
from keyround.judging import Judgement, reported
from keyround.model import Account, MfaEnforcement, MfaRegistration, SignInPlace
from keyround.presentation import Presentation, Provider
from keyround.store import ClientStore
from keyround.terms import Remark, Terms, Trip

from .invented import (
    ACCEPTANCES,
    ADMIN,
    FACTOR,
    M365,
    M365_TENANT,
    MICROSOFT,
    NOW,
    REFUSED,
    SECOND,
    WORKSPACE,
    accepting,
    account,
    admin,
    bare,
    company,
    judged,
    registered,
    rule,
    small,
)

GOLDEN = Path(__file__).parent / "golden" / "trend" / "summary.txt"
STORES = Path(__file__).parents[2] / "fixtures" / "stores"


def then(at: datetime, protected: int, *, total: int = 44, unknown: int = 0, at_least: bool = False) -> Figures:
    rest = total - protected - unknown
    return Figures(at, "bad", People(protected, rest, 0, unknown, total, at_least), People(3, 0, 1, 0, 4, False),
                   Abroad(3, 1, 0, 3, False), Unused(9, 4, False), Checks(6, 36))  # fmt: skip


def blocks_of(scan: Any, kind: type[Any]) -> list[Any]:
    return [block for block in summary.sheet(scan).blocks if isinstance(block, kind)]


def shown(scan: Any) -> dict[str, blocks.Figure]:
    return {figure.label: figure for block in blocks_of(scan, blocks.Figures) for figure in block.figures}


# -- one definition of every number -----------------------------------------------

WORDS = ("enforced", "conditional", "not_enforced", "third_party", "blocked", "scheduled", None)
PERSON = st.tuples(
    st.sampled_from((True, False, None)), st.sampled_from(WORDS), st.sampled_from((True, False)),
    st.sampled_from(("member", "guest", "shared")), st.booleans(), st.sampled_from((0, 0, 1, 3)),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PERSON, max_size=5), st.booleans())
def test_what_is_kept_is_what_the_sheet_says(people: list[Any], whole: bool) -> None:
    rows: list[Any] = []
    for n, (set_up, verdict, enabled, kind, administers, abroad) in enumerate(people):
        rows += [account(str(n), enabled=enabled, kind=kind), MfaRegistration(str(n), registered=set_up)]
        rows += [MfaEnforcement(str(n), verdict)] * (verdict is not None) + [admin(str(n))] * administers
        if abroad:
            rows.append(SignInPlace(str(n), None, "PT", "success", False, True, abroad, 0, NOW, NOW, None))
    scan = small(rows, accounts=Complete(9) if whole else Incomplete(1, REFUSED))
    got, said = figures(scan), shown(scan)
    assert kept.from_json(json.loads(json.dumps(kept.as_json(got)))) == got
    for count, label in ((got.people, "People protected"), (got.admins, "Administrators protected")):
        assert count and count.protected + count.gaps + count.none + count.unknown == count.total
        of = "of" if whole else "of\nat least"
        assert said[label].value == (f"{count.protected} {of} {count.total}" if count.known else "Not known")
        for n, words in ((count.gaps, "with gaps"), (count.none, "without a second"), (count.unknown, "unknown")):
            assert (f"{n} {words}" in said[label].note) == bool(n)
    assert got.abroad and said["Successful sign-ins from abroad"].value.startswith(
        str(got.abroad.records) if got.abroad.records else "None"
    )
    (light,) = (block for block in blocks_of(scan, blocks.Text) if block.style == "light")
    assert light.tone == got.light
    drawn = [chart for block in blocks_of(scan, blocks.Charts) for chart in block.charts if chart.kind == "stacked"]
    assert sum(sum(line.values) for chart in drawn for line in chart.series) == (
        got.people.total if got.people and got.people.known else 0
    )


def test_of_another_version_what_is_understood_is_taken() -> None:
    raw = kept.as_json(then(NOW, 24)) | {
        "people": {"protected": 3},
        "unused": {"count": 1, "licensed": None, "at_least": True, "more": 2},
        "checks": {"impossible": -1, "total": True},
        "light": "violet",
        "later": 1,
    }
    got = kept.from_json(raw)
    assert (got.people, got.checks, got.light, got.unused) == (None, None, None, Unused(1, None, True))
    assert got.admins == People(3, 0, 1, 0, 4, False)
    assert kept.from_json({"taken_at": "2026-11-23T09:30:00"}) == Figures(NOW)
    for damaged in ({}, {"taken_at": "soon"}, {"taken_at": 7}):
        with pytest.raises(ValueError, match=r"when|soon"):
            kept.from_json(damaged)


# -- through the store --------------------------------------------------------------


def test_last_time_s_values_over_three_scans(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = ClientStore(tmp_path / "store", "brandtner")
    store.scans.mkdir(parents=True)
    times = [datetime(2026, 10, 24, 9), datetime(2026, 11, 16, 9), NOW]
    safe = [account("ada"), registered("ada", "passkey"), MfaEnforcement("ada", "enforced")]
    states = [[*safe, account("bo")], [*safe, account("bo"), bare("bo"), account("cy"), bare("cy")], safe]

    def handed(number: int, rows: list[Any]) -> Any:
        past = history.past(store, times[number])
        scan = replace(small(rows), taken_at=times[number], past=past)
        assert hand_over(scan, tmp_path, store, "high", ("json",)).remarks == ()
        return scan

    scans = [handed(number, rows) for number, rows in enumerate(states)]
    said = [shown(scan)["People protected"] for scan in scans]
    assert [one.before for one in said] == ["", "Oct: 1 of 2", "16 Nov: 1 of 3"]
    assert [one.taken_at for one in scans[2].past] == times[:2]
    again = handed(1, states[2])  # an old snapshot judged again knows no later one, and changes what nobody said then
    assert len(again.past) == 1 and history.past(store, NOW)[-1].people == People(1, 0, 2, 0, 3, False)
    (first, second) = sorted((store.root / "figures").iterdir())[:2]
    assert first.stat().st_mode & 0o777 == 0o400 or os.name == "nt"
    for file, text in ((first, '{"taken_at": "so'), (second, '{"people": {}}')):
        os.chmod(file, 0o600)
        file.write_text(text)
    assert history.past(store, NOW) == () and "are damaged" in caplog.text and "does not say when" in caplog.text


def test_a_store_that_takes_nothing_is_a_remark_and_twelve_scans_are_enough(tmp_path: Path) -> None:
    store = ClientStore(tmp_path, "brandtner")
    for month in range(1, 12):
        store.keep_figures(f"2026{month:02}01T000000Z", kept.as_json(then(datetime(2026, month, 1), month)))
    store.keep_figures("20251201T000000Z", kept.as_json(then(datetime(2025, 12, 1), 0)))
    assert [one.people.protected for one in history.past(store, NOW) if one.people] == list(range(12))
    assert len(history.past(store, datetime(2027, 1, 1))) == 12
    shut = ClientStore(tmp_path, "shut")
    shut.root.write_text("a file where the client's folder should be")
    (remark,) = hand_over(company(), tmp_path, shut, "high", ("json",)).remarks
    assert remark.startswith("The figures of this scan could not be kept: ")


def test_a_scan_from_a_store_brings_its_past(tmp_path: Path) -> None:
    old = ClientStore(sorted(STORES.iterdir())[0], "acme")
    snapshot, store = old.snapshot(old.stamps()[-1]), ClientStore(tmp_path, "acme")
    for year in (2020, 2099):
        store.root.mkdir(exist_ok=True)
        store.keep_figures(f"{year}0101T000000Z", kept.as_json(then(datetime(year, 1, 1), 24)))
    nothing = Judgement((), (), (), {}, {}, thresholds.applied([], {}), {})
    with reported(snapshot, store, [], judged=nothing) as scan:
        assert scan.past == (then(datetime(2020, 1, 1), 24),)
    with reported(snapshot, old, [], judged=nothing) as scan:
        assert scan.past == ()  # a store of before there were figures


# -- what is said of it -------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (then(datetime(2026, 10, 24), 0), " Progress: 1 of 6 people is protected, 1 more than in October."),
        (then(datetime(2026, 11, 2), 3), " 1 of 6 people is protected, 2 fewer than on 2 Nov."),
        (then(datetime(2025, 11, 2), 1), " 1 of 6 people is protected, as many as in November 2025."),
        # One person more could be one of the two of whom nothing was known.
        (
            then(datetime(2026, 10, 24), 0, unknown=2),
            " 1 of 6 people is protected; in October 0 of 44 were known to be.",
        ),
        (then(datetime(2026, 11, 2), 2), " 1 of 6 people is protected; on 2 Nov 2 of 44 were known to be."),
        (then(datetime(2026, 10, 24), 0, at_least=True), ""),
        (replace(then(NOW, 0), people=None), ""),
    ],
)
def test_progress_is_said_only_where_it_is_one(last: Figures, said: str) -> None:
    (light,) = (block for block in blocks_of(company(past=(last,)), blocks.Text) if block.style == "light")
    red = "RED. Act this week. 1 of 2 administrators can be taken over with a password alone."
    assert light.text.removeprefix(red) == said


def test_what_was_not_known_last_time_is_not_made_up() -> None:
    bare_past = shown(company(past=(Figures(datetime(2026, 10, 24)),)))
    five = list(bare_past.values())[:5]
    assert [one.before for one in five] == ["Oct: not known"] * 5
    full = list(shown(company(past=(then(datetime(2025, 10, 24), 24),))).values())[:5]
    assert [one.before for one in full] == [
        "Oct 2025: 24 of 44", "Oct 2025: 3 of 4", "Oct 2025: 3 by 1 person", "Oct 2025: 9", "Oct 2025: 6 of 36",
    ]  # fmt: skip


PAST = tuple(then(datetime(2026, month, 24), 10 + month, at_least=month == 8) for month in (7, 8, 9, 10))


def test_a_trend_has_gaps_where_not_everybody_was_counted_and_begins_with_three() -> None:
    scan = company(past=PAST, previous=PAST[-1].taken_at, changes=SECOND["changes"])
    (charts,) = blocks_of(scan, blocks.Charts)
    trend = charts.charts[1]
    assert trend.categories == ("Jul", "Aug", "Sep", "Oct", "Nov")
    assert [line.values for line in trend.series] == [(17, None, 19, 20, 1), (27, None, 25, 24, 2), (0, None, 0, 0, 2)]
    assert "Protected: 17, Not known, 19, 20, 1;" in trend.told
    said = render(summary.sheet(scan))
    if os.environ.get("KEYROUND_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(said, encoding="utf-8")
    assert said == GOLDEN.read_text(encoding="utf-8")
    often = company(past=(*PAST, then(datetime(2026, 11, 1), 9)))
    assert blocks_of(often, blocks.Charts)[0].charts[1].categories[-2:] == ("1 Nov", "23 Nov")
    year = company(past=PAST * 3)
    assert len(blocks_of(year, blocks.Charts)[0].charts[1].categories) == 12
    few = company(past=PAST[1:3])  # of three scans, one did not count everybody
    assert [chart.kind for block in blocks_of(few, blocks.Charts) for chart in block.charts] == ["stacked", "bars"]
    assert "begins with the third scan that could count everybody; so far there are 2." in render(summary.sheet(few))


def test_one_colour_says_what_it_is_and_many_tenants_are_a_number() -> None:
    safe = [account("ada"), registered("ada", "passkey"), MfaEnforcement("ada", "enforced")]
    assert blocks_of(small(safe), blocks.Charts)[0].charts[0].title == "All people: Protected"
    tenants = tuple(replace(M365_TENANT, id=str(n), name=f"Firm {n}") for n in range(9))
    note = shown(company(tenants=tenants, coverage=()))["People protected"].note
    assert note.endswith("Firm 0 (Microsoft 365), Firm 1 (Microsoft 365), Firm 2 (Microsoft 365) and 6 more.")


# -- decisions ------------------------------------------------------------------------


def test_a_decision_says_what_becomes_of_the_first_figure_only_where_that_is_certain() -> None:
    demanded = rule("second-factor-not-demanded", topic="passwords", takes={"once": 2})
    weak = rule("weak-second-factor-only", severity="medium")
    people = {"no-factor": (False, "enforced"), "neither": (False, "not_enforced"), "free": (True, "not_enforced"),
              "unsure": (False, None), "weak": (True, "conditional")}  # fmt: skip
    rows: list[Any] = []
    for key, (set_up, verdict) in people.items():
        rows += [account(key), MfaRegistration(key, registered=set_up)]
        rows += [MfaEnforcement(key, verdict)] if verdict else []
    found = (
        Evaluated(FACTOR, M365, judged(**{"no-factor": "fail", "neither": "fail", "unsure": "fail"})),
        Evaluated(demanded, M365, judged(neither="fail", free="fail")),
        Evaluated(weak, M365, judged(weak="fail")),
    )
    by = Presentation(provider=Provider(hourly_rate=95.0))
    scan = replace(small(rows, found), presentation=by)
    notes = [figure.note.split("\n")[0] for label, figure in shown(scan).items() if label[0].isdigit()]
    assert notes == [
        "3 accounts · 2.5 h · €238 → 1 of 5 protected", "2 accounts · 2 h · €190 → 3 of 5 protected",
        "1 account · 1.5 h · €142",
    ]  # fmt: skip
    assert all(figure.value == "☐ Yes   ☐ Later   ☐ No" for label, figure in shown(scan).items() if label[0].isdigit())


def test_many_urgent_things_about_a_few_do_not_hide_that_most_have_no_second_factor() -> None:
    urgent = [Evaluated(rule(f"urgent-{n}", severity="critical"), M365, judged(ada="fail")) for n in range(6)]
    many = [f"p{n}" for n in range(10)]
    rows: list[Any] = [account("ada"), registered("ada"), MfaEnforcement("ada", "enforced")]
    for key in many:
        rows += [account(key), MfaRegistration(key, registered=False), MfaEnforcement(key, "enforced")]

    def decided(*found: Evaluated) -> list[str]:
        return [label.partition(". ")[2] for label in shown(small(rows, found)) if label[0].isdigit()]

    factor = Evaluated(FACTOR, M365, judged(**dict.fromkeys(many, "fail")))
    assert len(decided(*urgent, factor)) == 5 and decided(*urgent, factor)[-1] == FACTOR.action
    moves_nobody = Evaluated(FACTOR, M365, judged(ada="fail"))
    assert FACTOR.action not in decided(*urgent, moves_nobody)


def test_one_decision_for_what_two_tenants_need_and_nothing_that_somebody_answers_for() -> None:
    scan = company(findings=())
    twice = tuple(
        Evaluated(ADMIN, tenant, judged(**who))
        for tenant, who in ((M365, {"bo": "fail"}), ("C01abcdef", {"102": "fail"}))
    )
    scan = replace(scan, results=twice, findings=tuple(f for one in twice for f in small([], (one,)).findings))
    (label,) = (label for label in shown(scan) if label[0].isdigit())
    assert shown(scan)[label].note == (
        "2 accounts · 30 min → 2 of 6 protected\n"
        "Administrators without a second factor · Microsoft 365, Google Workspace"
    )
    signed = accepting(company(), *ACCEPTANCES)
    assert not any("every administrator" in label for label in shown(signed))


@pytest.mark.parametrize(
    ("count", "said"), [(0.02, "5 min"), (0.25, "15 min"), (1, "1 h"), (1.6, "1.5 h"), (9.6, "10 h")]
)
def test_hours_are_said_as_people_say_them(count: float, said: str) -> None:
    assert effort.hours(count) == said


def test_money_is_said_only_where_there_is_a_rate() -> None:
    assert effort.cost(10, Provider()) == ""
    assert effort.cost(10, Provider(hourly_rate=150, currency="CHF")) == "CHF1,500"


# -- fit for a mail ---------------------------------------------------------------------


def test_the_summary_names_nobody_but_who_prepared_it() -> None:
    names = {name for row in (*MICROSOFT, *WORKSPACE) if isinstance(row, Account) and row.kind == "member"
             for name in (row.display_name, row.username) if name}  # fmt: skip
    trip = Terms(trips=(Trip(NOW.date(), NOW.date(), people=("old@brandtner.example",)),))
    remark = Remark("Nobody.", "Trips of old@brandtner.example explain nothing.", "Correct it.")
    unknown_to_us = company(**SECOND, past=PAST, terms=trip, remarks=(remark,))
    for scan in (unknown_to_us, accepting(company(), *ACCEPTANCES)):
        said = render(summary.sheet(scan)).casefold()
        assert "a. petersen" in said and not [name for name in names if name.casefold() in said]
    said = render(summary.sheet(unknown_to_us))
    assert "old@" not in said and "and 1 more point: see Not checked." in said
