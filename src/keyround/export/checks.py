"""Sheet "Checks": everything that was asked, of how many, with what answer. Also where nothing was found."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import DoesNotApply, Evaluated, Result, Scan
from ..engine.rule import SEVERITIES
from ..words import say, word
from .blocks import Cell, Column, Sheet, Table, Text
from .known import labels
from .tones import tones

_ORDER = ("failed", "unknown", "not_checked", "passed", "nobody", "does_not_apply")


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.check"), 36),
        Column(say("column.tenant"), 17),
        Column(say("column.result"), 14, tones("result")),
        Column(say("column.count"), 20),
        Column(say("column.fail"), 10),
        Column(say("column.pass"), 10),
        Column(say("column.unknown"), 12),
        Column(say("column.severity"), 11),
        Column(say("column.topic"), 16),
        Column(say("column.controls"), 22),
        Column(say("column.ref"), 22),
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
    if not isinstance(result, Evaluated):
        return "not_checked"
    if result.count("fail"):
        return "failed"
    if result.missing or result.count("unknown"):
        return "unknown"
    return "passed" if result.judged else "nobody"


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    for result in sorted(scan.results, key=_order):
        rule = result.rule
        counts: tuple[int | None, ...] = (None, None, None)
        if isinstance(result, Evaluated):
            counts = (result.count("fail"), result.count("pass"), result.count("unknown"))
        yield (
            rule.title,
            tenant.get(result.tenant, result.tenant),
            word("result", outcome(result)),
            _count(result),
            *counts,
            word("severity", rule.severity),
            word("topic", rule.topic),
            "\n".join(f"{frame}: {', '.join(ids)}" for frame, ids in rule.controls.items()) or None,
            rule.id,
        )


def _order(result: Result) -> tuple[int, int, str, str]:
    return _ORDER.index(outcome(result)), SEVERITIES.index(result.rule.severity), result.rule.id, result.tenant


def _count(result: Result) -> str | None:
    """3 of 41, 2 unknown."""
    if not isinstance(result, Evaluated):
        return None
    said = say("checks.count", n=result.count("fail"), total=len(result.judged))
    if unknown := result.count("unknown"):
        said += say("checks.count_unknown", n=unknown)
    return said + (say("checks.count_part") if result.missing else "")
