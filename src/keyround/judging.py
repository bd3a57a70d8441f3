"""From a snapshot to verdicts, and from verdicts to the Scan that reports are made of. Offline, and always the same.

The derived tables and the rules run over every tenant of the snapshot; what earlier scans said, and what somebody
answers for, is laid over the findings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from . import derived, history
from .connector import (
    Complete,
    Connector,
    Incomplete,
    NotOffered,
    Outcome,
    Window,
    outcome_from_json,
    table_outcomes,
)
from .derived import homes
from .engine import acceptance, ledger, sandbox, thresholds
from .engine import sealed as sealing
from .engine.evaluate import evaluate
from .engine.results import Accepted, Coverage, Finding, NotEvaluated, Result, Scan, TenantInfo
from .engine.rule import Rule
from .errors import NotEnabled, RuleError, StoreError, Unexpected
from .installed import connector
from .model import NAME, Account, Device, Row, SignIn, Tenant, bare, columns, prefixed
from .presentation import Presentation
from .store import ClientStore, Snapshot
from .store.draft import as_arrow
from .terms import Remark, Terms
from .terms import from_json as terms_from_json

if TYPE_CHECKING:
    import pyarrow as pa

R = TypeVar("R", bound=Row)
_UNREADABLE = "Restore the file it names from a backup, or remove it and scan again."


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every result of one snapshot, and the tables behind them by tenant; what the client laid down for it.

    `strict` says with which thresholds.
    """

    tenants: tuple[TenantInfo, ...]
    coverage: tuple[Coverage, ...]
    results: tuple[Result, ...]
    sources: Mapping[str, Mapping[str, sandbox.Source]]
    outcomes: Mapping[str, Mapping[str, Outcome]]
    strict: thresholds.Strictness
    directories: Mapping[str, sealing.Directory]
    terms: Terms = field(default_factory=Terms)
    remarks: tuple[Remark, ...] = ()

    def of(self, snapshot: Snapshot) -> Judgement:
        """The same, with its tables read from where the snapshot lies now."""
        files = {entry["id"]: snapshot.files(entry) for entry in snapshot.manifest["tenants"]}
        sources = {
            tenant: {
                name: sandbox.Files(files[tenant][name]) if isinstance(source, sandbox.Files) else source
                for name, source in tables.items()
            }
            for tenant, tables in self.sources.items()
        }
        return replace(self, sources=sources)


def judge(
    snapshot: Snapshot, rules: Sequence[Rule], now: datetime | None = None, terms: Terms | None = None
) -> Judgement:
    """Compute the derived tables and run every rule over every tenant. Offline; same answer every time.

    `now` and `terms` default to those of the scan. Raises StoreError when a table cannot be read.
    """
    try:
        return _judgement(snapshot, rules, now, terms or _terms(snapshot.manifest))
    except duckdb.Error as error:
        raise StoreError(f"The snapshot cannot be read: {str(error).splitlines()[0]}.", _UNREADABLE) from error


def _terms(manifest: Mapping[str, Any]) -> Terms:
    """What the client had laid down when the snapshot was taken."""
    if "terms" in manifest:
        return terms_from_json(manifest["terms"])
    first = manifest["tenants"][0]  # until 0.1.0 every tenant had a copy
    return Terms(first["home_countries"] and tuple(first["home_countries"]),
                 emergency_accounts=tuple(first.get("emergency_accounts", ())))  # fmt: skip


def _judgement(snapshot: Snapshot, rules: Sequence[Rule], now: datetime | None, terms: Terms) -> Judgement:
    manifest = snapshot.manifest
    given = {
        "now": now or snapshot.taken_at,
        "since": datetime.fromisoformat(manifest["since"]),
        "until": datetime.fromisoformat(manifest["until"]),
    }
    strict = thresholds.applied(rules, terms.thresholds)
    terms = replace(terms, thresholds={rule.id: rule.parameters for rule in strict.rules if rule.id in strict.usual})
    tenants, coverage, results, sources, known, directories = [], [], [], {}, {}, {}
    named = _named(snapshot, terms)
    for entry in manifest["tenants"]:
        reader = connector(entry["connector"])
        outcomes = _outcomes(snapshot, entry, reader)
        of_table = table_outcomes(reader, outcomes)
        files = {name: sandbox.Files(paths) for name, paths in snapshot.files(entry).items()}
        with sandbox.opened(files, entry["id"]) as db:
            tenant = _tenant_info(db, entry, reader, terms.home_countries)
            at_home = None if tenant.home_countries is None else list(tenant.home_countries)
            own = [prefixed(tenant.connector, one) for one in sorted(tenant.own_access)]
            of_tenant = given | {"home_countries": at_home, "emergency_accounts": terms.emergency_accounts,
                                 "own_access": own, "terms": terms, "named": named[tenant.id],
                                 "elsewhere": _elsewhere(named, tenant.id), "log_since": _log_since(entry, outcomes),
                                 "measured": not isinstance(of_table["account_measures"], NotOffered)}  # fmt: skip
            sources[tenant.id] = {**files, **_derived(db, tenant, reader, outcomes, of_tenant)}
            records = _records(db, reader, given)
            directories[tenant.id] = _directory(db, tenant, of_table)
            results += [_judged(rule, db, tenant, of_table, of_tenant) for rule in strict.rules]
        tenants.append(tenant)
        known[tenant.id] = of_table
        replaced = {d.stands_in_for for d in reader.datasets if isinstance(outcomes.get(d.name), Complete)}
        for dataset in reader.datasets:
            outcome = outcomes.get(dataset.name, NotOffered())
            if SignIn in dataset.fills and not isinstance(outcome, NotOffered):
                # Days already in the store were not fetched again, and one record may have come twice.
                outcome = replace(outcome, rows=records[dataset.marks])
            module = "" if dataset.stands_in_for else dataset.module  # who needs a stand-in misses it
            replacing = dataset.name in replaced
            coverage.append(Coverage(tenant.id, dataset.name, dataset.tells, outcome, replacing, module))
    said = homes.remarks(terms, named)
    return Judgement(tuple(tenants), tuple(coverage), tuple(results), sources, known, strict, directories, terms, said)


def _outcomes(snapshot: Snapshot, entry: Mapping[str, Any], reader: Connector[Any]) -> dict[str, Outcome]:
    """What became of each data set. A sign-in log of which days are gone since is no whole one any more."""
    outcomes = {name: outcome_from_json(raw) for name, raw in entry["outcomes"].items()}
    for dataset in reader.datasets:
        outcome = outcomes.get(dataset.name)
        if SignIn not in dataset.fills or not isinstance(outcome, Complete):
            continue
        if before := snapshot.removed(entry, dataset.name):
            error = NotEnabled(
                f"Sign-ins before {before} are kept no longer: only how many there were by person, country and month.",
                "Nothing to repair: sign_ins under keep in keyround.toml says for how many days they are kept.",
                f"The report cannot say {dataset.tells}.",
            )
            outcomes[dataset.name] = Incomplete(outcome.rows, error, outcome.without)
    return outcomes


def remarks(snapshot: Snapshot, terms: Terms) -> tuple[Remark, ...]:
    """What of the terms' people and groups the snapshot does not know. Raises StoreError when it cannot be read."""
    try:
        return homes.remarks(terms, _named(snapshot, terms))
    except duckdb.Error as error:
        raise StoreError(f"The snapshot cannot be read: {str(error).splitlines()[0]}.", _UNREADABLE) from error


def _named(snapshot: Snapshot, terms: Terms) -> dict[str, homes.Named]:
    """The people and groups of the client's homes and trips, looked up in every tenant before any is judged."""
    found = {}
    for entry in snapshot.manifest["tenants"]:
        found[entry["id"]] = homes.Named()
        if homes.people_of(terms) or homes.groups_of(terms):
            files = {name: sandbox.Files(paths) for name, paths in snapshot.files(entry).items()}
            with sandbox.opened(files, entry["id"]) as db:
                found[entry["id"]] = homes.named(db, terms)
    return found


def _elsewhere(named: Mapping[str, homes.Named], tenant: str) -> frozenset[str]:
    """What the client's other tenants know of its words."""
    return frozenset(word for other, found in named.items() if other != tenant for word in found.known())


def _log_since(entry: Mapping[str, Any], outcomes: Mapping[str, Outcome]) -> datetime | None:
    """From when on a sign-in log was read whole that reaches further back than the window; None: there is none."""
    whole = [since for name, since in entry.get("reach", {}).items() if isinstance(outcomes.get(name), Complete)]
    return datetime.fromisoformat(min(whole)) if whole else None


def _records(db: duckdb.DuckDBPyConnection, reader: Connector[Any], given: Mapping[str, Any]) -> Counter[str]:
    """The sign-ins of the window by the mark of the data set that brought them; "" is all the others."""
    marks = {dataset.marks for dataset in reader.datasets if SignIn in dataset.fills}
    count = "select source, count(*) from sign_ins where signed_in_at >= ? and signed_in_at < ? group by source"
    found: Counter[str] = Counter()
    for source, records in db.execute(count, [given["since"], given["until"]]).fetchall():
        found[source if source in marks else ""] += records
    return found


def _directory(db: duckdb.DuckDBPyConnection, tenant: TenantInfo, outcomes: Mapping[str, Outcome]) -> sealing.Directory:
    """The tenant's accounts as sealed results name them, and its devices."""
    found = db.execute("select account_id, coalesce(username, display_name) from accounts").fetchall()
    names = dict(sorted((bare(tenant.connector, account), name or "") for account, name in found))
    whole = isinstance(outcomes[NAME[Account]], Complete)
    devices = None
    if isinstance(outcomes[NAME[Device]], Complete):
        ids = db.execute("select distinct device_id from devices").fetchall()
        devices = frozenset(bare(tenant.connector, device) for (device,) in ids)
    return sealing.Directory(
        tenant.name, tuple(names), whole, {key: name for key, name in names.items() if name}, devices
    )


def sealed_results(snapshot: Snapshot, judged: Judgement) -> sealing.Sealed:
    return sealing.seal(snapshot.taken_at, _window(snapshot), judged.directories, judged.results)


def _window(snapshot: Snapshot) -> Window:
    """The window that was asked for."""
    since, until = snapshot.manifest["since"], snapshot.manifest["until"]
    return Window(datetime.fromisoformat(since), datetime.fromisoformat(until))


def _judged(
    rule: Rule,
    db: duckdb.DuckDBPyConnection,
    tenant: TenantInfo,
    outcomes: Mapping[str, Outcome],
    given: Mapping[str, Any],
) -> Result:
    try:
        return evaluate(rule, db, tenant.id, tenant.connector, outcomes, given)
    except RuleError as error:  # one rule that fails must not take the others with it
        return NotEvaluated(
            rule, tenant.id, {"rule": Unexpected(error.detail, error.remedy, "The check was not made.")}
        )


def _tenant_info(
    db: duckdb.DuckDBPyConnection,
    entry: Mapping[str, Any],
    reader: Connector[Any],
    configured: Sequence[str] | None,
) -> TenantInfo:
    row = next(_rows(db, Tenant, entry["connector"]), None)
    assumed = (row.country,) if row and row.country else None
    return TenantInfo(
        id=entry["id"],
        connector=entry["connector"],
        connector_title=reader.title,
        name=(row.name if row else None) or entry["name"] or entry["id"],
        domain=row.primary_domain if row else None,
        country=row.country if row else None,
        plans=tuple(row.plans or ()) if row else (),
        home_countries=tuple(configured) if configured else assumed,
        home_assumed=not configured and assumed is not None,
        notices=tuple(entry.get("notices", ())),
        own_access=_own_access(db, entry),
    )


def _own_access(db: duckdb.DuckDBPyConnection, entry: Mapping[str, Any]) -> frozenset[str]:
    """What this report itself reads the tenant with; a user name becomes the id of its account."""
    told = frozenset(entry.get("own_access", ()))
    names = [one.lower() for one in told if "@" in one]
    asked = "select account_id from accounts where lower(username) in (select unnest(?::varchar[]))"
    ids = db.execute(asked, [names]).fetchall() if names else []
    return told.difference(one for one in told if "@" in one) | {bare(entry["connector"], one) for (one,) in ids}


def _derived(
    db: duckdb.DuckDBPyConnection,
    tenant: TenantInfo,
    reader: Connector[Any],
    outcomes: Mapping[str, Outcome],
    given: Mapping[str, Any],
) -> dict[str, sandbox.Source]:
    """The tables computed from those that `db` shows, by the core and by the connector; it shows them from now on."""
    sources: dict[str, sandbox.Source] = {}

    def show(name: str, table: pa.Table) -> None:
        sandbox.fill(db, name, table, tenant.id)  # the next one may read it
        sources[name] = sandbox.Rows(table)

    for name in derived.SQL:
        show(name, derived.computed(name, db, given))
    for own in reader.derived:
        tables = _Tables(db, tenant.connector, frozenset(own.reads))
        rows = list(own.rows(tables, outcomes, given["now"], given))
        show(NAME[own.fills], as_arrow(rows, own.fills, tenant.id, tenant.connector))
    return sources


@dataclass(frozen=True, slots=True)
class _Tables:
    """One tenant's tables as rows with bare ids; `only` are those that may be asked for."""

    db: duckdb.DuckDBPyConnection
    provider: str
    only: frozenset[type[Row]] = frozenset(NAME)

    def rows(self, table: type[R]) -> Iterator[R]:
        if table not in self.only:
            raise LookupError(f"{NAME[table]} is not among the tables it says it reads.")
        return _rows(self.db.cursor(), table, self.provider)


def _rows(db: duckdb.DuckDBPyConnection, table: type[R], provider: str) -> Iterator[R]:
    kept = columns(table)
    names = ", ".join(f'"{column.name}"' for column in kept)
    identifiers = [place for place, column in enumerate(kept) if column.identifier]
    found = db.execute(f'select {names} from "{NAME[table]}"')
    while rows := found.fetchmany(4096):
        for row in rows:
            cells = list(row)
            for place in identifiers:
                cells[place] = bare(provider, cells[place])
            yield table(*cells)


class _AllTables:
    """The tables of every tenant; each tenant's connection is opened when first asked for."""

    def __init__(self, judged: Judgement, stack: ExitStack) -> None:
        self._judged = judged
        self._stack = stack
        self._open: dict[str, _Tables] = {}

    def of(self, tenant: str) -> _Tables:
        if tenant not in self._open:
            provider = next(t.connector for t in self._judged.tenants if t.id == tenant)
            db = self._stack.enter_context(sandbox.opened(self._judged.sources[tenant], tenant))
            self._open[tenant] = _Tables(db, provider)
        return self._open[tenant]


@contextmanager
def reported(
    snapshot: Snapshot,
    store: ClientStore,
    rules: Sequence[Rule],
    now: datetime | None = None,
    terms: Terms | None = None,
    presentation: Presentation | None = None,
    judged: Judgement | None = None,
) -> Iterator[Scan]:
    """A sealed snapshot as the Scan that reports are made of; its tables can be read until the block ends.

    `judged` is what a scan has just judged of it; without it the rules run again.
    """
    judged = judged or judge(snapshot, rules, now, terms)
    manifest = snapshot.manifest
    before = history.remembered(store, snapshot.taken_at)
    known = ledger.after(before, sealed_results(snapshot, judged))
    with ExitStack() as stack:
        tables = _AllTables(judged, stack)
        findings = ledger.findings(known, judged.results)
        laid_down, today = terms or _terms(manifest), (now or snapshot.taken_at).date()
        findings, accepted = _overlaid(findings, judged, tables, laid_down, today, rules)
        yield Scan(
            client=manifest["client"],
            client_name=manifest["client_name"],
            taken_at=snapshot.taken_at,
            window=_window(snapshot),
            tenants=judged.tenants,
            coverage=judged.coverage,
            results=judged.results,
            findings=findings,
            tables=tables,
            outcomes=judged.outcomes,
            presentation=presentation or Presentation(),
            version=manifest["version"],
            accepted=accepted,
            usual=judged.strict.usual,
            mistakes=judged.strict.mistakes,
            previous=before.taken_at,
            changes=ledger.changes(before, known),
            past=history.past(store, snapshot.taken_at),
            terms=judged.terms,
            remarks=judged.remarks,
        )


def _overlaid(
    findings: tuple[Finding, ...],
    judged: Judgement,
    tables: _AllTables,
    terms: Terms,
    today: date,
    rules: Sequence[Rule],
) -> tuple[tuple[Finding, ...], tuple[Accepted, ...]]:
    """The findings with those that somebody answers for; the directories are read only where somebody does."""
    if not terms.accepted:
        return findings, ()
    directories = [
        acceptance.directory(
            tenant, tables.of(tenant.id), *_whole(judged.outcomes[tenant.id], "accounts", "groups", "devices")
        )
        for tenant in judged.tenants
    ]
    return acceptance.overlay(findings, judged.results, terms.accepted, today, directories, rules)


def _whole(outcomes: Mapping[str, Outcome], *tables: str) -> Iterator[bool]:
    return (not isinstance(outcomes.get(name), Incomplete) for name in tables)
