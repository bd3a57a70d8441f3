"""Sheet "Changes": what began, got worse or ended since the scan before, by name; and what was not looked at again.

Below it what people wrote about findings that are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from ..engine.results import CHANGES, Scan
from ..notes import CLOSED, Left
from ..words import say, word
from . import fill, refs
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
        Column(say("column.rule_id"), 20),
    )
    return Sheet(
        say("sheet.changes"),
        (
            Text(say("sheet.changes"), "title"),
            *_about(scan),
            Table("changes", columns, _rows(scan), say("changes.empty" if scan.previous else "changes.first")),
            *_notes(scan),
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


def _notes(scan: Scan) -> Iterator[Block]:
    """Nothing where nobody wrote anything; what is closed is told for a year."""
    left = [one for one in scan.notes.left if _told(one, scan)]
    if not left:
        return
    owner, due, status, note = fill.columns()
    columns = (  # as wide as those of the table above
        Column(say("column.ref"), 15),
        status,
        Column(say("column.what"), 32),
        Column(say("column.who"), 22),
        note,
        owner,
        Column(say("column.tenant"), TENANT),
        due,
        Column(say("column.last_found"), DAY),
        Column(say("column.since"), 20),
    )
    yield Text(say("changes.left"), "heading")
    yield Text(say("changes.left_about"), "note")
    yield Table("notes", columns, _left(scan, left))


def _told(left: Left, scan: Scan) -> bool:
    open_still = left.note.status not in CLOSED
    return open_still or (left.last_found is not None and left.last_found > scan.taken_at - timedelta(days=365))


def _left(scan: Scan, left: list[Left]) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    titles = {result.rule.id: result.rule.title for result in scan.results}
    ref = refs.each(one.key for one in left)
    for one in left:
        strange = not one.key[0]
        owner, due, status, note = fill.cells(one.note)
        yield (
            ref[one.key],
            status,
            say("changes.strange", text=one.key[2]) if strange else titles.get(one.key[1], one.title),
            one.who or None,
            note,
            owner,
            None if strange else tenant.get(one.key[0], one.key[0]),
            due,
            on(one.last_found),
            "\n".join(fill.others(one.note)) or None,
        )
