"""HTTP for Google's own client: httplib2 that honours proxies and private certificate authorities.

As shipped, httplib2 ignores HTTPS_PROXY without a further library, and trusts
HTTPLIB2_CA_CERTS alone. Here HTTPS_PROXY, SSL_CERT_FILE and REQUESTS_CA_BUNDLE
are each enough, for the APIs and for the token endpoint.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httplib2
import httplib2.certs
import msgspec
from google.auth.exceptions import TransportError
from google_auth_httplib2 import Request
from googleapiclient.http import HttpRequest
from googleapiclient.model import JsonModel

from keyround.connector import decoder
from keyround.errors import Unreachable

TIMEOUT = 60.0
"""Seconds without a byte before a connection counts as broken."""
AUTHORITIES = ("HTTPLIB2_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Environment variables that name a file (or folder) of certificate authorities; the first that is set wins."""
BUSY = frozenset((408, 429, 500, 502, 503, 504))
BROKEN = (OSError, http.client.HTTPException, httplib2.HttpLib2Error, TransportError)
"""Everything that a line may do to us before there is an answer."""

BOUNDARY = "keyround-part"
ONLY_GETS = re.compile(
    rb"(?:--%(b)b\r\nContent-Type: application/http\r\nContent-ID: <part-\d+>\r\n\r\n"
    rb"GET /\S+ HTTP/1\.1\r\n\r\n)+--%(b)b--\r\n" % {b"b": BOUNDARY.encode()}
)
"""The one shape of a batch that leaves this machine: reading, and no header that could turn it into more."""
SIGNS = re.compile(r"/serviceAccounts/[^/]+:(signJwt|generateAccessToken)$")
NETWORK = "Check the network and the proxy, then scan again."
AUTHORITY = (
    "If a proxy on the way has a certificate authority of its own, let SSL_CERT_FILE or REQUESTS_CA_BUNDLE name "
    "its PEM file."
)


class Closed(Exception):
    """The session ended while somebody was still reading from it."""


class Refused(Exception):
    """An answer that is not the one asked for. The token endpoint's too, when it is busy or breaks off:
    trying again is ours to do and not google-auth's."""

    def __init__(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers
        self.content = content


class Token(msgspec.Struct):
    """What an endpoint of tokens answers: a token, or what one is asked for with."""

    access_token: str = ""
    expires_in: int | str | None = None
    accessToken: str = ""
    signedJwt: str = ""


class Connection(http.client.HTTPSConnection):
    """One TLS connection, through the proxy when the environment names one."""

    def __init__(self, authority: str, timeout: float | None = None, proxy_info: object = None) -> None:
        host = urlsplit(f"//{authority}")
        proxy = _proxy(host.hostname or "")
        context = trust()
        if proxy is None:
            super().__init__(authority, timeout=timeout, context=context)
            return
        via = urlsplit(proxy)
        if via.scheme != "http" or not via.hostname:
            raise Unreachable(
                "The proxy that the environment names is not an HTTP proxy.", "Write HTTPS_PROXY as http://HOST:PORT."
            )
        super().__init__(via.hostname, via.port or 80, timeout=timeout, context=context)
        headers = {}
        if via.username is not None:
            login = f"{unquote(via.username)}:{unquote(via.password or '')}".encode()
            headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        self.set_tunnel(host.hostname or "", host.port or 443, headers)


class Transport(httplib2.Http):  # type: ignore[misc]
    """httplib2 with our connections, without redirects, and with one say in who tries again: not here.

    For one thread at a time; `hang_up` is for another one. `asked` is told the address of every request, until
    `over` is set and there are no more.
    """

    def __init__(self, over: threading.Event, asked: Callable[[str], None]) -> None:
        super().__init__(timeout=TIMEOUT, proxy_info=None)
        self.follow_redirects = False
        self._over = over
        self._asked = asked

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: Any = None, *rest: Any, **named: Any
    ) -> tuple[Any, bytes]:
        batch = method == "POST" and isinstance(body, bytes) and ONLY_GETS.fullmatch(body) is not None
        if not batch and not self.may(method, uri, body):
            raise AssertionError(f"{method} {uri}: this connector only reads")
        if uri.startswith("https:"):
            named["connection_type"] = Connection
        if self._over.is_set():
            raise Closed
        self._asked(uri)
        response, content = super().request(uri, method, body, headers, *rest, **named)
        if method == "POST" and not batch and response.status in BUSY:
            raise Refused(response.status, response)
        if method == "POST" and not batch and response.status == 200 and not _is_token(uri, content):
            raise Refused(502, response)
        return response, content

    def may(self, method: str, uri: str, body: Any) -> bool:
        """Whether this may be asked: reading, and POST for tokens."""
        return method == "GET" or (method == "POST" and _asks_for_token(uri, body))

    def hang_up(self) -> None:
        """End what is being waited for on these connections."""
        for connection in list(self.connections.values()):
            if (line := connection.sock) is not None:
                with suppress(OSError):
                    # TLS has a shutdown of its own, which is not for another thread than the reader's.
                    socket.socket.shutdown(line, socket.SHUT_RDWR)


class Elsewhere(Transport):
    """To whatever tells this computer who it is: a metadata server, a security token service, in their own manner."""

    def may(self, method: str, uri: str, body: Any) -> bool:
        return True


class Aside(Request):  # type: ignore[misc]
    """What google-auth asks with beside a session: a connection of its own, for one thread at a time.

    It waits as long as google-auth says, and breaks in google-auth's words.
    """

    def __init__(self) -> None:
        super().__init__(Elsewhere(threading.Event(), lambda uri: None))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: float | None = None,
        **named: Any,
    ) -> Any:  # fmt: skip
        self.http.timeout = timeout or TIMEOUT
        try:
            return super().__call__(url, method, body, headers, **named)
        except ssl.SSLCertVerificationError:
            raise
        except OSError as error:
            broken: Any = TransportError
            raise broken(error) from error


class Get(HttpRequest):  # type: ignore[misc]
    """A request that is sent once and stays a GET, however long its address."""

    def execute(self, http: Any = None, num_retries: int = 0) -> Any:
        response, content = (http or self.http).request(self.uri, method="GET", headers=self.headers)
        return self.postproc(response, content)


class Bytes(JsonModel):  # type: ignore[misc]
    """Answers as they came: what we need of them is decoded once, by the data set."""

    def response(self, resp: Any, content: bytes) -> bytes:
        if resp.status >= 300:
            raise Refused(resp.status, resp, content)
        return content


def trust() -> ssl.SSLContext:
    """Whom to trust: the file or folder the environment names, else the list that came with httplib2."""
    for name in AUTHORITIES:
        path = os.environ.get(name)
        if path and os.path.isdir(path):
            return ssl.create_default_context(capath=path)
        if path:
            try:
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                raise Unreachable(
                    f"The certificates that {name} names cannot be read: {error.strerror or 'not certificates'}.",
                    f"Let {name} name a PEM file of certificate authorities, or unset it.",
                ) from None
    return ssl.create_default_context(cafile=httplib2.certs.where())


def untrusted(error: ssl.SSLCertVerificationError) -> Unreachable:
    """What is said where somebody on the way, or nobody at all, vouches for Google's certificate."""
    return Unreachable(f"Google's certificate is not trusted: {error.verify_message}.", AUTHORITY)


def _proxy(host: str) -> str | None:
    if proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _asks_for_token(uri: str, body: Any) -> bool:
    """A form for a token endpoint, or a question to the IAM Credentials API, which signs and gives tokens only."""
    return isinstance(body, bytes) and (b"grant_type=" in body or SIGNS.search(uri) is not None)


def _is_token(uri: str, content: bytes) -> bool:
    try:
        found = decoder(Token).decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return bool(found.accessToken or found.signedJwt if SIGNS.search(uri) else found.access_token)
