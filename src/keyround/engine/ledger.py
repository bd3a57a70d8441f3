"""What is new, what is old, what ended and how: sealed results, folded into a ledger. Values in, values out.

A finding's age comes from what earlier scans said, never from judging old data again: a corrected rule does not
rewrite history. What is known after a scan is one value, so that old scans may go once it is sealed itself:
`fold(fold(base, some), rest) == fold(base, all)`.

Opening     new            failed now, and known not to fail under this question before; or the client's first scan
            newly_checked  failed now, and never known not to: a new or changed rule or parameter, a rule that could not
                           be evaluated until now, a subject that was unknown
            reopened       ended, known not to fail under this question since, and failed again
Going on    open           still fails
            worse          still fails, and graver because the fact is: under the same question its own severity
                           rose, both measured with the rule's of today. A rule file's new severity worsens nothing
            not_rechecked  nothing certain was said: unknown, not evaluated, absent from half an answer, or an event
                           that a narrower window cannot show
Ended       fixed          a state that passes. An event is never fixed, it is past
            left_scope     the object is there, and the question is no longer asked of it
            gone           the object is not there: an account or a device left the whole list, or the rule speaks of
                           the subject without this aspect
            past           an event that no window as wide as the one it was last seen in still shows

`accepted` is laid over all this by others.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import reduce
from operator import attrgetter
from typing import Any, Literal

import msgspec

from ..connector import Window
from .results import Change, Evaluated, Finding, Judged, Result, State
from .rule import SEVERITIES, Severity
from .sealed import Answer, Directory, Key, Place, Sealed, packed, severity, unpacked

Opening = Literal["new", "newly_checked", "reopened"]
Ended = Literal["fixed", "gone", "left_scope", "past"]
SCHEMA = 1
_ALIVE = frozenset({"failing", "not_rechecked"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that failed once. What it `is` now, and since which scan; `opened` says how it last began.

    `severity` is its own where its case had one, `digest` the question, when it last failed. `last_seen` and `window`
    are those of the last scan in which it failed; None while it is failing: the ledger's own.
    """

    opened: Opening
    opened_at: datetime
    first_seen: datetime
    digest: str
    severity: Severity | None = None
    who: str = ""
    worse_at: datetime | None = None
    is_now: Literal["failing", "not_rechecked"] | Ended = "failing"
    since: datetime | None = None  # None while it is failing: since `opened_at`, or since it was checked again
    last_seen: datetime | None = None
    window: tuple[datetime, datetime] | None = None
    first_severity: Severity | None = None  # when it began; None: an older ledger did not keep it

    @property
    def alive(self) -> bool:
        return self.is_now in _ALIVE

    def state(self, at: datetime) -> State:
        """As of the ledger's scan, taken `at`."""
        if self.is_now != "failing":
            return self.is_now
        if self.opened_at == at:
            return self.opened
        return "worse" if self.worse_at == at else "open"


@dataclass(frozen=True, slots=True)
class Record:
    """One rule in one tenant, as it was last evaluated. `asked`: the newest scan knew the rule and this tenant.

    Known not to fail under the question `digest` are, with `whole`, all but `keys`; without it, `keys` alone.
    """

    title: str
    severity: Severity
    subject: str
    digest: str
    whole: bool
    keys: frozenset[Key]
    entries: Mapping[Key, Entry]
    asked: bool = True

    def cleared(self, key: Key, digest: str) -> bool:
        """Under this question the key was known not to fail."""
        return self.digest == digest and (key not in self.keys if self.whole else key in self.keys)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is known after the newest scan that was folded in; `taken_at` None: after none. `tenants`: their names."""

    taken_at: datetime | None = None
    window: Window | None = None
    tenants: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[Place, Record] = field(default_factory=dict)

    def last_seen(self, entry: Entry) -> datetime:
        seen = entry.last_seen or self.taken_at
        assert seen is not None  # without a scan there is no entry
        return seen


def fold(base: Ledger, scans: Iterable[Sealed]) -> Ledger:
    """`base`, and then every scan that is later, in any order."""
    return reduce(after, sorted(scans, key=attrgetter("taken_at")), base)


def after(ledger: Ledger, scan: Sealed) -> Ledger:
    """The ledger once this scan is known. A scan that is not later changes nothing."""
    if ledger.taken_at is not None and scan.taken_at <= ledger.taken_at:
        return ledger
    records = {}
    for place in sorted(ledger.records.keys() | scan.answers.keys()):
        record, answer = ledger.records.get(place), scan.answers.get(place)
        if answer is not None and answer.letters is not None:
            records[place] = _evaluated(ledger, record, scan, answer, scan.tenants[place[0]])
        elif record is not None:
            silent = {key: _ended(entry, "not_rechecked", ledger, scan) for key, entry in record.entries.items()}
            records[place] = replace(record, entries=silent, asked=answer is not None and answer.applies)
    named = {tenant: directory.name for tenant, directory in scan.tenants.items() if directory.name}
    return Ledger(scan.taken_at, scan.window, {**ledger.tenants, **named}, records)


def _evaluated(ledger: Ledger, record: Record | None, scan: Sealed, answer: Answer, directory: Directory) -> Record:
    entries: dict[Key, Entry] = dict(record.entries) if record else {}
    failing, names, asked = answer.keys("fail"), directory.names, answer.digest
    for key, own in failing.items():
        known, called = entries.get(key), names.get(key[0])
        if (known is not None and known.is_now == "failing" and known.severity == own and known.digest == asked
                and (known.who == called or not called)):  # fmt: skip
            continue  # as it was: nearly every one, of very many
        who = called or (known.who if known else "")
        if known is None or known.is_now not in _ALIVE:
            entries[key] = Entry(_opening(ledger, record, answer, key, known), scan.taken_at,
                                 known.first_seen if known else scan.taken_at, answer.digest, own, who,
                                 first_severity=own or answer.severity)  # fmt: skip
        else:
            worse = known.digest == answer.digest and _rank(own, answer) < _rank(known.severity, answer)
            entries[key] = replace(
                known, digest=answer.digest, severity=own, who=who, is_now="failing", since=None,
                worse_at=scan.taken_at if worse else known.worse_at, last_seen=None, window=None,
            )  # fmt: skip
    for key in entries.keys() - failing.keys():
        if entries[key].is_now in _ALIVE:
            entries[key] = _ended(entries[key], _fate(ledger, key, entries[key], scan, answer), ledger, scan)
    title, subject = (record.title, record.subject) if record else ("", "")  # schema 1 has neither
    return Record(answer.title or title, answer.severity, answer.subject or subject, answer.digest,
                  *_cleared(record, answer), entries)  # fmt: skip


def _opening(ledger: Ledger, record: Record | None, answer: Answer, key: Key, known: Entry | None) -> Opening:
    if ledger.taken_at is None:
        return "new"
    if record is None or not record.cleared(key, answer.digest):
        return "newly_checked"
    return "reopened" if known else "new"


def _rank(own: Severity | None, answer: Answer) -> int:
    return SEVERITIES.index(own or answer.severity)


def _ended(entry: Entry, fate: Literal["not_rechecked"] | Ended, ledger: Ledger, scan: Sealed) -> Entry:
    """The entry as this scan leaves it, in which it did not fail."""
    if not entry.alive or entry.is_now == fate:
        return entry
    if entry.is_now != "failing":
        return replace(entry, is_now=fate, since=scan.taken_at)
    window = (ledger.window.since, ledger.window.until) if ledger.window else None
    return replace(entry, is_now=fate, since=scan.taken_at, last_seen=ledger.taken_at, window=window)


def _fate(ledger: Ledger, key: Key, entry: Entry, scan: Sealed, answer: Answer) -> Literal["not_rechecked"] | Ended:
    """What became of a finding that an evaluated rule does not name any more."""
    verdict = answer.verdict(key)
    if verdict == "unknown" or (verdict is None and not answer.whole):
        return "not_rechecked"
    if answer.nature == "event":
        seen = Window(*entry.window) if entry.window else ledger.window
        return "past" if seen is None or _over(seen, scan.window) else "not_rechecked"
    if verdict == "pass":
        return "fixed"
    if not answer.nature:  # schema 1 did not keep what it would take to tell
        return "not_rechecked"
    subject, aspect = key
    if aspect and (answer.subject == "tenants" or answer.mentions(subject)):
        return "gone"
    there = answer.subject == "tenants" or answer.directory.holds(answer.subject, subject)
    return "not_rechecked" if there is None else "left_scope" if there else "gone"


def _over(seen: Window, now: Window) -> bool:
    """Whether an event of `seen` that `now` does not show has left the window: one as wide as then would not show it
    either. Windows begin at midnight, so days are compared; a scan earlier in the day is no narrower one."""
    days = (seen.until.date() - seen.since.date()).days
    as_wide = datetime.combine(now.until.date() - timedelta(days=days), time())
    return now.since <= as_wide or seen.until <= as_wide


def _cleared(record: Record | None, answer: Answer) -> tuple[bool, frozenset[Key]]:
    """`whole` and `keys` of the record once this answer is known."""
    before = record if record and record.digest == answer.digest else None
    if before and before.whole and not before.keys:
        return True, before.keys
    if answer.whole:
        unknown = frozenset(answer.keys("unknown"))
        if before is None:
            return True, unknown
        return True, unknown & before.keys if before.whole else unknown - before.keys
    passed = frozenset(answer.keys("pass"))
    if before is None:
        return False, passed
    return (True, before.keys - passed) if before.whole else (False, before.keys | passed)


def findings(ledger: Ledger, results: Iterable[Result]) -> tuple[Finding, ...]:
    """What stands after the newest scan, whose results these are: what fails now, and what could not be checked again.

    Worst first, then in a fixed order. What was not checked again has no evidence, only a name.
    """
    found = []
    for result in results:
        record = ledger.records.get((result.tenant, result.rule.id))
        if record is None or not record.asked or ledger.taken_at is None:
            continue
        judged = {(j.subject, j.aspect): j for j in result.judged} if isinstance(result, Evaluated) else {}
        for key, entry in record.entries.items():
            if entry.alive:
                failing = entry.is_now == "failing"
                one = judged[key] if failing else Judged(key[0], "unknown", {}, key[1], entry.severity)
                state = entry.state(ledger.taken_at)
                found.append(Finding(result.tenant, result.rule, one, state, entry.first_seen,
                                     ledger.last_seen(entry), entry.who, entry.first_severity))  # fmt: skip
    return tuple(sorted(found, key=lambda f: (SEVERITIES.index(f.severity), f.rule.id, f.key)))


def changes(then: Ledger, now: Ledger) -> tuple[Change, ...]:
    """What differs between two ledgers of one client, `then` being the earlier: what opened, got worse or ended since,
    and everything that is not checked again now. Nothing when there was no scan then.

    In the order of `results.CHANGES`, the worst of each first.
    """
    if then.taken_at is None or now.taken_at is None:
        return ()
    found = []
    for place, record in now.records.items():
        before = then.records[place].entries if place in then.records else {}
        for key, entry in record.entries.items():
            if (state := _changed(entry, record, then.taken_at)) is not None:
                was = before[key].state(then.taken_at) if key in before else None
                found.append(Change(
                    *place, record.title or place[1], record.subject, *key, entry.severity or record.severity,
                    entry.who, was, state, entry.first_seen, now.last_seen(entry), then.taken_at,
                ))  # fmt: skip
    return tuple(sorted(found, key=lambda c: (c.group, SEVERITIES.index(c.severity), c.rule, c.key)))


def _changed(entry: Entry, record: Record, then: datetime) -> State | None:
    """What the entry became since; None: nothing else than it was."""
    if entry.is_now == "failing":
        if entry.opened_at > then:
            return entry.opened
        return "worse" if entry.worse_at and entry.worse_at > then else None
    again = entry.is_now == "not_rechecked" and record.asked  # silence that lasts is said every time
    return entry.is_now if again or (entry.since and entry.since > then) else None


def as_json(ledger: Ledger) -> dict[str, Any]:
    """The form in which the ledger of at least one scan is sealed; `from_json` reads it back."""
    assert ledger.taken_at and ledger.window
    return {
        "schema": SCHEMA,
        "taken_at": ledger.taken_at.isoformat(),
        "window": [ledger.window.since.isoformat(), ledger.window.until.isoformat()],
        "tenants": ledger.tenants,
        "records": [
            {"tenant": tenant, "rule": rule, "title": record.title, "severity": record.severity,
             "subject": record.subject, "digest": record.digest, "whole": record.whole, "asked": record.asked,
             "keys": packed(msgspec.json.encode(sorted(record.keys)).decode()),
             "entries": [[*key, msgspec.to_builtins(entry)] for key, entry in sorted(record.entries.items())]}
            for (tenant, rule), record in ledger.records.items()
        ],
    }  # fmt: skip


def from_json(raw: Mapping[str, Any]) -> Ledger:
    """Raises ValueError for anything that `as_json` did not write."""
    try:
        if raw["schema"] != SCHEMA:
            raise ValueError("sealed by a later version")
        since, until = map(datetime.fromisoformat, raw["window"])
        records = {(one["tenant"], one["rule"]): _record_from_json(one) for one in raw["records"]}
        return Ledger(datetime.fromisoformat(raw["taken_at"]), Window(since, until), dict(raw["tenants"]), records)
    except (KeyError, TypeError, AttributeError, zlib.error) as error:
        raise ValueError(f"no sealed ledger: {error!r}") from error


def _record_from_json(raw: Mapping[str, Any]) -> Record:
    keys = frozenset(msgspec.json.decode(unpacked(raw["keys"]), type=list[tuple[str, str]]))
    entries = {(subject, aspect): msgspec.convert(entry, Entry) for subject, aspect, entry in raw["entries"]}
    return Record(raw["title"], severity(raw["severity"]), raw["subject"], raw["digest"], raw["whole"], keys, entries,
                  raw["asked"])  # fmt: skip
