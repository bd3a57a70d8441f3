"""What people wrote into a client's workbooks, and what each workbook said when it was written.

    STORE/<client>/notes.json           the notes as they are now; replaced whole at every change
    STORE/<client>/noted/<id>.json      the notes that the workbook of this id was written with

Both are kept as they are given; their meaning is `handover.carry`'s.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import StoreError
from .disk import as_json, private, put

_ID = re.compile(r"[0-9a-f]{8,64}")
_KEPT = "What people wrote stands in their workbooks still; it is read again next time."


@contextmanager
def _disk() -> Iterator[None]:
    """Turn the disk's refusals into a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The notes could not be kept in the store: {error.strerror or error}.",
            "Free some space or correct the permissions.",
            _KEPT,
        ) from error


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other reports of this client from changing its notes meanwhile. Raises StoreError after half a minute."""
    with _disk():
        private(root)
        lock = FileLock(root / ".notes-lock", mode=0o600)
        try:
            lock.acquire(timeout=30)
        except Timeout as error:
            raise StoreError(
                "Another report of this client is being written.", "Run the command again.", _KEPT
            ) from error
    try:
        yield
    finally:
        lock.release()


def read(root: Path) -> tuple[Any, str]:
    """The notes, and what has to be said about them. None where there are none, or they cannot be read: then the file
    is set aside and never overwritten.

    Raises StoreError when even that fails.
    """
    path = root / "notes.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")), ""
    except (FileNotFoundError, NotADirectoryError):
        return None, ""
    except (ValueError, RecursionError):
        return None, set_aside(root)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", "Correct its permissions.", _KEPT) from error


def peek(root: Path) -> Any:
    """The notes; None where there are none, or they cannot be read: that is told when a report is written."""
    try:
        return json.loads((root / "notes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def set_aside(root: Path) -> str:
    """Keep a damaged file under another name; gives the sentence that says so. Raises StoreError."""
    number = 1
    while (aside := root / f"notes-damaged-{number}.json").exists():
        number += 1
    with _disk():
        os.replace(root / "notes.json", aside)
    return f"The notes kept in the store were damaged. They were set aside as {aside}; the last workbook was read anew."


def keep(root: Path, notes: Mapping[str, Any]) -> None:
    """Replace the notes, whole or not at all. Raises StoreError."""
    _replace(root / "notes.json", notes)


def written_with(root: Path, workbook: str) -> Any:
    """What `keep_written` kept under this id; None where nothing is known of such a workbook."""
    if not _ID.fullmatch(workbook):
        return None
    try:
        return json.loads((root / "noted" / f"{workbook}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def keep_written(root: Path, workbook: str, notes: Any) -> None:
    """Keep what a workbook says, before anybody gets it. Raises StoreError."""
    _replace(root / "noted" / f"{workbook}.json", notes)


def _replace(path: Path, value: Any) -> None:
    with _disk():
        private(path.parent)
        put(path, as_json(value))
