"""`keyround init`: a few questions, a commented keyround.toml, and what to do in the tenant next."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import platformdirs

from .. import setup
from ..config import TenantConfig, key_of, read
from ..config.checked import countries
from ..config.files import FOLDER
from ..config.places import EXAMPLES
from ..errors import CollectError, ConfigError
from ..installed import connector
from ..store import ClientStore
from . import options
from .lines import broken
from .whole import completed

_HEAD = """\
# Keyround's configuration. Secrets are named here, never written here: env:NAME, file:PATH or keyring:NAME.
# What may stand here: README.md, and the README of each connector. For an editor that completes and explains it:
# keyround init --schema > keyround.schema.json, and as the first line here:  #:schema ./keyround.schema.json

# Where snapshots are kept. They hold names, addresses and sign-ins: keep the folder like a key.
store = {store}
"""
_NOTES = {
    "home_countries": "Sign-ins from elsewhere count as foreign.",
    "tenant_id": "The directory (tenant) ID.",
    "client_id": "The Application (client) ID, from the overview of the app registration.",
    "credential": "How to sign in; the connector's README lists the ways.",
    "customer_id": "Admin console > Account > Account settings > Customer ID; `keyround check` fills it in.",
    "subject": "The administrator whom the service account acts for.",
    "token_file": "Where the sign-in is kept, for this user alone.",
}


def _print_schema(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    if wanted:
        print((files("keyround.schema") / "keyround.schema.json").read_text(encoding="utf-8"), end="")
        ctx.exit()


@click.command(help="Ask a few questions and write keyround.toml, or add a client to it. Every question has an option; "
                    "what is given is not asked.")  # fmt: skip
@click.option("--client", "key", metavar="KEY", help="Short name of the client: a-z, 0-9, -.")
@click.option("--name", metavar="NAME", help="The client's full name.")
@click.option("--m365", metavar="DOMAIN", help="A domain of its Microsoft 365 tenant; empty for none.")
@click.option("--tenant-id", metavar="ID", default="", help="Its tenant ID, instead of looking it up by the domain.")
@click.option("--credential", metavar="KIND", help="How to sign in to Microsoft 365 (default: certificate).")
@click.option("--client-id", metavar="ID", help="The application's ID; empty when there is none yet.")
@click.option("--google", metavar="ADMIN", help="Address of an administrator of its Google Workspace; empty for none.")
@click.option(
    "--google-credential", metavar="KIND", default="", help="How to sign in to Google (default: service_account)."
)
@click.option("--customer-id", metavar="ID", default="", help="Its customer ID; without it the tenant is asked.")
@click.option("--home", metavar="LIST", help="Home countries, such as DK,SE; empty for the tenant's own.")
@click.option("--store", metavar="DIR", help="Where to keep snapshots.")
@click.option("--config", "path", metavar="FILE", type=click.Path(path_type=Path), default=Path("keyround.toml"),
              show_default=True, help="The file to write, or to add the client to.")  # fmt: skip
@click.option("--setting", "extra", metavar="KEY=VALUE", multiple=True,
              help="A further setting of the tenants, such as cloud=usgov.")  # fmt: skip
@click.option("--schema", is_flag=True, is_eager=True, expose_value=False, callback=_print_schema,
              help="Print the JSON Schema of keyround.toml, for editors, and do nothing else.")  # fmt: skip
def command(path: Path, extra: tuple[str, ...], **given: str | None) -> None:
    asked = {name: value for name, value in given.items() if value is not None}
    there = path.exists()
    before = read(path) if there else None
    try:
        answers = _answers(asked, there)
    except (click.Abort, EOFError) as error:
        raise ConfigError(
            "An answer is missing.", "Answer in a terminal, or give every answer: `keyround init --help`."
        ) from error
    key = answers["key"]
    if before and key in {*before.clients, *before.broken}:
        raise ConfigError(f"{path} has a client {key!r} already; it is left as it is.", "Choose another --client KEY.")
    home = countries(options.words(answers["home"]), "--home")
    tenants = _tenants(answers, dict(options.pair(text) for text in extra))
    client = {"name": answers["name"]} | ({"home_countries": list(home)} if home else {})
    file = path
    if there and (folder := path.parent / FOLDER).is_dir():
        file = folder / f"{key}.toml"
        options.written(file, _sections(key, client, tenants).lstrip("\n"), new=True)
    else:
        text = _added(path, key, client, tenants) if there else _new(key, client, tenants, answers["store"])
        options.written(path, text, new=not there)
    config = read(path)
    written = config.client(key).tenants  # what was written must be readable, whatever was answered
    print(f"{'Added ' + key + ' to' if there else 'Wrote'} {file}.", end="\n\n")
    for settings, tenant in zip(tenants, written, strict=True):
        _completed(key, tenant, ClientStore(config.store, key))
        if door := setup.of(connector(settings["connector"])):
            print(door.steps(key, settings), end="\n\n")


def _completed(key: str, tenant: TenantConfig, store: ClientStore) -> None:
    """What the tenant tells already goes into the file. Mostly it tells nothing yet: the steps come next."""
    try:
        completed(key, tenant, store, alone=True)
    except ConfigError:
        return  # a key that the steps below have yet to make
    except CollectError as error:
        print(broken("", f"Not yet: {error}"), end="\n\n")


def _answers(given: Mapping[str, str], there: bool) -> dict[str, str]:
    """Every answer, asked for where no option gave it. Raises click.Abort where nobody answers."""
    found = dict(given)

    def ask(name: str, question: str, default: str = "") -> str:
        if name not in found:
            found[name] = click.prompt(question, default=default, show_default=bool(default), err=True)
        return found[name].strip()

    name = ask("name", "Full name of the client")
    found["key"] = key_of(found.get("key") or name)
    if ask("m365", "Microsoft 365: a domain of the tenant (Enter for none)") or found["tenant_id"]:
        ask("credential", "  How to sign in", "certificate")
        ask("client_id", "  Application (client) ID (Enter when there is none yet)")
    ask("google", "Google Workspace: address of an administrator (Enter for none)")
    if not (found["m365"] or found["google"] or found["tenant_id"]):
        raise ConfigError("A client needs a tenant.", "Give --m365 DOMAIN, --google ADMIN, or both.")
    ask("home", "Home countries, such as DK,SE (Enter for the tenant's own)")
    if not there:
        ask("store", "Where to keep snapshots", str(Path(platformdirs.user_data_dir("keyround")) / "store"))
    return found


def _tenants(answers: Mapping[str, str], extra: Mapping[str, str]) -> list[dict[str, str]]:
    microsoft = {"client": answers["key"], "domain": answers["m365"], "tenant_id": answers["tenant_id"]}
    microsoft |= {name: answers.get(name, "") for name in ("credential", "client_id")} | dict(extra)
    google = {"client": answers["key"], "subject": answers["google"], "customer_id": answers["customer_id"]}
    google |= {"credential": answers["google_credential"]} | {k: v for k, v in extra.items() if k != "client"}
    wanted = []
    if answers["m365"] or answers["tenant_id"]:
        wanted.append(_section("m365", microsoft))
    if answers["google"]:
        wanted.append(_section("google", google))
    return wanted


def _section(provider: str, answers: Mapping[str, str]) -> dict[str, str]:
    reader = connector(provider)
    door = setup.of(reader)
    if door is None:
        raise ConfigError(f"{reader.title} offers no help with its section.", "Its README shows what to write.")
    return door.section(answers)


def _new(key: str, client: Mapping[str, Any], tenants: list[dict[str, str]], store: str) -> str:
    import tomlkit

    head = _HEAD.format(store=tomlkit.item(store).as_string())
    return head + _sections(key, client, tenants)


def _added(path: Path, key: str, client: Mapping[str, Any], tenants: list[dict[str, str]]) -> str:
    """The file's own text, every comment as it is, and the client behind it. Raises ConfigError."""
    whole = path.read_text(encoding="utf-8-sig").rstrip("\n") + "\n" + _sections(key, client, tenants)
    try:
        tomllib.loads(whole)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} has a form to which no client can be added at its end.", "Add it by hand; README.md shows how."
        ) from error
    return whole


def _sections(key: str, client: Mapping[str, Any], tenants: list[dict[str, str]]) -> str:
    parts = [f"[client.{key}]", client, *(part for one in tenants for part in (f"[[client.{key}.tenant]]", one))]
    lines: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines += ["", part]
        else:
            lines += _table(part)
    return "\n".join([*lines, "", EXAMPLES.format(key=key)])


def _table(values: Mapping[str, Any]) -> list[str]:
    import tomlkit

    width = max(map(len, values))
    lines = []
    for name, value in values.items():
        line = f"{name:<{width}} = {tomlkit.item(value).as_string()}"
        lines.append(f"{line}  # {_NOTES[name]}" if name in _NOTES else line)
    return lines
