"""What people wrote into workbooks, merged with what we hold. Values in, values out.

Three ways    per action or finding and field: what the workbook said when it was written, what it says now, what we
              hold now. What only they changed is theirs; where both changed, ours stays and theirs stands beside it
Clearing      is a change too, where we know what the workbook said; where we do not, an empty field says nothing
Once          a change that was read is never read again from a copy of the same workbook, so that an old copy undoes
              nothing. Nobody can tell a copy that was edited further from one that somebody else edited: what it says
              otherwise stands beside ours, too, and only a workbook written since then replaces it
Nothing lost  a row that stands for nothing we know is kept as it is, under a key of its own
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..notes import FIELDS, Key, Note, Other

SCHEMA = 1
Seen = tuple[str, Key, str, str]
"""Workbook, key, field and value."""
Written = Mapping[Key, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Copy:
    """One workbook as it came back.

    `workbook` is its id, `scan` the instant it is of (both may be empty), `name` what people call the file. `rows`
    hold, for each field that the sheet had a column of, what it says now; `written` is what it said at first, None
    where nobody knows.
    """

    workbook: str
    scan: str
    name: str
    rows: Sequence[tuple[Key, Mapping[str, str]]]
    written: Written | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What we hold: the notes as they are, and every change that was read already."""

    notes: Mapping[Key, Note] = field(default_factory=dict)
    seen: frozenset[Seen] = frozenset()


@dataclass(frozen=True, slots=True)
class Merged:
    """`taken` changes are ours now; `clashes` stand beside ours; `strange` rows stand for nothing we know."""

    kept: Kept
    taken: int = 0
    clashes: tuple[tuple[Key, Other], ...] = ()
    strange: tuple[Key, ...] = ()


def merge(kept: Kept, copy: Copy, at: str) -> Merged:
    """What we hold once this copy was read. `at` is the scan whose report will tell it (an instant)."""
    notes, seen = dict(kept.notes), set(kept.seen)
    taken, clashes, strange = 0, [], []
    for key, _ in copy.rows:
        met: Seen = ("", key, "", "")
        if key[0] == "" and key not in notes and met not in seen:
            notes[key] = Note()
            seen.add(met)
            strange.append(key)
    for (key, name), base, values in _cells(copy):
        was = notes.get(key, Note())
        ours = getattr(was, name)

        def read(value: str, key: Key = key, name: str = name) -> Seen:
            return copy.workbook, key, name, value

        edits = [value for value in values if value != base]
        news = [value for value in edits if read(value) not in seen]
        seen |= {read(value) for value in edits}
        if news and ours == base:
            notes[key] = _with(was, name, news.pop(0), copy.scan or at)
            taken += 1
        for value in news:
            if value != ours:
                other = Other(name, value, copy.name, at)
                clashes.append((key, other))
                note = notes.get(key, Note())
                notes[key] = replace(note, others=(*note.others, other))
    # A row of one's own goes once its fields are cleared; one that never had any stays.
    left = {key: one for key, one in notes.items() if one or (key[0] == "" and not kept.notes.get(key))}
    return Merged(Kept(left, frozenset(seen)), taken, tuple(clashes), tuple(strange))


def _cells(copy: Copy) -> Iterable[tuple[tuple[Key, str], str, list[str]]]:
    """Every field of every key: what it said at first, and what it says now; more than one where a row was copied."""
    found: dict[tuple[Key, str], list[str]] = {}
    for key, values in copy.rows:
        for name in FIELDS:
            if name in values and values[name] not in (said := found.setdefault((key, name), [])):
                said.append(values[name])
    for cell, said in found.items():
        key, name = cell
        yield cell, (copy.written or {}).get(key, {}).get(name, ""), said


def _with(note: Note, name: str, value: str, scan: str) -> Note:
    """With one field changed; what others had written there, and the changed workbook told, is answered by it."""
    others = tuple(one for one in note.others if one.field != name or one.at > scan)
    note = replace(note, others=others, **{name: value})
    return replace(note, marked=scan if value else "") if name == "status" else note


def moved(kept: Kept, homes: Mapping[Key, Key]) -> Kept:
    """Notes whose ref stood for nothing, and does now, go where they belong; unless something is written there."""
    notes = dict(kept.notes)
    for strange, home in homes.items():
        if strange in notes and not notes.get(home, Note()):
            notes[home] = notes.pop(strange)
    return replace(kept, notes=notes)


def forgotten(kept: Kept, keys: Collection[Key]) -> Kept:
    """Without what was written about these."""
    left = {key: note for key, note in kept.notes.items() if key not in keys}
    return Kept(left, frozenset(one for one in kept.seen if one[1] not in keys))


def as_json(kept: Kept, read: Mapping[str, str]) -> dict[str, object]:
    """`read`: the SHA-256 of every file that was read, and its workbook."""
    return {
        "schema": SCHEMA,
        "notes": [
            {"key": list(key), **note.said(), "marked": note.marked,
             "others": [[one.field, one.value, one.source, one.at] for one in note.others]}
            for key, note in sorted(kept.notes.items())
        ],
        "seen": [[workbook, list(key), *rest] for workbook, key, *rest in sorted(kept.seen)],
        "read": dict(read),
    }  # fmt: skip


def from_json(raw: object) -> tuple[Kept, dict[str, str]]:
    """What `as_json` wrote. Raises ValueError for anything else."""
    try:
        assert isinstance(raw, dict) and raw["schema"] == SCHEMA
        notes = {
            tuple(one["key"]): Note(
                marked=one["marked"],
                others=tuple(Other(*other) for other in one["others"]),
                **{name: one.get(name, "") for name in FIELDS},
            )
            for one in raw["notes"]
        }  # fmt: skip
        seen = frozenset((workbook, tuple(key), *rest) for workbook, key, *rest in raw["seen"])
        return Kept(notes, seen), dict(raw["read"])
    except (AssertionError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError("not notes") from error


def written(notes: Mapping[Key, Note], refs: Mapping[str, Key]) -> dict[str, object]:
    """What a workbook says that is written with these notes, as the store keeps it. `refs`: those that are not made of
    the keys themselves."""
    said = [[list(key), note.said()] for key, note in sorted(notes.items()) if note]
    return {"notes": said, "refs": {ref: list(key) for ref, key in refs.items()}}


def written_from(raw: object) -> tuple[Written | None, dict[str, Key]]:
    """What `written` gave; None where nobody knows."""
    try:
        notes = {tuple(key): {str(k): str(v) for k, v in said.items()} for key, said in raw["notes"]}  # type: ignore[index]
        return notes, {ref: tuple(key) for ref, key in raw["refs"].items()}  # type: ignore[index]
    except (TypeError, ValueError, AttributeError, KeyError):
        return None, {}
