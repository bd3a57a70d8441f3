"""`keyround check CLIENT`: one small question per data set, then what follows from the answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from .. import belonging, setup
from ..config import TenantConfig
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
from ..engine.rule import Rule
from ..errors import HARMLESS, CollectError, NotEnabled, NotLicensed
from ..export.evidence import label
from ..export.known import dataset as dataset_name
from ..installed import connector
from ..judging import remarks
from ..model import AS_WHOLE_AS, Row, Tenant
from ..scan import NOTHING, Opened, guard, named, opened, reached, window
from ..store import ClientStore
from ..terms import Terms
from ..words import listed, word
from . import options
from .invoke import say, verbose
from .laid_down import mistakes
from .lines import broken
from .progress import clean
from .whole import completed

RUNNING = "running"  # the code of an error that goes away by itself: the next scan has the answer


@click.command(help="Ask each tenant of a client what may be read; say which checks will run and what is missing.")
@options.client
@options.config
@options.chatty
def command(client: str, path: Path | None, chatty: bool) -> int:
    verbose(chatty)
    config = options.configuration(path)
    chosen, store = config.client(client), ClientStore(config.store, client)
    rules = options.rules(config.rules)
    asked = window(options.now(), 1)
    found = [_completed(client, part, store) for part in chosen.tenants]
    ready = [opened(part) for part in found if part]
    if all(found):
        belonging.check(chosen, store, named(chosen, ready))
    whole = [_checked(tenant, store, rules, asked) for tenant in ready]
    _say_places(store, chosen.terms)
    wrong = mistakes(config, chosen, store, rules)
    for mistake in wrong:
        say(mistake)
    if wrong:
        return 2
    return 0 if all(found) and all(whole) else 3


def _completed(client: str, tenant: TenantConfig, store: ClientStore) -> TenantConfig | None:
    """The section with its tenant's id; None where the tenant could not be asked for it, which is said."""
    try:
        return completed(client, tenant, store)
    except CollectError as error:
        print(f"{connector(tenant.connector).title}, {tenant.place}")
        say(error.about(error.therefore or NOTHING))
        return None


def _say_places(store: ClientStore, terms: Terms) -> None:
    """Whom and what homes and trips name that is not there, as far as the newest scan knows."""
    if not (stamps := store.stamps()) or not (said := remarks(store.snapshot(stamps[-1]), terms)):
        return
    print("Configuration, compared with the newest scan")
    for remark in said:
        _print("  ", f"{remark.happened} {remark.therefore} {remark.remedy}", hang="  ")
    print()


@dataclass(slots=True)
class _Answers:
    """What one small question to each data set brought. `tenant` is the provider's own row, where it came."""

    datasets: list[DataSet[Any, Any]]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    tenant: Tenant | None = None

    def of(self, dataset: DataSet[Any, Any]) -> Outcome:
        return self.outcomes[dataset.name]


def _checked(config: Opened, store: ClientStore, rules: tuple[Rule, ...], asked: Window) -> bool:
    reader, tenant = config.connector, config.tenant
    print(f"{reader.title}, tenant {tenant}")
    door = setup.of(reader)
    answers = _Answers(list(reader.datasets))
    access, notices = setup.Access(known=False), list[str]()
    try:
        with reader.open(config.settings, Clock(), store.memory(tenant)) as session:
            identity = reader.identify(session)
            guard(tenant, identity)
            print(f"  signed in to {clean(identity.name or tenant)}")
            if door:
                access, notices = door.access(session), door.notices(config.settings, session, options.now())
            for dataset in answers.datasets:
                within = store.fetch_window(tenant, dataset.name, reached(dataset, asked)) if dataset.reach else asked
                answers.outcomes[dataset.name] = _asked(dataset, session, within, answers)
    except CollectError as error:
        say(error.about(error.therefore or NOTHING))
        if door and (link := door.consent_link(config.settings)):
            print(f"Admin-consent link: {link}")
        return False
    _say_plan(answers, door)
    for notice in notices:
        _print("  ", notice, hang="  ")
    _say_data(answers)
    _say_modules(answers, access)
    _say_rules(reader, answers.outcomes, rules)
    if door:
        _say_permissions(door, access, config.settings)
    errors = [e for outcome in answers.outcomes.values() if not _running(outcome) for e in _errors(outcome)]
    return all(isinstance(error, HARMLESS) for error in errors)


def _asked(dataset: DataSet[Any, Any], session: Any, asked: Window, answers: _Answers) -> Outcome:
    def write(rows: list[Row]) -> int:
        answers.tenant = answers.tenant or next((row for row in rows if isinstance(row, Tenant)), None)
        return len(rows)

    return collect(_first_page(dataset), session, asked, write)


def _first_page(dataset: DataSet[Any, Any]) -> DataSet[Any, Any]:
    """The same question, content with the first page of the answer."""

    def pages(session: Any, asked: Window) -> Iterator[Any]:
        for page in dataset.pages(session, asked):
            yield page
            if not isinstance(page, Without):
                return

    return dataclasses.replace(dataset, pages=pages)


def _errors(outcome: Outcome) -> list[CollectError]:
    if isinstance(outcome, NotOffered):
        return []
    own = [outcome.error] if isinstance(outcome, Incomplete) else []
    return [*own, *{error.detail: error for error in outcome.without.values()}.values()]


def _say_plan(answers: _Answers, door: setup.SetUp[Any] | None) -> None:
    """What this tenant's plan gives and what it does not, so that nobody repairs what is not broken."""
    plans = answers.tenant.plans if answers.tenant else None
    if plans is None:
        print()
        return
    names = [word("plan", plan) for plan in plans if plan not in ("P1", "P2")]
    about = door.about_plan(plans) if door else ""
    _print("  ", f"{listed([*names, about]) or 'No plan'}.", hang="  ")
    print()
    got = [dataset_name(d.name) for d in answers.datasets if isinstance(answers.of(d), Complete)]
    later = [f"{dataset_name(d.name)}: {_why(answers.of(d))}" for d in answers.datasets if _running(answers.of(d))]
    for what, said, after in (
        ("You get", got, ""),
        ("Later today", later, ""),
        ("Not in this plan", list(_not_in_plan(answers)), " Nothing to do."),
    ):
        if said:
            _print(f"  {what:<18}", f"{'; '.join(said).rstrip('.')}.{after}")
    print()


def _not_in_plan(answers: _Answers) -> Iterator[str]:
    for dataset in answers.datasets:
        outcome = answers.of(dataset)
        if isinstance(outcome, NotOffered):
            continue
        if isinstance(outcome, Incomplete) and isinstance(outcome.error, NotLicensed):
            yield dataset_name(dataset.name)
        elif columns := [label(c) for c, error in outcome.without.items() if isinstance(error, NotLicensed)]:
            yield f"{dataset_name(dataset.name)}: {', '.join(dict.fromkeys(columns))}"


def _why(outcome: Outcome) -> str:
    return outcome.error.detail if isinstance(outcome, Incomplete) else ""


def _running(outcome: Outcome) -> bool:
    """The provider is still preparing the answer, and nobody has to do anything but wait."""
    return isinstance(outcome, Incomplete) and outcome.error.code == RUNNING


def _say_data(answers: _Answers) -> None:
    print("  Data")
    for dataset in answers.datasets:
        if not dataset.module:
            _say_one(dataset, answers.of(dataset))
    print()


def _say_one(dataset: DataSet[Any, Any], outcome: Outcome) -> None:
    """yes, partly, no; off where the plan or the tenant has it not: nobody has to do anything about that."""
    errors = _errors(outcome)
    mark = "yes" if not errors else "partly" if isinstance(outcome, Complete) else "no"
    if errors and all(isinstance(error, HARMLESS) for error in errors) and mark == "no":
        mark = "off"
    if isinstance(outcome, NotOffered):
        mark = "off"
    if _running(outcome):
        mark = "later"
    _say_mark(mark, dataset_name(dataset.name), ", ".join(dataset.grants))
    if isinstance(outcome, NotOffered):
        _print(" " * 9, "Not needed here: this tenant has nothing of it, or another answer covers it.")
    said = [sentence for e in errors for sentence in (e.detail, e.therefore, e.remedy)]
    if said:
        _print(" " * 9, " ".join(dict.fromkeys(filter(None, said))))


def _say_modules(answers: _Answers, access: setup.Access) -> None:
    """What is off until somebody grants it: whole data sets, and columns of the others."""
    modules = dict.fromkeys(d.module for d in answers.datasets if d.module)
    further = {name: where for name, where in access.further.items() if name not in access.missing}
    if not modules and not further:
        return
    print("  Optional")
    for module in modules:
        sets = [d for d in answers.datasets if d.module == module]
        if not all(isinstance(getattr(answers.of(d), "error", None), NotEnabled) for d in sets):
            for dataset in sets:
                _say_one(dataset, answers.of(dataset))
            continue
        _say_mark("off", module, " and ".join(dict.fromkeys(grant for d in sets for grant in d.grants)))
        tells = "; ".join(dict.fromkeys(d.tells for d in sets))
        remedies = dict.fromkeys(error.remedy for d in sets for error in _errors(answers.of(d)))
        _print(" " * 9, f"Would tell {tells}. {' '.join(remedies)}")
    for permission, where in further.items():
        _say_mark("off", listed(list(dict.fromkeys(dataset_name(name) for name, _ in where))), permission)
        columns = listed(list(dict.fromkeys(label(column) for _, column in where)))
        _print(" " * 9, f"Would fill: {columns}. Grant the permission if you want that; otherwise nothing to do.")
    print()


def _say_mark(mark: str, what: str, grants: str) -> None:
    _print(f"  {mark:<7}{what:<32} ", grants or "-")


def _say_rules(reader: Connector[Any], outcomes: Mapping[str, Outcome], rules: tuple[Rule, ...]) -> None:
    tables = table_outcomes(reader, outcomes)
    print("  Checks")
    for rule in rules:
        states = [tables[name] for name in rule.reads]
        if any(isinstance(state, NotOffered) for state in states):
            continue
        missing = sorted({AS_WHOLE_AS.get(name, name) for name in rule.reads if isinstance(tables[name], Incomplete)})
        columns = sorted(rule.columns & {column for state in states for column in getattr(state, "without", ())})
        verdict = "will run"
        if missing:
            verdict = f"cannot run without {', '.join(missing)}"
        elif columns:
            verdict = f"will run, but cannot answer everything without {', '.join(columns)}"
        _print("  ", f"{rule.title}: {verdict}", hang=" " * 6)
    print()


def _say_permissions(door: setup.SetUp[Any], access: setup.Access, settings: Mapping[str, Any]) -> None:
    """What is granted and not needed, what is needed and not granted, and where an administrator grants it."""
    print("  Permissions")
    if access.harmful:
        _print("  ", f"WARNING: granted although Keyround only reads: {', '.join(access.harmful)}. Take them away: "
                    "whoever steals this credential can change the tenant.", hang="  ")  # fmt: skip
    for what, names in (
        ("Missing", access.missing),
        ("Not needed", [name for name in access.surplus if name not in access.harmful]),
        ("Least list", door.least),
    ):
        if names:
            _print(f"  {what:<18}", ", ".join(names))
    if access.missing:
        link = "Add what is missing to the application, then have an administrator open the link."
        _print("  ", access.remedy or link, hang="  ")
    if not access.known:
        _print("  ", "The credential does not say which permissions it holds; the answers above do.", hang="  ")
    links = {"Consent link": door.consent_link(settings),
             "For any tenant": door.consent_link(settings, "organizations")}  # fmt: skip
    for what, link in links.items():
        if link:
            print(f"  {what:<18}{link}")
    print()


def _print(first: str, text: str, hang: str | None = None) -> None:
    print(broken(first, text, hang))
