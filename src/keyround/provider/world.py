"""What the runner cannot know by itself: the time, whether it was told to end, and a process that runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from .process import Launch

PATIENCE = 10.0  # seconds between asking a process to end and ending it
Status = int | str
_TOLD = (-2, -15, 130, 143)  # SIGINT and SIGTERM, unheard and heard


@dataclass(frozen=True, slots=True)
class World:
    """`now`: naive UTC; `ticks`: seconds that no setting of the clock changes; `stopping`: whether the run was told to
    end.
    """

    now: Callable[[], datetime]
    ticks: Callable[[], float]
    sleep: Callable[[float], None]
    launch: Launch
    stopping: Callable[[], bool]


def watched(
    words: Sequence[str], log: Path, environment: Mapping[str, str], limit: timedelta, world: World
) -> Generator[None, None, Status]:
    """`keyround WORDS...`, paused as long as it runs. Gives its exit status; or "late" or "stopped", when it had to be
    ended. Raises OSError.
    """
    process = world.launch(words, log, environment)
    began, why, asked = world.ticks(), "", 0.0
    try:
        while (status := process.poll()) is None:
            ticks = world.ticks()
            if why and ticks - asked >= PATIENCE:
                process.stop(hard=True)
            elif not why:
                why = "stopped" if world.stopping() else "late" if ticks - began >= limit.total_seconds() else ""
                if why:
                    asked = ticks
                    process.stop(hard=False)
            yield
    finally:
        if process.poll() is None:  # nobody goes on asking
            process.stop(hard=False)
    if status in _TOLD and world.stopping():  # a service manager tells all processes at once
        return why or "stopped"
    return why or status
