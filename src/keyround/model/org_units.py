"""Table `org_units`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class OrgUnit(Row):
    """One row per organisational unit: the tree that settings are inherited through."""

    KEY: ClassVar[tuple[str, ...]] = ("unit_id",)

    unit_id: Annotated[Id, "The provider's id, without its prefix."]
    path: Annotated[str | None, "Path from the top, such as /Sales; / is the top itself."] = None
    parent_id: Annotated[Id | None, "The unit above; null of the top."] = None
    name: Annotated[str | None, "Name of the unit."] = None
