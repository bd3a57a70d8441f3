"""The newest scan of every client, taken into one overview. Offline; one client that cannot be read is one row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ..config import Client, Config
from ..engine.rule import Rule
from ..engine.spoken import spoken
from ..errors import KeyroundError, denied
from ..export import portfolio, workbook
from ..judging import reported
from ..store import ClientStore, runs, stamped
from ..words import say, speaking
from . import names, veil


def gathered(config: Config, keys: Iterable[str], rules: Sequence[Rule], language: str) -> Iterator[portfolio.Client]:
    """Each client as the portfolio shows it, one scan open at a time. Raises ConfigError for one that nobody knows."""
    with speaking(language):
        for key in keys:
            if key in config.broken:
                yield portfolio.Client(key, key, config.broken[key].detail, config.broken[key].remedy)
                continue
            client = config.client(key)
            try:
                yield _taken_in(client, ClientStore(config.store, client.key), rules, language)
            except (KeyroundError, OSError) as error:
                wrong = denied(error) if isinstance(error, OSError) else error
                yield portfolio.Client(client.key, client.name, wrong.detail, wrong.remedy)


def _taken_in(client: Client, store: ClientStore, rules: Sequence[Rule], language: str) -> portfolio.Client:
    stamps, failure = store.stamps(), runs.read(store.root).failure
    if not stamps and failure:
        return portfolio.Client(client.key, client.name, failure.detail, failure.remedy)
    if not stamps:
        remedy = say("portfolio.never_remedy", client=client.key)
        return portfolio.Client(client.key, client.name, say("portfolio.never"), remedy)
    snapshot = store.snapshot(stamps[-1])
    presentation = replace(client.presentation, language=language)  # people are called here as in the client's own
    with reported(snapshot, store, rules, terms=client.terms, presentation=presentation) as scan:
        told = spoken(veil.veiled(scan, *names.coded(scan, store.root)), language)
        found = replace(portfolio.taken_in(told), key=client.key, name=client.name)
    if failure and stamped(failure.at) > stamps[-1]:
        return replace(found, failed=failure.detail, remedy=failure.remedy)
    return found


def write(
    clients: Sequence[portfolio.Client], config: Config, folder: Path, now: datetime, language: str
) -> workbook.Written:
    """`portfolio-<date>.xlsx` in `folder`. Raises StoreError."""
    store = ClientStore(config.store, ".portfolio")  # where it is remembered which of them nobody edited
    by = config.provider.prepared_by
    with speaking(language):
        about = workbook.Properties(say("portfolio.title"), "", by or say("portfolio.title"), now, by)
        sheets = portfolio.sheets(clients, by, now)
        book = workbook.write(sheets, folder / f"portfolio-{now:%Y-%m-%d}.xlsx", about, store.written())
    store.remember(book.sha256)
    return book
