"""One client as `keyround client list` shows it, read from the configuration and the store. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from ... import setup
from ...config import Client, Config, TenantConfig
from ...errors import ConfigError, KeyroundError
from ...installed import connector
from ...rounds import WEEKDAYS, Schedule
from ...store import ClientStore, runs
from . import facts
from .state import End, State, state

CERTIFICATE = "`keyround cert new` makes the next one; both work at once."
ORDER = "Have it renewed, then change [client.{key}.order]: runs stop when it is over."
_DAY = re.compile(r"\b(\d{1,2} [A-Z][a-z]{2} \d{4})\b")


@dataclass(frozen=True, slots=True)
class Standing:
    """`tenants` are connectors' titles; `scanned` the newest sealed scan; `until` the last day of the order."""

    key: str
    name: str
    tenants: tuple[str, ...]
    schedule: Schedule | None
    state: State
    scanned: datetime | None
    until: date | None
    access: facts.Access


def standing(config: Config, client: Client, now: datetime) -> Standing:
    store = ClientStore(config.store, client.key)
    manifest = _newest(store)
    scanned = datetime.fromisoformat(manifest["taken_at"]) if manifest else None
    access, run = facts.read(store.root), runs.read(store.root)
    order = client.arranged.order
    ends = list(_ends(client, manifest))
    if order and order.until:
        ends.append(End(f"The order of {order.authorised_by}", order.until, ORDER.format(key=client.key)))
    return Standing(
        client.key, client.name, tuple(connector(one.connector).title for one in client.tenants),
        client.arranged.schedule, state(access, run.failure, scanned, ends, now),
        scanned, order.until if order else None, access,
    )  # fmt: skip


def unreadable(key: str, wrong: KeyroundError) -> Standing:
    """A client whose section is wrong, or whose folder is closed to us: nothing of it counts until it is corrected."""
    found = State("broken", None, wrong.detail, wrong.remedy)
    return Standing(key, key, (), None, found, None, None, facts.Access())


def _newest(store: ClientStore) -> Mapping[str, Any] | None:
    """What the newest scan that can be read says of itself."""
    for stamp in reversed(store.stamps()):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found: Mapping[str, Any] = json.loads((store.scans / stamp / "manifest.json").read_text(encoding="utf-8"))
            datetime.fromisoformat(found["taken_at"])
            return found
    return None


def _ends(client: Client, manifest: Mapping[str, Any] | None) -> Iterator[End]:
    """What the credentials say themselves; of tenants where they do not, what the newest scan was told."""
    told = {one.get("id"): one.get("notices", ()) for one in manifest["tenants"]} if manifest else {}
    for tenant in client.tenants:
        reader = connector(tenant.connector)
        if until := _until(tenant):
            yield End(f"The certificate for {reader.title}", until.date(), CERTIFICATE)
            continue
        keys = setup.serviced(reader, "own") or ()
        for notice in next((told[i] for i in (tenant.settings.get(key) for key in keys) if i in told), ()):
            yield _noticed(str(notice))


def _until(tenant: TenantConfig) -> datetime | None:
    """Nothing where the credential cannot be read here and now: `client test` says so."""
    try:
        return setup.ends(connector(tenant.connector), tenant.opened())
    except ConfigError:
        return None


def _noticed(notice: str) -> End:
    """A notice counts from the day it names, not from the day on which it was written."""
    first, _, remedy = notice.removeprefix("URGENT: ").partition(". ")
    end = End(f"{first.rstrip('.')}.", remedy=remedy)
    if found := _DAY.search(notice):
        with suppress(ValueError):
            what = re.split(r" (?:ends|ended) ", first)[0]
            return replace(end, what=what, on=datetime.strptime(found[1], "%d %b %Y").date())
    return end


def rhythm(schedule: Schedule | None) -> str:
    """A schedule in few words: "week, monday 06:30"; "" when there is none."""
    if schedule is None:
        return ""
    often = schedule.unit if schedule.count == 1 else f"{schedule.count} {schedule.unit}s"
    if schedule.unit == "hour":
        return often
    day = {"week": WEEKDAYS[schedule.on % 7], "month": f"day {schedule.on}"}.get(schedule.unit, "")
    return f"{often}, {' '.join(filter(None, (day, f'{schedule.at:%H:%M}')))}"
