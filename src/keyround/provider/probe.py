"""The dry run that goes *through* the scheduler: the user, the variables, the view of the disk are those of real runs.

`keyround schedule install` leaves a wish in the store and lets the scheduler call; the call finds the wish, tries
everything that a scan needs save the scan itself, and leaves the result:

    STORE/.provider/probe-wanted.json    asked for; forgotten after ten minutes, so that nothing ever stands in the way
    STORE/.provider/probe-taken.json     a call has seen it
    STORE/.provider/probe-result.json    one row per client

Each client is tried in a process of its own, as it is scanned.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from ..config import Client, Config
from ..connector import Clock
from ..errors import ConfigError, KeyroundError
from ..scan import guard, opened
from ..secrets import resolve
from . import kept
from .process import environment
from .scheduler import needs

FRESH = timedelta(minutes=10)
PATIENCE = 90.0
"""Seconds for one client: to read its secrets, write a file, and sign in."""
AT_ONCE = 4
_VARIABLE = ("Name it as file:PATH in the configuration, or put it into a file of variables: "
             "keyround schedule install --environment-file FILE.")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one client. "left out": nobody has to do anything about it, or it may not be asked."""

    client: str
    state: Literal["ready", "failed", "left out"]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """`user` is who the scheduler runs us as. `problems` are those of the provider itself."""

    id: str
    user: str
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    @property
    def ready(self) -> bool:
        return not self.problems and all(row.state != "failed" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Wanted:
    id: str
    at: datetime


def ask(store: Path, now: datetime) -> Wanted:
    """Leave the wish. Raises StoreError."""
    wanted = Wanted(os.urandom(8).hex(), now)
    for name in ("taken", "result"):
        with suppress(FileNotFoundError):
            _file(store, name).unlink()
    kept.keep(_file(store, "wanted"), wanted)
    return wanted


def forget(store: Path) -> None:
    """Nobody waits any more."""
    for name in ("wanted", "taken", "result"):
        with suppress(OSError):
            _file(store, name).unlink()


def take(store: Path, now: datetime) -> Wanted | None:
    """The wish, for the one call that gets it; None where there is none, or an old one."""
    wanted = kept.read(_file(store, "wanted"), Wanted)
    if wanted is None:
        return None
    try:
        os.replace(_file(store, "wanted"), _file(store, "taken"))
    except FileNotFoundError:
        return None  # another call was quicker
    except OSError:
        pass  # the store may not be written into: that is what the result will say
    return wanted if abs(now - wanted.at) <= FRESH else None


def taken(store: Path, wanted: Wanted) -> bool:
    return kept.read(_file(store, "taken"), Wanted) == wanted


def result(store: Path, wanted: Wanted) -> Result | None:
    found = kept.read(_file(store, "result"), Result)
    return found if found and found.id == wanted.id else None


def _file(store: Path, name: str) -> Path:
    return kept.folder(store) / f"probe-{name}.json"


def answer(config: Config, wanted: Wanted, now: datetime, words: Sequence[str]) -> Result:
    """Try every client, and leave the result. `words` start Keyround. Raises StoreError when it cannot be left."""
    clients = list(config.clients.values())
    with tempfile.TemporaryDirectory(prefix="keyround-probe-") as folder, ThreadPoolExecutor(AT_ONCE) as several:

        def tried(client: Client) -> Row:
            return _waived(client, now) or _alone(config, client, Path(folder) / f"{client.key}.json", words)

        rows = tuple(several.map(tried, clients))
    rows += tuple(Row(key, "failed", (Problem(wrong.detail, wrong.remedy),)) for key, wrong in config.broken.items())
    found = Result(wanted.id, getpass.getuser(), rows, tuple(_of_provider(config)))
    kept.keep(_file(config.store, "result"), found)
    return found


def _waived(client: Client, now: datetime) -> Row | None:
    """No tenant is signed in to that no run would sign in to."""
    order = client.arranged.order
    if order and order.until and order.until < now.date():
        why = f"The order of this client ended on {order.until:%d %b %Y}."
        return Row(client.key, "left out", (Problem(why, "Renew it under [client.x.order] before the next scan."),))
    if client.arranged.schedule is None:
        why = "It has no schedule, so no call scans it."
        return Row(client.key, "left out", (Problem(why, 'Add every = "week" to it if you want that.'),))
    return None


def _alone(config: Config, client: Client, left: Path, words: Sequence[str]) -> Row:
    try:
        subprocess.run(
            [*words, "schedule", "probe", client.key, "--config", str(config.path), "--result", str(left)],
            env=environment(config, client), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=PATIENCE,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Row(client.key, "failed", (Problem(
            f"It did not answer within {PATIENCE:.0f} seconds.",
            "Check the network and the proxy. A credential that asks a person cannot be used by a scheduler.",
        ),))  # fmt: skip
    except OSError as error:
        return Row(client.key, "failed", (Problem(f"Its process cannot be started: {error.strerror}."),))
    crashed = Problem("Its process ended without an answer.", f"Run `keyround check {client.key}` by hand.")
    return kept.read(left, Row) or Row(client.key, "failed", (crashed,))


def probed(config: Config, client: Client, clock: Clock) -> Row:
    """Everything that a scan of this client needs, tried in this process; nothing of the tenant is read."""
    secrets = list(_secrets("", client.tenants[0].folder, needs.of_client(client)))
    found = (*_written(config, client), *(secrets or _signed_in(client, clock)))
    return Row(client.key, "failed" if found else "ready", found)


def _written(config: Config, client: Client) -> Iterator[Problem]:
    for what, folder in (("store", config.store / client.key), ("reports", config.reports_of(client))):
        if problem := _refused(what, folder):
            yield problem


def _refused(what: str, folder: Path) -> Problem | None:
    """A file is made in `folder` and removed; so is the folder where it was not there."""
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".probe-", dir=folder)
        os.close(handle)
        os.unlink(name)
    except OSError as error:
        return Problem(
            f"{getpass.getuser()} cannot write into its {what} {folder}: {error.strerror}.",
            "Give the folder to this user; where the folder is a new one, run `keyround schedule install` again.",
        )
    finally:
        with suppress(OSError):
            for one in made:
                one.rmdir()
    return None


def _of_provider(config: Config) -> Iterator[Problem]:
    yield from _secrets("For the provider: ", config.path.parent, needs.of_provider(config))


def _secrets(whose: str, folder: Path, references: Sequence[str]) -> Iterator[Problem]:
    for reference in references:
        way, _, name = reference.partition(":")
        try:
            resolve(reference, reference, folder)
        except ConfigError as error:
            if way == "env":
                yield Problem(f"{whose}The scheduler has no variable {name}.", _VARIABLE)
            elif way == "keyring":
                remedy = "A keyring opens only for somebody who is signed in: name the secret as file:PATH."
                yield Problem(f"{whose}{error.detail}", remedy)
            else:
                yield Problem(f"{whose}{error.detail}", error.remedy)


def _signed_in(client: Client, clock: Clock) -> Iterator[Problem]:
    for tenant in client.tenants:
        try:
            ready = opened(tenant)
            with ready.connector.open(ready.settings, clock) as session:
                guard(ready.tenant, ready.connector.identify(session))
        except KeyroundError as error:
            yield Problem(error.detail, error.remedy)


def waited(
    store: Path, wanted: Wanted, begin: timedelta, whole: timedelta, trouble: Callable[[], str],
    clock: Callable[[], float], sleep: Callable[[float], None],
) -> Result | Problem:  # fmt: skip
    """The result once it is there; else in one sentence why nobody waits any longer. `begin`: for the call itself."""
    started = clock()
    seen = False
    while (found := result(store, wanted)) is None:
        seen = seen or taken(store, wanted)
        passed = timedelta(seconds=clock() - started)
        if (said := trouble()) and result(store, wanted) is None:
            return Problem(f"The call failed before it could leave a result. {said}.", "Correct that.")
        if not seen and passed > begin:
            return Problem(f"The scheduler did not call within {begin.total_seconds():.0f} seconds.")
        if passed > whole:
            return Problem(f"The call left no result within {whole.total_seconds():.0f} seconds.")
        sleep(0.2)
    return found
