"""One message into one channel, through Apprise: Teams, Slack, a webhook, and whatever else it knows.

Apprise answers yes or no. What a no means stands in its log only, which is read here in memory and never kept: its
lines may hold what its addresses hold, secrets. A no that is not surely a refusal counts as unanswered.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .outbox import Message
from .smtp import Refused, Unanswered

_READ = 30.0
"""Seconds to wait for an answer; an address may say otherwise with `rto`."""
_NEVER_LEFT = re.compile(
    r"Socket Exception:.*(NewConnectionError|ConnectTimeout|NameResolutionError|Connection refused|SSLError|getaddrinfo"
    r"|No route to host|Network is unreachable|ProxyError)",
    re.DOTALL,
)
_ANSWERED = re.compile(r"error=(4\d\d)\b")
_SENT = re.compile(r"^Sent\b")


def send(message: Message, address: str, leaving: Callable[[], bool]) -> None:
    """`address` is an Apprise address. Raises Refused or Unanswered; no reason holds anything of the address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its plugins load what Python is about to drop
        _send(message, address, leaving)


def _send(message: Message, address: str, leaving: Callable[[], bool]) -> None:
    from apprise import Apprise, AppriseAsset, NotifyFormat, OverflowMode

    asset = AppriseAsset(app_id="Keyround", app_desc="Keyround", app_url="", image_url_mask="", image_url_logo="",
                         async_mode=False)  # fmt: skip
    with _overheard() as lines:
        plugin = Apprise.instantiate(address.strip(), asset=asset, suppress_exceptions=True)
        if plugin is None:
            raise Refused("The channel's address is none that Apprise understands.", lasting=True)
        plugin.retry = 0  # whether to try again is decided here
        if plugin.socket_read_timeout == type(plugin).socket_read_timeout:
            plugin.socket_read_timeout = _READ
        if plugin.overflow_mode == OverflowMode.UPSTREAM:  # in several parts rather than refused for its length
            plugin.overflow_mode = OverflowMode.SPLIT
        channel = Apprise(asset=asset)
        channel.add(plugin)
        if not leaving():
            return
        if channel.notify(message.text, title=message.subject, body_format=NotifyFormat.TEXT):
            return
    if any(_SENT.search(line) for line in lines):
        raise Unanswered  # one part of several
    if any(_NEVER_LEFT.search(line) for line in lines):
        raise Refused("The channel could not be reached.")
    codes = [found[1] for line in lines if (found := _ANSWERED.search(line))]
    if codes:
        raise Refused(f"The channel answered {codes[-1]}.", lasting=codes[-1] not in ("408", "425", "429"))
    raise Unanswered


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What Apprise logs, and nobody else hears it."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log, listener = logging.getLogger("apprise"), Listener(logging.DEBUG)
    was = log.level, log.propagate
    log.addHandler(listener)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield lines
    finally:
        log.removeHandler(listener)
        log.level, log.propagate = was
