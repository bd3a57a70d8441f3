"""Table `mfa_enforcements`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    excluded_by: Annotated[list[str] | None, "Policies that demand it and exempt the account, and through what."] = None
    phishing_resistant: Annotated[bool | None, "A phishing-resistant method is demanded."] = None
    verdict_when_active: Annotated[str | None, "The verdict once every eligible role is active."] = None
    reason: Annotated[str | None, "Why the verdict is unknown, or what it rests on."] = None
    policies: Annotated[list[str] | None, "Every enabled policy that applies to the account, whatever it demands."] = (
        None
    )
    report_only: Annotated[list[str] | None, "Policies that only watch so far and would apply to the account."] = None
    verdict_if_enabled: Annotated[
        str | None,
        "The verdict if those were switched on, or once the day of a scheduled one has come, where it differs.",
    ] = None
    legacy_blocked: Annotated[bool | None, "Clients that can only send a password are kept out."] = None
    device_code_blocked: Annotated[bool | None, "Sign-ins by a code typed on another device are kept out."] = None
    registration_protected: Annotated[
        bool | None, "Setting up a second factor itself demands more than a password, at least from outside."
    ] = None
    emergency: Annotated[bool | None, "Kept for the day when nobody else can sign in, and exempt on purpose."] = None
    contradiction: Annotated[
        str | None, "Where the provider's own word and its policies, or its report, disagree, in plain words."
    ] = None
    grace_until: Annotated[
        datetime | None, "Until then the account may sign in without: enrolment period or an exemption, UTC."
    ] = None
