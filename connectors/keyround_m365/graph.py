"""The only module that speaks HTTP to Microsoft Graph.

Requests go through the SDK's own request adapter (authentication, telemetry,
URL building are its business) and come back as bytes. Its typed models are
left alone: they cost a thousand times more and turn words they do not know
into None. Its own retries and redirects are off: waiting, trying again and
deciding where the token may go happen here, with a clock that tests can hand in.

Source  https://learn.microsoft.com/graph/throttling-limits
        https://learn.microsoft.com/graph/paging
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import RedirectHandlerOption, ResponseHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from keyround.connector import Clock, decode
from keyround.errors import CollectError, ConfigError, Expired, NotGranted, Unexpected, Unreachable

from .noted import Noted
from .permissions import covered
from .refusals import busy, known_refusal, refusal, short, sign_in_refusal
from .trust import INTERCEPTED, ca_bundle, intercepted, trust_the_system

log = logging.getLogger(__name__)

CIRCLE = "Microsoft's listing runs in a circle: the same page link came twice."
BATCH = 20  # requests in one, the most that Graph takes
PATIENCE = 900.0  # seconds of waiting in one listing before it counts as refused
TRIES = 6  # of one request that fails without saying how long to wait
RESTARTS = 5  # of one listing whose page tokens expire
HOPS = 5  # redirects of one request
LONGEST = 600.0  # seconds for one answer, however steadily it drips
TOO_LARGE = ("badrequest", "request_badrequest", "request_unsupportedquery", "invalidrequest", "unknownerror", "400")
_AGAIN = frozenset({408, 429, *range(500, 600)} - {501})
# Requests that may start within so many seconds, per app and tenant. For methods no limit is published: two a second
# in the long run, and a small company at one go.
PACE = {"reports": (5, 10.0), "policies": (1, 1.0), "methods": (100, 50.0)}


@dataclass(frozen=True, slots=True)
class Question:
    """One GET. `grants` are named in the remedy when it is refused; `pace` is the family of its rate limit."""

    path: str
    grants: str
    select: str = ""
    top: int = 0
    filter: str = ""
    expand: str = ""
    beta: bool = False
    pace: str = ""


class _Envelope(msgspec.Struct):
    """What paging needs to know of a reply. Decoding it also proves that the body is whole JSON."""

    next: str | None = msgspec.field(name="@odata.nextLink", default=None)


class _Part(msgspec.Struct):
    """The answer to one part of a batch."""

    id: str
    status: int
    headers: dict[str, str] | None = None
    body: Any = None


class _Batch(msgspec.Struct):
    responses: list[_Part]


class Graph:
    """One tenant's Graph, synchronous on the outside. Owns its event loop; close it.

    `premium` becomes True once the tenant's subscriptions were seen to include P1; `plans` are the service plans in
    force and `domains` the organisation's own, None until they were read; `pim` becomes False once it is certain that
    no role can be switched on here.
    `answers` are the listings that more than one data set reads; `sign_in_report` becomes True once Microsoft's report
    of sign-ins has answered, and `noninteractive` is the setting of that name. `memory` outlives the scan; it is for
    what a data set has to come back for. `noted` is what earlier data sets saw and later ones ask about.
    """

    def __init__(
        self, root: str, scope: str, credential: Callable[[], Any], clock: Clock, memory: MutableMapping[str, Any]
    ) -> None:
        self.premium = False
        self.plans: frozenset[str] | None = None
        self.pim = True
        self.answers: dict[Question, tuple[bytes, ...] | CollectError] = {}
        self.noninteractive = False
        self.sign_in_report = False
        self.memory = memory
        self.noted = Noted()
        self.domains: frozenset[str] | None = None
        self.groups: dict[str, tuple[bytes, ...] | CollectError] = {}
        self.policies: list[bytes] = []
        self._root = root
        self._scope = scope
        self._new_credential = credential
        self._clock = clock
        self._started: dict[str, deque[float]] = {family: deque(maxlen=n) for family, (n, _) in PACE.items()}
        self._http, self._lines = _http_client()
        self._sign_in()
        self._runner = asyncio.Runner()  # last: what cannot be configured leaves nothing open

    def _sign_in(self) -> None:
        self._credential = self._new_credential()
        host = urlsplit(self._root).hostname or ""
        provider = AzureIdentityAuthenticationProvider(self._credential, scopes=[self._scope], allowed_hosts=[host])
        self._adapter = GraphRequestAdapter(provider, self._http)

    def _renew(self) -> None:
        self._credential.close()
        self._sign_in()

    @property
    def clock(self) -> Clock:
        return self._clock

    def close(self) -> None:
        self._credential.close()
        self._runner.run(self._hang_up())
        self._runner.close()

    async def _hang_up(self) -> None:
        await self._http.aclose()
        for line in self._lines:  # the SDK's wrapper does not pass the closing on
            await line.aclose()

    @property
    def by_person(self) -> bool:
        """A person signed in: what they may not read themselves, no consent lets us read. Raises CollectError."""
        return "scp" in token_claims(self.token())

    def token(self) -> str:
        """The bearer token in use. Raises CollectError when the sign-in is refused."""
        waiting = _Waiting()
        while True:
            try:
                return str(self._credential.get_token(self._scope).token)
            except AzureError as error:
                self._wait(waiting, None, _sign_in_error(error))

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
        return self._answer(self._request(question), question, _Waiting())[0]

    def post(self, question: Question, body: Any) -> bytes:
        """The answer to the one thing that is asked by POST: a search of the audit log. Raises CollectError."""
        request = self._request(question, Method.POST)
        request.set_stream_content(msgspec.json.encode(body), "application/json")
        return self._answer(request, question, _Waiting())[0]

    def batch(self, questions: Iterable[Question]) -> Iterator[tuple[Question, tuple[bytes, ...] | CollectError]]:
        """Each question with the bodies of all its pages, or the error it met; twenty in one request.

        Microsoft counts and refuses every part by itself: only those that failed for now are asked again. Raises
        CollectError where the sign-in of the scan itself is refused.
        """
        waiting = list(questions)
        for start in range(0, len(waiting), BATCH):
            yield from self._batched(waiting[start : start + BATCH])

    def _batched(self, questions: list[Question]) -> Iterator[tuple[Question, tuple[bytes, ...] | CollectError]]:
        left = dict(enumerate(questions))
        waiting = _Waiting()
        last: dict[int, CollectError] = {}
        renewed = False
        while left:
            asked: float | None = None
            stale = False
            for number, reply in self._batch_replies(left).items():
                question = left[number]
                body = msgspec.json.encode(reply.body) if isinstance(reply.body, dict) else b""
                if reply.status < 300 and not body:
                    continue  # no object: as good as no answer
                if reply.status < 300:
                    del left[number]
                    try:
                        yield question, (body, *self._rest(body, question))
                    except CollectError as error:
                        yield question, error
                elif reply.status == 401 and not renewed:
                    stale = True
                elif reply.status in _AGAIN:
                    headers = {name.lower(): value for name, value in (reply.headers or {}).items()}
                    seconds = _retry_after(headers.get("retry-after", ""), self._clock.now())
                    asked = max(filter(None, (asked, seconds)), default=None)
                    last[number] = busy(reply.status, waiting.waited)
                else:
                    del left[number]
                    yield question, self._refusal(reply.status, body, question)
            if not left:
                return
            if stale:
                renewed = True
                self._renew()
                continue
            no_answer = Unreachable("Microsoft left parts of our question unanswered.")
            try:
                self._wait(waiting, asked, no_answer)
            except CollectError:
                for number, question in left.items():
                    yield question, last.get(number, no_answer)
                return

    def _batch_replies(self, questions: Mapping[int, Question]) -> dict[int, _Part]:
        """What came back, by number; parts that did not come are left out."""
        first = next(iter(questions.values()))
        parts = []
        for number, question in questions.items():
            whole = self._request(question).url
            parts.append({"id": str(number), "method": "GET", "url": whole.removeprefix(self._base(question))})
        request = RequestInformation(Method.POST)
        request.url = f"{self._base(first)}/$batch"
        request.set_stream_content(msgspec.json.encode({"requests": parts}), "application/json")
        for _ in parts:
            self._keep_pace(first.pace)
        body, _ = self._answer(_plain(request), replace(first, pace=""), _Waiting())
        replies = {int(part.id): part for part in decode(body, _Batch).responses if part.id.isdecimal()}
        return {number: reply for number, reply in replies.items() if number in questions}

    def _base(self, question: Question) -> str:
        return f"{self._root}/{'beta' if question.beta else 'v1.0'}"

    def _rest(self, body: bytes, question: Question) -> Iterator[bytes]:
        """The pages after the one that came with a batch."""
        link, seen, waiting = _next_link(body), set[str](), _Waiting()
        while link is not None:
            if link in seen:
                raise Unexpected(CIRCLE)
            seen.add(link)
            page, link = self._answer(self._follow(link), question, waiting)
            yield page

    def pages(self, question: Question) -> Iterator[bytes]:
        """The body of every page, each whole JSON. Raises CollectError.

        An expired page token starts the listing again from its first page, so
        the same row may come twice; the store keeps one.
        """
        waiting = _Waiting()
        for _ in range(RESTARTS):
            request, seen = self._request(question), set[str]()
            while True:
                try:
                    body, link = self._answer(request, question, waiting)
                except Expired as error:
                    if error.code == "Directory_ExpiredPageToken" and seen:
                        break
                    raise
                yield body
                if link is None:
                    return
                if link in seen:
                    raise Unexpected(CIRCLE)
                seen.add(link)
                request = self._follow(link)
        raise Expired("Microsoft forgot our place in the listing again and again.", code="Directory_ExpiredPageToken")

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

    def _answer(self, request: RequestInformation, question: Question, waiting: _Waiting) -> tuple[bytes, str | None]:
        """Body and next link of one reply, however often it takes. Raises CollectError."""
        renewed, hops = False, 0
        waiting.tries = 0
        while True:
            self._keep_pace(question.pace)
            try:
                reply = self._send(request)
                if reply.status_code < 300:
                    return reply.content, _next_link(reply.content)
            except AzureError as error:
                self._wait(waiting, None, _sign_in_error(error))
                continue
            except (httpx.RequestError, TimeoutError, msgspec.DecodeError) as error:
                log.debug("%s: %s", question.path, type(error).__name__)
                self._wait(waiting, None, broken_off(error))
                continue
            log.debug("%s: %s %s", question.path, reply.status_code, reply.headers.get("request-id", ""))
            if reply.status_code < 400:
                hops += 1
                if hops > HOPS:
                    raise Unexpected("Microsoft's answers send us round in a circle.", code=str(reply.status_code))
                request = self._follow(urljoin(request.url, reply.headers.get("Location", "")))
            elif reply.status_code == 401 and not renewed:
                renewed = True
                self._renew()
            elif reply.status_code in _AGAIN:
                asked = _retry_after(reply.headers.get("Retry-After", ""), self._clock.now())
                self._wait(waiting, asked, busy(reply.status_code, waiting.waited))
            else:
                raise self._refusal(reply.status_code, reply.content, question)

    def _refusal(self, status: int, body: bytes, question: Question) -> CollectError:
        return refusal(status, body, question.grants, self.premium, status == 403 and self.by_person)

    def _send(self, request: RequestInformation) -> httpx.Response:
        """The reply, whatever its status. Raises what azure-identity, httpx and the clock (TimeoutError) raise."""
        # The native handler hands back the reply itself.
        answer = self._adapter.send_primitive_async(request, "bytes", {})
        reply: httpx.Response | None = self._runner.run(asyncio.wait_for(answer, LONGEST))
        if reply is None:
            raise Unexpected("Microsoft answered nothing.")
        return reply

    def _keep_pace(self, family: str) -> None:
        if family not in PACE:
            return
        starts, (most, seconds) = self._started[family], PACE[family]
        if len(starts) == most and (early := starts[0] + seconds - self._clock.monotonic()) > 0:
            self._clock.sleep(early)
        starts.append(self._clock.monotonic())

    def _wait(self, waiting: _Waiting, asked: float | None, error: CollectError) -> None:
        """Sleep before the next try, or raise `error` when patience has run out or trying again cannot help."""
        if isinstance(error, Expired | NotGranted) or error.code == INTERCEPTED:
            raise error
        waiting.tries = waiting.tries + 1 if asked is None else waiting.tries
        seconds = min(2.0**waiting.tries, 60.0) * random.uniform(0.8, 1.2) if asked is None else asked
        if waiting.tries >= TRIES or waiting.waited + seconds > PATIENCE:
            raise error
        waiting.waited += seconds
        self._clock.sleep(seconds)


@dataclass(slots=True)
class _Waiting:
    """How much patience is used up: of the listing in seconds, of the request under way in tries."""

    waited: float = 0.0
    tries: int = 0


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


def _http_client() -> tuple[httpx.AsyncClient, list[httpx.AsyncBaseTransport]]:
    """A client with the SDK's middleware, and the transports under it."""
    # HTTP/2 in pure Python doubles the processor time for nothing: pages come one after the other.
    trust_the_system()
    bundle = ca_bundle()
    try:
        verify: Any = ssl.create_default_context(cafile=bundle) if bundle else True
        client = httpx.AsyncClient(timeout=httpx.Timeout(120, connect=20), verify=verify)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        raise ConfigError(
            f"m365: the proxy or the certificate file of the environment cannot be used ({type(error).__name__}).",
            "Check HTTPS_PROXY (http://host:port), SSL_CERT_FILE and REQUESTS_CA_BUNDLE (a PEM file).",
        ) from error
    lines = [client._transport, *filter(None, client._mounts.values())]
    quiet: dict[str, Any] = dict(options)
    quiet[RetryHandlerOption.get_key()] = RetryHandlerOption(should_retry=False)
    quiet[RedirectHandlerOption.get_key()] = RedirectHandlerOption(should_redirect=False)
    GraphClientFactory.create_with_default_middleware(client=client, options=quiet)
    return client, lines


def _next_link(body: bytes) -> str | None:
    """Raises msgspec.DecodeError when the body was cut short, Unexpected when it is something else altogether."""
    try:
        return decode(body, _Envelope).next
    except Unexpected as error:
        if type(error.__cause__) is msgspec.DecodeError:
            raise error.__cause__ from None
        raise


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
        return max(seconds, 1.0) if seconds > 0 else None
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
