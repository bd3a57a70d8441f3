"""`keyround changes CLIENT`: what became of every finding since an earlier scan, from what the scans sealed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, time
from itertools import groupby
from pathlib import Path

import click

from .. import history
from ..engine import ledger
from ..engine.ledger import Ledger
from ..engine.results import CHANGES, Change
from ..errors import ConfigError, StoreError
from ..export.evidence import place
from ..export.results_json import changed, plain
from ..store import ClientStore
from . import options
from .lines import broken
from .progress import clean

_HEADINGS = {
    "worse": "Worse",
    "new": "New",
    "reopened": "Back again",
    "newly_checked": "Newly checked: the check is new or changed, or could not be made before",
    "fixed": "Fixed",
    "gone": "Gone: no longer there",
    "left_scope": "Out of scope: still there, and no longer asked about",
    "past": "Past: longer ago than the period looks back",
    "not_rechecked": "Not re-checked: nobody knows whether it still is so",
}
assert tuple(_HEADINGS) == CHANGES


class Day(click.ParamType[datetime]):
    """A day, which means its end; an instant; or the stamp of a snapshot. Becomes naive UTC."""

    name = "since"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            if len(value) == len("2026-08-01"):
                return datetime.combine(datetime.fromisoformat(value), time.max)
            return options.Instant().convert(value, param, ctx)
        except (ValueError, click.BadParameter):
            self.fail(f"{value!r} is neither a day such as 2026-08-01 nor a snapshot such as 20260801T060000Z",
                      param, ctx)  # fmt: skip


@click.command(help="Say what is new, worse, fixed or gone since an earlier scan. Nothing is asked of the tenant and "
                    "nothing is judged again.")  # fmt: skip
@options.client
@options.config
@click.option("--since", metavar="DATE", type=Day(),
              help="Compare with the last scan of that day or before it: a date, or a snapshot such as "
                   "20260801T060000Z (default: the scan before the newest).")  # fmt: skip
@click.option("--format", "shape", type=click.Choice(("text", "json")), default="text", show_default=True,
              help="text, or json for other programs.")  # fmt: skip
def command(client: str, path: Path | None, since: datetime | None, shape: str) -> None:
    config = options.configuration(path)
    chosen = config.client(client)
    then, now = _two(client, ClientStore(config.store, chosen.key), since)
    found = ledger.changes(then, now)
    if shape == "json":
        about = {"client": chosen.key, "since": plain(then.taken_at), "scanned_at": plain(now.taken_at)}
        json.dump(about | {"changes": [changed(change) for change in found]}, sys.stdout, ensure_ascii=False, indent=1)
        print()
        return
    print(f"{clean(chosen.name)}: the scan of {_at(now)} compared with that of {_at(then)}.")
    for line in _told(found, now):
        print(line)


def _two(client: str, store: ClientStore, since: datetime | None) -> tuple[Ledger, Ledger]:
    """What was known after the scan to compare with, and after the newest. Raises ConfigError without two."""
    newest = history.remembered(store)
    if newest.taken_at is None:
        if store.stamps():
            raise StoreError(f"The results of {client}'s scans cannot be read.", "Scan again.")
        raise _nothing(f"no scan of {client}", client, "first")
    then = history.remembered(store, newest.taken_at)
    if then.taken_at is None:
        raise _nothing(f"only one scan of {client}", client, "again later")
    if since is not None and since < then.taken_at:
        then = history.at(store, since)
        if then.taken_at is None:
            raise ConfigError(f"There is no scan of {client} that old.",
                              f"The first one known is that of {_at(history.first(store))}.")  # fmt: skip
    return then, newest


def _nothing(what: str, client: str, when: str) -> ConfigError:
    return ConfigError(f"There is {what} yet, and nothing to compare.", f"Run `keyround scan {client}` {when}.")


def _at(known: Ledger) -> str:
    assert known.taken_at is not None  # at least one scan is in it
    return f"{known.taken_at:%Y-%m-%d %H:%M} UTC"


def _told(found: tuple[Change, ...], now: Ledger) -> Iterator[str]:
    if not found:
        yield "Nothing has changed."
    several = len({change.tenant for change in found}) > 1
    for state, of_state in groupby(found, key=lambda change: change.state):
        group = list(of_state)
        yield f"\n{_HEADINGS[state]} ({len(group)})"
        for title, same in groupby(group, key=lambda change: (change.severity, change.title)):
            yield broken(f"  {title[0]:<9} ", clean(title[1]))
            yield from (broken(" " * 14, _line(change, now, several), " " * 16) for change in same)


def _line(change: Change, now: Ledger, several: bool) -> str:
    """Who, which of several things, in which tenant, and since when."""
    tenant = now.tenants.get(change.tenant, change.tenant)
    who = tenant if change.subject == change.tenant else change.who or change.subject
    where = [tenant] if several and who != tenant else []
    said = ", ".join(clean(part) for part in (who, place(change.aspect), *where) if part)
    return f"{said} · first seen {change.first_seen:%Y-%m-%d}"
