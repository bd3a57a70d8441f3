"""Messages on disk: one file for each message to one recipient, replaced whole at every change.

    queued    is sent when somebody delivers; after a refusal not before `retry_at`
    held      waits until a person releases it
    sending   is leaving at this moment; found without anybody sending it, it is unknown
    sent      was accepted by the other side
    unknown   it left, and nobody knows whether it arrived: only a person sends it again
    failed    it was refused for good, or too often
    dropped   will not be sent: a newer report took its place, or a person said so

"Sending" is on the disk before the message leaves. So a crash can lose the knowledge that it arrived, and never sends
it twice. Two locks: `.sending` is held by whoever delivers, `.changing` while one state becomes another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from filelock import FileLock, Timeout

from ...errors import StoreError
from ...store.disk import private, put

State = Literal["queued", "held", "sending", "sent", "unknown", "failed", "dropped"]
Kind = Literal["report", "takeover", "review", "failure", "recovered", "expiring", "portfolio", "mail", "test"]
OVER: tuple[State, ...] = ("sent", "dropped")
_ID = re.compile(r"[0-9a-f]{16}")
NEW = ".new-"
_KEPT = timedelta(days=90)
LONGEST = timedelta(hours=6)
"""Nothing waits longer for its next try."""
_UNUSED = timedelta(days=1)
PROVIDER = ".provider"


@dataclass(frozen=True, slots=True)
class Message:
    """`to` is a mail address, or the reference to a channel's Apprise address. `attached` names a file that lies beside
    the message. Instants are naive UTC. Once it is over the text is forgotten; that it was sent stays known a while.
    """

    id: str
    client: str
    kind: Kind
    about: str
    to: str
    through: Literal["mail", "channel"]
    subject: str
    text: str
    made: datetime
    state: State = "queued"
    tries: int = 0
    retry_at: datetime | None = None
    changed: datetime | None = None
    reason: str = ""
    attached: str = ""

    @property
    def waits(self) -> bool:
        """It has not left yet."""
        return self.state in ("queued", "held")

    def due(self, now: datetime) -> bool:
        """Also where the clock went ahead when it was refused, and was set back since."""
        return self.state == "queued" and (self.retry_at is None or not now < self.retry_at <= now + LONGEST)


def named(client: str, about: str, kind: str, to: str) -> str:
    """A message's id: the same for the same thing told to the same recipient, on whichever day it is laid down."""
    return hashlib.sha256("\0".join((client, about, kind, to.casefold())).encode()).hexdigest()[:16]


def folder_of(store: Path, client: str | None) -> Path:
    """The folder whose `outbox` holds the client's messages, or the provider's own."""
    return store / (client or PROVIDER)


class Outbox:
    """The messages of one client, or the provider's."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "outbox"

    def messages(self) -> list[Message]:
        """In the order in which they were made. What cannot be read is left where it lies: see `damaged`."""
        if not self.folder.is_dir():
            return []
        found = [message for file in self.folder.glob("*.json") if (message := self._read(file.stem))]
        return sorted(found, key=lambda one: (one.made, one.id))

    def damaged(self) -> list[Path]:
        """Files of messages that cannot be read: nobody knows what became of these."""
        return sorted(file for file in self.folder.glob("*.json") if file.is_file() and self._read(file.stem) is None)

    def _read(self, message_id: str) -> Message | None:
        try:
            return msgspec.json.decode(self.path(message_id).read_bytes(), type=Message)
        except (OSError, ValueError, RecursionError):
            return None

    def path(self, message_id: str) -> Path:
        return self.folder / f"{message_id}.json"

    def add(self, message: Message) -> bool:
        """Lay it down, unless it was before: then what became of it stays. Raises StoreError."""
        with self.changing():
            if self.path(message.id).exists():
                return False
            self._write(message)
            return True

    def become(self, message: Message, state: State, now: datetime, **more: object) -> Message:
        """The same in another state, on the disk before this returns; for whoever holds `sending`.

        Raises StoreError.
        """
        with self.changing():
            return self._become(message, state, now, **more)

    def decide(self, message: Message, state: State, now: datetime, **more: object) -> bool:
        """The same for everybody else: only while it still is as it was looked at. Raises StoreError."""
        with self.changing():
            if same := self._read(message.id) == message:
                self._become(message, state, now, **more)
            return same

    def _become(self, message: Message, state: State, now: datetime, **more: object) -> Message:
        changed = replace(message, state=state, changed=now, **more)  # type: ignore[arg-type]
        if state in OVER:
            changed = replace(changed, text="", attached="")
        self._write(changed)
        if message.attached and not changed.attached:
            self._forget(message.attached)
        return changed

    def claim(self, message: Message, now: datetime) -> bool:
        """It is leaving: from here on nobody sends it again by himself. False where somebody was faster."""
        with self.changing():
            found = self._read(message.id)
            if found is None or found.state != message.state:
                return False
            self._write(replace(message, state="sending", changed=now, tries=message.tries + 1))
            return True

    def supersede(self, kind: str, about: str, now: datetime) -> None:
        """A newer one takes the place of those that still wait. Raises StoreError."""
        for one in self.messages():
            if one.kind == kind and one.about != about and one.waits:
                self.decide(one, "dropped", now, reason="A newer one took its place.")

    def tidy(self, now: datetime) -> None:
        """Forget what came to its end, whichever, long ago, and what a process that was killed left behind."""
        used = {one.attached for one in self.messages()}
        for file in self.folder.glob("*.xlsx"):
            with suppress(OSError):
                if file.name not in used and _older(file, now - _UNUSED):
                    file.unlink()
        for one in self.over(now):
            with suppress(OSError):
                self.path(one.id).unlink()
            if one.attached:
                self._forget(one.attached)

    def over(self, now: datetime) -> list[Message]:
        """What came to its end that long ago."""
        ended = (one for one in self.messages() if one.state not in ("queued", "held", "sending"))
        return [one for one in ended if (one.changed or one.made) < now - _KEPT]

    def lay_beside(self, name: str, content: bytes) -> str:
        """A file that goes along with messages, for this user alone, under its own name. Raises StoreError."""
        with self.changing():
            put(self.folder / name, content)
        return name

    def _forget(self, attached: str) -> None:
        if not any(one.attached == attached for one in self.messages()):
            with suppress(OSError):
                (self.folder / attached).unlink()

    def _write(self, message: Message) -> None:
        if not _ID.fullmatch(message.id):
            raise StoreError("A message has no id of ours.")
        put(self.path(message.id), msgspec.json.encode(message))

    @contextmanager
    def changing(self) -> Iterator[None]:
        with refusals():
            private(self.folder)
            with FileLock(self.folder / ".changing", mode=0o600):
                for left in self.folder.glob(f"{NEW}*"):  # of a process that was killed here: all write under this lock
                    left.unlink(missing_ok=True)
                yield

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """False where another process is delivering: it takes what is due as well."""
        with refusals():
            private(self.folder)
        lock = FileLock(self.folder / ".sending", mode=0o600)
        with refusals(), suppress(Timeout):
            lock.acquire(timeout=0)
        if not lock.is_locked:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def _older(file: Path, than: datetime) -> bool:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None) < than


@contextmanager
def refusals() -> Iterator[None]:
    """What the disk says, as a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"A message could not be written to the disk: {error.strerror}.",
            "Free some space or correct the permissions, then run the command again.",
            "It was not sent.",
        ) from error
