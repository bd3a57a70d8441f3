"""Whose history is it? What is stored of a client is of its own tenants, and of no other client's.

A section that was copied, and one edit of it forgotten, opens a tenant without a fault: the credential is right, the
name over the report is not. Only what earlier scans stored tells. So before anything is asked or stored:

- a tenant that came in the place of another of the same provider does not continue that one's history;
- a tenant whose scans are another client's is not scanned for this one, neither is one that two sections name
  and nobody's scans decide for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .config import Client
from .config.where import Place
from .errors import ConfigError
from .store import ClientStore

_NEVER_MIXED = "Nothing was scanned: what is known of one firm must not get into another's report."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Named:
    """One tenant as the configuration names it. `also`: the places that name it for other clients."""

    id: str
    connector: str
    place: Place | str = ""
    also: tuple[Place, ...] = ()


def check(client: Client, store: ClientStore, named: Sequence[Named]) -> None:
    """Raises ConfigError where a tenant of `client` does not belong to it, as far as stored scans tell."""
    own = tenants(store)
    new = [one for one in named if one.id.lower() not in own]
    left = [held for tenant, held in own.items() if tenant not in {one.id.lower() for one in named}]
    for one in new:
        if gone := next((held.id for held in left if held.connector == one.connector), ""):
            raise ConfigError(
                f"{one.place}: the tenant is {one.id}, but what is stored of the client {client.key!r} is of {gone}.",
                "Correct the tenant's id. If the client has moved there, give it a new key, such as "
                f"[client.{client.key}-2], or move the folder {store.root} away.",
                _NEVER_MIXED,
            )
        if other := next((key for key, held in _others(store) if one.id.lower() in held), ""):
            raise ConfigError(
                f"{one.place}: the scans of the tenant {one.id} are stored for the client {other!r}.",
                f"Correct the tenant's id. If {other!r} is now called {client.key!r}, move what is in "
                f"{store.root.with_name(other)} to {store.root}: then its history goes on.",
                _NEVER_MIXED,
            )
        if one.also:
            raise ConfigError(
                f"{one.place}: the tenant {one.id} is another client's too, in {_some(one.also)}.",
                "Remove one of the two, or correct its tenant's id.",
                _NEVER_MIXED,
            )
    for one in named:
        if one.also and one not in new:
            _log.warning(
                "%s: the tenant %s is named in %s too. Remove one of them.", one.place, one.id, _some(one.also)
            )


def _some(places: Sequence[object]) -> str:
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return ", ".join(map(str, places[:3])) + more


def tenants(store: ClientStore) -> dict[str, Named]:
    """Id in lower case -> tenant, of those that the newest scan names and any scan has got an answer from.

    One that never answered, such as a mistyped id, binds nobody.
    """
    read = _manifests(store)
    newest = next(read, None)
    if newest is None:
        return {}
    waiting = {tenant["id"].lower(): Named(tenant["id"], tenant["connector"]) for tenant in newest["tenants"]}
    found: dict[str, Named] = {}
    manifest: Mapping[str, Any] | None = newest
    while manifest and waiting:
        for tenant in manifest["tenants"]:
            if _answered(tenant) and (one := waiting.pop(tenant["id"].lower(), None)):
                found[one.id.lower()] = one
        manifest = next(read, None)
    return found


def _answered(tenant: Mapping[str, Any]) -> bool:
    return any(one.get("state") == "complete" or one.get("rows") for one in tenant["outcomes"].values())


def _others(store: ClientStore) -> Iterator[tuple[str, Mapping[str, Named]]]:
    """The tenants of every other client that shares the store. A folder that may not be read tells nothing."""
    try:
        folders = sorted(folder for folder in store.root.parent.iterdir() if folder != store.root)
    except OSError:
        return
    for folder in folders:
        try:
            yield folder.name, tenants(ClientStore(folder.parent, folder.name))
        except OSError:
            continue


def _manifests(store: ClientStore) -> Iterator[Mapping[str, Any]]:
    """The manifests of the sealed scans, newest first; damaged ones are left out."""
    for stamp in reversed(store.stamps()):
        path: Path = store.scans / stamp / "manifest.json"
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            for tenant in manifest["tenants"]:
                _answered(tenant), tenant["id"].lower(), tenant["connector"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
        yield manifest
