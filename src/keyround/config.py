"""keyround.toml as frozen values. Every mistake is named with its place and the nearest right word."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from .errors import ConfigError, nearest
from .secrets import SECRET_KEYS, resolve

_KEY = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """One `[[client.NAME.tenant]]`. `settings` goes to the connector; secrets in it are still references."""

    connector: str
    settings: Mapping[str, Any]
    folder: Path

    def opened(self) -> dict[str, Any]:
        """The settings with every secret read. Raises ConfigError."""
        return {
            key: resolve(key, value, self.folder) if key in SECRET_KEYS and isinstance(value, str) else value
            for key, value in self.settings.items()
        }


@dataclass(frozen=True, slots=True)
class Client:
    """One `[client.NAME]`. `home_countries` None: take the tenant's own country, and say that it is assumed."""

    key: str
    name: str
    tenants: tuple[TenantConfig, ...]
    home_countries: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Config:
    path: Path
    store: Path
    clients: Mapping[str, Client] = field(default_factory=dict)
    prepared_by: str = ""

    def client(self, key: str) -> Client:
        """Raises ConfigError with the nearest client there is."""
        if key not in self.clients:
            raise ConfigError(f"{self.path.name} has no client {key!r}.", nearest(key, self.clients))
        return self.clients[key]


def read(path: Path) -> Config:
    """The configuration file at `path`. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no {path}.", "Give its place with --config FILE, or try `keyround demo`."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    place = path.name
    _only(raw, ("store", "provider", "client"), place)
    provider = _table(raw, "provider", place)
    _only(provider, ("name",), f"{place}: [provider]")
    store = _text(raw, "store", place) or str(Path(platformdirs.user_data_dir("keyround")) / "store")
    clients = _table(raw, "client", place)
    return Config(
        path=path,
        store=path.parent / Path(store).expanduser(),
        clients={key: _client(key, part, path) for key, part in clients.items()},
        prepared_by=_text(provider, "name", f"{place}: [provider]"),
    )


def _client(key: str, raw: Any, path: Path) -> Client:
    place = f"{path.name}: [client.{key}]"
    if not _KEY.fullmatch(key):
        raise ConfigError(f"{place}: a client's key is made of a-z, 0-9 and -.", "Put the full name into `name`.")
    if not isinstance(raw, dict):
        raise ConfigError(f"{place} is not a table.")
    _only(raw, ("name", "home_countries", "every", "tenant", "accept"), place)
    tenants = raw.get("tenant", [])
    if not isinstance(tenants, list) or not tenants:
        raise ConfigError(f"{place} has no tenant.", f"Add a [[client.{key}.tenant]] section.")
    return Client(
        key=key,
        name=_text(raw, "name", place) or key,
        tenants=tuple(_tenant(key, part, path) for part in tenants),
        home_countries=_countries(raw, place),
    )


def _tenant(key: str, raw: Any, path: Path) -> TenantConfig:
    place = f"{path.name}: [[client.{key}.tenant]]"
    if not isinstance(raw, dict) or not _text(raw, "connector", place):
        raise ConfigError(f"{place}: connector is missing.", 'Add connector = "m365" or connector = "google".')
    return TenantConfig(raw["connector"], raw, path.parent)


def _countries(raw: Mapping[str, Any], place: str) -> tuple[str, ...] | None:
    if "home_countries" not in raw:
        return None
    found = raw["home_countries"]
    if not isinstance(found, list) or not all(isinstance(c, str) and re.fullmatch("[A-Za-z]{2}", c) for c in found):
        raise ConfigError(f"{place}: home_countries is a list of two-letter codes.", 'For example ["DK", "SE"].')
    return tuple(sorted({code.upper() for code in found})) or None


def _only(raw: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in raw:
        if key not in known:
            raise ConfigError(f"{place}: unknown setting {key!r}.", nearest(key, known))


def _table(raw: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{place}: {key} is not a table.")
    return found


def _text(raw: Mapping[str, Any], key: str, place: str) -> str:
    found = raw.get(key, "")
    if not isinstance(found, str):
        raise ConfigError(f"{place}: {key} must be text in quotes.")
    return found.strip()
