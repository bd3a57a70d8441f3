"""The computer's own scheduler calls Keyround: systemd, cron, or Windows Task Scheduler.

What is due Keyround decides itself; the scheduler only has to call it often enough:

    keyround schedule call --config FILE      what was asked for (`probe.py`), else `keyround run --due`

Every scheduler is a module with the same functions:

    text(plan)          what would be written, as one text for people
    install(plan)       write it, whole or not at all; nothing that is not ours is touched. Raises ScheduleError
    there(own)          this computer has it
    found(name, own, user)     what is installed under that name, ours or somebody else's
    remove(name, own, user)    take it away again, and say what was. Raises ScheduleError
    fire(plan)          let the scheduler call now; gives a function that ends what that needed
    trouble(plan)       what the scheduler itself says of the last call; "" where it has nothing to say
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from ...errors import ConfigError, KeyroundError
from ...itself import command

NAME = "keyround"
EVERY = timedelta(minutes=15)
"""How often Keyround is called, unless somebody asks for otherwise: schedules count in minutes, and what has failed is
tried again after ten. A call in which nothing is due costs less than a second."""


class ScheduleError(KeyroundError):
    """The scheduler refused, or what is there is not ours. Nothing was changed."""

    remedy_by_default = "`keyround schedule install --print` shows what would be written; it can be put there by hand."


@dataclass(frozen=True, slots=True)
class Plan:
    """Paths are absolute. `writable`: the store and the folders of reports, and nothing else. `reads`: files and
    folders beside those that a call needs. `run_as` is a user's name; `own`: units or tasks of that user's own session.
    """

    name: str
    config: Path
    command: tuple[str, ...]
    every: timedelta
    writable: tuple[Path, ...]
    reads: tuple[Path, ...]
    run_as: str
    own: bool
    environment_file: Path | None = None

    @property
    def minutes(self) -> int:
        return int(self.every.total_seconds()) // 60

    @property
    def words(self) -> tuple[str, ...]:
        """For schedulers that keep no log and read no file of variables: the call does both itself."""
        more = ("--environment-file", str(self.environment_file)) if self.environment_file else ()
        return (*self.command, "--log", *more)


@dataclass(frozen=True, slots=True)
class Installed:
    """`config` None: it is there, and not ours. `where` is for people. `text`: as `text(plan)` gives it."""

    where: str
    config: Path | None = None
    every: timedelta = timedelta()
    text: str = ""
    next_at: str = ""
    off: str = ""


def called(config: Path) -> tuple[str, ...]:
    """The words that the scheduler calls."""
    return (*command(), "schedule", "call", "--config", str(config))


def passing() -> bool:
    """This Keyround lies in a cache of uvx, which may be emptied at any time."""
    return any(part.startswith(("archive-v", "environments-v")) for part in Path(sys.prefix).parts)


def checked(name: str, every: timedelta, *paths: Path) -> None:
    """Raises ConfigError for what not every scheduler could express."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise ConfigError(f"--name {name!r}: a schedule's name is made of a-z, 0-9 and -.")
    minutes = int(every.total_seconds()) // 60
    hours = minutes // 60
    if every % timedelta(minutes=1) or minutes < 5 or (60 % minutes if hours == 0 else minutes % 60 or 24 % hours):
        raise ConfigError(
            "--every must divide an hour or a day, and be 5 minutes at least.", "For example --every 15m, 1h or 6h."
        )
    for path in paths:
        if any(ord(letter) < 32 for letter in str(path)):
            raise ConfigError(f"{str(path)!r} holds control characters, which no scheduler takes.", "Rename it.")


MARK = re.compile(r"keyround schedule (\S+), every (\d+) minutes: (.*)")


def mark(plan: Plan) -> str:
    """By this line in it what we wrote is known again."""
    return f"keyround schedule {plan.name}, every {plan.minutes} minutes: {plan.config}"


def spread(plan: Plan) -> int:
    """At which minute the first call of an hour or a day comes: another one on every computer, the same each time."""
    import zlib

    return zlib.crc32(f"{plan.name} {plan.config}".encode()) % min(plan.minutes, 60)


def refuse_foreign(found: Installed | None, plan: Plan) -> None:
    """Raises ScheduleError when what is there is somebody else's, or calls another configuration."""
    if found is None:
        return
    if found.config is None:
        raise ScheduleError(
            f"{found.where} is there already, and was not written by Keyround.", "Choose another name: --name NAME.",
            "Nothing was changed.",
        )  # fmt: skip
    if found.config != plan.config:
        raise ScheduleError(
            f"The schedule {plan.name} already calls {found.config}.",
            f"Give this one a name of its own (--name), or run `keyround schedule remove --name {plan.name}` first.",
            "Nothing was changed.",
        )
