"""Which permissions Keyround asks for, which it could do without, and which it should be rid of.

The data sets are the only list: what they name is what we need.

Source  https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from keyround.connector import DataSet
from keyround.errors import ConfigError, nearest

CORE = (
    "AuditLog.Read.All",
    "Directory.Read.All",
    "Policy.Read.All",
    "RoleManagement.Read.Directory",
    "UserAuthenticationMethod.Read.All",
)
"""What an administrator is asked for. Directory.Read.All spares names, and trouble with Microsoft's licence check."""

PARTNER = "DelegatedAdminRelationship.Read.All"
"""In a partner's own tenant: to read the list of its customers."""

INCLUDES = {
    "Directory.Read.All": (
        "User.Read.All", "GroupMember.Read.All", "Group.Read.All", "Organization.Read.All", "Domain.Read.All",
        "Application.Read.All", "Device.Read.All", "LicenseAssignment.Read.All", "AdministrativeUnit.Read.All",
    ),
    "RoleManagement.Read.All": ("RoleManagement.Read.Directory",),
    "RoleManagement.Read.Directory": (
        "RoleEligibilitySchedule.Read.Directory", "RoleAssignmentSchedule.Read.Directory",
    ),
    "Organization.Read.All": ("LicenseAssignment.Read.All",),
    "Policy.Read.All": ("Policy.Read.AuthenticationMethod",),
}  # fmt: skip
"""Permissions under which Graph answers as if the others were granted."""

_NAME = re.compile(r"[A-Z][\w-]*(?:\.[A-Z]\w*)+")
_HARMLESS = frozenset({"User.Read", "openid", "profile", "email", "offline_access"})
"""Every sign-in of a person brings these along."""
_READS = re.compile(r"\.Read(?!Write)")

Sets = Iterable[DataSet[Any, Any]]


def named(text: str) -> list[str]:
    """The permissions in a text such as "AuditLog.Read.All and Entra ID P1".

    >>> named("GroupMember.Read.All or Directory.Read.All"), named("Entra ID P1")
    (['GroupMember.Read.All', 'Directory.Read.All'], [])
    """
    return _NAME.findall(text)


def known(datasets: Sets) -> set[str]:
    """Every permission that any data set names, and those we recommend."""
    return {
        *CORE,
        PARTNER,
        *(name for d in datasets for text in (*d.grants, *d.optional.values()) for name in named(text)),
    }


def least(datasets: Sets) -> tuple[str, ...]:
    """The shortest list with which everything can be read that is no optional module.

    Where either of several will do, one that is needed anyway does, else the first, which is the narrowest. A column
    whose permission is not among the core is optional too.
    """
    sets = [d for d in datasets if not d.module]
    asked = [named(grant) for d in sets for grant in d.grants]
    columns = [[name] for d in sets for text in d.optional.values() for name in _all(text) if covered(name, CORE)]
    chosen = {names[0] for names in (*asked, *columns) if len(names) == 1}
    for names in asked:
        if names and not any(covered(name, chosen) for name in names):
            chosen.add(names[0])
    return tuple(sorted(name for name in chosen if not covered(name, chosen - {name})))


def _all(text: str) -> list[str]:
    """One of each of the permissions that are all needed: the parts of "A and B or C" between the "and"s."""
    return [names[0] for part in text.split(" and ") if (names := named(part))]


def further(datasets: Sets, held: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Permissions that would fill columns which stay empty now: name -> (data set, column)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for dataset in datasets:
        for column, text in dataset.optional.items():
            for part in text.split(" and "):
                names = named(part)
                if names and not any(covered(name, held) for name in names):
                    found.setdefault(names[0], []).append((dataset.name, column))
    return found


def of_modules(datasets: Sequence[DataSet[Any, Any]], modules: Sequence[str]) -> tuple[str, ...]:
    """What the named optional modules need besides the core; `all` names all of them. Raises ConfigError."""
    there = {d.module for d in datasets if d.module}
    for module in modules:
        if module not in (*there, "all"):
            raise ConfigError(f"There is no optional module {module!r}.", nearest(module, there))
    wanted = there if "all" in modules else set(modules)
    names = {named(grant)[0] for d in datasets if d.module in wanted for grant in d.grants if named(grant)}
    return tuple(sorted(name for name in names if not covered(name, CORE)))


def covered(grant: str, held: Collection[str]) -> bool:
    """`held` allows what `grant` allows: itself, its writing sibling, or a wider one."""
    wider = [name for name, narrower in INCLUDES.items() if grant in narrower]
    return any(name in held or name.replace(".Read", ".ReadWrite") in held for name in (grant, *wider))


def missing(datasets: Sets, held: Collection[str]) -> tuple[str, ...]:
    """What data sets that are not optional need and `held` does not include."""
    grants = {grant for d in datasets if not d.module for grant in d.grants}
    absent = {grant for grant in grants if not any(covered(name, held) for name in grant.split(" or "))}
    alone = {grant for grant in absent if " or " not in grant}  # to be granted anyway, and enough for the others
    return tuple(sorted(g for g in absent if g in alone or not any(covered(name, alone) for name in g.split(" or "))))


def surplus(datasets: Sets, held: Collection[str]) -> tuple[str, ...]:
    """What is held and read by nothing here."""
    narrower = {name for wide in CORE for name in INCLUDES.get(wide, ())}
    return tuple(sorted(set(held) - known(datasets) - narrower - _HARMLESS))


def harmful(names: Iterable[str]) -> tuple[str, ...]:
    """Those that can do more than read.

    >>> harmful(["Mail.ReadWrite", "User.Invite.All", "RoleManagement.Read.All", "Directory.AccessAsUser.All"])
    ('Mail.ReadWrite', 'User.Invite.All', 'Directory.AccessAsUser.All')
    """
    return tuple(name for name in names if not _READS.search(name))
