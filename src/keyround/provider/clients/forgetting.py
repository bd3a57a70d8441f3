"""Forgetting a client: what of it is here, removing that, and seeing whether its tenants still let us in.

What is removed is written down first (`STORE/.provider/deletions.log`), and the client's section goes last: where the
process is killed in between, the same command finishes the work. While a tenant still lets us in, a note is kept with
what the sign-in needs, `STORE/.provider/forgotten/KEY.json`: references to secrets, no data; it goes once the access is
gone.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from ...config import Client, Config, TenantConfig
from ...config.removed import without
from ...connector import Clock
from ...errors import KeyroundError, StoreError
from ...installed import connector
from ...scan import opened
from ...secrets import SECRET_KEYS
from ...store import ClientStore, deletions
from ...store.deletions import Deletion
from ...store.disk import sha256
from .. import kept
from .facts import Tried
from .trying import asked, refused

LOCKS = (".run-lock", ".lock")
RULE = "client forget"
GONE = frozenset({"NotGranted"})
"""Refusals that say: the way in is closed. A credential that has expired says nothing: a new one may open it again."""


@dataclass(slots=True)
class Remains:
    """What of a client is here. `edited` are reports that people have changed since they were written."""

    stored: list[Path] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)
    edited: list[Path] = field(default_factory=list)


def remains(config: Config, key: str, client: Client | None) -> Remains:
    """Everything in the client's folder of the store, its own reports wherever they lie, and what the provider was told
    of it. Raises StoreError."""
    store = ClientStore(config.store, key)
    root, written = store.root, store.written()
    if root.is_symlink():
        raise StoreError(
            f"{root} is a link to {root.resolve()}.",
            "Remove by hand what it points to, if that is this client's, and then the link; run the command again.",
            "Nothing was removed: a link may lead to somebody else's files.",
        )
    folder = config.reports_of(client) if client else root / "reports"
    if inside := folder.resolve().is_relative_to(root.resolve()):
        folder = root / folder.resolve().relative_to(root.resolve())
    with _refused(key):
        within = [path for path in _files(root) if not (inside and path.is_relative_to(folder))]
        found = Remains(stored=sorted([*within, *_told(config.store, key)]))
        for path in _files(folder) if inside else chain.from_iterable(map(_files, _ours(folder, key))):
            edited = path.suffix == ".xlsx" and not path.is_symlink() and sha256(path) not in written
            (found.edited if edited else found.reports).append(path)
    return found


def _files(folder: Path) -> Iterator[Path]:
    """It, or every file below; links as what they are: nothing outside is touched. Raises OSError."""
    if folder.is_symlink() or folder.is_file():
        yield folder
        return

    def unreadable(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, folders, names in os.walk(folder, onerror=unreadable):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        yield from (Path(place, name) for name in sorted([*names, *links]))


def _ours(folder: Path, key: str) -> list[Path]:
    """The client's reports, and folders of them, where others' may lie as well, or what was put there by hand."""
    ours = re.compile(rf"{re.escape(key)}-\d{{4}}-\d\d-\d\d\b")
    return sorted(path for path in (folder.iterdir() if folder.is_dir() else ()) if ours.match(path.name))


def _told(store: Path, key: str) -> Iterator[Path]:
    """Messages about it in the provider's own queue."""
    for path in sorted((kept.folder(store) / "outbox").glob("*.json")):
        if (about := kept.read(path, _About)) and about.client == key:
            yield path


class _About(msgspec.Struct):
    client: str


def credentials(client: Client, others: Mapping[str, Client]) -> list[tuple[str, list[str]]]:
    """The references to secrets in the client's sections, each with the other clients that use it too."""

    def references(one: Client) -> set[str]:
        return {str(tenant.settings[key]) for tenant in one.tenants for key in SECRET_KEYS & tenant.settings.keys()}

    return [
        (
            reference,
            sorted(key for key, other in others.items() if key != client.key and reference in references(other)),
        )
        for reference in sorted(references(client))
    ]


def remove(config: Config, key: str, client: Client | None, found: Remains, at: datetime) -> None:
    """The reports, the store's folder, then the section. Raises StoreError: a scan is running, or the disk refuses."""
    root = ClientStore(config.store, key).root
    with _refused(key), ExitStack() as locks:
        for name in LOCKS if root.is_dir() else ():
            try:
                locks.enter_context(FileLock(root / name, mode=0o600).acquire(timeout=0))
            except Timeout as error:
                raise StoreError(
                    f"A scan of {key} is running.", "Wait until it has ended, then run the command again.",
                    "Nothing was removed.",
                ) from error  # fmt: skip
        deletions.write(kept.folder(config.store), at, _written_down(key, found))
        for path in [*found.reports, *found.edited, *(one for one in found.stored if one.name not in LOCKS)]:
            _unlink(path)
        if client:
            _unwrite((client.file or config.path).resolve(), key)
    with _refused(key):
        for name in LOCKS:
            _unlink(root / name)
        _prune(root)
        if client:
            folder = config.reports_of(client)
            for path in _ours(folder, key):
                _prune(path)
            if not client.reports:
                _prune(folder)
        if left := next(_files(root), None):  # a report that was being written meanwhile, say
            raise StoreError(
                f"{left} is still there, or was written again meanwhile.",
                f"Run `keyround client forget {key}` again.", "The rest is removed.",
            )  # fmt: skip


@contextmanager
def _refused(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or 'A file'} cannot be removed ({error.strerror}).",
            f"Correct its permissions, then run `keyround client forget {key}` again.",
            "Part of what is stored of the client is still there.",
        ) from error


def _written_down(key: str, found: Remains) -> Iterator[Deletion]:
    for what, paths in (("stored files", found.stored), ("reports", found.reports + found.edited)):
        if paths:
            days = sorted(datetime.fromtimestamp(path.lstat().st_mtime).date().isoformat() for path in paths)
            yield Deletion(what, len(paths), RULE, days[0], days[-1], sum(path.lstat().st_size for path in paths),
                           client=key)  # fmt: skip


def _unlink(path: Path) -> None:
    """What a sealed scan holds is read-only, and so is its folder."""
    with suppress(FileNotFoundError):
        if os.name == "nt" and not path.is_symlink():
            path.chmod(stat.S_IREAD | stat.S_IWRITE)
        elif not os.access(path.parent, os.W_OK):
            path.parent.chmod(0o700)
        path.unlink()


def _prune(folder: Path) -> None:
    """Remove it and what is below, as far as no file is in it."""
    if folder.is_symlink():
        return
    for place, _, names in os.walk(folder, topdown=False):
        with suppress(OSError):  # somebody's file is in it, or in a folder of it
            if not names:
                if place != str(folder):
                    Path(place).parent.chmod(0o700)
                os.rmdir(place)


def _unwrite(path: Path, key: str) -> None:
    """The client's section out of its file; a file that held nobody else goes. Raises ConfigError, OSError."""
    text = path.read_bytes().decode()  # line ends as they are
    mark = text[: text.startswith("\ufeff")]
    left = without(text.removeprefix(mark), key)
    if not left:
        path.unlink()
        return
    beside = path.with_name(f".{path.name}.new")
    beside.touch(0o600)
    shutil.copymode(path, beside)
    beside.write_text(mark + left, encoding="utf-8", newline="")
    os.replace(beside, path)


class Note(msgspec.Struct):
    """What the sign-in to a forgotten client's tenants needs, while one of them still lets us in."""

    folder: str
    tenants: list[tuple[str, dict[str, Any]]]

    def sections(self) -> tuple[TenantConfig, ...]:
        return tuple(TenantConfig(name, settings, Path(self.folder)) for name, settings in self.tenants)


def note_of(client: Client) -> Note:
    return Note(
        str(client.tenants[0].folder.resolve()), [(one.connector, dict(one.settings)) for one in client.tenants]
    )


def _note_file(store: Path, key: str) -> Path:
    return kept.folder(store) / "forgotten" / f"{key}.json"


def noted(store: Path, key: str) -> Note | None:
    """Nothing where there is no such note, or a damaged one."""
    return kept.read(_note_file(store, key), Note)


def keep_note(store: Path, key: str, note: Note | None) -> None:
    """None: it is not needed any more. Raises StoreError."""
    if note:
        kept.keep(_note_file(store, key), note)
        return
    with _refused(key):
        _note_file(store, key).unlink(missing_ok=True)


def still(tenants: Sequence[TenantConfig], clock: Clock) -> list[Tried]:
    """Every tenant, asked with the credential that was; nothing is remembered of it."""
    found = []
    for tenant in tenants:
        try:
            found.append(asked(opened(tenant), None, clock))
        except KeyroundError as error:
            found.append(refused(connector(tenant.connector), error))
    return found


def verdict(one: Tried) -> bool | None:
    """The tenant still lets us in; None: that could not be found out."""
    if not one.kind:
        return True
    return False if one.kind in GONE else None
