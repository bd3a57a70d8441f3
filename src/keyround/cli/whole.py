"""A client's sections with what they left open: read from the tenant, and written into its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .. import setup
from ..config import Client, TenantConfig
from ..connector import Clock
from ..errors import ConfigError, StoreError
from ..installed import connector
from ..store import ClientStore
from . import options


def whole(client: Client, store: ClientStore) -> Client:
    """The client with every tenant's id, where the tenant tells it. Raises KeyroundError."""
    return replace(client, tenants=tuple(completed(client.key, tenant, store) for tenant in client.tenants))


def completed(client: str, tenant: TenantConfig, store: ClientStore, alone: bool = False) -> TenantConfig:
    """The section with what it left open; the file says it from now on. Raises KeyroundError naming the section."""
    reader = connector(tenant.connector)
    complete = getattr(setup.of(reader), "complete", None)
    if complete is None:
        return tenant
    try:
        found = complete(tenant.opened(), Clock(), store.memory(f"{tenant.connector} before its id"), alone)
    except ConfigError as error:
        raise tenant.mistake(error) from error
    return fill_in(client, tenant, found) if found else tenant


def fill_in(client: str, tenant: TenantConfig, found: Mapping[str, str]) -> TenantConfig:
    """Put values into a tenant's section of the file in which it stands; every comment stays. Raises StoreError."""
    import tomlkit

    if tenant.place is None:
        return replace(tenant, settings={**tenant.settings, **found})
    path = tenant.place.source.path
    said = ", ".join(f'{key} = "{value}"' for key, value in found.items())
    by_hand = f"Write into the tenant's section: {said}"
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
        sections: Any = document["client"][client]["tenant"]
        section = next(one for one in sections if dict(one) == dict(tenant.settings))
    except (OSError, StopIteration) as error:
        raise StoreError(f"{path} has changed meanwhile.", by_hand) from error
    for key, value in found.items():
        section[key] = value
    try:
        options.written(path, tomlkit.dumps(document), new=False)
    except StoreError as error:
        raise StoreError(error.detail, by_hand) from error
    print(f"{path.name} now says {said}.", flush=True)
    return replace(tenant, settings={**tenant.settings, **found})
