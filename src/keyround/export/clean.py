"""Text that a tenant wrote, made harmless to show. Anyone may choose any display name."""

from __future__ import annotations

import re

# Bidi controls reorder the text around them (gpj.exe shown as exe.jpg); the rest cannot be stored in XML at all.
_STRANGE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef"
    "\ud800-\udfff\ufffe\uffff"
    + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
    + "]"
)
_BREAK = re.compile("\r\n|[\r\x85\u2028\u2029]")
_FIRST_PICTURE = 0x2400  # U+2400 is the picture of U+0000, and so on for all 32


def clean(text: str) -> str:
    """`text` with every control character made visible and every line break a line feed.

    Never changes ordinary text of any script; does nothing the second time.

    >>> clean("Ada\\x07\\r\\n\\u202eBerg")
    'Ada␇\\n�Berg'
    """
    if text.isascii() and text.isprintable():
        return text
    return _STRANGE.sub(_picture, _BREAK.sub("\n", text))


def short(text: str, most: int) -> str:
    """On one line and at most `most` characters long, for places that are not a table's cell."""
    line = " ".join(clean(text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(_FIRST_PICTURE + code)
    return "␡" if code == 0x7F else "�"
