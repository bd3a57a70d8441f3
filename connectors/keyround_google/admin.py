"""The session: everything that talks to Google's APIs.

Requests are built and paged by Google's own client, tokens fetched by its
google-auth; what they would retry, pace and translate is done here once, against
a Clock. Only GET is sent, and POST to the token endpoint. Each group of scopes
has a token of its own, because one scope that was not delegated fails the whole
token.
"""

from __future__ import annotations

import math
import re
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Self, TypeVar

import msgspec
from google.auth.exceptions import GoogleAuthError
from googleapiclient.discovery import build

from keyround.connector import Clock, Cost, Identity, Without, decode
from keyround.errors import CollectError, Expired, Unexpected, Unreachable
from keyround.pacing import Spent

from . import activities, customer, users
from .batch import CROWDED, MOST, PEACE, Batch, NotServed, Part, Tally
from .credentials import Tokens
from .line import Line
from .noted import Noted
from .pace import Pace, families_of
from .patience import BUDGET, Patience, out_of_time, retry_after
from .refusals import judge, read
from .settings import Settings
from .transport import BROKEN, NETWORK, Bytes, Closed, Get, Refused, untrusted
from .wire import Wire

RESTARTS = 3
"""How often one listing may begin again because its page token was no longer good."""
TOO_SLOW = "Google's page tokens expired again and again before the listing ended."


class Envelope(Wire):
    """What paging needs of every answer; reading it shows that the JSON is whole."""

    nextPageToken: str | None = None


class Person(Wire):
    customerId: str | None = None


class WhoseId(Wire):
    customerId: str | None = None


class Logged(Wire):
    id: WhoseId | None = None


class Whose(Wire):
    """The customer id as any of three answers tells it."""

    id: str | None = None
    users: list[Person] | None = None
    items: list[Logged] | None = None


T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Asked:
    """One part of a batch on its way to an answer."""

    key: str
    request: Any
    patience: Patience = field(default_factory=Patience)


class StalePage(Exception):
    """The page token is no longer good: the listing has to begin again. Raised with the error it would be otherwise."""


class UnknownField(Exception):
    """The mask has a name this server does not know. Raised with the error it would be otherwise, and the name."""


class Admin:
    """One tenant, read through one credential, by as many threads as like. Another one may close it meanwhile."""

    def __init__(self, settings: Settings, clock: Clock, tokens: Tokens) -> None:
        self.tokens = tokens
        self.customer = settings.customer_id
        self.noted = Noted()
        self._settings = settings
        self._clock = clock
        self._pace = Pace(clock)
        self._spent = Spent(clock)
        self._line = Line(tokens.for_scopes, lambda uri: self._spent.asked(families_of(uri)[0]))
        self._mine = threading.local()  # each thread reads one data set at a time
        self._batches = True
        self._services: dict[str, Any] = {}
        self._building = threading.Lock()
        self._masks: dict[str, tuple[str | None, tuple[Without, ...]]] = {}

    @property
    def directory(self) -> Any:
        return self._service("admin", "directory_v1")

    @property
    def reports(self) -> Any:
        return self._service("admin", "reports_v1")

    @property
    def identity(self) -> Any:
        return self._service("cloudidentity", "v1")

    @property
    def alerts(self) -> Any:
        return self._service("alertcenter", "v1beta1")

    @property
    def licensing(self) -> Any:
        return self._service("licensing", "v1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """From any thread: whatever is still being asked ends with `Closed`."""
        self._line.close()

    @property
    def cost(self) -> Cost:
        """What this session has asked for so far, by family; tokens count too."""
        return self._spent.cost

    @contextmanager
    def budgeted(self) -> Iterator[None]:
        """All that this thread asks in the block shares one budget of time, and ends with Throttled after it."""
        self._mine.until = self._clock.monotonic() + BUDGET
        try:
            yield
        finally:
            self._mine.until = None

    def _sleep(self, seconds: float) -> None:
        """Wait; raises Closed when the session ends meanwhile, Throttled when there is no such time left."""
        until = getattr(self._mine, "until", None)
        if until is not None and self._clock.monotonic() + seconds > until:
            raise out_of_time()
        if seconds <= 0:
            return
        with self._spent.waiting():
            over = self._clock.wait(seconds, self._line.over)
        if over:
            raise Closed

    def identify(self) -> Identity:
        """The customer id of whatever tenant the credential opens, by the first answer that tells it."""
        scopes = (users.SCOPE, customer.CUSTOMER, activities.SCOPE)
        # A service account with a role of its own belongs to no customer, so it can only be asked about ours.
        mine = "my_customer" if self._settings.acts_for_person else self.customer
        asked = (
            self.directory.users().list(customer=mine, maxResults=1, fields="users(customerId)"),
            self.directory.customers().get(customerKey=mine, fields="id"),
            self.reports.activities().list(
                userKey="all",
                applicationName="login",
                maxResults=1,
                fields="items(id(customerId))",
                **({} if self._settings.acts_for_person else {"customerId": mine}),
            ),
        )
        refused: CollectError | None = None
        for scope, request in zip(scopes, asked, strict=True):
            try:
                whose = decode(self.fetch(request, (scope,)), Whose)
            except CollectError as error:
                refused = refused or error
                continue
            claims = {person.customerId for person in whose.users or ()}
            claims |= {logged.id.customerId for logged in whose.items or () if logged.id} | {whose.id}
            if known := frozenset(filter(None, claims)):
                return Identity(known, own=self._settings.own_access)
        if refused:
            raise self.tokens.undelegated(refused)
        return Identity(frozenset(), own=self._settings.own_access)

    def listing(
        self, collection: Any, scopes: tuple[str, ...], optional: Mapping[str, tuple[str, ...]], **query: Any
    ) -> Iterator[bytes | Without]:
        """Every page of `collection.list(**query)`, as bytes.

        A name in the mask that this server does not know is left out, once and for
        all listings; the columns that `optional` says it fed are reported as missing.
        When a page token has died the listing begins again: rows may come twice.
        """
        asked = query["fields"]
        mask, without = self._masks.get(asked, (asked, ()))
        yield from without
        restarts = 0
        while True:
            try:
                yield from self._pages(collection, scopes, query | {"fields": mask})
                return
            except StalePage as stale:
                restarts += 1
                if restarts > RESTARTS:
                    raise Expired(TOO_SLOW, "Scan again, at a quieter time.", code=stale.args[0].code) from None
            except UnknownField as unknown:
                error, name = unknown.args
                if mask is None:
                    raise error from None
                mask = without_name(mask, name)
                missing = Without(optional.get(name, ()), error)
                without = (*without, missing)
                self._masks[asked] = (mask, without)
                yield missing

    def _pages(self, collection: Any, scopes: tuple[str, ...], query: Mapping[str, Any]) -> Iterator[bytes]:
        request = collection.list(**{name: value for name, value in query.items() if value is not None})
        seen: set[str] = set()
        while request is not None:
            body, token = self._fetch(request, scopes)
            yield body
            if token and token in seen:
                raise Unexpected("Google handed out the same page token twice, so the listing has no end.")
            seen.add(token or "")
            request = collection.list_next(request, {"nextPageToken": token})

    def fetch(self, request: Any, scopes: tuple[str, ...]) -> bytes:
        """The answer to one request, whole. Raises CollectError once our patience is over."""
        try:
            return self._fetch(request, scopes)[0]
        except (StalePage, UnknownField) as refused:
            raise refused.args[0] from None

    def batch(
        self, requests: Iterable[tuple[str, Any]], scopes: tuple[str, ...]
    ) -> Iterator[tuple[str, bytes | CollectError]]:
        """Each key with the answer to its request, or with why there is none: many GETs of one API in few requests.

        For what Google tells of one person at a time. No more than a hundred are under way, whatever `requests`
        holds; answers come in no promised order. What is refused for now is asked again, alone. Raises CollectError
        for what concerns the token, the line or everybody.
        """
        waiting, tally = iter(requests), Tally()
        left: list[Asked] = []
        size, peace = MOST, 0
        while True:
            left += [Asked(key, request) for key, request in islice(waiting, MOST - len(left))]
            if not left:
                return
            if not self._batches:
                yield from self._one_by_one(chain(((one.key, one.request) for one in left), waiting), scopes, tally)
                return
            families, now = families_of(left[0].request.uri), self._clock.monotonic()
            most = min(size, self._pace.size(families[0]) or MOST)
            asked = [one for one in left if one.patience.ready <= now][:most]
            if not asked:
                self._sleep(min(one.patience.ready for one in left) - now)
                continue
            try:
                parts, started = self._send(Batch([one.request for one in asked]), scopes, families, len(asked), _some)
            except NotServed:
                self._batches = False
                continue
            left = [one for one in left if one not in asked]
            answered = [(one, self._part(one, parts.get(place), scopes, families[0], started))
                        for place, one in enumerate(asked)]  # fmt: skip
            # Google also limits how many requests are under way together, and says 403 to the others.
            again = [parts[place] for place, (_, answer) in enumerate(answered) if answer is None and place in parts]
            crowded = sum(part.status in CROWDED for part in again)
            peace = 0 if crowded else peace + 1
            size = max(1, len(asked) - crowded) if crowded else min(MOST, 2 * size) if peace % PEACE == 0 else size
            for one, answer in sorted(answered, key=lambda pair: not isinstance(pair[1], bytes)):
                if isinstance(answer, bytes):
                    tally.came()
                    yield one.key, answer
                elif answer is None:
                    left.append(one)
                else:
                    yield one.key, tally.of_one(answer)

    def _one_by_one(
        self, requests: Iterable[tuple[str, Any]], scopes: tuple[str, ...], tally: Tally
    ) -> Iterator[tuple[str, bytes | CollectError]]:
        """The same for a server that takes no batches."""
        for key, request in requests:
            try:
                body = self.fetch(request, scopes)
            except CollectError as error:
                yield key, tally.of_one(error)
            else:
                tally.came()
                yield key, body

    def _part(
        self, one: Asked, part: Part | None, scopes: tuple[str, ...], family: str, started: float
    ) -> bytes | CollectError | None:
        """The answer to one part; None where it is to be asked again."""
        try:
            if part is not None and part.status >= 300:
                answer = Refused(part.status, part.headers, part.body)
                seconds = self._refused(answer, one.request.uri, scopes, one.patience, family, started)
            elif part is not None and _envelope(part.body) is not None:
                return part.body
            else:
                seconds = one.patience.pause(Unreachable("Google left parts of our question unanswered.", NETWORK))
        except CollectError as error:
            return error
        except (StalePage, UnknownField) as refused:
            meant: CollectError = refused.args[0]
            return meant
        # To the next whole second, so that what was put off travels together again.
        one.patience.ready = math.ceil(self._clock.monotonic() + seconds)
        return None

    def _fetch(self, request: Any, scopes: tuple[str, ...]) -> tuple[bytes, str | None]:
        """The answer and the token of the page after it."""
        return self._send(request, scopes, families_of(request.uri), 1, _page)[0]

    def _send(
        self, request: Any, scopes: tuple[str, ...], families: tuple[str, ...], count: int,
        whole: Callable[[Any], T | None],
    ) -> tuple[T, float]:  # fmt: skip
        """What `whole` makes of the answer, which is None where it broke off; and when the request started."""
        patience = Patience()
        while True:
            started = self._turn(families, count)
            try:
                answer = whole(self._line.send(request, scopes))
                if answer is not None:
                    return answer, started
                error: CollectError = Unreachable("Google's answers kept breaking off before their end.", NETWORK)
                self._sleep(patience.pause(error))
            except Refused as refused:
                self._sleep(self._refused(refused, request.uri, scopes, patience, families[0], started))
            except ssl.SSLCertVerificationError as error_of_trust:
                raise untrusted(error_of_trust) from None
            except BROKEN as broken:
                detail = f"The connection to Google kept failing ({_words(broken)})."
                self._sleep(patience.pause(Unreachable(detail, NETWORK, code=type(broken).__name__)))
            except GoogleAuthError as failed:
                raise Unexpected("Google's library could not use the credential.", code=type(failed).__name__) from None

    def _turn(self, families: tuple[str, ...], count: int = 1) -> float:
        """Wait until `count` requests may start; gives when that was."""
        self._sleep(0)
        while early := self._pace.early(families, count):
            self._sleep(early)
        return self._clock.monotonic()

    def _refused(
        self, answer: Refused, uri: str, scopes: tuple[str, ...], patience: Patience, family: str, started: float
    ) -> float:
        """How long to wait by oneself before asking again, where that may help. Raises the error for `answer`, and
        names the refusal as its cause, otherwise."""
        refusal = read(answer.status, answer.content)
        verdict = judge(refusal, "api", self._settings, scopes)
        if verdict.wait:
            after = retry_after(answer.headers.get("retry-after"), self._clock)
            seconds = patience.pause(verdict.error, after)
            if after is None and answer.status not in (403, 429):
                return seconds
            self._pace.refused(family, started, seconds)  # Whoever is next in the family waits, we among them.
            return 0.0
        if refusal.stale_page and "pageToken=" in uri:
            raise StalePage(verdict.error) from answer
        if (name := refusal.unknown_field) is not None:
            raise UnknownField(verdict.error, name) from answer
        raise verdict.error from answer

    def _service(self, name: str, version: str) -> Any:
        """Google's client for one API, built when it is first needed."""
        with self._building:
            if name + version not in self._services:
                options = {"api_endpoint": self._settings.api_url} if self._settings.api_url else None
                self._services[name + version] = build(
                    name, version, http=self._line.spare(), model=Bytes(), requestBuilder=Get, static_discovery=True,
                    cache_discovery=False, client_options=options,
                )  # fmt: skip
            return self._services[name + version]


def without_name(mask: str, name: str) -> str | None:
    """`mask` without one of its names and what hangs below it; None, no mask at all, where it cannot be taken out.

    >>> without_name("nextPageToken,users(id,name/fullName,isGuestUser)", "name")
    'nextPageToken,users(id,isGuestUser)'
    """
    if not name:
        return None
    shorter = re.sub(rf"(?<!\w)(?:\w+/)*{re.escape(name)}(?:/\w+|\([^()]*\))*(?=[,)]|$)", "", mask)
    shorter = re.sub(r",(?=[,)]|$)", "", shorter).replace("(,", "(").strip(",")
    return None if shorter == mask or "()" in shorter or not shorter else shorter


def _envelope(body: bytes) -> Envelope | None:
    """What paging needs; None where `body` is not JSON to its end. A wrong shape is not a broken line: Unexpected."""
    try:
        return decode(body, Envelope)
    except Unexpected as error:
        if isinstance(error.__cause__, msgspec.ValidationError):
            raise
        return None


def _page(body: bytes) -> tuple[bytes, str | None] | None:
    envelope = _envelope(body)
    return None if envelope is None else (body, envelope.nextPageToken)


def _some(parts: dict[int, Part]) -> dict[int, Part] | None:
    return parts or None


def _words(error: BaseException) -> str:
    """A short, safe name for what the line did: timed out, connection reset by peer."""
    strerror = getattr(error, "strerror", None)
    return str(strerror or type(error).__name__).lower() if isinstance(error, OSError) else type(error).__name__
