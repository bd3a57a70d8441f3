"""Table `policy_exclusions`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class PolicyExclusion(Row):
    """One row per person, group, unit, role or kind of guest that a policy exempts, and per name of something deleted.

    Derived, never collected.
    """

    KEY: ClassVar[tuple[str, ...]] = ("policy_id", "side", "subject_kind", "subject_id")

    policy_id: Annotated[Id, "Joins access_policies."]
    policy: Annotated[str | None, "Name of the policy."] = None
    demands: Annotated[str | None, "mfa, legacy_block, block or other: what the exempt are spared."] = None
    side: Annotated[str | None, "exclude; include only where it names something that does not exist."] = None
    subject_kind: Annotated[str | None, "account, group, role, guests or unit."] = None
    subject_id: Annotated[Id | None, "The provider's id of it; of guests the words for their kinds."] = None
    subject: Annotated[str | None, "Its name."] = None
    exists: Annotated[bool | None, "false: it was deleted and the policy still names it."] = None
    accounts: Annotated[int | None, "Enabled accounts that the policy exempts in this way; null: not known."] = None
    uncovered: Annotated[
        int | None,
        "Of these, emergency accounts aside, at least so many of whom nothing else demands a second factor everywhere "
        "or, spared a legacy_block, keeps old clients out.",
    ] = None
