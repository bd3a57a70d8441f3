"""What a role is called and what it can do.

Source  https://support.google.com/a/answer/2405986 (pre-built administrator roles)
        https://support.google.com/a/answer/1219251 (what each privilege allows)
        https://developers.google.com/workspace/admin/directory/v1/guides/manage-roles
"""

from __future__ import annotations

from typing import NamedTuple

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

RESETS_SYSTEM = {SUPER, "_USER_MANAGEMENT_ADMIN_ROLE", "_HELP_DESK_ADMIN_ROLE"}
"""Google's own roles that can reset other people's passwords."""

RESETS = {"USERS_ALL", "USERS_UPDATE", "USERS_RESET_PASSWORD", "USERS_SECURITY", "USER_SECURITY_ALL"}
"""Sets somebody else's password, or takes a second factor or a security key away from them."""

PRIVILEGES = RESETS | {
    "USERS_CREATE", "USERS_DELETE", "USERS_SUSPEND", "USERS_MOVE", "USERS_FORCE_PASSWORD_CHANGE", "GROUPS_ALL",
    "GROUPS_CREATE", "GROUPS_UPDATE", "GROUPS_DELETE", "GROUPS_MANAGE_SECURITY_LABEL", "GROUPS_MANAGE_LOCKED_LABEL",
    "ORGANIZATION_UNITS_ALL", "ORGANIZATION_UNITS_CREATE", "ORGANIZATION_UNITS_UPDATE", "ORGANIZATION_UNITS_DELETE",
    "SERVICES_ALL", "MANAGE_SERVICE_ON_OFF", "MOBILE_ALL", "MANAGE_DEVICES", "MANAGE_DEVICE_SETTINGS",
    "MANAGE_CHROME_USER_SETTINGS", "ADMIN_ROLE_MANAGEMENT", "ADMIN_OAUTH_PRIVILEGE_GROUP", "MANAGE_USER_LICENSES",
    "LICENSING", "SAML2_SERVICE_PROVIDER", "DOMAIN_MANAGEMENT", "TRUSTED_DOMAIN_WHITELIST_WRITE",
    "ACCESS_LEVEL_MANAGEMENT", "ACCESS_LEVEL_ENFORCEMENT", "DATATRANSFER_API_PRIVILEGE_GROUP",
}  # fmt: skip
"""Any of these changes other people's accounts, access or security settings."""

TAKEOVER = {"ADMIN_ROLE_MANAGEMENT", "ADMIN_OAUTH_PRIVILEGE_GROUP"}
"""Hands out roles, or lets a program act as anybody: one step from everything."""

HARMLESS = {"USERS_ALIAS", "USERS_ADD_NICKNAME", "SUPPORT_PRIVILEGE_GROUP", "ADMIN_DASHBOARD"}
LOOKS = {"RETRIEVE", "READ", "READONLY", "VIEW", "REPORT", "REPORTS", "REPORTING", "STATS", "TELEMETRY"}
CHANGES = {"ALL", "MANAGE", "UPDATE", "WRITE", "EDIT"}


def looks_only(privilege: str) -> bool:
    """
    >>> looks_only("USERS_RETRIEVE"), looks_only("VIEW_AND_MANAGE_CHROME_OCR_SETTING"), looks_only("APP_ADMIN")
    (True, False, False)
    """
    words = set(privilege.split("_"))
    return privilege in HARMLESS or (bool(words & LOOKS) and not words & CHANGES)


class Privilege(Wire):
    privilegeName: str | None = None


class Role(Wire):
    roleId: str | int | None = None
    roleName: str | None = None
    isSuperAdminRole: Flag = UNSET
    rolePrivileges: list[Privilege] | None = None


class Judged(NamedTuple):
    """What a role is called and what it can do; None where nobody can tell."""

    name: str | None = None
    privileged: bool | None = None
    highly_privileged: bool | None = None
    highest: bool | None = None
    resets_credentials: bool | None = None


def judged(role: Role | None) -> Judged:
    """By the role's privileges, and for Google's own roles, where the answer leaves those out, by its name.

    A privilege that nobody has sorted yet may do harm: it never makes a role harmless.

    >>> tuple(judged(Role("7", "_SEED_ADMIN_ROLE", True))), tuple(judged(None))
    (('Super Admin', True, True, True, True), (None, None, None, None, None))
    >>> tuple(judged(Role("8", "Front desk", rolePrivileges=[Privilege("USERS_RESET_PASSWORD")])))
    ('Front desk', True, False, False, True)
    >>> tuple(judged(Role("9", "Doors", rolePrivileges=[Privilege("APP_ADMIN"), Privilege("USERS_RETRIEVE")])))
    ('Doors', None, False, False, False)
    >>> tuple(judged(Role("9", "Secret", rolePrivileges=[Privilege()])))  # a privilege without a name may be any
    ('Secret', None, None, False, None)
    """
    if role is None:
        return Judged()
    name = role.roleName or ""
    words = SYSTEM.get(name, role.roleName)
    if role.isSuperAdminRole is True or name == SUPER:
        return Judged(words, True, True, True, True)
    strong, resets = name in STRONG_SYSTEM, name in RESETS_SYSTEM
    if role.rolePrivileges is None:
        return Judged(words, strong or None, None, False, resets or (False if name in SYSTEM else None))
    held = {privilege.privilegeName or "" for privilege in role.rolePrivileges}
    unsorted = {one for one in held - PRIVILEGES if not looks_only(one)}
    about_users = any(not one or one.startswith("USER") for one in unsorted)
    return Judged(
        words,
        bool(held & PRIVILEGES) or strong or (None if unsorted else False),
        bool(held & TAKEOVER) or (None if "" in held else False),
        False,
        bool(held & RESETS) or resets or (None if about_users else False),
    )
