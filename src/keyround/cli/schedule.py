"""`keyround schedule install | show | remove`: this computer's scheduler calls, and what it called is tried out."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout, suppress
from datetime import timedelta
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType

import click

from ..config import Config, read
from ..connector import Clock
from ..errors import ConfigError, StoreError
from ..itself import command as itself
from ..provider import kept, lastrun, probe
from ..provider.process import opened
from ..provider.scheduler import EVERY, NAME, Plan, ScheduleError, cron, needs, planned, systemd, windows
from . import options
from .lines import broken

_BEGIN = {"systemd": 30, "cron": 150, "windows": 60}
"""Seconds until the scheduler has called; cron starts nothing before the next minute but one."""

name_option = click.option("--name", metavar="NAME", default=NAME, show_default=True,
                           help="For a second schedule on this computer, with a configuration of its own.")  # fmt: skip


@click.group(help="This computer's scheduler calls Keyround, which scans the clients that are due.")
def command() -> None:
    pass


@command.command(short_help="Put it up, and try it by a dry run through the scheduler.",
                 help="Put it up, then let the scheduler call once for a dry run: secrets, folders and sign-ins are "
                      "tried as the scheduler's user; nothing is scanned.")  # fmt: skip
@options.config
@click.option("--with", "way", type=click.Choice(tuple(planned.WAYS)), help="Which scheduler (default: what is here).")
@click.option("--every", metavar="TIME", type=options.Duration(), default=EVERY,
              help="How often it calls (default: 15m). When a client is scanned its own `every` says.")  # fmt: skip
@click.option("--user/--system", "own", default=None, help="Units or a task of your own session, or of the system.")
@click.option("--run-as", metavar="USER", default="", help="Who the calls run as, where root sets it up "
              "(default: the store's owner; for cron: you).")  # fmt: skip
@click.option("--environment-file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="NAME=value lines with the variables that env: references name.")  # fmt: skip
@click.option("--print", "show_only", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--dry-run/--no-dry-run", "tried", default=True, help="Let the scheduler call once at the end, or not.")
@name_option
def install(
    path: Path | None, way: str | None, every: timedelta, own: bool | None, run_as: str,
    environment_file: Path | None, show_only: bool, tried: bool, name: str,
) -> int:  # fmt: skip
    config = _configuration(path)
    way, own = planned.chosen(way, own)
    scheduler, plan = planned.WAYS[way], planned.planned(config, way, own, every, run_as, environment_file, name)
    if show_only:
        print(scheduler.text(plan), end="")
        _note(planned.lacking(config, plan, way))
        return 0
    planned.make_folders(plan)
    notes = scheduler.install(plan)
    with planned.acting_as(plan.run_as):
        lastrun.keep_caller(
            config.store, lastrun.Caller(scheduler.TITLE, name, int(every.total_seconds()), options.now())
        )
    print(broken("Scheduler:   ", f"{scheduler.TITLE}, as {plan.run_as}"))
    print(broken("Calls:       ", f"every {plan.minutes} minutes, whatever of {config.path} is due"))
    print(broken("Written:     ", scheduler.found(name, own, plan.run_as).where))
    if way == "systemd":
        print(broken("May write:   ", ", ".join(map(str, plan.writable))))
    print()
    _note(planned.lacking(config, plan, way))
    notes += _twice(config, scheduler, own, name)
    for note in notes:
        print(broken("", note), end="\n\n")
    return _dry_run(config, scheduler, plan, way) if tried else 0


def _configuration(path: Path | None) -> Config:
    """With every path in full: the scheduler starts elsewhere."""
    return read(Path(os.path.abspath(path or options.place())))


def _twice(config: Config, scheduler: ModuleType, own: bool, name: str) -> Iterator[str]:
    """Where else the same is put up."""
    for other, theirs, user in _everywhere():
        found = other.found(name, theirs, user) if (other, theirs) != (scheduler, own) else None
        if found and found.config == config.path:
            yield f"{other.TITLE} calls it too: {found.where}. One of the two is enough; no scan is made twice."


def _note(said: list[str]) -> None:
    for sentence in said:
        print(broken("Note: ", sentence, hang=""), file=sys.stderr)


def _dry_run(config: Config, scheduler: ModuleType, plan: Plan, way: str) -> int:
    begin = timedelta(seconds=_BEGIN[way])
    print(f"Dry run through {scheduler.TITLE}, nothing is scanned ...", flush=True)
    with planned.acting_as(plan.run_as):
        wanted = probe.ask(config.store, options.now())
    turns = -(-len(config.clients) // probe.AT_ONCE)
    whole = begin + timedelta(seconds=30 + probe.PATIENCE * turns)
    try:
        done = scheduler.fire(plan)
        try:
            found = probe.waited(
                config.store, wanted, begin, whole, lambda: scheduler.trouble(plan), time.monotonic, time.sleep
            )
        finally:
            done()
    finally:
        with planned.acting_as(plan.run_as):
            probe.forget(config.store)
    if isinstance(found, probe.Result):
        return _said(found)
    service = " Does the cron service run?" if way == "cron" and not found.remedy else ""
    remedy = found.remedy or f"A run may be going on, or it cannot write into {kept.folder(config.store)}."
    raise ScheduleError(
        found.detail, f"{remedy}{service} Install it again after that.", "The schedule is installed, untried."
    )


def _said(found: probe.Result) -> int:
    """Problems first; one row for each client."""
    order = {"failed": 0, "left out": 1, "ready": 2}
    width = max((len(row.client) for row in found.rows), default=0)
    for row in sorted(found.rows, key=lambda row: order[row.state]):
        label = f"  {row.client:<{width}}  {row.state:<8}  "
        text = " ".join(f"{one.detail} {one.remedy}" for one in row.problems)
        print(broken(label, text or "secrets, folders and sign-in work"))
    for one in found.problems:
        print(broken("  ", f"{one.detail} {one.remedy}"))
    states = [row.state for row in found.rows]
    left = f", {states.count('left out')} left out" if "left out" in states else ""
    print(f"Ready: {states.count('ready')} of {len(states)} clients{left}. The calls run as {found.user}.")
    return 0 if found.ready else 3


@command.command(
    short_help="What is put up, and what about it needs attention.",
    help="What is put up, when it calls next, and what about it needs attention.",
)
@options.config
@name_option
def show(path: Path | None, name: str) -> int:
    fine, there = True, False
    for scheduler, own, user in _everywhere():
        found = scheduler.found(name, own, user)
        if found is None or found.config is None:
            continue
        there = True
        print(broken("Scheduler:   ", f"{scheduler.TITLE}: {found.where}"))
        print(broken("Calls:       ", f"every {int(found.every.total_seconds()) // 60} minutes, whatever of "
                                      f"{found.config} is due"))  # fmt: skip
        if found.next_at:
            print(f"Next call:   {found.next_at}")
        try:
            config = read(found.config)
        except ConfigError as error:
            print(broken("ATTENTION:   ", str(error)))
            fine = False
            continue
        last = lastrun.read(config.store)
        print(f"Last run:    {f'{last.started:%Y-%m-%d %H:%M} UTC' if last else 'none yet'}")
        shut = systemd.unwritable(found.text, needs.writable(config)) if scheduler is systemd else []
        for said in filter(None, (
            found.off,
            shut and f"It may not write into {', '.join(map(str, shut))}: run `keyround schedule install` again.",
        )):  # fmt: skip
            print(broken("ATTENTION:   ", str(said)))
            fine = False
    if not there:
        print(f"Nothing is put up under the name {name}. `keyround schedule install` does it.")
    return 0 if fine and there else 3


@command.command(help="Take it away again. Scans, reports and the configuration stay.")
@options.config
@name_option
def remove(path: Path | None, name: str) -> int:
    gone: list[str] = []
    for scheduler, own, user in _everywhere():
        found = scheduler.found(name, own, user)
        if found is None or found.config is None:
            continue
        gone += scheduler.remove(name, own, user)
        with suppress(ConfigError, StoreError):  # a configuration or store that is gone needs no note of it
            lastrun.keep_caller(read(found.config).store, None)
    print(f"Removed: {', '.join(gone)}." if gone else f"Nothing of ours is put up under the name {name}.")
    return 0


def _everywhere() -> Iterator[tuple[ModuleType, bool, str]]:
    """Every place where this user could have put one up."""
    if os.name == "posix":
        yield systemd, False, ""
        yield systemd, True, ""
        if cron.there():
            yield cron, True, getpass.getuser()
    elif windows.there():
        yield windows, False, ""


@command.command(hidden=True, help="What the scheduler calls: the dry run that was asked for, else what is due.")
@click.option("--config", "path", type=click.Path(path_type=Path), required=True)
@click.option("--environment-file", type=click.Path(path_type=Path))
@click.option("--log", "logged", is_flag=True, help="Keep a log in the store, and say only what failed.")
def call(path: Path, environment_file: Path | None, logged: bool) -> int:
    os.umask(0o077)
    if environment_file:
        os.environ.update(needs.read_variables(environment_file))
    config = read(path)
    if not logged:
        return _called(config)
    log = kept.folder(config.store) / "run.log"
    with opened(log) as file:
        begin = file.seek(0, os.SEEK_END)
        with (
            TextIOWrapper(file, encoding="utf-8", write_through=True) as text,
            redirect_stdout(text),
            redirect_stderr(text),
        ):
            print(f"{options.now():%Y-%m-%d %H:%M} UTC", flush=True)
            status = _called(config)
    if status:
        print(log.read_bytes()[begin:].decode("utf-8", errors="replace"), end="", file=sys.stderr)
    return status


def _called(config: Config) -> int:
    if not (wanted := probe.take(config.store, options.now())):
        from . import main

        return main(["run", "--due", "--config", str(config.path)])
    _said(probe.answer(config, wanted, options.now(), tuple(itself())))
    return 0  # some client may not be ready; the call did what it was for


@command.command("probe", hidden=True, help="Try what a scan of one client needs, and leave what was found.")
@options.client
@click.option("--config", "path", type=click.Path(path_type=Path), required=True)
@click.option("--result", "left", type=click.Path(path_type=Path), required=True)
def probe_(client: str, path: Path, left: Path) -> None:
    config = read(path)
    kept.keep(left, probe.probed(config, config.client(client), Clock()))
