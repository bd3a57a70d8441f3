"""What was deleted because its time was over, in `deletions.log`: written down before it goes. Names nobody.

    STORE/<client>/deletions.log       what retention removed of one client
    STORE/.provider/deletions.log      clients that were forgotten as a whole: their own log went with them

A process that is killed between the line and the deletion leaves a line too many, never one too few.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path

from ..errors import StoreError
from . import logbook
from .disk import private

FILE = "deletions.log"


@dataclass(frozen=True, slots=True)
class Deletion:
    """`what`: a kind of thing, such as "sign-in days". `oldest` and `newest`: of which days (ISO) they were.

    `rule`: what demanded it. `reason`: why it was kept longer than usual, where it was. `client`: its key, in the
    provider's log.
    """

    what: str
    count: int
    rule: str
    oldest: str = ""
    newest: str = ""
    bytes: int = 0
    reason: str = ""
    client: str = ""


def write(folder: Path, at: datetime, deletions: Iterable[Deletion]) -> None:
    """Write down what is about to be deleted. Raises StoreError: then it may not be."""
    instant = {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    entries = [instant | {key: value for key, value in asdict(one).items() if value or key == "count"}
               for one in deletions]  # fmt: skip
    if not entries:
        return
    try:
        private(folder)
        logbook.add(folder / FILE, entries)
    except OSError as error:
        raise StoreError(
            f"{folder / FILE} cannot be written: {error.strerror}.",
            "Free some space or correct the permissions, then try again.",
            "Nothing was deleted, because it could not be written down.",
        ) from error


def shorten(folder: Path, before: datetime, dry: bool = False) -> int:
    """Forget what was written earlier; gives how many lines. Call it under the client's lock. Raises StoreError."""
    return logbook.shorten(folder / FILE, "at", before, dry)


def read(folder: Path) -> Iterator[tuple[str, Deletion]]:
    """Every line so far with its instant, oldest first; what was spoilt is told as such. Raises StoreError."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{folder / FILE} cannot be read: {error.strerror}.", "Correct its permissions.") from error
    names = {field.name for field in fields(Deletion)}
    for line in filter(None, lines):
        try:
            raw = json.loads(line)
            yield str(raw["at"]), Deletion(**{key: value for key, value in raw.items() if key in names})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            yield "?", Deletion("This line was cut short or changed.", 0, "?")
