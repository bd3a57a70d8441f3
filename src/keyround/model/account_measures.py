"""Table `account_measures`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AccountMeasure(Row):
    """One row per account: what the provider's own usage report measured of it, as of a day some days back."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    as_of: Annotated[datetime | None, "The day the report speaks of."] = None
    enrolled: Annotated[bool | None, "A second factor was set up then."] = None
    enforced: Annotated[bool | None, "It was demanded then, by the provider's own flag."] = None
    protected: Annotated[bool | None, "The provider's own verdict then: protected by a second factor."] = None
    security_keys: Annotated[int | None, "Security keys registered."] = None
    passkeys: Annotated[int | None, "Passkeys registered."] = None
    password_strength: Annotated[str | None, "strong, weak or unknown."] = None
    password_length: Annotated[str | None, "compliant, non_compliant or unknown: long enough for the policy."] = None
    less_secure_apps: Annotated[bool | None, "Programs that send nothing but a password are let in."] = None
    authorized_apps: Annotated[int | None, "Applications of others that may use the account's data."] = None
    imap_at: Annotated[datetime | None, "Mail was last read through IMAP, UTC; the report looks 30 days back."] = None
    pop_at: Annotated[datetime | None, "Mail was last read through POP, UTC; the report looks 30 days back."] = None
    old_mail_known: Annotated[bool | None, "true: the report told of IMAP and POP, so that null means not used."] = None
    mail_at: Annotated[datetime | None, "The mailbox was last used by the person, UTC."] = None
    single_sign_on_at: Annotated[datetime | None, "Last sign-in through another provider, UTC."] = None
    mail_known: Annotated[bool | None, "true: the report told of mail_at, so that null there means never."] = None
