"""The keys of one `[[client.NAME.tenant]]` section with `connector = "google"`.

Secrets have been resolved before they come here: `key` is the text of the key
file and `token` the token itself, so neither may appear in a message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from keyround.errors import ConfigError

KEYS = ("connector", "customer_id", "credential", "key", "subject", "token", "api_url")
CREDENTIALS = ("service_account", "token")
CUSTOMER = re.compile(r"C[0-9A-Za-z]{2,}")
WHERE = "Admin console > Account > Account settings shows it as Customer ID."
MAKE_KEY = "Download a JSON key for the service account: Google Cloud console > IAM & Admin > Service Accounts > Keys."


@dataclass(frozen=True, slots=True)
class Settings:
    """One tenant's settings, checked. `key` is the parsed key file."""

    customer_id: str
    credential: str
    key: Mapping[str, Any] = field(default_factory=dict, repr=False)
    subject: str = ""
    token: str = field(default="", repr=False)
    api_url: str = ""

    @property
    def client_id(self) -> str:
        """The number that domain-wide delegation knows the service account by; no secret."""
        return str(self.key.get("client_id") or "")


def read(raw: Mapping[str, Any]) -> Settings:
    """`raw` as Settings. Raises ConfigError, naming the key and the remedy."""
    for name in raw:
        if name not in KEYS:
            raise ConfigError(f"The Google connector has no setting `{name}`.", _nearest(name, KEYS))
    credential = _text(raw, "credential", "Write service_account, or token for a bearer token.")
    if credential not in CREDENTIALS:
        raise ConfigError(f"`credential` cannot be {_shown(credential)}.", _nearest(credential, CREDENTIALS))
    return Settings(
        customer_id=_customer(raw),
        credential=credential,
        key=_key(raw) if credential == "service_account" else {},
        subject=_subject(raw) if credential == "service_account" else "",
        token=_token(raw) if credential == "token" else "",
        api_url=_url(str(raw["api_url"]), "`api_url`").rstrip("/") if raw.get("api_url") else "",
    )


def _customer(raw: Mapping[str, Any]) -> str:
    value = _text(raw, "customer_id", WHERE)
    if value == "my_customer":
        raise ConfigError("`customer_id` is my_customer, which names whatever tenant the credential opens.", WHERE)
    if not CUSTOMER.fullmatch(value):
        raise ConfigError(f"`customer_id` is {_shown(value)}; it begins with C, such as C01abcdef.", WHERE)
    return value


def _key(raw: Mapping[str, Any]) -> dict[str, Any]:
    text = _text(raw, "key", 'Write key = "file:PATH" with the service account\'s JSON key. ' + MAKE_KEY)
    try:
        key = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ConfigError("`key` is not the JSON text of a service account key.", MAKE_KEY) from None
    if not isinstance(key, dict) or key.get("type") != "service_account":
        raise ConfigError("`key` is JSON, but not the key of a service account.", MAKE_KEY)
    for name in ("client_email", "private_key", "token_uri"):
        if not isinstance(key.get(name), str) or not key[name]:
            raise ConfigError(f"`key` lacks `{name}`.", MAKE_KEY)
    _url(key["token_uri"], "`token_uri` in `key`")
    return key


def _subject(raw: Mapping[str, Any]) -> str:
    value = _text(raw, "subject", "Write the e-mail address of the administrator that the service account acts for.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", value):
        raise ConfigError(f"`subject` is {_shown(value)}; it must be an administrator's e-mail address.")
    return value


def _token(raw: Mapping[str, Any]) -> str:
    value = _text(raw, "token", 'Write token = "env:NAME" and put the bearer token into that variable.')
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        raise ConfigError("`token` holds spaces or characters that no token has.", "Copy the token again, alone.")
    return value


def _text(raw: Mapping[str, Any], name: str, remedy: str) -> str:
    value = raw.get(name)
    if value is None or value == "":
        raise ConfigError(f"`{name}` is missing.", remedy)
    if not isinstance(value, str):
        raise ConfigError(f"`{name}` must be text.", remedy)
    return value.strip()


def _url(value: str, what: str) -> str:
    """`value`, when a token may travel there: https, or http to this very machine."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if not host or parts.scheme not in ("https", "http"):
        raise ConfigError(f"{what} is not a web address.", "Write it as https://HOST.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigError(f"{what} is http, which would show the token to the network.", "Write it as https://HOST.")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(value: str) -> str:
    return repr(value if len(value) <= 40 else value[:39] + "…")


def _nearest(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(word).lower(), words, 1, 0.5)
    return f"Did you mean `{near[0]}`?" if near else f"Use one of {', '.join(words)}."
