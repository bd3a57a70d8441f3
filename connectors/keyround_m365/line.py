"""The line to Microsoft: the SDK's request adapter on an event loop in a thread of its own, and the token in use.

Any thread may send. Entra is asked for tokens under a lock and outside the
loop, so that a slow sign-in delays nobody's answers. Closing the line ends
whatever is under way on it.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from azure.core.credentials import AccessToken
from kiota_abstractions.request_information import RequestInformation
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from kiota_http.middleware.options import RedirectHandlerOption, RetryHandlerOption
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory

from keyround.errors import ConfigError, Unexpected

from .trust import ca_bundle, trust_the_system

LONGEST = 600.0  # seconds for one answer, however steadily it drips
HANGING_UP = 5.0  # seconds for connections to close


class Closed(Exception):
    """The session ended while somebody was still reading from it."""


class Line:
    """One tenant's connection. `over` is set once it is closed."""

    def __init__(self, root: str, scope: str, credential: Callable[[], Any]) -> None:
        self.over = threading.Event()
        self._scope = scope
        self._new_credential = credential
        self._lock = threading.RLock()
        self._number = 0
        self._proven = False
        self._http, self._lines = _http_client()
        self._credential = credential()
        self._held = _Held(self._credential)
        host = urlsplit(root).hostname or ""
        provider = AzureIdentityAuthenticationProvider(self._held, scopes=[scope], allowed_hosts=[host])
        self._adapter = GraphRequestAdapter(provider, self._http)
        self._loop = asyncio.new_event_loop()  # from here on: what cannot be configured leaves nothing open
        self._thread = threading.Thread(target=self._loop.run_forever, name="keyround-m365", daemon=True)
        self._thread.start()

    def token(self) -> str:
        """The bearer token in use, a new one when it nears its end. Raises what azure-identity raises."""
        with self._lock:
            if self.over.is_set():
                raise Closed
            self._held.token = self._credential.get_token(self._scope)
            return str(self._held.token.token)

    def send(self, request: RequestInformation) -> tuple[httpx.Response, int]:
        """The reply, whatever its status, and the number of the token it answers.

        Raises what azure-identity, httpx and the clock (TimeoutError) raise.
        """
        with self._lock:
            self.token()
            number = self._number
        reply: httpx.Response | None = self._run(self._answer(request))
        if reply is None:
            raise Unexpected("Microsoft answered nothing.")
        self._proven |= reply.status_code != 401 and number == self._number
        return reply, number

    def renew(self, number: int) -> bool:
        """Sign in anew after a 401 to the token `number`; False when a new one has never been accepted either.

        However many requests it was refused for: the first of them renews it, the others find it renewed.
        """
        with self._lock:
            if number != self._number:
                return True
            if number and not self._proven:
                return False
            self._credential.close()
            self._credential = self._held.credential = self._new_credential()
            self._number += 1
            self._proven = False
            return True

    def close(self) -> None:
        self.over.set()
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result(HANGING_UP)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(HANGING_UP)
        if not self._thread.is_alive():
            self._loop.close()
        self._credential.close()

    async def _answer(self, request: RequestInformation) -> Any:
        # The native handler, an option of the request, hands back the reply itself.
        return await asyncio.wait_for(self._adapter.send_primitive_async(request, "bytes", {}), LONGEST)

    def _run(self, work: Any) -> Any:
        if self.over.is_set():
            work.close()
            raise Closed
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not future.done():  # in short waits: on Windows a long one would not hear Ctrl-C
                with suppress(TimeoutError):
                    return future.result(0.5)
                if self.over.is_set() and not self._thread.is_alive():
                    raise Closed
            return future.result()
        except CancelledError:
            raise Closed from None
        finally:
            future.cancel()

    async def _hang_up(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._http.aclose()
        for line in self._lines:  # the SDK's wrapper does not pass the closing on
            await line.aclose()


class _Held:
    """The credential as the SDK sees it: the token that is there already, unless Microsoft demands a special one."""

    def __init__(self, credential: Any) -> None:
        self.credential = credential
        self.token: AccessToken | None = None

    def get_token(self, *scopes: str, claims: str | None = None, **more: Any) -> AccessToken:
        if claims or self.token is None:
            self.token = self.credential.get_token(*scopes, claims=claims, **more)
        return self.token


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
