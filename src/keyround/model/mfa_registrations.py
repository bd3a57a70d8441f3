"""Table `mfa_registrations`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class MfaRegistration(Row):
    """One row per account: the second factors it has set up. No row means the provider did not say."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    registered: Annotated[bool | None, "At least one method that can serve as a second factor is set up."] = None
    capable: Annotated[bool | None, "At least one of them is also allowed by the tenant's policy."] = None
    methods: Annotated[list[str] | None, "Methods set up, in the common words of model/methods.py."] = None
    strongest: Annotated[str | None, "phishing_resistant, strong, weak or none: the best method."] = None
    weakest: Annotated[str | None, "phishing_resistant, strong, weak or none: the easiest way in."] = None
    updated_at: Annotated[datetime | None, "When the provider last refreshed this row, UTC."] = None
    source: Annotated[str | None, "Which report said so."] = None
