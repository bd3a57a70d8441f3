"""Which files beside the snapshots have had their time.

Reports that lie elsewhere than in the store are not ours. Of each kind of report, and of what the next one is compared
with, the newest stays.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from ..store import sweep
from ..store.disk import sha256

_FIGURES = timedelta(days=730)
_TEMPORARY = re.compile(r"keyround-(once-)?[a-z0-9_]{8}")


@dataclass(slots=True)
class Over:
    """By what they are. `edited`: reports that are over as well, but people have written into them."""

    gone: dict[str, list[Path]] = field(default_factory=dict)
    edited: list[Path] = field(default_factory=list)


def files(root: Path, written: frozenset[str], closed: datetime, now: datetime) -> Over:
    """Of a client in `root`, or of the provider's own folder; `written`: the hashes of workbooks that nobody edited."""
    found = Over()
    told = _by_kind((root / "reports").glob("[!.]*"))
    for path in [path for paths in told for path in paths if sweep.touched(path) < closed]:
        ours = path.suffix != ".xlsx" or sha256(path) in written
        (found.gone.setdefault("reports", []) if ours else found.edited).append(path)
    for what, pattern, before in (
        ("what workbooks said", "noted/*.json", closed),
        ("figures of reports", "figures/*.json", now - _FIGURES),
    ):
        for paths in _by_kind(root.glob(pattern)):
            found.gone[what] = [path for path in paths if sweep.touched(path) < before]
    found.gone["logs of runs"] = [path for path in sorted(root.glob("run.log*")) if sweep.touched(path) < closed]
    return found


def _by_kind(paths: Iterable[Path]) -> list[list[Path]]:
    """Files of each suffix, oldest first, without the newest."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(paths, key=lambda path: (sweep.touched(path), path)):
        kinds.setdefault(path.suffix, []).append(path)
    return [paths[:-1] for paths in kinds.values()]


def left_behind(folder: Path) -> list[Path]:
    """What processes of this user that were killed left in the system's temporary folder two days ago or earlier, by
    the computer's own clock: a one-off scan, or what DuckDB had put there. A folder that somebody named so stays.
    """
    found = []
    for path in sorted(folder.glob("keyround-*")):
        with suppress(OSError):  # another one removes it
            about, name = path.lstat(), _TEMPORARY.fullmatch(path.name)
            if not name or not stat.S_ISDIR(about.st_mode) or about.st_mtime > time.time() - 2 * 86_400:
                continue
            if sys.platform != "win32" and (about.st_uid != os.getuid() or about.st_mode & 0o077):
                continue
            if name[1] or all(one.name.startswith("duckdb_temp") for one in path.iterdir()):
                found.append(path)
    return found
