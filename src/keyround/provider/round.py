"""One run as a whole: the clients that are due, who is told of it, then the portfolio, what has been kept long enough,
and the call of the heartbeat address.

A run by hand (`forced`) does the named clients and tells of them; the rest belongs to the scheduler's runs, so that
nobody takes a run by hand for a sign that the scheduler lives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from ..config import Client, Config
from ..errors import KeyroundError
from ..store.runs import Failure
from . import heartbeat, lastrun, orders, runner, unsent
from .attempt import Row
from .lastrun import LastRun
from .work import PORTFOLIO, TIDY
from .world import World


def whole(
    config: Config, keys: Sequence[str], world: World, jobs: int, forced: bool = False, every: timedelta = timedelta()
) -> Iterator[Row | str]:
    """Rows as they come: of clients, then of the portfolio and of tidying up; and lines that somebody should read.

    `every`: how long after this run the next one comes, where it is known.
    """
    before = lastrun.read(config.store)
    mark = LastRun(world.now(), every=int(every.total_seconds()), failures=before.failures if before else {})
    hooks = runner.Hooks(
        refused=lambda client, now: orders.refusal(config, client, now),
        told=lambda key, row: _told(config, key, row, world),
        follows=_follows(config, world),
    )
    if not forced:
        yield from _marked(config, mark)
    ran, red, failures = 0, 0, dict[str, Failure]()
    for row in runner.run(config, keys, world, jobs, forced, hooks):
        ran += row.outcome not in ("nothing", "busy", "stopped")
        red += row.outcome == "failed"
        if row.outcome == "failed" and row.failure:
            failures[row.client] = row.failure
        yield row
    if ran and (mute := unsent.mute(config, config.clients.values())):
        yield mute
    if world.stopping():
        return
    for row in runner.run(config, [PORTFOLIO] if forced else [TIDY, PORTFOLIO], world, 1, hooks=hooks):
        red += row.outcome == "failed"
        yield row
    if not forced and not world.stopping():
        yield from _marked(config, replace(mark, ended=world.now(), due=ran, failed=red, failures=failures))
        if config.heartbeat and (said := heartbeat.call(config.heartbeat, not red, config.path.parent)):
            yield said


def _marked(config: Config, mark: LastRun) -> Iterator[str]:
    try:
        lastrun.keep(config.store, mark)
    except KeyroundError as error:
        yield f"When this run went could not be written down. {error.detail}"


def _told(config: Config, key: str, row: Row, world: World) -> Iterator[str]:
    """The provider hears of a failure, and of its end; gives what has to be said of the client's order. Raises
    StoreError.
    """
    scanned = config.clients.get(key) if row.outcome == "scanned" else None
    if scanned and (said := orders.standing(config, scanned, world.now().date()).said):
        yield str(said)
    known = config.clients.get(key)
    if known and config.tell.anybody and orders.ends_soon(known, world.now().date()):
        from . import telling

        telling.expiring(config, known, (), world.now())  # also where it is scanned once a quarter
    if row.outcome not in ("failed", "scanned", "reported") or not config.tell.anybody:
        return
    from . import telling  # it takes half a second, which most runs need not spend

    name = {PORTFOLIO: "Portfolio", TIDY: "Deletion"}.get(key, key)
    client = config.clients.get(key) or Client(key, name, ())
    if row.failure:
        telling.failed(config, client, row.failure, row.slot, world.now())
    else:
        telling.recovered(config, client, world.now())


def _follows(config: Config, world: World) -> Callable[[str, Row], Iterator[tuple[str, list[str]]]]:
    """Whose queues are delivered after a row: the client's, and the provider's where there may be news for it, which
    no client's log need know of.
    """

    def queues(key: str, row: Row) -> Iterator[tuple[str, list[str]]]:
        own = [key] if key in config.clients else []
        if row.outcome != "nothing" or key == PORTFOLIO:
            own.append(PORTFOLIO)
        for whose in own:
            if _pending(config, whose, world):
                name = "provider" if whose == PORTFOLIO else whose
                yield whose, ["send", name, "--queued", "--config", str(config.path.absolute())]

    return queues


def _pending(config: Config, whose: str, world: World) -> bool:
    root = config.store / whose
    if not (root / "outbox").is_dir():
        return False
    from . import telling

    return telling.pending(root, world.now())
