"""Sheet "Actions": one row per thing to do, the most useful first, so that a technician can work it down.

The order is by risk removed per effort:

    1. what looks taken over already
    2. what is critical
    3. weight of the severity × people concerned ÷ hours of work, the greatest first

Weights are 30 (high), 8 (medium), 2 (low) and 0 (info); the next grave is about four times as grave. A setting of a
whole tenant counts as three people: it protects everybody there, and less than each person's own step. Equals stand in
the order of their severity, then by rule and tenant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.results import CHANGES, Scan
from ..engine.rule import SEVERITIES, Rule, Severity
from ..notes import Key
from ..words import say, word
from . import effort, fill, refs
from .blocks import TENANT, Block, Cell, Column, Link, Sheet, Table, Text
from .evidence import Who, names, who
from .known import labels
from .tones import tones

_MOST_NAMES = 25
_FIRST = "takeover-sequence"
"""What looks like somebody being inside already comes before every protection that is missing."""
_WEIGHT = {"critical": 100, "high": 30, "medium": 8, "low": 2, "info": 0}
_WHOLE_TENANT = 3
_SHORTEST = 0.1  # hours; no rule takes no time at all


@dataclass(frozen=True, slots=True)
class Action:
    """Everything one rule found in one tenant and nobody answers for."""

    tenant: str
    rule: Rule
    whom: tuple[Who, ...]
    severity: Severity  # the worst of what was found

    @property
    def key(self) -> Key:
        return self.tenant, self.rule.id

    @property
    def hours(self) -> float:
        """Hours of work for all of them."""
        return self.rule.hours(len(self.whom))

    @property
    def people(self) -> int | None:
        """How many accounts or devices; None for a setting of the whole tenant."""
        return None if self.rule.subject == "tenants" else len(self.whom)

    @property
    def use(self) -> float:
        """Risk removed per hour."""
        concerned = _WHOLE_TENANT if self.people is None else self.people
        return _WEIGHT[self.severity] * concerned / max(self.hours, _SHORTEST)


def ranked(scan: Scan) -> list[Action]:
    """Every action, in the order of the sheet."""
    known = names(scan)
    found: dict[tuple[str, str], dict[str, Who]] = {}
    failing = [finding for finding in scan.findings if finding.counts]
    rules = {f.rule.id: f.rule for f in failing}
    for finding in failing:
        found.setdefault((finding.tenant, finding.rule.id), {})[finding.judged.subject] = who(finding, known)
    worst: dict[tuple[str, str], Severity] = {}
    for finding in sorted(failing, key=lambda finding: SEVERITIES.index(finding.severity)):
        worst.setdefault((finding.tenant, finding.rule.id), finding.severity)
    actions = [Action(key[0], rules[key[1]], tuple(whom.values()), worst[key]) for key, whom in found.items()]
    return sorted(actions, key=_rank)


def _rank(action: Action) -> tuple[bool, bool, float, int, str, str]:
    critical, gravity = action.severity == "critical", SEVERITIES.index(action.severity)
    return action.rule.id != _FIRST, not critical, -action.use, gravity, action.rule.id, action.tenant


def sheet(scan: Scan) -> Sheet:
    provider = scan.presentation.provider
    cost = () if provider.hourly_rate is None else (Column(say("column.cost", currency=provider.currency), 11),)
    columns = (
        Column(say("column.rank"), 5),
        Column(say("column.ref"), 14),
        Column(say("column.severity"), 10, tones("severity")),
        Column(say("column.action"), 22),
        Column(say("column.whom"), 22),
        Column(say("column.people"), 10),
        Column(say("column.hours"), 10),
        *cost,
        Column(say("column.tenant"), TENANT),
        Column(say("column.why"), 38),
        Column(say("column.how"), 60),
        Column(say("column.page"), 15),
        Column(say("column.message"), 56),
        *fill.columns(),
        Column(say("column.since"), 15),
        Column(say("column.rule_id"), 14),
    )
    actions = ranked(scan)
    blocks: tuple[Block, ...] = (
        Text(say("sheet.actions"), "title"),
        Text(say("actions.about"), "note"),
        *_notes(scan, actions),
        Table("actions", columns, _rows(scan, actions), say("actions.empty")),
    )
    return Sheet(say("sheet.actions"), blocks)


def _notes(scan: Scan, actions: list[Action]) -> Iterator[Text]:
    if not actions:
        return
    yield Text(say("actions.rank"), "note")
    hours = sum(action.hours for action in actions)
    if cost := effort.cost(hours, scan.presentation.provider):
        yield Text(say("actions.all_cost", hours=effort.hours(hours), cost=cost), "note")
    else:
        yield Text(say("actions.all", hours=effort.hours(hours)), "note")
    yield Text(say("actions.fill"), "note")
    if done := sum(fill.still_found(scan.notes.of(*action.key), scan) for action in actions):
        yield Text(say("since.done_n", n=done), tone="warn")


def _rows(scan: Scan, actions: list[Action]) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    infos = {t.id: t for t in scan.tenants}
    ref = refs.each(action.key for action in actions)
    changes = Counter((change.tenant, change.rule, change.state) for change in scan.changes)
    rate = scan.presentation.provider.hourly_rate
    for rank, action in enumerate(actions, 1):
        rule, note = action.rule, scan.notes.of(*action.key)
        info = infos.get(action.tenant)
        connector = info.connector if info else ""
        page = rule.page.get(connector, "")
        states = [
            say("since.state", what=word("finding_state", state), n=n)
            for state in CHANGES
            if (n := changes[action.tenant, rule.id, state])
        ]
        yield (
            rank,
            ref[action.key],
            word("severity", action.severity),
            rule.action,
            called(action.whom),
            action.people,
            round(action.hours, 2),
            *(() if rate is None else (round(action.hours * rate, 2),)),
            tenant.get(action.tenant, action.tenant),
            _line(rule.why),
            _steps(rule.fix.get(connector, say("actions.no_fix"))),
            Link(say("actions.open"), page) if page else None,
            message(rule, info.name if info else action.tenant),
            *fill.cells(note),
            "\n".join(fill.since(note, scan) + states) or None,
            rule.id,
        )


def message(rule: Rule, tenant: str) -> str:
    """What can be sent to the people concerned: the rule's own, else what fits any rule of its kind."""
    if rule.message:
        return rule.message
    kind = "events" if rule.nature == "event" and rule.subject == "accounts" else rule.subject
    action = rule.action.strip().rstrip(".")
    return say(f"message.{kind}", title=rule.title, why=_line(rule.why), action=action, tenant=tenant)


def _line(text: str) -> str:
    return " ".join(text.split())


def _steps(fix: str) -> str:
    """One line a step: a rule's file breaks long ones and indents the rest."""
    return re.sub(r"\n[ \t]+", " ", fix.strip())


def called(whom: tuple[Who, ...]) -> str:
    """The first names; the rest as a number."""
    said = [name for name, _ in sorted(whom, key=lambda one: one[0].casefold())[:_MOST_NAMES]]
    if more := len(whom) - len(said):
        said.append(say("actions.more", n=more))
    return ", ".join(said)
