"""`keyround check CLIENT`: one small question per data set, then what follows from the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import click

from ..connector import (
    Clock,
    Complete,
    Connector,
    DataSet,
    Incomplete,
    NotOffered,
    Outcome,
    Window,
    Without,
    collect,
    table_outcomes,
)
from ..engine.rule import Rule, load
from ..errors import HARMLESS, CollectError
from ..scan import NOTHING, Opened, guard, opened, reached, window
from ..store import ClientStore
from . import options
from .progress import clean
from .run import say, verbose


@click.command(help="Ask each tenant of a client what may be read; say which checks will run and what is missing.")
@options.client
@options.config
@options.chatty
def command(client: str, path: Path | None, chatty: bool) -> int:
    verbose(chatty)
    config = options.configuration(path)
    chosen, store = config.client(client), ClientStore(config.store, client)
    rules = load()
    asked = window(options.now(), 1)
    whole = [_checked(tenant, store, rules, asked) for tenant in [opened(part) for part in chosen.tenants]]
    return 0 if all(whole) else 3


def _checked(config: Opened, store: ClientStore, rules: tuple[Rule, ...], asked: Window) -> bool:
    reader, tenant = config.connector, config.tenant
    print(f"{reader.title}, tenant {tenant}")
    outcomes: dict[str, Outcome] = {}
    try:
        with reader.open(config.settings, Clock(), store.memory(tenant)) as session:
            identity = reader.identify(session)
            guard(tenant, identity)
            print(f"  signed in to {clean(identity.name or tenant)}\n")
            for dataset in reader.datasets:
                within = store.fetch_window(tenant, dataset.name, reached(dataset, asked)) if dataset.reach else asked
                outcomes[dataset.name] = collect(_first_page(dataset), session, within, len)
                _say(dataset, outcomes[dataset.name])
    except CollectError as error:
        say(error.about(error.therefore or NOTHING))
        return False
    _say_rules(reader, outcomes, rules)
    errors = [e for outcome in outcomes.values() for e in _errors(outcome)]
    return all(isinstance(error, HARMLESS) for error in errors)


def _first_page(dataset: DataSet[Any, Any]) -> DataSet[Any, Any]:
    """The same question, content with the first page of the answer."""

    def pages(session: Any, asked: Window) -> Iterator[Any]:
        for page in dataset.pages(session, asked):
            yield page
            if not isinstance(page, Without):
                return

    return dataclasses.replace(dataset, pages=pages)


def _say(dataset: DataSet[Any, Any], outcome: Outcome) -> None:
    errors = _errors(outcome)
    mark = "yes" if not errors else "partly" if isinstance(outcome, Complete) else "no"
    print(f"  {mark:<7}{dataset.name.replace('_', ' '):<20}{', '.join(dataset.grants)}")
    for sentence in dict.fromkeys(chain.from_iterable((e.detail, e.therefore, e.remedy) for e in errors)):
        if sentence:
            print(f"         {sentence}")


def _errors(outcome: Outcome) -> list[CollectError]:
    if isinstance(outcome, NotOffered):
        return []
    own = [outcome.error] if isinstance(outcome, Incomplete) else []
    return [*own, *{error.detail: error for error in outcome.without.values()}.values()]


def _say_rules(reader: Connector[Any], outcomes: dict[str, Outcome], rules: tuple[Rule, ...]) -> None:
    tables = table_outcomes(reader, outcomes)
    print("\n  Checks")
    for rule in rules:
        states = [tables[name] for name in rule.reads]
        if any(isinstance(state, NotOffered) for state in states):
            continue
        missing = sorted(name for name in rule.reads if isinstance(tables[name], Incomplete))
        columns = sorted(rule.columns & {column for state in states for column in getattr(state, "without", ())})
        verdict = "will run"
        if missing:
            verdict = f"cannot run without {', '.join(missing)}"
        elif columns:
            verdict = f"will run, but cannot answer everything without {', '.join(columns)}"
        print(f"  {rule.title}: {verdict}")
    print()
