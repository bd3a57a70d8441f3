"""What a policy can ask of a person: units, groups, licences, and whether the person is an administrator.

Each answer is True, False or, where something was not read, None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from keyround.connector import Complete, NotOffered, Outcome, Tables
from keyround.model import Account, Group, GroupMember, LicenseAssignment, OrgUnit, RoleAssignment

from .conditions import Atom, Licensed, Member, Unit, any_holds
from .documents import ADMINS

EVERYBODY = "everybody"
"""`member_kind` of the row that says: the whole customer is in this group."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree: the unit at the top first. `whole`: not one unit on the way is missing."""

    units: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """All that policies can tell two people apart by.

    `held`: licences, None of somebody without a user name to look them up by; `highest`: super administrator.
    """

    place: Place
    groups: frozenset[str] = frozenset()
    admin: bool | None = False
    highest: bool | None = False
    held: frozenset[str] | None = frozenset()


@dataclass(slots=True)
class Directory:
    """Who is where. Only `groups` and `licences` that some policy names are kept; `open_groups` were not read."""

    paths: Mapping[str, str]
    names: Mapping[str, str]
    group_names: Mapping[str, str]
    gone_groups: Set[str]
    units_whole: bool
    members: Mapping[str, frozenset[str]]
    full_groups: frozenset[str]
    open_groups: Set[str]
    held: Mapping[str, frozenset[str]]
    licences_whole: bool
    admins: Mapping[str, bool | None]
    admins_whole: bool
    highest_open: bool
    _places: dict[str | None, Place] = field(default_factory=dict)

    @property
    def root(self) -> str | None:
        return self.paths.get("/")

    def profile(self, account: Account) -> Profile:
        groups = self.members.get(account.account_id, frozenset())
        listed = account.account_id in self.admins
        top = self.admins.get(account.account_id, False)
        if account.administrator in ("highest", "other") or listed:
            admin: bool | None = True
        else:
            admin = False if self.admins_whole else None
        if account.administrator == "highest" or top:
            highest: bool | None = True
        elif account.administrator in ("other", "none"):
            highest = False
        else:
            highest = None if self.highest_open else top
        return Profile(
            self.place(account.org_unit),
            groups | self.full_groups if self.full_groups else groups,
            admin,
            highest,
            self.held.get(account.username.lower(), frozenset()) if account.username else None,
        )

    def place(self, path: str | None) -> Place:
        """The unit of this path and all above it."""
        if path not in self._places:
            self._places[path] = self._place(path)
        return self._places[path]

    def _place(self, path: str | None) -> Place:
        steps = [step for step in (path or "").split("/") if step]
        above = ["/" + "/".join(steps[:depth]) for depth in range(len(steps) + 1)]
        units = [self.paths.get(one.lower()) for one in above]
        return Place(tuple(unit for unit in units if unit), path is not None and None not in units)

    def says(self, who: Profile, atom: Atom) -> bool | None:
        """Whether `atom` is true of `who`."""
        match atom:
            case Unit():
                return self.here(who.place, atom)
            case Member(group):
                if group == ADMINS:
                    return who.admin
                return True if group in who.groups else None if group in self.open_groups else False
            case Licensed(sku):
                held = who.held or frozenset()
                return True if sku in held else False if self.licences_whole and who.held is not None else None
        return None

    def here(self, place: Place, atom: Atom) -> bool | None:
        """What the place alone says of `atom`."""
        if not isinstance(atom, Unit):
            return None
        if atom.id in place.units:
            return True
        return False if place.whole or atom.id in self.names else None


def directory(tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, named: Set[Atom]) -> Directory:
    """Of all that was read, what the `named` atoms hang on. A role that has ended by `now` is none."""
    units = [unit for unit in tables.rows(OrgUnit) if unit.path]
    wanted = {atom.id for atom in named if isinstance(atom, Member)} - {ADMINS}
    groups = {row.group_id: row for row in tables.rows(Group) if row.group_id in wanted}
    read = {key for key, row in groups.items() if row.members_known or row.exists is False}
    members, full = _members(tables, wanted)
    roles = [row for row in tables.rows(RoleAssignment) if row.ends_at is None or row.ends_at > now]
    roles_whole = _whole(outcomes.get("roles"))
    # A group whose members could not be read may make anybody an administrator.
    hidden = any(row.holder_kind in ("group", None) for row in roles)
    return Directory(
        paths={unit.path.lower(): unit.unit_id for unit in units if unit.path},
        names={unit.unit_id: unit.path for unit in units if unit.path},
        group_names={key: row.name for key, row in groups.items() if row.name},
        gone_groups={key for key, row in groups.items() if row.exists is False},
        units_whole=_whole(outcomes.get("org_units")),
        members=members,
        full_groups=full,
        open_groups=wanted - read,
        held=_licences(tables, {atom.id for atom in named if isinstance(atom, Licensed)}),
        licences_whole=isinstance(outcomes.get("licenses"), Complete),
        admins=_administrators(roles),
        admins_whole=roles_whole and not hidden,
        highest_open=not roles_whole,
    )


def _members(tables: Tables, wanted: Set[str]) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Account to the wanted groups it is in, and the groups that everybody is in."""
    found: dict[str, set[str]] = defaultdict(set)
    full = set()
    for row in tables.rows(GroupMember) if wanted else ():
        if row.group_id in wanted and row.relation != "owner":
            if row.member_kind == EVERYBODY:
                full.add(row.group_id)
            else:
                found[row.member_id].add(row.group_id)
    # The same few sets again and again: one of each is enough.
    shared: dict[frozenset[str], frozenset[str]] = {}
    frozen = ((key, frozenset(groups)) for key, groups in found.items())
    return {key: shared.setdefault(groups, groups) for key, groups in frozen}, frozenset(full)


def _licences(tables: Tables, wanted: Set[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in tables.rows(LicenseAssignment) if wanted else ():
        if row.sku_id in wanted:
            found[row.username.lower()].add(row.sku_id)
    return {key: frozenset(skus) for key, skus in found.items()}


def _administrators(roles: list[RoleAssignment]) -> dict[str, bool | None]:
    """Whoever holds a role, and whether one is the highest; None where nobody told what one of them may do."""
    found: dict[str, bool | None] = {}
    for row in roles:
        if row.holder_kind != "group" and row.state != "eligible":
            found[row.holder_id] = any_holds((found.get(row.holder_id, False), row.highest))
    return found


def _whole(outcome: Outcome | None) -> bool:
    return isinstance(outcome, Complete | NotOffered)
