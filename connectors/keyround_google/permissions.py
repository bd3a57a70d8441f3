"""Which scopes Keyround asks for, and which of them a kind of credential can never have.

The data sets are the only list: what they name is what we need.

Source  https://developers.google.com/identity/protocols/oauth2/scopes
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from keyround.connector import DataSet
from keyround.errors import ConfigError, nearest

from .settings import PREFIX

CORE = tuple(PREFIX + name for name in (
    "admin.directory.user.readonly",
    "admin.directory.rolemanagement.readonly",
    "admin.directory.orgunit.readonly",
    "admin.directory.group.readonly",
    "admin.directory.domain.readonly",
    "admin.directory.customer.readonly",
    "admin.reports.audit.readonly",
    "admin.reports.usage.readonly",
    "cloud-identity.policies.readonly",
    "cloud-identity.inboundsso.readonly",
))  # fmt: skip
"""What an administrator is asked for; every one of them only reads."""

DELEGATED_ONLY = re.compile(r"/auth/(apps\.alerts|cloud-identity\.devices|gmail\.)")
"""Scopes that Google gives to service accounts with domain-wide delegation and to nobody else."""
PERSON_ONLY = re.compile(r"/auth/(apps\.alerts|cloud-identity\.(devices|policies|inboundsso)|gmail\.)")
"""Scopes that are of no use to a service account which holds an administrator role itself."""
_HARMLESS = re.compile(r"^(openid|email|profile)$|/auth/userinfo\.(email|profile)$")
_READS = re.compile(r"\.readonly$")

Sets = Iterable[DataSet[Any, Any]]


def least(datasets: Sets) -> tuple[str, ...]:
    """The scopes with which everything can be read that is no optional module.

    A column whose scope could also change something is optional too.
    """
    sets = [d for d in datasets if not d.module]
    needed = {scope for d in sets for scope in _scopes(d.grants)}
    columns = {scope for d in sets for scope in _scopes(d.optional.values()) if _READS.search(scope)}
    return tuple(sorted(needed | (columns - {scope for _, scopes in _modules(datasets) for scope in scopes})))


def of_modules(datasets: Sets, modules: Sequence[str]) -> tuple[str, ...]:
    """What the named optional modules need; `all` names all of them. Raises ConfigError."""
    sets = list(datasets)
    there = dict.fromkeys(name for name, _ in _modules(sets))
    for module in modules:
        if module not in (*there, "all"):
            raise ConfigError(f"There is no optional module {module!r}.", nearest(module, there))
    wanted = there if "all" in modules else modules
    return tuple(sorted({scope for name, scopes in _modules(sets) if name in wanted for scope in scopes}))


def known(datasets: Sets) -> set[str]:
    """Every scope that any data set names, and those of the core."""
    return {*CORE, *(scope for d in datasets for scope in _scopes((*d.grants, *d.optional.values())))}


def further(datasets: Sets, held: Collection[str]) -> dict[str, list[tuple[str, str]]]:
    """Scopes that would fill columns which stay empty now: name -> (data set, column)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for dataset in datasets:
        for column, text in dataset.optional.items():
            for scope in _scopes([text]):
                if scope not in held:
                    found.setdefault(scope, []).append((dataset.name, column))
    return found


def surplus(datasets: Sets, held: Collection[str]) -> tuple[str, ...]:
    """What is held and read by nothing here."""
    return tuple(sorted(scope for scope in set(held) - known(datasets) if not _HARMLESS.search(scope)))


def harmful(names: Iterable[str]) -> tuple[str, ...]:
    """Those that can do more than read.

    >>> harmful([PREFIX + "admin.directory.user", PREFIX + "admin.directory.group.readonly"])
    ('https://www.googleapis.com/auth/admin.directory.user',)
    """
    return tuple(name for name in names if not _READS.search(name))


def short(scope: str) -> str:
    """A scope without the part that all of them share."""
    return scope.removeprefix(PREFIX)


def _modules(datasets: Sets) -> list[tuple[str, list[str]]]:
    return [(d.module, _scopes(d.grants)) for d in datasets if d.module]


def _scopes(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in text.split() if word.startswith("https://")]
