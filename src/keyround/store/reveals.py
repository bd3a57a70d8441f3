"""Every look behind a code, in `STORE/<client>/reveals.log`: written down before anybody sees who it is."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from filelock import FileLock

from ..errors import StoreError
from . import logbook
from .disk import disk_errors

FILE = "reveals.log"


@dataclass(frozen=True, slots=True)
class Reveal:
    """When (UTC), which code, why, and who was logged in to the computer. Not who was found."""

    instant: str
    code: str
    reason: str
    who: str


def write(root: Path, at: datetime, code: str, reason: str) -> None:
    """Write down that somebody is about to look behind `code`. Raises StoreError: then nobody may."""
    look = asdict(Reveal(f"{at:%Y-%m-%dT%H:%M:%SZ}", code, reason, _user()))
    try:
        with _locked(root):
            logbook.add(root / FILE, [look])
    except OSError as error:
        raise StoreError(
            f"{root / FILE} cannot be written: {error.strerror}.",
            "Free some space or correct the permissions, then ask again.",
            "Nobody is named, because it could not be written down.",
        ) from error


def shorten(root: Path, before: datetime, dry: bool = False) -> int:
    """Forget looks before that; gives how many. Raises StoreError."""
    if not (root / FILE).exists():
        return 0
    with disk_errors("It stays as it is."), _locked(root):
        return logbook.shorten(root / FILE, "instant", before, dry)


def _locked(root: Path) -> FileLock:
    return FileLock(root / ".reveals-lock", mode=0o600)


def read(root: Path) -> Iterator[Reveal]:
    """Every look so far, oldest first; a line that was spoilt is told as such. Raises StoreError."""
    try:
        lines = (root / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{root / FILE} cannot be read: {error.strerror}.", "Correct its permissions.") from error
    for line in filter(None, lines):
        try:
            raw = json.loads(line)
            yield Reveal(*(str(raw[one.name]) for one in fields(Reveal)))
        except (ValueError, KeyError, TypeError, RecursionError):
            yield Reveal("?", "?", "This line was cut short or changed.", "?")


def _user() -> str:
    """Whom the operating system itself takes us for, whatever the environment says."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):  # Windows; a user without an entry
        with suppress(Exception):
            return getpass.getuser()
        return "unknown"
