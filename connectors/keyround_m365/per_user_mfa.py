"""The older switch that demands a second factor of one account: disabled, enabled or enforced.

Endpoint    GET /users/{id}/authentication/requirements  (beta), twenty in one $batch
            GET /users?$select=perUserMfaState  (v1.0, falling back to beta): not documented, and so never believed
            before a sample of it was compared with the documented answer
Permission  Policy.Read.All; User.Read.All for the listing
Gaps        accounts that are switched off are not asked; trusted addresses and remembered devices cannot be read
Source      https://learn.microsoft.com/graph/api/authentication-get
            https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userstates
"""

# "disabled" is the normal value: security defaults and Conditional Access do not show here.

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotEnabled, NotGranted, Unexpected
from keyround.model import Setting

from . import one_by_one

if TYPE_CHECKING:
    from .graph import Graph, Question

GRANTS = "Policy.Read.All"
SAMPLE = 20  # accounts whose listed state is compared; where there are no more, all of them are simply asked
UNREAD = "The report cannot say of some accounts whether the per-user setting demands a second factor."
_OFF = "disabled"


class _State(msgspec.Struct):
    perUserMfaState: str | None = None


class _User(_State):
    id: str = ""


class _Users(msgspec.Struct):
    value: list[_User]


class Page(msgspec.Struct, frozen=True):
    """States by account as Microsoft wrote them, and where."""

    states: dict[str, str]
    source: str


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    accounts = graph.noted.known_accounts()
    listed = _listed(graph, accounts) if len(accounts) > SAMPLE else {}
    sample = _sample(accounts, listed)
    asked = yield from _asked(graph, sample)
    if listed and asked and all(_same(listed[account], state) for account, state in asked.items()):
        yield Page({account: state for account, state in listed.items() if account not in asked}, "users")
    else:
        listed = {}
    yield from _asked(graph, [account for account in accounts if account not in {*sample, *listed}])
    if cut_short := graph.noted.failed.get("users"):
        raise cut_short.about(UNREAD)


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def _listed(graph: Graph, accounts: Sequence[str]) -> dict[str, str]:
    """The states that the listing tells of `accounts`; {} where it tells none or takes no such question."""
    from .graph import Question

    wanted = frozenset(accounts)
    for beta in (False, True):
        question = Question("users", "User.Read.All", select="id,perUserMfaState", top=999, beta=beta)
        try:
            found = [user for body in graph.pages(question) for user in decode(body, _Users).value]
        except (NotGranted, NotEnabled, Unexpected):
            continue
        return {user.id: user.perUserMfaState for user in found if user.perUserMfaState and user.id in wanted}
    return {}


def _sample(accounts: Sequence[str], listed: dict[str, str]) -> list[str]:
    """Of the listed ones: whoever is not simply "disabled", up to half the sample, and others from everywhere."""
    if not listed:
        return []
    special = [account for account in accounts if not _same(listed.get(account, _OFF), _OFF)][: SAMPLE // 2]
    others = [account for account in accounts if _same(listed.get(account, ""), _OFF)]
    return [*special, *others[:: max(1, len(others) // (SAMPLE - len(special)))][: SAMPLE - len(special)]]


def _asked(graph: Graph, accounts: Sequence[str]) -> Generator[Page | Without, None, dict[str, str]]:
    """Asks one by one; returns the states that were told."""
    told: dict[str, str] = {}
    for account, answer in one_by_one.answers(graph, accounts, _question):
        if isinstance(answer, CollectError):
            yield Without(("per_user_mfa",), answer.about(UNREAD))
        elif state := decode(answer[0], _State).perUserMfaState:
            told[account] = state
            yield Page({account: state}, "authentication requirements")
    return told


def _question(account: str) -> Question:
    from .graph import Question

    return Question(f"users/{account}/authentication/requirements", GRANTS, beta=True)


def rows(page: Page) -> Iterator[Setting]:
    for account, state in page.states.items():
        yield Setting("per_user_mfa", state.lower(), f"account:{account}", page.source)


DATASET = DataSet(
    name="per_user_mfa",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="for whom the older per-user setting demands a second factor",
    source="https://learn.microsoft.com/graph/api/authentication-get",
    grants=("Policy.Read.All",),
    required=False,
    after=("users",),
)
