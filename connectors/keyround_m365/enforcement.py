"""Is a second factor demanded of each account, by what, and where not? Worked out from the snapshot alone.

Conditional Access comes first; where it leaves somebody out, per-user settings,
then security defaults, then the sign-in provider of a federated domain may
still ask. What could not be read and could change the word makes it unknown.

Source  https://learn.microsoft.com/entra/fundamentals/security-defaults
        https://learn.microsoft.com/entra/identity/authentication/howto-mfa-userstates
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keyround.connector import NOT_READ_THEN, Complete, Derived, Incomplete, NotOffered, Outcome, Tables
from keyround.model import (
    AccessPolicy,
    Account,
    Group,
    GroupMember,
    MfaEnforcement,
    MfaRegistration,
    RoleAssignment,
    Setting,
)

from .conditional_access.coverage import Coverage
from .conditional_access.documents import Location, Policy, location, policy, unreadable
from .conditional_access.people import GUEST_KINDS, Directory, Names, Profile, named_accounts
from .conditional_access.verdicts import Policies, Possible

DEFAULTS = "Microsoft's security defaults"
PER_USER = "Per-user multifactor authentication"
_CERTAIN = ("enforced", "blocked")
_IN_PART = {"conditional", "apps_only", "enforced_except_apps"}  # between two of these may lie a third
_FEDERATED = {"managed": False, "federated": True}
_SYNC_EXEMPT = "Security defaults leave Microsoft's synchronisation account out."
_BOTH_ON = "Security defaults and Conditional Access are both reported as on, which Microsoft does not allow."
_RISK = "Administrators are always asked, everybody else when Microsoft finds it necessary."
_PER_USER = "Trusted addresses and remembered devices of these settings cannot be seen from outside."
_TRUSTED_HOME = "A second factor of the home organisation counts here."


@dataclass(frozen=True, slots=True)
class Facts:
    """What else decides about one account. None: not known.

    `per_user` is disabled, enabled or enforced; `federated` says that the domain's own provider signs people in,
    `provider` how it is called.
    """

    per_user: str | None
    registered: bool | None
    defaults: bool | None
    federated: bool | None
    provider: str = ""


def settled(coverage: Coverage, facts: Facts) -> tuple[str, str]:
    """The verdict, and why it is unknown where it is. `coverage` is what Conditional Access demands."""
    found = coverage.verdict
    if found in _CERTAIN:
        return found, ""
    if facts.per_user == "enforced" or (facts.per_user == "enabled" and facts.registered):
        return "per_user", ""
    if facts.per_user == "enabled" and facts.registered is None:
        return "unknown", "Per-user multifactor authentication is enabled, but nobody knows whether it is set up."
    if facts.per_user is None and found != "third_party" and (found or not facts.defaults):
        return "unknown", "Nobody knows whether per-user multifactor authentication demands it."
    if found:
        return found, ""
    if facts.per_user == "enabled":
        return "per_user_pending", ""
    if facts.defaults:
        return "security_defaults", ""
    if facts.defaults is None:
        return "unknown", "Microsoft did not say whether security defaults are on."
    if facts.federated is None:
        return "unknown", "Nobody knows whether another provider signs these people in."
    return ("third_party" if facts.federated else "not_enforced"), ""


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[MfaEnforcement]:
    tenant = _Tenant.read(tables, outcomes, config)
    for account in tables.rows(Account):
        yield tenant.judged(account)


@dataclass(slots=True)
class _Tenant:
    """Everything the verdicts rest on. `unread` says why the policies are not known; "" where they are.

    `highest` are the active highest administrators; with `highest_open` anybody may be one more.
    """

    policies: Policies
    unread: str
    now: Directory
    later: Directory
    named: frozenset[str]
    defaults: bool | None
    per_user: Mapping[str, str]
    registered: Mapping[str, bool | None]
    domains: Mapping[str, str]
    providers: Mapping[str, str]
    guest_trusted: bool
    eligible: frozenset[str]
    highest: frozenset[str]
    highest_open: bool
    configured: frozenset[str]

    @classmethod
    def read(cls, tables: Tables, outcomes: Mapping[str, Outcome], config: Mapping[str, Any]) -> _Tenant:
        settings = {(row.name, row.scope): row.value for row in tables.rows(Setting)}
        enabled, report_only, locations = documents(tables)
        roles = list(tables.rows(RoleAssignment))
        now, later = directories(tables, outcomes, roles, [*enabled, *report_only])
        names = Names(
            {row.group_id.lower(): row.name for row in tables.rows(Group) if row.name},
            {key: row.role for row in roles if row.role and (key := _template(row))},
        )
        said = settings.get(("security_defaults", "tenant"))
        return cls(
            policies=Policies(enabled, report_only, locations, names),
            unread=_unread(outcomes.get("access_policies")),
            now=now,
            later=later,
            named=named_accounts([*enabled, *report_only]),
            defaults={"true": True, "false": False}.get(said or ""),
            per_user=_of_scope(settings, "per_user_mfa", "account:"),
            registered={row.account_id: row.registered for row in tables.rows(MfaRegistration)},
            # The organisation's own page says it too, for scans that may not read the domains.
            domains=_of_scope(settings, "verified_domain", "domain:")
            | _of_scope(settings, "domain_authentication", "domain:"),
            providers=_of_scope(settings, "federated_mfa", "domain:"),
            guest_trusted=settings.get(("guest_mfa_trusted", "tenant")) == "true",
            eligible=frozenset(row.holder_id.lower() for row in roles if row.state == "eligible")
            | later.members.keys(),
            highest=frozenset(
                row.holder_id for row in roles if row.highest and row.state == "active" and row.scope == "tenant"
            ),
            highest_open=not _whole(outcomes.get("role_assignments"))
            or any(row.highest is not False and row.holder_kind == "group" for row in roles),
            configured=frozenset(config.get("emergency_accounts", ())),
        )

    def judged(self, account: Account) -> MfaEnforcement:
        if account.enabled is False:
            off = "The account is switched off."
            return MfaEnforcement(account.account_id, "blocked", reason=off, emergency=self._named(account))
        facts = self._facts(account)
        if self.unread:
            return self._without_policies(account, facts)
        guest = guest_kinds(account)
        who = self.now.profile(account.account_id, guest, self.named)
        possible = self.policies.possible(who)
        verdict, why = _agreed(possible, facts)
        return MfaEnforcement(
            account_id=account.account_id,
            verdict=verdict,
            enforced_by=None if verdict == "unknown" else self._by(verdict, possible, facts, account),
            gaps=None if verdict == "unknown" else _gaps(verdict, possible, facts),
            excluded_by=list(possible.excluded),
            phishing_resistant=_same(coverage.phishing_resistant for coverage in possible.coverages),
            verdict_when_active=self._when_active(account, guest, facts),
            reason=why or self._reason(verdict, account, facts),
            policies=list(possible.policies),
            report_only=list(possible.waiting),
            verdict_if_enabled=self._if_enabled(who, facts, verdict) if possible.waiting else None,
            legacy_blocked=_legacy_blocked(possible, facts),
            device_code_blocked=_same(coverage.device_code_blocked for coverage in possible.coverages),
            registration_protected=_same(coverage.registration_protected for coverage in possible.coverages),
            emergency=self._emergency(account, lambda: self._exempt(who, possible)),
        )

    def _facts(self, account: Account) -> Facts:
        domain = (account.username or "").rpartition("@")[2].lower()
        federated = _FEDERATED.get(self.domains.get(domain, "").lower())
        if account.external is not False and federated:
            # Who is invited signs in at home, whatever the domain of the user name here.
            federated = False if account.external else None
        per_user = self.per_user.get(account.account_id)
        return Facts(
            per_user if per_user in ("disabled", "enabled", "enforced") else None,
            self.registered.get(account.account_id),
            False if account.kind == "sync" else self.defaults,
            federated,
            domain,
        )

    def _without_policies(self, account: Account, facts: Facts) -> MfaEnforcement:
        # Security defaults leave no policy to be exempt from. Of a snapshot from before policies were read, rules go
        # on saying what they said of it then.
        not_exempt = facts.defaults or self.unread == NOT_READ_THEN
        emergency = self._emergency(account, lambda: False if not_exempt else None)
        if facts.defaults:
            return MfaEnforcement(
                account.account_id, "security_defaults", [DEFAULTS], [], phishing_resistant=False, reason=_RISK,
                legacy_blocked=True, emergency=emergency,
            )  # fmt: skip
        return MfaEnforcement(account.account_id, "unknown", reason=self.unread, emergency=emergency)

    def _by(self, verdict: str, possible: Possible, facts: Facts, account: Account) -> list[str]:
        by = sorted({name for coverage in possible.coverages for name in coverage.demanded_by})
        match verdict:
            case "per_user" | "per_user_pending":
                return [PER_USER, *by]
            case "security_defaults":
                return [DEFAULTS]
            case "third_party" if facts.federated and not by:
                return [f"The sign-in provider of {facts.provider}"]
            case "not_enforced" | "blocked":
                return []
        return by

    def _reason(self, verdict: str, account: Account, facts: Facts) -> str | None:
        said = []
        match verdict:
            case "security_defaults":
                said.append(_RISK)
            case "per_user" | "per_user_pending":
                said.append(_PER_USER)
            case "third_party" if facts.federated:
                behaviour = self.providers.get(facts.provider)
                said.append(
                    f"federatedIdpMfaBehavior: {behaviour}." if behaviour else "What it demands is not visible."
                )
            case "third_party":
                said.append("Another product asks for the second factor; whether it does cannot be verified here.")
            case "not_enforced" if self.defaults and not facts.defaults:
                said.append(_SYNC_EXEMPT)
        if self.defaults and self.policies.enabled:
            said.append(_BOTH_ON)
        if account.external and self.guest_trusted and verdict not in ("not_enforced", "blocked"):
            said.append(_TRUSTED_HOME)
        return " ".join(said) or None

    def _when_active(self, account: Account, guest: frozenset[str], facts: Facts) -> str | None:
        key = account.account_id.lower()
        if key not in self.eligible:
            return None
        who = (self.later if key in self.later.members else self.now).profile(key, guest, self.named)
        return _agreed(self.policies.possible(who), facts)[0]

    def _if_enabled(self, who: Profile, facts: Facts, verdict: str) -> str | None:
        then, _ = _agreed(self.policies.possible(who, with_report_only=True), facts)
        return then if then != verdict and verdict != "unknown" else None

    def _named(self, account: Account) -> bool:
        return (account.username or "").lower() in self.configured

    def _emergency(self, account: Account, exempt: Callable[[], bool | None]) -> bool | None:
        """Configured, or recognised: a highest administrator of the cloud alone, exempt from what everybody must do."""
        if self._named(account):
            return True
        highest = account.account_id in self.highest or (None if self.highest_open else False)
        signs = (highest, _not(account.external), _not(account.synced), _not(account.licensed))
        return False if False in signs else _all((*signs, exempt()))

    def _exempt(self, who: Profile, possible: Possible) -> bool | None:
        """By name or group from every policy that demands something of everybody; and nothing demands a factor."""
        demanding = [p for p in self.policies.enabled if p.include.everybody and p.grant.clauses and not p.grant.block]
        named = (
            who.account_id in p.exclude.users
            or bool(p.exclude.groups & who.groups)
            or (None if p.exclude.groups & who.groups_open else False)
            for p in demanding
        )
        undemanded = _same(not coverage.verdict for coverage in possible.coverages)
        return _all((bool(demanding), undemanded, *named))


def documents(tables: Tables) -> tuple[list[Policy], list[Policy], dict[str, Location]]:
    """Policies in force or in a state nobody knows, policies that only watch, and the named locations by id."""
    stored = list(tables.rows(AccessPolicy))
    strengths = {row.policy_id.lower(): _strength(row) for row in stored if row.kind == "strength"}
    found = [_policy(row, strengths) for row in stored if row.kind == "policy"]
    known = [one for one in found if one is not None and one.state != "disabled"]
    return (
        [one for one in known if one.state != "report_only"],
        [one for one in known if one.state == "report_only"],
        {row.policy_id.lower(): _location(row) for row in stored if row.kind == "location"},
    )


def _policy(row: AccessPolicy, strengths: Mapping[str, Any]) -> Policy | None:
    state = row.state or "unknown"
    try:
        return policy(row.document or "", state, strengths)
    except (ValueError, RecursionError):
        return unreadable(row.policy_id, row.name or row.policy_id, state)


def _location(row: AccessPolicy) -> Location:
    try:
        return location(row.document or "")
    except (ValueError, RecursionError):
        return Location(row.policy_id.lower(), row.name or row.policy_id)


def _strength(row: AccessPolicy) -> Any:
    try:
        return json.loads(row.document or "")
    except (ValueError, RecursionError):
        return None


def directories(
    tables: Tables, outcomes: Mapping[str, Outcome], roles: Iterable[RoleAssignment], policies: Iterable[Policy]
) -> tuple[Directory, Directory]:
    """Groups and roles as they are now, and as they are once everything that can be switched on is on.

    The second holds only accounts for which it makes a difference.
    """
    sides = [side for one in policies for side in (one.include, one.exclude)]
    wanted_groups = {key for side in sides for key in side.groups}
    wanted_roles = {key for side in sides for key in side.roles}
    read = {row.group_id.lower() for row in tables.rows(Group) if row.members_known or row.exists is False}
    groups: dict[str, dict[str, set[str]]] = {"active": defaultdict(set), "eligible": defaultdict(set)}
    for member in tables.rows(GroupMember):
        key = member.group_id.lower()
        if key in wanted_groups and member.relation != "owner":
            groups["eligible" if member.state == "eligible" else "active"][member.member_id.lower()].add(key)
    held: dict[str, dict[str, set[str]]] = {"active": defaultdict(set), "eligible": defaultdict(set)}
    open_now = set() if _whole(outcomes.get("role_assignments")) else set(wanted_roles)
    open_later = set() if _whole(outcomes.get("eligible_roles")) else set(wanted_roles)
    for row in roles:
        template = _template(row)
        if template not in wanted_roles or row.scope not in ("tenant", None):
            continue
        if row.holder_kind == "group" or row.scope is None:  # anybody may hold it
            (open_later if row.state == "eligible" else open_now).add(template)
        elif row.holder_kind != "service_principal":
            held["eligible" if row.state == "eligible" else "active"][row.holder_id.lower()].add(template)
    later_groups = {key: groups["active"].get(key, set()) | more for key, more in groups["eligible"].items()}
    later_roles = {key: held["active"].get(key, set()) | more for key, more in held["eligible"].items()}
    different = later_groups.keys() | later_roles.keys()
    now = Directory(
        {key: frozenset(found) for key, found in groups["active"].items()},
        frozenset(wanted_groups - read),
        {key: frozenset(found) for key, found in held["active"].items()},
        frozenset(open_now),
    )
    later = Directory(
        {key: frozenset(later_groups.get(key, groups["active"].get(key, ()))) for key in different},
        now.members_open,
        {key: frozenset(later_roles.get(key, held["active"].get(key, ()))) for key in different},
        frozenset(open_now | open_later),
    )
    return now, later


def guest_kinds(account: Account) -> frozenset[str]:
    """Microsoft's word for the kind of guest, "" for no guest; all that fit where type or origin are not known."""
    kinds = ("guest", "member") if account.kind is None else ("guest" if account.kind == "guest" else "member",)
    origins = (True, False) if account.external is None else (account.external,)
    return frozenset(GUEST_KINDS.get((kind, external), "") for kind in kinds for external in origins)


def _agreed(possible: Possible, facts: Facts) -> tuple[str, str]:
    """The verdict if it is the same whatever is unknown; else unknown, and why."""
    found = {settled(coverage, facts) for coverage in possible.coverages}
    verdicts = {verdict for verdict, _ in found}
    if len(verdicts) == 1 and not (possible.bounds and verdicts & _IN_PART):
        return min(found)
    reasons = [*(f"It depends on this: {why}." for why in possible.why), *sorted(why for _, why in found if why)]
    return "unknown", " ".join(reasons)


def _gaps(verdict: str, possible: Possible, facts: Facts) -> list[str]:
    gaps = list(dict.fromkeys(gap for coverage in possible.coverages for gap in coverage.gaps))
    if verdict == "per_user_pending":
        return ["Not set up yet: until then the password alone is enough.", *gaps]
    return [] if verdict in ("enforced", "blocked", "per_user", "security_defaults") else gaps


def _legacy_blocked(possible: Possible, facts: Facts) -> bool | None:
    if facts.defaults:
        return True
    by_policies = _same(coverage.legacy_blocked for coverage in possible.coverages)
    return None if facts.defaults is None and not by_policies else by_policies


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _all(values: Iterable[bool | None]) -> bool | None:
    """Kleene's "and": one no decides, else one unknown leaves it open."""
    found = set(values)
    return False if False in found else None if None in found else True


def _same(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _template(row: RoleAssignment) -> str:
    """The built-in role's id in every tenant; snapshots of the first version have it as the role's own."""
    return (row.template_id or row.role_id or "").lower()


def _of_scope(settings: Mapping[tuple[str, str], str | None], name: str, prefix: str) -> dict[str, str]:
    return {
        scope.removeprefix(prefix): value
        for (of, scope), value in settings.items()
        if of == name and value and scope.startswith(prefix)
    }


def _whole(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Complete | NotOffered)


def _unread(outcome: Outcome | None) -> str:
    if outcome is None:
        return NOT_READ_THEN
    return outcome.error.detail if isinstance(outcome, Incomplete) else ""


DERIVED = Derived(
    fills=MfaEnforcement,
    reads=(Account, MfaRegistration, Setting, AccessPolicy, Group, GroupMember, RoleAssignment),
    rows=rows,
)
