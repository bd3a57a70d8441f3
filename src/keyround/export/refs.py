"""Short names of actions and findings, the same in every report: what people's notes hang on.

An action's is made of tenant and rule, a finding's of its whole key; so a note survives new evidence, new names and
another language. Where two of one report begin alike, both are longer: a ref is the beginning of a name that is unique.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ..engine.results import Finding
from ..notes import Key

SHORTEST = 8
PATTERN = re.compile(rf"[AFN]-[A-Z2-7]{{{SHORTEST},52}}")
_LETTER = {2: "A", 4: "F"}


def of_action(tenant: str, rule: str) -> str:
    """`A-` and eight letters and digits, none of which is taken for another."""
    return of(tenant, rule)


def of_finding(finding: Finding) -> str:
    """`F-` and eight letters and digits."""
    return of(*finding.key)


def of(*key: str) -> str:
    """The ref of any key; `N-` for what is neither an action nor a finding."""
    return whole(key)[: 2 + SHORTEST]


def whole(key: Key) -> str:
    """The name whose beginning is the ref."""
    digest = hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).digest()
    letters = base64.b32encode(digest).decode("ascii").rstrip("=")  # A-Z and 2-7: no 0, no 1
    return f"{_LETTER.get(len(key), 'N')}-{letters}"


def each(keys: Iterable[Key]) -> dict[Key, str]:
    """Every key with its ref, no two alike."""
    found: dict[Key, str] = {}
    groups: dict[str, list[Key]] = defaultdict(list)
    for key in dict.fromkeys(keys):
        found[key] = of(*key)
        groups[found[key]].append(key)
    for alike in groups.values():
        length = 2 + SHORTEST
        while len({whole(key)[:length] for key in alike}) < len(alike):
            length += 1
        if len(alike) > 1:
            found |= {key: whole(key)[:length] for key in alike}
    return found


class Index:
    """Which of many keys a ref stands for."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._by: Mapping[str, set[Key]] = defaultdict(set)
        for key in keys:
            self._by[of(*key)].add(key)

    def key(self, ref: str) -> Key | None:
        """None where no key has this ref, or more than one could be meant."""
        meant = [key for key in self._by.get(ref[: 2 + SHORTEST], ()) if whole(key).startswith(ref)]
        return meant[0] if len(meant) == 1 else None
