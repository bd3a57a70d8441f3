"""What a sheet leaves out where people are not called by name, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..engine.results import Scan
from ..words import say
from .blocks import Column, Text


def shown(
    scan: Scan, columns: Collection[Column], usernames: Collection[int] = (), uses: Collection[int] = ()
) -> list[int]:
    """The places of the columns that may stand there. `uses`: those that say when and from where somebody signed in."""
    left_out = set(usernames if scan.presentation.names != "full" else ())
    left_out |= set(uses if scan.presentation.use_hidden else ())
    return [n for n in range(len(columns)) if n not in left_out]


def about(scan: Scan) -> Iterator[Text]:
    """Why a sheet of people does not say when and from where they signed in."""
    if scan.presentation.use_hidden:
        yield Text(say("private.use_hidden"), "note")


def how(scan: Scan) -> Iterator[Text]:
    """How people are called in this report, and who can find out more."""
    presentation = scan.presentation
    called = presentation.names if not presentation.parted else f"{presentation.names}_parted"
    yield Text(say(f"private.{called}"))
    if presentation.works_council:
        yield Text(say("private.works_council"))
    if presentation.private:
        yield Text(say("private.key", client=scan.client))


def often(records: int | None) -> str:
    """How often, in so few words that nobody can be told apart by it."""
    if records is None:
        return say("unknown")
    return say("private.few" if records <= 5 else "private.several" if records <= 20 else "private.many")
