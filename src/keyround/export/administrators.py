"""Sheet "Administrators": one row per holder and role, by whatever path the role is held.

Holders that are no account stand here too: apps, and groups whose members could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..engine.results import Scan
from ..model import RoleAssignment
from ..words import say, word
from ..words.sentences import told
from . import private
from .blocks import DAY, TENANT, USERNAME, Cell, Column, Sheet, Table, Text
from .clean import short
from .known import NOBODY, address, labels, offered, on, whole
from .people import demanded, gaps
from .roster import Person, people
from .tones import tones

_ID = re.compile(r" (?=[\w-]*\d)[\w-]{8,}(?=,|$)")
_LEVELS = ("highest", "high", "privileged", "unknown", "other")


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.name"), 24),
        Column(say("column.username"), USERNAME),
        Column(say("column.tenant"), TENANT),
        Column(say("column.role"), 20),
        Column(say("column.level"), 12),
        Column(say("column.resets"), 11),
        Column(say("column.state"), 16),
        Column(say("column.via"), 14),
        Column(say("column.scope"), 15),
        Column(say("column.protected"), 13, tones("protection")),
        Column(say("column.strength"), 12, tones("strength")),
        Column(say("column.demanded"), 20),
        Column(say("column.gaps"), 28),
        Column(say("column.last_sign_in"), DAY),
    )
    shown = private.shown(scan, columns, usernames=(1,), uses=(13,))
    rows = (tuple(row[n] for n in shown) for row in _rows(scan))
    unread = [name for tenant, name in labels(scan).items() if _unread(scan, tenant)]
    notes = [Text(say("administrators.unread", tenant=name), "body", "unknown") for name in unread]
    empty = say("administrators.unread_all" if unread or not scan.tenants else "administrators.empty")
    return Sheet(
        say("sheet.administrators"),
        (
            Text(say("sheet.administrators"), "title"),
            Text(say("administrators.about"), "note"),
            *private.about(scan),
            *notes,
            Table("administrators", tuple(columns[n] for n in shown), rows, empty),
        ),
    )


def _unread(scan: Scan, tenant: str) -> bool:
    return offered(scan, tenant, "role_assignments") and not whole(scan, tenant, "role_assignments")


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    label = labels(scan)
    for tenant in scan.tenants:
        roles = list(scan.rows(RoleAssignment, tenant.id))
        holders = {role.holder_id for role in roles}
        known = {p.account_id: p for p in people(scan, tenant) if p.account_id in holders}
        for role in sorted(roles, key=lambda role: _order(role, known.get(role.holder_id))):
            person = known.get(role.holder_id)
            yield (
                person.label if person else _stranger(role),
                address(person.username) if person else None,
                label.get(tenant.id, tenant.id),
                role.role or say("unknown"),
                word("level", level(role)),
                say("unknown") if role.resets_credentials is None else say("yes" if role.resets_credentials else "no"),
                _state(role, person),
                _path(role),
                _scope(role),
                word("protection", person.protection if person else _of_stranger(role)),
                word("strength", person.strength) if person else None,
                demanded(person) if person else None,
                gaps(person) if person else say("people.own_access") if role.holder_id in tenant.own_access else None,
                _last(person),
            )


def level(role: RoleAssignment) -> str:
    """How much the role can do, in one word of the catalogue."""
    if role.highest:
        return "highest"
    if role.highly_privileged:
        return "high"
    if role.privileged is None:
        return "unknown"
    return "privileged" if role.privileged else "other"


def _state(role: RoleAssignment, person: Person | None) -> str:
    """Active or not yet, and where anybody said so, until when; nothing of it counts while the account is shut."""
    if person and person.enabled is False:
        return say("state.shut")
    state = word("state", "activated" if role.activated and role.state == "active" else role.state)
    if role.ends_at:
        return say("state.until", state=state, day=role.ends_at.date())
    return say("state.permanent", state=state) if role.permanent else state


def _path(role: RoleAssignment) -> str:
    """Through which group; a row without a role is known by the directory's own flag alone."""
    if role.via_id:
        return told(role.via) if role.via else say("via.group")
    return say("via.direct" if role.role_id or role.holder_kind != "account" else "via.flag")


def _scope(role: RoleAssignment) -> str:
    """By name; an id, which says nothing to anybody, is left out."""
    said = told(word("scope", role.scope))
    said = said[:1].upper() + said[1:]
    return said.replace(f" {role.scope_id}", "") if role.scope_id else _ID.sub("", said)


def _order(role: RoleAssignment, person: Person | None) -> tuple[int, str, str]:
    return _LEVELS.index(level(role)), person.label.casefold() if person else "~", role.holder_id


def _stranger(role: RoleAssignment) -> str:
    """A holder of whom no account is known: by name where anybody said it, else by id."""
    name = role.holder_name or (role.via if role.holder_kind == "group" else None) or role.holder_id
    return say("held.by", kind=word("holder_kind", role.holder_kind), name=short(name, 80))


def _of_stranger(role: RoleAssignment) -> str:
    return "not_applicable" if role.holder_kind in NOBODY else "unknown"


def _last(person: Person | None) -> Cell:
    if person is None:
        return None
    return on(person.last_sign_in) or say("never" if person.activity == "never" else "unknown")
