"""Sheet "Not checked": what this report is silent about, and why.

Always present, also when empty: management must be able to tell "nothing is
wrong" from "nobody looked".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..engine.results import DoesNotApply, Evaluated, NotEvaluated, Scan
from ..errors import HARMLESS, CollectError
from ..words import say
from ..words.sentences import told
from .blocks import TENANT, Cell, Column, Sheet, Table, Text
from .evidence import label
from .known import answered, dataset, labels, undecided


@dataclass(frozen=True, slots=True)
class Silence:
    """One thing that was not looked at, in the three sentences every error carries."""

    what: str
    how: Literal["whole", "part", "data", "terms"]
    tenant: str
    happened: str
    therefore: str
    remedy: str


def missing(scan: Scan) -> Iterator[Silence]:
    """Checks that could not be made, whether factors are demanded, words of the configuration that could not be
    taken, checks made in part, data that no check reads."""
    results = [r for r in scan.results if not isinstance(r, DoesNotApply)]
    known: set[tuple[str, str, str]] = set()  # tenant and error
    for result in results:
        known |= {(result.tenant, error.detail, error.remedy) for error in result.missing.values()}
        if not answered(result):
            yield from _unanswered(scan, result, "whole")
    yield from _undecided(scan)
    for remark in scan.remarks:
        what = say("not_checked.configuration")
        said = told(remark.happened), told(remark.therefore), told(remark.remedy)
        yield Silence(what, "terms", remark.tenant, *said)
    for result in filter(answered, results):
        yield from _unanswered(scan, result, "part")
    for covered, column, error in scan.gaps():
        if (covered.tenant, error.detail, error.remedy) not in known:
            source = dataset(covered.dataset)
            what = say("not_checked.column", source=source, column=label(column)) if column else source
            therefore = told(error.therefore) or say("not_checked.therefore_data", tells=told(covered.tells))
            yield Silence(what, "data", covered.tenant, _happened(error), therefore, told(error.remedy))


def _unanswered(scan: Scan, result: Evaluated | NotEvaluated, how: Literal["whole", "part"]) -> Iterator[Silence]:
    """Each reason why one check has no answer, or not for everybody."""
    title = result.rule.title
    therefore = say(f"not_checked.therefore_{how}", title=title)
    errors = {(error.detail, error.remedy): error for error in result.missing.values()}
    for error in errors.values():
        silent = told(error.therefore) or therefore
        yield Silence(title, how, result.tenant, _happened(error), silent, told(error.remedy))
    if isinstance(result, NotEvaluated) or not (unknown := result.count("unknown")):
        return
    if "abroad" in result.rule.columns and _homeless(scan, result.tenant):
        happened, remedy = say("not_checked.homeless"), say("not_checked.homeless_remedy")
        yield Silence(title, how, result.tenant, happened, therefore, remedy)
    elif how == "whole" and not errors:
        happened, remedy = say("not_checked.all_unknown", n=unknown), say("not_checked.all_unknown_remedy")
        yield Silence(title, how, result.tenant, happened, therefore, remedy)


def _homeless(scan: Scan, tenant: str) -> bool:
    return any(t.id == tenant and not t.home_countries for t in scan.tenants)


def _undecided(scan: Scan) -> Iterator[Silence]:
    """Where it is unknown whether a second factor is demanded, unless an error that is told anyway is the reason."""
    errors = {(covered.tenant, error.detail) for covered, _, error in scan.gaps()}
    for tenant in scan.tenants:
        for reason, n in undecided(scan, tenant.id).most_common():
            if not any(of == tenant.id and detail in reason for of, detail in errors):
                what, remedy = say("not_checked.demanded"), say("not_checked.demanded_remedy")
                therefore = say("not_checked.therefore_demanded", n=n)
                yield Silence(what, "data", tenant.id, told(reason), therefore, remedy)


def _happened(error: CollectError) -> str:
    """With the provider's own word for it, where somebody may have to look it up."""
    looked_up = error.code and not isinstance(error, HARMLESS)
    detail = told(error.detail)
    return say("not_checked.code", detail=detail, code=error.code) if looked_up else detail


def silences(scan: Scan) -> list[str]:
    """Each thing the report is silent about once, with the tenant it holds for."""
    name = labels(scan)
    said = [(name.get(m.tenant, m.tenant), m.therefore) for m in missing(scan)]
    return list(dict.fromkeys(f"{of}: {therefore}" if of else therefore for of, therefore in said))


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.not_checked"), 28),
        Column(say("column.extent"), 15),
        Column(say("column.tenant"), TENANT),
        Column(say("column.happened"), 42),
        Column(say("column.therefore"), 34),
        Column(say("column.to_do"), 40),
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
            name.get(m.tenant, m.tenant) or None,
            m.happened,
            m.therefore,
            m.remedy,
        )
