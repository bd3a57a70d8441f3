"""Sentences that were written in English while a tenant was read, said in the language that is spoken now.

What a connector found out is stored in English, for programs and for later. A sheet says `told(sentence)`: the
templates of the language recognise the sentence, and say the same with the same values.

    "Google refused {data:told} to {who}: {said}" = "Google hat {who} den Zugriff auf {data} verweigert: {said}"

A hole takes what it finds as it is, or as the word behind its colon says:

    told        translated itself, where a template knows it
    list        words joined with commas, "and" or "or", each of them told
    where       parts between semicolons, each made of phrases one after another
    names       a list inside a phrase
    day         a day in English or in ISO form
    countries   names of countries

Ours lie in `words/<language>/sentences/*.toml`; an installed connector's package may hold `words/<language>.toml`.
Phrases stand in a table of their own, [phrases], so that nothing else is taken for one.
What no template knows stays English. Values are filled in, never interpreted.
"""

from __future__ import annotations

import functools
import logging
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from . import catalogue, country, day, language

_log = logging.getLogger(__name__)
_HOLE = re.compile(r"{(\w+)(?::(\w+))?}")
_SENTENCES = re.compile(r"(?<=[.!?…]) (?=[^a-z ])|\n")
_JOINTS = re.compile(r"(?:, or |, | and | or | together with )(?=(?:[^“”]*“[^“”]*”)*[^“”]*$)")
_PARTS = re.compile(r"; (?=(?:[^“”]*“[^“”]*”)*[^“”]*$)")
_DAYS = ("%d %B %Y", "%d %b %Y", "%Y-%m-%d")
_LONGEST = 1_500
"""Nothing longer is a sentence of ours."""
_MOST_WORDS = 60
_MOST_SENTENCES = 20
_PHRASES = "phrases"
_BEGIN = ("and ", "or ", "together with ")


@dataclass(frozen=True, slots=True)
class _Template:
    pattern: re.Pattern[str]
    kinds: Mapping[str, str]
    said: str

    def fill(self, text: str) -> str | None:
        if (found := self.pattern.fullmatch(text)) is None:
            return None
        values = {name: _KINDS[self.kinds[name]](value) for name, value in found.groupdict().items()}
        return self.said.format_map(values)


def told(text: str) -> str:
    """`text` in the language spoken now; whatever of it no template knows stays as it is."""
    if language() == "en" or not text or len(text) > _LONGEST:
        return text
    return _told(text, language())


@functools.lru_cache(maxsize=8192)
def _told(text: str, language: str) -> str:
    """The language is that spoken now: here so that what was said in another one is not said again."""
    if " " not in text:  # names, addresses and numbers, of which a report holds very many
        return _whole(text, language) or text
    return _all(text) or _whole(text, language) or _some(text)


def known(text: str) -> bool:
    """Whether the language spoken now has a template for the whole of `text`."""
    return _whole(text, language()) is not None


def forget() -> None:
    """Read the templates anew: for who has just installed some."""
    for remembered in (_templates, _whole, _told):
        remembered.cache_clear()


@functools.lru_cache(maxsize=4096)
def _whole(text: str, language: str, table: str = "") -> str | None:
    """As one template says it. None: there is none."""
    templates = _templates(language, table)
    if not table and " " not in text and text not in templates:
        return None
    candidates = templates.get(text.partition(" ")[0], templates[""])
    return next((said for one in candidates if (said := one.fill(text)) is not None), None)


def _all(text: str) -> str | None:
    """Sentence by sentence; None where one is not known. Some templates are several sentences long."""
    ends = _ends(text)
    if not 2 < len(ends) <= _MOST_SENTENCES:
        return None

    @functools.cache
    def rest(first: int) -> str | None:
        if first == len(ends) - 1:
            return ""
        for last in range(first + 1, len(ends)):
            run = text[ends[first] : ends[last]]
            kept = run.rstrip()
            if (said := _whole(kept, language())) is not None and (after := rest(last)) is not None:
                return said + run[len(kept) :] + after
        return None

    return rest(0)


def _some(text: str) -> str:
    """Those sentences that are known, the others as they are."""
    ends = _ends(text)
    runs = [text[first:last] for first, last in pairwise(ends)]
    kept = [run.rstrip() for run in runs]
    return "".join((_whole(one, language()) or one) + run[len(one) :] for one, run in zip(kept, runs, strict=True))


def _ends(text: str) -> list[int]:
    return [0, *(found.end() for found in _SENTENCES.finditer(text)), len(text)]


def _listed(text: str, each: Callable[[str], str] = told) -> str:
    """Each word of a list, and what joins them."""
    said, start = "", 0
    for joint in _JOINTS.finditer(text):
        said += each(text[start : joint.start()]) + (_whole(joint[0], language()) or joint[0])
        start = joint.end()
    return said + each(text[start:])


def _names(text: str) -> str:
    return _listed(text, lambda name: _whole(name, language(), _PHRASES) or name)


def _where(text: str) -> str:
    return "; ".join(map(_phrases, _PARTS.split(text)))


def _phrases(text: str) -> str:
    """One phrase after another, each of them told; the text as a sentence where one is not known."""
    words = text.split(" ")
    if len(words) > _MOST_WORDS:
        return text

    @functools.cache
    def rest(start: int) -> tuple[str, ...] | None:
        if start == len(words):
            return ()
        for end in range(start + 1, len(words) + 1):
            said = _phrase(" ".join(words[start:end]))
            if said is not None and (after := rest(end)) is not None:
                return said, *after
        return None

    return " ".join(rest(0) or (told(text),))


def _phrase(text: str) -> str | None:
    for joint in _BEGIN:
        said = _whole(text.removeprefix(joint), language(), _PHRASES) if text.startswith(joint) else None
        if said is not None:
            return (_whole(f" {joint}", language()) or f" {joint}").lstrip() + said
    return _whole(text, language(), _PHRASES)


def _day(text: str) -> str:
    for form in _DAYS:
        try:
            return day(datetime.strptime(text, form).date())
        except ValueError:
            continue
    return text


def _countries(text: str) -> str:
    codes = _codes()
    return ", ".join(country(codes[name]) if name in codes else name for name in text.split(", "))


@functools.cache
def _codes() -> Mapping[str, str]:
    from babel import Locale

    return {name: code for code, name in Locale("en").territories.items() if len(code) == 2}


_KINDS: dict[str, Callable[[str], str]] = {
    "": lambda text: text,
    "told": told,
    "list": _listed,
    "where": _where,
    "names": _names,
    "day": _day,
    "countries": _countries,
}


@functools.cache
def _templates(language: str, table: str) -> Mapping[str, tuple[_Template, ...]]:
    """By the first word of what they recognise, "" for any other; each time, those that say most come first."""
    pairs = {one: said for within, one, said in _pairs(language) if within == table}
    found: dict[str, list[_Template]] = {"": []}
    ordered = sorted(pairs, key=_rank)
    found |= {word: [] for english in ordered if (word := _first(english))}
    for english in ordered:
        parts = _HOLE.split(english)
        literals, names, kinds = parts[::3], parts[1::3], [kind or "" for kind in parts[2::3]]
        pattern = re.escape(literals[0])
        for name, kind, literal in zip(names, kinds, literals[1:], strict=True):
            pattern += f"(?P<{name}>{'[^.:;]+?' if kind == 'day' else '.+?'})" + re.escape(literal)
        template = _Template(re.compile(pattern, re.DOTALL), dict(zip(names, kinds, strict=True)), pairs[english])
        word = _first(english)
        for first in [word] if word else found:
            found[first].append(template)
    return {word: tuple(templates) for word, templates in found.items()}


def _first(english: str) -> str:
    """The first word where the template begins with a whole one; "" where a hole may be part of it."""
    literal, hole, _ = english.partition("{")
    word, space, _ = literal.partition(" ")
    return word if space or not hole else ""


def _rank(english: str) -> tuple[bool, int]:
    """A hole at the end takes whatever follows: those templates come last."""
    return english.endswith("}") and not english.endswith(":day}"), -len(_HOLE.sub("", english))


def _pairs(language: str) -> Iterator[tuple[str, str, str]]:
    """Table, English, translation: of the files, and of the catalogue what is said while a snapshot is judged."""
    for file in _files(language):
        try:
            read = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            _log.warning("The sentences of %s cannot be read (%s): they stay English.", file, error)
            continue
        for table, pairs in (("", read), (_PHRASES, read.get(_PHRASES, {}))):
            yield from ((table, one, said) for one, said in pairs.items() if isinstance(said, str))
    english, other = catalogue("en"), catalogue(language)
    for key in english:
        one, said = english[key], other.get(key)
        if key.startswith("remark.") and isinstance(one, str) and isinstance(said, str):
            yield "", one, said


def _files(language: str) -> Iterator[Traversable]:
    """Strangers' first: where two know the same sentence, ours is said."""
    for point in sorted(entry_points(group="keyround.connectors"), key=lambda point: point.name):
        spec = find_spec(point.module.partition(".")[0])  # of a package at the top: nothing of it is imported
        for place in (spec and spec.submodule_search_locations) or ():
            if (file := Path(place) / "words" / f"{language}.toml").is_file():
                yield file
    own = files("keyround.words") / language / "sentences"
    if own.is_dir():
        yield from (file for file in own.iterdir() if file.name.endswith(".toml"))
