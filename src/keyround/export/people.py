"""Sheet "People": one row per person over all tenants, the least protected first.

Who has an account in several tenants is told by the worst of them in one word, and tenant by tenant where they differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import chain, islice

from ..engine.results import Finding, Scan
from ..engine.rule import SEVERITIES
from ..model import MfaRegistration
from ..model.protection import PROTECTION
from ..words import country, day, listed, say, word
from ..words.sentences import told
from . import private
from .blocks import DAY, TENANT, USERNAME, Cell, Column, Sheet, Table, Text
from .known import address, kind_of, labels, on, outcome, undecided
from .roster import Key, Person, Role, persons
from .tones import tones

_MOST_SORTED = 10_000
_MOST_REASONS = 3
_MOST_GAPS = 5
_DEMANDED = ("enforced", "security_defaults", "per_user", "blocked", "unknown", None)
_WORST_FIRST = ("not_protected", "can_switch_off", "partly", "unknown", "not_verifiable", "protected", "not_applicable")
assert set(_WORST_FIRST) == set(PROTECTION)
_WEAKEST_FIRST = ("none", "weak", None, "strong", "phishing_resistant")
"""What is not known may be weak."""


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
        Column(say("column.findings"), 10),
        Column(say("column.gravest"), 22),
    )
    shown = private.shown(scan, columns, usernames=(1,), uses=(10, 11))
    rows = (tuple(row[n] for n in shown) for row in _rows(scan))
    return Sheet(
        say("sheet.people"),
        (
            Text(say("sheet.people"), "title"),
            Text(say("people.about"), "note"),
            *private.about(scan),
            *_reasons(scan),
            *_at_least(scan),
            Text(say("people.found"), "note", link=say("sheet.findings")),
            Table("people", tuple(columns[n] for n in shown), rows, say("people.empty")),
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
    tenant, found = labels(scan), _found(scan)

    def each(accounts: tuple[Person, ...], said: Callable[[Person], str | None]) -> str | None:
        """Once where all of a person's accounts have the same, else account by account under the tenant's name."""
        cells = {account.tenant: said(account) for account in accounts}
        if len(set(cells.values())) == 1:
            return next(iter(cells.values()))
        return "\n".join(f"{tenant.get(of, of)}: {cell or say('none')}" for of, cell in cells.items())

    for person in _worst_first(persons(scan)):
        first = person[0]
        yield (
            first.label,
            address(first.username),
            listed(list(dict.fromkeys(tenant.get(account.tenant, account.tenant) for account in person))),
            each(person, kind_of),
            word("protection", _protection(person)),
            each(person, methods),
            word("strength", _strength(person)),
            each(person, demanded),
            each(person, gaps),
            each(person, held),
            last_sign_in(person),
            countries(person),
            *_findings([one for account in person for one in found.get((account.tenant, account.account_id), ())]),
        )


def _found(scan: Scan) -> dict[Key, list[Finding]]:
    """The open findings of every account."""
    found: dict[Key, list[Finding]] = defaultdict(list)
    for finding in scan.findings:
        if finding.counts and finding.rule.subject == "accounts":
            found[finding.tenant, finding.judged.subject].append(finding)
    return found


def _findings(open_ones: list[Finding]) -> tuple[int | None, str | None]:
    """How many are open, and the gravest of them."""
    gravest = min(open_ones, key=lambda one: (SEVERITIES.index(one.severity), one.rule.id), default=None)
    return len(open_ones) or None, gravest.rule.title if gravest else None


def _worst_first(people: Iterator[tuple[Person, ...]]) -> Iterator[tuple[Person, ...]]:
    """Sorted while they fit easily in memory; beyond that as they come, and the reader sorts in Excel."""
    first = list(islice(people, _MOST_SORTED + 1))
    if len(first) <= _MOST_SORTED:
        first.sort(key=lambda p: (_WORST_FIRST.index(_protection(p)), p[0].label.casefold(), p[0].account_id))
    return chain(first, people)


def _protection(person: tuple[Person, ...]) -> str:
    return min((account.protection for account in person), key=_WORST_FIRST.index)


def _strength(person: tuple[Person, ...]) -> str | None:
    """The weakest of the accounts that can sign in; one that is shut weakens nobody."""
    open_ones = [account for account in person if account.protection != "not_applicable"] or person
    known = [account.strength if account.strength in _WEAKEST_FIRST else None for account in open_ones]
    if len(open_ones) == 1:
        return open_ones[0].strength
    return min(known, key=_WEAKEST_FIRST.index)


def last_sign_in(person: tuple[Person, ...]) -> Cell:
    """The latest of any account. Never is said only where it holds for all of them."""
    if latest := max(filter(None, (account.last_sign_in for account in person)), default=None):
        return on(latest)
    return say("never" if all(account.activity == "never" for account in person) else "unknown")


def countries(person: tuple[Person, ...]) -> str | None:
    """Those of every account; and that there may be others, where of one account none are known."""
    known = {code for account in person for code in account.sign_in_countries or ()}
    unknown = any(account.sign_in_countries is None for account in person)
    return listed([*(country(code) for code in sorted(known)), say("unknown") if unknown else ""]) or None


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
