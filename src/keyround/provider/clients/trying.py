"""Asking a client's tenants to let us in, and writing down what they said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ... import setup
from ...config import Client, TenantConfig
from ...connector import Clock, Connector
from ...errors import CollectError, KeyroundError, StoreError
from ...installed import connector
from ...scan import Opened, guard, opened
from ...store import ClientStore, runs
from ..attempt import held
from . import facts
from .facts import Tried
from .state import NO_ENTRY


def tried(
    client: Client, store: ClientStore, clock: Clock, complete: Callable[[TenantConfig], TenantConfig]
) -> tuple[Tried, ...]:
    """Every tenant of the client, asked once; what came of it is in the store too. Raises StoreError.

    `complete` fills in what a section leaves open and the tenant tells, such as its id. Raises KeyroundError.
    """
    found = tuple(_one(tenant, store, clock, complete) for tenant in client.tenants)
    record(store, found, clock.now())
    return found


def record(store: ClientStore, found: Sequence[Tried], now: datetime) -> None:
    """Raises StoreError."""
    before = facts.read(store.root)
    now = now.replace(microsecond=0)
    after = replace(before, first_tried=before.first_tried or now, tested=now, last=tuple(found))
    opens = all(not one.kind for one in found)
    facts.keep(store.root, replace(after, opened=now) if opens else after)
    failure = runs.read(store.root).failure
    if opens and failure and failure.kind in NO_ENTRY:
        _not_waited(store)


def _not_waited(store: ClientStore) -> None:
    """The wait after a refusal ends, since the way in is open: the next run scans. Raises StoreError."""
    with held(store.root) as ours:
        if ours and not (run := runs.read(store.root)).started:
            runs.keep(store.root, replace(run, retry_at=None))


def _one(
    tenant: TenantConfig, store: ClientStore, clock: Clock, complete: Callable[[TenantConfig], TenantConfig]
) -> Tried:
    reader = connector(tenant.connector)
    try:
        return asked(opened(complete(tenant)), store, clock)
    except StoreError:
        raise
    except KeyroundError as error:
        return refused(reader, error)


def asked(ready: Opened, store: ClientStore | None, clock: Clock) -> Tried:
    """Sign in, see whose tenant it is, and which permissions are missing. `store` None: nothing is remembered."""
    reader = ready.connector
    memory = store.memory(ready.tenant) if store else {}
    try:
        with reader.open(ready.settings, clock, memory) as session:
            identity = reader.identify(session)
            guard(ready.tenant, identity)
            door = setup.of(reader)
            access = door.access(session) if door else setup.Access(known=False)
    except KeyroundError as error:
        return refused(reader, error)
    remedy = access.remedy or "Add them to the application, then have an administrator approve it again."
    return Tried(reader.title, identity.name or ready.tenant, missing=access.missing,
                 remedy=remedy if access.missing else "")  # fmt: skip


def refused(reader: Connector[Any], error: KeyroundError) -> Tried:
    waits = isinstance(error, CollectError) and setup.waits(reader, error)
    return Tried(reader.title, kind=type(error).__name__, waits=waits, detail=error.detail, therefore=error.therefore,
                 remedy=error.remedy)  # fmt: skip
