"""What a call of the scheduler needs, and would not have by itself: variables, secrets, folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...config import Client, Config
from ...errors import ConfigError
from ...secrets import SECRET_KEYS

OF_THE_SHELL = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                "KEYROUND_TRUST")  # fmt: skip
"""How this computer reaches the internet. A proxy's address may hold a password, so none is copied anywhere."""


def of_client(client: Client) -> list[str]:
    """Every reference to a secret that is read for one client."""
    tenants = [value for tenant in client.tenants for key, value in tenant.settings.items() if key in SECRET_KEYS]
    tell = client.arranged.tell
    return _references([*tenants, *tell.channels, tell.password])


def of_provider(config: Config) -> list[str]:
    """Those that are read for the provider itself: its mail, its channels, the heartbeat."""
    mail = config.mail.password if config.mail else ""
    return _references([mail, *config.tell.channels, config.tell.password, config.heartbeat])


def _references(values: list[object]) -> list[str]:
    found = [value for value in values if isinstance(value, str) and value.startswith(("env:", "file:", "keyring:"))]
    return list(dict.fromkeys(found))


def variables(config: Config) -> dict[str, str]:
    """Each variable that the configuration names, and for whom: a client's key, or "provider"."""
    found: dict[str, str] = {}
    for whose, references in _by_owner(config):
        for reference in references:
            way, _, name = reference.partition(":")
            if way == "env":
                found.setdefault(name, whose)
    return found


def keyrings(config: Config) -> list[str]:
    """Who needs this computer's keyring, which opens only for somebody who is signed in."""
    return [whose for whose, found in _by_owner(config) if any(one.startswith("keyring:") for one in found)]


def files(config: Config) -> list[Path]:
    """Files with secrets, where they lie."""
    found = []
    for _, references in _by_owner(config):
        for reference in references:
            way, _, name = reference.partition(":")
            if way == "file" and name.strip():
                found.append(Path(os.path.abspath(config.path.parent / os.path.expanduser(name.strip()))))
    return found


def _by_owner(config: Config) -> Iterator[tuple[str, list[str]]]:
    yield from ((client.key, of_client(client)) for client in config.clients.values())
    yield "provider", of_provider(config)


def writable(config: Config) -> tuple[Path, ...]:
    """The store, and every folder that scheduled reports go to and that does not lie in it."""
    folders = [config.store, *([config.reports] if config.reports else [])]
    folders += [config.reports_of(client) for client in config.clients.values()]
    kept: list[Path] = []
    for folder in (Path(os.path.abspath(one)) for one in folders):
        if not any(folder.is_relative_to(above) for above in kept):
            kept.append(folder)
    return tuple(kept)


def read_variables(file: Path) -> Mapping[str, str]:
    """NAME=value lines, as systemd reads them: comments and empty lines between, quotes around. Raises ConfigError."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"The file of variables {file} cannot be read: {why}.", "Check the path and its permissions."
        ) from error
    found = {}
    for line in (line.strip() for line in lines):
        name, equals, value = line.partition("=")
        if not line or line[0] in "#;" or not equals:
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found
