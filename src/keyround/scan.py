"""One scan of one client: collect, freeze, judge, seal.

Collection may fail data set by data set; everything after it runs without network from the snapshot (`judging`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from . import __version__, belonging, history, setup
from .collecting import read_all, threads
from .config import Client, TenantConfig
from .connector import (
    Arrived,
    Clock,
    Complete,
    Connector,
    Cost,
    DataSet,
    Identity,
    Incomplete,
    NotOffered,
    Outcome,
    Window,
    collect,
    outcome_as_json,
)
from .engine import sealed as sealing
from .engine.rule import Rule
from .errors import CollectError, ConfigError, WrongTenant
from .geo import Atlas
from .installed import connector
from .judging import Judgement, judge, sealed_results
from .model import Row, SignIn
from .store import ClientStore, Snapshot, hashed
from .store.draft import Draft

NOTHING = "Nothing could be read, so there is no report."
WAIT = timedelta(minutes=3)  # for answers that a provider prepares in its own time
MEMORY = timedelta(days=180)  # how far back stored days of sign-ins are read; none of it is asked for again
Progress = Callable[[str, str, Outcome | Cost | None], None]
"""Called with (tenant, data set, None) before a data set is read, with its outcome after, and with
(tenant, title of the connector, what it cost) at the end. Data sets may be read at once; the calls come one by one."""


def window(until: datetime, days: int) -> Window:
    """The last `days` whole days and the running one."""
    return Window(datetime.combine(until.date() - timedelta(days=days), time()), until)


def scan(
    client: Client,
    store: ClientStore,
    rules: Sequence[Rule],
    taken_at: datetime,
    days: int,
    clock: Clock,
    progress: Progress,
    wait: timedelta = WAIT,
    atlas: Atlas | None = None,
) -> tuple[Snapshot, Judgement]:
    """Collect, freeze, judge, seal; gives the sealed snapshot and what was judged of it.

    `wait`: how long for an answer that the provider prepares in its own time; what takes longer is collected by the
    next scan. `atlas` names the countries of sign-ins where the provider does not (default: the package's own).

    Raises WrongTenant or ConfigError before anything is stored, StoreError when
    the disk refuses, and a CollectError when no tenant could be opened at all.
    Whatever happens, earlier snapshots stay as they are and no half one is left.
    """
    asked = replace(window(taken_at, days), patience=wait)
    atlas = atlas or Atlas()
    atlas.check()
    ready = [opened(part) for part in client.tenants]
    if twice := [tenant for tenant, count in Counter(one.tenant for one in ready).items() if count > 1]:
        raise ConfigError(f"The client {client.key!r} names the tenant {twice[0]} twice.", "Remove one of the two.")
    belonging.check(client, store, named(client, ready))
    with store.locked():
        store.check_days()
        draft = store.begin(taken_at)
        try:
            tenants = [_collected(part, store, draft, asked, clock, progress, atlas) for part in ready]
            refused = [tenant.refused for tenant in tenants if tenant.refused]
            if len(refused) == len(tenants):
                raise refused[0].about(refused[0].therefore or NOTHING)
            draft.freeze([(tenant.id, dataset.name) for tenant in tenants for dataset in tenant.connector.datasets])
            snapshot = draft.readable(_manifest(client, store, taken_at, asked, tenants))
            judged = None
            try:
                judged = judge(snapshot, rules)
            finally:  # what was collected is kept even where judging breaks
                sealed = draft.seal(sealing.as_json(sealed_results(snapshot, judged)) if judged else None)
        except BaseException:
            draft.discard()
            raise
        history.settle_often(store)
    return sealed, judged.of(sealed)


@dataclass(slots=True)
class _Collected:
    """What became of one tenant. `refused`: it could not even be opened."""

    id: str
    connector: Connector[Any]
    name: str | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    refused: CollectError | None = None
    notices: list[str] = field(default_factory=list)
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Opened:
    """One configured tenant, ready to be signed in to. `settings` hold the secrets themselves."""

    tenant: str
    connector: Connector[Any]
    settings: Mapping[str, Any] = field(repr=False)


def opened(config: TenantConfig) -> Opened:
    """Find the connector, read the secrets, check the settings. Raises ConfigError naming the section."""
    try:
        reader = connector(config.connector)
        settings = config.opened()
        return Opened(reader.tenant_of(settings), reader, settings)
    except ConfigError as error:
        raise config.mistake(error) from error


def named(client: Client, ready: Sequence[Opened]) -> list[belonging.Named]:
    """The tenants of a client, each with the place of the configuration that names it."""
    return [
        belonging.Named(one.tenant, one.connector.name, part.place or "", part.also)
        for part, one in zip(client.tenants, ready, strict=True)
    ]


def _collected(
    config: Opened,
    store: ClientStore,
    draft: Draft,
    asked: Window,
    clock: Clock,
    progress: Progress,
    atlas: Atlas,
) -> _Collected:
    reader = config.connector
    tenant = _Collected(config.tenant, reader)
    try:
        with threads() as start, reader.open(config.settings, clock, store.memory(tenant.id)) as session:
            identity = reader.identify(session)
            guard(tenant.id, identity)
            tenant.name, tenant.own = identity.name, identity.own
            if door := setup.of(reader):
                tenant.notices = door.notices(config.settings, session, clock.now())
            called = tenant.name or f"{reader.title} {tenant.id}"

            def read(dataset: DataSet[Any, Any]) -> Outcome:
                return _read(dataset, session, tenant, store, draft, asked, clock, atlas)

            def say(dataset: DataSet[Any, Any], outcome: Outcome | None) -> None:
                progress(called, dataset.name, outcome)

            tenant.outcomes = read_all(reader.datasets, read, getattr(reader, "at_once", 1), start, say)
            if (cost := getattr(session, "cost", None)) is not None:
                progress(called, reader.title, cost)
    except CollectError as error:
        tenant.refused = error
        tenant.outcomes = {
            d.name: Incomplete(0, error.about(f"The report cannot say {d.tells}.")) for d in reader.datasets
        }
    return tenant


def _read(
    dataset: DataSet[Any, Any],
    session: Any,
    tenant: _Collected,
    store: ClientStore,
    draft: Draft,
    asked: Window,
    clock: Clock,
    atlas: Atlas,
) -> Outcome:
    """One data set into the draft. Other threads may be reading others."""
    events = SignIn in dataset.fills
    fetched = store.fetch_window(tenant.id, dataset.name, reached(dataset, asked)) if events else asked
    whole: list[Arrived] = []
    with draft.writer(tenant.id, tenant.connector.name, dataset.name, dataset.fills[0]) as write:
        placed = _placed(write, atlas) if events else write
        outcome = collect(dataset, session, fetched, placed, whole.append)
    if events:
        draft.settle(tenant.id, dataset.name, fetched, whole, clock.now(), dataset.one_login)
    return outcome


def reached(dataset: DataSet[Any, Any], asked: Window) -> Window:
    """The window of one data set: the scan's own, or further back where the data set reaches further."""
    return replace(asked, since=min(asked.since, datetime.combine((asked.until - dataset.reach).date(), time())))


def _placed(write: Callable[[list[Row]], int], atlas: Atlas) -> Callable[[list[Row]], int]:
    """The same, with the country of each sign-in looked up where the provider named none."""

    def placed(rows: list[Row]) -> int:
        return write([_with_country(row, atlas) for row in rows])

    return placed


def _with_country(row: Row, atlas: Atlas) -> Row:
    if not isinstance(row, SignIn) or row.country or not (found := atlas.country(row.address)):
        return row
    return replace(row, country=found[0], country_source=found[1])


def guard(tenant: str, identity: Identity) -> None:
    """Raises WrongTenant unless token and tenant both say that this is the configured tenant."""
    if {claim.lower() for claim in identity.claims} != {tenant.lower()}:
        found = ", ".join(sorted(identity.claims)) or "a tenant that does not say which it is"
        raise WrongTenant(f"The configuration names the tenant {tenant}, but the credential opens {found}.")


def _manifest(
    client: Client, store: ClientStore, taken_at: datetime, asked: Window, tenants: Sequence[_Collected]
) -> dict[str, Any]:
    def logs(tenant: _Collected) -> list[DataSet[Any, Any]]:
        """The sign-in logs that count: where one stands in for another, days of that other would be told twice."""
        filling = [d for d in tenant.connector.datasets if SignIn in d.fills]
        used = [d for d in filling if not isinstance(tenant.outcomes.get(d.name), NotOffered)]
        replaced = {d.stands_in_for for d in used if isinstance(tenant.outcomes.get(d.name), Complete)}
        return [dataset for dataset in used if dataset.name not in replaced]

    def parts(tenant: _Collected) -> dict[str, str]:
        """The stored days of the window, and of the time before that earlier scans left."""
        remembered = replace(asked, since=min(asked.since, asked.until - MEMORY))
        found: dict[str, str] = {}
        for dataset in logs(tenant):
            found |= hashed(store.root, store.parts(tenant.id, dataset.name, reached(dataset, remembered)))
        return found

    def counted(tenant: _Collected) -> dict[str, str]:
        """What is counted of days that were removed because their time was over."""
        return {path: digest for dataset in logs(tenant)
                for path, digest in store.months(tenant.id, dataset.name).items()}  # fmt: skip

    def reach(tenant: _Collected) -> dict[str, str]:
        return {d.name: reached(d, asked).since.isoformat() for d in logs(tenant) if d.reach}

    return {
        "version": __version__,
        "client": client.key,
        "client_name": client.name,
        "taken_at": taken_at.isoformat(),
        "since": asked.since.isoformat(),
        "until": asked.until.isoformat(),
        "terms": client.terms.as_json(),
        "tenants": [
            {
                "id": tenant.id,
                "connector": tenant.connector.name,
                "name": tenant.name,
                "notices": tenant.notices,
                "own_access": sorted(tenant.own),
                "outcomes": {name: outcome_as_json(outcome) for name, outcome in tenant.outcomes.items()},
                "parts": parts(tenant),
                "months": counted(tenant),
                "reach": reach(tenant),
            }
            for tenant in tenants
        ],
    }
