"""A run: every client that is due, some at once, each in a process of its own; what happens to one is one row.

Each client is a generator that pauses while its process works; the runner resumes them in turn. Nothing that one of
them raises reaches the others.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from ..config import Client, Config
from ..errors import Busy, KeyroundError, denied
from ..store import runs
from ..store.runs import Failure, Run
from . import ended as endings
from .attempt import (
    Row,
    begun,
    crashed,
    exceeded,
    file_of,
    held,
    killed,
    prepared,
    repeated,
    row,
    scratch,
    settled,
    swept,
    unexpected,
)
from .clients import facts
from .clients.state import awaited
from .due import Due, due
from .ended import Ended
from .process import environment, opened
from .work import Work, work
from .world import Status, World, watched

PAUSE = 0.1
AFTERWARDS = timedelta(minutes=10)  # for the command that follows a client's row
_Waiting = Generator[None, None, Row]


def _nothing(key: str, row: Row) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others add. `refused`: why a client must not be scanned at that instant. `told`: hears of every row, and
    gives remarks. `follows`: the commands that follow a row, such as sending what was queued; of each the key in whose
    name and log it runs, and its words.
    """

    refused: Callable[[Client, datetime], Failure | None] = lambda client, now: None
    told: Callable[[str, Row], Iterable[str]] = _nothing
    follows: Callable[[str, Row], Iterable[tuple[str, Sequence[str]]]] = _nothing


def run(
    config: Config, keys: Sequence[str], world: World, jobs: int, forced: bool = False, hooks: Hooks | None = None
) -> Iterator[Row]:
    """A row for each client as soon as it has ended, also for those with nothing to do; `keys` may also name the
    `PORTFOLIO`. `forced`: due or not.

    Told to stop, it starts no more, and ends those that run.
    """
    waiting, working = deque(keys), list[_Waiting]()
    while (waiting and not world.stopping()) or working:
        while waiting and len(working) < jobs and not world.stopping():
            working.append(_one(config, waiting.popleft(), world, forced, hooks or Hooks()))
        for one in tuple(working):
            try:
                next(one)
            except StopIteration as end:
                working.remove(one)
                yield end.value
        if working:
            world.sleep(PAUSE)


def plan(config: Config, key: str, now: datetime, forced: bool = False) -> Due:
    """What would be done about a client, or the `PORTFOLIO`, now. Raises ConfigError."""
    return _due(work(config, key), now, forced)


def _due(one: Work, now: datetime, forced: bool) -> Due:
    known = runs.read(one.root)
    return due(one.schedule, one.stamps(known), known, now, one.key, forced)


def _one(config: Config, key: str, world: World, forced: bool, hooks: Hooks) -> _Waiting:
    """The row of one client. Whatever goes wrong becomes that row, or a remark of it."""
    log = _log(config, key)
    try:
        done = yield from _done(work(config, key), world, forced, hooks)
    except (KeyroundError, OSError) as error:
        done = Row(key, "failed", failure=endings.failed(error, world.now()))
    except Exception as error:
        remarks = _written_down(log)
        done = Row(key, "failed", failure=unexpected(world.now(), error, log), remarks=remarks)
    try:
        done = replace(done, remarks=(*done.remarks, *hooks.told(key, done)))
        for whose, words in hooks.follows(key, done) if done.outcome not in ("busy", "stopped") else ():
            if not world.stopping() and (said := (yield from _following(config, whose, words, world))):
                done = replace(done, remarks=(*done.remarks, said))
    except (KeyroundError, OSError) as error:
        done = replace(done, remarks=(*done.remarks, str(denied(error) if isinstance(error, OSError) else error)))
    except Exception as error:
        done = replace(done, remarks=(*done.remarks, f"{type(error).__name__}: see {log}.", *_written_down(log)))
    return done


def _following(config: Config, key: str, words: Sequence[str], world: World) -> Generator[None, None, str]:
    """Empty once it is done, else what has to be said."""
    client, log = config.clients.get(key), _log(config, key)
    status = yield from watched(words, log, environment(config, client, with_general=True), AFTERWARDS, world)
    return f"`keyround {' '.join(words)}` failed ({status}); see {log}." if status != 0 else ""


def _log(config: Config, key: str) -> Path:
    return (config.store / key / "run.log").absolute()


def _written_down(log: Path) -> tuple[str, ...]:
    """The traceback goes into the client's log; given back where that refuses it."""
    said = traceback.format_exc()
    try:
        with opened(log) as file:
            file.write(said.encode("utf-8", "backslashreplace"))
    except OSError:
        return (said,)
    return ()


def _done(one: Work, world: World, forced: bool, hooks: Hooks) -> _Waiting:
    idle = partial(Row, one.key, "nothing")
    if not forced and not runs.read(one.root).started:
        todo = _due(one, world.now(), forced)
        if todo.kind == "nothing":
            return idle(todo.why, next_at=todo.next_at)
    with held(one.root) as ours:
        if not ours:
            return Row(one.key, "busy", "another run is at it")
        left = None
        if started := runs.read(one.root).started:
            left = _found(one, started, world)
            if left.outcome == "busy":
                return left
        todo = _due(one, world.now(), forced)
        if todo.kind == "nothing":
            return left or idle(todo.why, next_at=todo.next_at)
        if one.client and (failure := hooks.refused(one.client, world.now())):
            return _refused(one, todo, failure, forced)
        return (yield from _attempt(one, todo, world))


def _refused(one: Work, todo: Due, failure: Failure, forced: bool) -> Row:
    """It fails once a slot, unless somebody asks: who calls every quarter of an hour need not be told as often. Nothing
    has to be waited for once it is no longer refused.
    """
    before = runs.read(one.root)
    if not forced and before.slot == todo.slot and before.failure and repeated(before.failure, failure):
        return Row(one.key, "nothing", f"{failure.detail} {failure.remedy}")
    runs.keep(one.root, replace(before, slot=todo.slot, attempts=0, retry_at=None, failure=failure))
    return Row(one.key, "failed", failure=failure, slot=todo.slot)


def _found(one: Work, started: datetime, world: World) -> Row:
    """What became of an attempt whose run was killed: its process may have gone on by itself."""
    file, before = file_of(one.root, started), runs.read(one.root)
    with endings.alive(file) as dead:
        if not dead:
            return Row(one.key, "busy", "what an earlier run began is still running")
        swept(file)
        end = endings.read(file)
        if end is None:
            end = Ended(failure=killed(started))
            endings.write(file, end)  # should its process come to life only now, it ends
    return _kept(
        one, "scan", before, settled(before, end, one.key, started if end.failure else world.now()), end, world
    )


def _attempt(one: Work, todo: Due, world: World) -> _Waiting:
    now, before = world.now(), runs.read(one.root)
    remarks: tuple[str, ...] = ()
    file = prepared(one.root, now)
    runs.keep(one.root, begun(before, todo, now))
    allowed = {**one.environment, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch(file).absolute()))}
    try:
        status = yield from watched(one.words(todo, now, file), one.log, allowed, one.limit, world)
    except OSError as error:
        end = Ended(failure=endings.failed(error, now))
    except Exception as error:
        remarks = _written_down(one.log)
        end = Ended(failure=unexpected(now, error, one.log))
    else:
        left = endings.read(file)
        if left is None and status == "stopped":
            runs.keep(one.root, before)  # that is no failure of this client
            return Row(one.key, "stopped")
        if left and left.failure and left.failure.kind == Busy.__name__:
            runs.keep(one.root, before)
            return Row(one.key, "busy", left.failure.detail)
        end = left or Ended(failure=_wordless(one, status, world.now()))
    finally:
        swept(file)
    done = _kept(one, todo.kind, before, settled(runs.read(one.root), end, one.key, world.now()), end, world)
    return replace(done, remarks=remarks)


def _kept(one: Work, kind: str, before: Run, after: Run, end: Ended, world: World) -> Row:
    runs.keep(one.root, after)
    next_at = _due(one, world.now(), False).next_at if end.failure else after.retry_at
    done = row(one.key, kind, before, after, end, next_at)
    if one.client and not one.stamps(after) and awaited(facts.read(one.root), end.failure, None):
        return replace(done, outcome="awaited")
    return done


def _wordless(one: Work, status: Status, at: datetime) -> Failure:
    return exceeded(at, one.limit, one.log) if status == "late" else crashed(at, int(status), one.log)
