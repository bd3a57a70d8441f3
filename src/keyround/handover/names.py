"""Who there is in a scan: everybody's code, and every name that stands for them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..engine.results import Scan
from ..export.clean import short
from ..export.roster import Key, joined
from ..model import Account, Device, RoleAssignment, SignInPlace, home_address
from ..store import codes
from ..store.codes import DEVICES, PEOPLE, Codes
from .ours import kept, our_words
from .scrub import SEVERAL, SOMEBODY, Index

HOLDERS = ("account", "deleted", "no_person", "unknown", None)
"""Kinds of role holders that may be a person of whom no account was read."""


def coded(scan: Scan, root: Path) -> tuple[Codes | None, Index | None]:
    """Everybody's codes, kept below the client's folder `root`, and the index of their names. Raises StoreError."""
    if not scan.presentation.private:
        return None, None
    groups, devices = _everybody(scan)
    known = codes.given(root, groups, devices, scan.taken_at.date())
    return known, _index(scan, known)


def key(tenant: str, subject: str) -> str:
    """Under which a person or device has its code."""
    return f"{tenant}/{subject}"


def stranger(username: str | None) -> str:
    """The id, for `key`, of somebody who is in no directory as far as it could be read."""
    return f"name:{(username or '').casefold()}"


def _everybody(scan: Scan) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The keys of every person, accounts of one person together, and of every device."""
    same = joined(scan)
    groups: dict[Key, dict[str, None]] = {}
    devices = {(tenant.id, row.device_id) for tenant in scan.tenants for row in scan.rows(Device, tenant.id)}
    for table, tenant, subject, _ in _told(scan):
        if table == "devices":
            devices.add((tenant, subject))
        else:
            groups.setdefault(same.get((tenant, subject), (tenant, subject)), {})[key(tenant, subject)] = None
    for of in scan.tenants:
        for subject in _subjects(scan, of.id):
            groups.setdefault(same.get((of.id, subject), (of.id, subject)), {})[key(of.id, subject)] = None
        for place in _strangers(scan, of.id):
            groups[of.id, stranger(place.username)] = {key(of.id, stranger(place.username)): None}
    return [tuple(group) for group in groups.values()], [(key(*device),) for device in sorted(devices)]


def _subjects(scan: Scan, tenant: str) -> Iterator[str]:
    """The ids of accounts, also of those that were not read, and of holders of roles who may be people."""
    yield from (account.account_id for account in scan.rows(Account, tenant))
    yield from (place.account_id for place in scan.rows(SignInPlace, tenant) if place.account_id)
    yield from (row.holder_id for row in scan.rows(RoleAssignment, tenant) if row.holder_kind in HOLDERS)


def _told(scan: Scan) -> Iterator[tuple[str, str, str, str]]:
    """Table, tenant, id and last name of the people and devices that findings and changes are about."""
    told = [(f.rule.subject, f.tenant, f.judged.subject, f.who) for f in scan.findings]
    told += [(c.subject_table, c.tenant, c.subject, c.who) for c in scan.changes]
    yield from (one for one in told if one[0] != "tenants" and one[1] != one[2])


def _strangers(scan: Scan, tenant: str) -> Iterator[SignInPlace]:
    return (place for place in scan.rows(SignInPlace, tenant) if not place.account_id)


def _index(scan: Scan, known: Codes) -> Index:
    """Every name there is, of people by number and of devices by their number below nought."""
    index = Index(our_words(scan), kept(scan))
    people, devices = known.numbers[PEOPLE], known.numbers[DEVICES]
    for tenant in scan.tenants:
        for account in scan.rows(Account, tenant.id):
            names = (account.username, home_address(account.username), account.mail)
            person = account.kind in ("member", "guest", None)
            index.add(people[key(tenant.id, account.account_id)], account.display_name, names, person)
        for place in _strangers(scan, tenant.id):
            index.add(people[key(tenant.id, stranger(place.username))], None, (place.username,))
        for role in scan.rows(RoleAssignment, tenant.id):
            if role.holder_name and role.holder_kind in HOLDERS:
                index.add(people[key(tenant.id, role.holder_id)], role.holder_name)
        for device in scan.rows(Device, tenant.id):
            index.add(_device(devices[key(tenant.id, device.device_id)]), device.name, parts=False)
    for table, of, subject, who in _told(scan):
        if who and table == "devices":
            index.add(_device(devices[key(of, subject)]), who, parts=False)
        elif who:
            index.add(people[key(of, subject)], None if "@" in who else who, (who,) if "@" in who else ())
    return index


def _device(number: int) -> int:
    return -number - 1  # -1 is SEVERAL


def initials(name: str | None) -> str:
    """The first letters of the first and the last word: `P. L.`; empty where there is no letter."""
    found = re.findall(r"[^\W\d_]+", short(name or "", 200))
    return " ".join(f"{word[0].upper()}." for word in dict.fromkeys((found[:1] + found[-1:]) if found else ()))


class Scrubbed:
    """Names in free text, as `Index` finds them, each by the label that its place calls for."""

    def __init__(self, index: Index, named: Callable[[int], str] | None) -> None:
        self._so = functools.lru_cache(4096)(lambda text: index.scrub(text, named) if named else text)
        self._did = functools.lru_cache(4096)(lambda text: index.scrub(text, code))

    def so(self, text: str) -> str:
        return self._so(text)

    def did(self, text: str) -> str:
        return self._did(text)


def code(number: int) -> str:
    """P-17 or D-3 of a number of the index."""
    if number == SEVERAL:
        return SOMEBODY
    return f"{PEOPLE}-{number}" if number > 0 else f"{DEVICES}-{-number - 1}"
