"""One client's process: alone in its session, without the secrets of other clients, heard only through its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from ..config import Client, Config
from ..itself import command
from ..store.disk import private

LOG_LIMIT = 256 * 1024
"""Bytes after which a log is put aside as run.log.1, in the place of the one before."""
LOG_MOST = 8 * 1024 * 1024
"""Bytes at which the log of a process that will not stop talking begins again: it must not fill the disk."""


class Process(Protocol):
    """What the runner needs of a process that was started."""

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    def stop(self, hard: bool) -> None:
        """Ask it and all that it started to end, or (`hard`) end them."""


Launch = Callable[[Sequence[str], Path, Mapping[str, str]], Process]
"""Called with the words after `keyround`, the log, and the environment. Raises OSError."""


class _Child:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process, self._log = process, log

    def poll(self) -> int | None:
        if self._process.returncode is None and self._process.poll() is not None:
            self._end_group(hard=True)  # what it started and left behind, which may not have listened
        with suppress(OSError):  # Windows: it has the file open
            if self._log.stat().st_size > LOG_MOST:
                os.truncate(self._log, 0)
        return self._process.returncode

    def stop(self, hard: bool) -> None:
        if sys.platform != "win32":
            self._end_group(hard)
            return
        with suppress(ProcessLookupError, PermissionError):
            self._process.kill() if hard else self._process.terminate()

    def _end_group(self, hard: bool) -> None:
        if sys.platform != "win32":
            with suppress(ProcessLookupError, PermissionError):  # it leads a group of its own, whose number is its own
                os.killpg(self._process.pid, signal.SIGKILL if hard else signal.SIGTERM)


def launch(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
    """Start `keyround WORDS...` in a session of its own; what it says is appended to `log`. Raises OSError."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # inherited: the memory of a scan stays out of any file
    with opened(log) as out:
        out.write(f"\n{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, keyround {' '.join(words[:2])}\n".encode())
        out.flush()
        process = subprocess.Popen(
            command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=dict(environment),
            cwd=_here(log), start_new_session=True, creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )  # fmt: skip
    return _Child(process, log)


def _here(log: Path) -> Path | None:
    """Nothing is looked for in the working folder; but where that has been removed, libraries break down."""
    try:
        os.getcwd()
    except OSError:
        return log.parent
    return None


def opened(log: Path) -> BinaryIO:
    """For appending, for this user alone; one that has grown is put aside first. Raises OSError."""
    private(log.parent)
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT:
            os.replace(log, log.with_name(f"{log.name}.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def environment(
    config: Config, client: Client | None = None, with_general: bool = False, given: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """`given` without the variables that only the references of others name: of other clients, and of the provider
    itself (`with_general`: that one may read its own). What no reference names (PATH, proxies, certificates) stays.
    """
    own = {*_named(_references(client) if client else ()), *_named(_general(config) if with_general else ())}
    every = {*_named(f"env:{name}" for name in config.variables)}
    return {name: value for name, value in given.items() if name not in every - own}


def _named(references: Iterable[str]) -> Iterator[str]:
    """The variables; Windows does not tell upper case from lower."""
    for reference in references:
        way, _, name = reference.partition(":")
        if way == "env":
            yield name.upper() if os.name == "nt" else name


def _references(client: Client) -> Iterator[str]:
    for tenant in client.tenants:
        yield from (value for value in tenant.settings.values() if isinstance(value, str))
    yield from (*client.arranged.tell.channels, client.arranged.tell.password)


def _general(config: Config) -> Iterator[str]:
    yield from (*config.tell.channels, config.tell.password, config.heartbeat)
    yield config.mail.password if config.mail else ""
