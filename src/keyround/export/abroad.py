"""Sheet "Sign-ins abroad": who signed in, or was tried, from outside the home countries.

A sign-in from an unknown place is never foreign; those are counted in a line above the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..engine.results import Scan
from ..model import Account, KnownAddress, SignInPlace
from ..words import country, listed, say, word
from . import private
from .blocks import DAY, TENANT, USERNAME, Block, Cell, Column, Sheet, Table, Text
from .clean import short
from .known import address, home, kind_of, labels, last_day, offered, on, whole
from .tones import tones

_MOST_SAID = 10
_OUTCOMES = ("success", "stopped_after_password", "interrupted", "blocked", "failure")


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.name"), 20),
        Column(say("column.username"), USERNAME),
        Column(say("column.kind"), 10),
        Column(say("column.tenant"), TENANT),
        Column(say("column.country"), 15),
        Column(say("column.outcome"), 17, tones("outcome")),
        Column(say("column.sign_ins"), 10),
        Column(say("column.explained"), 14),
        Column(say("column.with_factor"), 10),
        Column(say("column.password_alone"), 10),
        Column(say("column.factor_unknown"), 10),
        Column(say("column.legacy"), 11),
        Column(say("column.first"), DAY),
        Column(say("column.last"), DAY),
        Column(say("column.addresses"), 18),
    )
    # A code says who; of what kind the account is stands elsewhere, beside its name.
    coded = (1, 2) if scan.presentation.parted else (1,) if scan.presentation.private else ()
    shown = [n for n in range(len(columns)) if n not in coded]
    rows = (tuple(row[n] for n in shown) for row in _rows(scan))
    blocks: list[Block] = [Text(say("sheet.abroad"), "title"), Text(say("abroad.about"), "note")]
    name = labels(scan)
    silent = not scan.tenants
    for tenant in scan.tenants:
        of = name[tenant.id]
        if not offered(scan, tenant.id, "sign_ins"):
            silent = True
            blocks.append(Text(say("abroad.not_offered", tenant=of), "body", "unknown"))
            continue
        blocks.append(Text(say("abroad.home", tenant=of, home=home(tenant)), "note"))
        if not whole(scan, tenant.id, "sign_ins"):
            silent = True
            blocks.append(Text(say("abroad.unread", tenant=of), "body", "unknown"))
        elif not tenant.home_countries:
            silent = True
        else:
            for line in _unplaced(scan, tenant.id, of):
                silent = True
                blocks.append(Text(line, "body", "unknown"))
    blocks += _reported(scan)
    period = say("about.period", since=scan.window.since.date(), until=last_day(scan))
    empty = say("abroad.empty_known") if silent else say("abroad.empty", period=period)
    table = Table("sign_ins_abroad", tuple(columns[n] for n in shown), rows, empty)
    return Sheet(say("sheet.abroad"), (*blocks, table))


def _unplaced(scan: Scan, tenant: str, called: str) -> Iterator[str]:
    """What is not listed, since nobody knows whether it was abroad: for want of a country, or of whose home it is."""
    nowhere = homes = 0
    for place in scan.rows(SignInPlace, tenant):
        if place.abroad is None:
            nowhere += 0 if place.country else place.records or 1
            homes += (place.records or 1) if place.country else 0
    if nowhere:
        yield say("abroad.unplaced", tenant=called, n=nowhere)
    if homes:
        yield say("abroad.whose_home", tenant=called, n=homes)


def _reported(scan: Scan) -> Iterator[Text]:
    """What the client laid down: who is at home elsewhere too, trips, networks that are never abroad."""
    terms = scan.terms
    homes = [say("abroad.home_of", who=home.group or listed(list(home.people)), countries=_countries(home.countries))
             for home in terms.homes]  # fmt: skip
    trips = [
        say(
            "abroad.trip",
            who=listed(list(trip.people)) or say("abroad.everybody"),
            countries=_countries(trip.countries) or say("abroad.anywhere"),
            since=trip.first,
            until=trip.last,
        )
        for trip in terms.trips
    ]
    known = [network.name for network in terms.networks]
    for tenant in scan.tenants:
        known += [row.network for row in scan.rows(KnownAddress, tenant.id) if row.network]
    for key, said in (("homes", homes), ("trips", trips), ("networks", list(dict.fromkeys(known)))):
        if said:
            more = max(0, len(said) - _MOST_SAID)
            also = say("abroad.more", n=more) if more else ""
            yield Text(say(f"abroad.{key}", what="; ".join(filter(None, [*said[:_MOST_SAID], also]))), "note")


def _countries(codes: tuple[str, ...]) -> str:
    return listed([country(code) for code in codes])


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    label, council = labels(scan), scan.presentation.works_council
    for tenant in scan.tenants:
        places = sorted((p for p in scan.rows(SignInPlace, tenant.id) if p.abroad), key=partial(_order, council))
        wanted = {p.account_id for p in places}
        known = {a.account_id: a for a in scan.rows(Account, tenant.id) if a.account_id in wanted} if places else {}
        for place in places:
            account = known.get(place.account_id or "")
            username = address(account.username if account else place.username)
            yield (
                (account and short(account.display_name or "", 80)) or username or say("abroad.nobody"),
                username,
                kind_of(account) if account else None,
                label.get(tenant.id, tenant.id),
                country(place.country),
                _outcome(place),
                private.often(place.records) if council else place.records,
                say("abroad.on_trip") if place.explained == "trip" else None,
                *(map(_any, _factors(place)) if council else _factors(place)),
                None if place.legacy is None else say("yes" if place.legacy else "no"),
                on(place.first_at),
                on(place.last_at),
                listed(place.addresses or []) or None,
            )


def _outcome(place: SignInPlace) -> str:
    """A stop after the password is what everybody with a second factor meets on the way in: not alarming then."""
    if place.outcome == "stopped_after_password" and place.redeemed:
        return say("outcome.stopped_and_entered")
    return word("outcome", place.outcome)


def _factors(place: SignInPlace) -> tuple[int | None, int | None, int | None]:
    """How many got in with a second factor, with the password alone, and by nobody knows what."""
    if place.outcome != "success":
        return None, None, None
    if place.records is None or place.satisfied is None or place.single_factor is None:
        return place.satisfied, place.single_factor, None
    return place.satisfied, place.single_factor, place.records - place.satisfied - place.single_factor


def _any(n: int | None) -> str | None:
    """Whether there was one at all, where nobody's sign-ins are to be counted."""
    return None if n is None else say("yes" if n else "no")


def _order(council: bool, place: SignInPlace) -> tuple[int, int, str, str]:
    """The most first, unless nobody's sign-ins are to be counted."""
    outcome = _OUTCOMES.index(place.outcome) if place.outcome in _OUTCOMES else len(_OUTCOMES)
    return outcome, 0 if council else -(place.records or 0), place.username or "", place.country or ""
