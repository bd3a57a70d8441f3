"""What a sheet may take for granted: which tenants there are, what of them is known, and how it is called."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, TypeGuard

from ..connector import Complete, NotOffered, Outcome
from ..engine.results import Evaluated, Result, Scan, TenantInfo
from ..model import Account, MfaEnforcement, home_address
from ..words import country, listed, say, word

if TYPE_CHECKING:
    from .roster import Person

NOBODY = frozenset({"service_principal", "deleted", "no_person"})
"""Kinds of role holders that are known to be no person."""
address = home_address
"""What a user name is shown as."""


def outcome(scan: Scan, tenant: str, table: str) -> Outcome | None:
    """What is known about one table of one tenant; None when nobody says, which is never taken for whole."""
    return scan.outcomes.get(tenant, {}).get(table)


def offered(scan: Scan, tenant: str, table: str) -> bool:
    """This tenant's connector has such a table at all."""
    return not isinstance(outcome(scan, tenant, table), NotOffered)


def whole(scan: Scan, tenant: str, table: str) -> bool:
    """Every row arrived, so a row that is not there is not there."""
    return isinstance(outcome(scan, tenant, table), Complete)


def answered(result: Result) -> TypeGuard[Evaluated]:
    """The check says something: of somebody, or that nobody is concerned. Unknown for everybody is no answer."""
    if not isinstance(result, Evaluated):
        return False
    return any(j.verdict != "unknown" for j in result.judged) or not (result.judged or result.missing)


def undecided(scan: Scan, tenant: str) -> Counter[str]:
    """Why it is not known whether a second factor is demanded: each reason, and of how many accounts."""
    rows = scan.rows(MfaEnforcement, tenant)
    return Counter(row.reason for row in rows if row.verdict == "unknown" and row.reason)


def kind_of(account: Account | Person) -> str:
    """Member, guest, room, ...; and what is special about this one."""
    said = word("kind", account.kind)
    if account.external and account.kind != "guest":
        said = say("kind.external", kind=said)
    if account.status in ("suspended", "archived"):
        return say(f"kind.{account.status}", kind=said)
    return say("kind.disabled", kind=said) if account.enabled is False else said


def labels(scan: Scan) -> dict[str, str]:
    """Tenant id -> what the "Tenant" column says: the product's name, or with the tenant's own where two share it."""
    titles = [t.connector_title for t in scan.tenants]
    return {
        t.id: t.connector_title if titles.count(t.connector_title) == 1 else f"{t.name} ({t.connector_title})"
        for t in scan.tenants
    }


def dataset(name: str) -> str:
    """A data set as people call it; one that no catalogue knows loses its underscores."""
    said = word("dataset", name)
    return said if said != name else name.replace("_", " ").capitalize()


def home(tenant: TenantInfo) -> str:
    """The home countries in words, and whether somebody named them."""
    if not tenant.home_countries:
        return say("home.unknown")
    names = listed([country(code) for code in tenant.home_countries])
    return say("home.assumed" if tenant.home_assumed else "home.configured", countries=names)


def last_day(scan: Scan) -> date:
    """The last day of the window, which ends just before `until`."""
    return (scan.window.until - timedelta(microseconds=1)).date()


def on(when: datetime | None) -> date | None:
    return when.date() if when else None
