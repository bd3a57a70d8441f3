"""What a `[[client.NAME.tenant]]` section with `connector = "m365"` may hold.

Secrets arrive here already read: `secret`, `certificate`, `certificate_next` and
`token` hold the text that their reference (env:, file:, keyring:) pointed to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from keyround.errors import ConfigError, nearest

CLOUDS = {
    "global": ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
    "usgov": ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
    "dod": ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
    "china": ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
}
NEEDS = {
    "certificate": ("client_id", "certificate"),
    "secret": ("client_id", "secret"),
    "device_code": ("client_id",),
    "browser": ("client_id",),
    "managed_identity": (),
    "azure_cli": (),
    "workload_identity": (),
    "token": ("token",),
}
"""Ways to sign in, and the settings each cannot do without."""
PEOPLE = frozenset({"device_code", "browser"})
"""Ways in which a person signs in, and is asked for consent."""


_SWITCHES = ("noninteractive",)


@dataclass(frozen=True, slots=True)
class Settings:
    """`noninteractive`: read the sign-ins that apps make on people's behalf too; there are very many of them."""

    tenant_id: str
    credential: str
    client_id: str = ""
    secret: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    certificate_password: str = field(default="", repr=False)
    certificate_next: str = field(default="", repr=False)  # while one certificate replaces the other, both work
    token_file: str = ""  # of a workload identity; else AZURE_FEDERATED_TOKEN_FILE names it
    scopes: str = ""  # delegated permissions to ask a person for, between spaces; "" is all that the app was given
    token: str = field(default="", repr=False)
    cloud: str = "global"
    authority: str = ""
    graph_url: str = ""
    noninteractive: bool = False
    budget: str = "60m"

    @property
    def scope(self) -> str:
        """What tokens are asked for: the cloud's own Graph, whatever gateway stands before it."""
        return f"{CLOUDS[self.cloud][1]}/.default"

    @property
    def budget_seconds(self) -> float:
        """How long one data set may take."""
        number, unit = self.budget[:-1], self.budget[-1]
        return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Settings:
        """The section as a value. Raises ConfigError naming the key that is wrong and the nearest right word."""
        known = [f.name for f in fields(cls)]
        for key, value in raw.items():
            if key not in known and key != "connector":
                raise ConfigError(f"m365 knows no setting {key!r}.", nearest(key, known))
            if key in _SWITCHES and not isinstance(value, bool):
                raise ConfigError(f"{key} must be true or false, without quotes.")
            if key not in _SWITCHES and not isinstance(value, str):
                raise ConfigError(f"{key} must be text in quotes.")
        given: dict[str, Any] = {
            key: value.strip() for key, value in raw.items() if isinstance(value, str) and key != "connector"
        }
        for key in ("tenant_id", "credential"):
            if not given.get(key):
                raise ConfigError(f"{key} is missing.", f"Add `{key} = …` to the tenant's section.")
        way = given["credential"]
        if way not in NEEDS:
            raise ConfigError(f"credential = {way!r} is not known.", nearest(way, NEEDS))
        for key in NEEDS[way]:
            if not given.get(key):
                raise ConfigError(f"credential = {way!r} needs {key}.", f"Add `{key} = …` to the tenant's section.")
        if not given.get("token", "").isascii() or len(given.get("token", "").split()) > 1:
            raise ConfigError("the token holds characters that no token has.", "Copy it alone, in one line.")
        cloud = given.get("cloud", "global")
        if cloud not in CLOUDS:
            raise ConfigError(f"cloud = {cloud!r} is not known.", nearest(cloud, CLOUDS))
        if "budget" in given and not re.fullmatch(r"[1-9]\d{0,5}[smh]", given["budget"], re.ASCII):
            raise ConfigError(f"budget = {given['budget']!r} is no length of time.", "Write it as 90s, 20m or 2h.")
        authority, graph = CLOUDS[cloud]
        given["authority"] = _root(given, "authority") or authority
        given["graph_url"] = _root(given, "graph_url").removesuffix("/v1.0").removesuffix("/beta") or graph
        given |= {key: raw[key] for key in _SWITCHES if key in raw}
        return cls(**given | {"tenant_id": guid(given["tenant_id"]), "cloud": cloud})

    @property
    def asked(self) -> tuple[str, ...]:
        """The scopes a token is asked for: those named, or whatever the app was given."""
        resource = CLOUDS[self.cloud][1]
        return tuple(f"{resource}/{scope}" for scope in self.scopes.split() or [".default"])


def guid(text: str) -> str:
    """A tenant's id as it is written. Raises ConfigError."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigError(
            f"tenant_id = {text!r} is not a directory id.",
            "Copy the tenant ID (8-4-4-4-12 digits) from the Entra admin centre's overview page.",
        ) from None


def _root(given: Mapping[str, str], key: str) -> str:
    text = given.get(key, "").rstrip("/")
    parts = urlsplit(text)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    plain = parts.scheme == "http" and local and key != "authority"  # azure-identity speaks https only
    if text and not (parts.hostname and (parts.scheme == "https" or plain)):
        raise ConfigError(f"{key} = {text!r} is not an https address.")
    return text
