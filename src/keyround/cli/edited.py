"""keyround.toml with one accepted risk more, renewed or withdrawn. Text in, text out; every comment stays in its place.

Sections are found by their headers, which a text over several lines may imitate: so nothing is given back that does
not read as exactly what was meant. tomlkit would keep every comment too, but takes those above a section for the end of
the one before.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]#]+?)\s*\]\]?\s*(#.*)?")


def section(client: str, entry: Mapping[str, Any], newline: str = "\n") -> str:
    """`entry` as a section of its own, as people write it by hand."""
    import tomlkit

    width = max(map(len, entry))
    lines = [f"{key:<{width}} = {tomlkit.item(value).as_string()}" for key, value in entry.items()]
    return newline.join([f"[[client.{client}.accept]]", *lines, ""])


def added(text: str, client: str, entry: Mapping[str, Any]) -> str | None:
    """With the section behind the client's others; None where the file has a form to which it cannot be added."""

    def meant(accept: list[Any]) -> None:
        accept.append(dict(entry))

    def in_place(gap: str) -> str:
        lines = text.splitlines(keepends=True)
        own = [n for n, path in _headers(lines) if path[:2] == ["client", client]]
        place = _end(lines, own[-1])
        new = section(client, entry, _newline(text))
        return "".join(lines[:place]).rstrip("\r\n") + gap + new + _spaced("".join(lines[place:]), gap)

    def listed(gap: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        inline: Any = tomlkit.inline_table()
        inline.update(entry)
        accept: Any = document["client"][client]["accept"]
        accept.append(inline)
        return tomlkit.dumps(document)

    def at_the_end(gap: str) -> str:
        return text.rstrip("\r\n") + gap + section(client, entry, _newline(text))

    return _first(text, client, meant, in_place, at_the_end, listed)


def renewed(text: str, client: str, number: int, entry: Mapping[str, Any]) -> str | None:
    """With the values of `entry` in the client's accepted risk `number`, counted from 0; None where that cannot be."""

    def meant(accept: list[Any]) -> None:
        accept[number].update(entry)

    def in_place(gap: str) -> str:
        import tomlkit

        lines = text.splitlines(keepends=True)
        there = tomllib.loads(text)["client"][client]["accept"][number]
        if missing := [key for key in entry if key not in there]:
            header = _accepts(lines, client)[number]
            lines[header] = lines[header].rstrip("\r\n") + _newline(text)
            lines[header] += "".join(f'{key} = ""{_newline(text)}' for key in missing)
        document = tomlkit.parse("".join(lines))
        found: Any = document["client"][client]["accept"][number]
        for key, value in entry.items():
            found[key] = value
        return tomlkit.dumps(document)

    return _first(text, client, meant, in_place)


def removed(text: str, client: str, number: int) -> str | None:
    """Without the client's accepted risk `number`, counted from 0; None where the file has another form."""

    def meant(accept: list[Any]) -> None:
        del accept[number]

    def in_place(gap: str) -> str:
        lines = text.splitlines(keepends=True)
        header = _accepts(lines, client)[number]
        end = max(n for n in range(header, _next(lines, header)) if not _idle(lines[n])) + 1
        before = header - 1 if header and not lines[header - 1].strip() else header
        return "".join(lines[:before] + lines[end:])

    def listed(gap: str) -> str:
        import tomlkit

        document = tomlkit.parse(text)
        accept: Any = document["client"][client]["accept"]
        del accept[number]
        return tomlkit.dumps(document)

    return _first(text, client, meant, in_place, listed)


def _first(text: str, client: str, change: Callable[[list[Any]], None], *ways: Callable[[str], str]) -> str | None:
    """What the first of these ways makes of the text that reads as the text with this change and no other."""
    wanted = deepcopy(tomllib.loads(text))
    accept = wanted["client"][client].setdefault("accept", [])
    change(accept)
    if not accept:
        del wanted["client"][client]["accept"]
    for way in ways:
        try:
            made = way(_newline(text) * 2)
            read = tomllib.loads(made)
        except (ValueError, LookupError, TypeError, AttributeError):  # a form that this way does not know
            continue
        if not read.get("client", {}).get(client, {}).get("accept", True):
            del read["client"][client]["accept"]
        if read == wanted:
            return made
    return None


def _headers(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The line and the dotted name of every section."""
    for n, line in enumerate(lines):
        if match := _HEADER.fullmatch(line.rstrip("\r\n")):
            yield n, [part.strip().strip("\"'") for part in match[1].split(".")]


def _accepts(lines: list[str], client: str) -> list[int]:
    return [n for n, path in _headers(lines) if path == ["client", client, "accept"]]


def _next(lines: list[str], header: int) -> int:
    return next((n for n, _ in _headers(lines) if n > header), len(lines))


def _end(lines: list[str], header: int) -> int:
    """Where a section ends: comments right above the next one belong to that."""
    end = _next(lines, header)
    if end < len(lines):
        while end > header + 1 and lines[end - 1].lstrip().startswith("#"):
            end -= 1
    return end


def _idle(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _spaced(rest: str, gap: str) -> str:
    """What follows, a line apart."""
    return gap[: len(gap) // 2] + rest.lstrip("\r\n") if rest.strip() else ""


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
