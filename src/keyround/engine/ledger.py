"""What is new, what is old: results sealed with each scan, folded into findings. Values in, values out.

A finding's age comes from what earlier scans said, never from judging old data
again: a corrected rule does not rewrite history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .results import DoesNotApply, Evaluated, Finding, Judged, Result, State, Verdict
from .rule import SEVERITIES, Rule, Severity

Key = tuple[str, str]
"""(subject, aspect), ids bare."""
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class SealedRule:
    """What one rule said about one tenant. `verdicts` is None when it was not evaluated or does not apply.

    `whole` says that absence means something: every table the rule read was
    complete. `digest` changes when the rule's select or defaults do. `own` are the severities of subjects whose case
    was graver or lighter than the rule.
    """

    severity: Severity
    digest: str
    verdicts: Mapping[Key, Verdict] | None = None
    whole: bool = False
    applies: bool = True
    own: Mapping[Key, Severity] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealedResults:
    """One scan's answers, by (tenant, rule id), without evidence."""

    taken_at: datetime
    rules: Mapping[tuple[str, str], SealedRule]


def sealed(taken_at: datetime, results: Iterable[Result]) -> dict[str, Any]:
    """The compact JSON form, written once beside the snapshot. `unsealed` reads it back."""
    rules = []
    for result in sorted(results, key=lambda r: (r.tenant, r.rule.id)):
        entry: dict[str, Any] = {"tenant": result.tenant, "rule": result.rule.id, "severity": result.rule.severity,
                                 "digest": digest(result.rule)}  # fmt: skip
        if isinstance(result, Evaluated):
            entry["whole"] = not result.missing
            for verdict in ("fail", "unknown", "pass"):
                entry[verdict] = [[j.subject, j.aspect] if j.aspect else j.subject
                                  for j in result.judged if j.verdict == verdict]  # fmt: skip
            if own := [[j.subject, j.aspect, j.severity] for j in result.judged if j.severity]:
                entry["own"] = own
        elif isinstance(result, DoesNotApply):
            entry["applies"] = False
        rules.append(entry)
    return {"schema": SCHEMA, "taken_at": taken_at.isoformat(), "rules": rules}


def unsealed(raw: Mapping[str, Any]) -> SealedResults:
    rules = {}
    for entry in raw["rules"]:
        verdicts = dict(_verdicts(entry)) if "fail" in entry else None
        rules[entry["tenant"], entry["rule"]] = SealedRule(
            entry["severity"], entry["digest"], verdicts, entry.get("whole", False), entry.get("applies", True),
            {(subject, aspect): severity for subject, aspect, severity in entry.get("own", ())},
        )  # fmt: skip
    return SealedResults(datetime.fromisoformat(raw["taken_at"]), rules)


def _verdicts(entry: Mapping[str, Any]) -> Iterator[tuple[Key, Verdict]]:
    verdicts: tuple[Verdict, ...] = ("fail", "unknown", "pass")
    for verdict in verdicts:
        for key in entry[verdict]:
            yield (key, "") if isinstance(key, str) else (key[0], key[1]), verdict


def digest(rule: Rule) -> str:
    """Short and stable: which question was asked. Texts and cases do not count."""
    asked = json.dumps([rule.select, rule.parameters], default=str, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def fold(history: Iterable[SealedResults], taken_at: datetime, current: Iterable[Result]) -> tuple[Finding, ...]:
    """Every failing subject of the current scan, with its age; worst first, then in a fixed order.

    `history` is the same client's earlier scans in any order; one taken at or
    after `taken_at` is not earlier and is left out, so replaying an old scan
    gives what it gave then.
    """
    past = sorted((scan for scan in history if scan.taken_at < taken_at), key=lambda scan: scan.taken_at)
    findings = [
        Finding(result.tenant, result.rule, judged, *_age(past, result, judged, taken_at))
        for result in current if isinstance(result, Evaluated)
        for judged in result.judged if judged.verdict == "fail"
    ]  # fmt: skip
    return tuple(sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.rule.id, f.key)))


def _age(
    past: list[SealedResults], result: Evaluated, judged: Judged, taken_at: datetime
) -> tuple[State, datetime, Severity]:
    """State and first sighting of one failing key, and its severity then.

    A pass closes it, and so does absence from a whole answer (the account left,
    the event is past). Unknown, not evaluated and half an answer change nothing.
    """
    key = judged.subject, judged.aspect
    first: datetime | None = None
    severity: Severity = judged.severity or result.rule.severity
    closed = False
    for scan in past:
        then = scan.rules.get((result.tenant, result.rule.id))
        if then is None or then.verdicts is None:
            continue
        verdict = then.verdicts.get(key)
        if verdict == "fail":
            severity = severity if first else then.own.get(key, then.severity)
            first, closed = first or scan.taken_at, False
        elif verdict == "pass" or (verdict is None and then.whole):
            closed = True
    if first is None:
        return "new", taken_at, severity
    return ("reopened" if closed else "open"), first, severity
