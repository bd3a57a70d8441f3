"""References to secrets, and nothing else: env:NAME, file:PATH, keyring:NAME.

A secret is read at the last moment, handed to the connector and never written,
logged or shown; errors name the reference, not what it points to.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from .errors import ConfigError

SECRET_KEYS = frozenset({"secret", "certificate", "certificate_password", "certificate_next", "token", "key", "client"})
"""Settings that hold a reference and are replaced by what it points to before a connector sees them."""
NO_SECRETS = frozenset({"client"})
"""Those whose file may be read by others: what Google calls a desktop app's secret is in every copy of the app."""

_WAYS = "Write env:NAME, file:PATH or keyring:NAME; the secret itself never stands in keyround.toml."


def resolve(key: str, reference: str, folder: Path) -> str:
    """The text a reference points to; relative paths are taken from `folder`. Raises ConfigError."""
    way, _, name = reference.partition(":")
    if not name or way not in ("env", "file", "keyring"):
        raise ConfigError(f"{key} is not a reference to a secret.", _WAYS)
    if way == "env":
        if not (value := os.environ.get(name)):
            raise ConfigError(f"{key}: the environment variable {name} is not set.", f"Set {name} and run again.")
        return value
    if way == "file":
        return _file(key, folder, name)
    import keyring
    from keyring.errors import KeyringError

    try:
        found = keyring.get_password("keyround", name)
    except KeyringError as error:
        raise ConfigError(f"{key}: this computer's keyring cannot be opened.", "Use env: or file: instead.") from error
    if not found:
        raise ConfigError(f"{key}: the keyring has no entry {name!r}.", f"Store it: keyring set keyround {name}")
    return found


def _file(key: str, folder: Path, name: str) -> str:
    path = folder / name
    try:
        path = folder / Path(name).expanduser()
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{key}: {path} cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from error
    except RuntimeError as error:  # ~somebody, who has no home here
        raise ConfigError(f"{key}: {name}: there is no such home folder.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{key}: {path} is not a text file.", "Export the key as PEM or JSON text.") from error
    except ValueError as error:
        raise ConfigError(f"{key}: {name!r} is no file's name.") from error
    if os.name == "posix" and key not in NO_SECRETS and mode & (stat.S_IRWXG | stat.S_IRWXO):
        print(f"Warning: {path} can be read by other users of this computer; run: chmod 600 {path}", file=sys.stderr)
    if not text.strip():
        raise ConfigError(f"{key}: {path} is empty.")
    return text
