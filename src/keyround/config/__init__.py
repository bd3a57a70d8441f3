"""keyround.toml as frozen values. Every mistake is named with its place and the nearest right word."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import ConfigError, nearest
from ..presentation import Presentation, Provider
from ..rounds import Arrangement, Mail, Schedule, Tell
from ..secrets import SECRET_KEYS, resolve
from ..terms import Terms
from . import places, presented, serviced
from .accepted import acceptances, thresholds, together
from .checked import countries, only, table, text, texts, usernames

PATH_KEYS = frozenset({"token_file"})
"""Settings that name a file which a connector opens itself."""
_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")
_TOP = ("store", "reports", "geo_database", "rules", "language", "timezone", "limit", "keep", "provider", "client",
        "thresholds")  # fmt: skip
_SETTINGS = ("name", "home_countries", "home", "travel", "networks", "network", "emergency_accounts", "tenant",
             "accept", "thresholds", "reports", *presented.KEYS, *serviced.KEYS)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """One `[[client.NAME.tenant]]`. `settings` goes to the connector; secrets in it are still references.

    `place` is where it stands, for messages.
    """

    connector: str
    settings: Mapping[str, Any]
    folder: Path
    place: str = ""

    def opened(self) -> dict[str, Any]:
        """The settings with every secret read, and paths taken from the file's own folder. Raises ConfigError."""
        return {key: self._opened(key, value) for key, value in self.settings.items()}

    def _opened(self, key: str, value: Any) -> Any:
        if key in SECRET_KEYS and isinstance(value, str):
            return resolve(key, value, self.folder)
        if key in PATH_KEYS and isinstance(value, str) and value.strip() and not value.startswith("~"):
            return str(self.folder / value.strip())
        return value


@dataclass(frozen=True, slots=True)
class Client:
    """One `[client.NAME]`, with what it lays down for its own reports.

    `file` is where it stands: keyround.toml, or a file of `clients.d`. `reports` is where its scheduled reports go.
    """

    key: str
    name: str
    tenants: tuple[TenantConfig, ...]
    terms: Terms = field(default_factory=Terms)
    presentation: Presentation = field(default_factory=Presentation)
    arranged: Arrangement = field(default_factory=Arrangement)
    reports: Path | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """`geo_database`: another database of countries than the one that comes with the package.

    `rules` are folders of own rules, judged besides the package's. `mail`, `tell`, `portfolio` and `heartbeat` are the
    provider's: how mail leaves, who of its own people is told, when they get the portfolio, and the reference to the
    address that every run calls. `reports`: where scheduled reports go, a folder for each client in it.
    """

    path: Path
    store: Path
    clients: Mapping[str, Client] = field(default_factory=dict)
    provider: Provider = field(default_factory=Provider)
    mail: Mail | None = None
    tell: Tell = field(default_factory=Tell)
    portfolio: Schedule | None = None
    heartbeat: str = ""
    reports: Path | None = None
    language: str = "en"
    geo_database: Path | None = None
    rules: tuple[Path, ...] = ()

    def client(self, key: str) -> Client:
        """Raises ConfigError with the nearest client there is."""
        if key not in self.clients:
            raise ConfigError(f"{self.path.name} has no client {key!r}.", nearest(key, self.clients))
        return self.clients[key]

    def reports_of(self, client: Client) -> Path:
        """Where the scheduled reports of a client go: as configured, else beside its snapshots in the store."""
        if client.reports:
            return client.reports
        return self.reports / client.key if self.reports else self.store / client.key / "reports"


def read(path: Path) -> Config:
    """The configuration file at `path`. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors put a mark in front
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no {path}.", "Give its place with --config FILE, or try `keyround demo`."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error.reason}.", "Save it again as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    place = path.name
    only(raw, _TOP, place)
    provider, said = table(raw, "provider", place), f"{place}: [provider]"
    by = presented.provider(provider, said, path.parent)
    language = presented.language(raw, place)
    store, geo, reports = (text(raw, key, place) for key in ("store", "geo_database", "reports"))
    clients = table(raw, "client", place)
    general = thresholds(raw, place)
    return Config(
        path=path,
        store=_place("store", store, path) if store else Path(platformdirs.user_data_dir("keyround")) / "store",
        clients={key: _client(key, part, path, general, by, language, raw) for key, part in clients.items()},
        provider=by,
        mail=serviced.mail(provider, said),
        tell=serviced.tell(provider, said),
        portfolio=serviced.schedule(
            {"timezone": text(raw, "timezone", place), **table(provider, "portfolio", said)}, f"{said}: portfolio"
        ),
        heartbeat=text(provider, "heartbeat", said),
        reports=_place("reports", reports, path) if reports else None,
        language=language,
        geo_database=_place("geo_database", geo, path) if geo else None,
        rules=tuple(_place("rules", folder, path) for folder in texts(raw, "rules", place)),
    )


def _client(
    key: str, raw: Any, path: Path, general: Mapping[str, Mapping[str, Any]], by: Provider, language: str,
    top: Mapping[str, Any],
) -> Client:  # fmt: skip
    place = f"{path.name}: [client.{key}]"
    if not _KEY.fullmatch(key):
        raise ConfigError(f"{place}: a client's key is made of a-z, 0-9 and -.", "Put the full name into `name`.")
    if not isinstance(raw, dict):
        raise ConfigError(f"{place} is not a table.")
    only(raw, _SETTINGS, place)
    tenants = raw.get("tenant", [])
    if not isinstance(tenants, list) or not tenants:
        raise ConfigError(f"{place} has no tenant.", f"Add a [[client.{key}.tenant]] section.")
    reports = text(raw, "reports", place)
    return Client(
        key=key,
        name=text(raw, "name", place) or key,
        tenants=tuple(_tenant(key, part, path, number) for number, part in enumerate(tenants, 1)),
        terms=Terms(
            home_countries=countries(raw.get("home_countries", []), place),
            homes=places.homes(raw, key, place),
            trips=places.trips(raw, key, place),
            networks=places.networks(raw, key, place),
            emergency_accounts=usernames(raw, "emergency_accounts", place),
            thresholds=together(general, thresholds(raw, place)),
            accepted=acceptances(raw, key, place),
        ),
        presentation=presented.presentation(raw, place, by, language),
        arranged=serviced.arrangement(raw, place, top),
        reports=_place("reports", reports, path) if reports else None,
        file=path,
    )


def _tenant(key: str, raw: Any, path: Path, number: int) -> TenantConfig:
    place = f"{path.name}: [[client.{key}.tenant]] number {number}"
    if not isinstance(raw, dict) or not text(raw, "connector", place):
        raise ConfigError(f"{place}: connector is missing.", 'Add connector = "m365" or connector = "google".')
    return TenantConfig(raw["connector"].strip(), raw, path.parent, place)


def key_of(name: str) -> str:
    """A name or domain as a client's key: "Contoso Ltd" is contoso-ltd. Raises ConfigError when nothing is left."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss")).encode("ascii", "ignore").decode()
    key = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not _KEY.fullmatch(key):
        raise ConfigError(f"{name!r} holds no letter or digit to make a key of.", "Give one: a-z, 0-9 and -.")
    return key


def _place(key: str, named: str, path: Path) -> Path:
    try:
        return path.parent / Path(named).expanduser()
    except RuntimeError as error:  # ~somebody, who has no home here
        raise ConfigError(f"{path.name}: {key} = {named!r}: there is no such home folder.") from error
