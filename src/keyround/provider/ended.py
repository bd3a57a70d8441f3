"""How the process of one client ended, in a file that it leaves to the runner: `keyround scan CLIENT --scheduled FILE`.

No file means that the process was killed or crashed. No client's data is in it: what went wrong, which snapshot was
sealed, where the report lies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ..errors import KeyroundError
from ..store.runs import Failure


@dataclass(slots=True)
class Ended:
    """`stamp`: the sealed snapshot, also where its report could not be written. `incomplete`: kinds of errors for which
    data is missing. `paths`: the report, by format. `failure` None: everything was done.
    """

    stamp: str = ""
    incomplete: tuple[str, ...] = ()
    paths: dict[str, str] = field(default_factory=dict)
    failure: Failure | None = None


@contextmanager
def told(file: Path | None) -> Iterator[Ended]:
    """Gives the value to be filled in, and writes it to `file` at the end, whatever the end is; None: nowhere."""
    ended = Ended()
    try:
        yield ended
    except KeyroundError as error:
        at = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        ended.failure = Failure(at, type(error).__name__, error.detail, error.therefore, error.remedy)
        raise
    else:
        _write(file, ended)
    finally:
        if ended.failure:
            _write(file, ended)


def read(file: Path) -> Ended | None:
    """None where the process left nothing, or half of it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Ended)
    except (OSError, ValueError, RecursionError):
        return None


def _write(file: Path | None, ended: Ended) -> None:
    if file is None:
        return
    beside = file.with_name(f".{file.name}.new")
    beside.write_bytes(msgspec.json.encode(ended))
    os.replace(beside, file)
