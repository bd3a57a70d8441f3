"""A scan as its client wants people called: by name, by initials, or by a code that stays the same over all scans.

names = "coded"             everybody is P-17, in what is so and in what they did
names = "initials"          what is so says P. L., what they did says P-17
privacy = "works-council"   what is so says the name, what they did says P-17; no time of day and no count of a person

Where the two are kept apart, nothing in a file leads from the one to the other: a verdict of a rule of nature `event`
and every row of sign-ins loses whatever else is known of the account, and what is so loses when it was last used.

It is done to the rows, before any sheet is made of them, so that no sheet has to think of it. What is left in free text
is taken out of the finished sheets (`export.veil`). Ids go with the names: an administrator could look them up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, TypeVar, get_args

from ..connector import Tables
from ..engine.results import Accepted, Change, Evaluated, Finding, Judged, Result, Scan, TenantInfo, Verdict
from ..export.roster import joined
from ..model import Account, AccountUse, Device, MfaEnforcement, RoleAssignment, Row, SignInPlace, columns
from ..store.codes import DEVICES, PEOPLE, Codes
from ..terms import Acceptance, Remark, Terms
from ..words import say
from . import facts
from .names import HOLDERS, Scrubbed, code, initials, key, stranger
from .scrub import SOMEBODY, Index

R = TypeVar("R", bound=Row)


def veiled(scan: Scan, known: Codes | None, index: Index | None = None) -> Scan:
    """`scan` as its presentation has people called. `known` and `index` come from `names.coded`; None: all by name."""
    if known is None or index is None:
        return scan
    by_code = _Veil(scan, known, index, coded=True)
    if not scan.presentation.parted:
        return by_code.scan()
    return replace(_Veil(scan, known, index, coded=False).scan(), coded=by_code.scan())


@dataclass(frozen=True, slots=True)
class _Tables:
    """One tenant's tables with people called as the veil says."""

    inner: Tables
    veil: _Veil
    tenant: str

    def rows(self, table: type[R]) -> Iterator[R]:
        """There may be very many: a row is made anew by the places of its values, far cheaper than by their names."""
        rows = self.inner.rows(table)
        if not self.veil.touches(table):
            yield from rows
            return
        names = [column.name for column in columns(table)]
        ids = [column.name for column in columns(table) if column.identifier]
        values, place = attrgetter(*names), {name: at for at, name in enumerate(names)}
        for row in rows:
            cells = list(values(row))
            for name, value in self.veil.changed(row, ids, self.tenant).items():
                cells[place[name]] = value
            yield table(*cells)


@dataclass(frozen=True, slots=True)
class _AllTables:
    inner: Any
    veil: _Veil

    def of(self, tenant: str) -> _Tables:
        return _Tables(self.inner.of(tenant), self.veil, tenant)


class _Veil:
    """One scan under one veil. `coded`: everybody by code throughout; else only what they did."""

    def __init__(self, scan: Scan, known: Codes, index: Index, coded: bool) -> None:
        self.of, self.known, self.coded = scan, known, coded
        self.by_name = not coded and scan.presentation.names == "full"
        self.people, self.devices = known.numbers[PEOPLE], known.numbers[DEVICES]
        self.hidden: dict[str, str] = {}
        self.codes: dict[str, dict[str, str]] = defaultdict(dict)
        for whose, number in self.people.items():
            tenant, _, subject = whose.partition("/")
            self.codes[tenant][subject] = f"{PEOPLE}-{number}"
        self.called = {} if coded or self.by_name else self._initials()
        named = None if self.by_name else code if coded else self._called
        self.text = Scrubbed(index, named)
        self.nature = {result.rule.id: result.rule.nature for result in scan.results}
        self.nature |= {finding.rule.id: finding.rule.nature for finding in scan.findings}

    def scan(self) -> Scan:
        scan = self.of
        tenants = {t.id for t in scan.tenants}
        same = joined(scan)
        return replace(
            scan,
            tenants=tuple(map(self.tenant, scan.tenants)),
            results=tuple(map(_unnamed, scan.results)),
            findings=tuple(map(self.finding, scan.findings)),
            tables=_AllTables(scan.tables, self),
            accepted=tuple(map(self.accepted, scan.accepted)),
            changes=tuple(map(self.change, scan.changes)),
            terms=self.terms(scan.terms),
            remarks=tuple(map(self.remark, scan.remarks)),
            same={(a[0], self.so(*a)): (b[0], self.so(*b)) for a, b in same.items() if a[0] in tenants},
            scrub=self.text,
        )

    # -- whom what is about ---------------------------------------------------

    def did(self, tenant: str, subject: str) -> str:
        """What somebody is called who did something."""
        return self.codes[tenant].get(subject, subject)

    def so(self, tenant: str, subject: str) -> str:
        """The id of somebody of whom something is so: the account's own, or one that cannot be looked up."""
        if self.by_name:
            return subject
        found = self.did(tenant, subject)
        if self.coded or found == subject:
            return found
        if found not in self.hidden:
            self.hidden[found] = self.known.hidden(found)
        return self.hidden[found]

    def label(self, tenant: str, subject: str) -> str:
        """What the report calls somebody of whom something is so; not asked where it is the name."""
        if self.coded:
            return self.did(tenant, subject)
        return self.called.get(self.people.get(key(tenant, subject), 0)) or self.so(tenant, subject)

    def device(self, tenant: str, subject: str) -> str:
        number = self.devices.get(key(tenant, subject))
        return subject if number is None else f"{DEVICES}-{number}"

    def _initials(self) -> dict[int, str]:
        found: dict[int, str] = {}
        for tenant in self.of.tenants:
            for account in self.of.rows(Account, tenant.id):
                name = account.display_name or (account.username or "").partition("@")[0].replace(".", " ")
                found.setdefault(self.people[key(tenant.id, account.account_id)], initials(name))
        return found

    def _called(self, number: int) -> str:
        return code(number) if number < 0 else self.called.get(number) or SOMEBODY

    # -- rows -----------------------------------------------------------------

    def touches(self, table: type[Row]) -> bool:
        return not self.by_name or table is SignInPlace or (self.of.presentation.use_hidden and table in _USED)

    def changed(self, row: Row, ids: list[str], tenant: str) -> dict[str, Any]:
        """The columns of a row that say something else under this veil."""
        changed: dict[str, Any] = {}
        if isinstance(row, SignInPlace):
            # In one piece it joins the account, so that figures are the same as ever; kept apart, it joins none.
            if row.account_id or row.username:
                who = self.did(tenant, row.account_id or stranger(row.username))
                changed = {"account_id": row.account_id and who, "username": who}
        elif not self.by_name:
            changed = {name: self.so(tenant, value) for name in ids if (value := getattr(row, name))}
            if isinstance(row, Account):
                changed |= {"display_name": self.label(tenant, row.account_id), "username": None, "mail": None}
            elif isinstance(row, RoleAssignment) and row.holder_kind in HOLDERS:
                changed["holder_name"] = self.label(tenant, row.holder_id)
            elif isinstance(row, Device):
                changed |= {"device_id": self.device(tenant, row.device_id), "name": self.device(tenant, row.device_id)}
        if self.of.presentation.use_hidden:
            changed |= _unused(row)
        return changed

    # -- findings, and what became of them ------------------------------------

    def _by_code(self, rule: str) -> bool:
        """It says what somebody did, or so does nothing we know: a rule that is gone."""
        return self.coded or self.nature.get(rule, "event") == "event"

    def subject(self, table: str, tenant: str, subject: str, rule: str) -> str:
        if table == "tenants" or subject == tenant:
            return subject
        if self._by_code(rule):
            return self.device(tenant, subject) if table == "devices" else self.did(tenant, subject)
        if self.by_name:
            return subject
        return self.device(tenant, subject) if table == "devices" else self.so(tenant, subject)

    def finding(self, finding: Finding) -> Finding:
        rule, judged = finding.rule, finding.judged
        by_code = self._by_code(rule.id)
        subject = self.subject(rule.subject, finding.tenant, judged.subject, rule.id)
        evidence = facts.told(finding, self.of.presentation)
        if not by_code and self.by_name:
            return replace(finding, judged=replace(judged, evidence=evidence))
        said = self.text.did if by_code else self.text.so
        evidence = facts.called(evidence, subject, rule.subject, said)
        return replace(
            finding,
            judged=replace(judged, subject=subject, evidence=evidence, aspect=said(judged.aspect)),
            who=subject if rule.subject == "devices" else "",
            acceptance=finding.acceptance and self.acceptance(finding.acceptance, said),
        )

    def change(self, change: Change) -> Change:
        by_code = self._by_code(change.rule)
        if self.by_name and not by_code:
            return change
        table = change.subject_table
        subject = self.subject(table, change.tenant, change.subject, change.rule)
        who = change.who if subject == change.tenant or table == "tenants" else ""
        if not by_code and table != "devices" and not who:
            who = self.label(change.tenant, change.subject)
        said = self.text.did if by_code else self.text.so
        return replace(change, subject=subject, who=subject if table == "devices" else who, aspect=said(change.aspect))

    def accepted(self, one: Accepted) -> Accepted:
        one = replace(one, covers=tuple(map(self.finding, one.covers)), back=tuple(map(self.finding, one.back)))
        by_code = self._by_code(one.acceptance.rule)
        if self.by_name and not by_code:
            return one
        said = self.text.did if by_code else self.text.so
        written = one.acceptance.subject if one.kind == "account" else one.name
        name = one.name if one.kind == "tenant" else self._written(written, said)
        made = self.acceptance(one.acceptance, said)
        return replace(one, acceptance=made, name=name, nearest=said(one.nearest))

    def acceptance(self, made: Acceptance, said: Callable[[str], str]) -> Acceptance:
        subject, reason, owner = self._written(made.subject, said), said(made.reason), said(made.owner)
        return replace(made, subject=subject, reason=reason, owner=owner, aspect=said(made.aspect))

    def _written(self, name: str, said: Callable[[str], str]) -> str:
        """A subject as somebody wrote it down: an id, or a name."""
        by_code = said == self.text.did
        for tenant in self.of.tenants:
            if key(tenant.id, name) in self.people:
                return self.did(tenant.id, name) if by_code else self.label(tenant.id, name)
            if key(tenant.id, name) in self.devices:
                return self.device(tenant.id, name)
        return said(name)

    # -- what the client laid down --------------------------------------------

    def terms(self, terms: Terms) -> Terms:
        def people(names: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(self._written(name, self.text.did) for name in names)

        return replace(
            terms,
            homes=tuple(replace(home, people=people(home.people), group=self.text.did(home.group))
                        for home in terms.homes),
            trips=tuple(replace(trip, people=people(trip.people), reason=self.text.did(trip.reason))
                        for trip in terms.trips),
            emergency_accounts=people(terms.emergency_accounts),
            accepted=(),
        )  # fmt: skip

    def remark(self, one: Remark) -> Remark:
        happened, therefore, remedy = map(self.text.did, (one.happened, one.therefore, one.remedy))
        return replace(one, happened=happened, therefore=therefore, remedy=remedy)

    def tenant(self, tenant: TenantInfo) -> TenantInfo:
        own = frozenset(self.so(tenant.id, one) for one in tenant.own_access)
        return replace(tenant, own_access=own, notices=tuple(map(self.text.so, tenant.notices)))


_USED = (Account, AccountUse, MfaEnforcement)


def _unused(row: Row) -> dict[str, Any]:
    """What has to go where it is not said when somebody signed in."""
    if isinstance(row, Account):
        return dict.fromkeys(("activity", "last_success_at", "last_noninteractive_at", "last_attempt_at"))
    if isinstance(row, AccountUse):
        return {"activity": None, "last_use_at": None}
    if isinstance(row, MfaEnforcement) and row.contradiction:
        return {"contradiction": say("private.contradiction")}
    return {}


_BLANK: Mapping[str, Judged] = {verdict: Judged("", verdict) for verdict in get_args(Verdict)}


def _unnamed(result: Result) -> Result:
    """How many failed is told, and not who: the findings say that."""
    if not isinstance(result, Evaluated):
        return result
    return replace(result, judged=tuple(_BLANK[one.verdict] for one in result.judged))
