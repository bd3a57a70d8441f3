"""A client's sections with what they left open: read from the tenant, and written into keyround.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import setup
from ..config import Client, TenantConfig
from ..connector import Clock
from ..errors import ConfigError, StoreError
from ..installed import connector
from ..store import ClientStore
from . import options


def whole(path: Path, client: Client, store: ClientStore) -> Client:
    """The client with every tenant's id, where the tenant tells it. Raises KeyroundError."""
    return replace(client, tenants=tuple(completed(path, client.key, tenant, store) for tenant in client.tenants))


def completed(path: Path, client: str, tenant: TenantConfig, store: ClientStore, alone: bool = False) -> TenantConfig:
    """The section with what it left open; the file says it from now on. Raises KeyroundError naming the section."""
    reader = connector(tenant.connector)
    complete = getattr(setup.of(reader), "complete", None)
    if complete is None:
        return tenant
    try:
        found = complete(tenant.opened(), Clock(), store.memory(f"{tenant.connector} before its id"), alone)
    except ConfigError as error:
        raise ConfigError(f"{tenant.place}: {error.detail}", error.remedy, error.therefore) from error
    return fill_in(path, client, tenant, found) if found else tenant


def fill_in(path: Path, client: str, tenant: TenantConfig, found: Mapping[str, str]) -> TenantConfig:
    """Put values into a tenant's section of the file; every comment stays. Raises StoreError."""
    import tomlkit

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
