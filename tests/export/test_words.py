"""The catalogue: every key exists, every key is used, plurals and unknown words."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from babel import Locale

from keyround import export, handover, provider, words
from keyround.derived import homes
from keyround.export import sheets
from keyround.export.blocks import Table
from keyround.words import catalogue, country, day, languages, number, say, speaking, word

from .invented import company

SOURCES = [
    *sorted(Path(export.__file__).parent.glob("*.py")),
    *sorted(Path(handover.__file__).parent.glob("*.py")),
    *sorted(Path(provider.__file__).parent.glob("**/*.py")),
    Path(homes.__file__),
]


def keys_said() -> set[str]:
    """Every key that stands in full in a `say(...)`."""
    found = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                first = node.args[0]
                ends = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
                found |= {end.value for end in ends if isinstance(end, ast.Constant)}
    return found


@pytest.mark.parametrize("key", sorted(keys_said()))
def test_every_key_the_sheets_say_exists(key: str) -> None:
    assert key in catalogue("en")


def test_every_sentence_is_said_somewhere() -> None:
    code = "".join(source.read_text(encoding="utf-8") for source in SOURCES) + Path(words.__file__).read_text()
    groups = set(re.findall(r'"([a-z_]+)\.?[{"]', code))
    unused = [key for key in catalogue("en") if f'"{key}"' not in code and key.split(".")[0] not in groups]
    assert not unused


@pytest.mark.parametrize("language", languages())
def test_a_language_has_the_same_keys_and_placeholders(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert english.keys() == other.keys()
    for key in english:
        assert _holes(english[key]) == _holes(other[key]), key


@pytest.mark.parametrize("language", languages())
def test_every_plural_form_is_there_and_says_the_same(language: str) -> None:
    needed = {Locale(language).plural_form(n) for n in range(1000)}
    for key, entry in catalogue(language).items():
        if isinstance(entry, Mapping):
            assert needed <= entry.keys(), key
            for form, said in entry.items():  # "one" and "zero" may say the number in words
                assert _holes({"other": said}) <= _holes(entry) and (form != "other" or said), key


@pytest.mark.parametrize("language", languages())
def test_every_word_over_a_column_fits_into_it(language: str) -> None:
    with speaking(language):
        columns = [c for one in sheets(company()) for b in one.blocks if isinstance(b, Table) for c in b.columns]
    wide = [c.title for c in columns if max(map(len, re.split(r"[\s-]", c.title))) + 2 > c.width]
    assert not wide


@pytest.mark.parametrize("language", languages())
def test_names_of_sheets_are_what_excel_takes(language: str) -> None:
    with speaking(language):
        names = [one.name for one in sheets(company())]
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 and not re.search(r"[\[\]:*?/\\']", name) for name in names)


def _holes(entry: object) -> set[str]:
    return set(re.findall(r"{(\w+)}", str(entry if isinstance(entry, str) else dict(entry)["other"])))  # type: ignore[call-overload]


def test_a_missing_key_is_an_error() -> None:
    with pytest.raises(KeyError, match="no sentence"):
        say("nothing.of.the.kind")
    with pytest.raises(KeyError, match="no catalogue"), speaking("tlh"):
        say("yes")


def test_plurals_and_numbers() -> None:
    assert say("summary.people_n", n=1) == "1 account"
    assert say("summary.people_n", n=0) == "0 accounts"
    assert say("summary.people_n", n=12345) == "12,345 accounts"
    assert say("summary.unused_licensed", n=0) == "None of them has a paid licence."


def test_what_a_tenant_wrote_is_no_template() -> None:
    assert say("summary.title", client="{0.__class__} %s {n}") == "IT security check · {0.__class__} %s {n}"


def test_words_of_the_data() -> None:
    assert word("protection", "can_switch_off") == "Can switch it off"
    assert word("method", "newWord") == "newWord"
    assert word("strength", None) == "Unknown"
    assert (country("DE"), country("xk"), country("Q1"), country(None)) == ("Germany", "Kosovo", "Q1", "Unknown")
    assert day(date(2026, 3, 1)) == "1 Mar 2026"


def test_german_writes_numbers_days_and_countries_its_own_way() -> None:
    with speaking("de"):
        assert say("summary.people_n", n=12345) == "12.345 Konten"
        assert (number(0.5), number(1234.5)) == ("0,5", "1.234,5")
        assert (country("DE"), country("AT"), country(None)) == ("Deutschland", "Österreich", "Unbekannt")
        assert (
            say("summary.period", since=date(2026, 3, 1), until=date(2026, 3, 31)) == "Zeitraum 01.03.2026 – 31.03.2026"
        )
