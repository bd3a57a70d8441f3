"""Which apps a word such as Office365 stands for, and what apps are called."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from importlib.resources import files

_TABLES: dict[str, dict[str, str]] = tomllib.loads(
    files(__package__).joinpath("suites.toml").read_text(encoding="utf-8")
)
_NAMES = {key: name for table in _TABLES.values() for key, name in table.items()}
_SUITES_OF: dict[str, frozenset[str]] = {
    app: frozenset(suite for suite, apps in _TABLES.items() if suite != "names" and app in apps)
    for apps in _TABLES.values()
    for app in apps
}


def within(app: str, chosen: Collection[str]) -> bool:
    """`app` (an id or a suite's word, lower case) is one of `chosen`, or belongs to a suite among them.

    >>> within("00000002-0000-0ff1-ce00-000000000000", {"office365"}), within("office365", {"microsoftadminportals"})
    (True, False)
    """
    return app in chosen or any(suite in chosen for suite in _SUITES_OF.get(app, ()))


def called(app: str) -> str:
    return _NAMES.get(app, f"the app {app}")
