"""Microsoft's own score of the tenant, day by day.

Endpoint    GET /security/secureScores  (v1.0)
Permission  SecurityEvents.Read.All
Gaps        kept 90 days; what counts, and how much, changes from month to month
Source      https://learn.microsoft.com/graph/api/security-list-securescores
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.errors import Unexpected
from keyround.model import SecureScore

from . import modules
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

DAYS = 90


class _Average(msgspec.Struct):
    basis: str | None = None
    averageScore: float | None = None


class _Control(msgspec.Struct):
    controlName: str | None = None
    score: float | None = None
    scoreInPercentage: float | None = None
    description: str | None = None


class _Score(msgspec.Struct):
    createdDateTime: str | None = None
    currentScore: float | None = None
    maxScore: float | None = None
    averageComparativeScores: list[_Average] | None = None
    controlScores: list[_Control] | None = None


class _Scores(msgspec.Struct):
    value: list[_Score]


class Page(msgspec.Struct, frozen=True):
    """`newest`: the latest score stands in this page."""

    body: bytes
    newest: bool


def pages(graph: Graph, window: Window) -> Iterator[Page]:
    from .graph import Question, listing

    newest = True
    for body in listing(graph, Question("security/secureScores", "SecurityEvents.Read.All", top=DAYS)):
        yield Page(body, newest)
        newest = False


def rows(page: Page) -> Iterator[SecureScore]:
    scores = decode(page.body, _Scores).value
    days = []
    for score in scores:
        when = instant(score.createdDateTime)
        if when is None:
            raise Unexpected("A security score has no readable day.")
        days.append(when)
        averages = {(one.basis or "").lower(): one.averageScore for one in score.averageComparativeScores or []}
        part = score.currentScore / score.maxScore if score.currentScore is not None and score.maxScore else None
        yield SecureScore(
            scored_at=when,
            score=score.currentScore,
            most=score.maxScore,
            percent=None if part is None else 100 * part,
            average=averages.get("alltenants"),
        )
    if page.newest and days:
        when = max(days)
        for control in scores[days.index(when)].controlScores or []:
            if control.controlName:
                yield SecureScore(
                    scored_at=when,
                    control=control.controlName,
                    score=control.score,
                    percent=control.scoreInPercentage,
                    about=control.description or None,
                )


DATASET = modules.optional(
    DataSet(
        name="secure_scores",
        fills=(SecureScore,),
        pages=pages,
        rows=rows,
        tells="how Microsoft itself scores the tenant, and whether that grows",
        source="https://learn.microsoft.com/graph/api/security-list-securescores",
        grants=("SecurityEvents.Read.All",),
        module="score",
    )
)
