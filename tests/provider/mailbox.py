"""A real mail server on loopback that keeps what it accepts, and can behave as bad ones do."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Mailbox:
    """`answers` are given to RCPT, the first to the first; `silent`: what arrives whole is never answered for."""

    port: int = 0
    got: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    silent: bool = False
    arrived: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        self.got.append((envelope.rcpt_tos, message))
        self.arrived.set()
        if self.silent:
            server.transport.abort()
        return "250 OK"

    def to(self) -> list[str]:
        return [to for tos, _ in self.got for to in tos]


@contextmanager
def mailbox(tls: ssl.SSLContext | None = None, password: str = "") -> Iterator[Mailbox]:
    """With `tls` it offers STARTTLS and takes nothing without; with `password` nothing without a login."""
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        box.port = free.getsockname()[1]

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=getattr(data, "password", b"") == password.encode(), handled=False)

    more: dict[str, Any] = {"tls_context": tls, "require_starttls": True} if tls else {}
    if password:
        more |= {"authenticator": login, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@contextmanager
def deaf(most: int | None = None) -> Iterator[Mailbox]:
    """It takes a message whole and then says nothing, for as long as somebody listens; or goes after `most` bytes."""
    box, stop = Mailbox(), threading.Event()

    def serve(listener: socket.socket) -> None:
        while not stop.is_set():
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with suppress(ConnectionError), line, line.makefile("rb") as said:
                line.sendall(b"220 deaf\r\n")
                inside = False
                content: list[bytes] = []
                for word in said:
                    if inside and word == b".\r\n":
                        box.got.append((["?"], EmailMessage()))
                        box.arrived.set()
                        stop.wait(20)
                        return
                    if inside:
                        content.append(word)
                        if most is not None and sum(map(len, content)) > most:
                            line.shutdown(socket.SHUT_RDWR)
                            break
                        continue
                    inside = word.upper().startswith(b"DATA")
                    line.sendall(b"354 go on\r\n" if inside else b"250 OK\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        box.port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        try:
            yield box
        finally:
            stop.set()
            with socket.socket() as last:  # accept returns
                last.connect_ex(("127.0.0.1", box.port))
            thread.join(5)
