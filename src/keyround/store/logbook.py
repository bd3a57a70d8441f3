"""A log of which each line is a JSON object with an instant: forgetting the old ones. Lines are added elsewhere."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from .disk import disk_errors, put


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
