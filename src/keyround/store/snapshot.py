"""One sealed scan, opened: every file checked against the manifest.

A snapshot is never edited, but the time of its sign-ins may be over before its own is. Then days that it names are gone
and counted by month (`months`), and its own records that are too old stand in no file any more (`cut`). It opens
nevertheless, and says so by `removed`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import StoreError
from ..model import TABLES
from . import cut, months
from .disk import sha256
from .months import Months

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One sealed scan. Every file was checked against the manifest when it was opened."""

    root: Path
    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def read(cls, root: Path, folder: Path) -> Snapshot:
        """Raises StoreError when the snapshot is not there, damaged or from a later version."""

        def damaged(why: str) -> StoreError:
            return StoreError(
                f"The snapshot {folder.name} is damaged: {why}.",
                "Name another snapshot with --snapshot, restore the file from a backup, or scan again.",
                "No report is made of it.",
            )

        try:
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            datetime.fromisoformat(manifest["taken_at"])
            if manifest["format"] < 1:
                raise ValueError
            if manifest["format"] > FORMAT:
                raise StoreError(f"The snapshot {folder.name} was written by a later version.", "Update keyround.")
            files = {folder / name: digest for name, digest in manifest["files"].items()}
            if shorter := cut.of(folder):
                files = {path: digest for path, digest in files.items() if path.name != cut.FILE}
                files[folder / shorter.file] = shorter.sha256
            snapshot = cls(root, folder, manifest)
            for tenant in manifest["tenants"]:
                files |= {root / part: tenant["parts"][part] for part in snapshot._log(tenant)[0]}
        except FileNotFoundError as error:
            raise StoreError(
                f"There is no whole snapshot {folder.name}.", "Scan first, or name another one."
            ) from error
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise damaged("manifest.json cannot be read") from error
        for path, digest in files.items():
            name = path.relative_to(root).as_posix()
            try:
                if sha256(path) != digest:
                    raise damaged(f"{name} was changed after it was sealed")
            except OSError as error:
                raise damaged(f"{name} cannot be read: {error.strerror}") from error
        return snapshot

    @property
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["taken_at"])

    def files(self, tenant: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
        """The Parquet files that hold each table of one tenant of the manifest; other tenants' rows may be in them."""
        files: dict[str, tuple[Path, ...]] = {
            name: (path,) for name in TABLES if (path := self.folder / f"{name}.parquet").exists()
        }
        own = files.get("sign_ins", ())
        if shorter := cut.of(self.folder):
            own = (self.folder / shorter.file,)
        parts, counted = self._log(tenant)
        files["sign_ins"] = (*(self.root / part for part in parts), *own)
        return files | ({"sign_in_months": tuple(self.root / one.path for one in counted)} if counted else {})

    def removed(self, tenant: Mapping[str, Any], dataset: str) -> date | None:
        """Before which day sign-ins of the snapshot's window are gone because their time was over; None: none are."""
        since, until = (datetime.fromisoformat(self.manifest[name]).date() for name in ("since", "until"))
        home = months.folder(tenant["id"], dataset)
        gone = [day for one in self._log(tenant)[1] if one.path.parent == home for day in one.days if day <= until]
        before = [day + timedelta(days=1) for day in gone]
        if (shorter := cut.of(self.folder)) and tenant["id"] in shorter.tenants:
            before.append(shorter.before)
        return max((day for day in before if day > since), default=None)

    def _log(self, tenant: Mapping[str, Any]) -> tuple[list[str], list[Months]]:
        """The days that it names and that are still there for it, and what was counted of others: by data set what it
        names of that, or the newest where days that it names are in it. Raises StoreError when that is damaged."""
        days: dict[PurePosixPath, dict[date, str]] = {
            PurePosixPath(path).parent: {} for path in tenant.get("months", {})
        }
        for part in tenant["parts"]:
            days.setdefault(months.beside(part), {})[months.day(part)] = part
        parts: list[str] = []
        counted: list[Months] = []
        for home, named in days.items():
            used = months.newest(self.root, home)
            if used is None or used.days.isdisjoint(named):
                own = [PurePosixPath(path) for path in tenant.get("months", {}) if PurePosixPath(path).parent == home]
                used = months.opened(self.root, own[0]) if own else None
            counted += [used] if used else []
            parts += [part for day, part in named.items() if used is None or day not in used.days]
        return parts, counted
