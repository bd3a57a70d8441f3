"""`keyround tidy`: remove what has been kept long enough, as [keep] in keyround.toml says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Config
from ..errors import StoreError
from ..provider import clock, ended, kept
from ..store import ClientStore
from ..store.deletions import FILE, Deletion
from . import options
from .lines import broken

if TYPE_CHECKING:
    from ..provider.retention import Tidied


@click.command(help="Remove what has been kept long enough: sign-ins, old snapshots, names of what is long closed. "
                    "Each deletion is written into the client's deletions.log. Nothing is asked of any tenant."
               )  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@options.at
@click.option("--all", "everybody", is_flag=True, help="All clients of the configuration.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would go.")
@click.option("--yes", "sure", is_flag=True, help="This computer's clock is right, however long nothing was done here.")
@options.scheduled
def command(
    clients: tuple[str, ...], path: Path | None, at: datetime | None, everybody: bool, dry: bool,
    sure: bool, scheduled: Path | None,
) -> int:  # fmt: skip
    if everybody == bool(clients):
        raise click.UsageError("Name the clients, or say --all.")
    with ended.told(scheduled):
        config, now = options.configuration(path), at or options.now()
        dated = bool(at and not scheduled)  # by a person, who knows what he asks for
        last = None if dated or sure else clock.doubted(config.store, now)
        if not (dated or dry):
            clock.noted(config.store, now)
        status = _tidy(config, clients, now, everybody, dry or last is not None)
        if last and not dry:
            raise StoreError(
                f"This computer's clock says {now:%Y-%m-%d}, and nothing was done here since {last:%Y-%m-%d}.",
                "If the clock is wrong, set it. If it is right, do nothing: the call of tomorrow removes what has had "
                "its time; or say --yes now.",
                "Nothing was removed: a clock that is wrong would remove what is still needed.",
            )
        return status


def _tidy(config: Config, clients: tuple[str, ...], now: datetime, everybody: bool, dry: bool) -> int:
    from ..provider import retention

    failed: list[str] = []
    for key, line in _left_alone(config) if everybody else ():
        failed += [key]
        print(broken("", f"{key}: {line}", hang="  "), file=sys.stderr)
    for client in list(config.clients.values() if everybody else map(config.client, dict.fromkeys(clients))):
        store = ClientStore(config.store, client.key)
        failed += _told(
            client.key, store.root, partial(retention.tidied, store, client.arranged.keeping, now, dry), dry
        )
    if everybody:
        own = partial(retention.of_provider, config.store, now, dry)
        failed += _told("provider", kept.folder(config.store), own, dry)
    if failed:
        raise StoreError(f"Not everything that has been kept long enough could be removed of {', '.join(failed)}.",
                         "`keyround tidy --all` says why.", "It is kept for longer than arranged.")  # fmt: skip
    return 0


def _told(key: str, root: Path, tidied: Callable[[], Tidied], dry: bool) -> list[str]:
    """Do it and say what went; gives the key where it failed."""
    try:
        done = tidied()
    except StoreError as error:
        print(f"{key}: {error}", file=sys.stderr)
        return [key]
    print(f"{key}: {_summary(done.deletions, dry)}")
    for line in _lines(done.deletions):
        print(broken("  ", line, hang="    "))
    for remark in done.remarks:
        print(broken("  ", remark, hang="    "), file=sys.stderr)
    if done.deletions and not dry:
        print(f"  Written down in {root / FILE}.")
    return []


def _left_alone(config: Config) -> Iterator[tuple[str, str]]:
    """Clients in the store whose periods nobody knows, and why."""
    for folder in sorted(config.store.glob("[a-z0-9]*/scans")):
        key = folder.parent.name
        if error := config.broken.get(key):
            yield key, str(error)
        elif key not in config.clients:
            yield (
                key,
                (
                    "This client is in the store and not in the configuration. None of its data is ever removed. "
                    f"If it is no longer served: `keyround client forget {key}`."
                ),
            )


def _summary(deletions: tuple[Deletion, ...], dry: bool) -> str:
    if not deletions:
        return "nothing has been kept for too long."
    return "this would be removed:" if dry else "removed:"


def _lines(deletions: tuple[Deletion, ...]) -> Iterator[str]:
    for one in deletions:
        days = f" of {one.oldest} to {one.newest}" if one.oldest and one.newest != one.oldest else ""
        days = days or (f" of {one.newest or one.oldest}" if one.newest or one.oldest else "")
        size = f", {one.bytes / 1024:,.0f} KiB" if one.bytes else ""
        reason = f" Kept so long because: {one.reason}" if one.reason else ""
        yield f"{one.count} {one.what}{days}{size}: {one.rule}.{reason}"
