"""Sheet "People": one row per account of every tenant, the least protected first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

from ..engine.results import Scan
from ..model.protection import PROTECTION
from ..words import country, listed, say, word
from .blocks import Cell, Column, Sheet, Table, Text
from .known import labels, on
from .roster import Person, everyone
from .tones import tones

_MOST_SORTED = 10_000
_WORST_FIRST = ("not_protected", "can_switch_off", "partly", "unknown", "not_verifiable", "protected", "not_applicable")
assert set(_WORST_FIRST) == set(PROTECTION)


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.name"), 20),
        Column(say("column.username"), 30),
        Column(say("column.tenant"), 17),
        Column(say("column.kind"), 11),
        Column(say("column.protected"), 14, tones("protection")),
        Column(say("column.factors"), 22),
        Column(say("column.strength"), 15, tones("strength")),
        Column(say("column.demanded"), 20),
        Column(say("column.gaps"), 22),
        Column(say("column.roles"), 22),
        Column(say("column.last_sign_in"), 12),
        Column(say("column.countries"), 15),
        Column(say("column.findings"), 11),
    )
    return Sheet(
        say("sheet.people"),
        (
            Text(say("sheet.people"), "title"),
            Text(say("people.about"), "note"),
            Table("people", columns, _rows(scan), say("people.empty")),
        ),
    )


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    found = Counter((f.tenant, f.judged.subject) for f in scan.findings if f.rule.subject == "accounts")
    for person in _worst_first(everyone(scan)):
        yield (
            person.label,
            person.username,
            tenant.get(person.tenant, person.tenant),
            kind(person),
            word("protection", person.protection),
            methods(person),
            word("strength", person.strength),
            demanded(person),
            listed(list(person.gaps or ())) or None,
            listed(list(dict.fromkeys(held(person)))) or None,
            on(person.last_sign_in) or (say("never") if person.activity == "never" else say("unknown")),
            countries(person),
            found[person.tenant, person.account_id],
        )


def _worst_first(people: Iterator[Person]) -> Iterator[Person]:
    """Sorted while they fit easily in memory; beyond that as they come, and the reader sorts in Excel."""
    first = list(islice(people, _MOST_SORTED + 1))
    if len(first) <= _MOST_SORTED:
        first.sort(key=lambda p: (_WORST_FIRST.index(p.protection), p.label.casefold(), p.account_id))
    return chain(first, people)


def kind(person: Person) -> str:
    said = word("kind", person.kind)
    return say("kind.disabled", kind=said) if person.enabled is False else said


def countries(person: Person) -> str | None:
    if person.sign_in_countries is None:
        return say("unknown")
    return listed([country(code) for code in person.sign_in_countries]) or None


def methods(person: Person) -> str:
    if person.methods is None:
        return say("unknown") if person.registered is None else say("method.some" if person.registered else "none")
    return listed([word("method", method) for method in person.methods]) or say("none")


def demanded(person: Person) -> str:
    """Which policy demands the second factor; where none does or nobody knows, the verdict in words and why."""
    verdict = word("verdict", person.enforcement)
    by = listed(list(person.enforced_by or ()))
    if person.enforcement is None or person.enforcement == "unknown":
        return f"{verdict}: {person.reason}" if person.reason else verdict
    return f"{verdict}: {by}" if by and by.casefold() != verdict.casefold() else verdict


def held(person: Person) -> Iterator[str]:
    for role in person.roles:
        name = role.role or say("unknown")
        yield say("role.eligible", role=name) if role.state == "eligible" else name
