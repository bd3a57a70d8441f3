"""A log of which each line is a JSON object with an instant: adding lines, and forgetting the old ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from .disk import disk_errors, put


def add(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Lines at the end, on the disk when this returns; each begins one anew, also after one that a full disk cut short.

    Raises OSError.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(handle, "a", encoding="ascii") as file:
        file.write("".join(f"\n{json.dumps(entry)}\n" for entry in entries))
        file.flush()
        os.fsync(file.fileno())


def shorten(path: Path, instant: str, before: datetime, dry: bool = False) -> int:
    """Leave out lines whose `instant` is earlier; gives how many. What cannot be read stays. Raises StoreError.

    Whoever adds lines must be kept out meanwhile.
    """
    with disk_errors("It stays as it is."):
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return 0
        kept = [line for line in lines if not _older(line, instant, f"{before:%Y-%m-%dT%H:%M:%SZ}")]
        if len(kept) < len(lines) and not dry:
            put(path, b"\n".join(kept), f".{path.name}-")
    return len(lines) - len(kept)


def _older(line: bytes, instant: str, before: str) -> bool:
    try:
        at = json.loads(line)[instant]
    except (ValueError, TypeError, LookupError, RecursionError):
        return False
    return isinstance(at, str) and at < before
