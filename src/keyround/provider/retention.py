"""What of one client's data has had its time, and what becomes of it.

    sign-ins          after `sign_ins` days: counted by person, country and month, which stay two years
    snapshots         `evidence` days after the next scan replaced them; the newest `scans` stay whatever their age,
                      without the sign-ins that are too old
    names, notes      `evidence` days after their finding was closed: the ledger keeps its key and its dates
    reports, codes    `evidence` days after they were written or last shown; what people edited stays, and is said
    logs              of deletions and of looks behind a code: three years

`periods` decides over plain values, `tidied` does it: each thing is written down in the deletion log before it goes,
and a process that is killed in between goes on where it stopped when it is started again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from .. import history
from ..engine import forgetting, ledger
from ..errors import StoreError
from ..handover import carry
from ..rounds import Keeping
from ..store import ClientStore, codes, cut, deletions, months, notes, reveals, stamped, sweep
from ..store.deletions import Deletion
from ..store.disk import disk_errors
from . import over
from .kept import PROVIDER
from .periods import Found, Plan, plan

_LOGS = timedelta(days=1096)
"""How long it is known who looked behind a code, and what was deleted: three years, as claims may be made so long."""
_LEFT = "temporary folders of processes that were killed"
_RULES = {"figures of reports": "two years", _LEFT: "two days"}


@dataclass(frozen=True, slots=True)
class Tidied:
    """What went, or would go, and what has to be said besides."""

    deletions: tuple[Deletion, ...]
    remarks: tuple[str, ...] = ()


def tidied(store: ClientStore, keeping: Keeping, now: datetime, dry: bool = False) -> Tidied:
    """Remove it, or with `dry` only say what would go. Reports that lie elsewhere than in the store are not ours.

    Raises StoreError when a scan is running, or the disk refuses.
    """
    if not store.root.is_dir():
        return Tidied(())
    for link in sweep.links(store.root):
        raise StoreError(
            f"{link} is a link to {link.resolve()}.",
            "Put what belongs to this client in its place, or remove the link.",
            "Nothing of this client was removed: a link may lead to somebody else's files.",
        )
    with store.locked(), _readable():
        if not dry:
            sweep.clear(store)
            _seal_base(store, plan(_found(store), keeping, now))
        return _Tidying(store, keeping, now, dry, store.written()).all()


def of_provider(store: Path, now: datetime, dry: bool = False) -> Tidied:
    """The same of the provider's own folder, portfolios that lie in it, messages, logs; and of what processes that were
    killed left elsewhere. Raises StoreError."""
    own = ClientStore(store, PROVIDER)
    with _readable():
        one = _Tidying(own, Keeping(), now, dry, ClientStore(store, ".portfolio").written())
        told = (
            *one._files(plan(Found(), one.keeping, now)),
            *one._messages(),
            *one._gone(_LEFT, over.left_behind(Path(tempfile.gettempdir()))),
        )
    return Tidied(told, tuple(one.remarks))


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what a damaged file or the disk says into a StoreError: other clients are tidied nevertheless."""
    import duckdb
    import pyarrow as pa

    try:
        yield
    except (OSError, ValueError, duckdb.Error, pa.ArrowException) as error:
        raise StoreError(
            f"A file cannot be read or removed: {str(error).splitlines()[0]}.",
            "Correct its permissions or restore it from a backup, then run `keyround tidy` again.",
            "What comes after it stays for now.",
        ) from error


def _found(store: ClientStore) -> Found:
    stamps = tuple(store.stamps())
    oldest = {stamp: day for stamp in stamps if (day := cut.oldest(store.scans / stamp))}
    days = {home: tuple(parts) for home, parts in sweep.days(store.root).items()}
    return Found(stamps, days, oldest, tuple(store.ledgers()))


def _seal_base(store: ClientStore, planned: Plan) -> None:
    """What the snapshots knew that go: later ones are compared with it. Raises StoreError."""
    if planned.snapshots:
        known = history.at(store, datetime.strptime(planned.snapshots[-1], "%Y%m%dT%H%M%SZ"))
        if known.taken_at is not None and (stamp := stamped(known.taken_at)) not in store.ledgers():
            store.keep_ledger(stamp, ledger.as_json(known))


@dataclass(slots=True)
class _Tidying:
    """One client's store while it is tidied: under its lock."""

    store: ClientStore
    keeping: Keeping
    now: datetime
    dry: bool
    written: frozenset[str]
    remarks: list[str] = field(default_factory=list)

    def all(self) -> Tidied:
        planned = plan(_found(self.store), self.keeping, self.now)
        told = [
            *self._days(planned),
            *self._months(),
            *self._snapshots(planned),
            *self._shortened(planned),
            *self._ledgers(planned),
            *self._names(planned),
            *self._files(planned),
            *self._messages(),
            *self._codes(planned),
            *self._logs(),
        ]
        return Tidied(tuple(told), tuple(self.remarks))

    def _told(self, deletion: Deletion) -> Deletion:
        """Written down, unless nothing is going to happen."""
        deletion = replace(deletion, reason=self.keeping.reason)
        if not self.dry:
            deletions.write(self.store.root, self.now, [deletion])
        return deletion

    def _after(self, what: str) -> str:
        return f"{what} after {getattr(self.keeping, what)} days"

    def _days(self, planned: Plan) -> Iterator[Deletion]:
        root, stored = self.store.root, sweep.days(self.store.root)
        for home, gone in planned.days.items():
            parts = {day: stored[home][day] for day in gone}
            size = sum(sweep.size(root / part) for part in parts.values())
            what, rule = f"days of sign-ins ({home.name})", self._after("sign_ins")
            yield self._told(Deletion(what, len(gone), rule, str(gone[0]), str(gone[-1]), size))
            if not self.dry:
                months.fold(root, home, parts, self.now)
                sweep.remove_days(root, parts.values())

    def _months(self) -> Iterator[Deletion]:
        """Counts that are too old, and files that a newer one has replaced."""
        root = self.store.root
        for home in sweep.counted(root):
            newest = months.newest(root, home)
            if newest and months.overdue(root, newest, self.now):
                yield self._told(Deletion("counts by person, country and month", 1, f"{months.KEPT} months"))
                if not self.dry:
                    months.fold(root, home, {}, self.now)
            if not self.dry:
                with disk_errors():
                    for path in months.superseded(root, home, self._named()):
                        sweep.remove(root / path)

    def _named(self) -> set[str]:
        """What snapshots name of these. One that cannot be read names whatever there is."""
        found: set[str] = set()
        for stamp in self.store.stamps():
            try:
                for tenant in self.store.manifest(stamp)["tenants"]:
                    found |= tenant.get("months", {}).keys()
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                return {path.relative_to(self.store.root).as_posix() for path in self.store.root.glob("months/*/*/*")}
        return found

    def _snapshots(self, planned: Plan) -> Iterator[Deletion]:
        if gone := planned.snapshots:
            size = sum(sweep.size(self.store.scans / stamp) for stamp in gone)
            yield self._told(
                Deletion("snapshots", len(gone), self._after("evidence"), _day(gone[0]), _day(gone[-1]), size)
            )
        for stamp in gone if not self.dry else ():
            sweep.remove_snapshot(self.store, stamp)

    def _shortened(self, planned: Plan) -> Iterator[Deletion]:
        for stamp in planned.shortened:
            folder = self.store.scans / stamp
            days = cut.days(folder, planned.before)
            what, rule = f"sign-ins of the snapshot {stamp}", self._after("sign_ins")
            yield self._told(Deletion(what, len(days), rule, str(days[0]), str(days[-1])))
            if not self.dry:
                cut.shorten(folder, planned.before)

    def _ledgers(self, planned: Plan) -> Iterator[Deletion]:
        if gone := planned.ledgers:
            paths = [self.store.root / f"ledger-{stamp}.json" for stamp in gone]
            rule = "the last of each month stays two years"
            size = sum(map(sweep.size, paths))
            yield self._told(Deletion("ledgers", len(gone), rule, _day(gone[0]), _day(gone[-1]), size))
            if not self.dry:
                with disk_errors():
                    for path in paths:
                        sweep.remove(path)

    def _names(self, planned: Plan) -> Iterator[Deletion]:
        """Who was behind findings that have long ended, and what people wrote about them."""
        known = history.remembered(self.store)
        over = forgetting.ended(known, planned.closed)
        for stamp in self.store.ledgers():
            raw = self.store.ledger(stamp)
            try:
                kept = ledger.from_json(raw or {})
            except ValueError:
                continue
            if count := forgetting.names(kept, over):
                rule = f"closed and {self._after('evidence')}"
                yield self._told(Deletion("names in a ledger", count, rule, newest=_day(stamp)))
                if not self.dry:
                    self.store.keep_ledger(stamp, ledger.as_json(forgetting.nameless(kept, over)))
        yield from self._notes(forgetting.notes_on(known, over))

    def _notes(self, over: frozenset[tuple[str, ...]]) -> Iterator[Deletion]:
        root = self.store.root
        with notes.locked(root):
            try:
                kept, read = carry.from_json(notes.peek(root))
            except ValueError:
                return
            left = carry.forgotten(kept, over)
            if left != kept:
                count = max(len(kept.notes) - len(left.notes), 1)
                yield self._told(Deletion("notes", count, f"closed and {self._after('evidence')}"))
                if not self.dry:
                    notes.keep(root, carry.as_json(left, read))

    def _files(self, planned: Plan) -> Iterator[Deletion]:
        found = over.files(self.store.root, self.written, planned.closed, self.now)
        for what, paths in found.gone.items():
            yield from self._gone(what, paths)
        self.remarks += [
            f"{path} is old enough to be removed, but somebody has edited it. Remove it when it is no longer needed."
            for path in found.edited
        ]

    def _messages(self) -> Iterator[Deletion]:
        if not (self.store.root / "outbox").is_dir():
            return
        from .telling import Outbox  # it takes half a second

        outbox = Outbox(self.store.root)
        if count := len(outbox.over(self.now)):
            yield self._told(Deletion("messages", count, "90 days after they were sent, or came to another end"))
        if not self.dry:
            outbox.tidy(self.now)

    def _gone(self, what: str, paths: Sequence[Path]) -> Iterator[Deletion]:
        if not paths:
            return
        days = sorted(sweep.touched(path).date() for path in paths)
        size = sum(map(sweep.size, paths))
        rule = _RULES.get(what) or self._after("evidence")
        yield self._told(Deletion(what, len(paths), rule, str(days[0]), str(days[-1]), size))
        for path in paths if not self.dry else ():
            try:
                sweep.remove(path)
            except OSError as error:
                self.remarks.append(f"{path} could not be removed: {error.strerror}. It is tried again next time.")

    def _codes(self, planned: Plan) -> Iterator[Deletion]:
        """Codes of whoever was in no report since the oldest snapshot that is kept."""
        root, before = self.store.root, planned.closed.date()
        if kept := self.store.stamps():
            before = min(before, date.fromisoformat(_day(kept[0])))
        if count := len(codes.read(root).over(before)):
            yield self._told(Deletion("codes of people and devices", count, self._after("evidence")))
        if not self.dry:
            codes.forget(root, before, self.now.date())

    def _logs(self) -> Iterator[Deletion]:
        root, before = self.store.root, self.now - _LOGS
        for what, log in (("lines on looks behind a code", reveals), ("lines on deletions", deletions)):
            if count := log.shorten(root, before, dry=True):
                yield self._told(Deletion(what, count, "three years"))
                if not self.dry:
                    log.shorten(root, before)


def _day(stamp: str) -> str:
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}"
