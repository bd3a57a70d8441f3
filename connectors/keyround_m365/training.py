"""Simulated attacks and trainings: who was tried, who fell for it, who has learnt since.

Endpoint    GET /reports/security/getAttackSimulationSimulationUserCoverage, …TrainingUserCoverage,
            …RepeatOffenders  (v1.0)
Permission  AttackSimulation.Read.All
Plan        Defender for Office 365 Plan 2, part of Microsoft 365 E5
Gaps        only Microsoft's own simulations; who reported a simulated attack is not in these reports
Source      https://learn.microsoft.com/graph/api/securityreportsroot-getattacksimulationsimulationusercoverage
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.model import Training

from . import modules
from .wire import count, instant

if TYPE_CHECKING:
    from .graph import Graph

GRANT = "AttackSimulation.Read.All"


class _User(msgspec.Struct):
    userId: str | None = None
    email: str | None = None


class _Given(msgspec.Struct):
    trainingStatus: str | None = None
    assignedDateTime: str | None = None
    completionDateTime: str | None = None


class _Coverage(msgspec.Struct):
    """One entry of any of the three reports."""

    attackSimulationUser: _User | None = None
    simulationCount: int | None = None
    clickCount: int | None = None
    compromisedCount: int | None = None
    latestSimulationDateTime: str | None = None
    userTrainings: list[_Given] | None = None
    repeatOffenceCount: int | None = None


class _Coverages(msgspec.Struct):
    value: list[_Coverage]


class Page(msgspec.Struct, frozen=True):
    """All pages of the three reports: a person stands in one of them or in all."""

    simulations: tuple[bytes, ...]
    trainings: tuple[bytes, ...]
    offenders: tuple[bytes, ...]


def pages(graph: Graph, window: Window) -> Iterator[Page]:
    from .graph import Question, listing

    def report(name: str) -> tuple[bytes, ...]:
        return tuple(listing(graph, Question(f"reports/security/getAttackSimulation{name}", GRANT)))

    yield Page(report("SimulationUserCoverage"), report("TrainingUserCoverage"), report("RepeatOffenders"))


def rows(page: Page) -> Iterator[Training]:
    simulations, trainings, offenders = map(_by_account, (page.simulations, page.trainings, page.offenders))
    for account in {**simulations, **trainings, **offenders}:
        tried, taught, again = (found.get(account) for found in (simulations, trainings, offenders))
        given = taught.userTrainings if taught else []
        done = [one for one in given or [] if (one.trainingStatus or "").lower() == "completed"]
        undone = [one for one in given or [] if (one.trainingStatus or "").lower() != "completed"]
        since = [instant(one.assignedDateTime) for one in undone]
        emails = [one.attackSimulationUser.email for one in (tried, taught, again) if one and one.attackSimulationUser]
        email = next(filter(None, emails), None)
        yield Training(
            account_id=account,
            username=email.lower() if email else None,
            # The reports were read whole: who is in none of the lines was sent nothing, and was given nothing.
            simulations=count(tried.simulationCount) if tried else 0,
            clicked=count(tried.clickCount) if tried else 0,
            compromised=count(tried.compromisedCount) if tried else 0,
            repeated=count(again.repeatOffenceCount) if again else None,
            last_simulation_at=instant(tried.latestSimulationDateTime) if tried else None,
            trainings_assigned=None if given is None else len(given),
            trainings_completed=None if given is None else len(done),
            # One of which the day is not told may be the oldest.
            open_since=None if None in since else min(filter(None, since), default=None),
            last_completed_at=max(filter(None, (instant(one.completionDateTime) for one in done)), default=None),
        )


def _by_account(bodies: tuple[bytes, ...]) -> dict[str, _Coverage]:
    return {
        one.attackSimulationUser.userId: one
        for body in bodies
        for one in decode(body, _Coverages).value
        if one.attackSimulationUser and one.attackSimulationUser.userId
    }


DATASET = modules.optional(
    DataSet(
        name="training",
        fills=(Training,),
        pages=pages,
        rows=rows,
        tells="who was tried with a simulated attack, and who is trained",
        source="https://learn.microsoft.com/graph/api/securityreportsroot-getattacksimulationtrainingusercoverage",
        grants=(GRANT,),
        needs_plan="Defender for Office 365 Plan 2",
        module="training",
    )
)
