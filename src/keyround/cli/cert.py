"""`keyround cert new CLIENT`: a key pair for a client's application, and where its public half goes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .. import setup
from ..config import Config
from ..config.keys import key_of
from ..errors import ConfigError, StoreError
from ..installed import connector
from . import options


@click.group(help="Key pairs with which an application signs in.")
def command() -> None:
    pass


@command.command("new", short_help="Make a key pair for a client, or under a name of your own.",
                 help="Make a key pair for a client of keyround.toml, or under a name of your own. The private "
                             "half stays here; nothing is ever overwritten.")  # fmt: skip
@click.argument("name", metavar="CLIENT|NAME")
@options.config
@click.option("--days", metavar="N", type=click.IntRange(1, 1095), default=365, show_default=True,
              help="How long the certificate holds.")  # fmt: skip
@click.option("--output", "folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              help="Where to write (default: beside keyround.toml).")  # fmt: skip
@click.option("--provider", metavar="NAME", help="Whose connector makes it (default: the client's, or m365).")
def new(name: str, path: Path | None, days: int, folder: Path | None, provider: str | None) -> None:
    config = _configuration(path)
    client = config.client(name) if config and name in {*config.clients, *config.broken} else None
    tenants = client.tenants if client else ()
    wanted = provider or next((t.connector for t in tenants if setup.of(connector(t.connector))), "m365")
    settings: dict[str, Any] = next((dict(t.settings) for t in tenants if t.connector == wanted), {})
    door = setup.of(connector(wanted))
    if door is None:
        raise ConfigError(f"{connector(wanted).title} takes no certificate from us.", "See the connector's README.")
    now = options.now()
    pair = door.new_key(name, days, now)
    named = _named(config, settings) if folder is None else None
    home = folder or (config.path.parent if config and client else Path())
    private = named or home / f"{name if client else key_of(name)}-{now:%Y-%m-%d}.pem"
    public = private.with_suffix(".cer")
    _write(private, pair.private, 0o600)
    _write(public, pair.public, 0o644)
    print(f"Private key:  {private}  (with the certificate; it never leaves this computer)")
    print(f"To upload:    {public}")
    print(f"Thumbprint:   {pair.thumbprint}")
    print(f"Holds until:  {pair.ends:%d %b %Y}", end="\n\n")
    print(door.key_steps(name, settings, _reference(config, private), str(public)))


def _named(config: Config | None, settings: Mapping[str, Any]) -> Path | None:
    """The file that the configuration names already and that is not there yet: the first key pair goes there."""
    way, _, name = str(settings.get("certificate", "")).partition(":")
    if config is None or way != "file" or not name:
        return None
    path = config.path.parent / Path(name).expanduser()
    return None if path.exists() or path.suffix == ".cer" else path


def _reference(config: Config | None, private: Path) -> str:
    """The file as keyround.toml names it: from its own folder, else in full."""
    home, whole = (config.path.parent if config else Path()).resolve(), private.resolve()
    return (whole.relative_to(home) if whole.is_relative_to(home) else whole).as_posix()


def _configuration(path: Path | None) -> Config | None:
    """The configuration, where there is one: a key pair can be made before it."""
    try:
        return options.configuration(path)
    except ConfigError:
        if path is not None:
            raise
        return None


def _write(path: Path, text: str, mode: int) -> None:
    """A new file that nobody else could ever read while it was written. Raises StoreError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
            file.write(text)
    except FileExistsError as error:
        raise StoreError(
            f"{path} is there already, and is left as it is.", "Move it away, or write elsewhere with --output DIR."
        ) from error
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror}).", "Choose another folder: --output DIR."
        ) from error
