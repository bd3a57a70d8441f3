"""The only module that speaks HTTP to Microsoft Graph.

Requests go through the SDK's own request adapter (authentication, redirects,
telemetry, URL building are its business) and come back as bytes. Its typed
models are left alone: they cost a thousand times more and turn words they do
not know into None. Its own retries are off; the one layer for waiting and
trying again is here, with a clock that tests can hand in.

Source  https://learn.microsoft.com/graph/throttling-limits
        https://learn.microsoft.com/graph/paging
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError
from kiota_abstractions.method import Method
from kiota_abstractions.native_response_handler import NativeResponseHandler
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import ResponseHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from keyround.connector import Clock
from keyround.errors import CollectError, Expired, Unexpected, Unreachable

from .credentials import ca_bundle
from .refusals import busy, refusal, short, sign_in_refusal

log = logging.getLogger(__name__)

PATIENCE = 900.0  # seconds of waiting in one listing before it counts as refused
TRIES = 6  # of one request that fails without saying how long to wait
RESTARTS = 5  # of one listing whose page tokens expire
TOO_LARGE = ("BadRequest", "Request_BadRequest", "Request_UnsupportedQuery")
# Requests that may start within so many seconds, per app and tenant.
PACE = {"reports": (5, 10.0), "policies": (1, 1.0)}


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


class Graph:
    """One tenant's Graph, synchronous on the outside. Owns its event loop; close it.

    `premium` becomes True once the tenant's subscriptions were seen to include P1.
    """

    def __init__(self, root: str, scope: str, credential: Callable[[], Any], clock: Clock) -> None:
        self.premium = False
        self._root = root
        self._scope = scope
        self._new_credential = credential
        self._clock = clock
        self._started: dict[str, deque[float]] = {family: deque(maxlen=n) for family, (n, _) in PACE.items()}
        self._runner = asyncio.Runner()
        self._http, self._lines = _http_client()
        self._sign_in()

    def _sign_in(self) -> None:
        self._credential = self._new_credential()
        host = urlsplit(self._root).hostname or ""
        provider = AzureIdentityAuthenticationProvider(self._credential, scopes=[self._scope], allowed_hosts=[host])
        self._adapter = GraphRequestAdapter(provider, self._http)

    def close(self) -> None:
        self._credential.close()
        self._runner.run(self._hang_up())
        self._runner.close()

    async def _hang_up(self) -> None:
        await self._http.aclose()
        for line in self._lines:  # the SDK's wrapper does not pass the closing on
            await line.aclose()

    def token(self) -> str:
        """The bearer token in use. Raises CollectError when the sign-in is refused."""
        try:
            return str(self._credential.get_token(self._scope).token)
        except AzureError as error:
            raise _sign_in_error(error) from error

    def one(self, question: Question) -> bytes:
        """The body of a single object. Raises CollectError."""
        return self._answer(self._request(question), question, _Waiting())[0]

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
                    raise Unexpected("Microsoft's listing runs in a circle: the same page link came twice.")
                seen.add(link)
                request = self._follow(link)
        raise Expired("Microsoft forgot our place in the listing again and again.", code="Directory_ExpiredPageToken")

    def _request(self, question: Question) -> RequestInformation:
        request = RequestInformation(Method.GET, "{+root}/{version}/{+path}{?%24filter,%24select,%24expand,%24top}", {
            "root": self._root, "version": "beta" if question.beta else "v1.0", "path": question.path,
        })  # fmt: skip
        asked = {"filter": question.filter, "select": question.select, "expand": question.expand,
                 "top": question.top and str(question.top)}  # fmt: skip
        request.query_parameters = {f"%24{name}": value for name, value in asked.items() if value}
        return _plain(request)

    def _follow(self, link: str) -> RequestInformation:
        # The bearer token goes where the link points: never to another host.
        if urlsplit(link)[:2] != urlsplit(self._root)[:2]:
            raise Unexpected(f"Microsoft's listing continues on another host ({short(urlsplit(link).netloc)}).")
        request = RequestInformation(Method.GET)
        request.url = link
        return _plain(request)

    def _answer(self, request: RequestInformation, question: Question, waiting: _Waiting) -> tuple[bytes, str | None]:
        """Body and next link of one reply, however often it takes. Raises CollectError."""
        renewed = False
        while True:
            self._keep_pace(question.pace)
            try:
                reply = self._send(request)
                if reply.status_code < 400:
                    return reply.content, _next_link(reply)
            except (httpx.TransportError, msgspec.DecodeError) as error:
                log.debug("%s: %r", question.path, error)
                self._wait(
                    waiting, None, Unreachable(f"The connection to Microsoft kept breaking off ({_why(error)}).")
                )
                continue
            log.debug("%s: %s %s", question.path, reply.status_code, reply.headers.get("request-id", ""))
            if reply.status_code == 401 and not renewed:
                renewed = True
                self._credential.close()
                self._sign_in()
            elif reply.status_code in (408, 429) or reply.status_code >= 500:
                self._wait(waiting, _retry_after(reply, self._clock.now()), busy(reply.status_code, waiting.waited))
            else:
                raise refusal(reply.status_code, reply.content, question.grants, self.premium)

    def _send(self, request: RequestInformation) -> httpx.Response:
        try:
            reply: httpx.Response | None = self._runner.run(
                self._adapter.send_primitive_async(
                    request, "bytes", {}
                )  # the native handler hands back the reply itself
            )
        except AzureError as error:
            raise _sign_in_error(error) from error
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
        """Sleep before the next try, or raise `error` when patience has run out."""
        waiting.tries = waiting.tries + 1 if asked is None else waiting.tries
        seconds = min(2.0**waiting.tries, 60.0) * random.uniform(0.8, 1.2) if asked is None else asked
        if waiting.tries >= TRIES:
            raise error
        if waiting.waited + seconds > PATIENCE:
            raise error
        waiting.waited += seconds
        self._clock.sleep(seconds)


@dataclass(slots=True)
class _Waiting:
    """How much patience one listing has used up."""

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
            if not question.top or error.code not in TOO_LARGE:
                raise
            question = replace(question, top=question.top // 2 if question.top > 50 else 0)


def _plain(request: RequestInformation) -> RequestInformation:
    request.headers.try_add("Accept", "application/json")
    request.add_request_options([ResponseHandlerOption(NativeResponseHandler())])
    return request


def _http_client() -> tuple[httpx.AsyncClient, list[httpx.AsyncBaseTransport]]:
    """A client with the SDK's middleware, and the transports under it."""
    # HTTP/2 in pure Python doubles the processor time for nothing: pages come one after the other.
    bundle = ca_bundle()
    verify: Any = ssl.create_default_context(cafile=bundle) if bundle else True
    client = httpx.AsyncClient(timeout=httpx.Timeout(120, connect=20), verify=verify)
    lines = [client._transport, *filter(None, client._mounts.values())]
    quiet: dict[str, Any] = dict(options)
    quiet[RetryHandlerOption.get_key()] = RetryHandlerOption(should_retry=False)
    GraphClientFactory.create_with_default_middleware(client=client, options=quiet)
    return client, lines


def _next_link(reply: httpx.Response) -> str | None:
    return msgspec.json.decode(reply.content, type=_Envelope).next


def _retry_after(reply: httpx.Response, now: datetime) -> float | None:
    """Seconds to wait: a number, an HTTP date or the same number twice ("10,10"); None when not said."""
    text = reply.headers.get("Retry-After", "")
    for part in (text.split(",")[0].strip(), text):
        try:
            return max(float(part), 0.0)
        except ValueError:
            pass
        try:
            return max((parsedate_to_datetime(part).astimezone(UTC).replace(tzinfo=None) - now).total_seconds(), 0.0)
        except (ValueError, TypeError):
            continue
    return None


def _sign_in_error(error: AzureError) -> CollectError:
    if isinstance(error, ClientAuthenticationError):
        return sign_in_refusal(str(error))
    return Unreachable("Microsoft's sign-in service could not be reached.")


def _why(error: Exception) -> str:
    return {"ConnectError": "no connection", "ConnectTimeout": "no connection"}.get(
        type(error).__name__, "the answer stopped half-way"
    )
