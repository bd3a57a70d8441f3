from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyround.connector import Window
from keyround.engine import ledger, sealed
from keyround.engine.ledger import Ledger, changes, findings, fold
from keyround.engine.results import CHANGES, DoesNotApply, Evaluated, Judged, NotEvaluated, Result
from keyround.engine.rule import Rule, parse
from keyround.engine.sealed import Directory, Sealed, digest, seal
from keyround.errors import NotGranted

DAY = datetime(2026, 8, 1, 12)
REFUSED = NotGranted("No.")


def rule(name: str = "some-rule", severity: str = "low", title: str = "x", failing: str = "enabled",
         nature: str = "state", subject: str = "accounts") -> Rule:  # fmt: skip
    return parse(name, f"""
        title = "{title}"\nseverity = "{severity}"\ntopic = "accounts"\nnature = "{nature}"\nsubject = "{subject}"
        effort = "hours"\naction = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, {failing} as failing from accounts"
    """)  # fmt: skip


SOME, OTHER, GRAVER = rule(), rule(failing="not enabled"), rule(severity="high")
EVENT, TENANT = rule(nature="event"), rule(subject="tenants")


def said(of: Rule = SOME, whole: bool = True, graver: bool = False, **verdicts: str) -> Evaluated:
    missing = {} if whole else {"accounts": REFUSED}
    own = "critical" if graver else None
    judged = (
        Judged(key.partition("_")[0], verdict, {}, key.partition("_")[2], own) for key, verdict in verdicts.items()
    )  # type: ignore[arg-type]
    return Evaluated(of, "t", tuple(judged), missing)


def scanned(number: int, result: Result | None, accounts: str = "ada bo", whole: bool = True, days: int = 30) -> Sealed:
    """The scan of one day after the other, read back from JSON."""
    at = DAY + timedelta(days=number)
    since = datetime.combine((at - timedelta(days=days)).date(), datetime.min.time())
    names = {key: f"{key}@hof.example" for key in accounts.split()}
    directory = Directory("Hof", tuple(sorted(names)), whole, names)
    one = seal(at, Window(since, at), {"t": directory}, [result] if result else [])
    return sealed.from_json(json.loads(json.dumps(sealed.as_json(one))))


def history(*scans: Result | Sealed | None) -> list[Sealed]:
    return [one if isinstance(one, Sealed) else scanned(number, one) for number, one in enumerate(scans)]


def age(*scans: Result | Sealed | None, key: tuple[str, str] = ("ada", "")) -> tuple[str, int]:
    """State of ada's finding after these scans, and in which of them it was first seen."""
    told = history(*scans)
    known = fold(Ledger(), reversed(told))
    entry = known.records["t", "some-rule"].entries[key]
    assert known.taken_at
    return entry.state(known.taken_at), [scan.taken_at for scan in told].index(entry.first_seen)


FAIL, PASS, UNKNOWN, ABSENT = said(ada="fail"), said(ada="pass"), said(ada="unknown"), said(bo="pass")
UNJUDGED = NotEvaluated(SOME, "t", {"accounts": REFUSED})


def test_new_open_reopened() -> None:
    assert age(FAIL) == ("new", 0)
    assert age(PASS, FAIL) == ("new", 1)
    assert age(FAIL, FAIL) == ("open", 0)
    assert age(FAIL, PASS, FAIL) == ("reopened", 0)
    assert age(FAIL, PASS, FAIL, FAIL) == ("open", 0)
    assert age(FAIL, ABSENT, FAIL) == ("reopened", 0)
    assert age(ABSENT, FAIL) == ("new", 1)  # came into scope, or into the directory


def test_silence_keeps_the_age() -> None:
    half = said(whole=False, bo="fail")
    for silent in (UNKNOWN, UNJUDGED, None, DoesNotApply(SOME, "t"), half):
        assert age(FAIL, silent) == ("not_rechecked", 0)
        assert age(FAIL, silent, FAIL) == ("open", 0)
        assert age(FAIL, silent, silent, PASS) == ("fixed", 0)
        assert age(FAIL, PASS, silent) == ("fixed", 0)


def test_what_was_never_known_to_be_in_order_is_newly_checked_and_not_new() -> None:
    for silent in (UNKNOWN, UNJUDGED, None, said(whole=False, bo="fail"), said(OTHER, ada="pass")):
        assert age(silent, FAIL) == ("newly_checked", 1)
        assert age(silent, FAIL, FAIL) == ("open", 1)
    assert age(PASS, UNKNOWN, FAIL) == ("new", 2)  # it was in order before
    assert age(PASS, UNKNOWN, UNKNOWN, said(whole=False, bo="fail"), FAIL) == ("new", 4)
    assert age(said(whole=False, ada="pass"), said(whole=False, bo="fail"), FAIL) == ("new", 2)
    assert age(said(whole=False, bo="pass"), ABSENT, FAIL) == ("new", 2)
    assert age(FAIL, said(OTHER, ada="fail")) == ("open", 0)
    assert age(FAIL, PASS, said(OTHER, ada="fail")) == ("newly_checked", 0)
    assert age(FAIL, PASS, said(OTHER, ada="pass"), said(OTHER, ada="fail")) == ("reopened", 0)
    stricter = replace(SOME, parameters={"days": 30})
    assert age(PASS, said(stricter, ada="fail")) == ("newly_checked", 1)


def test_worse_is_the_fact_s_doing_and_not_the_rule_s() -> None:
    worse = said(graver=True, ada="fail")
    assert age(FAIL, worse) == ("worse", 0)
    assert age(FAIL, UNKNOWN, worse) == ("worse", 0)
    assert age(FAIL, worse, worse) == ("open", 0)
    assert age(worse, FAIL) == ("open", 0)
    assert age(FAIL, said(GRAVER, ada="fail")) == ("open", 0)
    assert age(worse, said(rule(severity="critical"), ada="fail")) == ("open", 0)
    assert age(FAIL, said(OTHER, graver=True, ada="fail")) == ("open", 0)  # another question


def test_how_a_state_ends() -> None:
    assert age(FAIL, PASS) == ("fixed", 0)
    assert age(FAIL, ABSENT) == ("left_scope", 0)
    assert age(FAIL, scanned(1, ABSENT, "bo")) == ("gone", 0)
    assert age(FAIL, scanned(1, ABSENT, "bo", whole=False)) == ("not_rechecked", 0)
    assert age(FAIL, UNJUDGED, scanned(2, UNJUDGED, "bo"), scanned(3, ABSENT, "bo")) == ("gone", 0)
    other = ("ada", "Tax")
    assert age(said(ada_Tax="fail"), said(ada_Fax="pass"), key=other) == ("gone", 0)
    assert age(said(ada_Tax="fail"), ABSENT, key=other) == ("left_scope", 0)
    assert age(said(TENANT, t="fail"), said(TENANT), key=("t", "")) == ("left_scope", 0)
    assert age(said(TENANT, t_App="fail"), said(TENANT, t="pass"), key=("t", "App")) == ("gone", 0)


def test_a_device_that_is_still_there_is_not_gone_and_goes_by_its_own_name() -> None:
    devices = rule(subject="devices")
    failed = Evaluated(devices, "t", (Judged("pc", "fail", {"account": "ada@hof.example", "device": "PC-14"}),))
    silent = Evaluated(devices, "t", ())

    def sealed_with(number: int, result: Result, there: frozenset[str] | None) -> Sealed:
        at = DAY + timedelta(days=number)
        directory = {"t": Directory("Hof", ("ada",), True, {"ada": "ada@hof.example"}, there)}
        one = seal(at, Window(DAY, at), directory, [result])
        return sealed.from_json(json.loads(json.dumps(sealed.as_json(one))))

    first = sealed_with(0, failed, frozenset({"pc"}))
    for there, state in (
        (frozenset({"pc", "other"}), "left_scope"),
        (frozenset[str](), "gone"),
        (None, "not_rechecked"),
    ):
        known = fold(Ledger(), [first, sealed_with(1, silent, there)])
        entry = known.records["t", "some-rule"].entries["pc", ""]
        assert (entry.is_now, entry.who) == (state, "PC-14")


def test_an_event_leaves_the_window_and_a_narrower_window_is_no_progress() -> None:
    fail, gone = said(EVENT, ada_FR="fail"), said(EVENT, ada="pass")
    key = ("ada", "FR")

    def ends(*scans: Sealed | Result) -> str:
        return age(*scans, key=key)[0]

    assert ends(fail, gone) == "past"
    assert age(said(EVENT, ada="fail"), gone) == ("past", 0)  # nobody has fixed what happened
    assert ends(fail, gone, fail) == "reopened"
    assert ends(fail, scanned(1, gone, days=7)) == "not_rechecked"
    assert ends(fail, scanned(1, gone, days=7), scanned(2, gone)) == "past"
    assert ends(fail, scanned(29, gone, days=7)) == "not_rechecked"
    assert ends(fail, scanned(31, gone, days=7)) == "past"  # thirty days would not show it either
    assert ends(scanned(0, fail, days=7), scanned(1, gone, days=30)) == "past"
    later = scanned(1, gone)
    earlier = later.taken_at - timedelta(hours=6)
    assert ends(fail, replace(later, taken_at=earlier, window=Window(later.window.since, earlier))) == "past"


def test_the_key_is_tenant_rule_subject_aspect() -> None:
    now = DAY + timedelta(days=7)
    renamed = (Judged("ada", "fail", {"account": "renamed"}, "FR"), Judged("ada", "fail", {}, "US"))
    current = [Evaluated(rule(title="renamed"), "t", renamed),
               Evaluated(rule(), "other", (Judged("ada", "fail", {}, "FR"),))]  # fmt: skip
    before = seal(DAY, Window(DAY, DAY), {"t": Directory()}, [said(ada_FR="fail")])
    known = fold(Ledger(), [before, seal(now, Window(now, now), {"t": Directory(), "other": Directory()}, current)])
    found = {finding.key: (finding.state, finding.who) for finding in findings(known, current)}
    assert found == {("t", "some-rule", "ada", "FR"): ("open", "renamed"),
                     ("t", "some-rule", "ada", "US"): ("new", "renamed"),
                     ("other", "some-rule", "ada", "FR"): ("newly_checked", "")}  # fmt: skip


def test_what_was_not_checked_again_stands_among_the_findings_with_a_name_and_no_evidence() -> None:
    first = said(graver=True, ada="fail")
    known = fold(Ledger(), history(first, said(bo="fail", ada="unknown")))
    ada, bo = findings(known, [said(bo="fail", ada="unknown")])
    assert (bo.state, bo.counts) == ("new", True)
    assert (ada.state, ada.counts, ada.severity, ada.who) == ("not_rechecked", False, "critical", "ada@hof.example")
    assert (ada.judged.verdict, ada.judged.evidence, ada.last_seen) == ("unknown", {}, DAY)
    gone = DoesNotApply(SOME, "t")
    assert not findings(fold(known, [scanned(2, gone)]), [gone])


def test_worst_first_and_passes_are_no_findings() -> None:
    low = said(bo="fail", ada="fail", cy="pass")
    high = Evaluated(rule("z-rule", "critical"), "t", (Judged("x", "fail"),))
    at = seal(DAY, Window(DAY, DAY), {"t": Directory()}, [low, high])
    assert [f.judged.subject for f in findings(fold(Ledger(), [at]), [low, high])] == ["x", "ada", "bo"]


def test_changes_between_any_two_scans() -> None:
    scans = history(said(ada="fail", bo="pass"), said(ada="pass", bo="fail"), said(ada="pass", bo="unknown"))
    first, second, third = (fold(Ledger(), scans[: n + 1]) for n in range(3))

    def told(then: Ledger, now: Ledger) -> list[tuple[str, str | None, str]]:
        return [(change.who.partition("@")[0], change.was, change.state) for change in changes(then, now)]

    assert told(Ledger(), first) == []
    assert told(first, second) == [("bo", None, "new"), ("ada", "new", "fixed")]
    assert told(second, third) == [("bo", "new", "not_rechecked")]
    assert told(first, third) == [("ada", "new", "fixed"), ("bo", None, "not_rechecked")]
    fourth = fold(third, [scanned(3, said(ada="pass", bo="unknown"))])
    assert told(third, fourth) == [("bo", "not_rechecked", "not_rechecked")]  # silence is said every time
    assert told(third, fold(third, [scanned(3, None)])) == []  # but not for ever of what nobody asks any more
    assert [CHANGES.index(change.state) for change in changes(first, third)] == [4, 8]


def test_sealed_survives_json_and_names_only_who_failed() -> None:
    results: list[Result] = [
        Evaluated(SOME, "t", (Judged("ada", "fail", {}, "FR"), Judged("bo", "pass"), Judged("cy", "unknown"),
                              Judged("di", "fail", {}, "", "high"), Judged("ed", "fail", {"account": "ed@x.example"}))),
        NotEvaluated(rule("not-judged"), "t", {}),
        DoesNotApply(rule("elsewhere"), "t"),
    ]  # fmt: skip
    names = {key: f"{key}@hof.example" for key in ("ada", "bo", "cy", "di")}
    scan = seal(DAY, Window(DAY, DAY), {"t": Directory("Hof", tuple(names), True, names)}, results)
    text = json.dumps(sealed.as_json(scan))
    assert "bo@" not in text and "cy@" not in text
    back = sealed.from_json(json.loads(text))
    assert (back.taken_at, back.window, back.tenants["t"].name) == (DAY, Window(DAY, DAY), "Hof")
    assert back.tenants["t"].names == {"ada": "ada@hof.example", "di": "di@hof.example", "ed": "ed@x.example"}
    answer = back.answers["t", "some-rule"]
    expected = {("ada", "FR"): "fail", ("di", ""): "fail", ("ed", ""): "fail", ("bo", ""): "pass",
                ("cy", ""): "unknown", ("ada", ""): None, ("bo", "FR"): None, ("nobody", ""): None}  # fmt: skip
    assert {key: answer.verdict(key) for key in expected} == expected
    assert dict(answer.keys("fail")) == {("ada", "FR"): None, ("di", ""): "high", ("ed", ""): None}
    assert answer.whole and answer.mentions("ada") and not answer.mentions("nobody")
    assert back.answers["t", "not-judged"].letters is None and back.answers["t", "not-judged"].applies
    assert not back.answers["t", "elsewhere"].applies


def test_results_of_the_first_schema_are_read_for_ever() -> None:
    old = {"tenant": "t", "rule": "some-rule", "severity": "low", "digest": digest(EVENT), "whole": True,
           "fail": ["ada", ["bo", "FR"]], "unknown": [], "pass": ["cy"]}  # fmt: skip
    raw = {"schema": 1, "taken_at": DAY.isoformat(), "rules": [old, old | {"rule": "mute", "applies": False}]}
    del raw["rules"][1]["fail"]  # type: ignore[index, union-attr, attr-defined, unused-ignore]
    first = sealed.from_json(raw | {"since": (DAY - timedelta(days=30)).isoformat(), "until": DAY.isoformat()})
    assert age(first, said(EVENT, ada="fail")) == ("open", 0)
    assert age(first, said(EVENT, ada="pass"), key=("bo", "FR")) == ("past", 0)
    assert age(sealed.from_json(raw), said(EVENT, ada="pass"), key=("bo", "FR")) == ("not_rechecked", 0)
    assert age(first, said(EVENT, cy="fail"), key=("cy", "")) == ("new", 1)
    (was,) = [c for c in changes(fold(Ledger(), [first]), fold(Ledger(), history(first, None))) if c.aspect]
    assert (was.title, was.who, was.state) == ("some-rule", "", "not_rechecked")


@pytest.mark.parametrize("raw", [
    {}, {"schema": 3, "taken_at": "2026-08-01", "rules": []}, {"schema": 1, "taken_at": "then", "rules": []},
    {"schema": 2, "taken_at": "2026-08-01", "rules": [{}]}, {"schema": 1, "taken_at": "2026-08-01", "rules": "x"},
    {"schema": 2, "taken_at": "2026-08-01T00:00:00", "since": "2026-08-01", "until": "2026-08-01", "rules": [],
     "tenants": [{"id": "t", "name": "", "whole": True, "names": {}, "accounts": "AAAA"}]},
])  # fmt: skip
def test_what_is_no_sealed_results_is_a_value_error(raw: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        sealed.from_json(raw)
    with pytest.raises(ValueError, match=r".+"):
        ledger.from_json(raw)


def test_the_digest_changes_with_the_question_only() -> None:
    assert digest(rule(title="another title")) == digest(rule())
    assert digest(OTHER) != digest(SOME)


def test_a_finding_knows_how_grave_it_was_when_it_began() -> None:
    def began(*graver: bool) -> str | None:
        told = [said(graver=one, ada="fail") for one in graver]
        (finding,) = findings(fold(Ledger(), history(*told)), told[-1:])
        return finding.first_severity

    assert began(False) == began(False, True) == "low"  # the rule's own
    assert began(True, False, True) == began(True) == "critical"
