"""Table `access_policies`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AccessPolicy(Row):
    """One row per policy that decides about sign-ins, with what policies refer to: the provider's own documents."""

    KEY: ClassVar[tuple[str, ...]] = ("kind", "policy_id")

    policy_id: Annotated[Id, "The provider's id of the policy or of what else it is."]
    kind: Annotated[str | None, "policy, location, strength, or sso: who signs in through another provider."] = None
    name: Annotated[str | None, "Its name in the admin centre."] = None
    state: Annotated[str | None, "enabled, report_only, disabled, or the provider's own word."] = None
    document: Annotated[str | None, "The provider's document as it came, JSON text."] = None
    changed_at: Annotated[datetime | None, "Last change, UTC."] = None
    source: Annotated[str | None, "Where it was read: the version of the provider's interface."] = None
