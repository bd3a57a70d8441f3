"""What a ledger need not say for ever: who was behind a finding that has long ended. Its key and its dates stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .ledger import Ledger, Record
from .sealed import Key, Place

Ended = frozenset[tuple[Place, Key]]


def ended(ledger: Ledger, before: datetime) -> Ended:
    """Everything that ended before that instant and has not begun again."""
    return frozenset(
        (place, key)
        for place, record in ledger.records.items()
        for key, entry in record.entries.items()
        if not entry.alive and entry.since is not None and entry.since < before
    )


def notes_on(ledger: Ledger, of: Ended) -> frozenset[tuple[str, ...]]:
    """The keys under which people wrote about these; an action's too once nothing of it is left."""
    findings = frozenset((*place, *key) for place, key in of)
    actions = frozenset(
        place
        for place, record in ledger.records.items()
        if record.entries and all((place, key) in of for key in record.entries)
    )
    return findings | actions


def nameless(ledger: Ledger, of: Ended) -> Ledger:
    """The same, no longer saying who is behind these."""
    return replace(ledger, records={place: _without(place, record, of) for place, record in ledger.records.items()})


def names(ledger: Ledger, of: Ended) -> int:
    """How many of these it names."""
    return sum(bool(entry.who) and (place, key) in of
               for place, record in ledger.records.items() for key, entry in record.entries.items())  # fmt: skip


def _without(place: Place, record: Record, of: Ended) -> Record:
    gone = {key: replace(entry, who="") for key, entry in record.entries.items() if entry.who and (place, key) in of}
    return replace(record, entries={**record.entries, **gone}) if gone else record
