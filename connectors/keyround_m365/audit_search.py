"""A search of the unified audit log: begun, waited for, and collected by the next scan where it takes hours.

Endpoint    POST /security/auditLog/queries, GET …/{id}, GET …/{id}/records  (v1.0, falling back to beta)
Permission  AuditLogsQuery-Entra.Read.All or AuditLogsQuery.Read.All
Gaps        Microsoft takes minutes to hours; records come up to a day late; kept 180 days, longer with E5 alone;
            the log may be switched off; not offered outside the global cloud; a million records in one search
Source      https://learn.microsoft.com/graph/api/security-auditcoreroot-post-auditlogqueries
            https://learn.microsoft.com/graph/api/resources/security-auditlogquery

One search is under way at a time. Its id is remembered as soon as Microsoft has
given it, so that a scan that is stopped does not begin it again, and stays
remembered until its finished days are seen to be stored or another one is begun.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import msgspec

from keyround.connector import Arrived, Window, decode
from keyround.errors import NotEnabled, Throttled, Unexpected

if TYPE_CHECKING:
    from .graph import Graph, Question

log = logging.getLogger(__name__)

GRANT = "AuditLogsQuery-Entra.Read.All or AuditLogsQuery.Read.All"
PATH = "security/auditLog/queries"
LATE = timedelta(days=2)  # records of a day this long past are there
FRESH = timedelta(days=1)  # an answer this old is still the newest there is: records come up to a day late
FIRST_LOOK, LONGEST_PAUSE = 5.0, 60.0  # seconds between two looks at a search
ENDED = ("succeeded", "failed", "cancelled")
_Naive = Annotated[datetime, msgspec.Meta(tz=False)]
_ID = re.compile(r"[\w.-]{1,200}")


class _Query(msgspec.Struct):
    """Microsoft's side of a search."""

    id: str | None = None
    status: str | None = None
    isRecordCountLimitExceeded: bool | None = None
    recordCountLimit: int | None = None
    approximateReturnedRecordCount: int | None = None


class _Search(msgspec.Struct):
    """Our side of it, as it is remembered. `read`: its answer has been collected before."""

    id: str
    since: _Naive
    until: _Naive
    asked_at: _Naive
    beta: bool = False
    read: bool = False


class _Remembered(msgspec.Struct, omit_defaults=True):
    """`days`: how many one search may cover, where more had too many records."""

    search: _Search | None = None
    days: int | None = None


@dataclass(slots=True)
class AuditSearch:
    """Every record of `operations` in a window, page by page. `name` keeps its memory apart from other searches'."""

    graph: Graph
    name: str
    record_types: Sequence[str]
    operations: Sequence[str]
    deadline: float = 0.0

    def pages(self, window: Window) -> Iterator[bytes | Arrived]:
        """The pages of records, oldest part of the window first. Raises CollectError; Throttled while it is running."""
        self.deadline = self.graph.clock.monotonic() + window.patience.total_seconds()
        since = window.since
        search = self._memory().search
        if search and _of_use(search, window):
            begun = False
            try:
                for page in self._collected(search, window):
                    begun = True
                    yield page
                since = _midnight(search.until - LATE) if search.until < window.until - FRESH else window.until
            except Unexpected as error:  # Microsoft keeps an answer for some weeks only
                if begun or error.code in ENDED:
                    raise
                log.info("The search of the audit log is gone (%s); a new one is begun.", error.code)
        while since < window.until:
            days = self._memory().days
            until = min(since + timedelta(days=days), window.until) if days else window.until
            yield from self._collected(self._begun(since, until), window)
            since = until

    def _begun(self, since: datetime, until: datetime) -> _Search:
        body = {
            "@odata.type": "#microsoft.graph.security.auditLogQuery",
            "displayName": f"Keyround {since:%Y-%m-%d} {until:%Y-%m-%d}",
            "filterStartDateTime": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "filterEndDateTime": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "recordTypeFilters": list(self.record_types),
            "operationFilters": list(self.operations),
        }
        beta, asked_at = False, self.graph.clock.now()
        try:
            answer = self.graph.post(_question(PATH, beta), body)
        except NotEnabled as error:
            if error.code == "AuditingDisabledTenant":
                raise
            beta = True
            answer = self.graph.post(_question(PATH, beta), body)
        query = decode(answer, _Query)
        if not _ID.fullmatch(query.id or ""):
            raise Unexpected("Microsoft began a search of the audit log and did not say which.")
        search = _Search(query.id or "", since, until, asked_at, beta)
        self._remember(search)
        return search

    def _collected(self, search: _Search, window: Window) -> Iterator[bytes | Arrived]:
        from .graph import listing

        where = f"{PATH}/{search.id}"
        try:
            query = self._ended(search)
            if query.status != "succeeded":
                raise Unexpected(
                    f"Microsoft's search of the audit log was {query.status}.",
                    "Scan again: a new search is begun.",
                    code=query.status or "",
                )
            yield from listing(self.graph, _question(f"{where}/records", search.beta, top=999))
            if _cut_off(query):
                self._remember(None, max(1, (search.until - search.since).days // 2))
                raise Unexpected(
                    "The audit log holds more sign-ins than Microsoft gives in one answer, so the answer was cut off.",
                    "Scan again: the next scan asks for fewer days at a time.",
                    code="recordCountLimit",
                )
        except Unexpected:
            self._remember(None)
            raise
        search.read = True
        self._remember(search)
        yield Arrived(search.since, min(search.until, window.until), search.asked_at)

    def _ended(self, search: _Search) -> _Query:
        """The search once it has ended. Raises Throttled when our patience ends first."""
        question = _question(f"{PATH}/{search.id}", search.beta)
        pause = FIRST_LOOK
        while (query := decode(self.graph.one(question), _Query)).status not in ENDED:
            self._pause(search, pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
        return query

    def _pause(self, search: _Search, seconds: float) -> None:
        left = self.deadline - self.graph.clock.monotonic()
        if left <= 0:
            today = search.asked_at.date() == self.graph.clock.now().date()
            day = "" if today else f" on {search.asked_at:%Y-%m-%d}"
            raise Throttled(
                f"Microsoft is still searching the audit log, since {search.asked_at:%H:%M} UTC{day}: "
                "the next scan collects what it finds.",
                "Nothing to repair: scan again later, or let the scan wait longer with --wait 20m.",
                code="running",
            )
        self.graph.sleep(min(seconds, left))

    def _memory(self) -> _Remembered:
        try:
            return msgspec.convert(self.graph.memory.get(self.name, {}), _Remembered)
        except msgspec.ValidationError:
            return _Remembered()

    def _remember(self, search: _Search | None, days: int | None = None) -> None:
        self.graph.memory[self.name] = msgspec.to_builtins(_Remembered(search, days or self._memory().days))


def _of_use(search: _Search, window: Window) -> bool:
    """It holds what the window begins with. One that was collected before does so only if nothing of it was stored."""
    if not (_ID.fullmatch(search.id) and search.since <= window.since < search.until):
        return False
    unstored = window.since == search.since and search.since + timedelta(days=1) + LATE <= search.until
    return unstored or not search.read


def _cut_off(query: _Query) -> bool:
    if query.isRecordCountLimitExceeded is not None or not query.recordCountLimit:
        return bool(query.isRecordCountLimitExceeded)
    return (query.approximateReturnedRecordCount or 0) >= query.recordCountLimit


def _question(path: str, beta: bool, top: int = 0) -> Question:
    from .graph import Question

    return Question(path, GRANT, top=top, beta=beta)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())
