"""What a role is called and what it can do.

Source  https://support.google.com/a/answer/2405986 (pre-built administrator roles)
        https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles
"""

from __future__ import annotations

from msgspec import UNSET

from .wire import Flag, Wire

SUPER = "_SEED_ADMIN_ROLE"
SYSTEM = {
    SUPER: "Super Admin",
    "_GROUPS_ADMIN_ROLE": "Groups Admin",
    "_GROUPS_EDITOR_ROLE": "Groups Editor",
    "_GROUPS_READER_ROLE": "Groups Reader",
    "_USER_MANAGEMENT_ADMIN_ROLE": "User Management Admin",
    "_HELP_DESK_ADMIN_ROLE": "Help Desk Admin",
    "_SERVICE_ADMIN_ROLE": "Services Admin",
    "_MOBILE_ADMIN_ROLE": "Mobile Admin",
    "_STORAGE_ADMIN_ROLE": "Storage Admin",
    "_RESELLER_ADMIN_ROLE": "Reseller Admin",
}
"""Google's names for its own roles, as the Admin console shows them. Others are kept as they come."""

STRONG_SYSTEM = {
    "_GROUPS_ADMIN_ROLE", "_USER_MANAGEMENT_ADMIN_ROLE", "_HELP_DESK_ADMIN_ROLE", "_SERVICE_ADMIN_ROLE",
    "_MOBILE_ADMIN_ROLE",
}  # fmt: skip
"""Google's own roles that are privileged, for answers that leave the privileges out."""

PRIVILEGES = {
    "USERS_ALL", "USERS_CREATE", "USERS_SECURITY", "USERS_UPDATE", "USERS_RESET_PASSWORD", "GROUPS_ALL",
    "SERVICES_ALL", "MOBILE_ALL", "ORGANIZATION_UNITS_ALL", "ADMIN_ROLE_MANAGEMENT", "MANAGE_USER_LICENSES",
    "ADMIN_OAUTH_PRIVILEGE_GROUP",
}  # fmt: skip
"""Any of these changes other people's accounts, access or security settings."""

TAKEOVER = {"ADMIN_ROLE_MANAGEMENT", "ADMIN_OAUTH_PRIVILEGE_GROUP"}
"""Hands out roles, or lets a program act as anybody: one step from everything."""


class Privilege(Wire):
    privilegeName: str | None = None


class Role(Wire):
    roleId: str | int | None = None
    roleName: str | None = None
    isSuperAdminRole: Flag = UNSET
    rolePrivileges: list[Privilege] | None = None


def judged(role: Role | None) -> tuple[str | None, bool | None, bool | None, bool | None]:
    """(name in words, privileged, highly privileged, highest); None where the role itself was not listed.

    >>> judged(Role("7", "_SEED_ADMIN_ROLE", True)), judged(None)
    (('Super Admin', True, True, True), (None, None, None, None))
    >>> judged(Role("8", "Front desk", rolePrivileges=[Privilege("USERS_RESET_PASSWORD")]))
    ('Front desk', True, False, False)
    """
    if role is None:
        return None, None, None, None
    name = role.roleName or ""
    words = SYSTEM.get(name, role.roleName)
    if role.isSuperAdminRole is True or name == SUPER:
        return words, True, True, True
    if role.rolePrivileges is None:
        return words, True if name in STRONG_SYSTEM else None, None, False
    held = {privilege.privilegeName for privilege in role.rolePrivileges}
    return words, bool(held & PRIVILEGES) or name in STRONG_SYSTEM, bool(held & TAKEOVER), False
