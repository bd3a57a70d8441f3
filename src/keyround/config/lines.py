"""On which line of a TOML file a key or a section stands, which `tomllib` does not tell.

`located(text)` maps every path, such as ("client", "contoso", "tenant", 0, "secret"), to its line, counted from 1. The
text has been read by `tomllib` before, so it is right TOML: what is not needed to find keys is skipped, not checked.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

KeyPath = tuple[str | int, ...]
_TOKEN = re.compile(
    r'''(?P<text>"""(?:\\.|[^\\])*?"{3,5}(?!")|\'{3}.*?\'{3,5}(?!\')|"(?:\\.|[^"\\])*"|'[^']*')'''
    r"""|(?P<skip>\#[^\n]*|[ \t\r]+)|(?P<mark>[\n\[\]{}=,.])|(?P<bare>[^\s\[\]{}=,."'\#]+)""",
    re.DOTALL,
)


@lru_cache(maxsize=256)
def located(text: str) -> Mapping[KeyPath, int]:
    """The line of every key, section and element of a list; a section's is that of its own header, where it has one."""
    return _Scan(text).lines


@dataclass(slots=True)
class _Scan:
    """One pass over the tokens: `at` is the next one, `section` the path that keys belong to."""

    text: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    tokens: list[tuple[str, int]] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        line, counted = 1, 0
        for found in _TOKEN.finditer(self.text):
            line, counted = line + self.text.count("\n", counted, found.start()), found.start()
            if found.lastgroup != "skip":
                self.tokens.append((found[0], line))
        section: KeyPath = ()
        headers: Counter[KeyPath] = Counter()  # how often [[section]] stood
        while self.at < len(self.tokens):
            word, line = self.tokens[self.at]
            if word == "\n":
                self.at += 1
            elif word == "[":
                section = self._header(line, headers)
            else:
                self._pair(section)

    def _header(self, line: int, headers: Counter[KeyPath]) -> KeyPath:
        several = self._next() == "[" and self._peek() == "["
        self.at += several
        section: KeyPath = ()
        keys = self._keys()
        for depth, key in enumerate(keys, 1):
            section += (key,)
            self.lines.setdefault(section, line)
            if several and depth == len(keys):
                headers[section] += 1
            if headers[section]:  # a list of tables: what follows belongs to the newest of them
                section += (headers[section] - 1,)
        self.lines[section] = line
        self.at += 1 + several  # the brackets that close it
        return section

    def _pair(self, above: KeyPath) -> None:
        line, path = self.tokens[self.at][1], above
        for key in self._keys():
            path += (key,)
            self.lines.setdefault(path, line)
        self.at += 1  # =
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        opened = self._next()
        if opened == "[":
            number = 0
            while self._peek(over="\n,") != "]":
                self.lines[(*path, number)] = self.tokens[self.at][1]
                self._value((*path, number))
                number += 1
            self.at += 1
        elif opened == "{":
            while self._peek(over="\n,") != "}":
                self._pair(path)
            self.at += 1
        else:  # a number or a day may be of several tokens
            while self._peek() not in ("", "\n", ",", "]", "}"):
                self.at += 1

    def _keys(self) -> tuple[str, ...]:
        """A dotted key; what follows it is the next token."""
        keys = [self._key()]
        while self._peek() == ".":
            self.at += 1
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        word = self._next()
        return str(tomllib.loads(f"key = {word}")["key"]) if word[0] in "\"'" else word

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][0]

    def _peek(self, over: str = "") -> str:
        """The next token, empty at the end; those that `over` holds are passed by."""
        while self.at < len(self.tokens) and self.tokens[self.at][0] in tuple(over):
            self.at += 1
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""
