"""Table `account_use`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AccountUse(Row):
    """One row per account: when it was last used, by the provider's own word or else by a long sign-in log. Derived."""

    KEY: ClassVar[tuple[str, ...]] = ("account_id",)

    account_id: Annotated[Id, "Joins accounts."]
    unused_since: Annotated[
        datetime | None, "No use is on record after this, UTC: last sign-in, else creation or when records began."
    ] = None
    activity: Annotated[str | None, "seen: signed in at some time; never: it is known that it never did."] = None
    last_use_at: Annotated[
        datetime | None,
        "Last successful sign-in on record, by a person or an app, UTC; the end of its month where only that is kept.",
    ] = None
    source: Annotated[str | None, "provider, or audit: the sign-in log was searched."] = None
    complete: Annotated[
        bool | None,
        "Every kind of use counts in it; false: the provider tells of sign-ins in person alone, and its report on the "
        "use of mailboxes, which counts in as well, did not tell of this account.",
    ] = None
