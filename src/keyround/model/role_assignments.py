"""Table `role_assignments`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class RoleAssignment(Row):
    """One row per holder, role and path: direct or through a group whose members are spelt out."""

    KEY: ClassVar[tuple[str, ...]] = ("holder_id", "role_id", "state", "via_id", "scope", "scope_id")

    holder_id: Annotated[Id, "Account or other principal that holds the role; joins accounts where kind is account."]
    holder_kind: Annotated[
        str | None,
        "account, service_principal, group (members not readable), deleted, no_person (a service account or a deleted "
        "account, the provider does not say which) or unknown.",
    ] = None
    role_id: Annotated[str | None, "The provider's id of the role."] = None
    role: Annotated[str | None, "Name of the role."] = None
    privileged: Annotated[bool | None, "The role can change other accounts, their access or security settings."] = None
    highly_privileged: Annotated[bool | None, "The role can take over the whole tenant, directly or in one step."] = (
        None
    )
    highest: Annotated[bool | None, "Global Administrator or super administrator."] = None
    state: Annotated[str | None, "active: in force now; eligible: can be switched on by the holder."] = None
    via_id: Annotated[str | None, "The group through which the role is held; null when assigned directly."] = None
    via: Annotated[str | None, "Name of that group."] = None
    scope: Annotated[str | None, "tenant, or the part of it the role is limited to."] = None
    permanent: Annotated[bool | None, "The assignment has no end."] = None
    ends_at: Annotated[datetime | None, "When the assignment ends, UTC."] = None
    members_known: Annotated[bool | None, "false: the group holds the role, but its members could not be read."] = None
    holder_name: Annotated[str | None, "Name of the holder, for one that is no account."] = None
    template_id: Annotated[
        str | None, "Id of the built-in role, the same in every tenant; null for a role of the tenant's own."
    ] = None
    scope_id: Annotated[Id | None, "The part of the tenant the role is limited to; null for the whole tenant."] = None
    activated: Annotated[
        bool | None, "Switched on by the holder for a while; false: in force without being switched on."
    ] = None
    resets_credentials: Annotated[bool | None, "The role can reset passwords or second factors of others."] = None
