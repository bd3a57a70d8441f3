"""The four columns that people fill in, the same on every sheet that has them."""

from __future__ import annotations

from datetime import date

from ..engine.results import Scan
from ..notes import STATUSES, Note
from ..words import say, word
from .blocks import DAY, Cell, Column
from .clean import short


def columns() -> tuple[Column, ...]:
    statuses = tuple(word("todo", code) for code in STATUSES)
    return (
        Column(say("fill.owner"), 14, fill_in=True),
        Column(say("fill.due"), DAY, fill_in=True, dates=True),
        Column(say("fill.status"), 13, fill_in=True, choices=statuses),
        Column(say("fill.note"), 24, fill_in=True),
    )


def cells(note: Note) -> tuple[Cell, ...]:
    """What stands in them; None where nobody wrote anything."""
    return (
        note.owner or None,
        _day(note.due) or None,
        word("todo", note.status) if note.status else None,
        note.note or None,
    )


def _day(due: str) -> date | str:
    """Excel counts days from 1900 on."""
    try:
        return day if (day := date.fromisoformat(due)).year >= 1901 else due
    except ValueError:
        return due


def still_found(note: Note, scan: Scan) -> bool:
    """Marked done in the workbook of an earlier scan, and found all the same."""
    return note.status == "done" and note.marked < f"{scan.taken_at:%Y-%m-%dT%H:%M:%SZ}"


def since(note: Note, scan: Scan) -> list[str]:
    """What has to be said about a note on something that is found now."""
    said = [say("since.done")] if still_found(note, scan) else []
    return said + others(note)


def others(note: Note) -> list[str]:
    """What somebody else had written into the same cell."""
    return [
        say("since.other", source=short(one.source, 80), field=say(f"fill.{one.field}"),
            value=short(word("todo", one.value) if one.field == "status" else one.value, 400) or "–")
        for one in note.others
    ]  # fmt: skip
