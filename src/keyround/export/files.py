"""Writing a file that is either the old one or the whole new one, never half."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import StoreError
from ..words import say, speaking


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A new, empty, private file next to `path`; gone afterwards unless it was renamed.

    Raises StoreError for whatever the disk refuses meanwhile.
    """
    draft = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f"{glob.escape(draft.stem)}.{'[0-9a-f]' * 8}"):  # by a process that was killed
            if left.stat().st_mtime < time.time() - 3600:
                left.unlink()
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield draft
    except OSError as error:
        raise refused(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """The same with a folder, and whatever was put into it meanwhile. Raises StoreError."""
    draft = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f"{glob.escape(draft.stem)}.{'[0-9a-f]' * 8}"):  # by a process that was killed
            if left.is_dir() and left.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(left)
        draft.mkdir(0o700)
        yield draft
    except OSError as error:
        raise refused(path, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def refused(path: Path, error: OSError) -> StoreError:
    """The disk's refusal in three sentences: on the terminal, which speaks English whatever the report does."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    with speaking("en"):
        return StoreError(
            say("file.full" if full else "file.refused", path=path, reason=error.strerror or str(error)),
            say("file.full_remedy" if full else "file.refused_remedy"),
            say("file.therefore"),
        )
