"""Sheet "Checks": everything that was asked, of how many, with what answer. Also where nothing was found."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import DoesNotApply, Evaluated, Result, Scan
from ..engine.rule import SEVERITIES, Rule
from ..words import listed, say, word
from .blocks import TENANT, Cell, Column, Sheet, Table, Text
from .known import answered, labels
from .tones import tones

_ORDER = ("failed", "unknown", "not_checked", "passed", "nobody", "does_not_apply")


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.check"), 32),
        Column(say("column.tenant"), TENANT),
        Column(say("column.result"), 17, tones("result")),
        Column(say("column.count"), 22),
        Column(say("column.severity"), 11),
        Column(say("column.topic"), 18),
        Column(say("column.controls"), 42),
        Column(say("column.ref"), 20),
    )
    return Sheet(
        say("sheet.checks"),
        (
            Text(say("sheet.checks"), "title"),
            Text(say("checks.about"), "note"),
            Table("checks", columns, _rows(scan), say("checks.empty")),
        ),
    )


def outcome(result: Result) -> str:
    """One word of the catalogue for what became of a check."""
    if isinstance(result, DoesNotApply):
        return "does_not_apply"
    if not answered(result):
        return "not_checked"
    if result.count("fail"):
        return "failed"
    if result.missing or result.count("unknown"):
        return "unknown"
    return "passed" if result.judged else "nobody"


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    connector = {t.id: t.connector for t in scan.tenants}
    for result in sorted(scan.results, key=_order):
        rule = result.rule
        yield (
            rule.title,
            tenant.get(result.tenant, result.tenant),
            word("result", outcome(result)),
            _count(result),
            word("severity", rule.severity),
            word("topic", rule.topic),
            "\n".join(_controls(rule, connector.get(result.tenant, ""))) or None,
            rule.id,
        )


def _controls(rule: Rule, connector: str) -> Iterator[str]:
    """A framework's name in a rule ends in the connector it is for; a name without an underscore is for all."""
    for name, ids in rule.controls.items():
        _, underscore, meant = name.rpartition("_")
        if not underscore or meant == connector:
            yield say("checks.control", framework=word("framework", name), ids=listed(list(ids)))


def _order(result: Result) -> tuple[int, int, str, str]:
    return _ORDER.index(outcome(result)), SEVERITIES.index(result.rule.severity), result.rule.id, result.tenant


def _count(result: Result) -> str | None:
    """3 of 41, 2 unknown."""
    if not isinstance(result, Evaluated) or not result.judged:
        return None
    if not answered(result):
        return say("checks.count_all_unknown", n=len(result.judged))
    said = say("checks.count", n=result.count("fail"), total=len(result.judged))
    if unknown := result.count("unknown"):
        said += say("checks.count_unknown", n=unknown)
    return said + (say("checks.count_part") if result.missing else "")
