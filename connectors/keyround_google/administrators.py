"""Who the administrators are, once roles, people and organisational units are known together.

Completes `role_assignments`: a holder that is nobody in the directory is a
service account or a deleted account; a unit is called by its path; an assignment
that has ended is none; a group of everybody is everybody. Somebody whom the
directory itself calls an administrator stands here even where the roles were
refused, or tell of no such role.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from keyround.connector import Complete, Derived, NotOffered, Outcome, Tables
from keyround.errors import CollectError
from keyround.model import Account, OrgUnit, RoleAssignment

from .role_words import SUPER, Role, judged
from .roles import UNIT


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[RoleAssignment]:
    flags = {account.account_id: account.administrator for account in tables.rows(Account)}
    whole = isinstance(outcomes.get("users"), Complete)
    units = {unit.unit_id: unit.path for unit in tables.rows(OrgUnit)}
    told: set[tuple[str | None, ...]] = set()
    holders: set[str] = set()
    highest: set[str] = set()
    for assignment in tables.rows(RoleAssignment):
        if assignment.ends_at and assignment.ends_at <= now:
            continue
        for held in _spelt_out(assignment, flags, whole):
            key = (held.holder_id, held.role_id, held.via_id, held.scope_id, held.scope)
            if key in told:
                continue
            told.add(key)
            holders.add(held.holder_id)
            if held.highest:
                highest.add(held.holder_id)
            yield replace(held, scope=_called(held, units))
    for account_id, flag in flags.items():
        if flag == "highest" and account_id not in highest:
            yield _super(account_id)
        elif flag == "other" and account_id not in holders:
            yield RoleAssignment(account_id, "account", highest=False, state="active")  # of whatever kind


def _spelt_out(held: RoleAssignment, known: Mapping[str, Any], whole: bool) -> Iterator[RoleAssignment]:
    """`held`, of whom it is; for a group of everybody one row for each account, where all accounts are known."""
    if held.holder_kind == "group" and held.members_known:
        if whole:
            yield from (replace(held, holder_id=account_id, holder_kind="account") for account_id in known)
        else:
            yield replace(held, members_known=False)
    elif held.holder_id in known:
        yield replace(held, holder_kind="account", holder_name=None)
    elif whole and held.holder_kind == "account" and held.via_id is None:
        yield replace(held, holder_kind="no_person")
    else:
        yield held


def _called(held: RoleAssignment, units: Mapping[str, str | None]) -> str | None:
    path = units.get(held.scope_id or "")
    return held.scope.replace(f"{UNIT} {held.scope_id}", f"{UNIT} {path}") if held.scope and path else held.scope


def _super(account_id: str) -> RoleAssignment:
    """Super Admin is only ever held directly, for the whole tenant."""
    role = judged(Role(roleName=SUPER))
    return RoleAssignment(
        account_id, "account", None, role.name, role.privileged, role.highly_privileged, role.highest, "active",
        scope="tenant", resets_credentials=role.resets_credentials,
    )  # fmt: skip


def _untold(outcomes: Mapping[str, Outcome]) -> Mapping[str, CollectError]:
    outcome = outcomes.get("roles", NotOffered())
    return {} if isinstance(outcome, NotOffered) else outcome.without


DERIVED = Derived(fills=RoleAssignment, reads=(RoleAssignment, Account, OrgUnit), rows=rows, untold=_untold)
