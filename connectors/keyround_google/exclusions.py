"""Whom policies exempt from 2-Step Verification, whether they must use it all the same, and what is named but gone.

A setting that is off for a group or a unit takes people out of one that is on around them. Worked out from the
snapshot alone, after the verdicts of the accounts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from keyround.connector import Complete, Derived, Outcome, Tables
from keyround.model import (
    AccessPolicy,
    Account,
    Group,
    GroupMember,
    LicenseAssignment,
    MfaEnforcement,
    OrgUnit,
    PolicyExclusion,
    RoleAssignment,
)

from .two_step import Estate, estate
from .two_step.conditions import Member, Unit, any_holds, atoms
from .two_step.documents import ADMINS, ENFORCEMENT, Policy, enforced_from
from .two_step.people import Profile
from .two_step.words import policy_name

_COVERED = {"enforced", "blocked"}
_NOT_TOLD = {"unknown", "third_party"}


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[PolicyExclusion]:
    known = estate(tables, outcomes, now)
    policies = [one for one in known.policies.get(ENFORCEMENT, ()) if not one.system]
    exempting = {one.policy_id: one for one in policies if _exempts(one, known)}
    verdicts = {row.account_id: row for row in tables.rows(MfaEnforcement)}
    found = _exempt(tables, known, exempting.keys()) if exempting else _Exempt({}, set())
    whole = isinstance(outcomes.get("policies"), Complete) and isinstance(outcomes.get("users"), Complete)
    for policy in exempting.values():
        kind, subject = _exempts(policy, known) or ("", None)
        ids = found.accounts.get(policy.policy_id, []) if whole and policy.policy_id not in found.unsure else None
        yield PolicyExclusion(
            policy_id=policy.policy_id,
            policy=policy_name(policy, known, now),
            demands="mfa",
            side="exclude",
            subject_kind=kind,
            subject_id=subject,
            subject=_called(known, kind, subject),
            exists=_exists(known, kind, subject),
            accounts=None if ids is None else len(ids),
            uncovered=None if ids is None else _uncovered(ids, verdicts),
        )
    for policy in policies:
        told = _exempts(policy, known)
        for kind, subject in _named(policy):
            if (kind, subject) != told and _exists(known, kind, subject) is False:
                side = "exclude" if _is_off(policy) else "include"
                name = policy_name(policy, known, now)
                yield PolicyExclusion(
                    policy.policy_id, name, "mfa", side, kind, subject, exists=False, accounts=0, uncovered=0
                )


@dataclass(slots=True)
class _Exempt:
    """Account ids by the policy that takes them out; of those in `unsure` nobody can say whom."""

    accounts: dict[str, list[str]]
    unsure: set[str]


def _exempt(tables: Tables, known: Estate, exempting: Collection[str]) -> _Exempt:
    """Of everybody who can sign in: where the strongest policy is off, and a weaker one is on."""
    people: dict[Profile, list[str]] = defaultdict(list)
    for account in tables.rows(Account):
        if account.enabled is not False:
            people[known.people.profile(account)].append(account.account_id)
    on = [one for one in known.policies.get(ENFORCEMENT, ()) if not _is_off(one)]
    found = _Exempt(defaultdict(list), set())
    for who, ids in people.items():
        possible = known.effective(ENFORCEMENT, "enforcedFrom", who, lambda said: None, None)
        off = [one.policy_id for one, _ in possible.winners if one and one.policy_id in exempting]
        spared = any_holds(known.applies(one, who) for one in on) if off else False
        if spared is None or (spared and len(possible.winners) > 1):
            found.unsure.update(off)
        elif spared:
            found.accounts[off[0]] += ids
    return found


def _exempts(policy: Policy, known: Estate) -> tuple[str, str] | None:
    """Kind and id of whom a policy that is off is meant for. Off for the whole organisation exempts nobody."""
    if not _is_off(policy):
        return None
    if policy.group:
        return "group", policy.group
    return ("unit", policy.unit) if policy.unit and policy.unit != known.people.root else None


def _is_off(policy: Policy) -> bool:
    return enforced_from(policy.value.get("enforcedFrom"))[0] is False


def _named(policy: Policy) -> Iterator[tuple[str, str]]:
    for atom in dict.fromkeys(atoms(policy.condition)):
        match atom:
            case Unit(unit):
                yield "unit", unit
            case Member(group):
                yield "group", group


def _exists(known: Estate, kind: str, subject: str | None) -> bool | None:
    people = known.people
    if subject == ADMINS:
        return True
    if kind == "unit":
        return True if subject in people.names else False if people.units_whole and people.names else None
    if subject in people.gone_groups:
        return False
    return True if subject in people.group_names or subject not in people.open_groups else None


def _called(known: Estate, kind: str, subject: str | None) -> str | None:
    if subject == ADMINS:
        return "all administrators"
    return (known.people.names if kind == "unit" else known.people.group_names).get(subject or "")


def _uncovered(ids: Iterable[str], verdicts: Mapping[str, MfaEnforcement]) -> int | None:
    """How many of the exempt it is not demanded of for all that, at the least; None where it may be some or none.

    Emergency accounts are exempt on purpose, and whoever may be one perhaps is.
    """
    covered: list[bool | None] = []
    for key in ids:
        row = verdicts.get(key)
        if row is None or row.verdict in _NOT_TOLD:
            covered.append(None)
        elif not row.emergency:
            answer = row.verdict in _COVERED
            covered.append(None if not answer and row.emergency is None else answer)
    return covered.count(False) or (None if None in covered else 0)


DERIVED = Derived(
    fills=PolicyExclusion,
    reads=(
        AccessPolicy, Account, OrgUnit, Group, GroupMember, LicenseAssignment, RoleAssignment, MfaEnforcement,
    ),
    rows=rows,
)  # fmt: skip
