"""The data sets of one tenant, several at once where the connector allows it.

    with threads() as start, reader.open(...) as session:
        outcomes = read_all(reader.datasets, read, getattr(reader, "at_once", 1), start, say)

`threads` stands outside the session: whatever stops the scan first closes the
session, which ends what the threads are asking, and then waits for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

from .connector import DataSet, Outcome

PATIENCE = 60.0  # seconds for threads to end once their session is closed
_EAR = 0.5  # seconds between two looks at a signal; Windows hears none while it waits for a queue

Start = Callable[[Callable[[], None]], None]


@contextmanager
def threads() -> Iterator[Start]:
    """A function that starts work in a thread; at the end of the block every one of them has ended."""
    running: list[threading.Thread] = []

    def start(work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="keyround-reader", daemon=True)
        running.append(thread)
        thread.start()

    try:
        yield start
    finally:
        deadline = time.monotonic() + PATIENCE
        for thread in running:
            thread.join(max(0.0, deadline - time.monotonic()))


def read_all(
    datasets: Sequence[DataSet[Any, Any]],
    read: Callable[[DataSet[Any, Any]], Outcome],
    at_once: int,
    start: Start,
    say: Callable[[DataSet[Any, Any], Outcome | None], None],
) -> dict[str, Outcome]:
    """The outcome of every data set, in declared order.

    The first is read alone, every other one when those named in its `after` have
    ended. `say` is called in this thread only: with None when a data set begins,
    with its outcome when it has ended. Raises ValueError where `after` names what
    is not declared earlier, and whatever `read` raises.
    """
    _check(datasets)
    waiting = list(datasets)
    outcomes: dict[str, Outcome] = {}
    if at_once <= 1:
        for dataset in datasets:
            say(dataset, None)
            outcomes[dataset.name] = read(dataset)
            say(dataset, outcomes[dataset.name])
        return outcomes
    ended: SimpleQueue[tuple[DataSet[Any, Any], Outcome | BaseException]] = SimpleQueue()

    def work(dataset: DataSet[Any, Any]) -> None:
        try:
            ended.put((dataset, read(dataset)))
        except BaseException as error:  # raised again below, in the thread that waits
            ended.put((dataset, error))

    under_way = 0
    while waiting or under_way:
        for dataset in _ready(waiting, outcomes, datasets[0].name)[: at_once - under_way]:
            waiting.remove(dataset)
            under_way += 1
            say(dataset, None)
            start(lambda dataset=dataset: work(dataset))  # type: ignore[misc]
        try:
            dataset, outcome = ended.get(timeout=_EAR)
        except Empty:
            continue
        under_way -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        outcomes[dataset.name] = outcome
        say(dataset, outcome)
    return {dataset.name: outcomes[dataset.name] for dataset in datasets}


def _ready(waiting: Sequence[DataSet[Any, Any]], ended: dict[str, Outcome], first: str) -> list[DataSet[Any, Any]]:
    return [one for one in waiting if ended.keys() >= set(one.after) and (one.name == first or first in ended)]


def _check(datasets: Sequence[DataSet[Any, Any]]) -> None:
    known: set[str] = set()
    for dataset in datasets:
        if missing := set(dataset.after) - known:
            raise ValueError(
                f"{dataset.name} comes after {', '.join(sorted(missing))}, which is not declared before it"
            )
        known.add(dataset.name)
