"""Table `factor_use`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class FactorUse(Row):
    """One row per account and second factor it really succeeded with in the window. Derived, never collected."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "method")

    account_id: Annotated[Id, "Joins accounts."]
    method: Annotated[str, "Common word of model/methods.py, or the provider's own; password: nothing beside it."]
    strength: Annotated[str | None, "phishing_resistant, strong, weak or none; null: a word nobody knows yet."] = None
    times: Annotated[int | None, "Successful sign-ins with it."] = None
    first_at: Annotated[datetime | None, "First of them, UTC."] = None
    last_at: Annotated[datetime | None, "Last of them, UTC."] = None
