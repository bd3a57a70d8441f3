"""Runs one rule over one tenant of one scan. Pure: same tables in, same verdicts out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb

from ..connector import Complete, Incomplete, NotOffered, Outcome
from ..errors import CollectError, RuleError
from ..model import AS_WHOLE_AS, TABLES, bare, columns
from . import sandbox
from .results import DoesNotApply, Evaluated, Judged, NotEvaluated, Result, Verdict
from .rule import SEVERITIES, Rule

PATIENCE = 120.0  # seconds for one rule; ten million sign-ins take about one
_VERDICT: dict[bool | None, Verdict] = {True: "fail", False: "pass", None: "unknown"}
_SHOWABLE = (str, int, float, bool, datetime, type(None))


def evaluate(rule: Rule, db: duckdb.DuckDBPyConnection, tenant: str, provider: str, outcomes: Mapping[str, Outcome],
             given: Mapping[str, Any], patience: float = PATIENCE) -> Result:  # fmt: skip
    """Judge every subject of `rule` that is in scope.

    A table that arrived in part is as good as absent: a query that looks for a
    missing row would turn the provider's silence into an accusation. Only a
    keep-fails rule may look at half a table: what it finds there is true, so its
    fails stand and its passes become unknown. When it finds nothing it has
    nothing to say, and is not evaluated either. What it reads beside is never
    missed: rows that are not there leave cells null, and the verdict follows.

    A select may return `severity` where one subject's case is graver or lighter than the rule as a whole.
    `given` holds what `rule.GIVEN` names and whatever replaces a
    parameter's default. Raises RuleError for anything wrong with the rule.
    """
    read = {name: outcomes[name] for name in sorted(rule.reads)}
    offered = all(not isinstance(outcome, NotOffered) for name, outcome in read.items() if name not in rule.beside)
    if provider in rule.not_for or not offered:
        return DoesNotApply(rule, tenant)
    missed = {name: outcome.error for name, outcome in read.items() if isinstance(outcome, Incomplete)}
    halves = {name: error for name, error in missed.items() if name not in rule.beside}
    if halves and rule.partial == "refuse":
        return NotEvaluated(rule, tenant, _called(halves))
    judged = sorted(_judged(rule, db, provider, given, patience), key=lambda j: (j.subject, j.aspect))
    for one, next_one in itertools.pairwise(judged):
        if (one.subject, one.aspect) == (next_one.subject, next_one.aspect):
            raise RuleError(f"{rule.id}: {one.subject!r} comes twice with the aspect {one.aspect!r}.")
    if halves:
        if not any(j.verdict == "fail" for j in judged):
            return NotEvaluated(rule, tenant, _called(halves))
        judged = [j if j.verdict == "fail" else replace(j, verdict="unknown") for j in judged]
    missing = missed | dict(_without(rule, read))
    if not judged:
        missing = {name: error for name, error in missing.items() if empties(rule, name)}
    return Evaluated(rule, tenant, tuple(judged), _called(missing))


def _called(missing: Mapping[str, CollectError]) -> dict[str, CollectError]:
    """A table that counts another one is missed under the name of that: it is what a permission or a plan gives."""
    return {AS_WHOLE_AS.get(name, name): error for name, error in missing.items()}


def empties(rule: Rule, name: str) -> bool:
    """Whether without this table or column a subject may be missing. A null cell only leaves a verdict open, as long
    as the column is none of those that make the row itself; only what kind of account it is is no null where nobody
    was allowed to look, but an ordinary one."""
    table, _, column = name.partition(".")
    return column in (*TABLES[table].KEY, "kind") if column else table not in rule.beside


def _without(rule: Rule, read: Mapping[str, Outcome]) -> Iterator[tuple[str, CollectError]]:
    """Columns the rule mentions that the provider would not give; they are null, so verdicts follow by themselves."""
    for name, outcome in read.items():
        if isinstance(outcome, (Complete, Incomplete)):
            mentioned = rule.columns & {column.name for column in columns(TABLES[name])}
            for column in sorted(mentioned & outcome.without.keys()):
                yield f"{name}.{column}", outcome.without[column]


def _judged(rule: Rule, db: duckdb.DuckDBPyConnection, provider: str, given: Mapping[str, Any],
            patience: float) -> Iterator[Judged]:  # fmt: skip
    values = {**rule.parameters, **given}
    try:
        with sandbox.patience(db, patience, rule.id):
            cursor = db.execute(rule.select, {name: values[name] for name in rule.needs})
            names = [str(column[0]) for column in cursor.description or ()]
            rows = cursor.fetchall()
    except (duckdb.Error, MemoryError) as error:
        raise RuleError(f"{rule.id}: {error}.") from error
    if absent := [name for name in ("subject", "failing") if name not in names]:
        raise RuleError(f"{rule.id}: the select returns no column {absent[0]!r}.")
    if len(set(names)) != len(names):
        raise RuleError(f"{rule.id}: the select returns a column twice.")
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        subject, failing, aspect = cells.pop("subject"), cells.pop("failing"), cells.pop("aspect", None)
        severity = cells.pop("severity", None)
        if not isinstance(subject, str) or not isinstance(aspect, str | None):
            raise RuleError(f"{rule.id}: a row without a subject, or with a subject or aspect that is not text.")
        if not isinstance(failing, bool | None):
            raise RuleError(f"{rule.id}: failing is {failing!r}, neither true, false nor null.")
        if severity is not None and severity not in SEVERITIES:
            raise RuleError(f"{rule.id}: severity is {severity!r}, not one of {', '.join(SEVERITIES)}.")
        if odd := [name for name, value in cells.items() if not _showable(value)]:
            raise RuleError(f"{rule.id}: no cell can show the evidence {odd[0]!r}.")
        yield Judged(bare(provider, subject), _VERDICT[failing], cells, aspect or "", severity)


def _showable(value: Any) -> bool:
    return all(isinstance(item, str) for item in value) if isinstance(value, list) else isinstance(value, _SHOWABLE)
