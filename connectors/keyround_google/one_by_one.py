"""Questions that Google answers for one person at a time, a hundred to a batch.

What happens to one person is that person's own affair; what happens to everybody
ends the asking. Whoever is suspended or archived is not asked: Google answers
401 for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from keyround.errors import CollectError, Unexpected

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.directory.user.security"
"""Of applications let in, app passwords and backup codes. It would also allow to revoke them; there is no smaller."""
ENOUGH = 100
"""So many people of whom not one was answered are everybody."""


def answers(
    admin: Admin, accounts: Sequence[str], question: Callable[[str], Any]
) -> Iterator[tuple[str, bytes | CollectError]]:
    """Each account with its answer, or why there is none; one that was deleted meanwhile is left out.

    Raises CollectError for what concerns everybody.
    """
    answered = False
    failed: list[tuple[str, CollectError]] = []
    for account, answer in admin.batch(((account, question(account)) for account in accounts), (SCOPE,)):
        if isinstance(answer, bytes):
            answered = True
            yield from failed
            failed = []
            yield account, answer
        elif not _gone(answer):
            failed.append((account, answer))
            if not answered and len(failed) >= ENOUGH:
                break
    if failed and not answered:
        raise failed[0][1]
    yield from failed


def _gone(answer: CollectError) -> bool:
    return isinstance(answer, Unexpected) and answer.code in ("notFound", "NOT_FOUND", "HTTP 404", "HTTP 410")
