"""Where a client stands, out of recorded facts alone: no network, no disk, no clock.

new         nobody has invited it, and nobody has tried
invited     the consent mail is made; nobody has tried since
waiting     tried: its administrator has yet to let us in, or that has yet to take effect. Not a failure
active      it has let us in, and nothing later says otherwise
expiring    active, and something without which it will not be ends within 30 days
broken      refused, and not because anybody is waited for; or something it needs is over
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ...store.runs import Failure
from .facts import Access

SOON = 30  # days
NO_ENTRY = frozenset({"NotGranted", "Expired", "WrongTenant", "ConfigError"})
"""Kinds of failures that say that the way in is closed; others say nothing about it, or pass by themselves."""
Word = Literal["new", "invited", "waiting", "active", "expiring", "broken"]


@dataclass(frozen=True, slots=True)
class End:
    """Something that ends: `what` begins a sentence. `on` None: soon, the sentence is whole and says when."""

    what: str
    on: date | None = None
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """`since`: since when it is so, where that is known. `why` and `remedy` are empty where all is well."""

    word: Word
    since: datetime | None = None
    why: str = ""
    remedy: str = ""


def state(
    access: Access, failure: Failure | None, scanned: datetime | None, ends: Sequence[End], now: datetime
) -> State:
    """`failure`: of the last scheduled attempt; `scanned`: when the newest sealed snapshot was taken."""
    opened = max((at for at in (access.opened, scanned) if at), default=None)
    if refused := _refused(access, failure, opened):
        return refused
    if over := [end for end in ends if end.on and end.on < now.date()]:
        return State("broken", None, _sentence(over[0], now), over[0].remedy)
    if opened is None:
        return State("invited", access.invited) if access.invited else State("new")
    near = [end for end in ends if end.on is None or (end.on - now.date()).days <= SOON]
    if near:
        first = min(near, key=lambda end: end.on or date.max)
        return State("expiring", None, " ".join(_sentence(end, now) for end in near), first.remedy)
    return State("active", opened)


def awaited(access: Access, failure: Failure | None, scanned: datetime | None) -> bool:
    """A scheduled attempt was refused only because somebody who was asked for access has yet to give it."""
    asked = access.invited or any(one.waits for one in access.last)
    return bool(asked) and failure is not None and state(access, failure, scanned, (), failure.at).word == "waiting"


def _refused(access: Access, failure: Failure | None, opened: datetime | None) -> State | None:
    """What the newest test or scheduled attempt says, where it is newer than the last time we were let in."""
    wrong = next((one for one in access.last if not one.well and not one.waits), None)
    wrong = wrong or next((one for one in access.last if not one.well), None)
    tested = access.tested if wrong else None
    failed = failure.at if failure and failure.kind in NO_ENTRY else None
    if tested and (opened is None or tested >= opened) and (failed is None or failed <= tested):
        assert wrong is not None
        if wrong.kind and wrong.kind not in NO_ENTRY:
            return None  # the network, say: it tells nothing about the access
        why = wrong.detail or f"These permissions are missing: {', '.join(wrong.missing)}."
        if wrong.waits and opened is None:
            return State("waiting", access.first_tried or tested, why, wrong.remedy)
        return State("broken", tested, why, wrong.remedy)
    if failure and failed and (opened is None or failed > opened) and not (access.tested and access.tested > failed):
        if failure.kind == "NotGranted" and opened is None:
            return State("waiting", access.first_tried or failed, failure.detail, failure.remedy)
        return State("broken", failed, failure.detail, failure.remedy)
    return None


def _sentence(end: End, now: datetime) -> str:
    if end.on is None:
        return end.what
    days = (end.on - now.date()).days
    if days < 0:
        return f"{end.what} ended on {end.on:%d %b %Y}."
    left = f"in {days} days" if days > 1 else "tomorrow" if days else "today"
    return f"{end.what} ends {left}, on {end.on:%d %b %Y}."
