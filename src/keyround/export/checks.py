"""Sheet "Checks": everything that was asked, of how many, with what answer. Also where nothing was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..engine.results import DoesNotApply, Evaluated, Result, Scan
from ..engine.rule import SEVERITIES, Rule
from ..words import listed, number, say, word
from .blocks import TENANT, Cell, Column, Sheet, Table, Text
from .known import answered, labels
from .tones import tones

_ORDER = ("failed", "unknown", "not_checked", "accepted", "passed", "nobody", "does_not_apply")
_MOST = 4
"""Values of one threshold that are written out."""


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.check"), 32),
        Column(say("column.tenant"), TENANT),
        Column(say("column.result"), 17, tones("result")),
        Column(say("column.count"), 22),
        Column(say("column.severity"), 11),
        Column(say("column.topic"), 18),
        Column(say("column.thresholds"), 28),
        Column(say("column.controls"), 42),
        Column(say("column.rule_id"), 20),
    )
    return Sheet(
        say("sheet.checks"),
        (
            Text(say("sheet.checks"), "title"),
            Text(say("checks.about"), "note"),
            Table("checks", columns, _rows(scan), say("checks.empty")),
        ),
    )


def outcome(result: Result, accepted: int = 0) -> str:
    """One word of the catalogue for what became of a check. `accepted`: how many of its fails somebody answers for."""
    if isinstance(result, DoesNotApply):
        return "does_not_apply"
    if not answered(result):
        return "not_checked"
    if result.count("fail") > accepted:
        return "failed"
    if result.missing or result.count("unknown"):
        return "unknown"
    if accepted:
        return "accepted"
    return "passed" if result.judged else "nobody"


def accepted_fails(scan: Scan) -> Counter[tuple[str, str]]:
    """By tenant and rule: how many of the fails somebody answers for."""
    return Counter((f.tenant, f.rule.id) for f in scan.findings if f.state == "accepted")


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    connector = {t.id: t.connector for t in scan.tenants}
    signed = accepted_fails(scan)

    def order(result: Result) -> tuple[int, int, str, str]:
        said = outcome(result, signed[result.tenant, result.rule.id])
        return _ORDER.index(said), SEVERITIES.index(result.rule.severity), result.rule.id, result.tenant

    for result in sorted(scan.results, key=order):
        rule = result.rule
        accepted = signed[result.tenant, rule.id]
        yield (
            rule.title,
            tenant.get(result.tenant, result.tenant),
            word("result", outcome(result, accepted)),
            _count(result, accepted),
            word("severity", rule.severity),
            word("topic", rule.topic),
            "\n".join(_thresholds(rule, scan.usual.get(rule.id, {}))) or None,
            "\n".join(_controls(rule, connector.get(result.tenant, ""))) or None,
            rule.id,
        )


def _controls(rule: Rule, connector: str) -> Iterator[str]:
    """A framework's name in a rule ends in the connector it is for; a name without an underscore is for all."""
    for name, ids in rule.controls.items():
        _, underscore, meant = name.rpartition("_")
        if not underscore or meant == connector:
            yield say("checks.control", framework=word("framework", name), ids=listed(list(ids)))


def _thresholds(rule: Rule, usual: Mapping[str, Any]) -> Iterator[str]:
    """Every number or word the check goes by, and which of them are the client's own."""
    for name, value in rule.parameters.items():
        said = say("checks.threshold", name=_parameter(name), value=_value(value))
        yield said + (say("checks.threshold_own", usual=_value(usual[name])) if name in usual else "")


def _parameter(name: str) -> str:
    said = word("parameter", name)
    return said if said != name else name.replace("_", " ").capitalize()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, list):
        return _few([str(one) for one in value])
    if isinstance(value, float):
        return number(value)
    return _few(value.split("|")) if isinstance(value, str) else str(value)  # a build of Windows is a name


def _few(values: list[str]) -> str:
    """A list that fits a cell: `keyround rules show` has the whole of a long one."""
    if len(values) <= _MOST:
        return listed(values) or say("none")
    return say("checks.threshold_many", first=listed(values[:_MOST]), n=len(values) - _MOST)


def _count(result: Result, accepted: int) -> str | None:
    """3 of 41, 1 accepted, 2 unknown."""
    if not isinstance(result, Evaluated) or not result.judged:
        return None
    if not answered(result):
        return say("checks.count_all_unknown", n=len(result.judged))
    said = say("checks.count", n=result.count("fail"), total=len(result.judged))
    if accepted:
        said += say("checks.count_accepted", n=accepted)
    if unknown := result.count("unknown"):
        said += say("checks.count_unknown", n=unknown)
    return said + (say("checks.count_part") if result.missing else "")
