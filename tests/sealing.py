"""A whole scan of a few rows, sealed in a moment: for tests in which only matters that it is there, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from keyround.connector import Complete, Outcome, outcome_as_json
from keyround.model import Account
from keyround.store import ClientStore, Snapshot

Sealed = tuple[str, str, str]
"""A tenant as (id, connector, the firm's name)."""


def seal(
    store: ClientStore, at: datetime, *tenants: Sealed, outcome: Outcome | None = None, people: Sequence[str] = ("ada",)
) -> Snapshot:
    """As `scan` seals it, with one account for each name and tenant, and nothing judged."""
    with store.locked():
        draft = store.begin(at)
        for tenant, by, firm in tenants:
            with draft.writer(tenant, by, "users", Account) as write:
                write([Account(f"{name} {tenant}", f"{name}@{firm}.example", firm, enabled=True) for name in people])
        draft.freeze([(tenant, "users") for tenant, *_ in tenants])
        said = outcome_as_json(outcome or Complete(len(people)))
        told = [
            {"id": tenant, "connector": by, "name": firm, "notices": [], "own_access": [], "outcomes": {"users": said},
             "parts": {}, "reach": {}}
            for tenant, by, firm in tenants
        ]  # fmt: skip
        window = {"taken_at": at.isoformat(), "since": at.isoformat(), "until": at.isoformat(), "terms": {}}
        draft.readable({"version": "0", "client": store.root.name, "client_name": "", **window, "tenants": told})
        return draft.seal(None)
