"""`keyround scan CLIENT`: collect, judge, write."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from ..connector import Clock
from ..engine import rule
from ..geo import Atlas
from ..scan import reported, scan
from ..store import ClientStore
from . import options
from .progress import shown
from .run import verbose
from .written import write


@click.command(help="Read a client's tenants, judge them, and write <client>-<date>.xlsx and .json.")
@options.client
@options.config
@options.output
@options.fail_on
@options.days
@options.at
@options.wait
@options.chatty
def command(
    client: str,
    path: Path | None,
    output: Path,
    fail_on: str,
    days: int,
    at: datetime | None,
    wait: timedelta,
    chatty: bool,
) -> int:
    verbose(chatty)
    config = options.configuration(path)
    chosen = config.client(client)
    rules = rule.load()
    store = ClientStore(config.store, chosen.key)
    atlas = Atlas(config.geo_database)
    with shown() as progress:
        snapshot, judged = scan(chosen, store, rules, at or options.now(), days, Clock(), progress, wait, atlas)
    with reported(snapshot, store, rules, prepared_by=config.prepared_by, judged=judged) as done:
        return write(done, output, fail_on, store)
