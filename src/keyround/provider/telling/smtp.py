"""One mail to one recipient, over SMTP.

Not through Apprise: its mail plugin only answers yes or no, and whoever must not send twice has to know whether a
message was refused, or left and was never answered for. Here the two are told apart by the last line that both sides
agree on: the server's answer to DATA. Until then nothing has left.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from ipaddress import ip_address

from ...errors import ConfigError
from ...export.clean import short
from ...rounds import Mail
from .outbox import Message

TIMEOUT = 60.0
_EXCEL = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


class Refused(Exception):
    """It was not accepted, for certain. `lasting`: trying again will not help before somebody corrects something."""

    def __init__(self, reason: str, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


class Unanswered(Exception):
    """It left, and nobody said whether it arrived."""


def written(message: Message, mail: Mail, now: datetime, attached: bytes = b"", name: str = "") -> bytes:
    """The mail as it travels. Its Message-ID is made of the message's id, so that a second copy can be recognised."""
    sender = _address(mail.sender)
    out = EmailMessage(policy=SMTP)
    out["From"], out["To"] = sender, _address(message.to)
    out["Subject"] = short(message.subject, 200)
    out["Date"] = now.replace(tzinfo=UTC)
    out["Message-ID"] = f"<{message.id}@{sender.domain}>"
    out["Auto-Submitted"] = "auto-generated"
    out.set_content(message.text, cte="7bit" if message.text.isascii() else "quoted-printable")
    if attached:
        out.add_attachment(attached, *_EXCEL, filename=name)
    return out.as_bytes()


def send(raw: bytes, to: str, mail: Mail, password: str, leaving: Callable[[], bool], timeout: float = TIMEOUT) -> None:
    """`leaving` is called just before the message leaves; False keeps it here. Raises Refused or Unanswered."""
    try:
        server = _connected(mail, timeout)
        try:
            server.ehlo_or_helo_if_needed()
            if mail.user:
                server.login(mail.user, password)
            _agreed(server.mail(_envelope(mail.sender)), "the sender")
            _agreed(server.rcpt(_envelope(to)), "the recipient")
            if not leaving():
                return
            _agreed(server.docmd("DATA"), "the message", goes_on=354)
            _transmit(server, raw)
            with suppress(smtplib.SMTPException, OSError):  # it was accepted, whatever comes now
                server.quit()
        finally:
            server.close()
    except smtplib.SMTPAuthenticationError as error:
        raise Refused(f"{mail.server} refused the user name or the password ({error.smtp_code}).") from error
    except smtplib.SMTPResponseException as error:
        raise Refused(f"{mail.server} answered {error.smtp_code}.", error.smtp_code >= 500) from error
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{mail.server} has no certificate that this computer trusts ({error.verify_message})."
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Refused(f"{mail.server} could not be reached, or broke off: {reason}.") from error


def _transmit(server: smtplib.SMTP, raw: bytes) -> None:
    try:
        server.send(re.sub(rb"(?m)^\.", b"..", raw) + (b"" if raw.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, _ = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise Unanswered from error
    if code != 250:
        raise Refused(f"The server answered {code} to the message.", code >= 500)


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
            raise Refused(f"{mail.server} offers no STARTTLS, so nothing was sent.") from error
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


def _agreed(answer: tuple[int, bytes], what: str, goes_on: int = 250) -> None:
    code, _ = answer
    if code not in (goes_on, 251 if goes_on == 250 else goes_on):
        raise Refused(f"The mail server refused {what} ({code}).", code >= 500)


def _address(text: str) -> Address:
    """With its domain as mail servers know it: bücher.example is xn--bcher-kva.example."""
    name, address = parseaddr(text)
    user, _, domain = address.rpartition("@")
    try:
        return Address(name, user, domain if domain.isascii() else domain.encode("idna").decode())
    except (UnicodeError, ValueError) as error:
        raise Refused(f"{short(text, 80)!r} is no mail address.", lasting=True) from error


def _envelope(text: str) -> str:
    return _address(text).addr_spec
