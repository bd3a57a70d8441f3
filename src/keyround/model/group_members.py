"""Table `group_members`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class GroupMember(Row):
    """One row per group and member at any depth: members of member groups are spelt out."""

    KEY: ClassVar[tuple[str, ...]] = ("group_id", "member_id", "relation", "state")

    group_id: Annotated[Id, "Joins groups."]
    member_id: Annotated[Id, "Account or other object; joins accounts where the kind is account."]
    member_kind: Annotated[str | None, "account, service_principal, group, or the provider's own word."] = None
    relation: Annotated[str | None, "member, or owner: can make anybody a member."] = None
    state: Annotated[str | None, "active: in force now; eligible: can be switched on by the member."] = None
    ends_at: Annotated[datetime | None, "When the membership ends, UTC; null where it has no end or nobody said."] = (
        None
    )
