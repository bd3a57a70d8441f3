"""Where a setting stands, as every mistake is named: "keyround.toml, line 12: [client.contoso]"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .lines import KeyPath, located


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the configuration. `name` is how messages call it: keyround.toml, clients.d/contoso.toml."""

    path: Path
    name: str
    text: str = ""

    def line(self, path: KeyPath) -> int:
        """That of the key, or of what it would stand in; 0 where that is the whole file."""
        lines = located(self.text) if path else {}
        return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 0)


@dataclass(frozen=True, slots=True)
class Place:
    """A section, or a key of it, of one file. `section` is what messages call it; the line is looked up when said."""

    source: Source
    path: KeyPath = ()
    section: str = ""

    def __str__(self) -> str:
        return f"{self.line}: {self.section}" if self.section else self.line

    @property
    def there(self) -> bool:
        """Whether the file holds just this key."""
        return self.path in located(self.source.text)

    @property
    def line(self) -> str:
        """File and line alone."""
        number = self.source.line(self.path)
        return f"{self.source.name}, line {number}" if number else self.source.name

    def at(self, *keys: str | int) -> Place:
        """A key of the section; said with its own line. Further keys lead into its value."""
        return replace(self, path=(*self.path, *keys))

    def under(self, key: str) -> Place:
        """A table of the section, which messages call by its key."""
        return replace(self.at(key), section=f"{self.section}: {key}" if self.section else key)

    def numbered(self, key: str, number: int) -> Place:
        """The section `[[... .key]]` with this number, counted from 1."""
        written = f"[[{'.'.join(map(str, self.path))}.{key}]] number {number}"
        return replace(self.at(key, number - 1), section=written)

    def named_in(self, sentence: str, keys: Iterable[str]) -> Place:
        """The key that a sentence about this section names first; the section where it names none."""
        known = set(keys)
        return self.at(*next(([word] for word in re.findall(r"\w+", sentence) if word in known), []))
