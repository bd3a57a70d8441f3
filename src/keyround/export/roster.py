"""Everybody in a tenant with everything that is known of them: the join behind People, the Summary and the JSON.

Accounts are streamed; what is joined to them is held in dictionaries. A fact
that was not read is None, never False. Which accounts are one person's is
laid down in `joined`, for every sheet and figure alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..engine.results import Scan, TenantInfo
from ..model import Account, AccountUse, MfaEnforcement, MfaRegistration, RoleAssignment, Setting, SignInPlace
from ..model.protection import protection
from .clean import short
from .known import whole

_NO_PERSON = frozenset({"guest", "shared", "room", "sync", "service"})

Key = tuple[str, str]
"""An account: its tenant, and its id there."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role of one person, by one path."""

    role: str | None
    state: str | None
    via: str | None
    scope: str | None
    privileged: bool | None


@dataclass(frozen=True, slots=True)
class Person:
    """One account. `password_alone`: a success of the window is known to have used no second factor. `marked`: the
    directory itself calls it an administrator, whatever is known of its roles. `own_access`: this report reads with it.

    `enforcement` is the verdict; `if_enabled` the one that report-only policies, or the day to come, would bring,
    `when_active` the one once every role that can be switched on is on. `contradiction`: where the provider's own word
    and its policies disagree; `grace_until`: how long the account may still do without.
    """

    tenant: str
    provider: str
    account_id: str
    username: str | None
    display_name: str | None
    kind: str | None
    external: bool | None
    enabled: bool | None
    status: str | None
    marked: bool
    licensed: bool | None
    activity: str | None
    roles: tuple[Role, ...] | None
    privileged: bool | None
    protection: str
    registered: bool | None
    methods: tuple[str, ...] | None
    strength: str | None
    enforcement: str | None
    enforced_by: tuple[str, ...] | None
    gaps: tuple[str, ...] | None
    reason: str | None
    excluded_by: tuple[str, ...] | None
    policies: tuple[str, ...] | None
    report_only: tuple[str, ...] | None
    if_enabled: str | None
    when_active: str | None
    resistant_demanded: bool | None
    legacy_blocked: bool | None
    emergency: bool | None
    contradiction: str | None
    grace_until: datetime | None
    last_sign_in: datetime | None
    sign_in_countries: tuple[str, ...] | None
    password_alone: bool
    own_access: bool

    @property
    def label(self) -> str:
        return short(self.display_name or "", 80) or self.username or self.account_id

    @property
    def guest(self) -> bool:
        return self.kind == "guest" or self.external is True

    @property
    def administers(self) -> bool:
        """An administrator by a privileged role or by the directory's own mark."""
        return self.marked or self.privileged is True

    @property
    def counted(self) -> bool:
        """One of the "45 people": an enabled account of a member. Guests, shared mailboxes and rooms are not."""
        return self.kind not in _NO_PERSON and self.protection != "not_applicable"


def everyone(scan: Scan) -> Iterator[Person]:
    """`people` of every tenant."""
    for tenant in scan.tenants:
        yield from people(scan, tenant)


def persons(scan: Scan) -> Iterator[tuple[Person, ...]]:
    """The accounts of each person, in the order of the tenants. Those of several tenants come last and are held."""
    same = joined(scan)
    several: dict[Key, list[Person]] = defaultdict(list)
    for account in everyone(scan):
        if first := same.get((account.tenant, account.account_id)):
            several[first].append(account)
        else:
            yield (account,)
    yield from map(tuple, several.values())


def joined(scan: Scan) -> Mapping[Key, Key]:
    """Accounts of a person who has one in several tenants, each with the first of them.

    They have one user name, each is a member's own, and its domain is verified in its tenant. Where a tenant's list of
    domains was not read the name itself is enough: neither provider takes a member's in a domain that is not.
    """
    if scan.same is not None:
        return scan.same
    found: dict[Key, Key] = {}
    first: dict[str, Key] = {}
    for tenant in scan.tenants if len(scan.tenants) > 1 else ():
        here: dict[str, Key] = {}
        domains = {
            row.scope.removeprefix("domain:").casefold()
            for row in scan.rows(Setting, tenant.id)
            if row.name == "verified_domain" and row.scope
        }
        for account in scan.rows(Account, tenant.id):
            name = (account.username or "").casefold()
            _, at, domain = name.rpartition("@")
            if account.kind != "member" or account.external or not at or (domains and domain not in domains):
                continue
            here.setdefault(name, (tenant.id, account.account_id))
        for name, key in here.items():
            if name in first:
                found |= {first[name]: first[name], key: first[name]}
        first = here | first
    return found


def people(scan: Scan, tenant: TenantInfo) -> Iterator[Person]:
    """One Person per account of `tenant`, in the snapshot's order. Role holders that are no account are not people."""
    registrations = {row.account_id: row for row in scan.rows(MfaRegistration, tenant.id)}
    uses = {row.account_id: row for row in scan.rows(AccountUse, tenant.id)}
    enforcements = {row.account_id: row for row in scan.rows(MfaEnforcement, tenant.id)}
    roles: dict[str, list[Role]] = defaultdict(list)
    hidden = False
    for row in scan.rows(RoleAssignment, tenant.id):
        roles[row.holder_id].append(Role(row.role, row.state, row.via, row.scope, row.privileged))
        # While the members of a powerful group cannot be read, anybody may be one of them.
        hidden |= row.holder_kind == "group" and row.privileged is not False
    roles_whole = whole(scan, tenant.id, "role_assignments")
    sign_ins_whole = whole(scan, tenant.id, "sign_ins")
    countries: dict[str, set[str]] = defaultdict(set)
    bare_password = set()
    for place in scan.rows(SignInPlace, tenant.id):
        if place.outcome == "success" and place.account_id:
            if place.country:
                countries[place.account_id].add(place.country)
            if place.single_factor:
                bare_password.add(place.account_id)

    for account in scan.rows(Account, tenant.id):
        key = account.account_id
        registration = registrations.get(key)
        enforcement = enforcements.get(key)
        registered = registration.registered if registration else None
        verdict = enforcement.verdict if enforcement else None
        used = uses.get(key) or AccountUse(key)
        held = tuple(roles.get(key, ()))
        seen = tuple(sorted(countries.get(key, ())))
        yield Person(
            tenant=tenant.id,
            provider=tenant.connector,
            account_id=key,
            username=account.username,
            display_name=account.display_name,
            kind=account.kind,
            external=account.external,
            enabled=account.enabled,
            status=account.status,
            marked=account.administrator in ("highest", "other"),
            licensed=account.licensed,
            activity=used.activity or account.activity,
            roles=held if held or roles_whole else None,
            privileged=_any_privileged(held, roles_whole and not hidden),
            protection=protection(registered, verdict, account.enabled, account.kind),
            registered=registered,
            methods=_tuple(registration.methods if registration else None),
            strength=registration.strongest if registration else None,
            enforcement=verdict,
            enforced_by=_tuple(enforcement.enforced_by if enforcement else None),
            gaps=_tuple(enforcement.gaps if enforcement else None),
            reason=enforcement.reason if enforcement else None,
            excluded_by=_tuple(enforcement.excluded_by if enforcement else None),
            policies=_tuple(enforcement.policies if enforcement else None),
            report_only=_tuple(enforcement.report_only if enforcement else None),
            if_enabled=enforcement.verdict_if_enabled if enforcement else None,
            when_active=enforcement.verdict_when_active if enforcement else None,
            resistant_demanded=enforcement.phishing_resistant if enforcement else None,
            legacy_blocked=enforcement.legacy_blocked if enforcement else None,
            emergency=enforcement.emergency if enforcement else None,
            contradiction=enforcement.contradiction if enforcement else None,
            grace_until=enforcement.grace_until if enforcement else None,
            last_sign_in=max(
                filter(None, (account.last_success_at, account.last_noninteractive_at, used.last_use_at)), default=None
            ),
            sign_in_countries=None if scan.presentation.use_hidden else seen if seen or sign_ins_whole else None,
            password_alone=key in bare_password,
            own_access=key in tenant.own_access,
        )


def _any_privileged(held: tuple[Role, ...], is_whole: bool) -> bool | None:
    if any(role.privileged for role in held):
        return True
    return False if is_whole and all(role.privileged is False for role in held) else None


def _tuple(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
