"""Taking one client out of a configuration file; everybody else's lines and comments stay as they are."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from ..errors import ConfigError
from .lines import located

_HEADER = re.compile(r"""\s*\[\[?\s*client\s*\.\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*[.\]]""")
_ANY_HEADER = re.compile(r"\s*\[\[?\s*[A-Za-z0-9_\"'-]")


def without(text: str, key: str) -> str:
    """The file without the client; "" when nothing but comments would be left. Raises ConfigError.

    Comments that stand right above a section belong to it. What comes out is read again and compared: where the
    sections are written in a form that lines do not show, tomlkit is asked; and where that fails too, a person.
    """
    before = tomllib.loads(text)
    wanted = _minus(before, key)
    for cut in (_by_lines, _by_document):
        try:
            left = cut(text, key)
            if _equal(tomllib.loads(left), wanted):
                return left if wanted else ""
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    raise ConfigError(f"The section [client.{key}] has a form that cannot be taken out.", "Remove it by hand.")


def _minus(whole: dict[str, Any], key: str) -> dict[str, Any]:
    clients = {name: part for name, part in whole.get("client", {}).items() if name != key}
    rest = {name: part for name, part in whole.items() if name != "client"}
    return rest | ({"client": clients} if clients else {})


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one if one.get("client", True) else {k: v for k, v in one.items() if k != "client"}) == other


def _by_lines(text: str, key: str) -> str:
    lines = text.splitlines(keepends=True)
    told = set(located(text).values())  # what looks like a header may be part of a text
    heads = [n for n, line in enumerate(lines) if n + 1 in told and _ANY_HEADER.match(line)]
    ours = [n for n in heads if (found := _HEADER.match(lines[n])) and key in found.groups()]
    gone: set[int] = set()
    for number in ours:
        after = next((n for n in heads if n > number), len(lines))
        gone |= set(range(_above(lines, number), after if after == len(lines) or after in ours
                          else _above(lines, after)))  # fmt: skip
    return "".join(line for n, line in enumerate(lines) if n not in gone).lstrip("\n")


def _above(lines: list[str], header: int) -> int:
    """Where the comments right above a header begin; those at the top of the file belong to the file."""
    first = header
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return first or header


def _by_document(text: str, key: str) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    del document["client"][key]
    return tomlkit.dumps(document)
