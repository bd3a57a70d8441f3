"""A run: every client that is due, some at once, each in a process of its own; what happens to one is one row.

Each client is a generator that pauses while its process works; the runner resumes them in turn. Nothing that one of
them raises reaches the others.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ..config import Client, Config
from ..errors import KeyroundError
from ..store import ClientStore, runs
from ..store.runs import Failure
from . import ended as endings
from .attempt import (
    Row,
    begun,
    called_off,
    crashed,
    denied,
    exceeded,
    file_of,
    held,
    killed,
    log_of,
    prepared,
    row,
    settled,
    unexpected,
)
from .due import Due, due
from .ended import Ended
from .process import Launch, environment, opened

PATIENCE = 10.0  # seconds between asking a process to end and ending it
PAUSE = 0.1
AFTERWARDS = timedelta(minutes=10)  # for what follows a client's scan, such as telling people

_Waiting = Generator[None, None, Row]
_Status = int | str


@dataclass(frozen=True, slots=True)
class World:
    """What the runner cannot know by itself. `now`: naive UTC; `ticks`: seconds that no setting of the clock changes;
    `stopping`: whether the run was told to end.
    """

    now: Callable[[], datetime]
    ticks: Callable[[], float]
    sleep: Callable[[float], None]
    launch: Launch
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others add. `refused`: why a client must not be scanned at that instant. `follows`: the words of the command
    that follows a client's row, if any, such as sending what was queued.
    """

    refused: Callable[[Client, datetime], Failure | None] = lambda client, now: None
    follows: Callable[[Client, Row], Sequence[str]] = lambda client, row: ()


def run(
    config: Config, keys: Sequence[str], world: World, jobs: int, forced: bool = False, hooks: Hooks | None = None
) -> Iterator[Row]:
    """A row for each client as soon as it has ended, also for those with nothing to do. `forced`: due or not.

    Told to stop, it starts no more, and ends those that run.
    """
    waiting, working = deque(keys), list[_Waiting]()
    while (waiting and not world.stopping()) or working:
        while waiting and len(working) < jobs and not world.stopping():
            working.append(_guarded(config, config.client(waiting.popleft()), world, forced, hooks or Hooks()))
        for one in tuple(working):
            try:
                next(one)
            except StopIteration as end:
                working.remove(one)
                yield end.value
        if working:
            world.sleep(PAUSE)


def plan(config: Config, key: str, now: datetime, forced: bool = False) -> Due:
    """What would be done about a client now."""
    client = config.client(key)
    store = ClientStore(config.store, key)
    return due(client.arranged.schedule, store.stamps(), runs.read(store.root), now, key, forced)


def _guarded(config: Config, client: Client, world: World, forced: bool, hooks: Hooks) -> _Waiting:
    """Whatever goes wrong with this client becomes its row."""
    root = config.store / client.key
    try:
        return (yield from _one(config, client, world, forced, hooks))
    except KeyroundError as error:
        return Row(client.key, "failed", failure=endings.failed(error, world.now()))
    except OSError as error:
        return Row(client.key, "failed", failure=denied(world.now(), error))
    except Exception as error:
        failure, said = unexpected(world.now(), error, log_of(root)), traceback.format_exc()
        try:
            with opened(log_of(root)) as log:
                log.write(said.encode("utf-8", "backslashreplace"))
        except OSError:
            return Row(client.key, "failed", failure=failure, remarks=(said,))
        return Row(client.key, "failed", failure=failure)


def _one(config: Config, client: Client, world: World, forced: bool, hooks: Hooks) -> _Waiting:
    root = config.store / client.key
    if not forced and not runs.read(root).started:
        todo = plan(config, client.key, world.now())
        if todo.kind == "nothing":
            return Row(client.key, "nothing", todo.why, next_at=todo.next_at)
    with held(root) as ours:
        if not ours:
            return Row(client.key, "busy", "another run is at it")
        left = None
        if started := runs.read(root).started:
            left = _found(config, client, started, world)
            if left.outcome == "busy":
                return left
        todo = plan(config, client.key, world.now(), forced)
        if todo.kind == "nothing":
            done = left or Row(client.key, "nothing", todo.why, next_at=todo.next_at)
        elif failure := hooks.refused(client, world.now()):
            return Row(client.key, "failed", failure=failure)
        else:
            done = yield from _attempt(config, client, todo, world)
        return (yield from _followed(config, client, done, world, hooks))


def _found(config: Config, client: Client, started: datetime, world: World) -> Row:
    """What became of an attempt whose run was killed: its process may have gone on by itself."""
    root = config.store / client.key
    file, before = file_of(root, started), runs.read(root)
    with endings.alive(file) as dead:
        if not dead:
            return Row(client.key, "busy", "what an earlier run began is still running")
        end = endings.read(file)
        if end is None:
            end = Ended(failure=killed(started))
            endings.write(file, end)  # should its process come to life only now, it ends
    after = settled(before, end, client.key, started if end.failure else world.now())
    runs.keep(root, after)
    return row(client.key, "scan", before, after, end)


def _attempt(config: Config, client: Client, todo: Due, world: World) -> _Waiting:
    root, now = config.store / client.key, world.now()
    before = runs.read(root)
    file = prepared(root, now)
    runs.keep(root, begun(before, todo, now))
    try:
        status = yield from _process(_words(config, client, todo, now, file), config, client, world)
    except OSError as error:
        end = Ended(failure=denied(now, error))
    else:
        left = endings.read(file)
        if left is None and status == "stopped":
            runs.keep(root, called_off(runs.read(root)))
            return Row(client.key, "stopped")
        end = left or Ended(failure=_wordless(client, status, world.now(), log_of(root)))
    after = settled(runs.read(root), end, client.key, world.now())
    runs.keep(root, after)
    return row(client.key, todo.kind, before, after, end)


def _wordless(client: Client, status: _Status, at: datetime, log: Path) -> Failure:
    return exceeded(at, client.arranged.limit, log) if status == "late" else crashed(at, int(status), log)


def _followed(config: Config, client: Client, done: Row, world: World, hooks: Hooks) -> _Waiting:
    """The same row, after the command that follows it. Its failure does not undo what was scanned."""
    if done.outcome == "stopped" or not (words := hooks.follows(client, done)):
        return done
    try:
        status = yield from _process(words, config, client, world, AFTERWARDS)
    except OSError as error:
        status = error.strerror or "refused"
    if status == 0:
        return done
    said = f"`keyround {' '.join(words)}` failed ({status}); see {log_of(config.store / client.key)}."
    return replace(done, remarks=(*done.remarks, said))


def _process(
    words: Sequence[str], config: Config, client: Client, world: World, limit: timedelta | None = None
) -> Generator[None, None, _Status]:
    """Its exit status; or why it had to be ended. `limit` None: that of the client's scans. Raises OSError."""
    allowed = environment(config, client, with_general=limit is not None)
    longest = (limit or client.arranged.limit).total_seconds()
    process = world.launch(words, log_of(config.store / client.key), allowed)
    began, why, asked = world.ticks(), "", 0.0
    try:
        while (status := process.poll()) is None:
            ticks = world.ticks()
            if not why:
                why = "stopped" if world.stopping() else "late" if ticks - began >= longest else ""
                if why:
                    asked = ticks
                    process.stop(hard=False)
            elif ticks - asked >= PATIENCE:
                process.stop(hard=True)
            yield
    finally:
        if process.poll() is None:  # nobody goes on asking for rows
            process.stop(hard=False)
    return why or status


def _words(config: Config, client: Client, todo: Due, now: datetime, file: Path) -> list[str]:
    which = ["--at", f"{now.isoformat()}Z"] if todo.kind == "scan" else ["--snapshot", todo.stamp]
    places = {"--config": config.path, "--output": config.reports_of(client), "--scheduled": file}
    named = [word for option, place in places.items() for word in (option, str(place.absolute()))]
    return [todo.kind, client.key, *which, *named]
