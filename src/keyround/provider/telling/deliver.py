"""Emptying a queue: every message that is due is tried once, and what became of it is on the disk before the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ...config import Client, Config
from ...errors import ConfigError, KeyroundError, StoreError
from ...secrets import resolve
from ...words import say, speaking
from . import channels, smtp
from .outbox import LONGEST, Message, Outbox, folder_of, named

_FIRST, _MOST = timedelta(minutes=5), 12
INTERRUPTED = "Sending was interrupted: whether it arrived is not known."
UNANSWERED = "It was handed over, and no answer came: whether it arrived is not known."


@dataclass(frozen=True, slots=True)
class Sent:
    """One message and what became of it."""

    message: Message

    @property
    def fine(self) -> bool:
        return self.message.state == "sent"


def pending(root: Path, now: datetime) -> bool:
    """Something lies in the queue of `root` that would be tried now, or was interrupted."""
    return any(one.due(now) or one.state == "sending" for one in Outbox(root).messages())


def unclear(root: Path) -> list[Message]:
    """What a person has to decide on: it failed for good, or nobody knows whether it arrived."""
    return [one for one in Outbox(root).messages() if one.state in ("unknown", "failed")]


def deliver(
    config: Config, client: Client | None, now: Callable[[], datetime], only: Collection[str] | None = None
) -> Iterator[Sent]:
    """Try what is due in the client's queue, or in the provider's own; `only`: of these ids. Raises StoreError.

    A configuration that lacks something is a reason for each message, not an end for the others. A mail server that
    cannot be used is not asked again for the next one.
    """
    outbox = Outbox(folder_of(config.store, client.key if client else None))
    if not outbox.folder.is_dir():
        return
    with outbox.sending() as alone:
        if not alone:
            return
        outbox.tidy(now())
        if client is None and only is None:
            _gather(outbox, config.language, now())
        down: list[smtp.Refused] = []
        for message in outbox.messages():
            if message.state == "sending":  # nobody else is: the process that was has died
                yield Sent(outbox.become(message, "unknown", now(), reason=INTERRUPTED))
            elif message.due(now()) and (only is None or message.id in only):
                yield Sent(_try(config, client, outbox, message, now, down))


def _gather(outbox: Outbox, language: str, now: datetime) -> None:
    """Many clients failing at once, as when the network is down, are one message to each reader.

    It is named after its parts and laid down before they are dropped: an interruption in between is made good here.
    """
    every = outbox.messages()
    parts = {
        part: one.id for one in every if one.kind == "failure" for part in one.about.split("+") if "+" in one.about
    }
    waiting: dict[tuple[str, str], list[Message]] = {}
    for one in every:
        if one.kind == "failure" and one.due(now) and "+" not in one.about:
            if one.id in parts:
                outbox.decide(one, "dropped", now, reason=f"Told in {parts[one.id]}.")
            else:
                waiting.setdefault((one.through, one.to), []).append(one)
    for (_, to), found in waiting.items():
        if len(found) > 1:
            about = "+".join(one.id for one in found)
            with speaking(language):
                subject = say("telling.failures", n=len(found))
            text = f"\n{'-' * 72}\n\n".join(one.text for one in found)
            together = replace(found[0], id=named("", about, "failure", to), client="", about=about, subject=subject,
                               text=text, tries=0, retry_at=None)  # fmt: skip
            outbox.add(together)
            for one in found:
                outbox.decide(one, "dropped", now, reason=f"Told in {together.id}.")


def _try(
    config: Config, client: Client | None, outbox: Outbox, message: Message, now: Callable[[], datetime],
    down: list[smtp.Refused],
) -> Message:  # fmt: skip
    left: list[bool] = []

    def leaving() -> bool:
        left.append(outbox.claim(message, now()))
        return left[-1]

    try:
        if message.through == "channel":
            _channel(config, client, outbox, message, now, leaving)
        elif down:
            raise down[0]
        else:
            _mail(config, client, outbox, message, now, leaving)
    except smtp.Unanswered:
        with _marking(message):
            return outbox.become(message, "unknown", now(), tries=message.tries + 1, reason=UNANSWERED)
    except smtp.Refused as error:
        if error.down and not down:
            down.append(error)
        return _again(outbox, message, now(), error.reason, error.lasting)
    except StoreError:  # it could not be claimed, so it has not left
        raise
    except KeyroundError as error:  # the configuration may be corrected any time
        return _again(outbox, message, now(), f"{error.detail} {error.remedy}")
    except Exception as error:  # of this one message; the others go on
        if any(left):
            return outbox.become(message, "unknown", now(), tries=message.tries + 1, reason=UNANSWERED)
        return _again(outbox, message, now(), f"Keyround itself made a mistake with it ({type(error).__name__}).")
    if not left[-1]:
        return message
    with _marking(message):
        return outbox.become(message, "sent", now(), tries=message.tries + 1, reason="")


@contextmanager
def _marking(message: Message) -> Iterator[None]:
    """It has left: an error must not say that it has not."""
    try:
        yield
    except StoreError as error:
        raise StoreError(
            error.detail, error.remedy,
            f"The message to {message.to} has left, which could not be noted: it may be listed as unknown.",
        ) from error  # fmt: skip


def _again(outbox: Outbox, message: Message, now: datetime, reason: str, lasting: bool = False) -> Message:
    tries = message.tries + 1
    if lasting or tries >= _MOST:
        return outbox.become(message, "failed", now, tries=tries, reason=reason)
    retry_at = now + min(_FIRST * 2 ** (tries - 1), LONGEST)
    return outbox.become(message, "queued", now, tries=tries, retry_at=retry_at, reason=reason)


def _mail(
    config: Config, client: Client | None, outbox: Outbox, message: Message, now: Callable[[], datetime],
    leaving: Callable[[], bool],
) -> None:  # fmt: skip
    mail = config.mail
    if mail is None:
        raise ConfigError(
            f"{config.path.name} does not say how mail leaves.",
            "Add [provider.mail] with server, from, user and password.",
        )
    password = resolve("[provider.mail] password", mail.password, config.path.parent).strip() if mail.password else ""
    attached, name = b"", ""
    if message.attached:
        try:
            attached = (outbox.folder / message.attached).read_bytes()
        except OSError as error:
            raise smtp.Refused("The workbook that goes along is gone.", lasting=True) from error
        name = message.attached.partition("-")[2]
    raw = smtp.written(message, mail, now().replace(tzinfo=UTC), attached, name)
    smtp.send(raw, message.to, mail, password, leaving)


def _channel(
    config: Config, client: Client | None, outbox: Outbox, message: Message, now: Callable[[], datetime],
    leaving: Callable[[], bool],
) -> None:  # fmt: skip
    place = f"[client.{client.key}.tell] channels" if client else "[provider.tell] channels"
    folder = (client.file if client and client.file else config.path).parent
    channels.send(message, resolve(place, message.to, folder), leaving)
