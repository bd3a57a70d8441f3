from __future__ import annotations

import json
from datetime import datetime, timedelta

from keyround.engine.ledger import SealedResults, digest, fold, sealed, unsealed
from keyround.engine.results import DoesNotApply, Evaluated, Judged, NotEvaluated, Result
from keyround.engine.rule import Rule, parse
from keyround.errors import NotGranted

DAY = datetime(2026, 8, 1)


def rule(name: str = "some-rule", severity: str = "low", title: str = "x", failing: str = "enabled") -> Rule:
    return parse(name, f"""
        title = "{title}"\nseverity = "{severity}"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"
        effort = "hours"\naction = "x"\nwhy = "x"\nfix = {{}}\nreferences = []
        select = "select account_id as subject, {failing} as failing from accounts"
    """)  # fmt: skip


def said(whole: bool = True, **verdicts: str) -> Evaluated:
    missing = {} if whole else {"accounts": NotGranted("No.")}
    return Evaluated(rule(), "t", tuple(Judged(k, v) for k, v in verdicts.items()), missing)  # type: ignore[arg-type]


def age(*scans: Result | None) -> tuple[str, int]:
    """State of ada's finding after these scans, and in which of them it was first seen."""
    times = [DAY + timedelta(days=n) for n in range(len(scans))]
    history = [unsealed(sealed(at, [scan] if scan else [])) for at, scan in zip(times, scans, strict=True)]
    (finding,) = fold(reversed(history), times[-1], [scans[-1]] if scans[-1] else [])
    return finding.state, times.index(finding.first_seen)


FAIL, PASS, UNKNOWN, GONE = said(ada="fail"), said(ada="pass"), said(ada="unknown"), said(bo="pass")
UNJUDGED = NotEvaluated(rule(), "t", {"accounts": NotGranted("No.")})


def test_new_open_reopened() -> None:
    assert age(FAIL) == ("new", 0)
    assert age(PASS, FAIL) == ("new", 1)
    assert age(FAIL, FAIL) == ("open", 0)
    assert age(FAIL, PASS, FAIL) == ("reopened", 0)
    assert age(FAIL, PASS, FAIL, FAIL) == ("open", 0)
    assert age(FAIL, GONE, FAIL) == ("reopened", 0)


def test_silence_keeps_the_age() -> None:
    assert age(FAIL, UNKNOWN, FAIL) == ("open", 0)
    assert age(FAIL, UNJUDGED, FAIL) == ("open", 0)
    assert age(FAIL, None, FAIL) == ("open", 0)
    assert age(FAIL, DoesNotApply(rule(), "t"), FAIL) == ("open", 0)
    assert age(FAIL, said(whole=False, bo="fail"), FAIL) == ("open", 0)
    assert age(UNKNOWN, FAIL) == ("new", 1)


def test_the_key_is_tenant_rule_subject_aspect() -> None:
    before = sealed(DAY, [Evaluated(rule(), "t", (Judged("ada", "fail", {"account": "ada"}, "FR"),))])
    now = DAY + timedelta(days=7)
    renamed = (Judged("ada", "fail", {"account": "renamed"}, "FR"), Judged("ada", "fail", {}, "US"))
    current = [Evaluated(rule(title="renamed"), "t", renamed),
               Evaluated(rule(), "other", (Judged("ada", "fail", {}, "FR"),))]  # fmt: skip
    found = {finding.key: finding.state for finding in fold([unsealed(before)], now, current)}
    assert found == {("t", "some-rule", "ada", "FR"): "open", ("t", "some-rule", "ada", "US"): "new",
                     ("other", "some-rule", "ada", "FR"): "new"}  # fmt: skip


def test_replaying_an_old_scan_does_not_know_the_future() -> None:
    later = unsealed(sealed(DAY + timedelta(days=9), [FAIL]))
    (finding,) = fold([later], DAY, [FAIL])
    assert (finding.state, finding.first_seen) == ("new", DAY)


def test_worst_first_and_passes_are_no_findings() -> None:
    low, high = (
        said(bo="fail", ada="fail", cy="pass"),
        Evaluated(rule("z-rule", "critical"), "t", (Judged("x", "fail"),)),
    )
    assert [f.judged.subject for f in fold([], DAY, [low, high, UNJUDGED])] == ["x", "ada", "bo"]


def test_sealed_survives_json_and_is_small() -> None:
    results: list[Result] = [
        Evaluated(
            rule(),
            "t",
            (
                Judged("ada", "fail", {"account": "ada@contoso.example"}, "FR"),
                Judged("bo", "pass"),
                Judged("cy", "unknown"),
            ),
        ),
        NotEvaluated(rule("not-judged"), "t", {}),
        DoesNotApply(rule("elsewhere"), "t"),
    ]
    text = json.dumps(sealed(DAY, results))
    assert "contoso" not in text
    back = unsealed(json.loads(text))
    assert isinstance(back, SealedResults)
    assert back.taken_at == DAY
    assert back.rules["t", "some-rule"].verdicts == {("ada", "FR"): "fail", ("bo", ""): "pass", ("cy", ""): "unknown"}
    assert back.rules["t", "some-rule"].whole
    assert back.rules["t", "not-judged"].verdicts is None
    assert back.rules["t", "not-judged"].applies
    assert not back.rules["t", "elsewhere"].applies


def test_the_digest_changes_with_the_question_only() -> None:
    assert digest(rule(title="another title")) == digest(rule())
    assert digest(rule(failing="not enabled")) != digest(rule())
