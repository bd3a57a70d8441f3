"""Codes that stand for people and devices: P-17, D-3. The key to them is `STORE/<client>/codes.json`.

A code is given once and stays: whoever has one keeps it over all scans. Those who come later get the next free numbers,
in an order made with a secret of that file, so that it does not tell the alphabet. Keys are
`<tenant>/<id>`; where a sign-in names nobody in the directory, `<tenant>/name:<user name>`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from base64 import b32encode
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..errors import StoreError
from .disk import private, write_json

FILE = "codes.json"
PEOPLE, DEVICES = "P", "D"
_FIELDS = {PEOPLE: "people", DEVICES: "devices"}
_DAMAGED = (
    "Restore it from a backup. Without it nobody can be found behind a code of earlier reports any more; "
    "if it is removed, everybody gets another one."
)


@dataclass(slots=True)
class Codes:
    """Which number whoever has."""

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    numbers: dict[str, dict[str, int]] = field(default_factory=lambda: {PEOPLE: {}, DEVICES: {}})

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
        free = max(known.values(), default=0) + 1
        for number, keys in enumerate(sorted(new, key=lambda keys: self._digest(letter, keys[0])), free):
            known.update(dict.fromkeys(keys, number))
        return len(known) > before

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
        return Codes(bytes.fromhex(raw["secret"]), numbers)
    except FileNotFoundError:
        return Codes()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        # Never begun anew: everybody would get another code, and one of an old report would be somebody else's.
        raise StoreError(
            f"The key to people's codes cannot be read: {path}.", _DAMAGED, "No report is made."
        ) from error


def given(root: Path, people: Sequence[tuple[str, ...]], devices: Sequence[tuple[str, ...]] = ()) -> Codes:
    """The codes of these and of everybody before; new ones are kept. Each tuple holds the keys of one person or device.

    Raises StoreError where they cannot be kept: the next report would call the same people otherwise.
    """
    known = read(root)
    try:
        if known.give(PEOPLE, people) | known.give(DEVICES, devices):
            private(root)
            with FileLock(root / ".codes.lock", mode=0o600):
                known = read(root)  # another report may have given some meanwhile
                known.give(PEOPLE, people)
                known.give(DEVICES, devices)
                _write(root, known)
    except OSError as error:
        raise StoreError(f"The key to people's codes could not be kept: {error.strerror}: {root / FILE}.",
                         therefore="No report is made.") from error  # fmt: skip
    return known


def _write(root: Path, known: Codes) -> None:
    raw: dict[str, Any] = {"schema": 1, "secret": known.secret.hex()}
    raw |= {name: known.numbers[letter] for letter, name in _FIELDS.items()}
    for left in root.glob(".codes-*"):  # by a process that was killed; nobody else writes now
        left.unlink()
    handle, name = tempfile.mkstemp(prefix=".codes-", dir=root)  # for this user alone
    os.close(handle)
    try:
        write_json(Path(name), raw)
        os.replace(name, root / FILE)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
