"""The files of the configuration: keyround.toml, and beside it those of the folder `clients.d`.

A file of `clients.d` holds `[client.NAME]` sections and nothing else. Relative paths in it are taken from the folder of
keyround.toml all the same, so that a section can move from one file to another as it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, nearest
from .where import Place, Source

FOLDER = "clients.d"
KEY = re.compile(r"[a-z0-9][a-z0-9-]*")
_LEFT_BY_EDITORS = (".", "#", "~")
_HEADER = re.compile(r"^[ \t]*\[\[?[ \t]*client[ \t]*\.[ \t]*[\"']?([a-z0-9-]+)", re.MULTILINE)
_VARIABLE = re.compile(r"""["']env:(\w+)["']""")
_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)")


def source(path: Path, name: str) -> Source:
    """The file's text. Raises ConfigError."""
    try:
        return Source(path, name, path.read_text(encoding="utf-8-sig"))  # Windows editors put a mark in front
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            remedy = "Give its place with --config FILE. `keyround init` writes one; `keyround demo` needs none."
            raise ConfigError(f"There is no {path}.", remedy) from error
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error.reason}.", "Save it again as UTF-8.") from error
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error


def parsed(file: Source) -> dict[str, Any]:
    """Raises ConfigError naming line and column."""
    try:
        return tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.fullmatch(str(error))
        what, line, column = found.groups() if found else (str(error), None, None)
        where = f", line {line}, column {column}" if line else ", at its end" if found else ""
        raise ConfigError(f"{file.name}{where}: not valid TOML: {what}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file.name} cannot be read: {error}.") from error


def beside(path: Path) -> list[Path]:
    """The files of `clients.d` beside keyround.toml, by name; what editors leave there is none. Raises ConfigError."""
    folder = path.parent / FOLDER
    try:
        found = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be read: {error.strerror}.", "It is a folder with a file for each client."
        ) from error
    return [one for one in found if one.suffix == ".toml" and not one.name.startswith(_LEFT_BY_EDITORS)
            and not one.is_dir()]  # fmt: skip


def clients(file: Source, raw: Mapping[str, Any], top: Sequence[str], own: Sequence[str]) -> dict[str, Any]:
    """The sections of a file of `clients.d`. Raises ConfigError for anything else in it, saying where it belongs.

    `top` are the settings of keyround.toml, `own` those of a client.
    """
    for key in raw:
        if key == "client":
            continue
        if key in top and key not in own:
            remedy = f"Move {key} to the top of keyround.toml."
        elif key in own:
            remedy = f"Write it below the line [client.NAME]{', or move it to keyround.toml' if key in top else ''}."
        else:
            remedy = nearest(key, ("client",))
        raise ConfigError(f"{Place(file).at(key)}: {key!r} does not belong here: a file of {FOLDER} holds "
                          "[client.NAME] sections and nothing else.", remedy)  # fmt: skip
    found = raw.get("client", {})
    if not isinstance(found, dict):
        raise ConfigError(f"{Place(file).at('client')}: client is not a table.", "Write [client.NAME].")
    return found


def variables(text: str) -> list[str]:
    """Those of the environment that a file refers to, in whatever state it is."""
    return _VARIABLE.findall(text)


def whose(path: Path, text: str) -> Iterator[str]:
    """The clients of a file that could not be read as a whole: those whose headers it shows, else its name says it."""
    found = dict.fromkeys(_HEADER.findall(text))
    yield from found or [path.stem if KEY.fullmatch(path.stem) else f"{FOLDER}/{path.name}"]
