"""Names as keys: what a client is called in files, folders and commands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from ..errors import ConfigError

LONGEST = 40
"""Letters of a key that is made of a name: it is part of many paths, and Windows counts them."""
# As people write these letters where they lack them; what stands not here loses its accent.
_LETTERS = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d",
    "ł": "l", "þ": "th", "ı": "i",
})  # fmt: skip
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})
"""Names that Windows keeps for itself: no folder can be called so there."""


def key_of(name: str, taken: Collection[str] = ()) -> str:
    """A name or domain as a client's key; one that is `taken` gets a number. Raises ConfigError when nothing is left.

    >>> key_of("Müller & Söhne"), key_of("Smørrebrød ApS", {"smoerrebroed-aps"}), key_of("Aux")
    ('mueller-soehne', 'smoerrebroed-aps-2', 'aux-client')
    """
    letters = unicodedata.normalize("NFC", name).lower().translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not key:
        raise ConfigError(f"{name!r} holds no letter or digit to make a key of.", "Give one: a-z, 0-9 and -.")
    if key in _RESERVED:
        key += "-client"
    key = _cut(key, LONGEST)
    number, found = 1, key
    while found in taken:
        number += 1
        found = f"{_cut(key, LONGEST - len(str(number)) - 1)}-{number}"
    return found


def _cut(key: str, most: int) -> str:
    """At most so many letters, where it can be without the half of a word."""
    if len(key) <= most:
        return key
    whole, _, _ = key[: most + 1].rpartition("-")
    return (whole if len(whole) > most // 2 else key[:most]).strip("-")
