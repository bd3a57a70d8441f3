"""Table `training`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Training(Row):
    """One row per account that was in a simulated attack or was given a training."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    username: Annotated[str | None, "Address in the report, lower case."] = None
    simulations: Annotated[int | None, "Simulated attacks that were sent."] = None
    clicked: Annotated[int | None, "Of these, how often a link or attachment was opened."] = None
    compromised: Annotated[int | None, "Of these, how often the password was given away."] = None
    repeated: Annotated[
        int | None, "How often it happened again; null: not among the repeat offenders that the provider lists."
    ] = None
    last_simulation_at: Annotated[datetime | None, "Last simulated attack, UTC."] = None
    trainings_assigned: Annotated[int | None, "Trainings that were given."] = None
    trainings_completed: Annotated[int | None, "Of these, how many are done."] = None
    last_completed_at: Annotated[datetime | None, "When the last one was done, UTC."] = None
    open_since: Annotated[datetime | None, "When the oldest training that is not done yet was given, UTC."] = None
