"""Everything that a folder says, whatever the format: to look for what must not be in it."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pyarrow.parquet as pq


def said(folder: Path) -> str:
    """The text of every file below `folder`, names included, in lower case; compressed ones opened."""
    return "\n".join(f"{path}\n{_text(path)}" for path in sorted(folder.rglob("*")) if path.is_file()).lower()


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            return str(file.read().to_pydict())
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return path.read_bytes().decode("utf-8", "replace")


def sealed(store: Path) -> dict[str, str]:
    """Every file of every sealed scan and stored day -> its hash."""
    found = [*store.glob("*/scans/[0-9]*/*"), *store.glob("*/sign_ins/**/*.parquet")]
    return {path.relative_to(store).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
