"""Table `auth_methods`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AuthMethod(Row):
    """One row per method of an account that was asked one by one. No row at all means that the account was not asked.

    Every account has its password in the list, whatever it really signs in with.
    """

    KEY: ClassVar[tuple[str, ...]] = ("account_id", "method_id")

    account_id: Annotated[Id, "Joins accounts."]
    method_id: Annotated[str, "The provider's id of the method; some kinds have the same one in every account."]
    method: Annotated[str | None, "Common word of model/methods.py, or the provider's own."] = None
    strength: Annotated[str | None, "phishing_resistant, strong, weak or none; null: a method nobody knows yet."] = None
    usable: Annotated[bool | None, "A temporary pass: works at this moment. Null for everything else."] = None
    sms_sign_in: Annotated[
        bool | None, "A phone: a text message is accepted in place of the password, as the first factor."
    ] = None
    phone_hash: Annotated[
        str | None, "The same for the same number within one tenant and scan only; the number is not kept."
    ] = None
    created_at: Annotated[datetime | None, "When the method was set up, UTC."] = None
