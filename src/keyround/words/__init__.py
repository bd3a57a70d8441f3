"""Every sentence a manager can meet, by key: `say("summary.title")`.

A language is one folder, such as `words/en`: every TOML file in it is part of one
catalogue, whose tables are joined with dots into keys; `rules/<id>.toml` holds
what that language says of a rule (see `engine.spoken`), and `sentences` what it
makes of English that was stored (see `words.sentences`). A value is a sentence
with {placeholders}, or, where a count decides the form, a table of plural forms
named as in CLDR (`one`, `other`, and `few`, `many` for languages that have them).
The count is always called `n`; a form `zero` answers for 0 in any language.

    [summary]
    people = { one = "{n} person", other = "{n} people" }      say("summary.people", n=3)

A key that a translation lacks falls back to English; a key that English lacks
is a KeyError. Placeholders are filled, never interpreted: what a tenant wrote
cannot become part of a template.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel import Locale

Entry = str | Mapping[str, str]
_FORMS = frozenset({"zero", "one", "two", "few", "many", "other"})
_LANGUAGE: ContextVar[str] = ContextVar("keyround_language", default="en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Everything said inside is said in `language`. Rows of a sheet are made while it is written: wrap that too."""
    token = _LANGUAGE.set(language)
    try:
        yield
    finally:
        _LANGUAGE.reset(token)


@functools.cache
def catalogue(language: str) -> Mapping[str, Entry]:
    """Every key of one language. Raises KeyError when there is no such language."""
    if language not in languages():
        raise KeyError(f"no catalogue for language {language!r}")
    found: dict[str, Entry] = {}
    for file in (files(__name__) / language).iterdir():
        if file.name.endswith(".toml"):
            for key, entry in _flat(tomllib.loads(file.read_text(encoding="utf-8"))):
                if key in found:
                    raise KeyError(f"{key!r} stands twice in words/{language}")
                found[key] = entry
    return found


@functools.cache
def languages() -> tuple[str, ...]:
    """Every language there is a folder for, such as `en`."""
    folders = (one.name for one in files(__name__).iterdir() if one.is_dir())
    return tuple(sorted(name for name in folders if re.fullmatch("[a-z]{2}", name)))


def language() -> str:
    """The one that is spoken now."""
    return _LANGUAGE.get()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Entry]]:
    for key, value in tree.items():
        if isinstance(value, str) or ("other" in value and value.keys() <= _FORMS):
            yield prefix + key, value
        else:
            yield from _flat(value, f"{prefix}{key}.")


def _entry(key: str) -> Entry | None:
    return catalogue(_LANGUAGE.get()).get(key) or catalogue("en").get(key)


def say(key: str, **values: object) -> str:
    """The sentence of `key`, with numbers, dates and plural forms as the language writes them."""
    entry = _entry(key)
    if entry is None:
        raise KeyError(f"no sentence for {key!r}")
    if isinstance(entry, Mapping):
        n = int(str(values["n"]))
        entry = entry["zero"] if n == 0 and "zero" in entry else entry.get(_locale().plural_form(n), entry["other"])
    return entry.format_map({name: _shown(value) for name, value in values.items()})


def word(group: str, value: str | None) -> str:
    """A word of the data as people say it; one that no catalogue knows stays as it came, None is "unknown"."""
    if value is None:
        return say("unknown")
    entry = _entry(f"{group}.{value}")
    return entry if isinstance(entry, str) else value


def country(code: str | None) -> str:
    """ISO 3166-1 alpha-2 as the country's name; a code that is no country stays as it came."""
    return say("unknown") if code is None else _locale().territories.get(code.upper(), code)


def day(when: date) -> str:
    """23 Nov 2026."""
    from babel.dates import format_date

    return format_date(when, format=say("format.day"), locale=_locale())


def listed(parts: list[str]) -> str:
    """The non-empty parts, joined with commas; empty when there is none."""
    return ", ".join(filter(None, parts))


def number(value: float) -> str:
    """12,345 in English, 12.345 in German."""
    from babel.numbers import format_decimal

    return format_decimal(value, locale=_locale())


def _shown(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | date):
        return str(value)
    return day(value) if isinstance(value, date) else number(value)


def _locale() -> Locale:
    return _babel(_LANGUAGE.get())


@functools.cache
def _babel(language: str) -> Locale:
    from babel import Locale

    return Locale.parse(language)
