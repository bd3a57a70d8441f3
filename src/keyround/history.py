"""What a client's store remembers: its findings as ledgers, folded in `engine.ledger`, and what reports counted."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from .engine import figures, ledger, sealed
from .engine.figures import Figures
from .engine.ledger import Ledger
from .errors import StoreError
from .store import ClientStore, stamped

_log = logging.getLogger(__name__)
OFTEN = 12
"""Scans behind the newest sealed ledger after which the next is sealed, so that no scan has to fold years of them."""


def ledgers(store: ClientStore, before: datetime | None = None) -> Iterator[Ledger]:
    """What was known after each scan taken earlier than `before` (default: all there are), oldest first.

    Begins with the newest ledger sealed before that time, so that scans it holds may be gone, and an old report does
    not know the future. What is damaged, or of a later version, is said in the log and left out.
    """
    end = stamped(before) if before else ""
    known, since = Ledger(), ""
    for stamp in reversed([stamp for stamp in store.ledgers() if not end or stamp < end]):
        try:
            if (raw := store.ledger(stamp)) is not None:
                known, since = ledger.from_json(raw), stamp
                yield known
                break
        except ValueError as error:
            _log.warning("The ledger of %s is left out (%s): findings may look newer than they are.", stamp, error)
    for raw in store.results(since, end):
        try:
            known = ledger.after(known, sealed.from_json(raw))
        except ValueError as error:
            _log.warning("The results of %s are left out (%s): findings may look newer than they are.",
                         raw["taken_at"], error)  # fmt: skip
            continue
        yield known


def remembered(store: ClientStore, before: datetime | None = None) -> Ledger:
    """The last of `ledgers`; an empty one when there is none."""
    return next(iter(deque(ledgers(store, before), maxlen=1)), Ledger())


def at(store: ClientStore, moment: datetime) -> Ledger:
    """What was known after the last scan taken at that moment or before it; an empty ledger when there is none."""
    return remembered(store, moment + timedelta(seconds=1))


def first(store: ClientStore) -> Ledger:
    """The oldest of all there are, however many ledgers are sealed; an empty one when there is none."""
    for stamp in sorted({*store.ledgers(), *store.stamps()}):
        if (known := at(store, datetime.strptime(stamp, "%Y%m%dT%H%M%SZ"))).taken_at is not None:
            return known
    return Ledger()


def settle_often(store: ClientStore) -> None:
    """Seal a ledger where many scans lie behind the newest one. A disk that refuses costs time later, and no more."""
    stamps, sealed_to = store.stamps(), max(store.ledgers(), default="")
    if sum(stamp > sealed_to for stamp in stamps) <= OFTEN:
        return
    try:
        settle(store, stamps[-1])
    except StoreError as error:
        _log.warning("No ledger was sealed after this scan: %s", error)


def settle(store: ClientStore, stamp: str) -> None:
    """Seal what is known after the scan `stamp`, so that it and older ones may be removed. Raises StoreError.

    Nothing is sealed when no scan up to then can be read.
    """
    known = Ledger()
    for later in ledgers(store):
        assert later.taken_at is not None  # at least one scan is in it
        if stamped(later.taken_at) > stamp:
            break
        known = later
    if known.taken_at is not None:
        store.keep_ledger(stamped(known.taken_at), ledger.as_json(known))


def past(store: ClientStore, before: datetime) -> tuple[Figures, ...]:
    """What the reports of the last scans taken earlier than `before` counted, oldest first.

    One that says too little to be used is said in the log and left out.
    """
    found = []
    for raw in store.figures(before):
        try:
            found.append(figures.from_json(raw))
        except ValueError as error:
            _log.warning("The figures of an earlier scan are left out: %s.", error)
    return tuple(one for one in found if one.taken_at < before)
