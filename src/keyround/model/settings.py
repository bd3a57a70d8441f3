"""Table `settings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Row


@dataclass(frozen=True, slots=True)
class Setting(Row):
    """One row per setting and the part of the tenant it holds for."""

    KEY: ClassVar[tuple[str, ...]] = ("name", "scope")

    name: Annotated[str, "Common name of the setting, such as security_defaults."]
    value: Annotated[str | None, "Its value as JSON text."] = None
    scope: Annotated[str, "tenant, or the organisational unit or group it holds for."] = "tenant"
    source: Annotated[str | None, "Where the provider keeps it."] = None
