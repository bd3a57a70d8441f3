"""The keys of one `[[client.NAME.tenant]]` section with `connector = "google"`.

Secrets have been resolved before they come here: `key` is the text of the key
file, `client` that of the OAuth client's file and `token` the token itself, so
none of them may appear in a message.
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

NEEDS = {
    "service_account": ("key", "subject"),
    "service_account_role": ("key", "customer_id"),
    "oauth": ("client",),
    "impersonation": ("service_account",),
    "token": ("token",),
}
"""Ways to get a token, and the settings each cannot do without."""
KEYS = ("connector", "customer_id", "credential", "key", "subject", "client", "token_file", "modules",
        "service_account", "token_uri", "token", "api_url")  # fmt: skip
SIGNED_IN = "signed_in"
"""Where a one-off scan hands over a sign-in that has taken place. No file can hold such a value."""
CUSTOMER = re.compile(r"C[0-9A-Za-z]{2,}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
PREFIX = "https://www.googleapis.com/auth/"
IAM = "https://iamcredentials.googleapis.com"
TOKEN_URI = "https://oauth2.googleapis.com/token"
AUTH_URI = "https://accounts.google.com/o/oauth2/auth"
WHERE = "Admin console > Account > Account settings shows it as Customer ID."
MAKE_KEY = "Download a JSON key for the service account: Google Cloud console > IAM & Admin > Service Accounts > Keys."
MAKE_CLIENT = (
    "Google Cloud console > APIs & Services > Credentials > Create credentials > OAuth client ID > Desktop app > "
    "Download JSON."
)


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client of the kind "Desktop app", as its file says it."""

    id: str
    secret: str = field(repr=False)
    auth_uri: str
    token_uri: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person's sign-in. `scopes` are those that were granted, `access_token` is there for as long as the first one
    holds; both ends are ISO instants, naive UTC, and "" where Google names none."""

    refresh_token: str = field(repr=False)
    scopes: tuple[str, ...]
    ends: str = ""
    access_token: str = field(default="", repr=False)
    expires: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """One tenant's settings, checked. `key` is the parsed key file; `customer_id` "" is still to be read."""

    customer_id: str
    credential: str
    key: Mapping[str, Any] = field(default_factory=dict, repr=False)
    subject: str = ""
    client: Client | None = None
    token_file: str = ""  # where the sign-in of a person is kept; "" keeps it for this process only
    modules: tuple[str, ...] = ()  # optional modules that a person is asked for too
    service_account: str = ""
    token_uri: str = TOKEN_URI
    token: str = field(default="", repr=False)
    api_url: str = ""
    signed_in: SignedIn | None = None

    @property
    def client_id(self) -> str:
        """The number that domain-wide delegation knows the service account by, or the OAuth client; no secret."""
        return self.client.id if self.client else str(self.key.get("client_id") or "")

    @property
    def account(self) -> str:
        """The service account's address; "" where there is none."""
        return self.service_account or str(self.key.get("client_email") or "")

    @property
    def acts_for_person(self) -> bool:
        """Whether Google sees a person, and not a service account with a role of its own."""
        return bool(self.subject) or self.credential in ("oauth", "token")

    @property
    def delegated(self) -> bool:
        """Whether a service account speaks for a person by domain-wide delegation."""
        return bool(self.subject)

    @property
    def own_access(self) -> frozenset[str]:
        """What reads the tenant: the client, or the service account by its number, and for whom it speaks.

        Who signed in, or stands behind a token, Google does not tell.
        """
        return frozenset(filter(None, (self.client_id, self.account.lower(), self.subject.lower())))

    @property
    def who(self) -> str:
        """Whom Google sees, for a sentence."""
        if self.credential == "oauth":
            return "the person who signed in"
        return self.subject or self.account or "the owner of the token"


def read(raw: Mapping[str, Any]) -> Settings:
    """`raw` as Settings. Raises ConfigError, naming the key and the remedy."""
    for name, value in raw.items():
        if name not in KEYS and not (name == SIGNED_IN and isinstance(value, SignedIn)):
            raise ConfigError(f"The Google connector has no setting `{name}`.", _nearest(name, KEYS))
    way = _text(raw, "credential", f"Write one of {', '.join(NEEDS)}.")
    if way not in NEEDS:
        raise ConfigError(f"`credential` cannot be {_shown(way)}.", _nearest(way, NEEDS))
    if way == "service_account_role" and raw.get("subject"):
        raise ConfigError(
            "`subject` names whom a service account acts for; with service_account_role it acts for itself.",
            'Remove `subject`, or write credential = "service_account".',
        )
    with_key = way in ("service_account", "service_account_role")
    names_person = way == "service_account" or (way == "impersonation" and raw.get("subject"))
    customer = _customer(raw)
    if not customer and way == "impersonation" and not names_person:
        raise ConfigError("`customer_id` is missing: a service account with a role of its own cannot read it.", WHERE)
    return Settings(
        customer_id=customer,
        credential=way,
        key=_key(raw) if with_key else {},
        subject=_subject(raw) if names_person else "",
        client=_client(raw) if way == "oauth" else None,
        token_file=_text(raw, "token_file", "") if way == "oauth" and raw.get("token_file") else "",
        modules=_words(raw, "modules") if way == "oauth" else (),
        service_account=_account(raw) if way == "impersonation" else "",
        token_uri=_url(str(raw["token_uri"]), "`token_uri`") if raw.get("token_uri") else TOKEN_URI,
        token=_token(raw) if way == "token" else "",
        api_url=_url(str(raw["api_url"]), "`api_url`").rstrip("/") if raw.get("api_url") else "",
        signed_in=raw.get(SIGNED_IN),
    )


def _customer(raw: Mapping[str, Any]) -> str:
    """The configured id, "" where it is still to be read, which not every credential can."""
    if not raw.get("customer_id") and "customer_id" not in NEEDS[str(raw["credential"]).strip()]:
        return ""
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
    if not EMAIL.fullmatch(value):
        raise ConfigError(f"`subject` is {_shown(value)}; it must be an administrator's e-mail address.")
    return value


def _account(raw: Mapping[str, Any]) -> str:
    value = _text(raw, "service_account", "Write the e-mail address of the service account to act as.")
    if not EMAIL.fullmatch(value):
        raise ConfigError(f"`service_account` is {_shown(value)}; it must be a service account's e-mail address.")
    return value


def _client(raw: Mapping[str, Any]) -> Client:
    text = _text(raw, "client", 'Write client = "file:PATH" with the JSON of an OAuth client. ' + MAKE_CLIENT)
    try:
        client = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise ConfigError("`client` is not the JSON text of an OAuth client.", MAKE_CLIENT) from None
    inner = client.get("installed") if isinstance(client, dict) else None
    if not isinstance(inner, dict):
        other = "a web application" if isinstance(client, dict) and "web" in client else "something else"
        raise ConfigError(f"`client` is JSON, but of {other} and not of a desktop app.", MAKE_CLIENT)
    found = {name: inner.get(name) for name in ("client_id", "client_secret", "auth_uri", "token_uri")}
    found = {"client_secret": "", "auth_uri": AUTH_URI, "token_uri": TOKEN_URI} | {k: v for k, v in found.items() if v}
    for name, value in found.items():
        if not isinstance(value, str):
            raise ConfigError(f"`{name}` in `client` is not text.", MAKE_CLIENT)
    if not found.get("client_id"):
        raise ConfigError("`client` lacks `client_id`.", MAKE_CLIENT)
    for name in ("auth_uri", "token_uri"):
        _url(str(found[name]), f"`{name}` in `client`")
    return Client(str(found["client_id"]), str(found["client_secret"]), str(found["auth_uri"]), str(found["token_uri"]))


def _words(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(_text(raw, name, "").replace(",", " ").split()) if raw.get(name) else ()


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
