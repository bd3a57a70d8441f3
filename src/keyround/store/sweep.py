"""What there is in a client's store that has a time to go, and how each of it goes. When it does, others decide.

Nothing half-removed is ever read: a snapshot vanishes by one rename, a day is counted by month before it goes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

from . import ClientStore, cut, months
from .disk import disk_errors

_GONE = ".gone-"
_STAYS = "It is tried again next time."
Days = Mapping[PurePosixPath, Mapping[date, Path]]
"""By the folder in which a data set's days are counted: each day's part, relative to the client's folder."""


def links(root: Path) -> Iterator[Path]:
    """Links among what is stored: what they lead to may be somebody else's. A whole client may lie on another disk."""
    target, store = root.resolve(), root.parent.resolve()
    if root.is_symlink() and (target.is_relative_to(store) or store.is_relative_to(target)):
        yield root
    for place, folders, names in os.walk(root):
        yield from (path for name in (*folders, *names) if (path := Path(place, name)).is_symlink())


def days(root: Path) -> dict[PurePosixPath, dict[date, Path]]:
    """Every stored day of sign-ins, oldest first."""
    found: dict[PurePosixPath, dict[date, Path]] = {}
    for path in sorted(root.glob("sign_ins/*/*/day=*/*.parquet")):
        part = path.relative_to(root)
        try:
            day = months.day(part.as_posix())
        except ValueError:  # somebody else's folder
            continue
        found.setdefault(months.beside(part.as_posix()), {})[day] = part
    return found


def counted(root: Path) -> Iterator[PurePosixPath]:
    """Every folder in which days are counted."""
    for path in sorted(root.glob("months/*/*")):
        yield PurePosixPath(path.relative_to(root).as_posix())


def remove_days(root: Path, parts: Iterable[Path]) -> None:
    """Remove days that are counted. Raises StoreError."""
    for part in parts:
        with disk_errors(_STAYS):
            for path in (root / part).parent.glob("*.parquet"):  # a day that was stored twice goes as a whole
                remove(path)
            (root / part).parent.rmdir()


def remove_snapshot(store: ClientStore, stamp: str) -> None:
    """Raises StoreError."""
    with disk_errors(_STAYS):
        gone = store.scans / f"{_GONE}{stamp}"
        (store.scans / stamp).chmod(0o700)
        (store.scans / stamp).rename(gone)
    clear(store)


def clear(store: ClientStore) -> None:
    """Remove what a process that was killed had begun to remove. Raises StoreError."""
    with disk_errors(_STAYS):
        for gone in store.scans.glob(f"{_GONE}*"):
            gone.chmod(0o700)
            for path in gone.iterdir():
                path.chmod(0o600)  # Windows removes nothing that is read-only
            shutil.rmtree(gone)
    for stamp in store.stamps():
        cut.clear(store.scans / stamp)


def remove(path: Path) -> None:
    """A file of ours or a folder of them, sealed or not; of a link only itself. Raises OSError."""
    if path.is_symlink():
        path.unlink()
    elif path.is_dir():
        for place, _, _ in os.walk(path):
            os.chmod(place, 0o700)
        shutil.rmtree(path)
    else:
        path.chmod(0o600)
        path.unlink()


def size(path: Path) -> int:
    """In bytes, with everything below it."""
    return sum(one.stat().st_size for one in (path.rglob("*") if path.is_dir() else [path]) if one.is_file())


def touched(path: Path) -> datetime:
    """When it was last written, UTC."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)
