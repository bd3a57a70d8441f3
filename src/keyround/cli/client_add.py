"""`keyround client add`: from questions, from a CSV file, or from the partner's own list of customers."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from .. import setup
from ..config import Client, Config, TenantConfig, read
from ..config.files import FOLDER
from ..config.sections import SERVICE, head
from ..connector import Clock
from ..errors import ConfigError
from ..installed import connector
from ..provider.clients import adding, table
from ..provider.clients.adding import Plan
from ..provider.clients.table import Line
from ..scan import guard, opened
from ..setup import Customer
from . import options
from .answers import answered, next_steps, tenants_of, usual_store
from .invoke import say, verbose
from .lines import broken

ASKED = "The answers"
_FURTHER = {
    "contact": "Who gets the invitation: a mail address (Enter for nobody yet)",
    "language": "Language of its reports and invitation, such as de (Enter for that of keyround.toml)",
    "every": "How often it is scanned: day, week, month (Enter for never by itself)",
}


@click.command(
    short_help="Add clients: from questions, from a CSV file, from the partner's list of customers.",
    help="""Add clients: from questions or options like `init`, from a CSV file, or from a partner's list of customers.

Each gets a file of its own in clients.d beside keyround.toml. A tenant that some client has already is never added
again, so that the same list can be given twice.

\b
The CSV file's first line names its columns, in English or German:
  name; key; m365; tenant id; google; customer id; home; language; contact; every;
  credential; client id; authorised by; role; order date; until
Only name and one of m365, tenant id and google are needed.""",
)
@click.option("--client", "key", metavar="KEY", help="Short name of the client (default: made of its name).")
@click.option("--name", metavar="NAME", help="The client's full, legal name.")
@click.option("--m365", metavar="DOMAIN", help="A domain of its Microsoft 365 tenant; empty for none.")
@click.option("--tenant-id", metavar="ID", default="", help="Its tenant ID, instead of looking it up by the domain.")
@click.option("--credential", metavar="KIND", help="How to sign in to Microsoft 365 (default: certificate).")
@click.option("--client-id", metavar="ID", help="The application's ID; empty when there is none yet.")
@click.option("--google", metavar="ADMIN", help="Address of an administrator of its Google Workspace; empty for none.")
@click.option("--google-credential", metavar="KIND", default="", help="How to sign in to Google.")
@click.option("--customer-id", metavar="ID", default="", help="Its customer ID; without it the tenant is asked.")
@click.option("--home", metavar="LIST", help="Home countries, such as DK,SE; empty for the tenant's own.")
@click.option("--language", metavar="CODE", default="", help="Of its reports and invitation: en or de.")
@click.option("--contact", metavar="MAIL", default="", help="Who gets the invitation.")
@click.option("--every", metavar="TIME", default="", help="How often it is scanned: week, month, 2 weeks.")
@click.option("--store", metavar="DIR", help="Where to keep snapshots, where there is no keyround.toml yet.")
@click.option("--csv", "file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Many at once.")
@click.option("--skip-bad", is_flag=True, help="Add the good lines of the CSV file although others are not.")
@click.option("--partner", metavar="CLIENT", help="The client that is the partner itself: its customers are added.")
@click.option("--only", metavar="TEXT", multiple=True, help="Of the partner's customers only those, by name or id.")
@click.option("--to", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the partner's customers to a CSV file instead, to be completed for --csv.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Add the partner's customers without asking.")
@click.option("--like", metavar="CLIENT", help="Sign in with the application and credential of this client.")
@click.option("--config", "path", metavar="FILE", type=click.Path(path_type=Path), help="The configuration.")
@click.option("--setting", "extra", metavar="KEY=VALUE", multiple=True,
              help="A further setting of the tenants, such as certificate=file:nordlicht.pem.")  # fmt: skip
@options.chatty
def command(
    path: Path | None, file: Path | None, skip_bad: bool, partner: str | None, only: tuple[str, ...], to: Path | None,
    yes: bool, like: str | None, extra: tuple[str, ...], chatty: bool, **given: str | None,
) -> int:  # fmt: skip
    verbose(chatty)
    place = path or options.place()
    if file and partner:
        raise ConfigError("--csv and --partner at once.", "Use one of them.")
    for name, alone in (("--only", only), ("--to", to), ("--yes", yes)):
        if alone and not partner:
            raise ConfigError(f"{name} stands without --partner.", "Add --partner CLIENT.")
    desk = _Desk(place, read(place) if place.exists() else None, given, dict(options.pair(one) for one in extra))
    if desk.config and given["store"]:
        raise ConfigError(f"--store is for a first client; there is {place} already.", "Change `store` in it.")
    if partner:
        chosen = desk.client(partner)
        desk.like = _like(desk.client(like) if like else chosen)
        return _from_partner(desk, chosen, only, to, yes)
    desk.like = _like(desk.client(like)) if like else {}
    if file:
        found = table.read(file)
        if found.unused:
            print(broken("", f"Columns of {file.name} that say nothing here: {', '.join(found.unused)}."))
        lines, mistakes = found.lines, found.mistakes
        done = adding.plan([desk.completed(line) for line in lines], desk.config, desk.sections)
        done.mistakes = sorted([*mistakes, *done.mistakes], key=_line)
        return _added(desk, done, skip_bad)
    return _asked(desk)


@dataclass(slots=True)
class _Desk:
    """What every way of adding needs. `config` None: there is none yet, and it is written with the first client."""

    path: Path
    config: Config | None
    given: Mapping[str, str | None]
    extra: Mapping[str, str]
    like: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def clients(self) -> Mapping[str, Client]:
        return self.config.clients if self.config else {}

    def client(self, key: str) -> Client:
        if self.config is None:
            raise ConfigError(f"There is no {self.path} yet, and so no client {key!r}.", "Add a first client without.")
        return self.config.client(key)

    def completed(self, line: Line) -> Line:
        """What the options say for all lines fills the cells that say nothing."""
        usual = ("home", "language", "contact", "every", "credential", "client_id")
        return Line(line.place, {**{key: str(self.given[key]) for key in usual if self.given.get(key)}, **line.cells})

    def sections(self, answers: Mapping[str, str]) -> list[dict[str, str]]:
        by_google = {"google_credential": self.given["google_credential"] or ""}
        return tenants_of({**by_google, **answers}, self.extra, self.like)


def _like(client: Client) -> dict[str, dict[str, str]]:
    """By connector, what the client's sections have in common with others'."""
    return {one.connector: setup.shared(connector(one.connector), one.settings) for one in client.tenants}


def _line(error: Exception) -> int:
    found = str(error).partition(", line ")[2]
    digits = found[: len(found) - len(found.lstrip("0123456789"))]
    return int(digits or 0)


def _asked(desk: _Desk) -> int:
    asked = {name: value for name, value in desk.given.items() if value is not None}
    further = {name: question for name, question in _FURTHER.items() if not asked[name]}
    if asked.get("name") and (asked.get("m365") or asked.get("tenant_id") or asked.get("google")):
        # enough is said; nobody has to answer what has an answer by default
        asked = dict.fromkeys(("m365", "credential", "client_id", "google", "home"), "") | asked
        asked, further = {"store": usual_store()} | asked, {}
    elif "m365" in desk.like:  # how it signs in is known
        asked = {"credential": "", "client_id": ""} | asked
    for name in further:
        del asked[name]
    answers = answered(asked, desk.config is not None, "client add", further)
    if not (desk.given.get("key") or desk.config is None):
        answers.pop("key")
    cells = {name: text for name, text in answers.items() if text and name not in ("store", "google_credential")}
    done = adding.plan([Line(ASKED, cells)], desk.config, desk.sections)
    if done.mistakes:
        wrong = done.mistakes[0]
        raise type(wrong)(wrong.detail.removeprefix(f"{ASKED}: "), wrong.remedy, wrong.therefore)
    status = _added(desk, done, False, answers.get("store"))
    if done.new and not desk.like:  # an application of its own, perhaps not made yet
        config = read(desk.path)
        client = config.client(done.new[0].key)
        print()
        next_steps(client, config.store)
    return status


def _added(desk: _Desk, done: Plan, skip_bad: bool, store: str | None = None) -> int:
    for mistake in done.mistakes:
        say(mistake)
    for place, key in done.present:
        print(f"{'It is' if place == ASKED else f'{place}:'} there already, as {key}.")
    if done.mistakes and not skip_bad:
        print(f"Nothing was added: {len(done.mistakes)} of the lines must be corrected, or use --skip-bad.")
        return 2
    if not done.new:
        print("Nothing was added: there is nobody new.")
        return 2 if done.mistakes else 0
    if desk.config is None:
        options.written(desk.path, head(store or desk.given.get("store") or usual_store()) + SERVICE, new=True)
        print(f"Wrote {desk.path}.")
    folder = desk.path.parent / FOLDER
    written = adding.write(folder, done.new)
    try:
        read(desk.path)
    except BaseException:
        adding.remove(written)
        raise
    print(f"Added to {folder}:")
    width = max(len(client.key) for client in done.new)
    for client in done.new:
        titles = " and ".join(connector(one["connector"]).title for one in client.tenants)
        print(f"  {client.key:<{width}}  {client.name} ({titles})")
    if idle := [client.key for client in done.new if "every" not in client.client]:
        said = 'Not scanned by themselves until every = "week" stands in their sections, as --every week writes it:'
        print(broken("", f"{said} {', '.join(idle)}."))
    if len(done.new) > 1 or desk.like:
        print("Next: keyround client invite --all, then keyround client test --all.")
    return 2 if done.mistakes else 0


def _from_partner(desk: _Desk, partner: Client, only: Sequence[str], to: Path | None, yes: bool) -> int:
    found: list[tuple[TenantConfig, Customer]] = []
    for tenant in partner.tenants:
        if setup.serviced(connector(tenant.connector), "customers"):
            found += [(tenant, one) for one in _customers(tenant)]
    if not any(setup.serviced(connector(one.connector), "customers") for one in partner.tenants):
        titles = ", ".join(connector(one.connector).title for one in partner.tenants)
        raise ConfigError(f"{titles} keeps no list of a partner's customers.", "Use a CSV file: --csv FILE.")
    if only:
        wanted = [text.lower() for text in only]
        found = [(tenant, one) for tenant, one in found if any(_means(text, one) for text in wanted)]
    if not found:
        print(f"{partner.name} has no such customers." if only else f"{partner.name} has no customers: Microsoft "
              "lists those with an active relationship (GDAP).")  # fmt: skip
        return 0
    lines = [desk.completed(Line(one.name, {"name": one.name, **one.settings})) for _, one in found]
    if to:
        _write_table(to, [line.cells for line in lines])
        print(f"{to} lists {len(lines)}. Complete it, then: keyround client add --csv {to} --like {partner.key}")
        return 0
    done = adding.plan(lines, desk.config, desk.sections)
    if done.new and not yes:
        print(f"Customers of {partner.name} who are no clients yet:")
        for client in done.new:
            print(f"  {client.key}  {client.name}")
        try:
            agreed = click.confirm(f"Add these {len(done.new)}?", err=True)
        except click.Abort as error:
            raise ConfigError("Nobody agreed.", "Answer in a terminal, or use --yes, --only and --to.") from error
        if not agreed:
            print("Nothing was added.")
            return 0
    return _added(desk, done, False)


def _means(text: str, customer: Customer) -> bool:
    return text in customer.name.lower() or text in (value.lower() for value in customer.settings.values())


def _customers(tenant: TenantConfig) -> list[Customer]:
    """Raises KeyroundError."""
    ready = opened(tenant)
    with ready.connector.open(ready.settings, Clock()) as session:
        guard(ready.tenant, ready.connector.identify(session))
        return list(setup.serviced(ready.connector, "customers")(session))


def _write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """As Excel opens it by itself: with ; and a mark in front. Raises StoreError."""
    columns = ("name", "key", "tenant_id", "home", "language", "contact", "every", "authorised_by", "on", "until")
    called = {name: table.COLUMNS[name][0] for name in columns} | {"on": "order date"}
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", delimiter=";", lineterminator="\r\n")
    writer.writerow(called)
    writer.writerows(rows)
    options.written(path, "\ufeff" + text.getvalue(), new=True, remedy="Choose another file: --to FILE.")
