"""On whose order a client is scanned, and whether it still holds. Pure: the day is an argument.

A provider processes another company's data on its order (`[client.NAME.order]`). Without one every run warns; before
its first day and after its last one nothing is scanned by itself, and a scan by hand warns. A company that scans its
own tenant, without a name under `[provider]` or under that very name, needs none; one that it wrote down all the same
counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ..config import Client, Config
from ..errors import ConfigError
from ..store.runs import Failure
from . import ended

SOON = timedelta(days=30)
"""So long before its end an order is called to mind."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`refused`: no run scans this client; else there is nothing to say, or a warning."""

    said: ConfigError | None = None
    refused: bool = False


def standing(config: Config, client: Client, today: date) -> Standing:
    order, where = client.arranged.order, client.place.line if client.place else config.path.name
    section = f"[client.{client.key}.order]"
    if order is None:
        if config.provider.name.casefold() in ("", client.name.casefold()):
            return Standing()
        return _warned(
            f"{client.key}: nobody is named who ordered the scans of {client.name}.",
            f"Add {section} with authorised_by, role, on and until to {where.partition(',')[0]}.",
            "Another company's data may only be processed on its order, and the report cannot say on whose.",
        )
    if order.until and order.until < today:
        return Standing(ConfigError(
            f"{client.key}: the order of {order.authorised_by} ended on {order.until}.",
            f"Have it renewed, then change until in {section}; or remove the client.",
            f"{client.name} is not scanned by a run any more; stored scans and reports stay as they are.",
        ), refused=True)  # fmt: skip
    if order.on and order.on > today:
        return Standing(ConfigError(
            f"{client.key}: the order of {order.authorised_by} is of {order.on}, which is still to come.",
            f"Correct on in {section}, or wait until then.",
            f"{client.name} is not scanned by a run before that day.",
        ), refused=True)  # fmt: skip
    if ends_soon(client, today):
        return _warned(
            f"{client.key}: the order of {order.authorised_by} ends on {order.until}.",
            f"Have it renewed in time, then change until in {section}.",
            f"After that day {client.name} is not scanned by a run any more.",
        )
    return Standing()


def ends_soon(client: Client, today: date) -> bool:
    """It still holds, and not for long."""
    order = client.arranged.order
    return bool(order and order.until and timedelta() <= order.until - today <= SOON)


def refusal(config: Config, client: Client, now: datetime) -> Failure | None:
    """Why no run may scan this client now; None where it may. For the runner's `Hooks.refused`."""
    found = standing(config, client, now.date())
    return ended.failed(found.said, now) if found.refused and found.said else None


def _warned(detail: str, remedy: str, therefore: str) -> Standing:
    return Standing(ConfigError(detail, remedy, therefore))
