"""`keyround client list`: where each client stands, out of what is recorded. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from ..config import Client, Config, read
from ..errors import ConfigError, denied, for_client
from ..provider.clients.standing import Standing, rhythm, standing, unreadable
from . import options
from .lines import broken

WORDS = ("broken", "waiting", "expiring", "invited", "new", "active")
_TITLES = ("KEY", "NAME", "TENANTS", "STATE", "SCANNED EVERY", "LAST SCAN", "ORDER UNTIL")
_LONGEST = 28  # letters of a name in the table


@click.command(
    short_help="Where each client stands, without network.",
    help=f"""Where each client stands, out of what is recorded; nobody is asked.

new: nobody was invited. invited: the consent mail is made. waiting: its administrator has yet to let us in. active.
expiring: a certificate, a secret or the order ends within 30 days. broken: refused, or something is over.

--state takes one of {", ".join(WORDS)}.""",
)
@options.config
@click.option("--state", "only", metavar="WORD", type=click.Choice(WORDS), help="Only clients in this state.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(path: Path | None, only: str | None, as_json: bool) -> None:
    config = read(path or options.place())
    now = options.now()
    rows = [_of(config, client, now) for client in config.clients.values()]
    rows = sorted([*rows, *(unreadable(key, wrong) for key, wrong in config.broken.items())], key=lambda row: row.key)
    rows = [row for row in rows if only in (None, row.state.word)]
    if as_json:
        print(json.dumps([_json(row) for row in rows], indent=2, ensure_ascii=False))
        return
    if not config.clients and not config.broken:
        raise ConfigError(f"{config.path.name} names no client.", "Add one: `keyround client add`.")
    _say(rows)
    counts = {word: sum(row.state.word == word for row in rows) for word in WORDS}
    whole = len(config.clients) + len(config.broken)
    print(f"{f'{len(rows)} of ' if only else ''}{whole} client{'s' * (whole != 1)}", end=": ")
    print(", ".join(f"{count} {word}" for word, count in counts.items() if count) or "none", end=".\n")


def _of(config: Config, client: Client, now: datetime) -> Standing:
    try:
        return standing(config, client, now)
    except OSError as error:
        return unreadable(client.key, denied(error))


def _say(rows: Sequence[Standing]) -> None:
    cells = [_TITLES] + [
        (
            row.key, row.name if len(row.name) <= _LONGEST else f"{row.name[: _LONGEST - 1]}…",
            " + ".join(title.split()[0] for title in row.tenants), row.state.word, rhythm(row.schedule) or "-",
            _date(row.scanned), _date(row.until),
        )
        for row in rows
    ]  # fmt: skip
    widths = [max(len(line[number]) for line in cells) for number in range(len(_TITLES))]
    for number, line in enumerate(cells):
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())
        if number and (said := said_of(rows[number - 1])):
            print(broken("    ", said))
    print()


def said_of(row: Standing) -> str:
    """Since when, why and what to do, where there is something to say."""
    state = row.state
    if state.word == "new":
        return f"Invite it: keyround client invite {row.key}"
    if state.word == "invited":
        return f"Invited on {_at(state.since)}. Has it let us in? keyround client test {row.key}"
    since = f"Waiting since {_at(state.since)}." if state.word == "waiting" and state.since else ""
    if state.word == "active":
        return ""
    why = state.why
    if since and re.search(r"waiting since", why, re.IGNORECASE):
        since = ""
    return " ".join(filter(None, (since, for_client(why, row.key), for_client(state.remedy, row.key))))


def _at(when: datetime | None) -> str:
    """In this computer's time: 26 Nov 10:40."""
    return when.replace(tzinfo=UTC).astimezone().strftime("%d %b %H:%M") if when else "an unknown day"


def _date(when: date | datetime | None) -> str:
    return f"{when:%Y-%m-%d}" if when else "-"


def _json(row: Standing) -> dict[str, Any]:
    schedule = row.schedule

    def instant(when: datetime | None) -> str | None:
        return f"{when.isoformat()}Z" if when else None

    return {
        "client": row.key, "name": row.name, "tenants": list(row.tenants), "state": row.state.word,
        "since": instant(row.state.since), "why": row.state.why or None, "remedy": row.state.remedy or None,
        "every": rhythm(schedule) or None, "last_scan": instant(row.scanned),
        "order_until": row.until.isoformat() if row.until else None, "invited": instant(row.access.invited),
        "tested": instant(row.access.tested),
    }  # fmt: skip
