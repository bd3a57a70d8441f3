"""Whom a policy applies to, in three-valued logic.

The exclusion beats the inclusion; groups count with the members of their
member groups; roles count when they are built in, active and hold for the whole
tenant. What could not be read makes the answer unknown, never no.

Source  https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-users-groups
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .documents import Guests, People, Policy
from .kleene import both, either, negated

GUEST_KINDS = {
    ("guest", True): "b2bcollaborationguest",
    ("member", True): "b2bcollaborationmember",
    ("guest", False): "internalguest",
}
"""(user type, invited from elsewhere) -> Microsoft's word for it, lower case. Everybody else is no guest."""
NO_GUEST = frozenset({""})
_ELSEWHERE = "elsewhere"

Mark = tuple[str, str]
"""A policy's id and what is guessed: its inclusion or its exclusion meets the account, or it is off."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything about an account that policies can see. Accounts with the same profile get the same verdict.

    `account_id` is empty unless a policy names the account itself. `guest` holds
    Microsoft's word, or "" for no guest; several where user type or origin are not
    known. `groups` and `roles` hold those that policies name, lower case; in
    `groups_open` and `roles_open` stand those of which membership is not known.
    """

    account_id: str = ""
    guest: frozenset[str] = NO_GUEST
    groups: frozenset[str] = frozenset()
    groups_open: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    roles_open: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Directory:
    """What was read of groups and roles, as far as policies name them. Ids in lower case.

    `members` and `holders` map an account to its groups and to its roles (by
    template id); the `open` ones are those whose members nobody could read.
    """

    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    members_open: frozenset[str] = frozenset()
    holders: Mapping[str, frozenset[str]] = field(default_factory=dict)
    holders_open: frozenset[str] = frozenset()

    def profile(self, account_id: str, guest: frozenset[str], named: Collection[str]) -> Profile:
        """`named` are the accounts that some policy names itself."""
        key = account_id.lower()
        groups, roles = self.members.get(key, frozenset()), self.holders.get(key, frozenset())
        return Profile(
            key if key in named else "", guest, groups, self.members_open - groups, roles, self.holders_open - roles
        )


def named_accounts(policies: Iterable[Policy]) -> frozenset[str]:
    return frozenset(user for policy in policies for side in (policy.include, policy.exclude) for user in side.users)


def applies(policy: Policy, who: Profile) -> bool | None:
    included = _among(policy.include, who)
    return both(included, negated(_among(policy.exclude, who)))


def _among(people: People, who: Profile) -> bool | None:
    if people.everybody:
        return True
    return either(_ways(people, who))


def _ways(people: People, who: Profile) -> Iterator[bool | None]:
    yield bool(who.account_id) and who.account_id in people.users
    yield _known(people.groups, who.groups, who.groups_open)
    yield _known(people.roles, who.roles, who.roles_open)
    if people.any_guest:
        yield _agreed(map(bool, who.guest))
    for guests in people.guests:
        yield _agreed(_guest(guests, kind) for kind in who.guest)
    if people.strange:
        yield None


def _known(wanted: frozenset[str], held: frozenset[str], unread: frozenset[str]) -> bool | None:
    if wanted & held:
        return True
    return None if wanted & unread else False


def _guest(guests: Guests, kind: str) -> bool | None:
    if kind not in guests.kinds:
        return False
    return True if guests.tenants is None else None  # the directory does not say which tenant is a guest's home


def _agreed(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return found.pop() if len(found) == 1 else None


def guesses(policies: Sequence[Policy], who: Profile) -> list[frozenset[frozenset[Mark]]]:
    """What is not known about `who`, question by question; each answer is the set of marks it would make true.

    Policies that name the same unread group hang together: whoever is in it is so for all of them.
    """
    sides = [(policy, side, people) for policy in policies
             for side, people in (("include", policy.include), ("exclude", policy.exclude))]  # fmt: skip
    asked: set[frozenset[frozenset[Mark]]] = set()
    for unread, named in ((who.groups_open, "groups"), (who.roles_open, "roles")):
        for key in unread:
            asked.add(frozenset({frozenset(),
                                 frozenset((p.policy_id, side) for p, side, people in sides
                                           if key in getattr(people, named))}))  # fmt: skip
    homes = {_ELSEWHERE}.union(*(guests.tenants or () for *_, people in sides for guests in people.guests))
    asked.add(frozenset(
        frozenset((p.policy_id, side) for p, side, people in sides if _as_guest(people, kind, home))
        for kind in who.guest for home in homes
    ))  # fmt: skip
    asked |= {frozenset({frozenset(), frozenset({(p.policy_id, side)})}) for p, side, people in sides if people.strange}
    asked |= {frozenset({frozenset(), frozenset({(p.policy_id, "off")})}) for p in policies if p.uncertain}
    return sorted((answers for answers in asked if len(answers) > 1), key=lambda answers: sorted(map(sorted, answers)))


def _as_guest(people: People, kind: str, home: str) -> bool:
    return bool(kind) and (
        people.any_guest
        or any(kind in guests.kinds and (guests.tenants is None or home in guests.tenants) for guests in people.guests)
    )


def applies_if(policy: Policy, who: Profile, guessed: Collection[Mark]) -> bool:
    """Whether the policy applies where exactly the `guessed` marks are true of what is not known."""
    included = _among(policy.include, who) or (policy.policy_id, "include") in guessed
    excluded = _among(policy.exclude, who) or (policy.policy_id, "exclude") in guessed
    return included and not excluded and (policy.policy_id, "off") not in guessed


@dataclass(frozen=True, slots=True)
class Names:
    """What groups and roles are called, by id in lower case."""

    groups: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)

    def group(self, key: str) -> str:
        return self.groups.get(key, key)

    def role(self, key: str) -> str:
        return self.roles.get(key, key)


def excluded_through(policy: Policy, who: Profile, names: Names) -> str | None:
    """How the policy exempts this account although it would otherwise apply; None where it does not."""
    if _among(policy.include, who) is False or not _among(policy.exclude, who):
        return None
    side = policy.exclude
    if who.account_id and who.account_id in side.users:
        return f"{policy.name}: the account itself is exempt"
    if through := sorted(map(names.group, side.groups & who.groups)):
        return f"{policy.name}: exempt as a member of {', '.join(through)}"
    if through := sorted(map(names.role, side.roles & who.roles)):
        return f"{policy.name}: exempt as {', '.join(through)}"
    return f"{policy.name}: exempt as a guest"


def why_open(policy: Policy, who: Profile, names: Names) -> str:
    """Why nobody can say whether the policy applies to this account."""
    if policy.uncertain:
        return policy.uncertain
    sides = (policy.include, policy.exclude)
    groups = sorted({names.group(key) for side in sides for key in side.groups & who.groups_open})
    if groups:
        return f"the policy “{policy.name}” names the group {', '.join(groups)}, whose members could not be read"
    if any(side.roles & who.roles_open for side in sides):
        return f"the policy “{policy.name}” names administrator roles, whose holders could not all be read"
    if any(side.strange for side in sides):
        return f"the policy “{policy.name}” names people in a way that Keyround does not know"
    return f"the policy “{policy.name}” depends on the kind of guest or the home organisation, which is not known"
