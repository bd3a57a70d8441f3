"""Questions that Graph answers for one account at a time, twenty to a batch.

What happens to one account is that account's own affair; what would happen to
every further one ends the asking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from keyround.errors import CollectError, Expired, NotEnabled, Throttled, Unexpected

if TYPE_CHECKING:
    from .graph import Graph, Question


def answers(
    graph: Graph, accounts: Sequence[str], question: Callable[[str], Question]
) -> Iterator[tuple[str, tuple[bytes, ...] | CollectError]]:
    """Each account with its answer, or why there is none; an account deleted meanwhile is left out.

    Raises CollectError where not one account was answered, where nobody in a
    whole batch was, and where waiting or the sign-in has come to its end.
    """
    from .graph import BATCH

    answered = False
    for start in range(0, len(accounts), BATCH):
        some = {question(account): account for account in accounts[start : start + BATCH]}
        failed: list[CollectError] = []
        for asked, answer in graph.batch(some):
            if isinstance(answer, CollectError):
                failed.append(answer)
                if _gone(answer):
                    continue
            else:
                answered = True
            yield some[asked], answer
        final = _final(failed, len(some))
        last = start + BATCH >= len(accounts)
        if final is None or (last and answered) or (len(accounts) == 1 and _gone(final)):
            continue
        raise _not_here(final.code) if isinstance(final, Unexpected) and final.code else final


def _final(failed: list[CollectError], asked: int) -> CollectError | None:
    """The error that every further account would meet too: the end of patience or sign-in, or nobody was answered."""
    for error in failed:
        if isinstance(error, Throttled | Expired):
            return error
    if len(failed) < asked:
        return None
    return next((error for error in failed if not _gone(error)), failed[0])


def _gone(error: CollectError) -> bool:
    return isinstance(error, Unexpected) and (error.code == "404" or error.code.lower().endswith("notfound"))


def _not_here(code: str) -> NotEnabled:
    """A question that is wrong for everybody is one that this cloud does not know."""
    return NotEnabled("This Microsoft cloud does not offer it for any account.", "Nothing to repair.", code=code)
