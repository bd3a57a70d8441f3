"""`keyround tidy`: remove what has been kept long enough, as [keep] in keyround.toml says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from ..config import Config
from ..errors import StoreError
from ..provider import ended
from ..store import ClientStore
from ..store.deletions import FILE, Deletion
from . import options
from .lines import broken


@click.command(help="Remove what has been kept long enough: sign-ins, old snapshots, names of what is long closed. "
                    "Each deletion is written into the client's deletions.log. Nothing is asked of any tenant."
               )  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@options.at
@click.option("--all", "everybody", is_flag=True, help="All clients of the configuration.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would go.")
@options.scheduled
def command(
    clients: tuple[str, ...], path: Path | None, at: datetime | None, everybody: bool, dry: bool,
    scheduled: Path | None,
) -> int:  # fmt: skip
    if everybody == bool(clients):
        raise click.UsageError("Name the clients, or say --all.")
    with ended.told(scheduled):
        return _tidy(clients, path, at, everybody, dry)


def _tidy(clients: tuple[str, ...], path: Path | None, at: datetime | None, everybody: bool, dry: bool) -> int:
    from ..provider import retention

    config, now = options.configuration(path), at or options.now()
    failed: list[str] = []
    for key, line in _left_alone(config) if everybody else ():
        failed += [key]
        print(broken("", f"{key}: {line}", hang="  "), file=sys.stderr)
    for client in list(config.clients.values() if everybody else map(config.client, dict.fromkeys(clients))):
        store = ClientStore(config.store, client.key)
        try:
            tidied = retention.tidied(store, client.arranged.keeping, now, dry)
        except StoreError as error:
            failed.append(client.key)
            print(f"{client.key}: {error}", file=sys.stderr)
            continue
        print(f"{client.key}: {_summary(tidied.deletions, dry)}")
        for line in _told(tidied.deletions):
            print(broken("  ", line, hang="    "))
        for remark in tidied.remarks:
            print(broken("  ", remark, hang="    "), file=sys.stderr)
        if tidied.deletions and not dry:
            print(f"  Written down in {store.root / FILE}.")
    if failed:
        raise StoreError(f"Not everything that has been kept long enough could be removed of {', '.join(failed)}.",
                         "`keyround tidy --all` says why.", "It is kept for longer than arranged.")  # fmt: skip
    return 0


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


def _told(deletions: tuple[Deletion, ...]) -> Iterator[str]:
    for one in deletions:
        days = f" of {one.oldest} to {one.newest}" if one.oldest and one.newest != one.oldest else ""
        days = days or (f" of {one.newest or one.oldest}" if one.newest or one.oldest else "")
        size = f", {one.bytes / 1024:,.0f} KiB" if one.bytes else ""
        reason = f" Kept so long because: {one.reason}" if one.reason else ""
        yield f"{one.count} {one.what}{days}{size}: {one.rule}.{reason}"
