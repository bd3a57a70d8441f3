"""On which line of a rule file something stands, so that an error can say it. Lines are counted from 1.

`tomllib` tells no places, and a parser that does would be one more dependency for one number. Whatever cannot be
found is said to be where its surroundings begin: a line is a help, never a promise.
"""

from __future__ import annotations

import functools
import re

_TOKEN = re.compile(r"""\"{3}(?:\\.|[^\\])*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*""", re.DOTALL)


def of_key(text: str, path: tuple[str, ...], after: int = 0) -> int:
    """The line of a key such as ("fix", "m365"), looked for from line `after` on; 0 where it is nowhere."""
    bare = _bare(text)
    start = sum(len(line) + 1 for line in bare.split("\n")[: after - 1]) if after else 0
    found = 0
    for depth in range(1, len(path) + 1):
        name = re.escape(path[depth - 1])
        dotted = r"\s*\.\s*".join(map(re.escape, path[:depth]))
        head = rf"^[ \t]*(?:\[+\s*)?\"?{dotted}\"?\s*[\].=]"
        inside = rf"[\[{{,.\s]\"?{name}\"?\s*[.=]"
        match = re.compile(head, re.MULTILINE).search(bare, start) or (
            re.compile(inside).search(bare, start) if depth > 1 else None
        )
        if not match:
            break
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        found = bare.count("\n", 0, start) + 1
    return found


def of_entry(text: str, name: str, number: int) -> int:
    """The line of the `number`-th [[name]], counted from 0; 0 where there are not so many."""
    heads = list(re.finditer(rf"^[ \t]*\[\[\s*{re.escape(name)}\s*\]\]", _bare(text), re.MULTILINE))
    return text.count("\n", 0, heads[number].start()) + 1 if number < len(heads) else 0


def of_value(text: str, key: str, value: str) -> int:
    """The line on which a text begins that `key` holds; that of the key where it is written with escapes."""
    line = of_key(text, (key,))
    start = sum(len(row) + 1 for row in text.split("\n")[: line - 1]) if line else 0
    place = text.find(value, start)
    return text.count("\n", 0, place) + 1 if place >= 0 else line


def above(text: str, key: str) -> str:
    """The comment directly above a key, as one paragraph; empty where there is none."""
    rows = text.split("\n")[: max(of_key(text, (key,)) - 1, 0)]
    said: list[str] = []
    while rows and (row := rows.pop().strip()).startswith("#"):
        said.insert(0, row.lstrip("# "))
    return " ".join(said)


@functools.lru_cache(maxsize=4)  # one file is looked at many times, then the next
def _bare(text: str) -> str:
    """The text with the insides of long strings and comments blanked, every line where it was."""

    def blank(match: re.Match[str]) -> str:
        token = match[0]
        long = token.startswith(('"""', "'''", "#"))
        return re.sub(r"[^\n]", " ", token) if long else token

    return _TOKEN.sub(blank, text)
