"""`keyround client test`: ask each client's tenants to let us in; one row each, with the remedy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from ..config import Client, Config, TenantConfig, read
from ..connector import Clock
from ..errors import ConfigError, KeyroundError, for_client
from ..itself import command as itself
from ..provider import unsent
from ..provider.clients.facts import Tried
from ..provider.clients.trying import tried
from ..provider.process import environment
from ..store import ClientStore
from . import options
from .invoke import verbose
from .lines import broken
from .progress import clean
from .whole import completed

LIMIT = timedelta(minutes=5)
"""After this a client that says nothing is given up for now."""


@click.command(
    short_help="Ask the clients' tenants to let us in; say what to do where they do not.",
    help="""Sign in to the tenants of clients, see that each is the right one, and which permissions are missing.

Short; `keyround check CLIENT` asks for everything that is read. Several clients are tested each in a process of its
own. What came of it is recorded: `keyround client list` shows it.

Exit status: 0 every tenant lets us in with every permission, 3 somebody does not (yet).""",
)
@click.argument("names", metavar="[CLIENT...]", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Every client.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 32), default=4, show_default=True, help="So many at once.")
@click.option("--row", is_flag=True, hidden=True, help="One client, its outcome as JSON: for the process of its own.")
@options.config
@options.chatty
def command(names: tuple[str, ...], everybody: bool, jobs: int, row: bool, path: Path | None, chatty: bool) -> int:
    verbose(chatty)
    config = read(path or options.place())
    keys = chosen(config, names, everybody)
    if row:
        sys.stdout.buffer.write(msgspec.json.encode(_tested(config, config.client(keys[0])).found))
        return 0

    def test(key: str) -> _Result:
        client = config.client(key)
        return _apart(config, key) if len(keys) > 1 else _tested(config, client)

    width = max(map(len, keys))
    fine = 0
    with ThreadPoolExecutor(min(jobs, len(keys))) as pool:
        for key, result in zip(keys, pool.map(_caught(test), keys), strict=True):
            fine += _say(key, result, width)
    if len(keys) > 1:
        print(f"{fine} of {len(keys)} clients let us in.")
    if mute := unsent.mute(config, [config.clients[key] for key in keys if key in config.clients]):
        print(mute, file=sys.stderr)
    return 0 if fine == len(keys) else 3


def chosen(config: Config, names: Sequence[str], everybody: bool) -> list[str]:
    """The keys that were asked for, each known. Raises ConfigError."""
    if everybody == bool(names):
        raise ConfigError("Which clients?", "Name them, or use --all.")
    for name in names:
        if name not in config.broken:
            config.client(name)
    keys = list(dict.fromkeys(names)) or sorted({*config.clients, *config.broken})
    if not keys:
        raise ConfigError(f"{config.path.name} names no client.", "Add one: `keyround client add`.")
    return keys


class _Result(NamedTuple):
    """What came of one client; `said` are lines that its test printed, such as an id that was read."""

    found: tuple[Tried, ...]
    said: tuple[str, ...] = ()


def _tested(config: Config, client: Client) -> _Result:
    store = ClientStore(config.store, client.key)

    def complete(tenant: TenantConfig) -> TenantConfig:
        return completed(client.key, tenant, store, alone=True)

    return _Result(tried(client, store, Clock(), complete))


def _apart(config: Config, key: str) -> _Result:
    """The same in a process of its own, which alone reads this client's secrets."""
    words = itself("client", "test", key, "--row", "--config", str(config.path))
    alone = environment(config, config.client(key))
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, env=alone, timeout=LIMIT.total_seconds()
        )
    except subprocess.TimeoutExpired:
        return _Result((Tried("", kind="Unreachable", detail=f"No answer within {LIMIT.seconds // 60} minutes.",
                              remedy="Test it again; if it repeats, with --verbose and alone."),))  # fmt: skip
    *said, last = done.stdout.splitlines() or [b""]
    try:
        return _Result(msgspec.json.decode(last, type=tuple[Tried, ...]), tuple(_text(one) for one in said))
    except msgspec.MsgspecError:
        why = [line for line in map(_text, done.stderr.splitlines()) if line]
        return _Result((Tried("", kind="Crashed", detail=" ".join(why[-3:]) or f"It ended with {done.returncode}.",
                              remedy=f"See the whole of it: keyround client test {key} --verbose"),))  # fmt: skip


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").strip()


def _caught(test: Callable[[str], _Result]) -> Callable[[str], _Result]:
    """What is wrong with one client is its own row, and stops nobody else's test."""

    def one(key: str) -> _Result:
        try:
            return test(key)
        except KeyroundError as error:
            return _Result((Tried("", kind=type(error).__name__, detail=error.detail, therefore=error.therefore,
                                  remedy=error.remedy),))  # fmt: skip

    return one


def _say(key: str, result: _Result, width: int) -> bool:
    """One row for each tenant; gives whether all is well."""
    for line in result.said:
        print(line)
    for one in result.found:
        mark = "ok" if one.well else "waiting" if one.waits else "partly" if not one.kind else "failed"
        said = for_client(" ".join(_sentences(one)), key)
        print(broken(f"{key:<{width}}  {mark:<7}  ", said), flush=True)
    return all(one.well for one in result.found)


def _sentences(one: Tried) -> Iterator[str]:
    if one.title:
        yield f"{one.title}:"
    if not one.kind:
        yield (
            f"signed in to {clean(one.name)}." if one.missing else f"signed in to {clean(one.name)}, every permission."
        )
    if one.missing:
        yield f"Missing: {', '.join(one.missing)}."
    yield from filter(None, (one.detail, one.therefore, one.remedy))
