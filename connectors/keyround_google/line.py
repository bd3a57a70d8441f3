"""The line to Google: connections handed out to whoever asks, and one token for each group of scopes.

Any thread may send. httplib2 is not safe between threads, so a connection is
one thread's alone until its answer has come. Closing the line ends whatever is
under way on it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google_auth_httplib2 import Request

from .transport import Closed, Refused, Transport

HANGING_UP = 5.0
"""Seconds for requests to end once the line is closed."""


class Line:
    """One tenant's connections. `over` is set once they are closed.

    `credentials` makes those of google-auth for a group of scopes; `asked` is told the address of every request.
    """

    def __init__(self, credentials: Callable[[tuple[str, ...]], Any], asked: Callable[[str], None]) -> None:
        self.over = threading.Event()
        self._credentials = credentials
        self._asked = asked
        self._lock = threading.Lock()
        self._idle: list[Transport] = []
        self._busy: set[Transport] = set()
        self._held: dict[tuple[str, ...], _Held] = {}

    def send(self, request: Any, scopes: tuple[str, ...]) -> Any:
        """What `request` gives. A token that is refused with 401 is renewed once.

        Raises Closed, Refused, what the network raises (transport.BROKEN) and what google-auth does.
        """
        try:
            with self._connection() as http:
                held = self._token(scopes)
                number = held.sign(request.headers, http)
                try:
                    return request.execute(http=http)
                except Refused as answer:
                    if answer.status != 401:
                        raise
                    held.renew(number, http)
                    held.sign(request.headers, http)
                    return request.execute(http=http)
        except Exception:
            if self.over.is_set():
                raise Closed from None
            raise

    def close(self) -> None:
        """From any thread."""
        self.over.set()
        patience = time.monotonic() + HANGING_UP
        # Again and again, since httplib2 dials anew when a line that it kept is dead.
        while (busy := self._under_way()) and time.monotonic() < patience:
            for http in busy:
                http.hang_up()
            time.sleep(0.02)
        with self._lock:
            for http in self._idle:
                http.close()

    def spare(self) -> Transport:
        """A connection that nobody else has, not dialled yet."""
        return Transport(self.over, self._asked)

    @contextmanager
    def _connection(self) -> Iterator[Transport]:
        with self._lock:
            http = self._idle.pop() if self._idle else self.spare()
            self._busy.add(http)
        whole = False
        try:
            yield http
            whole = True
        except Refused:
            whole = True
            raise
        finally:
            with self._lock:
                self._busy.discard(http)
                if whole:
                    self._idle.append(http)
            if not whole or self.over.is_set():
                http.close()

    def _under_way(self) -> list[Transport]:
        with self._lock:
            return list(self._busy)

    def _token(self, scopes: tuple[str, ...]) -> _Held:
        with self._lock:
            if scopes not in self._held:
                self._held[scopes] = _Held(self._credentials(scopes))
            return self._held[scopes]


class _Held:
    """The token of one group of scopes, fetched once however many threads need it."""

    def __init__(self, credentials: Any) -> None:
        self._credentials = credentials
        self._lock = threading.Lock()
        self._number = 0

    def sign(self, headers: dict[str, str], http: Transport) -> int:
        """Put the token into `headers`, a new one where it nears its end; gives the number of the token."""
        with self._lock:
            if not self._credentials.valid:
                self._credentials.refresh(Request(http))
                self._number += 1
            self._credentials.apply(headers)
            return self._number

    def renew(self, number: int, http: Transport) -> None:
        """Another token than number `number`, unless somebody else has fetched it meanwhile."""
        with self._lock:
            if number == self._number:
                self._credentials.refresh(Request(http))
                self._number += 1
