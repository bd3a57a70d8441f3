"""Sheet "Not checked": what this report is silent about, and why.

Always present, also when empty: management must be able to tell "nothing is
wrong" from "nobody looked".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.results import Evaluated, NotEvaluated, Scan
from ..errors import CollectError
from ..words import say
from .blocks import Cell, Column, Sheet, Table, Text
from .known import labels


@dataclass(frozen=True, slots=True)
class Silence:
    """One thing that was not looked at, in the three sentences every error carries."""

    what: str
    how: str  # not_checked.whole, .part or .data
    tenant: str
    error: CollectError
    therefore: str


def missing(scan: Scan) -> Iterator[Silence]:
    """Checks that could not be made, then those made in part, then data that no check reads."""
    told: set[tuple[str, str, str]] = set()
    kinds: tuple[tuple[type[NotEvaluated] | type[Evaluated], str], ...] = (
        (NotEvaluated, "whole"), (Evaluated, "part"))  # fmt: skip
    for kind, how in kinds:
        for result in scan.results:
            if not isinstance(result, kind):
                continue
            seen = set()
            for error in result.missing.values():
                told.add((result.tenant, error.detail, error.remedy))
                if (error.detail, error.remedy) not in seen:
                    seen.add((error.detail, error.remedy))
                    therefore = error.therefore or say(f"not_checked.therefore_{how}", title=result.rule.title)
                    yield Silence(result.rule.title, how, result.tenant, error, therefore)
    for covered, column, error in scan.gaps():
        if (covered.tenant, error.detail, error.remedy) not in told:
            what = f"{covered.dataset}.{column}" if column else covered.dataset
            therefore = error.therefore or say("not_checked.therefore_data", tells=covered.tells)
            yield Silence(what, "data", covered.tenant, error, therefore)


def silences(scan: Scan) -> list[str]:
    """Each thing the report is silent about once, with the tenant it holds for."""
    name = labels(scan)
    return list(dict.fromkeys(f"{name.get(m.tenant, m.tenant)}: {m.therefore}" for m in missing(scan)))


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.not_checked"), 30),
        Column(say("column.extent"), 13),
        Column(say("column.tenant"), 17),
        Column(say("column.happened"), 36),
        Column(say("column.therefore"), 36),
        Column(say("column.to_do"), 36),
        Column(say("column.code"), 22),
    )
    return Sheet(
        say("sheet.not_checked"),
        (
            Text(say("sheet.not_checked"), "title"),
            Text(say("not_checked.about"), "note"),
            Table("not_checked", columns, _rows(scan), say("not_checked.empty")),
        ),
    )


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    name = labels(scan)
    for m in missing(scan):
        yield (
            m.what,
            say(f"not_checked.{m.how}"),
            name.get(m.tenant, m.tenant),
            m.error.detail,
            m.therefore,
            m.error.remedy,
            m.error.code or m.error.kind,
        )
