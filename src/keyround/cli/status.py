"""`keyround status`: how each client stands, problems first; as a table, as one line for monitoring, or as JSON.

Exit status   0  every scheduled client was scanned when it should have been
              3  something needs attention, or nothing can be told yet
With --line those of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from ..config import Config
from ..errors import KeyroundError, denied
from ..provider import lastrun
from ..provider import unsent as unsaid
from ..provider.clients import facts
from ..provider.standing import CODES, PROBLEMS, STATES, Calls, Standing, Verdict, calls, standing, unreadable, verdict
from ..provider.unsent import Unsent
from ..store import ClientStore, runs
from . import options
from .lines import broken

_NAMED = 5
_SAID = {"failed": "FAILED", "late": "LATE", "stopped": "STOPPED", "incomplete": "INCOMPLETE"}


@click.command(help="Say of each client when it was scanned, when it is next, what failed and what to do. Exit status: "
                    "0 all is well, 3 something needs attention. With --line: 0 OK, 1 WARNING, 2 CRITICAL, "
                    "3 UNKNOWN.")  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@click.option("--line", "one_line", is_flag=True, help="One line, as Nagios, Icinga, Checkmk and others read it.")
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@options.at
def command(
    clients: tuple[str, ...], path: Path | None, one_line: bool, as_json: bool, at: datetime | None
) -> int:  # fmt: skip
    now = at or options.now()
    try:
        config = options.configuration(path)
        keys = [key if key in config.broken else config.client(key).key for key in dict.fromkeys(clients)]
        keys = keys or [*config.clients, *config.broken]
        last = lastrun.read(config.store)
        how = calls(last, lastrun.caller(config.store), now)
        found = sorted((_of(config, key, now, how, last) for key in keys), key=lambda one: STATES.index(one.state))
    except (KeyroundError, OSError) as error:
        if not one_line:
            raise
        print(f"KEYROUND UNKNOWN - {_flat(str(error))}")
        return CODES["UNKNOWN"]
    unsent = unsaid.unsent(config, keys)
    mute = unsaid.mute(config, [config.clients[key] for key in keys if key in config.clients])
    says = verdict(found, how, bool(mute) or any(one.wrong for one in unsent))
    if one_line:
        print(_line(found, how, says, now, unsent, mute))
        return CODES[says]
    if as_json:
        print(json.dumps(_json(found, how, says, now, unsent, mute), ensure_ascii=False, indent=2))
    else:
        _table(found, how, now)
        for one in unsent:
            for line in one.said:
                print(broken("", f"{one.name}: {line}"))
        if mute:
            print(f"ATTENTION: {mute}")
    return 0 if says == "OK" else 3


def _of(config: Config, key: str, now: datetime, how: Calls, last: lastrun.LastRun | None) -> Standing:
    store = ClientStore(config.store, key)
    try:
        stamps = store.stamps()
    except OSError as error:
        return unreadable(key, denied(error), (), now)
    if key in config.broken:
        return unreadable(key, config.broken[key], stamps, now)
    known = lastrun.known(runs.read(store.root), key, last)
    return standing(config.client(key), stamps, known, now, how.every, facts.read(store.root))


def _table(found: Sequence[Standing], how: Calls, now: datetime) -> None:
    rows = [("CLIENT", "STATE", "LAST SCAN", "AGE", "NEXT")]
    for one in found:
        days = one.days(now)
        age = "-" if days is None else f"{days} day{'s' * (days != 1)}"
        rows.append((one.client, _SAID.get(one.state, one.state), _moment(one.last, "never"), age,
                     _moment(one.next_at, "-")))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, about in zip(rows, [None, *found], strict=True):
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
        if about and about.why:
            print(broken("    ", f"{about.why} {about.remedy}".strip()))
    print()
    print(_counts(found))
    print(f"Last run: {_moment(how.last, 'none')}.")
    if said := how.silent or how.unknown:
        print(f"{'ATTENTION: ' if how.silent else ''}{said}")


def _counts(found: Sequence[Standing]) -> str:
    parts = [f"{count} {state}" for state in STATES if (count := sum(one.state == state for one in found))]
    return f"{len(found)} client{'s' * (len(found) != 1)}: {', '.join(parts) or 'none'}."


def _line(
    found: Sequence[Standing], how: Calls, says: Verdict, now: datetime, unsent: Sequence[Unsent], mute: str
) -> str:  # fmt: skip
    parts = [how.silent.rstrip(".")] if how.silent else []
    for state in (*PROBLEMS, "waiting"):
        if keys := [one.client for one in found if one.state == state]:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            parts.append(f"{len(keys)} of {len(found)} clients {state}: {', '.join(keys[:_NAMED])}{more}")
    if mute:
        parts.append(mute.partition(":")[0])
    if wrong := [one.name for one in unsent if one.wrong]:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        parts.append(f"messages failed or perhaps lost: {', '.join(wrong[:_NAMED])}{more}")
    if not parts:
        scheduled = sum(one.state != "unscheduled" for one in found)
        parts = [how.unknown.rstrip(".") or f"{scheduled or 'no'} client{'s' * (scheduled != 1)} scanned as scheduled"]
    ages = [days for one in found if one.state != "unscheduled" and (days := one.days(now)) is not None]
    numbers: dict[str, int] = {state: sum(one.state == state for one in found) for state in (*PROBLEMS, "waiting")}
    told = " ".join(f"{key}={value}" for key, value in {"clients": len(found), **numbers}.items())
    told += f" oldest_days={max(ages) if ages else 'U'}"  # U: as plugins say that they do not know
    return f"KEYROUND {says} - {'; '.join(map(_flat, parts))} | {told}"


def _flat(text: str) -> str:
    """A monitoring line is one, and the bar in it stands before the figures."""
    return " ".join(text.replace("|", "/").split())


def _json(
    found: Sequence[Standing], how: Calls, says: Verdict, now: datetime, unsent: Sequence[Unsent], mute: str
) -> dict[str, object]:  # fmt: skip
    return {
        "schema": 1,
        "at": _iso(now),
        "state": says,
        "last_run": _iso(how.last),
        "scheduler": how.silent or how.unknown or None,
        "mail": mute or None,
        "unsent": [asdict(one) for one in unsent],
        "clients": [
            {"client": one.client, "name": one.name, "state": one.state, "last_scan": _iso(one.last),
             "age_days": one.days(now), "next": _iso(one.next_at), "why": one.why or None,
             "remedy": one.remedy or None, "incomplete": list(one.incomplete)}
            for one in found
        ],
    }  # fmt: skip


def _iso(at: datetime | None) -> str | None:
    return f"{at.isoformat()}Z" if at else None


def _moment(at: datetime | None, nothing: str) -> str:
    """In this computer's time."""
    return f"{at.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}" if at else nothing
