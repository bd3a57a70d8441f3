"""What a connector remembers from one scan of a tenant to the next, such as a search that takes hours."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from .disk import as_json, disk_errors, private, put

_log = logging.getLogger(__name__)


class Memory(MutableMapping[str, Any]):
    """A JSON object in a file of its own, replaced whole at every change: a scan that is killed forgets nothing.

    A damaged file is an empty memory, said in the log. Changes raise StoreError when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = _read(path)
        self._lock = threading.Lock()  # data sets that are read at once remember at once

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        with self._lock:
            self._replace({**self._values, key: value})

    def __delitem__(self, key: str) -> None:
        with self._lock:
            left = dict(self._values)
            del left[key]
            self._replace(left)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _replace(self, values: dict[str, Any]) -> None:
        with disk_errors():
            private(self._path.parent)
            put(self._path, as_json(values))
        self._values = values


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    _log.warning("%s is damaged: what was left to come back for is asked for again.", path)
    return {}
