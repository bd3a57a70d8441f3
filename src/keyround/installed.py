"""Which connectors there are: found by entry point, so that a stranger's is found like ours."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .connector import Connector
from .errors import ConfigError, nearest


@cache
def connector(name: str) -> Connector[Any]:
    """The installed connector of that name; no other is imported. Raises ConfigError."""
    points = {point.name: point for point in entry_points(group="keyround.connectors")}
    if name not in points:
        raise ConfigError(f"There is no connector {name!r}.", nearest(name, points))
    found: Connector[Any] = points[name].load()
    return found
