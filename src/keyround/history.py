"""What a client's store remembers of its findings, as ledgers: read from disk here, folded in `engine.ledger`."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from datetime import datetime

from .engine import ledger, sealed
from .engine.ledger import Ledger
from .store import ClientStore, stamped

_log = logging.getLogger(__name__)


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
