"""`keyround report CLIENT`: the workbook again, from a stored snapshot."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from ..errors import ConfigError, nearest
from ..judging import reported
from ..provider import ended
from ..store import ClientStore
from . import options
from .written import carried, telling, write


@click.command(help="Judge and write a client's stored snapshot again. Nothing is asked of the tenant.")
@options.client
@options.config
@options.output
@options.fail_on
@options.at
@options.formats
@options.language
@options.carry
@options.scheduled
@click.option(
    "--snapshot", "stamp", metavar="STAMP", help="Which snapshot (default: the newest), such as 20260801T060000Z."
)
def command(
    client: str, path: Path | None, output: Path, fail_on: str, at: datetime | None, formats: tuple[str, ...],
    language: str | None, carry: tuple[Path, ...], stamp: str | None, scheduled: Path | None,
) -> int:  # fmt: skip
    with ended.told(scheduled) as end:
        return _report(end, client, path, output, fail_on, at, formats, language, carry, stamp, scheduled)


def _report(
    end: ended.Ended, client: str, path: Path | None, output: Path, fail_on: str, at: datetime | None,
    formats: tuple[str, ...], language: str | None, carry: tuple[Path, ...], stamp: str | None, scheduled: Path | None,
) -> int:  # fmt: skip
    config = options.configuration(path)
    chosen = config.client(client)
    if scheduled:
        ended.limited(chosen.arranged.limit)
    store = ClientStore(config.store, chosen.key)
    stamps = store.stamps()
    if not stamps:
        raise ConfigError(f"There is no snapshot of {client} yet.", f"Run `keyround scan {client}` first.")
    if stamp and stamp not in stamps:
        raise ConfigError(f"There is no snapshot {stamp} of {client}.", nearest(stamp, stamps[-10:]))
    people = carried(carry, chosen.key, store)
    rules = options.rules(config.rules)
    snapshot = store.snapshot(stamp or stamps[-1])
    end.stamp = snapshot.folder.name
    presentation = options.presented(chosen.presentation, language)
    with reported(snapshot, store, rules, at, chosen.terms, presentation) as scan:
        then = telling(config, chosen, scheduled, at or options.now())
        return write(scan, output, fail_on, store, formats, people, end, then)
