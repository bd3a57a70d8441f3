"""What a set of policies demands in every situation: the verdict, and where a second factor is not asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .documents import ALL, REGISTER, Choice, Location, Policy
from .gaps import described
from .grants import MFA, RESISTANT, TERMS, THIRD_PARTY, Clause
from .scenarios import LEGACY, OTHER, Cells, Space, TooMany, in_force, space, unlimited

_SECOND_FACTORS = frozenset({MFA, RESISTANT})
# What a client that knows only a password can never present: basic authentication supports neither second factors,
# terms of use nor custom controls, passes no device state, and both kinds of apps need a registered device.
_BEYOND_LEGACY = _SECOND_FACTORS | {
    THIRD_PARTY, "compliantdevice", "domainjoineddevice", "approvedapplication", "compliantapplication",
}  # fmt: skip
DEVICE_CODE = "devicecodeflow"
TOO_COMPLEX = "The policies tell too many situations apart to look at each of them."


@dataclass(frozen=True, slots=True)
class Coverage:
    """`verdict` is a word of mfa_enforcements, "" where no policy demands a second factor.

    `demanded_by` and `gaps` are in words. The other four are None where it cannot be said.
    """

    verdict: str
    demanded_by: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    phishing_resistant: bool | None = False
    legacy_blocked: bool | None = False
    device_code_blocked: bool | None = False
    registration_protected: bool | None = False


def coverage(policies: Sequence[Policy], locations: Mapping[str, Location]) -> Coverage:
    """What the given policies, all of which apply to one person, come to. Their order does not matter."""
    ordinary = [policy for policy in policies if in_force(policy)]
    deciding = [policy for policy in ordinary if policy.grant.block or about_second_factors(policy)]
    try:
        asked = _asked(deciding, locations)
    except TooMany:
        asked = _too_complex(deciding)
    return replace(
        asked,
        gaps=(*asked.gaps, *_waiting(policies)),
        legacy_blocked=_unless_too_many(_legacy_blocked, ordinary, locations),
        registration_protected=_unless_too_many(_registration, policies, locations),
    )


def _unless_too_many(
    question: Callable[[Sequence[Policy], Mapping[str, Location]], bool],
    policies: Sequence[Policy],
    locations: Mapping[str, Location],
) -> bool | None:
    try:
        return question(policies, locations)
    except TooMany:
        return None


def _too_complex(deciding: Sequence[Policy]) -> Coverage:
    """What is certain without a look at the situations: policies that hold in all of them."""
    asking = tuple(sorted(policy.name for policy in deciding if not policy.grant.block))
    always = [policy.grant for policy in deciding if unlimited(policy)]
    if any(grant.block for grant in always):
        return Coverage("blocked", asking, (), None, None, None, None)
    if any(clause <= _SECOND_FACTORS for grant in always for clause in grant.clauses):
        return Coverage("enforced", asking, (), None, None, None, None)
    return Coverage("conditional" if asking else "", asking, (TOO_COMPLEX,), None, None, None, None)


@dataclass(slots=True)
class _Demands:
    """Cell by cell: blocked, a second factor certain, one of a kind that cannot be phished, one by another product,
    or a second factor that may be replaced by something else (`instead` says by what)."""

    space: Space
    blocked: Cells
    mfa: Cells
    resistant: Cells
    third_party: Cells
    choice: Cells
    instead: dict[frozenset[str], Cells]

    @classmethod
    def of(cls, policies: Sequence[Policy], around: Space) -> _Demands:
        none = around.nowhere
        got = cls(around, none(), none(), none(), none(), none(), {})
        for policy in policies:
            cells = around.cells(policy)
            if policy.grant.block:
                got.blocked |= cells
            for clause in policy.grant.clauses:
                got._add(clause, cells)
        return got

    def _add(self, clause: Clause, cells: Cells) -> None:
        if clause <= _SECOND_FACTORS:
            self.mfa |= cells
            if clause == {RESISTANT}:
                self.resistant |= cells
        elif clause <= _SECOND_FACTORS | {THIRD_PARTY}:
            self.third_party |= cells
        elif _asks(clause):
            self.choice |= cells
            ways = frozenset(clause - _SECOND_FACTORS - {THIRD_PARTY})
            self.instead[ways] = self.instead.get(ways, self.space.nowhere()) | cells


def _asked(policies: Sequence[Policy], locations: Mapping[str, Location]) -> Coverage:
    got = _Demands.of(policies, space(policies, locations))
    verdict, gap = _verdict(got, got.mfa)
    if got.third_party.any():
        # Another product asks: it may well be a second factor, but nothing here can verify it.
        lenient, gap = _verdict(got, got.mfa | got.third_party)
        verdict = "third_party" if lenient == "enforced" and verdict != "enforced" else lenient
    names = {policy.name for policy in policies for clause in policy.grant.clauses if _asks(clause)}
    reachable = ~got.blocked
    phishing_resistant = bool(reachable.any()) and not (reachable & ~got.resistant).any()
    return Coverage(
        verdict,
        tuple(sorted(names)),
        tuple(described(got.space, gap, got.blocked, got.instead, locations)) if verdict else (),
        phishing_resistant,
        device_code_blocked=_device_code(got),
    )


def about_second_factors(policy: Policy) -> bool:
    """Whether the policy demands a second factor of those it applies to, or takes one in place of something else."""
    return any(map(_asks, policy.grant.clauses))


def _asks(clause: Clause) -> bool:
    return bool(clause & (_SECOND_FACTORS | {THIRD_PARTY}))


def _verdict(got: _Demands, mfa: Cells) -> tuple[str, Cells]:
    """The word, and the cells in which a password alone (or with something else) is enough."""
    reachable = ~got.blocked
    gap = reachable & ~mfa
    if not reachable.any():
        return "blocked", gap
    if not gap.any():
        return "enforced", gap
    demanded = reachable & mfa
    if not demanded.any() and not (reachable & got.choice).any():
        return "", gap
    apps = got.space.axes[0].values
    other = apps.index(OTHER)
    if not gap[other].any():
        return "enforced_except_apps", gap
    anything_else = demanded[other].any() or (reachable & got.choice)[other].any()
    whole = [demanded[number].any() and not gap[number].any() for number in range(len(apps))]
    return "apps_only" if any(whole) and not anything_else else "conditional", gap


def _device_code(got: _Demands) -> bool:
    flows = next((n for n, axis in enumerate(got.space.axes) if axis.kind == "flow"), None)
    if flows is None or DEVICE_CODE not in got.space.axes[flows].values:
        return bool(got.blocked.all())
    return bool(got.blocked.take(got.space.axes[flows].values.index(DEVICE_CODE), axis=flows).all())


def _legacy_blocked(policies: Sequence[Policy], locations: Mapping[str, Location]) -> bool:
    """Clients that can only send a password: stopped by a block, or by a demand that they cannot meet."""
    around = space(policies, locations, LEGACY)
    stopped = around.nowhere()
    for policy in policies:
        if policy.grant.block or any(map(_beyond_legacy, policy.grant.clauses)):
            stopped |= around.cells(policy)
    return bool(stopped.all())


def _beyond_legacy(clause: Clause) -> bool:
    return all(way in _BEYOND_LEGACY or way.startswith(TERMS) for way in clause)


def _registration(policies: Sequence[Policy], locations: Mapping[str, Location]) -> bool:
    """Setting up a second factor itself demands something beyond the password, at least outside trusted networks."""
    asked = [_aimed_anywhere(policy) for policy in policies if REGISTER in policy.actions and not _waits(policy)]
    around = space(asked, locations)
    held = around.nowhere()
    for policy in asked:
        if policy.grant.block or policy.grant.clauses:
            held |= around.cells(policy)
    place = next(number for number, axis in enumerate(around.axes) if axis.kind == "place")
    untrusted = [number for number, value in enumerate(around.axes[place].values) if not value.trusted]
    return bool(asked) and bool(held.take(untrusted, axis=place).all())


def _aimed_anywhere(policy: Policy) -> Policy:
    """The policy without its apps: a user action has none."""
    return replace(policy, apps=Choice(frozenset({ALL}), frozenset()))


def _waits(policy: Policy) -> bool:
    return any("none" not in levels for levels in policy.risks.values())


def _waiting(policies: Sequence[Policy]) -> list[str]:
    """Policies that ask for a second factor only when Microsoft sees a risk."""
    names = sorted(p.name for p in policies if _waits(p) and p.apps.include and any(map(_asks, p.grant.clauses)))
    return [f"Only when Microsoft considers the sign-in or the account risky: {', '.join(names)}."] if names else []
