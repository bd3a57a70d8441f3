"""Sheet "Changes": what began, got worse or ended since the scan before, by name; and what was not looked at again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..engine.results import CHANGES, Scan
from ..words import say, word
from .blocks import DAY, TENANT, USERNAME, Block, Cell, Column, Figure, Figures, Sheet, Table, Text
from .evidence import named, names, place
from .known import labels, on
from .tones import tones


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.change"), 15, tones("finding_state")),
        Column(say("column.severity"), 11, tones("severity")),
        Column(say("column.finding"), 32),
        Column(say("column.who"), 22),
        Column(say("column.username"), USERNAME),
        Column(say("column.aspect"), 18),
        Column(say("column.tenant"), TENANT),
        Column(say("column.first_seen"), DAY),
        Column(say("column.last_seen"), DAY),
        Column(say("column.ref"), 20),
    )
    return Sheet(
        say("sheet.changes"),
        (
            Text(say("sheet.changes"), "title"),
            *_about(scan),
            Table("changes", columns, _rows(scan), say("changes.empty" if scan.previous else "changes.first")),
        ),
    )


def counted(scan: Scan) -> dict[str, int]:
    """How often each state is among the changes, in the order in which they are told."""
    counts = Counter(change.state for change in scan.changes)
    return {state: counts[state] for state in CHANGES if counts[state]}


def _about(scan: Scan) -> Iterator[Block]:
    if scan.previous is None:
        return
    yield Text(say("changes.about", day=scan.previous.date(), time=f"{scan.previous:%H:%M}"), "note")
    if counts := counted(scan):
        yield Figures(tuple(
            Figure(word("finding_state", state), say("number", n=n), say(f"state_meaning.{state}"))
            for state, n in counts.items()
        ))  # fmt: skip


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant, known = labels(scan), names(scan)
    for change in scan.changes:
        name, username = named(change.tenant, change.subject, change.who, known)
        if change.subject_table == "devices":
            name, username = change.who or change.subject, ""
        yield (
            word("finding_state", change.state),
            word("severity", change.severity),
            change.title,
            name,
            username or None,
            place(change.aspect) or None,
            tenant.get(change.tenant, change.tenant),
            on(change.first_seen),
            on(change.last_seen),
            change.rule,
        )
