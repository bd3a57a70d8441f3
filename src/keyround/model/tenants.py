"""Table `tenants`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Row


@dataclass(frozen=True, slots=True)
class Tenant(Row):
    """One row per tenant: who this is and what its plan includes."""

    KEY: ClassVar[tuple[str, ...]] = ()

    provider: Annotated[str, "Which connector read it: m365, google, or a third party's name."]
    name: Annotated[str | None, "The organisation's name as the provider shows it."] = None
    primary_domain: Annotated[str | None, "The default domain of user names and mail."] = None
    country: Annotated[str | None, "ISO 3166-1 alpha-2 country in the tenant's own profile."] = None
    created_at: Annotated[datetime | None, "When the tenant was created, UTC."] = None
    plans: Annotated[list[str] | None, "What the subscription includes: P1, P2, and product names."] = None
