"""Whom policies exempt, whether anything else covers them, and what policies name that no longer exists.

An exemption that another policy makes up for is harmless; one that was meant
for a week and forgotten is how an attacker gets in. Worked out from the
snapshot alone, after the verdicts of the accounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keyround.connector import Complete, Derived, NotOffered, Outcome, Tables
from keyround.model import (
    AccessPolicy,
    Account,
    Group,
    GroupMember,
    MfaEnforcement,
    PolicyExclusion,
    RoleAssignment,
)

from .conditional_access.documents import People, Policy
from .conditional_access.people import GUEST_KINDS
from .conditional_access.scenarios import LEGACY
from .enforcement import documents, guest_kinds

_COVERED = {"enforced", "security_defaults", "per_user", "blocked"}
_NOT_TOLD = {"unknown", "third_party"}
_KINDS = frozenset(GUEST_KINDS.values())
_CALLED = {
    "b2bcollaborationguest": "invited guests",
    "b2bcollaborationmember": "invited people with the rights of members",
    "b2bdirectconnectuser": "people of other organisations in shared channels",
    "internalguest": "guests with an account of their own here",
    "otherexternaluser": "other people from outside",
    "serviceprovider": "staff of the service provider",
}


@dataclass(frozen=True, slots=True)
class _Directory:
    """Enabled accounts by the ways in which a policy can name them; ids in lower case.

    A role in `open_roles` may be held by somebody unseen, every role where `roles_known` is false.
    """

    accounts: frozenset[str]
    enabled: frozenset[str]
    all_known: bool
    groups: Mapping[str, Group]
    members: Mapping[str, set[str]]
    roles: Mapping[str, str | None]
    roles_known: bool
    open_roles: Set[str]
    holders: Mapping[str, set[str]]
    guests: Mapping[str, set[str]]
    verdicts: Mapping[str, MfaEnforcement]


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[PolicyExclusion]:
    enabled, _, _ = documents(tables)
    if not enabled:
        return
    roles_known = isinstance(outcomes.get("role_assignments"), Complete | NotOffered)
    directory = _read(tables, isinstance(outcomes.get("users"), Complete), roles_known)
    for policy in enabled:
        for side, people in (("exclude", policy.exclude), ("include", policy.include)):
            for row in _named(policy, side, people, directory):
                if side == "exclude" or row.exists is False:
                    yield row


def _read(tables: Tables, all_known: bool, roles_known: bool) -> _Directory:
    accounts = list(tables.rows(Account))
    members, holders, guests = defaultdict(set), defaultdict(set), defaultdict(set)
    open_roles = set()
    for member in tables.rows(GroupMember):
        if member.relation != "owner" and member.state != "eligible":
            members[member.group_id.lower()].add(member.member_id.lower())
    roles: dict[str, str | None] = {}
    for role in tables.rows(RoleAssignment):
        template = (role.template_id or role.role_id or "").lower()
        roles[template] = role.role
        if role.holder_kind == "group" or role.scope is None:
            open_roles.add(template)  # anybody may hold it
        if role.state == "active" and role.scope == "tenant":
            holders[template].add(role.holder_id.lower())
    for account in accounts:
        kinds = guest_kinds(account)
        guests[next(iter(kinds)) if len(kinds) == 1 else ""].add(account.account_id.lower())
    return _Directory(
        accounts=frozenset(account.account_id.lower() for account in accounts),
        enabled=frozenset(account.account_id.lower() for account in accounts if account.enabled is not False),
        all_known=all_known,
        groups={group.group_id.lower(): group for group in tables.rows(Group)},
        members=members,
        roles=roles,
        roles_known=roles_known,
        open_roles=open_roles,
        holders=holders,
        guests=guests,
        verdicts={row.account_id.lower(): row for row in tables.rows(MfaEnforcement)},
    )


def _named(policy: Policy, side: str, people: People, directory: _Directory) -> Iterator[PolicyExclusion]:
    def row(kind: str, key: str, name: str | None, exists: bool | None, who: Iterable[str] | None) -> PolicyExclusion:
        exempt = None if who is None else directory.enabled.intersection(who)
        return PolicyExclusion(
            policy.policy_id, policy.name, _demands(policy), side, kind, key, name, exists,
            None if exempt is None else len(exempt),
            None if exempt is None else _uncovered(policy, exempt, directory.verdicts),
        )  # fmt: skip

    for key in sorted(people.users):
        known = True if key in directory.accounts else False if directory.all_known else None
        yield row("account", key, None, known, [key])
    for key in sorted(people.groups):
        group = directory.groups.get(key)
        known_members = group is not None and (group.members_known or group.exists is False)
        inside = directory.members.get(key, set()) if known_members else None
        yield row("group", key, group.name if group else None, group.exists if group else None, inside)
    for key in sorted(people.roles):
        known_holders = directory.roles_known and key not in directory.open_roles
        held_by = directory.holders.get(key, set()) if known_holders else None
        yield row("role", key, directory.roles.get(key), None, held_by)
    if people.any_guest:
        everyone = set().union(*(directory.guests.get(kind, set()) for kind in _KINDS))
        yield row("guests", "all", "all guests", None, everyone)
    for guests in people.guests:
        some = set().union(*(directory.guests.get(kind, set()) for kind in guests.kinds & _KINDS))
        kinds = sorted(guests.kinds)
        called = ", ".join(_CALLED.get(kind, kind) for kind in kinds)
        yield row("guests", ",".join(kinds), called, None, None if guests.tenants is not None else some)


def _demands(policy: Policy) -> str:
    if policy.grant.block:
        return "legacy_block" if policy.clients and policy.clients <= set(LEGACY) else "block"
    asks = {"mfa", "phishing_resistant", "third_party"}
    return "mfa" if any(clause & asks for clause in policy.grant.clauses) else "other"


def _uncovered(policy: Policy, exempt: Iterable[str], verdicts: Mapping[str, MfaEnforcement]) -> int | None:
    """How many of the exempt nothing else covers, at the least; None where it may be some or none.

    Whether others would be stopped by another block is not the question: then it is None as well. Emergency accounts
    are exempt on purpose, and whoever may be one perhaps is.
    """
    found = [row for key in exempt if not ((row := verdicts.get(key)) and row.emergency)]
    match _demands(policy):
        case "mfa":
            covered = [None if row is None or row.verdict in _NOT_TOLD else row.verdict in _COVERED for row in found]
        case "legacy_block":
            covered = [row.legacy_blocked if row else None for row in found]
        case _:
            return None
    certain = [
        None if is_covered is False and (row is None or row.emergency is None) else is_covered
        for row, is_covered in zip(found, covered, strict=True)
    ]
    return certain.count(False) or (None if None in certain else 0)


DERIVED = Derived(
    fills=PolicyExclusion,
    reads=(AccessPolicy, Account, Group, GroupMember, MfaEnforcement, RoleAssignment),
    rows=rows,
)
