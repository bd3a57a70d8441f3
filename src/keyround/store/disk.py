"""The disk: files for this user alone, whole or not there, and its refusals in sentences."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ..errors import StoreError


def private(folder: Path) -> None:
    """Make `folder` and what is missing above it, for this user alone."""
    for missing in reversed([folder, *folder.parents]):
        if not missing.is_dir():
            missing.mkdir(exist_ok=True, mode=0o700)


def write_json(path: Path, value: Any) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())


def seal_json(path: Path, value: Any, unfinished: str) -> None:
    """Write a file that nobody changes again, whole or not at all. `unfinished`: how its draft's name begins."""
    handle, name = tempfile.mkstemp(prefix=unfinished, dir=path.parent)  # for this user alone
    os.close(handle)
    try:
        write_json(Path(name), value)
        os.chmod(name, 0o400)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def disk_errors(therefore: str = "This scan is not kept.") -> Iterator[None]:
    """Turn the disk's refusals into a StoreError that says what helps."""
    import duckdb

    try:
        yield
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        where = f"{name}: " if isinstance(name := getattr(error, "filename", None), str | Path) else ""
        raise StoreError(f"The store could not be written: {where}{reason}.", therefore=therefore) from error
