"""Sheet "Sign-ins abroad": who signed in, or was tried, from outside the home countries.

A sign-in from an unknown place is never foreign; those are counted in a line above the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import Scan
from ..model import Account, SignInPlace
from ..words import country, listed, say, word
from .blocks import DAY, TENANT, USERNAME, Block, Cell, Column, Sheet, Table, Text
from .clean import short
from .known import address, home, kind_of, labels, last_day, offered, on, whole
from .tones import tones

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
        Column(say("column.password_alone"), 11),
        Column(say("column.legacy"), 11),
        Column(say("column.first"), DAY),
        Column(say("column.last"), DAY),
        Column(say("column.addresses"), 18),
    )
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
        elif unplaced := _unplaced(scan, tenant.id):
            silent = True
            blocks.append(Text(say("abroad.unplaced", tenant=of, n=unplaced), "body", "unknown"))
        elif not tenant.home_countries:
            silent = True
    period = say("about.period", since=scan.window.since.date(), until=last_day(scan))
    empty = say("abroad.empty_known") if silent else say("abroad.empty", period=period)
    table = Table("sign_ins_abroad", columns, _rows(scan), empty)
    return Sheet(say("sheet.abroad"), (*blocks, table))


def _unplaced(scan: Scan, tenant: str) -> int:
    return sum(place.records or 1 for place in scan.rows(SignInPlace, tenant) if place.abroad is None)


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    label = labels(scan)
    for tenant in scan.tenants:
        places = sorted((p for p in scan.rows(SignInPlace, tenant.id) if p.abroad), key=_order)
        wanted = {p.account_id for p in places}
        known = {a.account_id: a for a in scan.rows(Account, tenant.id) if a.account_id in wanted} if places else {}
        entered = {(p.account_id, p.country) for p in places if p.outcome == "success"}
        for place in places:
            account = known.get(place.account_id or "")
            username = address(account.username if account else place.username)
            yield (
                (account and short(account.display_name or "", 80)) or username or say("abroad.nobody"),
                username,
                kind_of(account) if account else None,
                label.get(tenant.id, tenant.id),
                country(place.country),
                _outcome(place, entered),
                place.records,
                place.single_factor,
                None if place.legacy is None else say("yes" if place.legacy else "no"),
                on(place.first_at),
                on(place.last_at),
                listed(place.addresses or []) or None,
            )


def _outcome(place: SignInPlace, entered: set[tuple[str | None, str | None]]) -> str:
    """A stop after the password is what everybody with a second factor meets on the way in: not alarming then."""
    if place.outcome == "stopped_after_password" and place.account_id and (place.account_id, place.country) in entered:
        return say("outcome.stopped_and_entered")
    return word("outcome", place.outcome)


def _order(place: SignInPlace) -> tuple[int, int, str, str]:
    outcome = _OUTCOMES.index(place.outcome) if place.outcome in _OUTCOMES else len(_OUTCOMES)
    return outcome, -(place.records or 0), place.username or "", place.country or ""
