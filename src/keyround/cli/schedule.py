"""`keyround schedule install | show | remove`: this computer's scheduler calls, and what it called is tried out."""

from __future__ import annotations

import getpass
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import click
import platformdirs

from ..config import Config, read
from ..connector import Clock
from ..errors import ConfigError, StoreError
from ..provider import kept, lastrun, probe
from ..provider.scheduler import EVERY, NAME, Plan, ScheduleError, called, checked, cron, needs, ourselves, passing
from ..provider.scheduler import systemd as systemd_
from ..provider.scheduler import windows as windows_
from ..store.disk import private
from . import options
from .lines import broken

WAYS: dict[str, ModuleType] = {"systemd": systemd_, "cron": cron, "windows": windows_}
_BEGIN = {"systemd": 30, "cron": 150, "windows": 60}
"""Seconds until the scheduler has called; cron starts nothing before the next minute but one."""

name_option = click.option("--name", metavar="NAME", default=NAME, show_default=True,
                           help="For a second schedule on this computer, with a configuration of its own.")  # fmt: skip


@click.group(help="This computer's scheduler calls Keyround, which scans the clients that are due.")
def command() -> None:
    pass


@command.command(help="Put it up, then let the scheduler call once for a dry run: secrets, folders and sign-ins are "
                      "tried as the scheduler's user; nothing is scanned.")  # fmt: skip
@options.config
@click.option("--with", "way", type=click.Choice(tuple(WAYS)), help="Which scheduler (default: what is here).")
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
    way, own = _chosen(way, own)
    scheduler, plan = WAYS[way], _plan(config, way, own, every, run_as, environment_file, name)
    if show_only:
        print(scheduler.text(plan), end="")
        _warn(config, plan, way)
        return 0
    _folders(plan)
    notes = scheduler.install(plan)
    with _acting_as(plan.run_as):
        lastrun.keep_caller(config.store, lastrun.Caller(scheduler.TITLE, name, int(every.total_seconds())))
    print(broken("Scheduler:   ", f"{scheduler.TITLE}, as {plan.run_as}"))
    print(broken("Calls:       ", f"every {plan.minutes} minutes, whatever of {config.path} is due"))
    print(broken("Written:     ", scheduler.found(name, own, plan.run_as).where))
    print(broken("May write:   ", ", ".join(map(str, plan.writable))) if way == "systemd" else "", end="\n\n")
    _warn(config, plan, way)
    for note in notes:
        print(broken("", note), end="\n\n")
    return _dry_run(config, scheduler, plan, way) if tried else 0


def _configuration(path: Path | None) -> Config:
    """With every path in full: the scheduler starts elsewhere."""
    return read(Path(os.path.abspath(path or options.place())))


def _chosen(way: str | None, own: bool | None) -> tuple[str, bool]:
    """Which scheduler, and whether of the user's own session. Raises ConfigError where there is none."""
    root = os.name == "posix" and os.geteuid() == 0
    if way is None:
        if os.name == "nt":
            way = "windows"
        elif systemd_.there(own if own is not None else not root):
            way = "systemd"
        elif cron.there():
            way = "cron"
        else:
            raise ConfigError(
                "This computer has no scheduler that Keyround knows: neither systemd nor cron.",
                "Keep a process running instead: keyround run --every 15m; or name one: --with cron --print.",
            )
    if own is None:
        own = not root if way == "systemd" else way == "cron"
    if way == "systemd" and not own and os.name == "posix" and not root:
        raise ConfigError("Units of the system are root's to write.", "Run it with sudo, or use --user.")
    return way, own


def _plan(
    config: Config, way: str, own: bool, every: timedelta, run_as: str, environment_file: Path | None, name: str
) -> Plan:  # fmt: skip
    me = windows_.user() if way == "windows" else getpass.getuser()
    if run_as and (own if way != "cron" else os.name == "posix" and os.geteuid()) and run_as != me:
        raise ConfigError("--run-as is for root, and for what the system runs.", "Leave it out, or run it with sudo.")
    if not run_as:
        run_as = _owner(config) if way == "systemd" and not own else me
    if config.store == Path(platformdirs.user_data_dir("keyround")) / "store" and (
        run_as != me or os.environ.get("XDG_DATA_HOME")
    ):
        raise ConfigError(
            f"{config.path} names no store, and the scheduler would look for it elsewhere than you.",
            f'Add the line store = "{config.store}" at the top of it, or the place that you want.',
        )
    file = Path(os.path.abspath(environment_file)) if environment_file else None
    if file:
        needs.read_variables(file)
    writable = needs.writable(config)
    program = (Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable))
    reads = (*program, *needs.files(config), *([file] if file else []), *config.rules)
    checked(name, every, config.path, *writable, *reads)
    return Plan(name, config.path, called(config.path), every, writable, reads, run_as, own, file)


def _owner(config: Config) -> str:
    """Whose the store is, or the configuration where there is none yet."""
    import pwd

    place = config.store if config.store.exists() else config.path
    return pwd.getpwuid(place.stat().st_uid).pw_name


def _folders(plan: Plan) -> None:
    """Made before systemd looks for them. Raises ConfigError where the scheduler's user may not."""
    for folder in plan.writable:
        try:
            with _acting_as(plan.run_as):
                private(folder)
        except OSError as error:
            raise ConfigError(
                f"{plan.run_as} cannot make the folder {folder}: {error.strerror}.",
                f"Make it: install -d -m 700 -o {plan.run_as} {folder}",
            ) from error


@contextmanager
def _acting_as(user: str) -> Iterator[None]:
    """As root: do it with that user's rights, so that nothing in the store belongs to root, and no link misleads it."""
    if os.name != "posix" or os.geteuid() != 0 or user.rpartition("\\")[2] == getpass.getuser():
        yield
        return
    import pwd

    try:
        who = pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigError(f"This computer has no user {user!r}.", "Choose another one: --run-as USER.") from error
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([who.pw_gid])
    os.setegid(who.pw_gid)
    os.seteuid(who.pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _warn(config: Config, plan: Plan, way: str) -> None:
    """What works here and will not work there."""
    said = []
    known = needs.read_variables(plan.environment_file) if plan.environment_file else {}
    if missing := {name: whose for name, whose in needs.variables(config).items() if name not in known}:
        named = ", ".join(f"{name} ({whose})" for name, whose in missing.items())
        said.append(
            f"The scheduler does not know the variables of this shell. Secrets that the configuration takes from them: "
            f"{named}. Name them as file:PATH, or put them into a file: --environment-file FILE."
        )
    shell = [name for name in needs.OF_THE_SHELL if os.environ.get(name) or os.environ.get(name.lower())]
    if shell := [name for name in shell if name not in known and name.lower() not in known]:
        said.append(
            f"This shell reaches the internet with {', '.join(shell)}, which the scheduler does not know either: "
            f"put them into the same file if scans need them."
        )
    if (rings := needs.keyrings(config)) and (way == "cron" or not plan.own):
        said.append(
            f"A keyring opens only for somebody who is signed in; keyring: is used for {', '.join(rings)}. "
            "Name these secrets as file:PATH."
        )
    file = plan.environment_file
    if file and os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        said.append(f"{file} can be read by other users of this computer; run: chmod 600 {file}")
    if not any(client.arranged.schedule for client in config.clients.values()):
        said.append('No client has a schedule, so nothing will ever be due: add every = "week" to each of them.')
    if passing():
        said.append(
            "This Keyround runs from a cache that may be emptied, and the schedule would stop then. Install it first: "
            "uv tool install keyround, or pipx install keyround."
        )
    for sentence in said:
        print(broken("Note: ", sentence, hang=""), file=sys.stderr)


def _dry_run(config: Config, scheduler: ModuleType, plan: Plan, way: str) -> int:
    begin = timedelta(seconds=_BEGIN[way])
    print(f"Dry run through {scheduler.TITLE}, nothing is scanned ...", flush=True)
    with _acting_as(plan.run_as):
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
        with _acting_as(plan.run_as):
            probe.forget(config.store)
    if isinstance(found, str):
        daemon = " Does the cron service run?" if way == "cron" else ""
        remedy = f"It may be busy with a run, or not be able to write into {kept.folder(config.store)}.{daemon}"
        raise ScheduleError(found, f"{remedy} Correct it and run this again.", "The schedule is installed, untried.")
    return _said(found)


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


@command.command(help="What is put up, when it calls next, and what about it needs attention.")
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
        shut = systemd_.unwritable(found.text, needs.writable(config)) if scheduler is systemd_ else []
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
        yield systemd_, False, ""
        yield systemd_, True, ""
        if cron.there():
            yield cron, True, getpass.getuser()
    elif windows_.there():
        yield windows_, False, ""


@command.command(hidden=True, help="What the scheduler calls: the dry run that was asked for, else what is due.")
@click.option("--config", "path", type=click.Path(path_type=Path), required=True)
@click.option("--environment-file", type=click.Path(path_type=Path))
def call(path: Path, environment_file: Path | None) -> int:
    os.umask(0o077)
    if environment_file:
        os.environ.update(needs.read_variables(environment_file))
    config = read(path)
    if not (wanted := probe.take(config.store, options.now())):
        from . import main

        return main(["run", "--due", "--config", str(path)])
    found = probe.answer(config, wanted, options.now(), ourselves())
    return _said(found) and 0  # some client may not be ready; the call did what it was for


@command.command("probe", hidden=True, help="Try what a scan of one client needs, and leave what was found.")
@options.client
@click.option("--config", "path", type=click.Path(path_type=Path), required=True)
@click.option("--result", "left", type=click.Path(path_type=Path), required=True)
def probe_(client: str, path: Path, left: Path) -> None:
    config = read(path)
    kept.keep(left, probe.probed(config, config.client(client), Clock()))
