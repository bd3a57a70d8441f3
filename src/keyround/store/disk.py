"""The disk: files for this user alone, whole or not there, and its refusals in sentences."""

from __future__ import annotations

import hashlib
import json
import os
import sys
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


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def write_json(path: Path, value: Any) -> None:
    with path.open("wb") as file:
        file.write(as_json(value))
        file.flush()
        os.fsync(file.fileno())


def seal_json(path: Path, value: Any, unfinished: str) -> None:
    """Write a file that nobody changes again. As `put`."""
    put(path, as_json(value), unfinished, mode=0o400)


def put(path: Path, content: bytes, unfinished: str = ".new-", mode: int = 0o600) -> None:
    """Write a file for this user alone, or replace it, whole or not at all; after this a power cut does not undo it.

    `unfinished`: how its draft's name begins, which a killed process leaves behind. Raises OSError.
    """
    handle, name = tempfile.mkstemp(prefix=unfinished, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:  # as the draft has it already
            os.chmod(name, mode)
        os.replace(name, path)
        if os.name == "posix":  # the name as well, before anything relies on it
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
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
    try:
        yield
    except _refusals() as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        where = f"{name}: " if isinstance(name := getattr(error, "filename", None), str | Path) else ""
        raise StoreError(f"The store could not be written: {where}{reason}.", therefore=therefore) from error


def _refusals() -> tuple[type[Exception], ...]:
    """DuckDB's are looked for where somebody has used it: importing it takes a while."""
    duckdb: Any = sys.modules.get("duckdb")
    return (OSError, duckdb.IOException, duckdb.OutOfMemoryException) if duckdb else (OSError,)
