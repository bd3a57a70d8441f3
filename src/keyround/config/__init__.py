"""keyround.toml and clients.d as frozen values. Every mistake is named with its line and the nearest right word.

A mistake in one client's section, or in a file of `clients.d`, breaks that client alone (`Config.broken`); one at the
top of keyround.toml breaks everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import ConfigError, nearest
from ..presentation import Presentation, Provider
from ..rounds import Arrangement, Mail, Schedule, Tell
from ..secrets import SECRET_KEYS, resolve
from ..terms import Terms
from . import files, places, presented, serviced
from .accepted import acceptances, thresholds, together
from .checked import countries, only, reference, table, text, texts, usernames
from .files import KEY
from .where import Place, Source

PATH_KEYS = frozenset({"token_file"})
"""Settings that name a file which a connector opens itself."""
TENANT_KEYS = ("tenant_id", "customer_id")
"""Settings that name the tenant itself."""
TOP = ("store", "reports", "geo_database", "rules", "language", "timezone", "limit", "keep", "provider", "client",
       "thresholds")  # fmt: skip
"""Settings that may stand at the top of keyround.toml."""
SETTINGS = ("name", "home_countries", "home", "travel", "networks", "network", "emergency_accounts", "tenant",
            "accept", "thresholds", "reports", *presented.KEYS, *serviced.KEYS)  # fmt: skip
"""Settings of a client."""


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """One `[[client.NAME.tenant]]`. `settings` goes to the connector; secrets in it are still references.

    Relative paths in it are taken from `folder`, that of keyround.toml. `place` is where it stands; None: nowhere.
    `also`: where other clients name the same tenant.
    """

    connector: str
    settings: Mapping[str, Any]
    folder: Path
    place: Place | None = None
    also: tuple[Place, ...] = ()

    @property
    def names(self) -> str:
        """The tenant it names, as far as the settings alone tell; "" where they leave it open."""
        given = next((str(self.settings[key]) for key in TENANT_KEYS if self.settings.get(key)), "")
        return f"{self.connector} {re.sub('[^a-z0-9]', '', given.lower())}" if given else ""

    def opened(self) -> dict[str, Any]:
        """The settings with every secret read, and paths taken from `folder`. Raises ConfigError."""
        return {key: self._opened(key, value) for key, value in self.settings.items()}

    def mistake(self, error: ConfigError) -> ConfigError:
        """The same, said with the line of the setting that it names."""
        where = f"{self.place.named_in(error.detail, self.settings)}: " if self.place else ""
        return ConfigError(f"{where}{error.detail}", error.remedy, error.therefore)

    def _opened(self, key: str, value: Any) -> Any:
        if key in SECRET_KEYS and isinstance(value, str):
            return resolve(key, value, self.folder)
        if key in PATH_KEYS and isinstance(value, str) and value.strip() and not value.startswith("~"):
            return str(self.folder / value.strip())
        return value


@dataclass(frozen=True, slots=True)
class Client:
    """One `[client.NAME]`, with what it lays down for its own reports.

    `file` is where it stands: keyround.toml, or a file of `clients.d`; `place` is the section in it. `reports` is
    where its scheduled reports go.
    """

    key: str
    name: str
    tenants: tuple[TenantConfig, ...]
    terms: Terms = field(default_factory=Terms)
    presentation: Presentation = field(default_factory=Presentation)
    arranged: Arrangement = field(default_factory=Arrangement)
    reports: Path | None = None
    file: Path | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """`geo_database`: another database of countries than the one that comes with the package.

    `rules` are folders of own rules, judged besides the package's. `mail`, `tell`, `portfolio` and `heartbeat` are the
    provider's: how mail leaves, who of its own people is told, when they get the portfolio, and the reference to the
    address that every run calls. `reports`: where scheduled reports go, a folder for each client in it. `broken` are
    the clients that cannot be scanned, with what is wrong about them; a file that shows none goes by its own name.
    `place` is the top of keyround.toml. `variables` are those of the environment that hold somebody's secrets, a
    broken client's too: no other client's process gets them.
    """

    path: Path
    store: Path
    place: Place
    clients: Mapping[str, Client] = field(default_factory=dict)
    broken: Mapping[str, ConfigError] = field(default_factory=dict)
    provider: Provider = field(default_factory=Provider)
    mail: Mail | None = None
    tell: Tell = field(default_factory=Tell)
    portfolio: Schedule | None = None
    heartbeat: str = ""
    reports: Path | None = None
    language: str = "en"
    geo_database: Path | None = None
    rules: tuple[Path, ...] = ()
    variables: frozenset[str] = frozenset()

    def client(self, key: str) -> Client:
        """Raises ConfigError: what is wrong about this client, or the nearest there is."""
        if key in self.broken:
            raise self.broken[key]
        if key not in self.clients:
            raise ConfigError(f"{self.path.name} has no client {key!r}.", nearest(key, [*self.clients, *self.broken]))
        return self.clients[key]

    def reports_of(self, client: Client) -> Path:
        """Where the scheduled reports of a client go: as configured, else beside its snapshots in the store."""
        if client.reports:
            return client.reports
        return self.reports / client.key if self.reports else self.store / client.key / "reports"


def read(path: Path) -> Config:
    """The file at `path`, and `clients.d` beside it. Raises ConfigError where nothing can be relied on."""
    source = files.source(path, path.name)
    raw, place = files.parsed(source), Place(source)
    only(raw, TOP, place)
    provider, said = table(raw, "provider", place), Place(source, ("provider",), "[provider]")
    by = presented.provider(provider, said, path.parent)
    store, geo, reports = (text(raw, key, place) for key in ("store", "geo_database", "reports"))
    top = _Top(path, place, raw, thresholds(raw, place), by, presented.language(raw, place))
    serviced.arrangement({}, place, raw)  # what stands there for all is everybody's mistake
    clients, broken, variables = _clients(top, table(raw, "client", place))
    return Config(
        path=path,
        place=place,
        store=_path("store", store, top) if store else Path(platformdirs.user_data_dir("keyround")) / "store",
        clients=_apart(clients),
        broken=broken,
        variables=variables,
        provider=by,
        mail=serviced.mail(provider, said),
        tell=serviced.tell(provider, said),
        portfolio=serviced.portfolio(provider, said, raw, place),
        heartbeat=serviced.heartbeat(provider, said),
        reports=_path("reports", reports, top) if reports else None,
        language=top.language,
        geo_database=_path("geo_database", geo, top) if geo else None,
        rules=tuple(_path("rules", folder, top) for folder in texts(raw, "rules", place)),
    )


@dataclass(frozen=True, slots=True)
class _Top:
    """What clients take from the top of keyround.toml."""

    path: Path
    place: Place
    raw: Mapping[str, Any]
    thresholds: Mapping[str, Mapping[str, Any]]
    provider: Provider
    language: str


def _clients(top: _Top, inside: Mapping[str, Any]) -> tuple[dict[str, Client], dict[str, ConfigError], frozenset[str]]:
    """Those of keyround.toml and of every file beside it, what is broken, and the variables that all of them name.

    A client that stands twice is broken: nobody knows which of the two counts.
    """
    variables = set(files.variables(top.place.source.text))
    found: dict[str, Client] = {}
    broken: dict[str, ConfigError] = {}
    stands: dict[str, Place] = {}
    for file, sections in [(top.place.source, inside), *_beside(top.path, broken, variables)]:
        for key, part in sections.items():
            place = Place(file, ("client", key), f"[client.{key}]")
            if key in stands:
                twice = f"{stands[key]}: it stands twice, there and in {place.line}."
                broken[key] = ConfigError(twice, "Remove one of the two, or give it a key of its own.")
                continue
            stands[key] = place
            try:
                found[key] = _client(key, part, place, top)
            except ConfigError as error:
                broken[key] = error
    return {key: client for key, client in found.items() if key not in broken}, broken, frozenset(variables)


def _beside(
    path: Path, broken: dict[str, ConfigError], variables: set[str]
) -> Iterator[tuple[Source, Mapping[str, Any]]]:
    """Every file of `clients.d` with its sections; whose file cannot be read is put into `broken`."""
    for one in files.beside(path):
        file = Source(one, f"{files.FOLDER}/{one.name}")
        try:
            file = files.source(one, file.name)
            variables |= {*files.variables(file.text)}
            sections = files.clients(file, files.parsed(file), TOP, SETTINGS)
        except ConfigError as error:
            broken |= dict.fromkeys(files.whose(one, file.text), error)
        else:
            yield file, sections


def _client(key: str, raw: Any, place: Place, top: _Top) -> Client:
    if not KEY.fullmatch(key):
        raise ConfigError(f"{place}: a client's key is made of a-z, 0-9 and -.", "Put the full name into `name`.")
    if not isinstance(raw, dict):
        raise ConfigError(f"{place} is not a table.")
    only(raw, SETTINGS, place)
    tenants = raw.get("tenant", [])
    if not isinstance(tenants, list) or not tenants:
        raise ConfigError(f"{place.at('tenant')} has no tenant.", f"Add a [[client.{key}.tenant]] section.")
    reports = text(raw, "reports", place)
    return Client(
        key=key,
        name=text(raw, "name", place) or key,
        tenants=tuple(_tenant(part, place.numbered("tenant", n), top) for n, part in enumerate(tenants, 1)),
        terms=Terms(
            home_countries=countries(raw.get("home_countries", []), place.at("home_countries")),
            homes=places.homes(raw, place),
            trips=places.trips(raw, place),
            networks=places.networks(raw, place),
            emergency_accounts=usernames(raw, "emergency_accounts", place),
            thresholds=together(top.thresholds, thresholds(raw, place)),
            accepted=acceptances(raw, place),
        ),
        presentation=presented.presentation(raw, place, top.provider, top.language),
        arranged=serviced.arrangement(raw, place, top.raw),
        reports=_path("reports", reports, top, place) if reports else None,
        file=place.source.path,
        place=place,
    )


def _tenant(raw: Any, place: Place, top: _Top) -> TenantConfig:
    if not isinstance(raw, dict) or not text(raw, "connector", place):
        raise ConfigError(f"{place}: connector is missing.", 'Add connector = "m365" or connector = "google".')
    for key in SECRET_KEYS & raw.keys():
        if isinstance(raw[key], str):
            reference(raw, key, place)
    return TenantConfig(raw["connector"].strip(), raw, top.path.parent, place)


def _apart(clients: Mapping[str, Client]) -> dict[str, Client]:
    """The same, each tenant knowing which other clients name it too."""
    places: dict[str, list[tuple[str, Place]]] = {}
    for key, client in clients.items():
        for tenant in client.tenants:
            if tenant.names and tenant.place:
                places.setdefault(tenant.names, []).append((key, tenant.place))

    def known(key: str, tenant: TenantConfig) -> TenantConfig:
        return replace(tenant, also=tuple(place for other, place in places.get(tenant.names, ()) if other != key))

    return {
        key: replace(client, tenants=tuple(known(key, tenant) for tenant in client.tenants))
        for key, client in clients.items()
    }


def _path(key: str, named: str, top: _Top, place: Place | None = None) -> Path:
    try:
        return top.path.parent / Path(named).expanduser()
    except RuntimeError as error:  # ~somebody, who has no home here
        raise ConfigError(
            f"{(place or top.place).at(key)}: {key} = {named!r}: there is no such home folder."
        ) from error
