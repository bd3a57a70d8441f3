"""The door every connector comes through, built in or third party."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from .errors import HARMLESS, CollectError, NotEnabled, Unexpected, from_json
from .model import AS_WHOLE_AS, NAME, TABLES, Account, AccountMeasure, AccountUse, FactorUse, Row, SignIn

S = TypeVar("S")
P = TypeVar("P")
R = TypeVar("R", bound=Row)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval of event time to collect: `since <= t < until`, naive UTC.

    `patience`: how long a data set may wait for an answer that the provider prepares in its own time.
    """

    since: datetime
    until: datetime
    patience: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a connector sees it. Tests hand in one that never really sleeps."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC).replace(tzinfo=None)

    def wait(self, seconds: float, over: threading.Event) -> bool:
        """Sleep, on the real clock no longer than until `over` is set; gives whether it is."""
        if self.sleep is time.sleep:
            return over.wait(seconds)
        self.sleep(seconds)
        return over.is_set()


@dataclass(frozen=True, slots=True)
class Cost:
    """What a session has asked of its provider: requests by kind, and the seconds it spent waiting for its turn."""

    requests: Mapping[str, int]
    waited: float


@dataclass(frozen=True, slots=True)
class Without:
    """Yielded among the pages: these columns stay empty wherever their answer would matter, and why."""

    columns: tuple[str, ...]
    error: CollectError


@dataclass(frozen=True, slots=True)
class Arrived:
    """Yielded among the pages: every event of `since <= t < until` has come, whatever follows.

    Its finished days are stored even where the rest of the data set fails. `asked_at`: when the provider
    gathered them, if that is not now; what it learnt later is not among them.
    """

    since: datetime
    until: datetime
    asked_at: datetime | None = None


class NotNeeded(Exception):
    """Raised by `pages` before its first page: this tenant needs no such question, since another one answers it."""


@dataclass(frozen=True, slots=True)
class DataSet(Generic[S, P]):
    """One question to the provider, feeding one table or, where one answer holds both, two.

    `pages` talks to the provider and decides nothing; `rows` decides everything
    and talks to nobody: any page of the right outer shape gives rows or raises
    a CollectError.

    `grants` are all needed, "A or B" where either will do. A `module` is optional
    as a whole: off until its permissions are granted. `after` names data sets that
    must have ended before this one begins; `reach` says how far back events are
    asked for where that is further than the scan's window. `required` speaks of
    the first table of `fills`: what it tells of others on the side takes nothing
    from them when it is refused, unless nobody else tells it. `one_login`: the log
    writes several records of one successful login within this time. `marks` is the
    word in `sign_ins.source` of its rows, where other data sets fill that table too. `factors`: its sign-ins say which
    second factor was used, so that `factor_use` can be worked out of them.
    """

    name: str
    fills: tuple[type[Row], ...]
    pages: Callable[[S, Window], Iterator[P | Without | Arrived]]
    rows: Callable[[P], Iterable[Row]]
    tells: str  # completes "The report cannot say ..."
    source: str
    grants: tuple[str, ...] = ()
    needs_plan: str = ""
    required: bool = True
    optional: Mapping[str, str] = field(default_factory=dict)  # column -> grant or plan
    stands_in_for: str = ""
    module: str = ""
    after: tuple[str, ...] = ()
    reach: timedelta = timedelta()
    one_login: timedelta = timedelta()
    marks: str = ""
    factors: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A table computed from tables, one tenant at a time, without network, clock or disk.

    `rows` is given the outcome of each data set by name. A snapshot of an older
    version lacks those that were added since: not asked is not answered. What it
    fills may be among what it reads: then it completes what was collected.
    `untold` names the columns that the outcomes leave empty, and why.
    """

    fills: type[Row]
    reads: tuple[type[Row], ...]
    rows: Callable[[Tables, Mapping[str, Outcome], datetime, Mapping[str, Any]], Iterable[Row]]
    untold: Callable[[Mapping[str, Outcome]], Mapping[str, CollectError]] = lambda _: {}


class Tables(Protocol):
    """One tenant's tables, streamed as rows with bare ids."""

    def rows(self, table: type[R]) -> Iterator[R]: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """What the token and the tenant itself say about which tenant this is.

    `claims` holds every statement that could be had; a scan goes on only when
    there is at least one and all equal the configured id. `own` is what the
    credential reads with: ids or user names of accounts, ids of applications,
    as far as the connector knows them.
    """

    claims: frozenset[str]
    name: str | None = None
    own: frozenset[str] = frozenset()


class Connector(Protocol[S]):
    """`open` must not import a provider's SDK before it is called; `tenant_of` must not at all.

    The first of `datasets` is read before all others. A connector that also has a
    number `at_once` says that its sessions may be used by so many threads, and
    closed by another one while they are: what they then ask ends with an exception.
    A session that has a `cost` is asked for it at its end.
    """

    name: str
    title: str
    datasets: Sequence[DataSet[S, Any]]
    derived: Sequence[Derived]

    def tenant_of(self, settings: Mapping[str, Any]) -> str:
        """The configured tenant id. Raises ConfigError, naming the key, for anything wrong in `settings`."""
        ...

    def open(
        self, settings: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any] | None = None
    ) -> AbstractContextManager[S]:
        """A session. `memory` holds JSON values from one scan of this tenant to the next; never a secret."""
        ...

    def identify(self, session: S) -> Identity: ...


@dataclass(frozen=True, slots=True)
class Complete:
    """Every page arrived. Absence of a row means absence in the tenant, save for columns in `without`."""

    rows: int
    without: Mapping[str, CollectError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Some or no pages arrived. What is here is true; what is missing means nothing."""

    rows: int
    error: CollectError
    without: Mapping[str, CollectError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotOffered:
    """There is no such table here, or another data set answers: rules that read it do not apply to the tenant."""


Outcome = Complete | Incomplete | NotOffered
NOT_READ_THEN = "The version of Keyround that made this snapshot did not read it yet."


def collect(
    dataset: DataSet[S, P],
    session: S,
    window: Window,
    write: Callable[[list[Row]], int],
    arrived: Callable[[Arrived], None] = lambda _: None,
) -> Outcome:
    """Pull one data set into the store, page by page.

    `write` keeps rows and gives how many of them were new; `arrived` is told
    which part of the window has come whole: all of it where no page says less.
    Raises only what is a bug in the connector or the store: an expected refusal
    is a value.
    """
    count, parts = 0, 0
    without: dict[str, CollectError] = {}
    silent = f"The report cannot say {dataset.tells}."
    try:
        for page in dataset.pages(session, window):
            if isinstance(page, Without):
                without |= dict.fromkeys(page.columns, page.error)
                continue
            if isinstance(page, Arrived):
                parts += 1
                arrived(page)
                continue
            count += write(list(dataset.rows(page)))
    except NotNeeded:
        return NotOffered()
    except CollectError as error:
        return Incomplete(count, error.about(error.therefore or silent), without)
    if not parts:
        arrived(Arrived(window.since, window.until))
    return Complete(count, without)


def where_offered(dataset: DataSet[S, P], no_such_page: Callable[[CollectError], bool], detail: str) -> DataSet[S, P]:
    """The same data set, NotEnabled with `detail` where its first answer is that there is no such page.

    For what no verdict hangs on alone: of the accounts themselves a missing page would be a fault, and must look it.
    """

    def pages(session: S, window: Window) -> Iterator[P | Without | Arrived]:
        begun = False
        lacking: list[Without] = []  # columns say nothing of a page that is not there at all
        try:
            for page in dataset.pages(session, window):
                if isinstance(page, Without) and not begun:
                    lacking.append(page)
                    continue
                begun = True
                yield from lacking
                lacking = []
                yield page
        except CollectError as error:
            if begun or not no_such_page(error):
                yield from lacking
                raise
            raise NotEnabled(detail, "Nothing to repair.", code=error.code) from error
        yield from lacking

    return replace(dataset, pages=pages)


def table_outcome(connector: Connector[Any], outcomes: Mapping[str, Outcome], table: type[Row]) -> Outcome:
    """What is known about one table of one tenant, given the outcome of each data set.

    Complete when every required data set that fills the table is, or the one
    that stands in for it; where none is required, all are needed. A derived
    table is: it answers unknown by itself. One that completes what was collected
    is as whole as that: it cannot know of a row that did not arrive.
    A data set that the snapshot's version did not know yet counts as little as
    one that is not needed.
    """
    for derived in connector.derived:
        if derived.fills is table:
            collected = _collected(connector, outcomes, table) if table in derived.reads else NotOffered()
            untold = derived.untold(outcomes)
            return replace(collected, without=untold) if isinstance(collected, Incomplete) else Complete(0, untold)
    if table is AccountUse:
        return Complete(0, _use_untold(connector, outcomes))
    if counts := AS_WHOLE_AS.get(NAME[table]):
        return _counted(_collected(connector, outcomes, TABLES[counts]))
    return _collected(connector, outcomes, table)


_COUNTED = {
    "mfa": ("single_factor", "satisfied"),
    "country": ("country", "abroad"),
    "app": ("apps",),
    "address": ("addresses",),
    "correlation_id": ("redeemed",),
}
"""Columns of sign_ins -> those of sign_in_places that say less without them; others are called the same."""


def _counted(log: Outcome) -> Outcome:
    """What is known about sign-ins once they are counted: as much as about the records."""
    if isinstance(log, NotOffered):
        return log
    told = {name: error for column, error in log.without.items() for name in _COUNTED.get(column, (column,))}
    return replace(log, without=told)


def _collected(connector: Connector[Any], outcomes: Mapping[str, Outcome], table: type[Row]) -> Outcome:
    """`table_outcome` of a table by the data sets that fill it."""
    filling = [d for d in connector.datasets if (d.factors if table is FactorUse else table in d.fills)]
    if not filling:
        return NotOffered()
    asked = [d for d in filling if d.name in outcomes]
    if not asked:
        return Incomplete(0, NotEnabled(NOT_READ_THEN, "Scan again."))
    stand_ins = {d.stands_in_for for d in asked if isinstance(outcomes[d.name], Complete)}
    needed = [d for d in asked if d.required and d.fills[0] is table] or asked
    rows = 0
    without: dict[str, CollectError] = {}
    missing: CollectError | None = None
    for dataset in asked:
        outcome = outcomes[dataset.name]
        if isinstance(outcome, NotOffered):
            continue
        rows += outcome.rows
        without |= outcome.without
        if isinstance(outcome, Incomplete) and dataset in needed and dataset.name not in stand_ins:
            missing = missing or _repairable(dataset, outcome, asked, outcomes)
    return Incomplete(rows, missing, without) if missing else Complete(rows, without)


def _repairable(
    dataset: DataSet[Any, Any], outcome: Incomplete, asked: Sequence[DataSet[Any, Any]], outcomes: Mapping[str, Outcome]
) -> CollectError:
    """Why there is no answer: where the plan holds none, what keeps the one that would stand in for it."""
    for other in asked:
        instead = outcomes[other.name]
        if other.stands_in_for == dataset.name and isinstance(instead, Incomplete):
            return instead.error if isinstance(outcome.error, HARMLESS) else outcome.error
    return outcome.error


def _use_untold(connector: Connector[Any], outcomes: Mapping[str, Outcome]) -> dict[str, CollectError]:
    """Why `account_use` is silent: neither accounts nor a long sign-in log tell, or the use of mail was not read."""
    return _log_untold(connector, outcomes) | _mail_untold(connector, outcomes)


def _mail_untold(connector: Connector[Any], outcomes: Mapping[str, Outcome]) -> dict[str, CollectError]:
    measures = table_outcome(connector, outcomes, AccountMeasure)
    if isinstance(measures, NotOffered):
        return {}
    if isinstance(measures, Incomplete):
        return {"complete": measures.error}
    reason = measures.without.get("old_mail_known") or measures.without.get("mail_known")
    return {"complete": reason} if reason else {}


def _log_untold(connector: Connector[Any], outcomes: Mapping[str, Outcome]) -> dict[str, CollectError]:
    accounts = table_outcome(connector, outcomes, Account)
    reason = None if isinstance(accounts, NotOffered) else accounts.without.get("unused_since")
    for dataset in connector.datasets:
        outcome = outcomes.get(dataset.name)
        if reason and SignIn in dataset.fills and dataset.reach:
            if isinstance(outcome, Complete):
                return {}
            reason = outcome.error if isinstance(outcome, Incomplete) else reason
    return {"unused_since": reason, "activity": reason} if reason else {}


def table_outcomes(connector: Connector[Any], outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """`table_outcome` for every table there is."""
    return {name: table_outcome(connector, outcomes, table) for name, table in TABLES.items()}


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, NotOffered):
        return {"state": "not_offered"}
    without = {column: error.as_json() for column, error in outcome.without.items()}
    raw: dict[str, Any] = {"state": "complete", "rows": outcome.rows, "without": without}
    return raw if isinstance(outcome, Complete) else raw | {"state": "incomplete", "error": outcome.error.as_json()}


def outcome_from_json(raw: Mapping[str, Any]) -> Outcome:
    if raw["state"] == "not_offered":
        return NotOffered()
    without = {column: from_json(error) for column, error in raw["without"].items()}
    if raw["state"] == "complete":
        return Complete(raw["rows"], without)
    return Incomplete(raw["rows"], from_json(raw["error"]), without)


# A whole pair, or half a one: only the half is mended.
_SURROGATE = re.compile(rb"(\\u[dD][89abAB]..\\u[dD][c-fC-F]..)|\\u[dD][89a-fA-F]..")


def decode(page: bytes, shape: type[T]) -> T:
    """A page of JSON as the wire structs a data set reads. Raises Unexpected, never msgspec's own errors.

    A display name may hold half a surrogate pair or a byte that is no UTF-8. No
    strict decoder takes either; one such name must not hide everybody else, so
    the page is mended and read again.
    """
    try:
        return _read(page, shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = _SURROGATE.sub(lambda m: m[1] or rb"\ufffd", page.decode("utf-8", "replace").encode())
        if mended == page:
            raise Unexpected(f"The provider's answer is not whole JSON: {error}.") from error
    try:
        return _read(mended, shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unexpected(f"The provider's answer is not whole JSON: {error}.") from error


_DECODERS: dict[tuple[Any, bool], msgspec.json.Decoder[Any]] = {}
_LEARNING = threading.Lock()


def decoder(shape: type[T], strict: bool = True) -> msgspec.json.Decoder[T]:
    """What reads JSON of one shape; any thread may use it.

    msgspec learns a struct when it first meets it, and that breaks the whole process where two threads meet one at
    once. So each shape is learnt here, one after the other; whatever runs beside others decodes with this.
    """
    key = (shape, strict)
    if key not in _DECODERS:
        with _LEARNING:
            _DECODERS.setdefault(key, msgspec.json.Decoder(shape, strict=strict))
    return _DECODERS[key]


def _read(page: bytes, shape: type[T]) -> T:
    try:
        return decoder(shape).decode(page)
    except msgspec.ValidationError as error:
        raise Unexpected(f"The provider's answer has an unknown shape: {error}.") from error
    except RecursionError as error:
        raise Unexpected("The provider's answer is nested too deeply to be read.") from error
