"""Codes that stand for people and devices: P-17, D-3. The key to them is `STORE/<client>/codes.json`.

A code is given once and stays: whoever has one keeps it over all scans, until no report has shown them for so long that
it is forgotten; nobody else gets it then. Those who come later get the next free numbers,
in an order made with a secret of that file, so that it does not tell the alphabet. Keys are
`<tenant>/<id>`; where a sign-in names nobody in the directory, `<tenant>/name:<user name>`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import b32encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import StoreError
from .disk import as_json, disk_errors, private, put

FILE = "codes.json"
PEOPLE, DEVICES = "P", "D"
_FIELDS = {PEOPLE: "people", DEVICES: "devices"}
_DAMAGED = (
    "Restore it from a backup. Without it nobody can be found behind a code of earlier reports any more; "
    "if it is removed, everybody gets another one."
)


@dataclass(slots=True)
class Codes:
    """Which number whoever has. `seen`: the month (2026-11) of the last scan that was reported with them; `given`: the
    highest number ever given."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    numbers: dict[str, dict[str, int]] = field(default_factory=lambda: {PEOPLE: {}, DEVICES: {}})
    seen: dict[str, str] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)

    def give(self, letter: str, groups: Iterable[tuple[str, ...]]) -> bool:
        """A code to each group of keys that has none: all of a group are one person or device. Whether any was new."""
        known = self.numbers[letter]
        before, new = len(known), []
        for keys in groups:
            if had := [known[key] for key in keys if key in known]:
                for key in keys:
                    known.setdefault(key, min(had))
            else:
                new.append(keys)
        free = max(self.given.get(letter, 0), *known.values(), 0) + 1
        for number, keys in enumerate(sorted(new, key=lambda keys: self._digest(letter, keys[0])), free):
            known.update(dict.fromkeys(keys, number))
        self.given[letter] = max(free - 1 + len(new), 0)
        return len(known) > before

    def meet(self, groups: Iterable[tuple[str, ...]], at: date) -> bool:
        """They are in the report of a scan of that day. Whether any was not in one of that month or later before."""
        month = f"{at:%Y-%m}"
        late = {key for keys in groups for key in keys if self.seen.get(key, "") < month}
        self.seen.update(dict.fromkeys(late, month))
        return bool(late)

    def over(self, before: date) -> frozenset[str]:
        """Those that no report of that month or a later one was made with."""
        month = f"{before:%Y-%m}"
        everybody = {key for known in self.numbers.values() for key in known}
        return frozenset(key for key in everybody if self.seen.get(key, month) < month)

    def code(self, letter: str, key: str) -> str:
        return f"{letter}-{self.numbers[letter][key]}"

    def hidden(self, code: str) -> str:
        """Another name for whoever has `code`, which leads nobody from one to the other."""
        return f"S-{b32encode(self._digest('S', code)).decode('ascii')[:10]}"

    def keys(self, code: str) -> list[str]:
        """Whom a code stands for, by the keys; empty where it was never given."""
        code = code.strip().upper()
        if code.startswith("S-"):
            return [key for key in self.numbers[PEOPLE] if self.hidden(self.code(PEOPLE, key)) == code]
        known = self.numbers.get(code[:1], {})
        return [key for key, number in known.items() if f"{code[:1]}-{number}" == code]

    def _digest(self, letter: str, key: str) -> bytes:
        return hmac.digest(self.secret, f"{letter}\0{key}".encode("utf-8", "surrogatepass"), hashlib.sha256)


def read(root: Path) -> Codes:
    """The codes of the client whose folder is `root`; new ones where there are none. Raises StoreError."""
    path = root / FILE
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        numbers = {letter: {str(key): int(n) for key, n in raw[name].items()} for letter, name in _FIELDS.items()}
        seen = {str(key): str(month) for key, month in raw.get("seen", {}).items()}
        given = {str(letter): int(number) for letter, number in raw.get("given", {}).items()}
        return Codes(bytes.fromhex(raw["secret"]), numbers, seen, given)
    except FileNotFoundError:
        return Codes()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Never begun anew: everybody would get another code, and one of an old report would be somebody else's.
        raise StoreError(
            f"The key to people's codes cannot be read: {path}.", _DAMAGED, "No report is made."
        ) from error


def given(
    root: Path, people: Sequence[tuple[str, ...]], devices: Sequence[tuple[str, ...]] = (), at: date = date.min
) -> Codes:
    """The codes of these and of everybody before; new ones are kept. Each tuple holds the keys of one person or device.

    `at`: the day of the scan in which they are. Raises StoreError where they cannot be kept: the next report would call
    the same people otherwise.
    """

    def met(known: Codes) -> bool:
        new = known.give(PEOPLE, people) | known.give(DEVICES, devices)
        return known.meet([*people, *devices], at) or new

    known = read(root)
    try:
        if met(known):
            private(root)
            with FileLock(root / ".codes.lock", mode=0o600):
                known = read(root)  # another report may have given some meanwhile
                met(known)
                _write(root, known)
    except OSError as error:
        raise StoreError(f"The key to people's codes could not be kept: {error.strerror}: {root / FILE}.",
                         therefore="No report is made.") from error  # fmt: skip
    return known


def forget(root: Path, before: date, now: date) -> int:
    """Forget the codes of whoever no report was made with since the month of `before`; gives how many keys.

    Those of whom an older version did not keep that are taken as seen today. Raises StoreError.
    """
    if not (root / FILE).exists():
        return 0
    with disk_errors("The codes stay as they are."), FileLock(root / ".codes.lock", mode=0o600):
        known = read(root)
        over, unknown = known.over(before), {key for n in known.numbers.values() for key in n} - known.seen.keys()
        if over or unknown:
            known.seen |= dict.fromkeys(unknown, f"{now:%Y-%m}")
            known.seen = {key: month for key, month in known.seen.items() if key not in over}
            for numbers in known.numbers.values():
                for key in over & numbers.keys():
                    del numbers[key]
            _write(root, known)
    return len(over)


def _write(root: Path, known: Codes) -> None:
    raw: dict[str, Any] = {"schema": 1, "secret": known.secret.hex()}
    raw |= {name: known.numbers[letter] for letter, name in _FIELDS.items()}
    raw |= {"seen": known.seen, "given": known.given}
    for left in root.glob(".codes-*"):  # by a process that was killed; nobody else writes now
        left.unlink()
    put(root / FILE, as_json(raw), ".codes-")
