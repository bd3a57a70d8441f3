"""Table `groups`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Group(Row):
    """One row per group that a policy or a role names. Other groups are not read."""

    KEY: ClassVar[tuple[str, ...]] = ("group_id",)

    group_id: Annotated[Id, "Joins group_members."]
    name: Annotated[str | None, "Name of the group."] = None
    exists: Annotated[bool | None, "false: a policy names a group that was deleted."] = None
    members_known: Annotated[bool | None, "true: group_members holds every member; false: they could not be read."] = (
        None
    )
    role_assignable: Annotated[bool | None, "The group can hold administrator roles."] = None
    owners_known: Annotated[bool | None, "true: group_members holds every owner; false: they could not be read."] = None
    eligible_known: Annotated[bool | None, "true: and everybody who can make himself a member or an owner."] = None
