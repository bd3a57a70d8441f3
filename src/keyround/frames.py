"""A store as pandas frames, for notebooks and scripts.

    import keyround

    report = keyround.open("/var/lib/keyround").client("contoso").latest()
    report.people[report.people.protection == "not_protected"][["username", "roles", "last_sign_in"]]
    report.findings.groupby(["severity", "rule"]).size()

Everything is read from sealed snapshots: offline, with the rules of the installed version, with what the client had
laid down when the snapshot was taken. Unknown is `<NA>`, never False. Columns are those of the results JSON
(`people` its `accounts`) and of `keyround tables`; their types are string, boolean, Int64, Float64 and, for instants,
datetime64[us, UTC]. Lists and evidence are Python objects.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from .engine import sandbox
from .engine.rule import Rule, load
from .errors import ConfigError, StoreError, nearest
from .export import results_json
from .judging import Judgement, judge, reported
from .model import NAME, TABLES, SignIn, columns
from .store import ClientStore, Snapshot, stamped

_INSTANTS = ("last_sign_in", "mfa_grace_until", "first_seen", "last_seen")


def open(store: str | Path, rules: Sequence[str | Path] = ()) -> Store:
    """The store that scans write to. `rules` are folders of own rules, judged besides the package's.

    Raises StoreError when there is no such folder, RuleError when a rule is wrong.
    """
    root = Path(store).expanduser()
    if not root.is_dir():
        raise StoreError(f"There is no store {root}.", "Give the folder that keyround.toml names as `store`.")
    return Store(root, load([Path(folder) for folder in rules]))


@dataclass(frozen=True, slots=True)
class Store:
    """The clients in one folder."""

    root: Path
    rules: tuple[Rule, ...] = field(repr=False)

    @property
    def clients(self) -> tuple[str, ...]:
        """The keys of every client with a sealed scan."""
        return tuple(sorted(one.name for one in self.root.iterdir() if ClientStore(self.root, one.name).stamps()))

    def client(self, key: str) -> StoredClient:
        """Raises ConfigError with the nearest client there is."""
        if key not in self.clients:
            raise ConfigError(f"The store has no scan of a client {key!r}.", nearest(key, self.clients))
        return StoredClient(key, ClientStore(self.root, key), self.rules)


@dataclass(frozen=True, slots=True)
class StoredClient:
    """The sealed scans of one client."""

    key: str
    store: ClientStore = field(repr=False)
    rules: tuple[Rule, ...] = field(repr=False)

    @property
    def scans(self) -> tuple[datetime, ...]:
        """When each was taken, oldest first, in UTC."""
        return tuple(datetime.strptime(one, "%Y%m%dT%H%M%S%z") for one in self.store.stamps())

    def latest(self) -> Report:
        """The newest scan. Raises StoreError when it is damaged."""
        return self._report(self.store.stamps()[-1])

    def at(self, moment: datetime) -> Report:
        """The newest scan taken at that moment or before it; without a zone it is UTC. Raises ConfigError."""
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        if not (before := [one for one in self.store.stamps() if one <= stamped(moment)]):
            raise ConfigError(f"No scan of {self.key} was taken before {moment:%Y-%m-%d %H:%M} UTC.")
        return self._report(before[-1])

    def _report(self, stamp: str) -> Report:
        return Report(self.key, self.store, self.store.snapshot(stamp), self.rules)


@dataclass(frozen=True, repr=False)
class Report:
    """One scan, judged. Frames are made when first asked for, and are the same object from then on."""

    client: str
    store: ClientStore = field(repr=False)
    snapshot: Snapshot = field(repr=False)
    rules: tuple[Rule, ...] = field(repr=False)

    def __repr__(self) -> str:
        return f"<Report of {self.client!r}, taken {self.taken_at:%Y-%m-%d %H:%M} UTC>"

    @property
    def taken_at(self) -> datetime:
        """In UTC."""
        return self.snapshot.taken_at.replace(tzinfo=UTC)

    @property
    def client_name(self) -> str:
        return str(self.snapshot.manifest["client_name"])

    @property
    def complete(self) -> bool:
        """Everything that the plans offer and the configuration asked for was read."""
        return bool(self._results["complete"])

    @property
    def people(self) -> pd.DataFrame:
        """One row per account and tenant: who it is, roles, protection, factors, last sign-in, countries."""
        return self._frame("accounts")

    @property
    def findings(self) -> pd.DataFrame:
        """One row per subject that failed a check: rule, severity, subject, account, evidence, state, first_seen."""
        return self._frame("findings")

    @property
    def checks(self) -> pd.DataFrame:
        """One row per check and tenant: fail, pass and unknown; `evaluated` False where it could not be made."""
        return self._frame("checks")

    @functools.cached_property
    def sign_ins(self) -> pd.DataFrame:
        """One row per sign-in of the scan's period; the columns are those of `keyround tables sign_ins`."""
        since, until = (self.snapshot.manifest[name] for name in ("since", "until"))
        return self._table(SignIn, "signed_in_at >= ? and signed_in_at < ?", [since, until])

    def table(self, name: str) -> pd.DataFrame:
        """Any table of `keyround tables`, with the tenant's id before its columns. Raises ConfigError."""
        if name not in TABLES:
            raise ConfigError(f"There is no table {name!r}.", nearest(name, TABLES))
        return self._table(TABLES[name])

    def _table(self, table: type[Any], where: str = "true", given: Sequence[Any] = ()) -> pd.DataFrame:
        parts = []
        for tenant in self._judged.tenants:
            bare = f"{tenant.connector}:"
            names = [
                f"case when starts_with(\"{c.name}\", '{bare}') then substr(\"{c.name}\", {len(bare) + 1}) "
                f'else "{c.name}" end as "{c.name}"' if c.identifier else f'"{c.name}"'
                for c in columns(table)
            ]  # fmt: skip
            with sandbox.opened(self._judged.sources[tenant.id], tenant.id) as db:
                asked = f'select tenant, {", ".join(names)} from "{NAME[table]}" where {where}'
                parts.append(db.sql(asked, params=list(given)).to_arrow_table())
        found: pd.DataFrame = pa.concat_tables(parts).to_pandas(types_mapper=_TYPES.get)
        instants = [c.name for c in columns(table) if c.sql == "TIMESTAMP"]
        return found.assign(**{name: found[name].dt.tz_localize("UTC") for name in instants})

    def _frame(self, part: str) -> pd.DataFrame:
        return self._frames.setdefault(part, _typed(self._results[part], _columns(part)))

    @functools.cached_property
    def _frames(self) -> dict[str, pd.DataFrame]:
        return {}

    @functools.cached_property
    def _judged(self) -> Judgement:
        return judge(self.snapshot, self.rules)

    @functools.cached_property
    def _results(self) -> Mapping[str, Any]:
        with reported(self.snapshot, self.store, self.rules, judged=self._judged) as scan:
            return results_json.results(scan, "high")


_TYPES: Mapping[Any, Any] = {
    pa.string(): pd.StringDtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
}


def _columns(part: str) -> Mapping[str, Any]:
    """The columns of one list of the results, from their JSON Schema, with what each may hold."""
    schema = json.loads((files("keyround.schema") / "results.schema.json").read_text(encoding="utf-8"))
    found: Mapping[str, Any] = schema["properties"][part]["items"]["properties"]
    return found


def _typed(rows: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> pd.DataFrame:
    """Rows as a frame whose columns are there, and of their type, also when there is no row."""
    frame = pd.DataFrame.from_records(list(rows), columns=list(about))
    for name, one in about.items():
        kinds = {"string"} if "enum" in one else {kind for kind in _listed(one.get("type", [])) if kind != "null"}
        if name in _INSTANTS:
            frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
        elif len(kinds) == 1 and (dtype := _DTYPES.get(kinds.pop())):
            frame[name] = frame[name].astype(dtype)
    return frame


_DTYPES: Mapping[str, Any] = {"string": "string", "boolean": "boolean", "integer": "Int64"}


def _listed(kind: str | list[str]) -> list[str]:
    return [kind] if isinstance(kind, str) else kind
