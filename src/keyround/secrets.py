"""References to secrets, and nothing else: env:NAME, file:PATH, keyring:NAME.

A secret is read at the last moment, handed to the connector and never written,
logged or shown; errors name the reference, not what it points to. A process
that has read one leaves no core dump.

A file that anybody on this computer may change is refused; one that others may read, or that belongs to somebody else
than us or root, is warned about at every use. What container platforms put under /run/secrets is readable inside the
container by their own design, and taken. On Windows nothing of that is checked:
put the file where inheritance gives it to nobody else, or say
`icacls FILE /inheritance:r /grant:r "%USERNAME%:R"`.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from .errors import ConfigError

SECRET_KEYS = frozenset({"secret", "certificate", "certificate_password", "certificate_next", "token", "key", "client"})
"""Settings that hold a reference and are replaced by what it points to before a connector sees them."""
NO_SECRETS = frozenset({"client"})
"""Those whose file may be read by others: what Google calls a desktop app's secret is in every copy of the app."""
WAYS = (
    "Write env:NAME, file:PATH or keyring:NAME; the secret itself never stands in keyround.toml. One that has stood "
    "there is known to whoever could read the file: make a new one."
)
_MOUNTED = (Path("/run/secrets"), Path("/var/run/secrets"))


def is_reference(text: str) -> bool:
    way, _, name = text.partition(":")
    return way in ("env", "file", "keyring") and bool(name.strip()) and not name.startswith("//")


def resolve(key: str, reference: str, folder: Path) -> str:
    """The text a reference points to; relative paths are taken from `folder`. Raises ConfigError."""
    if not is_reference(reference):
        raise ConfigError(f"{key} is not a reference to a secret.", WAYS)
    _leave_no_core()
    way, _, name = reference.partition(":")
    if way == "env":
        if not (value := os.environ.get(name)):
            raise ConfigError(f"{key}: the environment variable {name} is not set.", f"Set {name} and run again.")
        return value
    return _file(key, folder, name) if way == "file" else _keyring(key, name)


def _keyring(key: str, name: str) -> str:
    try:
        import keyring

        found = keyring.get_password("keyround", name)
    except Exception as error:  # backends are strangers' code, and raise what their libraries raise
        raise ConfigError(
            f"{key}: this computer's keyring cannot be opened ({type(error).__name__}).",
            "A keyring needs somebody who is logged in and has unlocked it; services and scheduled tasks have none. "
            "Use file: or env: there.",
        ) from None  # what they say may hold more than a name
    if not found:
        raise ConfigError(f"{key}: the keyring has no entry {name!r}.", f"Store it: keyring set keyround {name}")
    return found


def _file(key: str, folder: Path, name: str) -> str:
    path = folder / name
    try:
        path = folder / Path(name).expanduser()
        with path.open(encoding="utf-8") as file:
            if os.name == "posix" and key not in NO_SECRETS:
                _guarded(key, path, os.fstat(file.fileno()))
            text = file.read()
    except OSError as error:
        raise ConfigError(
            f"{key}: {path} cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from error
    except RuntimeError as error:  # ~somebody, who has no home here
        raise ConfigError(f"{key}: {name}: there is no such home folder.") from error
    except UnicodeDecodeError:
        detail = f"{key}: {path} is not a text file."
        raise ConfigError(detail, "Export the key as PEM or JSON text.") from None  # it would quote the file
    except ValueError as error:
        raise ConfigError(f"{key}: {name!r} is no file's name.") from error
    if not text.strip():
        raise ConfigError(f"{key}: {path} is empty.")
    return text


def _guarded(key: str, path: Path, found: os.stat_result) -> None:
    """Raises ConfigError for a file that is nobody's secret any more; says what is careless."""
    us, real = os.geteuid(), path.resolve()
    mounted = any(real.is_relative_to(folder) for folder in _MOUNTED)
    reachable = not mounted and _reachable(real.parents)
    if reachable and found.st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"{key}: every user of this computer may change {path}.",
            f"Run: chmod 600 {path}. If others use this computer, make a new secret too.",
        )
    careless = ""
    if us and found.st_uid not in (us, 0):
        careless = "belongs to another user of this computer, who can read and replace it"
    elif not mounted and found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        careless = (
            "can be read by other users of this computer" if reachable else "is kept from others by its folder only"
        )
    elif not mounted and found.st_mode & stat.S_IRWXG:
        careless = "may be used by a group of this computer's users"
    if careless:
        print(f"Warning: {path} {careless}; run: chmod 600 {path}", file=sys.stderr)


def _reachable(folders: Iterable[Path]) -> bool:
    """Whether everybody may pass through all of these folders."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _leave_no_core() -> None:
    """A crash from now on writes no image of this process's memory."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
