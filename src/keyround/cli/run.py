"""`keyround run`: every client that is due, each alone; what a scheduler starts."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

import click

from ..config import Config
from ..errors import KeyroundError, denied, for_client
from ..provider import orders, process, runner
from ..provider import round as rounds
from ..provider.attempt import Row
from ..provider.work import PORTFOLIO, TIDY
from ..provider.world import World
from . import options
from .invoke import say

_JOBS = min(max(2, 2 * (os.cpu_count() or 1)), 8)
"""They wait for the network more than they reckon, and each takes 300 MB of memory."""


@dataclass(slots=True)
class _Told:
    """The signal that told us to stop; 0: none."""

    signal: int = 0


@click.command(help="Scan the clients that are due and write their reports, each client in a process of its own. "
                    "Asking again changes nothing: a scheduler may call it as often as it likes.")  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@click.option("--due", "only_due", is_flag=True, help="Those whose schedule says so (the default).")
@click.option("--all", "every_one", is_flag=True, help="All clients, due or not.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 64), default=_JOBS,
              show_default=True, help="How many clients at once.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what is due and why, and do nothing.")
@click.option("--every", metavar="TIME", type=options.Duration(),
              help="Go on for ever, and look again after this time, such as 15m: for containers.")  # fmt: skip
def command(
    clients: tuple[str, ...], path: Path | None, only_due: bool, every_one: bool, jobs: int, dry_run: bool,
    every: timedelta | None,
) -> int:  # fmt: skip
    if sum((bool(clients), only_due, every_one)) > 1:
        raise click.UsageError("One of them at a time: CLIENT..., --due or --all.")
    if every is not None and (clients or every_one or dry_run):
        raise click.UsageError("--every goes with --due only.")
    if every is not None and not every:
        raise click.UsageError("--every needs a time, such as 15m.")
    config = options.configuration(path)
    # A failure is told in mails too, where a path from here says nothing.
    config = replace(config, path=config.path.absolute(), store=config.store.absolute())
    keys = [config.client(key).key for key in dict.fromkeys(clients)] or _all(config)
    forced = bool(clients) or every_one
    if dry_run:
        return _foretold(config, keys, forced)
    with _signals() as told:
        world = World(options.now, time.monotonic, time.sleep, process.launch, lambda: bool(told.signal))
        if every is None:
            failed = _round(config, keys, world, jobs, forced)
            return 128 + told.signal if told.signal else 3 if failed else 0
        while not told.signal:
            _tick(config, world, jobs, every)
            _rest(every, world)
            config = _read_anew(config)
        return 128 + told.signal


def _all(config: Config) -> list[str]:
    return [*config.clients, *config.broken]


def _tick(config: Config, world: World, jobs: int, every: timedelta) -> None:
    """One run of many: whatever befalls it as a whole is said, and the next one comes."""
    try:
        _round(config, _all(config), world, jobs, False, every)
    except BrokenPipeError:
        raise
    except Exception:
        traceback.print_exc()
        print("This run broke down; the next one comes as planned.", file=sys.stderr, flush=True)


def _round(
    config: Config, keys: list[str], world: World, jobs: int, forced: bool, every: timedelta = timedelta()
) -> bool:
    """One run, said line by line. Whether anything failed."""
    counts, mute = Counter[str](), list[OSError]()

    def tell(line: str, stream: TextIO | None = None) -> None:
        """Whoever reads it may go away, or the disk that takes it be full: the clients are scanned all the same."""
        try:
            if not mute:
                print(line, file=stream, flush=True)
        except OSError as error:
            mute.append(error)

    width, failed = max((len(_name(key)) for key in [*keys, *[PORTFOLIO] * bool(config.portfolio)]), default=0), False
    for row in rounds.whole(config, keys, world, jobs, forced, every):
        if isinstance(row, str):
            tell(row, sys.stderr)
            continue
        failed |= row.outcome == "failed"
        if row.client in keys:
            counts[row.outcome] += 1
        if row.outcome != "nothing" and (row.failure or row.client != TIDY):
            tell(f"{_name(row.client):<{width}}  {_said(row)}")
        for remark in row.remarks:
            tell(f"{_name(row.client):<{width}}  {remark.removeprefix(f'{row.client}: ')}", sys.stderr)
    tell(_closing(counts))
    if not forced and config.clients and not any(one.arranged.schedule for one in config.clients.values()):
        tell('No client has a schedule, so a run scans nobody. Add every = "week" to one, or name it.', sys.stderr)
    if mute:
        raise mute[0]
    return failed


def _name(key: str) -> str:
    return {PORTFOLIO: "Portfolio", TIDY: "Deletion"}.get(key, key)


def _said(row: Row) -> str:
    if row.failure:
        retry = f" Next try {_moment(row.next_at)}." if row.next_at else ""
        if row.outcome == "awaited":
            return f"not scanned yet: {row.failure.detail} {for_client(row.failure.remedy, row.client)}{retry}"
        words = (row.failure.detail, row.failure.therefore, for_client(row.failure.remedy, row.client))
        return f"FAILED: {' '.join(filter(None, words))}{retry}"
    if row.ended is None:
        return {"busy": f"left alone: {row.why}", "stopped": "stopped"}.get(row.outcome, row.why)
    if row.client == PORTFOLIO:
        return f"in {next(iter(row.ended.paths.values()), '')}"
    place = next(iter(row.ended.paths.values()), "")
    found = f", {row.ended.new} new finding{'s' * (row.ended.new != 1)}" if row.outcome == "scanned" else ""
    lacks = f", without what could not be read ({', '.join(row.ended.incomplete)})" if row.ended.incomplete else ""
    again = f"; repeated {_moment(row.next_at)}" if row.next_at else ""
    return f"{row.outcome}, report in {place}{found}{lacks}{again}"


_CLOSING = {"scanned": "scanned", "reported": "reported", "failed": "failed", "awaited": "waiting for access",
            "busy": "left alone", "stopped": "stopped", "nothing": "not due"}  # fmt: skip


def _closing(counts: Counter[str]) -> str:
    shown = [f"{counts[key]} {word}" for key, word in _CLOSING.items() if counts[key]]
    return ", ".join(shown) or "There is no client: `keyround client add` writes one down."


def _moment(at: datetime) -> str:
    """In this computer's time; today's without the day."""
    here = at.replace(tzinfo=UTC).astimezone()
    return f"{here:%H:%M}" if here.date() == datetime.now().date() else f"{here:%Y-%m-%d %H:%M}"


_KINDS = {"nothing": "not due", "scan": "to be done", "report": "to be reported"}


def _foretold(config: Config, keys: list[str], forced: bool) -> int:
    shown = [*keys, PORTFOLIO] if config.portfolio and not forced else keys
    width, now, broken = max((len(_name(key)) for key in shown), default=0), options.now(), False
    for key in shown:
        try:
            todo = runner.plan(config, key, now, forced)
        except (KeyroundError, OSError) as error:
            print(f"{key:<{width}}  BROKEN: {denied(error) if isinstance(error, OSError) else error}")
            broken = True
            continue
        client = config.clients.get(key)
        if client and todo.kind != "nothing" and (failure := orders.refusal(config, client, now)):
            print(f"{key:<{width}}  refused: {failure.detail} {failure.remedy}")
            continue
        when = f"; next {_moment(todo.next_at)}" if todo.next_at else ""
        print(f"{_name(key):<{width}}  {_KINDS.get(todo.kind, todo.kind)}: {todo.why}{when}")
    return 3 if broken else 0


def _rest(every: timedelta, world: World) -> None:
    """By a clock that nobody sets; in short naps, so that being told to stop is heard."""
    until = world.ticks() + every.total_seconds()
    while not world.stopping() and (left := until - world.ticks()) > 0:
        world.sleep(min(left, 1.0))


def _read_anew(old: Config) -> Config:
    """The configuration as it is now; as it was, and that is said, while it is broken."""
    try:
        return options.configuration(old.path)
    except KeyroundError as error:
        say(error)
        print("Until then the run goes on with the configuration as it was.", file=sys.stderr, flush=True)
        return old


@contextmanager
def _signals() -> Iterator[_Told]:
    """Being told to stop only leaves a note: the runner looks at it, and ends its processes in order."""
    told = _Told()

    def note(number: int, frame: object) -> None:
        told.signal = number

    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    if hangup := getattr(signal, "SIGHUP", None):  # its terminal is closed, which nohup lets nobody hear
        numbers += [hangup] * (signal.getsignal(hangup) is not signal.SIG_IGN)
    before = {number: signal.signal(number, note) for number in numbers}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
