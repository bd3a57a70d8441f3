"""`keyround client forget`: remove what is stored of a client, and see whether its tenants still let us in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click

from .. import setup
from ..config import Client, Config, TenantConfig, read
from ..connector import Clock
from ..errors import ConfigError
from ..installed import connector
from ..provider.clients import forgetting
from ..provider.clients.facts import Tried
from ..provider.clients.forgetting import Remains
from ..provider.work import PORTFOLIO
from ..store import ClientStore
from . import options
from .lines import broken

EVERY = 15.0  # seconds between two tries


@click.command(
    short_help="Remove what is stored of a client; see that its access is gone.",
    help="""Remove everything that is stored of a client: its scans, its reports, its section of the configuration.

First it says what somebody must remove in the tenant, since only its administrator can end the access. With --wait
nothing is removed before the access is gone. Files that hold credentials are named, and left to you.

Exit status: 0 gone, and no tenant lets us in any more; 3 one still does, or could not be asked.""",
)
@click.argument("key", metavar="CLIENT")
@click.option("--yes", "agreed", metavar="CLIENT", help="Remove without asking; say its key once more.")
@click.option("--edited", is_flag=True, help="Remove also reports that people have written into.")
@click.option("--wait", metavar="TIME", type=options.Duration(), default="0",
              help="Wait until the access is gone, at most this long.")  # fmt: skip
@click.option("--check", is_flag=True, help="Remove nothing; only see whether the access is gone.")
@options.config
def command(key: str, agreed: str | None, edited: bool, wait: timedelta, check: bool, path: Path | None) -> int:
    config = read(path or options.place())
    note = forgetting.noted(config.store, key)
    known = key in config.clients or key in config.broken
    client = config.client(key) if known else None
    folder = ClientStore(config.store, key).root
    if client is None and note is None and not folder.is_dir():
        config.client(key)
    tenants = client.tenants if client else note.sections() if note else ()
    if check:
        return _checked(config, key, tenants, bool(client))
    found = forgetting.remains(config, key, client)
    _say_remains(config, key, client, found)
    _say_tenants(tenants)
    kept = _edited(found, edited)
    _agree(key, agreed)
    if wait and not _waited(tenants, wait):
        status = _checked(config, key, tenants, bool(client))
        print(f"Nothing was removed. Without --wait what is stored of {key} is removed all the same.")
        return status or 3
    if client:
        forgetting.keep_note(config.store, key, forgetting.note_of(client))
    forgetting.remove(config, key, client, found, options.now())
    print(f"Removed. {config.store / '.provider' / 'deletions.log'} says what.")
    for folder in {one for one in (config.reports, config.store / PORTFOLIO / "reports") if one}:
        if any(folder.glob("portfolio-*")):
            print(f"Portfolios that were written before still show it: {folder / 'portfolio-*'}")
    for left in kept:
        print(f"Left, since somebody has written into it: {left}")
    if client:
        _say_credentials(client, config)
    return _checked(config, key, tenants, False)


def _say_remains(config: Config, key: str, client: Client | None, found: Remains) -> None:
    store = ClientStore(config.store, key)
    size = sum(path.lstat().st_size for path in found.stored) / 1e6
    counts = f"{_count(len(found.stored), 'file')} ({_count(len(store.stamps()), 'scan')}), {size:.1f} MB"
    print(f"Of {client.name if client else key} there is here:")
    print(f"  {store.root}: {counts}")
    for what, paths in (("reports", found.reports), ("reports that people have written into", found.edited)):
        if paths:
            print(f"  {paths[0].parent}: {len(paths)} {what}")
            for path in paths[:10]:
                print(f"    {path.name}")
            if len(paths) > 10:
                print(f"    and {len(paths) - 10} more")
    if client:
        print(f"  {client.file or config.path}: its section")
    print()


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _say_tenants(tenants: Sequence[TenantConfig]) -> None:
    if not tenants:
        return
    print("To be removed in the tenant, by its administrator:")
    for tenant in tenants:
        for step in setup.leave(connector(tenant.connector), tenant.settings):
            print(broken("  - ", step))
    print()


def _edited(found: Remains, edited: bool) -> list[Path]:
    """The edited reports that stay; they are taken out of what is removed."""
    if not found.edited or edited:
        return []
    with suppress(click.Abort):  # nobody there to answer
        if click.confirm("Remove also the reports that people have written into?", err=True):
            return []
    kept, found.edited = found.edited, []
    return kept


def _agree(key: str, agreed: str | None) -> None:
    """Raises ConfigError unless the key is typed once more."""
    if agreed is None:
        try:
            agreed = click.prompt(f"This cannot be undone. Type {key} to remove it", default="", show_default=False,
                                  err=True)  # fmt: skip
        except click.Abort:
            agreed = ""
    if agreed.strip() != key:
        raise ConfigError("Nothing was removed.", f"To remove without being asked: --yes {key}")


def _waited(tenants: Sequence[TenantConfig], wait: timedelta) -> bool:
    """Until every tenant has closed the way in; False where time is up before."""
    until = time.monotonic() + wait.total_seconds()
    while any(forgetting.verdict(one) is not False for one in forgetting.still(tenants, Clock())):
        left = until - time.monotonic()
        if left <= 0:
            return False
        print("Not gone yet; waiting.", flush=True)
        time.sleep(min(EVERY, left))
    return True


def _checked(config: Config, key: str, tenants: Sequence[TenantConfig], configured: bool) -> int:
    """Say of each tenant whether it still lets us in. The note goes once none does."""
    results = forgetting.still(tenants, Clock())
    for one in results:
        print(broken("", _sentence(one, key)))
    gone = all(forgetting.verdict(one) is False for one in results)
    if gone and not configured:
        forgetting.keep_note(config.store, key, None)
    return 0 if gone else 3


def _sentence(one: Tried, key: str) -> str:
    again = f"Look again, before you delete the credential: keyround client forget {key} --check"
    open_ = forgetting.verdict(one)
    if open_:
        return (f"{one.title}: THE ACCESS IS STILL OPEN ({one.name}). Whoever holds the credential can read the tenant "
                f"until it is removed there. {again}")  # fmt: skip
    if open_ is None:
        return (
            f"{one.title}: whether the access is gone is not known; its administrator can see it. {one.detail} {again}"
        )
    return f"{one.title}: the access is gone. Asked, it said: {one.detail}"


def _say_credentials(client: Client, config: Config) -> None:
    for reference, others in forgetting.credentials(client, config.clients):
        if others:
            print(f"Credential {reference}: also used by {', '.join(others)}; keep it.")
        else:
            print(f"Credential {reference}: used by nobody else; delete it once the access is gone.")
