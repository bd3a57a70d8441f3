"""From what was asked for to a plan: which scheduler, as whom, and what that user will lack."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import platformdirs

from ...config import Config
from ...errors import ConfigError
from ...store.disk import private
from . import Plan, called, checked, cron, needs, passing, systemd, windows

WAYS: dict[str, ModuleType] = {"systemd": systemd, "cron": cron, "windows": windows}


def chosen(way: str | None, own: bool | None) -> tuple[str, bool]:
    """Which scheduler, and whether of the user's own session. Raises ConfigError where there is none."""
    root = os.name == "posix" and os.geteuid() == 0
    if way is None:
        if os.name == "nt":
            way = "windows"
        elif systemd.there(own if own is not None else not root):
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


def planned(
    config: Config, way: str, own: bool, every: timedelta, run_as: str, environment_file: Path | None, name: str
) -> Plan:  # fmt: skip
    me = windows.user() if way == "windows" else getpass.getuser()
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


def make_folders(plan: Plan) -> None:
    """Made before systemd looks for them. Raises ConfigError where the scheduler's user may not."""
    for folder in plan.writable:
        try:
            with acting_as(plan.run_as):
                private(folder)
        except OSError as error:
            raise ConfigError(
                f"{plan.run_as} cannot make the folder {folder}: {error.strerror}.",
                f"Make it: install -d -m 700 -o {plan.run_as} {folder}",
            ) from error


@contextmanager
def acting_as(user: str) -> Iterator[None]:
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


def lacking(config: Config, plan: Plan, way: str) -> list[str]:
    """What works here and will not work there."""
    said: list[str] = []
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
    return said
