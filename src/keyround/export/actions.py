"""Sheet "Actions": one row per thing to do, the most useful first, so that a technician can work it down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.results import Scan
from ..engine.rule import EFFORTS, SEVERITIES, Rule
from ..words import say, word
from .blocks import Cell, Column, Sheet, Table, Text
from .clean import short
from .evidence import Who, names, who
from .known import labels
from .tones import tones

_MOST_NAMES = 25


@dataclass(frozen=True, slots=True)
class Action:
    """Everything one rule found in one tenant. `ref` is its key in later scans."""

    tenant: str
    rule: Rule
    whom: tuple[Who, ...]

    @property
    def ref(self) -> str:
        return f"{self.rule.id} / {self.tenant}"


def ranked(scan: Scan) -> list[Action]:
    """Severest first; then what helps most people; then what is done soonest."""
    known = names(scan)
    found: dict[tuple[str, str], dict[str, Who]] = {}
    rules = {f.rule.id: f.rule for f in scan.findings}
    for finding in scan.findings:
        found.setdefault((finding.tenant, finding.rule.id), {})[finding.judged.subject] = who(finding, known)
    actions = [Action(tenant, rules[rule], tuple(whom.values())) for (tenant, rule), whom in found.items()]
    return sorted(actions, key=_rank)


def _rank(action: Action) -> tuple[int, int, int, str]:
    rule = action.rule
    return SEVERITIES.index(rule.severity), -len(action.whom), EFFORTS.index(rule.effort), action.ref


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.rank"), 5),
        Column(say("column.action"), 24),
        Column(say("column.why"), 30),
        Column(say("column.whom"), 26),
        Column(say("column.how"), 42),
        Column(say("column.people"), 10),
        Column(say("column.effort"), 10),
        Column(say("column.severity"), 11, tones("severity")),
        Column(say("column.tenant"), 17),
        Column(say("column.ref"), 20),
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
            rule.action,
            " ".join(rule.why.split()),
            called(action.whom),
            rule.fix.get(connector.get(action.tenant, ""), say("actions.no_fix")).strip(),
            len(action.whom) if rule.subject == "accounts" else None,
            word("effort", rule.effort),
            word("severity", rule.severity),
            tenant.get(action.tenant, action.tenant),
            action.ref,
        )


def called(whom: tuple[Who, ...]) -> str:
    """The first names; the rest as a number."""
    said = [short(name, 80) for name, _ in sorted(whom, key=lambda one: one[0].casefold())[:_MOST_NAMES]]
    if more := len(whom) - len(said):
        said.append(say("actions.more", n=more))
    return ", ".join(said)
