"""Table `mfa_enforcements`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class MfaEnforcement(Row):
    """One row per account: is a second factor demanded of it, by what, and where not. Derived, never collected."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    verdict: Annotated[
        str,
        "enforced, enforced_except_apps, conditional, apps_only, per_user, per_user_pending, security_defaults, "
        "scheduled, third_party, not_enforced, blocked or unknown.",
    ]
    enforced_by: Annotated[list[str] | None, "Policies or settings that demand it."] = None
    gaps: Annotated[list[str] | None, "Where it is not demanded, in plain words."] = None
    excluded_by: Annotated[list[str] | None, "Policies that exempt the account, and through what."] = None
    phishing_resistant: Annotated[bool | None, "A phishing-resistant method is demanded."] = None
    verdict_when_active: Annotated[str | None, "The verdict once every eligible role is active."] = None
    reason: Annotated[str | None, "Why the verdict is unknown, or what it rests on."] = None
