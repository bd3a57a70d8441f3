"""Snapshots on disk: written once, sealed by rename, never edited.

    STORE/<client>/scans/<YYYYMMDDTHHMMSSZ>/      one Parquet file per table, results.json, manifest.json
    STORE/<client>/sign_ins/<tenant>/<data set>/day=<date>/<scan>.parquet
    STORE/<client>/ledger-<stamp>.json            what was known after that scan, so that older scans may be removed
    STORE/<client>/figures/<stamp>.json           what the Summary of that scan counted, also once the scan is removed
    STORE/<client>/memory/<tenant>.json           what a connector has to come back for
    STORE/<client>/months/<tenant>/<data set>/    sign-ins of days that were removed, counted by person, country, month

A day of sign-ins that is over, old enough for late records to have come, and
fetched whole gets a part of its own: later scans read it and ask the provider
only for what is new, so history outlives the provider's. Younger days live in
the snapshot and are fetched again. The manifest lists the exact parts.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from filelock import FileLock, Timeout

from ..connector import Window
from ..errors import Busy, StoreError
from . import months
from .days import parts
from .disk import disk_errors, private, seal_json, sha256
from .memory import Memory
from .snapshot import Snapshot

if TYPE_CHECKING:
    from .draft import Draft

__all__ = ["ClientStore", "Memory", "Snapshot", "hashed", "stamped"]

_STAMP = re.compile(r"\d{8}T\d{6}Z")
_LEDGER = re.compile(rf"ledger-({_STAMP.pattern})\.json")
_log = logging.getLogger(__name__)


class ClientStore:
    """Everything stored about one client."""

    def __init__(self, root: Path, client: str) -> None:
        self.root = root / client
        self.scans = self.root / "scans"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other scans of this client out. Raises StoreError when one is running."""
        lock = FileLock(self.root / ".lock", mode=0o600)
        with disk_errors():
            private(self.scans)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise Busy("Another scan of this client is running.") from error
        try:
            yield
        finally:
            lock.release()

    def stamps(self) -> list[str]:
        """The sealed snapshots, oldest first."""
        if not self.scans.is_dir():
            return []
        return sorted(folder.name for folder in self.scans.iterdir() if _STAMP.fullmatch(folder.name))

    def manifest(self, stamp: str) -> Any:
        """What the manifest of a sealed snapshot says, unchecked. Raises OSError or ValueError."""
        return json.loads((self.scans / stamp / "manifest.json").read_text(encoding="utf-8"))

    def snapshot(self, stamp: str) -> Snapshot:
        """Open one sealed snapshot. Raises StoreError when it is damaged or gone."""
        return Snapshot.read(self.root, self.scans / stamp)

    def results(self, after: str = "", before: str = "") -> Iterator[Mapping[str, Any]]:
        """The verdicts sealed with each scan, oldest first, of those between two stamps (neither included; empty: no
        bound). A scan whose judging failed has none.

        One damaged file makes findings look younger than they are; that is said, and hides no report.
        """
        for stamp in self.stamps():
            if stamp <= after or (before and stamp >= before):
                continue
            try:
                raw = json.loads((self.scans / stamp / "results.json").read_text(encoding="utf-8"))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, RecursionError):
                raw = None
            if not isinstance(raw, dict) or not raw.keys() >= {"taken_at", "rules"}:
                _log.warning("The results of the scan %s are damaged: findings may look newer than they are.", stamp)
                continue
            if "since" not in raw:  # schema 1 left the window to the manifest
                with suppress(OSError, ValueError, KeyError, TypeError):
                    manifest = self.manifest(stamp)
                    raw |= {"since": manifest["since"], "until": manifest["until"]}
            yield raw

    def ledgers(self) -> list[str]:
        """The scans up to which a ledger is sealed, oldest first."""
        return sorted(found[1] for path in self.root.glob("ledger-*.json") if (found := _LEDGER.fullmatch(path.name)))

    def ledger(self, stamp: str) -> Mapping[str, Any] | None:
        """What was sealed by `keep_ledger`; None, and said, when it is damaged: the scans that exist say it again."""
        try:
            raw = json.loads((self.root / f"ledger-{stamp}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raw = None
        if isinstance(raw, dict):
            return raw
        _log.warning("The ledger of %s is damaged: findings may look newer than they are.", stamp)
        return None

    def keep_ledger(self, stamp: str, ledger: Mapping[str, Any]) -> None:
        """Seal what is known after the scan `stamp`, whole or not at all. Raises StoreError."""
        with disk_errors("It is tried again next time."):
            seal_json(self.root / f"ledger-{stamp}.json", ledger, ".ledger-")

    def has_figures(self, stamp: str) -> bool:
        """`keep_figures` was called for that scan."""
        return self._figures(stamp).exists()

    def keep_figures(self, stamp: str, figures: Mapping[str, Any]) -> None:
        """Seal what the Summary of a scan counted, whole or not at all; the first stays. Raises StoreError."""
        if self.has_figures(stamp):
            return
        try:
            private(self.root / "figures")
            seal_json(self._figures(stamp), figures, ".figures-")
        except OSError as error:
            raise StoreError(
                f"The figures of this scan could not be kept: {error.strerror or error}.",
                therefore="The next report cannot say what they were.",
            ) from error

    def figures(self, before: datetime | None = None, most: int = 12) -> list[Mapping[str, Any]]:
        """What was kept of the last scans taken earlier than `before` (default: all there are), oldest first.

        A damaged one is said and left out: its place in the row of scans stays empty.
        """
        end = stamped(before) if before else ""
        stamps = [path.stem for path in (self.root / "figures").glob("*.json") if _STAMP.fullmatch(path.stem)]
        found: list[Mapping[str, Any]] = []
        for stamp in sorted((stamp for stamp in stamps if not end or stamp < end), reverse=True)[:most]:
            try:
                raw = json.loads(self._figures(stamp).read_text(encoding="utf-8"))
            except (OSError, ValueError, RecursionError):
                raw = None
            if isinstance(raw, dict):
                found.append(raw)
            else:
                _log.warning("The figures of the scan %s are damaged: reports do without them.", stamp)
        return found[::-1]

    def _figures(self, stamp: str) -> Path:
        return self.root / "figures" / f"{stamp}.json"

    def written(self) -> frozenset[str]:
        """SHA-256 of every workbook written for this client: a file with another one was edited by people."""
        try:
            return frozenset((self.root / "workbooks").read_text(encoding="ascii", errors="replace").split())
        except FileNotFoundError:
            return frozenset()

    def remember(self, workbook: str) -> None:
        """Add one to `written`. Raises StoreError."""
        path = self.root / "workbooks"
        with disk_errors():
            private(self.root)
            path.touch(0o600)
            with path.open("a", encoding="ascii") as file:
                file.write(f"{workbook}\n")

    def memory(self, tenant: str) -> Memory:
        """What the connector left itself for this tenant; every change is on the disk at once."""
        return Memory(self.root / "memory" / f"{quote(tenant, safe='')}.json")

    def begin(self, taken_at: datetime) -> Draft:
        """A new draft; what a killed scan left behind is removed. Call it under `locked`."""
        from .draft import Draft  # whoever writes no snapshot needs none of what it takes

        with disk_errors():
            for left in self.scans.glob(".draft-*"):
                shutil.rmtree(left)
            for unfinished in (*self.root.glob(".ledger-*"), *self.root.glob("figures/.figures-*")):
                unfinished.unlink()
            stamp = stamped(taken_at)
            if (self.scans / stamp).exists():
                raise StoreError(f"There is a snapshot of {stamp} already.", "Scan again a second later.")
            folder = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.scans))
        return Draft(self.root, folder, self.scans / stamp, taken_at)

    def fetch_window(self, tenant: str, dataset: str, window: Window) -> Window:
        """The part of `window` that no stored day covers: from the first uncovered day to the end.

        What was removed because its time was over is not asked for again. Raises StoreError.
        """
        covered = parts(self.root, tenant, dataset).keys() | self.gone(tenant, dataset)
        day = window.since.date()
        while day in covered:
            day += timedelta(days=1)
        return replace(window, since=max(window.since, datetime.combine(day, time())))

    def parts(self, tenant: str, dataset: str, window: Window) -> dict[date, Path]:
        """The part of each stored day in `window`, relative to the client's folder."""
        first, last = window.since.date(), window.until.date()
        gone = self.gone(tenant, dataset)
        stored = parts(self.root, tenant, dataset)
        return {day: path for day, path in stored.items() if first <= day <= last and day not in gone}

    def gone(self, tenant: str, dataset: str) -> frozenset[date]:
        """Days that were removed because their time was over, or are about to be. Raises StoreError."""
        counted = months.newest(self.root, months.folder(tenant, dataset))
        return counted.days if counted else frozenset()

    def months(self, tenant: str, dataset: str) -> dict[str, str]:
        """What is counted of such days, as a manifest lists it: path below the client's folder -> SHA-256."""
        if not (counted := months.newest(self.root, months.folder(tenant, dataset))):
            return {}
        with disk_errors():
            return {counted.path.as_posix(): sha256(self.root / counted.path)}

    def check_days(self) -> None:
        """Raises StoreError when a stored day is no longer what the newest snapshot says, or what is counted of removed
        ones is damaged: every scan would read it."""
        for home in self.root.glob("months/*/*"):
            months.newest(self.root, PurePosixPath(home.relative_to(self.root).as_posix()))
        for stamp in reversed(self.stamps()):
            try:
                tenants = self.manifest(stamp)["tenants"]
                days = {self.root / part: digest for tenant in tenants for part, digest in tenant["parts"].items()}
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                continue  # a damaged snapshot; an older one knows
            with disk_errors():
                for path in [path for path, digest in days.items() if path.exists() and sha256(path) != digest]:
                    raise StoreError(
                        f"A stored day of sign-ins is damaged: {path}.",
                        "Restore this file from a backup, or remove it: the next scan asks again, or does without.",
                        "Nothing was scanned.",
                    )
            return


def stamped(taken_at: datetime) -> str:
    """What a scan is called: 20260801T060000Z."""
    return f"{taken_at:%Y%m%dT%H%M%SZ}"


def hashed(root: Path, parts: Mapping[date, Path]) -> dict[str, str]:
    """The parts as a manifest lists them: path below the client's folder -> SHA-256."""
    with disk_errors():
        return {path.as_posix(): sha256(root / path) for _, path in sorted(parts.items())}
