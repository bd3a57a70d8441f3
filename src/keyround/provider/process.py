"""One client's process: alone in its session, without the secrets of other clients, heard only through its log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from ..config import Client, Config
from ..itself import command
from ..store.disk import private

LOG_LIMIT = 256 * 1024
"""Bytes after which a log is put aside as run.log.1, in the place of the one before."""


class Process(Protocol):
    """What the runner needs of a process that was started."""

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""

    def stop(self, hard: bool) -> None:
        """Ask it and all that it started to end, or (`hard`) end them."""


Launch = Callable[[Sequence[str], Path, Mapping[str, str]], Process]
"""Called with the words after `keyround`, the log, and the environment. Raises OSError."""


class _Child:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def poll(self) -> int | None:
        return self._process.poll()

    def stop(self, hard: bool) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill() if hard else self._process.terminate()
            else:  # it leads a group of its own, whose number is its own
                os.killpg(self._process.pid, signal.SIGKILL if hard else signal.SIGTERM)


def launch(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> Process:
    """Start `keyround WORDS...` in a session of its own; what it says is appended to `log`. Raises OSError."""
    if sys.platform != "win32":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # inherited: the memory of a scan stays out of any file
    with opened(log) as out:
        return _Child(
            subprocess.Popen(
                command(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env=dict(environment), start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        )  # fmt: skip


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
