"""One sealed scan, opened: every file checked against the manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..model import TABLES
from .disk import sha256

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
            files |= {root / part: digest for tenant in manifest["tenants"] for part, digest in tenant["parts"].items()}
        except FileNotFoundError as error:
            raise StoreError(
                f"There is no whole snapshot {folder.name}.", "Scan first, or name another one."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged("manifest.json cannot be read") from error
        for path, digest in files.items():
            name = path.relative_to(root).as_posix()
            try:
                if sha256(path) != digest:
                    raise damaged(f"{name} was changed after it was sealed")
            except OSError as error:
                raise damaged(f"{name} cannot be read: {error.strerror}") from error
        return cls(root, folder, manifest)

    @property
    def taken_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["taken_at"])

    def files(self, tenant: Mapping[str, Any]) -> dict[str, tuple[Path, ...]]:
        """The Parquet files that hold each table of one tenant of the manifest; other tenants' rows may be in them."""
        files = {name: (path,) for name in TABLES if (path := self.folder / f"{name}.parquet").exists()}
        parts = tuple(self.root / part for part in tenant["parts"])
        return files | {"sign_ins": (*parts, *files.get("sign_ins", ()))}
