"""Keyround: the watchman's round of the keys. Who can get in with a password alone?

`keyround.open(store)` gives what was scanned as pandas frames; see `keyround.frames`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .frames import open as open

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Importing the package loads neither pandas nor DuckDB; `open` does."""
    if name == "open":
        from .frames import open

        return open
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
