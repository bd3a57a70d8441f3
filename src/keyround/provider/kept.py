"""Small files of the provider's own, in `STORE/.provider`: replaced whole at every change, read or not there.

No client's data is in any of them.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..store.disk import disk_errors, private

T = TypeVar("T")
PROVIDER = ".provider"
"""No client is called so: their keys begin with a letter or a digit."""


def folder(store: Path) -> Path:
    return store / PROVIDER


def keep(path: Path, value: Any) -> None:
    """Raises StoreError."""
    with disk_errors("It is not written down."):
        private(path.parent)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)  # for this user alone
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(value))
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise


def read(path: Path, kind: type[T]) -> T | None:
    """None where there is no such file, or a damaged one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, ValueError, RecursionError):
        return None
