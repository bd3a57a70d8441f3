"""Which policy wins for a person, and what it then says.

Of the policies of one setting that apply to somebody, the one with the greatest sort order wins; it is Google's own
rank of units over groups over the units above. Where nobody can say whether a policy applies, both answers are gone
through: only if they differ is the value unknown.

Source  https://cloud.google.com/identity/docs/concepts/policy-api-concepts
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from typing import Any, Generic, TypeVar

from keyround.connector import Complete, Outcome, Tables
from keyround.model import AccessPolicy, Account
from keyround.model.methods import STRENGTH

from . import documents
from .conditions import Atom, Licensed, Member, Unclear, Unit, atoms, holds
from .documents import ADMINS, FACTOR, MERGED, Assignment, Policy
from .people import Directory, Place, Profile, directory

V = TypeVar("V")

ALL_FACTORS = "ALL"
_PHONE = frozenset({"mobile_phone", "alternate_phone", "office_phone"})
_KEYS_ALONE = "PASSKEY_ONLY"
_KEYS_AND_CODES = frozenset({"PASSKEY_PLUS_SECURITY_CODE", "PASSKEY_PLUS_IP_BOUND_SECURITY_CODE"})

UNITS = "the organisational units were not read"
LICENCES = "licences were not read"
ROLES = "who is an administrator was not read"
CLAUSE = "a condition of a policy is not understood"
ORDER = "the order of two policies is not known"


@dataclass(frozen=True, slots=True)
class Possible(Generic[V]):
    """What may be in force: each winner (None is Google's default) with its value, and why more than one may be.

    `value` is what all of them agree on, else None.
    """

    winners: tuple[tuple[Policy | None, V], ...]
    why: frozenset[str] = frozenset()

    @property
    def values(self) -> set[V]:
        return {value for _, value in self.winners}

    @property
    def value(self) -> V | None:
        found = self.values
        return found.pop() if len(found) == 1 else None

    @property
    def policy(self) -> Policy | None:
        """The winner, where there is only one and it is a policy."""
        return self.winners[0][0] if len(self.winners) == 1 else None


@dataclass(slots=True)
class Estate:
    """A tenant's policies, the strongest of each setting first, and everybody they can apply to."""

    policies: Mapping[str, tuple[Policy, ...]]
    assignments: tuple[Assignment, ...]
    people: Directory
    _near: dict[tuple[str, Place], list[Policy]] = field(default_factory=dict)

    def applies(self, policy: Policy, who: Profile) -> bool | None:
        return holds(policy.condition, lambda atom: self.people.says(who, atom))

    def effective(self, setting: str, name: str, who: Profile, read: Callable[[Any], V], default: V) -> Possible[V]:
        """The field `name` of `setting` for `who`. `default` is what Google documents and the API does not return."""
        ranked = self._about(setting, who)
        if setting in MERGED:
            ranked = [one for one in ranked if name in one.value]
        candidates, why = self._winners(ranked, who)
        return Possible(
            tuple((one, read(one.value[name]) if one and name in one.value else default) for one in candidates), why
        )

    def _winners(self, ranked: Iterable[Policy], who: Profile) -> tuple[list[Policy | None], frozenset[str]]:
        """Every policy that may win, None for Google's default; and why there is more than one."""
        candidates: list[Policy | None] = []
        why: set[str] = set()
        some = settled = False
        for (order, _), rank in groupby(ranked, key=_rank):
            if settled:
                break
            for policy in rank:
                answer = self.applies(policy, who)
                if answer is None:
                    why |= self.doubts(policy, who)
                if answer is not False:
                    candidates.append(policy)
                some |= answer is True
                settled |= answer is True and order is not None
        if not some:
            candidates.append(None)
        if len(candidates) == 1:
            return candidates, frozenset()
        return candidates, frozenset(why or {ORDER})

    def factors(self, who: Profile) -> Possible[str | None]:
        return self.effective(FACTOR, "allowedSignInFactorSet", who, _word, ALL_FACTORS)

    def applying(self, setting: str, who: Profile) -> list[Policy]:
        """Whatever certainly applies, the strongest first."""
        return [policy for policy in self._about(setting, who) if self.applies(policy, who)]

    def _about(self, setting: str, who: Profile) -> list[Policy]:
        """Policies that may apply, the strongest first; those for other places and groups are left out at once."""
        key = setting, who.place
        if key not in self._near:
            self._near[key] = [
                one for one in self.policies.get(setting, ())
                if holds(one.condition, lambda atom: self.people.here(who.place, atom)) is not False
            ]  # fmt: skip
        groups, unread = who.groups, self.people.open_groups
        return [one for one in self._near[key] if (group := one.group) is None or group in groups or group in unread
                or group == ADMINS]  # fmt: skip

    def doubts(self, policy: Policy, who: Profile) -> set[str]:
        """What keeps us from saying whether it applies."""
        return {self.doubt(atom) for atom in atoms(policy.condition) if self.people.says(who, atom) is None}

    def doubt(self, atom: Atom) -> str:
        match atom:
            case Unit():
                return UNITS
            case Licensed():
                return LICENCES
            case Member(group):
                return ROLES if group == ADMINS else f"the members of {self.group(group)} could not be read"
            case Unclear():
                return CLAUSE

    def group(self, key: str) -> str:
        name = self.people.group_names.get(key)
        if name:
            return f"the group {name}"
        return "a group that was deleted" if key in self.people.gone_groups else f"the group with the id {key}"

    def signs_in_elsewhere(self, who: Profile) -> Possible[bool | None]:
        """Whether another provider signs `who` in. Super administrators never are, whatever is assigned."""
        if who.highest:
            return Possible(((None, False),))
        values: list[bool | None] = []
        why: set[str] = set()
        settled = False
        for rank, same in groupby(self.assignments, key=lambda one: one.rank):
            for one in same:
                if not one.group:
                    continue
                member = Member(one.group)
                inside = self.people.says(who, member)
                if inside is None:
                    why.add(self.doubt(member))
                if inside is not False:
                    values.append(one.elsewhere)
                settled |= inside is True and rank is not None
            if settled:
                break
        if not settled:
            values += self._of_units(who, why)
        if who.highest is None and values != [False]:
            why.add(ROLES)
            values.append(False)
        different = sorted(set(values), key=str)
        return Possible(
            tuple((None, value) for value in different),
            frozenset(why or {ORDER}) if len(different) > 1 else frozenset(),
        )

    def _of_units(self, who: Profile, why: set[str]) -> list[bool | None]:
        """What the nearest unit says; everything that a unit may say where the way up is not known."""
        by_unit: dict[str, list[bool | None]] = {}
        for one in self.assignments:
            if one.unit:
                by_unit.setdefault(one.unit, []).append(one.elsewhere)
        nearest = next((by_unit[unit] for unit in reversed(who.place.units) if unit in by_unit), [False])
        nearer = [by_unit[unit] for unit in by_unit if self.people.says(who, Unit(unit)) is None]
        if nearer:
            why.add(UNITS)
        return [*chain.from_iterable(nearer), *nearest]


def _lowest_first(one: Assignment) -> tuple[bool, int]:
    """An assignment whose rank cannot be read may go before all others."""
    return one.rank is not None, one.rank or 0


def _rank(policy: Policy) -> tuple[float | None, bool]:
    return policy.order, policy.system


def estate(tables: Tables, outcomes: Mapping[str, Outcome], now: datetime) -> Estate:
    """Everything that was read about a tenant's policies, whatever is missing of it."""
    policies: dict[str, list[Policy]] = {}
    assignments: list[Assignment] = []
    # A listing that began again brought some of them twice.
    for row in {(row.kind, row.policy_id): row for row in tables.rows(AccessPolicy)}.values():
        if row.kind == "sso" and (assigned := documents.assignment(row.document or "")):
            assignments.append(assigned)
        elif row.kind == "policy" and (policy := documents.policy(row.policy_id, row.document or "")):
            policies.setdefault(policy.setting, []).append(policy)
    named = set(_named(policies, assignments))
    return Estate(
        {setting: tuple(sorted(found, key=_strongest_first)) for setting, found in policies.items()},
        tuple(sorted(assignments, key=_lowest_first)),
        directory(tables, outcomes, now, named),
    )


def _named(policies: Mapping[str, list[Policy]], assignments: list[Assignment]) -> Iterator[Atom]:
    for setting, found in policies.items():
        if setting.startswith(documents.TWO_STEP) or setting in MERGED:
            for policy in found:
                yield from atoms(policy.condition)
    for one in assignments:
        if one.group:
            yield Member(one.group)


def _strongest_first(policy: Policy) -> tuple[bool, float, bool, str]:
    """A policy without an order may beat all others; Google's own gives way to one of the same order."""
    return policy.order is not None, -(policy.order or 0.0), policy.system, policy.policy_id


def allowed_factors(tables: Tables, outcomes: Mapping[str, Outcome], now: datetime) -> Callable[[Account], str | None]:
    """A function from an account to Google's word for the second factors it may use: see `allows`.

    None where that is not known: the policies were not read, or two that may both be in force differ.
    """
    if not isinstance(outcomes.get("policies"), Complete):
        return lambda account: None
    known = estate(tables, outcomes, now)
    found: dict[Profile, str | None] = {}

    def allowed(account: Account) -> str | None:
        who = known.people.profile(account)
        if who not in found:
            found[who] = known.factors(who).value
        return found[who]

    return allowed


def allows(factors: str | None, method: str) -> bool | None:
    """Whether Google's set of `factors` lets in `method`, a common word of keyround.model.methods.

    None where the set or the word is not known. With codes that a security key makes, only those are let in beside it.

    >>> allows("ALL", "mobile_phone"), allows("NO_TELEPHONY", "mobile_phone"), allows("PASSKEY_ONLY", "passkey")
    (True, False, True)
    >>> allows("PASSKEY_ONLY", "phone_prompt"), allows("NO_TELEPHONY", "new_word"), allows(None, "passkey")
    (False, None, None)
    """
    if factors == ALL_FACTORS:
        return True
    strength = STRENGTH.get(method)
    if strength is None:
        return None
    if factors == "NO_TELEPHONY":
        return method not in _PHONE
    if factors == _KEYS_ALONE:
        return strength == "phishing_resistant"
    if factors in _KEYS_AND_CODES:
        return True if strength == "phishing_resistant" else None if method == "one_time_code_token" else False
    return None


def resists_phishing(factors: str | None) -> bool | None:
    """Whether nothing but what resists phishing is let in; a code can be read out to a stranger, whoever made it."""
    if factors == _KEYS_ALONE:
        return True
    return False if factors in {ALL_FACTORS, "NO_TELEPHONY", *_KEYS_AND_CODES} else None


def _word(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None
