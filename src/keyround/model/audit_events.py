"""Table `audit_events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AuditEvent(Row):
    """One row per change of the window that matters for who gets in, and the account or thing it was made to."""

    KEY: ClassVar[tuple[str, ...]] = ("event_id", "target_id")

    event_id: Annotated[Id, "The provider's id of the record."]
    happened_at: Annotated[datetime, "UTC."]
    action: Annotated[str, "What was done, in a common word such as role_added or consent_given."]
    provider_action: Annotated[str | None, "The same in the provider's words."] = None
    succeeded: Annotated[bool | None, "Whether it took effect."] = None
    actor_kind: Annotated[str | None, "account or app: who did it."] = None
    actor_id: Annotated[Id | None, "Joins accounts where the actor is one."] = None
    actor: Annotated[str | None, "Sign-in name or name of whoever did it."] = None
    address: Annotated[str | None, "IP address it was done from."] = None
    target_kind: Annotated[str | None, "account, app, policy, domain or the provider's own word."] = None
    target_id: Annotated[Id | None, "Joins accounts where the target is one."] = None
    target: Annotated[str | None, "Sign-in name or name of what it was done to."] = None
    details: Annotated[list[str] | None, "Roles, permissions or methods it was about, as the provider names them."] = (
        None
    )
