"""Table `secure_scores`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Row


@dataclass(frozen=True, slots=True)
class SecureScore(Row):
    """One row per day of the provider's own score, and of the newest day one more per control it is made of."""

    KEY: ClassVar[tuple[str, ...]] = ("scored_at", "control")

    scored_at: Annotated[datetime, "UTC; one score a day."]
    control: Annotated[str | None, "The provider's name of one control; null: the score as a whole."] = None
    score: Annotated[float | None, "Points reached."] = None
    most: Annotated[float | None, "Points to be had; null for a control."] = None
    percent: Annotated[float | None, "Points reached in percent of those to be had."] = None
    average: Annotated[float | None, "What all tenants reach on average, as the provider counts it."] = None
    about: Annotated[str | None, "What the control is about, in the provider's words."] = None
