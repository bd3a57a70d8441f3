"""The only module that asks Microsoft Graph anything.

Requests go through the SDK's own request adapter (authentication, telemetry,
URL building are its business) and come back as bytes. Its typed models are
left alone: they cost a thousand times more and turn words they do not know
into None. Its own retries and redirects are off: waiting, trying again and
deciding where the token may go happen here, with a clock that tests can hand in.

Source  https://learn.microsoft.com/graph/throttling-limits
        https://learn.microsoft.com/graph/paging
        https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import urljoin

import httpx
import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_http.middleware.options import ResponseHandlerOption

from keyround.connector import Clock, Cost, decode
from keyround.errors import CollectError, Expired, NotGranted, Throttled, Unexpected, Unreachable
from keyround.pacing import Spent

from .line import Closed, Line
from .noted import Noted
from .pace import Pace, family_of
from .permissions import covered
from .refusals import busy, known_refusal, refusal, short, sign_in_refusal
from .trust import INTERCEPTED, intercepted

log = logging.getLogger(__name__)

CIRCLE = "Microsoft's listing runs in a circle: the same page link came twice."
BATCH = 20  # requests in one, the most that Graph takes
BUDGET = 3600.0  # seconds for one data set, unless the settings say otherwise
TRIES = 6  # of one request that fails without saying how long to wait
TRIES_BUSY = 10  # of one that is refused as too many: other applications may use up the tenant's share for minutes
TOLD = 30  # times one request may be told to wait
RESTARTS = 5  # of one listing whose page tokens expire
HOPS = 5  # redirects of one request
EMPTY = 50  # pages without a row, one after the other
A_WEEK = 604_800.0
OUT_OF_TIME = "out_of_time"
TOO_LARGE = ("badrequest", "request_badrequest", "request_unsupportedquery", "invalidrequest", "unknownerror", "400")
_AGAIN = frozenset({408, 424, 429, *range(500, 600)} - {501})
_TELLING = ("x-ms-resource-unit", "x-ms-throttle-limit-percentage", "x-ms-throttle-scope",
            "x-ms-throttle-information")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One GET. `grants` are named in the remedy when it is refused; `pace` is the family of its rate limit,
    which the path tells where it is left out."""

    path: str
    grants: str
    select: str = ""
    top: int = 0
    filter: str = ""
    expand: str = ""
    beta: bool = False
    pace: str = ""

    @property
    def family(self) -> str:
        return self.pace or family_of(self.path, self.select)


class _Envelope(msgspec.Struct):
    """What paging needs to know of a reply. Decoding it also proves that the body is whole JSON."""

    next: str | None = msgspec.field(name="@odata.nextLink", default=None)
    value: msgspec.Raw = msgspec.Raw(b"")

    @property
    def empty(self) -> bool:
        return memoryview(self.value).nbytes < 16 and bytes(self.value).split() in ([b"[]"], [b"[", b"]"])


class _Answer(NamedTuple):
    """A whole reply: when its request started, and the number of the token it was sent with."""

    body: bytes
    envelope: _Envelope
    started: float
    token: int


class _Part(msgspec.Struct):
    """The answer to one part of a batch."""

    id: str
    status: int
    headers: dict[str, Any] | None = None
    body: Any = None


class _Batch(msgspec.Struct):
    responses: list[_Part]


@dataclass(slots=True)
class _Patience:
    """What is left of it: the instant at which the data set's time is up, and the tries of the request under way."""

    until: float
    waited: float = 0.0
    tries: int = 0
    told: int = 0
    ready: float = 0.0  # for a part of a batch: not to be asked again before this

    def renewed(self) -> None:
        self.tries = self.told = 0


class Graph:
    """One tenant's Graph, synchronous on the outside, for as many threads as like. Close it.

    `premium` becomes True once the tenant's subscriptions were seen to include P1; `plans` are the service plans in
    force and `domains` the organisation's own, None until they were read; `pim` becomes False once it is certain that
    no role can be switched on here.
    `answers` are the listings that more than one data set reads; `sign_in_report` becomes True once Microsoft's report
    of sign-ins has answered, and `noninteractive` is the setting of that name. `memory` outlives the scan; it is for
    what a data set has to come back for. `noted` is what earlier data sets saw and later ones ask about.
    `own` is what /organization said. `app` is the application whose limits count; `budget` the seconds one data set
    may take.
    """

    def __init__(
        self,
        root: str,
        scope: str,
        credential: Callable[[], Any],
        clock: Clock,
        memory: MutableMapping[str, Any],
        app: str = "",
        budget: float = BUDGET,
    ) -> None:
        self.premium = False
        self.plans: frozenset[str] | None = None
        self.pim = True
        self.answers: dict[Question, tuple[bytes, ...] | CollectError] = {}
        self.noninteractive = False
        self.sign_in_report = False
        self.own: bytes | None = None
        self.memory = memory
        self.noted = Noted()
        self.domains: frozenset[str] | None = None
        self.groups: dict[str, tuple[bytes, ...] | CollectError] = {}
        self.policies: list[bytes] = []
        self._root = root
        self._clock = clock
        self._budget = budget
        self.app = app
        self._pace = Pace(app, clock)
        self._spent = Spent(clock)
        self._mine = threading.local()  # each thread reads one data set at a time
        self._locks: dict[str, threading.Lock] = {}
        self._line = Line(root, scope, credential)

    @property
    def clock(self) -> Clock:
        return self._clock

    def close(self) -> None:
        """From any thread: whatever is still being asked ends with `Closed`."""
        self._line.close()
        log.debug("%s", self._spent)

    @property
    def cost(self) -> Cost:
        return self._spent.cost

    @contextmanager
    def budgeted(self) -> Iterator[None]:
        """All that this thread asks in the block shares one budget of time."""
        self._mine.until, self._mine.answers = self._clock.monotonic() + self._budget, 0
        try:
            yield
        finally:
            self._mine.until = None

    def alone(self, key: str) -> threading.Lock:
        """A lock of that name, for what several data sets need and one should ask for."""
        return self._locks.setdefault(key, threading.Lock())

    def _patience(self) -> _Patience:
        return _Patience(getattr(self._mine, "until", None) or self._clock.monotonic() + self._budget)

    @property
    def by_person(self) -> bool:
        """A person signed in: what they may not read themselves, no consent lets us read. Raises CollectError."""
        return "scp" in token_claims(self.token())

    def token(self) -> str:
        """The bearer token in use. Raises CollectError when the sign-in is refused."""
        patience = self._patience()
        while True:
            try:
                return self._line.token()
            except AzureError as error:
                self._pause(patience, None, _sign_in_error(error))

    def held(self) -> frozenset[str] | None:
        """The permissions the token was issued with; None when it is opaque. Raises CollectError."""
        claims = token_claims(self.token())
        scopes, roles = claims.get("scp"), claims.get("roles")
        words = [*(scopes.split() if isinstance(scopes, str) else ()), *(roles if isinstance(roles, list) else ())]
        return frozenset(word for word in words if isinstance(word, str)) if claims else None

    def lacks(self, grants: Iterable[str]) -> list[str]:
        """Which of `grants` the token was issued without; [] where it does not say. Raises CollectError.

        An app-only token lists application permissions (`roles`), a person's delegated ones (`scp`).
        """
        held = self.held()
        if not held:
            return []
        return [grant for grant in grants if not any(covered(one, held) for one in grant.split(" or "))]

    def one(self, question: Question) -> bytes:
        """The body of a single object. Raises CollectError."""
        return self._answer(self._request(question), question, self._patience()).body

    def post(self, question: Question, body: Any) -> bytes:
        """The answer to the one thing that is asked by POST: a search of the audit log. Raises CollectError."""
        request = self._request(question, Method.POST)
        request.set_stream_content(msgspec.json.encode(body), "application/json")
        return self._answer(request, question, self._patience()).body

    def batch(self, questions: Iterable[Question]) -> Iterator[tuple[Question, tuple[bytes, ...] | CollectError]]:
        """Each question with the bodies of all its pages, or the error it met; up to twenty in one request.

        Microsoft counts and refuses every part by itself: only those that failed for now are asked again, beside new
        ones. Answers come in no promised order. Raises CollectError where the batches themselves are refused or the
        time is up.
        """
        alike: dict[tuple[bool, str], list[Question]] = {}
        for question in questions:
            alike.setdefault((question.beta, question.family), []).append(question)
        for group in alike.values():
            yield from self._batched(group)

    def _batched(self, questions: list[Question]) -> Iterator[tuple[Question, tuple[bytes, ...] | CollectError]]:
        left = {str(number): (question, self._patience()) for number, question in enumerate(questions)}
        family, renewed = questions[0].family, set[str]()
        while left:
            now = self._clock.monotonic()
            size = min(BATCH, self._pace.size(family) or BATCH)
            asked = dict(islice(((n, one) for n, one in left.items() if one[1].ready <= now), size))
            if not asked:
                self.sleep(min(patience.ready for _, patience in left.values()) - now)
                continue
            answer = self._ask_batch({number: question for number, (question, _) in asked.items()})
            replies = {part.id: part for part in decode(answer.body, _Batch).responses}
            for number, (question, patience) in asked.items():
                reply = replies.get(number)
                body = _part_body(reply) if reply and reply.status < 300 else None
                if body is not None:
                    del left[number]
                    yield question, self._whole(question, *body)
                elif reply is None or reply.status < 300 or reply.status in _AGAIN:
                    try:
                        self._put_off(patience, family, answer.started, reply)
                    except CollectError as error:
                        if error.code == OUT_OF_TIME:
                            raise
                        del left[number]
                        yield question, error
                elif reply.status == 401 and number not in renewed and self._line.renew(answer.token):
                    renewed.add(number)
                else:
                    del left[number]
                    yield question, self._refusal(reply.status, _as_bytes(reply.body), question)

    def _ask_batch(self, questions: Mapping[str, Question]) -> _Answer:
        first = next(iter(questions.values()))
        base = f"{self._root}/{'beta' if first.beta else 'v1.0'}"
        parts = [
            {"id": number, "method": "GET", "url": self._request(question).url.removeprefix(base)}
            for number, question in questions.items()
        ]
        request = RequestInformation(Method.POST)
        request.url = f"{base}/$batch"
        request.set_stream_content(msgspec.json.encode({"requests": parts}), "application/json")
        return self._answer(_plain(request), first, self._patience(), len(parts))

    def _put_off(self, patience: _Patience, family: str, started: float, reply: _Part | None) -> None:
        """Leave a part for later. Raises CollectError when there is no later."""
        if reply is None or reply.status < 300:
            error: CollectError = Unreachable("Microsoft left parts of our question unanswered.")
            asked = None
        else:
            headers = {name.lower(): str(value) for name, value in (reply.headers or {}).items()}
            asked = _retry_after(headers.get("retry-after", ""), self._clock.now())
            error = busy(reply.status, patience.waited, asked)
        seconds = self._allowed(patience, asked, error)
        patience.waited += seconds
        patience.ready = self._clock.monotonic() + seconds
        if reply and (asked or reply.status == 429):
            self._pace.refused(family, started, seconds)

    def _whole(self, question: Question, body: bytes, envelope: _Envelope) -> tuple[bytes, ...] | CollectError:
        """A part's first page and those after it."""
        try:
            return (body, *self._onward(envelope, question, self._patience()))
        except CollectError as error:
            if error.code == OUT_OF_TIME:
                raise
            return error

    def pages(self, question: Question) -> Iterator[bytes]:
        """The body of every page, each whole JSON. Raises CollectError.

        An expired page token starts the listing again from its first page, so
        the same row may come twice; the store keeps one.
        """
        patience = self._patience()
        for _ in range(RESTARTS):
            first = self._answer(self._request(question), question, patience)
            yield first.body
            try:
                yield from self._onward(first.envelope, question, patience)
                return
            except Expired as error:
                if error.code != "Directory_ExpiredPageToken":
                    raise
        raise Expired("Microsoft forgot our place in the listing again and again.", code="Directory_ExpiredPageToken")

    def _onward(self, envelope: _Envelope, question: Question, patience: _Patience) -> Iterator[bytes]:
        """The pages after the one with that envelope. Raises CollectError, also when they come to no end."""
        seen, empty = set[str](), 0
        while link := envelope.next:
            empty = empty + 1 if envelope.empty else 0
            if link in seen:
                raise Unexpected(CIRCLE)
            if empty > EMPTY:
                raise Unexpected("Microsoft's listing comes to no end: page after page is empty.")
            seen.add(link)
            page = self._answer(self._follow(link), question, patience)
            yield page.body
            envelope = page.envelope

    def _request(self, question: Question, method: Method = Method.GET) -> RequestInformation:
        request = RequestInformation(method, "{+root}/{version}/{+path}{?%24filter,%24select,%24expand,%24top}", {
            "root": self._root, "version": "beta" if question.beta else "v1.0", "path": question.path,
        })  # fmt: skip
        asked = {"filter": question.filter, "select": question.select, "expand": question.expand,
                 "top": question.top and str(question.top)}  # fmt: skip
        request.query_parameters = {f"%24{name}": value for name, value in asked.items() if value}
        return _plain(request)

    def _follow(self, link: str) -> RequestInformation:
        # The bearer token goes where the link points: never to another host.
        try:
            there, here = httpx.URL(link), httpx.URL(self._root)
        except httpx.InvalidURL as error:
            raise Unexpected("Microsoft's listing continues at an address that is none.") from error
        if (there.scheme, there.netloc, there.userinfo) != (here.scheme, here.netloc, b""):
            raise Unexpected(f"Microsoft's listing continues on another host ({short(there.netloc.decode())}).")
        request = RequestInformation(Method.GET)
        request.url = link
        return _plain(request)

    def _answer(self, request: RequestInformation, question: Question, patience: _Patience, count: int = 1) -> _Answer:
        """One reply, however often it takes; it counts as `count`. Raises CollectError."""
        family, renewed, hops = question.family, False, 0
        patience.renewed()
        while True:
            started = self._turn(family, count, patience)
            try:
                reply, token = self._line.send(request)
                log.debug("%s: %s %s", question.path, reply.status_code, _told(reply.headers))
                if reply.status_code < 300:
                    whole = _Answer(reply.content, _envelope(reply.content), started, token)
                    self._mine.answers = getattr(self._mine, "answers", 0) + count
                    return whole
            except AzureError as error:
                self._pause(patience, None, _sign_in_error(error))
                continue
            except (httpx.RequestError, TimeoutError, msgspec.DecodeError, binascii.Error) as error:
                log.debug("%s: %s", question.path, type(error).__name__)
                self._pause(patience, None, broken_off(error))
                continue
            if reply.status_code < 400:
                hops += 1
                if hops > HOPS:
                    raise Unexpected("Microsoft's answers send us round in a circle.", code=str(reply.status_code))
                request = self._follow(urljoin(request.url, reply.headers.get("Location", "")))
            elif reply.status_code == 401 and not renewed and self._line.renew(token):
                renewed = True
            elif reply.status_code in _AGAIN:
                asked = _retry_after(reply.headers.get("Retry-After", ""), self._clock.now())
                error_now = busy(reply.status_code, patience.waited, asked)
                if asked is None and reply.status_code != 429:
                    self._pause(patience, None, error_now)
                    continue
                seconds = self._allowed(patience, asked, error_now)
                patience.waited += seconds
                self._pace.refused(family, started, seconds)  # whoever is next in the family waits, we among them
            else:
                raise self._refusal(reply.status_code, reply.content, question)

    def _refusal(self, status: int, body: bytes, question: Question) -> CollectError:
        return refusal(status, body, question.grants, self.premium, status == 403 and self.by_person)

    def _turn(self, family: str, count: int, patience: _Patience) -> float:
        """Wait for our turn in the family; gives when it came. Raises CollectError when the time is up before it."""
        while True:
            early = self._pace.early(family, count)
            now = self._clock.monotonic()
            if now + early > patience.until:
                raise self._out_of_time()
            if early <= 0:
                self._spent.asked(family)
                return now
            self.sleep(early)

    def _pause(self, patience: _Patience, asked: float | None, error: CollectError) -> None:
        """Sleep before the next try, or raise `error` when patience has run out or trying again cannot help."""
        seconds = self._allowed(patience, asked, error)
        patience.waited += seconds
        self.sleep(seconds)

    def _allowed(self, patience: _Patience, asked: float | None, error: CollectError) -> float:
        """How long to wait before the next try. Raises `error` when there is none."""
        if isinstance(error, Expired | NotGranted) or error.code == INTERCEPTED:
            raise error
        if asked is None:
            patience.tries += 1
            seconds = min(2.0**patience.tries, 60.0) * random.uniform(0.8, 1.2)
        else:
            patience.told += 1
            seconds = asked
        most = TRIES_BUSY if isinstance(error, Throttled) else TRIES
        if patience.tries >= most or patience.told >= TOLD:
            raise error
        if self._clock.monotonic() + seconds >= patience.until:
            raise error if asked and asked > self._budget else self._out_of_time()
        return seconds

    def _out_of_time(self) -> Throttled:
        answers = getattr(self._mine, "answers", 0)
        return Throttled(
            f"The time limit of {_minutes(self._budget)} for one part of the scan ran out after {answers:,} answers.",
            "Scan again, best outside office hours; `budget` in the tenant's section of keyround.toml allows more.",
            code=OUT_OF_TIME,
        )

    def sleep(self, seconds: float) -> None:
        """Wait; raises Closed when the session ends meanwhile."""
        with self._spent.waiting():
            over = self._clock.wait(seconds, self._line.over)
        if over:
            raise Closed


def listing(graph: Graph, question: Question) -> Iterator[bytes]:
    """`graph.pages`, with pages half the size whenever Graph finds them too large. Raises CollectError.

    Graph has changed the largest page of /users without notice more than once,
    and some reports take no `$top` at all. A listing begun again repeats rows;
    the store keeps one of each.
    """
    while True:
        try:
            yield from graph.pages(question)
            return
        except Unexpected as error:
            if not question.top or error.code.lower() not in TOO_LARGE:
                raise
            question = replace(question, top=question.top // 2 if question.top > 50 else 0)


def remembered(graph: Graph, question: Question) -> Iterator[bytes]:
    """`listing`, asked for once in a session whatever comes of it. Raises CollectError."""
    if question not in graph.answers:
        pages = []
        try:
            for page in listing(graph, question):
                pages.append(page)
                yield page
        except CollectError as error:
            graph.answers[question] = error
            raise
        graph.answers[question] = tuple(pages)
        return
    known = graph.answers[question]
    if isinstance(known, CollectError):
        raise known
    yield from known


def tenant_of(token: str) -> str | None:
    """The tenant a JWT was issued for; None when the token is opaque."""
    claim = token_claims(token).get("tid")
    return claim.lower() if isinstance(claim, str) else None


def token_claims(token: str) -> dict[str, Any]:
    """What a JWT says; {} when the token is opaque. Nothing is verified: Graph does that."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _plain(request: RequestInformation) -> RequestInformation:
    request.headers.try_add("Accept", "application/json")
    request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
    return request


def _envelope(body: bytes) -> _Envelope:
    """Raises msgspec.DecodeError when the body was cut short, Unexpected when it is something else altogether."""
    try:
        return decode(body, _Envelope)
    except Unexpected as error:
        if type(error.__cause__) is msgspec.DecodeError:
            raise error.__cause__ from None
        raise


def _part_body(part: _Part) -> tuple[bytes, _Envelope] | None:
    """The body of a part as JSON text with its envelope; None when it is not whole."""
    try:
        body = _as_bytes(part.body)
        return body, _envelope(body)
    except msgspec.DecodeError:
        return None


def _as_bytes(body: Any) -> bytes:
    """What is not declared to be JSON comes as a string, mostly in base64."""
    if not isinstance(body, str):
        return b"" if body is None else msgspec.json.encode(body)
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        return body.encode("utf-8", "replace")


def _told(headers: Mapping[str, str]) -> str:
    """What a reply says for the technician: its id, and how near we are to a limit."""
    named = {name: headers[name] for name in ("request-id", "retry-after", *_TELLING) if name in headers}
    return " ".join(f"{name}={short(value)}" for name, value in named.items())


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"


def _retry_after(text: str, now: datetime) -> float | None:
    """Seconds to wait: a number, an HTTP date or the same number twice ("10,10"); None when nothing useful is said.

    "0" and a date gone by say no more than silence does: obeyed to the letter they would ask again for ever.
    """
    for part in (text.split(",")[0].strip(), text):
        try:
            seconds = float(part)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(part).astimezone(UTC).replace(tzinfo=None) - now).total_seconds()
            except (ValueError, TypeError, OverflowError):
                continue
        return min(max(seconds, 1.0), A_WEEK) if seconds > 0 else None
    return None


def _sign_in_error(error: AzureError) -> CollectError:
    """Unreachable where asking again may help, else why the sign-in was refused.

    A refusal of Entra's is raised as it is; what the network or a failing service did comes wrapped.
    """
    if INTERCEPTED in str(error):
        return intercepted()
    if known := known_refusal(str(error)):
        return known
    if not isinstance(error, ClientAuthenticationError) or (error.__cause__ and "AADSTS" not in str(error)):
        return Unreachable("Microsoft's sign-in service could not be reached.")
    return sign_in_refusal(str(error))


def broken_off(error: Exception) -> CollectError:
    """Why no whole answer came: what to say of an exception of httpx, ssl or msgspec."""
    if INTERCEPTED in str(error):
        return intercepted()
    if isinstance(error, msgspec.DecodeError):
        why = "the answer was cut short, or came from something in between"
    else:
        never = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        why = "no connection" if never else "no whole answer came"
    return Unreachable(f"The connection to Microsoft kept breaking off ({why}).")
