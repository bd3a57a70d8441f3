"""What the engine says: verdicts, results, findings, and the scan that holds them.

Nothing here can reach a provider; exporters import this and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from ..connector import Outcome, Tables, Window
from ..errors import HARMLESS, CollectError
from ..model import Row
from .rule import Rule, Severity

Verdict = Literal["fail", "pass", "unknown"]
R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Judged:
    """One subject (and aspect), one verdict, and the evidence columns the query returned. Ids are bare.

    `severity` None: the rule's own.
    """

    subject: str
    verdict: Verdict
    evidence: Mapping[str, Any] = field(default_factory=dict)
    aspect: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Every subject in scope, so the report can say "3 of 41", not "3".

    `missing` names what was not whole although the rule could run: a column as
    `accounts.last_success_at`, or a table read in part by a keep-fails rule.
    """

    rule: Rule
    tenant: str
    judged: tuple[Judged, ...]
    missing: Mapping[str, CollectError] = field(default_factory=dict)

    def count(self, verdict: Verdict) -> int:
        return sum(j.verdict == verdict for j in self.judged)


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """The rule did not run, because tables it reads are not whole; `missing` says which and why."""

    rule: Rule
    tenant: str
    missing: Mapping[str, CollectError]


@dataclass(frozen=True, slots=True)
class DoesNotApply:
    """The connector has no such table: nothing to check here, and nothing that was missed."""

    rule: Rule
    tenant: str


Result = Evaluated | NotEvaluated | DoesNotApply
State = Literal[
    "new",
    "open",
    "reopened",
    "worse",
    "newly_checked",
    "not_rechecked",
    "accepted",
    "fixed",
    "gone",
    "left_scope",
    "past",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One subject failing one rule. Its key is (tenant, rule, subject, aspect) and nothing else."""

    tenant: str
    rule: Rule
    judged: Judged
    state: State
    first_seen: datetime

    @property
    def severity(self) -> Severity:
        return self.judged.severity or self.rule.severity

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.tenant, self.rule.id, self.judged.subject, self.judged.aspect)


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """One tenant as the report shows it. `id` is the provider's own; `connector` is m365, google, ...

    `notices` say what somebody must do soon for the scans to go on.
    """

    id: str
    connector: str
    connector_title: str
    name: str
    domain: str | None = None
    country: str | None = None
    plans: tuple[str, ...] = ()
    home_countries: tuple[str, ...] | None = None
    home_assumed: bool = False
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """One data set of one tenant: was it read, how much, and if not, why. `replaced`: another one told all the same.

    `module` names the optional module it belongs to.
    """

    tenant: str
    dataset: str
    tells: str
    outcome: Outcome
    replaced: bool = False
    module: str = ""


class TenantTables(Protocol):
    """The snapshot a scan was judged from, one tenant at a time."""

    def of(self, tenant: str) -> Tables: ...


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything a report needs; nothing in it can reach the network. Instants are naive UTC."""

    client: str
    client_name: str
    taken_at: datetime
    window: Window
    tenants: tuple[TenantInfo, ...]
    coverage: tuple[Coverage, ...]
    results: tuple[Result, ...]
    findings: tuple[Finding, ...]
    tables: TenantTables
    outcomes: Mapping[str, Mapping[str, Outcome]] = field(default_factory=dict)  # tenant -> table -> what is known
    prepared_by: str = ""
    version: str = ""

    def rows(self, table: type[R], tenant: str) -> Iterator[R]:
        """One tenant's rows of one table, streamed from the snapshot, ids bare."""
        return self.tables.of(tenant).rows(table)

    def gaps(self) -> Iterator[tuple[Coverage, str, CollectError]]:
        """Every (data set, column or "", error) that was not read, unless another data set told it."""
        for covered in self.coverage:
            if covered.replaced:
                continue
            outcome = covered.outcome
            for column, error in getattr(outcome, "without", {}).items():
                yield covered, column, error
            if (error := getattr(outcome, "error", None)) is not None:
                yield covered, "", error

    @property
    def complete(self) -> bool:
        """Everything the plan offers and the configuration asks for was read."""
        errors = [error for _, _, error in self.gaps()]
        errors += [error for result in self.results for error in getattr(result, "missing", {}).values()]
        return all(isinstance(error, HARMLESS) for error in errors)
