"""From policies and what is known of a person to the possible verdicts, each worked out once.

Accounts are told apart only by what policies can see of them, and sets of
policies only by which policies apply: ten thousand people come down to a few
dozen questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

from .coverage import Coverage, about_second_factors, coverage
from .documents import Location, Policy
from .people import Mark, Names, Profile, applies, applies_if, excluded_through, guesses, why_open

MOST_WORLDS = 1024
"""Ways in which what is not known may turn out: up to so many, each is looked at."""


@dataclass(frozen=True, slots=True)
class Possible:
    """What the enabled policies may come to for one profile: one coverage where everything is known.

    `why` says what would have to be known, `policies` are those that apply for certain, `waiting` those that would if
    they did not only report. `bounds` means that too much is unknown to look at every way it may turn out: `coverages`
    are those of the fewest and of the most policies, and of the most that block nothing. Nothing between them demands
    less than the first or more than the others.
    """

    coverages: tuple[Coverage, ...]
    why: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    bounds: bool = False


@dataclass(slots=True)
class Policies:
    """The policies of one tenant, ready to be asked about one profile after the other."""

    enabled: Sequence[Policy]
    report_only: Sequence[Policy]
    locations: Mapping[str, Location]
    names: Names
    _coverages: dict[frozenset[str], Coverage] = field(default_factory=dict)
    _possible: dict[tuple[Profile, bool], Possible] = field(default_factory=dict)

    @property
    def demanding(self) -> list[Policy]:
        """Whoever is exempt from one of these may go without a second factor; from others, without something else."""
        return [policy for policy in self.enabled if about_second_factors(policy)]

    def possible(self, who: Profile, with_report_only: bool = False) -> Possible:
        key = who, with_report_only
        if key not in self._possible:
            self._possible[key] = self._worked_out(who, with_report_only)
        return self._possible[key]

    def _worked_out(self, who: Profile, with_report_only: bool) -> Possible:
        sure, unsure = [], []
        for policy in [*self.enabled, *(self.report_only if with_report_only else ())]:
            answer = applies(policy, who)
            if answer and not policy.uncertain:
                sure.append(policy)
            elif answer is not False:
                unsure.append(policy)
        asked = guesses(unsure, who)
        bounds = prod(map(len, asked)) > MOST_WORLDS
        if bounds:
            worlds = [[], unsure, [policy for policy in unsure if not policy.grant.block]]
        else:
            turns = (frozenset[Mark]().union(*answers) for answers in product(*asked))
            worlds = [[policy for policy in unsure if applies_if(policy, who, marks)] for marks in turns]
        found = {self._coverage([*sure, *more]) for more in worlds}
        return Possible(
            tuple(sorted(found, key=repr)),
            tuple(sorted({why_open(policy, who, self.names) for policy in unsure})),
            tuple(sorted(policy.name for policy in sure)),
            tuple(sorted(filter(None, (excluded_through(policy, who, self.names) for policy in self.demanding)))),
            tuple(sorted(p.name for p in self.report_only if applies(p, who) and not p.uncertain)),
            bounds,
        )

    def _coverage(self, policies: Sequence[Policy]) -> Coverage:
        key = frozenset(policy.policy_id for policy in policies)
        if key not in self._coverages:
            self._coverages[key] = coverage(sorted(policies, key=lambda policy: policy.policy_id), self.locations)
        return self._coverages[key]
