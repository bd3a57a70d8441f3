"""Table `app_grants`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AppGrant(Row):
    """One row per application and service it may use: in a person's name, or in its own without anybody there."""

    KEY: ClassVar[tuple[str, ...]] = ("grant_id",)

    grant_id: Annotated[Id, "The provider's id of the grant."]
    app_id: Annotated[Id | None, "The application; joins app_credentials."] = None
    app: Annotated[str | None, "Name of the application; its maker may choose any text."] = None
    publisher: Annotated[str | None, "Who made it, where the provider has verified that."] = None
    verified: Annotated[bool | None, "The provider has verified the publisher."] = None
    third_party: Annotated[bool | None, "Made neither by this organisation nor by the provider."] = None
    enabled: Annotated[bool | None, "The application may be used today."] = None
    created_at: Annotated[datetime | None, "When the application came into the tenant, UTC."] = None
    kind: Annotated[str | None, "delegated: in a person's name; application: in its own name."] = None
    resource: Annotated[str | None, "The service it may use."] = None
    scopes: Annotated[list[str] | None, "Permissions, as the provider names them."] = None
    consent: Annotated[str | None, "all: in everybody's name; one: of one account."] = None
    account_id: Annotated[Id | None, "Joins accounts: the one who agreed for himself."] = None
