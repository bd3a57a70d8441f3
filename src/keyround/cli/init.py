"""`keyround init`: a few questions, a commented keyround.toml, and what to do in the tenant next."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from ..config import read
from ..config.checked import countries
from ..config.files import FOLDER
from ..config.sections import head, sections
from ..errors import ConfigError
from . import options
from .answers import answered, next_steps, tenants_of


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
    answers = answered(asked, there, "init")
    key = answers["key"]
    if before and key in {*before.clients, *before.broken}:
        raise ConfigError(f"{path} has a client {key!r} already; it is left as it is.", "Choose another --client KEY.")
    home = countries(options.words(answers["home"]), "--home")
    tenants = tenants_of(answers, dict(options.pair(text) for text in extra))
    client = {"name": answers["name"]} | ({"home_countries": list(home)} if home else {})
    file = path
    if there and (folder := path.parent / FOLDER).is_dir():
        file = folder / f"{key}.toml"
        options.written(file, sections(key, client, tenants).lstrip("\n"), new=True)
    else:
        text = _added(path, key, client, tenants) if there else head(answers["store"]) + sections(key, client, tenants)
        options.written(path, text, new=not there)
    config = read(path)
    written = config.client(key)  # what was written must be readable, whatever was answered
    print(f"{'Added ' + key + ' to' if there else 'Wrote'} {file}.", end="\n\n")
    next_steps(written, config.store)


def _added(path: Path, key: str, client: Mapping[str, Any], tenants: list[dict[str, str]]) -> str:
    """The file's own text, every comment as it is, and the client behind it. Raises ConfigError."""
    whole = path.read_text(encoding="utf-8-sig").rstrip("\n") + "\n" + sections(key, client, tenants)
    try:
        tomllib.loads(whole)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} has a form to which no client can be added at its end.", "Add it by hand; README.md shows how."
        ) from error
    return whole
