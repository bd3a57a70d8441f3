"""`keyround scan CLIENT`: collect, judge, write. `scan --m365 DOMAIN`: the same, once, without a configuration."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from .. import setup
from ..config import Client, TenantConfig
from ..config.checked import countries
from ..config.keys import key_of
from ..connector import Clock
from ..errors import ConfigError
from ..geo import Atlas
from ..installed import connector
from ..judging import reported
from ..provider import ended
from ..provider.orders import Standing, standing
from ..scan import scan
from ..store import ClientStore
from ..terms import Terms
from . import options
from .invoke import verbose
from .lines import broken
from .progress import shown
from .whole import whole
from .written import carried, telling, write


@click.command(help="Read a client's tenants, judge them, and write <client>-<date>.xlsx and .json. With --m365 DOMAIN "
                    "or --google DOMAIN instead of a client: one scan by signing in yourself, without a "
                    "configuration.")  # fmt: skip
@click.argument("client", required=False)
@options.config
@options.output
@options.fail_on
@options.days
@options.at
@options.wait
@options.formats
@options.language
@options.carry
@options.scheduled
@options.chatty
@click.option("--m365", metavar="DOMAIN", help="Scan the Microsoft 365 tenant of this domain once.")
@click.option("--google", metavar="DOMAIN", help="Scan the Google Workspace of this domain once.")
@click.option("--device-code", is_flag=True, help="One-off: sign in with a code, in a browser on any device.")
@click.option("--client-id", metavar="ID", default="", help="One-off, Microsoft: sign in through this application.")
@click.option("--modules", metavar="LIST", default="", help="One-off: optional modules to ask for, or all.")
@click.option("--home", metavar="LIST", default="", help="One-off: home countries, such as DK,SE.")
@click.option("--store", "keep", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="One-off: keep the snapshot in this folder. Without it nothing is kept but the report.")  # fmt: skip
@click.option("--setting", "extra", metavar="KEY=VALUE", multiple=True,
              help="One-off: a further setting of the tenant, such as cloud=usgov or client=file:PATH.")  # fmt: skip
def command(
    client: str | None, path: Path | None, output: Path, fail_on: str, days: int, at: datetime | None,
    wait: timedelta, formats: tuple[str, ...], language: str | None, carry: tuple[Path, ...],
    scheduled: Path | None, chatty: bool, m365: str | None, google: str | None, **once: Any,
) -> int:  # fmt: skip
    verbose(chatty)
    given = [name for name in (client, m365, google) if name]
    if len(given) != 1:
        missing = "Missing argument 'CLIENT'" if not given else "One of them at a time"
        raise click.UsageError(
            f"{missing}: name a client of keyround.toml, or --m365 DOMAIN or --google DOMAIN for a scan without one."
        )
    if client and any(once.values()):
        raise click.UsageError(
            "The one-off options need --m365 DOMAIN or --google DOMAIN; a client's settings stand in keyround.toml."
        )
    with ended.told(scheduled) as end, ExitStack() as stack:
        geo_database = config = None
        if client:
            config = options.configuration(path)
            folder, rules = config.store, options.rules(config.rules)
            at = at or options.now()
            _ordered(standing(config, config.client(client), at.date()), by_itself=scheduled is not None)
            chosen = whole(config.client(client), ClientStore(folder, client))
            if scheduled:
                ended.limited(chosen.arranged.limit)
            geo_database = config.geo_database
        else:
            rules = options.rules(())
            chosen = _once("m365" if m365 else "google", given[0], **once)
            folder = once["keep"] or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keyround-once-")))
        store = ClientStore(folder, chosen.key)
        people = carried(carry, chosen.key, store)
        with shown() as progress:
            at, atlas = at or options.now(), Atlas(geo_database)
            snapshot, judged = scan(chosen, store, rules, at, days, Clock(), progress, wait, atlas)
        end.stamp = snapshot.folder.name
        presentation = options.presented(chosen.presentation, language)
        with reported(snapshot, store, rules, presentation=presentation, judged=judged) as done:
            then = telling(config, chosen, scheduled, at) if config else None
            return write(done, output, fail_on, store, formats, people, end, then)


def _ordered(found: Standing, by_itself: bool) -> None:
    """What is to say about the order to scan this client; nobody may be there to decide. Raises ConfigError then."""
    if found.said and found.refused and by_itself:
        raise found.said
    if found.said:
        print(f"Warning: {found.said}", file=sys.stderr)


def _once(
    provider: str, domain: str, device_code: bool, client_id: str, modules: str, home: str, keep: Path | None,
    extra: tuple[str, ...],
) -> Client:  # fmt: skip
    """A client that stands in no file; what its tenant is asked for is said before anybody signs in."""
    reader = connector(provider)
    door = setup.of(reader)
    if door is None:
        raise ConfigError(
            f"{reader.title} cannot be scanned without a configuration.",
            f"`keyround init` writes one; connectors/keyround_{provider}/README.md says what to click.",
        )
    settings = dict(options.pair(text) for text in extra)
    settings |= {"credential": "device_code" if device_code else "", "client_id": client_id}
    once = door.one_off(domain, settings, options.words(modules))
    print("\n".join(broken("", line) for line in once.says), end="\n\n", file=sys.stderr)
    name = domain.strip().rpartition("@")[2].lower()
    tenant = TenantConfig(provider, once.settings, Path())
    if once.sign_in:
        tenant = replace(tenant, settings={**once.settings, **once.sign_in(tenant.opened())})
    return Client(key_of(name), name, (tenant,), Terms(home_countries=countries(options.words(home), "--home")))
