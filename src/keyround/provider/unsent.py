"""What was to be told and has not been: messages that wait, or of which nobody knows whether they arrived."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..config import Client, Config
from .work import PORTFOLIO

PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Unsent:
    """Of one client, or of the provider's own people. `why` is the reason of the newest that was refused."""

    name: str
    held: int = 0
    retried: int = 0
    unknown: int = 0
    failed: int = 0
    damaged: int = 0
    why: str = ""

    @property
    def wrong(self) -> bool:
        """Somebody has to look at it."""
        return bool(self.unknown or self.failed or self.damaged)

    @property
    def said(self) -> Iterator[str]:
        """Each with what to do."""
        if self.held:
            yield f"{_messages(self.held)} to be released: keyround send {self.name}"
        if self.retried:
            yield f"{_messages(self.retried)} not sent yet, tried again by itself: {self.why}"
        if self.failed:
            yield f"{_messages(self.failed)} given up: {self.why} See keyround send {self.name} --list"
        if self.unknown:
            yield f"whether {_messages(self.unknown)} arrived is not known. See keyround send {self.name} --list"
        if self.damaged:
            yield f"{_messages(self.damaged)} cannot be read. See keyround send {self.name} --list"


def _messages(number: int) -> str:
    return f"{number} message{'s' * (number != 1)}"


def unsent(config: Config, keys: Iterable[str]) -> list[Unsent]:
    """Of these clients and of the provider itself; without those that have nothing to say."""
    names = {**{key: key for key in keys}, PORTFOLIO: PROVIDER}
    there = [key for key in names if os.path.isdir(config.store / key / "outbox")]  # a closed folder is said elsewhere
    if not there:
        return []
    from .telling import Outbox

    found = []
    for key in there:
        outbox = Outbox(config.store / key)
        messages = outbox.messages()
        counts = Counter(
            {"sending": "unknown", "queued": "retried" if one.tries else ""}.get(one.state, one.state)
            for one in messages
        )
        refused = [one for one in messages if one.state == "failed" or (one.state == "queued" and one.tries)]
        why = max(refused, key=lambda one: one.changed or one.made).reason if refused else ""
        found.append(Unsent(names[key], counts["held"], counts["retried"], counts["unknown"], counts["failed"],
                            len(outbox.damaged()), why))  # fmt: skip
    return [one for one in found if any(one.said)]


def mute(config: Config, clients: Iterable[Client]) -> str:
    """Why mail that is asked for can never leave; "" where it can, or nobody asks."""
    asking = [f"[client.{client.key}.tell]" for client in clients if client.arranged.tell.mail]
    asking += ["[provider.tell]"] if config.tell.mail else []
    if config.mail or not asking:
        return ""
    more = f" and {len(asking) - 1} more" if len(asking) > 1 else ""
    return (f"No mail can leave: {asking[0]}{more} asks for it, and [provider.mail] is missing. "
            "Add it, with server, from, user and password.")  # fmt: skip
