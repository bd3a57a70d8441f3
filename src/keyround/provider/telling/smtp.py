"""One mail to one recipient, over SMTP.

Not through Apprise: its mail plugin only answers yes or no, and whoever must not send twice has to know whether a
message was refused, or left and was never answered for. Here the two are told apart by the last line that both sides
agree on: the server's answer to DATA. Until then nothing has left.
"""

from __future__ import annotations

import base64
import os
import re
import smtplib
import ssl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from ipaddress import ip_address

from ...errors import ConfigError
from ...export.clean import short
from ...rounds import Mail
from .outbox import Message

TIMEOUT, PATIENCE = 60.0, 300.0
"""Seconds to wait for an answer, and for the one to a whole message, which a server may look through first."""
_PIECE = 64 * 1024
_LINE = 900
_EXCEL = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


class Refused(Exception):
    """It was not accepted, for certain. `lasting`: trying again will not help before somebody corrects something.
    `down`: the server takes none at present, whatever the message.
    """

    def __init__(self, reason: str, lasting: bool = False, down: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
        self.down = down


class Unanswered(Exception):
    """It left, and nobody said whether it arrived."""


def written(message: Message, mail: Mail, now: datetime, attached: bytes = b"", name: str = "") -> bytes:
    """The mail as it travels. Its Message-ID is made of the message's id, so that a second copy can be recognised."""
    sender = address(mail.sender)
    out = EmailMessage(policy=SMTP)
    out["From"], out["To"] = sender, address(message.to)
    out["Subject"] = short(message.subject, 200)
    out["Date"] = now.replace(tzinfo=UTC)
    out["Message-ID"] = f"<{message.id}@{sender.domain}>"
    out["Auto-Submitted"] = "auto-generated"
    plain = message.text.isascii() and max(map(len, message.text.splitlines()), default=0) < _LINE
    out.set_content(message.text, cte="7bit" if plain else "quoted-printable")
    if attached:
        out.add_attachment(attached, *_EXCEL, filename=name)
    return out.as_bytes()


def send(
    raw: bytes, to: str, mail: Mail, password: str, leaving: Callable[[], bool], timeout: float = TIMEOUT,
    patience: float = PATIENCE,
) -> None:  # fmt: skip
    """`leaving` is called just before the message leaves; False keeps it here. Raises Refused or Unanswered."""
    sender, recipient = _envelope(mail.sender), _envelope(to)
    with _said(mail, timeout, down=True):
        server = _connected(mail, timeout)
    try:
        with _said(mail, timeout, down=True):
            server.ehlo_or_helo_if_needed()
            if mail.user:
                _login(server, mail.user, password)
        with _said(mail, timeout):
            size = [f"size={len(raw)}"] if server.has_extn("size") else []
            _agreed(server.mail(sender, size), "the sender or the size", lasting=(552,))
            _agreed(server.rcpt(recipient), "the recipient")
            if not leaving():
                return
            _agreed(server.docmd("DATA"), "the message", goes_on=354)
            _transmit(server, raw, patience)
        with suppress(smtplib.SMTPException, OSError):  # it was accepted, whatever comes now
            server.quit()
    finally:
        server.close()


@contextmanager
def _said(mail: Mail, timeout: float, down: bool = False) -> Iterator[None]:
    """What the library says as it fails, as Refused: nothing of the message has left then."""
    at = f"{mail.server}:{mail.port}"
    try:
        yield
    except smtplib.SMTPAuthenticationError as error:
        raise Refused(f"{mail.server} refused the user name or the password ({error.smtp_code}).", down=True) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Refused(
            f"{mail.server} offers no login that we know; remove `user` if it needs none.", down=True
        ) from error
    except smtplib.SMTPResponseException as error:
        words = _words(error.smtp_error)
        raise Refused(
            f"{mail.server} answered {error.smtp_code}{words}.", not down and error.smtp_code >= 500, down
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{mail.server} has no certificate that this computer trusts ({error.verify_message}).", down=True
        ) from error
    except ssl.SSLError as error:
        raise Refused(
            f'{at} does not encrypt as expected: usual are port 587 with security = "starttls", 465 with "tls".',
            down=True,
        ) from error
    except TimeoutError as error:
        raise Refused(f"{at} did not answer within {timeout:.0f} seconds.", down=True) from error
    except (smtplib.SMTPException, OSError) as error:
        reason = getattr(error, "strerror", None) or short(str(error), 160).rstrip(".") or "the connection ended"
        raise Refused(f"{at} could not be reached, or broke off: {reason}.", down=down) from error


def _login(server: smtplib.SMTP, user: str, password: str) -> None:
    """The library only knows ASCII; a password may hold an umlaut."""
    if (user + password).isascii():
        server.login(user, password)
        return
    if "PLAIN" not in server.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError
    answer = server.docmd("AUTH", "PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())
    if answer[0] not in (235, 503):
        raise smtplib.SMTPAuthenticationError(*answer)


def _transmit(server: smtplib.SMTP, raw: bytes, patience: float) -> None:
    """Until the last line, the dot, has left, no server takes it for a message."""
    body = re.sub(rb"(?m)^\.", b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n")
    for start in range(0, len(body), _PIECE):  # each in its own time: a large one takes long on a thin line
        server.send(body[start : start + _PIECE])
    try:
        if server.sock:
            server.sock.settimeout(patience)
        server.send(b".\r\n")
        code, said = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise Unanswered from error
    if code != 250:
        raise Refused(f"The server answered {code} to the message{_words(said)}.", code >= 500)


def _connected(mail: Mail, timeout: float) -> smtplib.SMTP:
    if mail.security == "none" and mail.user and not local(mail.server):
        raise ConfigError(
            '[provider.mail]: security = "none" would send the password in clear.', 'Write security = "starttls".'
        )
    if mail.security == "tls":
        return smtplib.SMTP_SSL(mail.server, mail.port, timeout=timeout, context=_trust())
    server = smtplib.SMTP(mail.server, mail.port, timeout=timeout)
    if mail.security == "starttls":
        try:
            server.starttls(context=_trust())
        except smtplib.SMTPNotSupportedError as error:
            server.close()
            raise Refused(f"{mail.server} offers no STARTTLS, so nothing was sent.", down=True) from error
        except BaseException:
            server.close()
            raise
    return server


def local(server: str) -> bool:
    """It is this computer."""
    try:
        return ip_address(server.strip("[]")).is_loopback
    except ValueError:
        return server == "localhost"


def _trust() -> ssl.SSLContext:
    """What this computer trusts, and the authority of a company that a variable names."""
    return _trusting(tuple(os.environ.get(name, "") for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")))


@cache
def _trusting(bundles: tuple[str, ...]) -> ssl.SSLContext:
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for path in filter(os.path.isfile, bundles):
        context.load_verify_locations(path)
    return context


def _agreed(
    answer: tuple[int, bytes], what: str, goes_on: int = 250, lasting: Collection[int] = range(500, 600)
) -> None:
    code, said = answer
    if code not in (goes_on, 251 if goes_on == 250 else goes_on):
        raise Refused(f"The mail server refused {what} ({code}{_words(said)}).", code in lasting)


def _words(said: bytes | str) -> str:
    """What the server said besides its number, which is often all that explains it."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f": {short(text, 160).rstrip('. ')}" if text.strip() else ""


def address(text: str) -> Address:
    """Of "Name <mail@domain>" or the mail address alone, with its domain as mail servers know it: bücher.example is
    xn--bcher-kva.example. Raises Refused.
    """
    named = re.fullmatch(r"(.*)<([^<>]*)>", text.strip(), re.DOTALL)
    name, plain = (short(named[1].replace('"', ""), 100), named[2]) if named else ("", text.strip())
    user, _, domain = plain.rpartition("@")
    try:
        if not user.isascii():
            raise ValueError(user)  # few servers take it, and fewer pass it on
        return Address(name, addr_spec=f"{user}@{domain if domain.isascii() else domain.encode('idna').decode()}")
    except (MessageError, UnicodeError, ValueError, IndexError) as error:
        raise Refused(f"{short(text, 80)!r} is no address that mail can be sent to.", lasting=True) from error


def _envelope(text: str) -> str:
    return address(text).addr_spec
