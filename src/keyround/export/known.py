"""What a sheet may take for granted: which tenants there are, and which of their tables are whole."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ..connector import Complete, NotOffered, Outcome
from ..engine.results import Scan, TenantInfo
from ..words import country, listed, say


def outcome(scan: Scan, tenant: str, table: str) -> Outcome | None:
    """What is known about one table of one tenant; None when nobody says, which is never taken for whole."""
    return scan.outcomes.get(tenant, {}).get(table)


def offered(scan: Scan, tenant: str, table: str) -> bool:
    """This tenant's connector has such a table at all."""
    return not isinstance(outcome(scan, tenant, table), NotOffered)


def whole(scan: Scan, tenant: str, table: str) -> bool:
    """Every row arrived, so a row that is not there is not there."""
    return isinstance(outcome(scan, tenant, table), Complete)


def labels(scan: Scan) -> dict[str, str]:
    """Tenant id -> what the "Tenant" column says: the product's name, or with the tenant's own where two share it."""
    titles = [t.connector_title for t in scan.tenants]
    return {
        t.id: t.connector_title if titles.count(t.connector_title) == 1 else f"{t.name} ({t.connector_title})"
        for t in scan.tenants
    }


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
