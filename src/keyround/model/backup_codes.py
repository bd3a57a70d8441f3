"""Table `backup_codes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class BackupCode(Row):
    """One row per account that was asked: how many backup codes it has left. They are counted, never read."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    left: Annotated[int | None, "Codes not used up; null: could not be read."] = None
