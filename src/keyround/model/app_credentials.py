"""Table `app_credentials`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class AppCredential(Row):
    """One row per secret or certificate an application signs in with. Never its value."""

    KEY: ClassVar[tuple[str, ...]] = ("app_id", "held_by", "credential_id")

    app_id: Annotated[Id, "The application; joins app_grants."]
    credential_id: Annotated[Id, "The provider's id of the secret or certificate."]
    held_by: Annotated[str, "registration: where the app was made; entry: only in this tenant, past its maker."]
    app: Annotated[str | None, "Name of the application."] = None
    kind: Annotated[str | None, "secret or certificate."] = None
    name: Annotated[str | None, "What its owner called it."] = None
    starts_at: Annotated[datetime | None, "Valid from, UTC."] = None
    ends_at: Annotated[datetime | None, "Valid until, UTC."] = None
