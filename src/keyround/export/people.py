"""Sheet "People": one row per account of every tenant, the least protected first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from ..engine.results import Scan
from ..model import MfaRegistration
from ..model.protection import PROTECTION
from ..words import country, day, listed, say, word
from ..words.sentences import told
from .blocks import DAY, TENANT, USERNAME, Cell, Column, Sheet, Table, Text
from .known import address, kind_of, labels, on, outcome, undecided
from .roster import Person, Role, everyone
from .tones import tones

_MOST_SORTED = 10_000
_MOST_REASONS = 3
_MOST_GAPS = 5
_DEMANDED = ("enforced", "security_defaults", "per_user", "blocked", "unknown", None)
_WORST_FIRST = ("not_protected", "can_switch_off", "partly", "unknown", "not_verifiable", "protected", "not_applicable")
assert set(_WORST_FIRST) == set(PROTECTION)


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.name"), 18),
        Column(say("column.username"), USERNAME),
        Column(say("column.tenant"), TENANT),
        Column(say("column.kind"), 10),
        Column(say("column.protected"), 13, tones("protection")),
        Column(say("column.factors"), 20),
        Column(say("column.strength"), 12, tones("strength")),
        Column(say("column.demanded"), 21),
        Column(say("column.gaps"), 30),
        Column(say("column.roles"), 19),
        Column(say("column.last_sign_in"), DAY),
        Column(say("column.countries"), 14),
    )
    return Sheet(
        say("sheet.people"),
        (
            Text(say("sheet.people"), "title"),
            Text(say("people.about"), "note"),
            *_reasons(scan),
            *_at_least(scan),
            Table("people", columns, _rows(scan), say("people.empty")),
        ),
    )


def _reasons(scan: Scan) -> Iterator[Text]:
    """Why the table says "Unknown" under "Demanded by": once for each tenant and reason, not in every row."""
    for tenant, name in labels(scan).items():
        for reason, _ in undecided(scan, tenant).most_common(_MOST_REASONS):
            yield Text(say("people.undecided", tenant=name, reason=told(reason)), "note")


def _at_least(scan: Scan) -> Iterator[Text]:
    """Where a provider does not list every second factor: that those named are not all, and of which day they are."""
    for tenant, name in labels(scan).items():
        error = getattr(outcome(scan, tenant, "mfa_registrations"), "without", {}).get("methods")
        if error:
            days = [row.updated_at for row in scan.rows(MfaRegistration, tenant) if row.updated_at]
            said = say("people.factors", tenant=name, reason=told(error.therefore or error.detail))
            yield Text(f"{said} {say('people.as_of', day=day(min(days).date()))}" if days else said, "note")


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    for person in _worst_first(everyone(scan)):
        yield (
            person.label,
            address(person.username),
            tenant.get(person.tenant, person.tenant),
            kind_of(person),
            word("protection", person.protection),
            methods(person),
            word("strength", person.strength),
            demanded(person),
            gaps(person),
            held(person),
            on(person.last_sign_in) or (say("never") if person.activity == "never" else say("unknown")),
            countries(person),
        )


def _worst_first(people: Iterator[Person]) -> Iterator[Person]:
    """Sorted while they fit easily in memory; beyond that as they come, and the reader sorts in Excel."""
    first = list(islice(people, _MOST_SORTED + 1))
    if len(first) <= _MOST_SORTED:
        first.sort(key=lambda p: (_WORST_FIRST.index(p.protection), p.label.casefold(), p.account_id))
    return chain(first, people)


def countries(person: Person) -> str | None:
    if person.sign_in_countries is None:
        return say("unknown")
    return listed([country(code) for code in person.sign_in_countries]) or None


def methods(person: Person) -> str:
    if person.methods is None:
        return (
            say("unknown")
            if person.registered is None
            else say("method.some" if person.registered else "strength.none")
        )
    return listed([word("method", method) for method in person.methods]) or say("strength.none")


def demanded(person: Person) -> str:
    """Which policy or setting demands the second factor."""
    verdict = word("verdict", person.enforcement)
    by = listed(list(map(told, person.enforced_by or ())))
    return f"{verdict}: {by}" if by and by.casefold() != verdict.casefold() else verdict


def gaps(person: Person) -> str | None:
    """Where it is not demanded, through what the account is exempt, what does not fit, what policies would change."""
    lines = list(map(told, person.gaps or ()))
    if person.enforcement not in _DEMANDED:
        lines += map(told, person.excluded_by or ())
    if person.contradiction:
        lines.insert(0, say("people.contradiction", said=told(person.contradiction)))
    if person.if_enabled and person.report_only:
        then, policies = word("verdict", person.if_enabled), listed(list(map(told, person.report_only or ())))
        lines.append(say("people.if_enabled", policies=policies, then=then))
    if person.when_active and person.when_active != person.enforcement:
        lines.append(say("people.when_active", then=word("verdict", person.when_active)))
    if person.emergency:
        lines.append(say("people.emergency"))
    if person.own_access:
        lines.insert(0, say("people.own_access"))
    more = len(lines) - _MOST_GAPS
    return "\n".join(lines[:_MOST_GAPS] + ([say("people.more_gaps", n=more)] if more > 0 else [])) or None


def held(person: Person) -> str | None:
    if person.roles is None:
        return say("unknown")
    return listed(list(dict.fromkeys(map(_called, person.roles)))) or None


def _called(role: Role) -> str:
    name = role.role or say("unknown")
    return say("role.eligible", role=name) if role.state == "eligible" else name
