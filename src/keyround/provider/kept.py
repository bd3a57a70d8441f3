"""Small files of the provider's own, in `STORE/.provider`: replaced whole at every change, read or not there.

No client's data is in any of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..store.disk import disk_errors, private, put

T = TypeVar("T")
PROVIDER = ".provider"
"""No client is called so: their keys begin with a letter or a digit."""


def folder(store: Path) -> Path:
    return store / PROVIDER


def keep(path: Path, value: Any) -> None:
    """Raises StoreError."""
    with disk_errors("It is not written down."):
        private(path.parent)
        put(path, msgspec.json.encode(value), f".{path.stem}-")


def read(path: Path, kind: type[T]) -> T | None:
    """None where there is no such file, or a damaged one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError, RecursionError):
        return None
