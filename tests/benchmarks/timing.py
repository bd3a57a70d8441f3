"""Seconds, medians and the one way a line is printed."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def interleaved(ours: Callable[[], object], bare: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median seconds of each, the two taking turns so that a busy machine slows both."""
    pairs = [(seconds(ours), seconds(bare)) for _ in range(rounds)]
    return median(ours for ours, _ in pairs), median(bare for _, bare in pairs)


def say(what: str, ours: float, bare: float, against: str, aim: str = "") -> None:
    print(
        f"{what:<58} {ours:8.3f} s  {ours / bare:6.2f}x of {against} ({bare:.3f} s){aim and f'   aim {aim}'}",
        flush=True,
    )
