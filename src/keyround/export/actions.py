"""Sheet "Actions": one row per thing to do, the most useful first, so that a technician can work it down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.results import Scan
from ..engine.rule import EFFORTS, SEVERITIES, Rule, Severity
from ..words import say, word
from .blocks import TENANT, Cell, Column, Sheet, Table, Text
from .evidence import Who, names, who
from .known import labels
from .tones import tones

_MOST_NAMES = 25
_FIRST = "takeover-sequence"
"""What looks like somebody being inside already comes before every protection that is missing."""


@dataclass(frozen=True, slots=True)
class Action:
    """Everything one rule found in one tenant and nobody answers for."""

    tenant: str
    rule: Rule
    whom: tuple[Who, ...]
    severity: Severity  # the worst of what was found

    @property
    def hours(self) -> float:
        """Hours of work for all of them."""
        return self.rule.hours(len(self.whom))


def ranked(scan: Scan) -> list[Action]:
    """Who looks taken over, then the severest; then what helps most people; then what is done soonest."""
    known = names(scan)
    found: dict[tuple[str, str], dict[str, Who]] = {}
    failing = [finding for finding in scan.findings if finding.counts]
    rules = {f.rule.id: f.rule for f in failing}
    for finding in failing:
        found.setdefault((finding.tenant, finding.rule.id), {})[finding.judged.subject] = who(finding, known)
    worst: dict[tuple[str, str], Severity] = {}
    for finding in failing:  # the worst come first
        worst.setdefault((finding.tenant, finding.rule.id), finding.severity)
    actions = [Action(key[0], rules[key[1]], tuple(whom.values()), worst[key]) for key, whom in found.items()]
    return sorted(actions, key=_rank)


def _rank(action: Action) -> tuple[bool, int, int, int, str, str]:
    rule, gravity = action.rule, SEVERITIES.index(action.severity)
    return rule.id != _FIRST, gravity, -len(action.whom), EFFORTS.index(rule.effort), rule.id, action.tenant


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.rank"), 5),
        Column(say("column.severity"), 10, tones("severity")),
        Column(say("column.action"), 22),
        Column(say("column.whom"), 26),
        Column(say("column.people"), 10),
        Column(say("column.effort"), 10),
        Column(say("column.tenant"), TENANT),
        Column(say("column.why"), 30),
        Column(say("column.how"), 48),
        Column(say("column.ref"), 16),
    )
    title = Text(say("sheet.actions"), "title")
    about = Text(say("actions.about"), "note")
    return Sheet(say("sheet.actions"), (title, about, Table("actions", columns, _rows(scan), say("actions.empty"))))


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    connector = {t.id: t.connector for t in scan.tenants}
    for rank, action in enumerate(ranked(scan), 1):
        rule = action.rule
        yield (
            rank,
            word("severity", action.severity),
            rule.action,
            called(action.whom),
            len(action.whom) if rule.subject == "accounts" else None,
            word("effort", rule.effort),
            tenant.get(action.tenant, action.tenant),
            " ".join(rule.why.split()),
            _steps(rule.fix.get(connector.get(action.tenant, ""), say("actions.no_fix"))),
            rule.id,
        )


def _steps(fix: str) -> str:
    """One line a step: a rule's file breaks long ones and indents the rest."""
    return re.sub(r"\n[ \t]+", " ", fix.strip())


def called(whom: tuple[Who, ...]) -> str:
    """The first names; the rest as a number."""
    said = [name for name, _ in sorted(whom, key=lambda one: one[0].casefold())[:_MOST_NAMES]]
    if more := len(whom) - len(said):
        said.append(say("actions.more", n=more))
    return ", ".join(said)
