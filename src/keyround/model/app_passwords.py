"""Table `app_passwords`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AppPassword(Row):
    """One row per app password: it opens the account without a second factor. An account that was asked has one."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "code_id")

    account_id: Annotated[Id, "Joins accounts."]
    code_id: Annotated[str | None, "The provider's id of it; null: the account has none, or see known."] = None
    known: Annotated[bool | None, "With a null code_id. true: the account has none; false: it could not be read."] = (
        True
    )
    name: Annotated[str | None, "What its owner called it."] = None
    created_at: Annotated[datetime | None, "When it was made, UTC."] = None
    last_used_at: Annotated[datetime | None, "When it was last used, UTC; null: never, or not told."] = None
