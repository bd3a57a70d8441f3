"""A client as text for keyround.toml, or for a file of its own in `clients.d`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .places import EXAMPLES

HEAD = """\
# Keyround's configuration. Secrets are named here, never written here: env:NAME, file:PATH or keyring:NAME.
# What may stand here: README.md, and the README of each connector. For an editor that completes and explains it:
# keyround init --schema > keyround.schema.json, and as the first line here:  #:schema ./keyround.schema.json

# Where snapshots are kept. They hold names, addresses and sign-ins: keep the folder like a key.
store = {store}
"""
SERVICE = """
# Who scans others' tenants says who that is; how clients are told stands at each client: [client.NAME.tell].
# timezone = "Europe/Berlin"
# reports  = "reports"                         # a folder for each client; without it beside its snapshots
#
# [provider]
# name    = "Nordlicht IT"                     # stands in invitations and reports
# contact = "A. Petersen"
# phone   = "+49 40 0000000"
#
# [provider.mail]                              # how mail leaves
# server   = "smtp.nordlicht.example"
# from     = "keyround@nordlicht.example"
# user     = "keyround@nordlicht.example"
# password = "file:smtp-password"
#
# [provider.tell]                              # you: failures and signs of a takeover at once
# mail = ["technik@nordlicht.example"]
#
# [provider.portfolio]                         # you: all clients in one workbook
# every = "week"
# on    = "monday"
# at    = "06:30"
"""
"""What a provider mostly adds to a new keyround.toml."""
_NOTES = {
    "home_countries": "Sign-ins from elsewhere count as foreign.",
    "contact": "Who gets the invitation, and is asked when something is unclear.",
    "tenant_id": "The directory (tenant) ID.",
    "client_id": "The Application (client) ID, from the overview of the app registration.",
    "credential": "How to sign in; the connector's README lists the ways.",
    "customer_id": "Admin console > Account > Account settings > Customer ID; `keyround check` fills it in.",
    "subject": "The administrator whom the service account acts for.",
    "token_file": "Where the sign-in is kept, for this user alone.",
}


def head(store: str) -> str:
    """How a new keyround.toml begins."""
    import tomlkit

    return HEAD.format(store=tomlkit.item(store).as_string())


def sections(key: str, client: Mapping[str, Any], tenants: Sequence[Mapping[str, Any]]) -> str:
    """The client's sections; what is itself a mapping in `client`, such as its order, gets one of its own."""
    own = {name: value for name, value in client.items() if not isinstance(value, Mapping)}
    parts: list[tuple[str, Mapping[str, Any]]] = [(f"[client.{key}]", own)]
    parts += [(f"[client.{key}.{name}]", part) for name, part in client.items() if isinstance(part, Mapping)]
    parts += [(f"[[client.{key}.tenant]]", one) for one in tenants]
    lines: list[str] = []
    for title, values in parts:
        lines += ["", title, *_table(values)]
    return "\n".join([*lines, "", EXAMPLES.format(key=key)])


def _table(values: Mapping[str, Any]) -> list[str]:
    import tomlkit

    width = max(map(len, values))
    lines = []
    for name, value in values.items():
        line = f"{name:<{width}} = {tomlkit.item(value).as_string()}"
        lines.append(f"{line}  # {_NOTES[name]}" if name in _NOTES else line)
    return lines
