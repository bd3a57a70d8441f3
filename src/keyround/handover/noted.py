"""What people wrote into workbooks, on its way into the next report: found, read, merged, kept, told.

The notes are in the store before any new workbook is written. A file that cannot be read is left as it is, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from .. import history
from ..engine.ledger import Ledger
from ..engine.results import Scan
from ..errors import ConfigError, StoreError
from ..export import archive, edited, fill, refs
from ..export.clean import short
from ..export.edited import Edited
from ..notes import Key, Left, Note, Notes, Other
from ..store import ClientStore, notes
from ..store.codes import Codes
from ..store.disk import sha256
from . import carry
from .carry import Copy, Kept, Merged

_TOLD = 5
_CALLED = {"owner": "Owner", "due": "Due", "status": "Status", "note": "Note"}


@dataclass(frozen=True, slots=True)
class Noted:
    """The scan with its notes, and what has to be said."""

    scan: Scan
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Desk:
    """What is on the table while the workbooks of one client are read."""

    scan: Scan
    store: ClientStore
    kept: Kept = field(default_factory=Kept)
    read: dict[str, str] = field(default_factory=dict)
    fresh: bool = True  # nothing was kept until now
    remarks: list[str] = field(default_factory=list)


def handed_in(paths: Iterable[Path], client: str, store: ClientStore) -> tuple[Edited, ...]:
    """Workbooks that somebody sent back, read. Raises ConfigError for one that is another client's, or cannot be read.

    A program that keeps no properties of a file leaves the refs: one that is known tells whose it is.
    """
    found: list[Edited] = []
    for path in paths:
        book = edited.read(path)
        if book.about.client and book.about.client != client:
            raise ConfigError(
                f"{path} belongs to the client {short(book.about.client, 60)!r}, not to {client!r}.",
                "Name a workbook of this client with --carry.",
                "Nothing was scanned or written.",
            )
        if not book.rows:
            raise ConfigError(
                f"{path} holds no row with a Ref below a header that names Owner, Due, Status or Note.",
                "Name the workbook that Keyround wrote, with its header row.",
                "Nothing was scanned or written.",
            )
        if not book.about.client:
            index = refs.Index(_remembered(history.remembered(store)))
            if not any(index.key(row.ref) for row in book.rows if row.ref):
                raise ConfigError(
                    f"{path} does not say which client it belongs to, and no Ref in it is known here.",
                    "Save it as .xlsx in Excel or LibreOffice, which keep that, and name it again.",
                    "Nothing was scanned or written.",
                )
        found.append(book)
    return tuple(found)


def noted(scan: Scan, folder: Path, store: ClientStore, handed: Sequence[Edited] = ()) -> Noted:
    """Read what people wrote, keep it, and lay it over the scan. Never raises for what a file or the disk refuses.

    A store that may only be read is a remark where there was something to keep.
    """
    desk, refused = _Desk(scan, store), ""
    with ExitStack() as stack:
        try:
            stack.enter_context(notes.locked(store.root))
        except StoreError as error:
            refused = str(error)
        try:
            _open(desk)
        except StoreError as error:
            desk.remarks.append(str(error))
            refused = refused or str(error)
        found = [*_lying(desk, folder), *handed]
        known = history.remembered(store) if found or desk.kept.notes else Ledger()
        here = _found(scan)
        index = refs.Index([*here, *_remembered(known), *desk.kept.notes])
        _come_home(desk, index)
        for book in found:
            _merge(desk, book, index)
        told = _notes(desk, known, here)
        if not refused:
            try:
                notes.keep(store.root, carry.as_json(desk.kept, desk.read))
            except StoreError as error:
                refused = str(error)
    if refused and refused not in desk.remarks and (found or desk.kept.notes):
        desk.remarks.append(refused)
    scan = replace(scan, notes=told)
    return Noted(scan, (*desk.remarks, *_done(scan)))


def veiled(shown: Scan, scan: Scan, codes: Codes | None) -> tuple[Scan, dict[Key, Key]]:
    """`shown`, which is `scan` under its veil, with the notes under the same; and what stands there for which key.

    A ref is made of the key that is shown: of a person's own id anybody could find out whose it is.
    """
    if codes is None or shown.scrub is None:
        return shown, {}
    say = shown.scrub.so
    stands: dict[Key, Key] = {
        a.key: b.key for a, b in zip(scan.findings, shown.findings, strict=True) if a.key != b.key
    }
    as_ever = {finding.key for finding in scan.findings} - stands.keys()  # shown by name, so under their own key
    for key in scan.notes.by_key:
        if len(key) == 4 and key not in stands and key not in as_ever and key[2] != key[0]:
            stands[key] = (*key[:2], codes.hidden("\0".join(key[2:])), "")

    def told(note: Note) -> Note:
        others = tuple(replace(one, value=say(one.value)) for one in note.others)
        return replace(note, owner=say(note.owner), due=say(note.due), note=say(note.note), others=others)

    by_key = {stands.get(key, key): told(note) for key, note in scan.notes.by_key.items()}
    left = tuple(replace(one, key=stands.get(one.key, one.key), note=told(one.note), who="") for one in scan.notes.left)
    return replace(shown, notes=Notes(by_key, left)), stands


def keep(store: ClientStore, workbook: str, shown: Scan, stands: Mapping[Key, Key]) -> Iterator[str]:
    """What the workbook of this id says, before anybody has it; says why where the store may only be read."""
    real = {there: key for key, there in stands.items()}
    said = {real.get(key, key): note for key, note in shown.notes.by_key.items()}
    ref = refs.each([*(finding.key for finding in shown.findings), *(one.key for one in shown.notes.left)])
    try:
        hidden = {ref[there]: key for there, key in real.items() if there in ref}
        notes.keep_written(store.root, workbook, carry.written(said, hidden))
    except StoreError as error:
        if said:
            yield str(error)


def _open(desk: _Desk) -> None:
    """What was kept. Raises StoreError, and then nothing may be kept either."""
    raw, remark = notes.read(desk.store.root)
    if raw is not None:
        try:
            desk.kept, desk.read = carry.from_json(raw)
            desk.fresh = False
        except ValueError as error:
            if isinstance(raw, dict) and isinstance(raw.get("schema"), int) and raw["schema"] > carry.SCHEMA:
                raise StoreError(
                    "The notes in the store were kept by a later version.", "Update keyround.",
                    "This report shows none, and they stay as they are.",
                ) from error  # fmt: skip
            remark = notes.set_aside(desk.store.root)
    if remark:
        desk.remarks.append(remark)


def _lying(desk: _Desk, folder: Path) -> list[Edited]:
    """The client's edited workbooks in the output folder, the newest first.

    An older one is read where the store knows what it said at first, since only then its changes can be told from
    what was so already.
    """
    ours: list[tuple[str, float, Path, str, str]] = []
    try:
        written = desk.store.written()
    except OSError:
        written = frozenset()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() != ".xlsx" or path.name.startswith((".", "~$")):
            continue
        try:
            about = archive.properties(path)
            if about.client == desk.scan.client:
                ours.append((about.scan, path.stat().st_mtime, path, sha256(path), about.workbook))
        except (ConfigError, OSError) as error:
            if path.name.startswith(f"{desk.scan.client}-"):
                desk.remarks.append(f"{error} What stands in it was not read, and it was not overwritten.")
    found: list[Edited] = []
    for number, (_, _, path, digest, workbook) in enumerate(sorted(ours, reverse=True)):
        known = notes.written_with(desk.store.root, workbook) is not None
        changed = digest not in written and digest not in desk.read and (known or number == 0)
        if not changed and not (desk.fresh and number == 0):
            continue
        try:
            found.append(edited.read(path))
            desk.read[digest] = workbook
        except ConfigError as error:
            desk.remarks.append(f"{error} What stands in it was not read, and it was not overwritten.")
    return found


def _merge(desk: _Desk, book: Edited, index: refs.Index) -> None:
    for sheet, names in book.lacking:
        columns = ", ".join(_CALLED[name] for name in names)
        desk.remarks.append(f"{book.path.name}, {short(sheet, 40)}: no column {columns}. What was known there stays.")
    written, hidden = carry.written_from(notes.written_with(desk.store.root, book.about.workbook))
    written = None if desk.fresh else written
    rows = [(hidden.get(row.ref) or index.key(row.ref) or ("", row.ref, row.text), row.values) for row in book.rows]
    at = f"{desk.scan.taken_at:%Y-%m-%dT%H:%M:%SZ}"
    copy = Copy(book.about.workbook or book.about.scan, book.about.scan, book.path.name, rows, written)
    merged = carry.merge(desk.kept, copy, at)
    desk.kept = merged.kept
    desk.remarks += _said(merged, book.path.name)


def _said(merged: Merged, name: str) -> Iterator[str]:
    if merged.taken:
        yield f"{name}: {merged.taken} {'entry' if merged.taken == 1 else 'entries'} by people carried over."
    for key, other in merged.clashes[:_TOLD]:
        yield _clash(key, other, merged.kept)
    if (more := len(merged.clashes) - _TOLD) > 0:
        yield f"{name}: {more} more of its entries stand beside others. Since last time shows them."
    for key in merged.strange[:_TOLD]:
        text = short(" ".join(filter(None, key[1:])), 120)
        yield f"{name}: this row could not be placed and stands under Changes: {text}"
    if (more := len(merged.strange) - _TOLD) > 0:
        yield f"{name}: {more} more rows could not be placed. They stand under Changes."


def _clash(key: Key, other: Other, kept: Kept) -> str:
    ours = getattr(kept.notes[key], other.field)
    return (
        f"{refs.of(*key)}: {_CALLED[other.field]} stays {short(ours, 60)!r}; "
        f"{short(other.source, 80)} says {short(other.value, 60)!r}. "
        "Whoever knows better writes it into the new workbook."
    )


def _come_home(desk: _Desk, index: refs.Index) -> None:
    """Rows that could not be placed once, and can be now."""
    homes = {
        key: home for key in desk.kept.notes if key[0] == "" and key[1] and (home := index.key(key[1])) is not None
    }
    desk.kept = carry.moved(desk.kept, {key: home for key, home in homes.items() if home != key})


def _found(scan: Scan) -> set[Key]:
    """Everything that has a row of its own on Actions or Findings."""
    actions = {(finding.tenant, finding.rule.id) for finding in scan.findings if finding.counts}
    return actions | {finding.key for finding in scan.findings}


def _remembered(known: Ledger) -> Iterator[Key]:
    """Everything that was ever found."""
    for place, record in known.records.items():
        yield place
        for key in record.entries:
            yield (*place, *key)


def _notes(desk: _Desk, known: Ledger, here: set[Key]) -> Notes:
    left = [
        _left(key, desk, known) for key in desk.kept.notes
        if key not in here and (desk.kept.notes[key] or key[0] == "")
    ]  # fmt: skip
    return Notes(desk.kept.notes, tuple(sorted(left, key=lambda one: one.key)))


def _left(key: Key, desk: _Desk, known: Ledger) -> Left:
    note = desk.kept.notes[key]
    if key[0] == "" or (record := known.records.get((key[0], key[1]))) is None:
        return Left(key, note, key[1])
    if len(key) == 2:
        seen: list[datetime] = [known.last_seen(entry) for entry in record.entries.values()]
        return Left(key, note, record.title, last_found=max(seen, default=None))
    entry = record.entries.get((key[2], key[3]))
    return Left(key, note, record.title, entry.who if entry else "", known.last_seen(entry) if entry else None)


def _done(scan: Scan) -> Iterator[str]:
    keys: Mapping[Key, None] = {(f.tenant, f.rule.id): None for f in scan.findings if f.counts}
    if n := sum(fill.still_found(scan.notes.of(*key), scan) for key in keys):
        yield f"{n} {'action is' if n == 1 else 'actions are'} marked done and still found."
