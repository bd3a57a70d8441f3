"""What the engine says: verdicts, results, findings, and the scan that holds them.

Nothing here can reach a provider; exporters import this and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from ..connector import Outcome, Tables, Window
from ..errors import HARMLESS, CollectError, ConfigError
from ..model import Row
from ..notes import Notes
from ..presentation import Presentation
from ..terms import Acceptance, Remark, Terms
from .figures import Figures
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


CHANGES: tuple[State, ...] = (
    "worse", "new", "reopened", "newly_checked", "fixed", "gone", "left_scope", "past", "not_rechecked",
)  # fmt: skip
"""What can have become of a finding between two scans, in the order in which it is told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One subject failing one rule. Its key is (tenant, rule, subject, aspect) and nothing else.

    `first_severity` is what it had when it was first seen; None: nobody remembers. `acceptance` is the one that holds,
    where the state is accepted; otherwise one that was made for it and, as `lapsed` says, does not hold any more.
    What failed once and could not be checked again (`not_rechecked`) has no evidence and the verdict unknown; `who` is
    what the subject was called when it last failed.
    """

    tenant: str
    rule: Rule
    judged: Judged
    state: State
    first_seen: datetime
    last_seen: datetime | None = None
    who: str = ""
    first_severity: Severity | None = None
    acceptance: Acceptance | None = None
    lapsed: Literal["", "expired", "worse"] = ""

    @property
    def counts(self) -> bool:
        """It fails now and nobody answers for it, so that lights, actions and the exit status are made of it."""
        return self.state not in ("not_rechecked", "accepted")

    @property
    def severity(self) -> Severity:
        return self.judged.severity or self.rule.severity

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.tenant, self.rule.id, self.judged.subject, self.judged.aspect)


AcceptedState = Literal[
    "worse",
    "expired",
    "unknown_rule",
    "unknown_subject",
    "unknown_tenant",
    "unread_subject",
    "unread_members",
    "expires_soon",
    "not_checked",
    "in_force",
    "nothing_found",
]
"""The loudest first. `worse`: what was accepted has become graver. `unread_*`: the list it would stand in was not read
whole. `not_checked`: whether there is still something to accept is unknown."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One acceptance, and what has become of it.

    `name` is what the subject is called: empty for the whole tenant, the text as written where nobody knows it.
    `covers` are the findings it takes out; `back` those it was made for that count again. `nearest` is what a
    misspelt rule, subject or tenant may have been meant to be. `days_left` is negative once the last day is over.
    """

    acceptance: Acceptance
    state: AcceptedState
    days_left: int
    kind: Literal["account", "group", "tenant", "unknown"]
    name: str
    rule: Rule | None = None
    covers: tuple[Finding, ...] = ()
    back: tuple[Finding, ...] = ()
    nearest: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one finding since an earlier scan. `who` may be empty; `was` None: it was not known then.

    `subject_table` is the rule's subject: accounts, devices or tenants; empty where an old store did not keep it.
    `since` is when the earlier scan was taken.
    """

    tenant: str
    rule: str
    title: str
    subject_table: str
    subject: str
    aspect: str
    severity: Severity
    who: str
    was: State | None
    state: State
    first_seen: datetime
    last_seen: datetime
    since: datetime

    @property
    def group(self) -> int:
        return CHANGES.index(self.state)

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.tenant, self.subject, self.aspect)


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """One tenant as the report shows it. `id` is the provider's own; `connector` is m365, google, ...

    `notices` say what somebody must do soon for the scans to go on. `own_access` are the ids of the accounts and
    applications that this report itself reads the tenant with.
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
    own_access: frozenset[str] = frozenset()


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


class Scrub(Protocol):
    """Free text as this report may show it."""

    def so(self, text: str) -> str:
        """Beside what is so: names as the report calls people."""
        ...

    def did(self, text: str) -> str:
        """Beside what somebody did: no name at all, codes instead."""
        ...


@dataclass(frozen=True, slots=True)
class Scan:
    """Everything a report needs; nothing in it can reach the network. Instants are naive UTC.

    `usual` holds, by rule and parameter, the defaults that the client's own thresholds replaced; `mistakes` are
    settings of the client's that have no effect.
    `previous` is when the scan before this one was taken, None for the first; `changes` are those since then; `past`
    is what the reports of the last scans before this one counted, oldest first.
    `presentation` says how the report looks. `notes` are what people wrote beside findings and actions.
    `same` names accounts of one person in several tenants, each with the first; None: their user names tell.
    `coded` is the same scan with everybody under one code, for figures that join what is so with what people did, where
    this one keeps them apart; `scrub` takes names out of free text. Both None: everybody is called by name.
    """

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
    presentation: Presentation = field(default_factory=Presentation)
    version: str = ""
    accepted: tuple[Accepted, ...] = ()
    usual: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mistakes: tuple[ConfigError, ...] = ()
    previous: datetime | None = None
    changes: tuple[Change, ...] = ()
    past: tuple[Figures, ...] = ()
    terms: Terms = field(default_factory=Terms)
    remarks: tuple[Remark, ...] = ()
    same: Mapping[tuple[str, str], tuple[str, str]] | None = None
    coded: Scan | None = None
    scrub: Scrub | None = None
    notes: Notes = field(default_factory=Notes)

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
