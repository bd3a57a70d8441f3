"""A kept snapshot's own sign-ins without those whose time is over.

    <snapshot>/removed.json               which file stands in for sign_ins.parquet, and what is not in it any more
    <snapshot>/sign_ins-<date>.parquet    the records that are young enough, of that day and later

The sealed file is never edited: another one takes its place, and only then it goes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from ..errors import StoreError
from .disk import disk_errors, seal_json, sha256

FILE = "sign_ins.parquet"
MARK = "removed.json"


@dataclass(frozen=True, slots=True)
class Cut:
    """`file` holds what is left. Of `tenants`, records older than the day `before` are gone."""

    file: str
    sha256: str
    before: date
    tenants: tuple[str, ...]


def of(folder: Path) -> Cut | None:
    """What is gone of a snapshot; None: nothing. Raises ValueError or KeyError when that cannot be read."""
    try:
        raw = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Cut(raw["file"], raw["sha256"], date.fromisoformat(raw["before"]), tuple(raw["tenants"]))


def path(folder: Path) -> Path:
    """The file that holds the snapshot's own sign-ins now."""
    return folder / (shorter.file if (shorter := of(folder)) else FILE)


def oldest(folder: Path) -> date | None:
    """The day of the snapshot's oldest own sign-in; None where it has none."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not path(folder).exists():
        return None
    try:
        first = pc.min(pq.read_table(path(folder), columns=["signed_in_at"])["signed_in_at"]).as_py()
    except (OSError, pa.ArrowException):
        return None  # damaged: whoever opens it is told
    return first.date() if first else None


def days(folder: Path, before: date = date.max) -> list[date]:
    """The day of each of the snapshot's own sign-ins that are older than `before`, oldest first."""
    if not path(folder).exists():
        return []
    return sorted(at.date() for at in _table(folder, before, "<")["signed_in_at"].to_pylist())


def shorten(folder: Path, before: date) -> None:
    """Take what is older than `before` from the snapshot's own sign-ins. Raises StoreError when the disk refuses."""
    import pyarrow.parquet as pq

    had = of(folder)
    gone = set(_table(folder, before, "<")["tenant"].to_pylist()) | set(had.tenants if had else ())
    with disk_errors("It stays as it is."), _open(folder):
        target = folder / f"sign_ins-{before}.parquet"
        handle, name = tempfile.mkstemp(prefix=".sign_ins-", dir=folder)
        os.close(handle)
        draft = Path(name)
        try:
            pq.write_table(_table(folder, before, ">="), draft, compression="zstd")
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            digest = sha256(draft)
            draft.chmod(0o400)
            os.replace(draft, target)
        except BaseException:
            with suppress(OSError):
                draft.unlink()
            raise
        cut = Cut(target.name, digest, before, tuple(sorted(gone)))
        with suppress(FileNotFoundError):
            (folder / MARK).chmod(0o600)  # Windows replaces nothing that is read-only
        seal_json(folder / MARK, asdict(cut) | {"before": before.isoformat()}, ".removed-")
    clear(folder)


def left(folder: Path) -> list[Path]:
    """Files whose place another has taken, and that a process left that was killed."""
    if (cut := of(folder)) is None:
        return []
    files = [*folder.glob("sign_ins*.parquet"), *folder.glob(".*")]
    return [path for path in files if path.name != cut.file]


def clear(folder: Path) -> None:
    """Remove them. Raises StoreError when the disk refuses."""
    if found := left(folder):
        with disk_errors("It stays as it is."), _open(folder):
            for path in found:
                path.chmod(0o600)
                path.unlink()


@contextmanager
def _open(folder: Path) -> Iterator[None]:
    """A sealed folder that can be written to meanwhile."""
    folder.chmod(0o700)
    try:
        yield
    finally:
        folder.chmod(0o500)


def _table(folder: Path, before: date, side: str) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path(folder), filters=[("signed_in_at", side, datetime.combine(before, time()))])
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path(folder)} cannot be read: {error}.", therefore="It stays as it is.") from error
