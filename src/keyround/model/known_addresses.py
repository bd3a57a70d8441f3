"""Table `known_addresses`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from .schema import Row


@dataclass(frozen=True, slots=True)
class KnownAddress(Row):
    """One row per address of the log that lies in a network the client knows. Derived, never collected."""

    KEY: ClassVar[tuple[str, ...]] = ("address",)

    address: Annotated[str, "As the records write it."]
    network: Annotated[str | None, "Name of the network."] = None
    source: Annotated[
        str | None, "configuration, or trusted_location: a named place that the tenant's policies trust."
    ] = None
