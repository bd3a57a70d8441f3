"""What must hold of the verdicts whatever the policies are, and a plain second opinion to compare with."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from keyround.model import LicenseAssignment

from .build import LATER, OFF, ON, REFUSED, demand, group, one, outcomes, person, query, sso
from .build import judge as judged

UNITS = ("/", "/Sales", "/Sales/North", "/Shop")
GROUPS = ("g1", "g2")
STRENGTH = {"not_enforced": 0, "third_party": 0, "scheduled": 1, "enforced": 2}
FEW = settings(max_examples=40, deadline=None, database=None)


@dataclass(frozen=True)
class Spec:
    since: str | None
    unit: str | None
    group: str | None
    licence: bool
    but: str | None  # not for the members of this group

    def row(self, order, **asked):
        if self.but:
            text = query(self.unit, self.group, ("7",) if self.licence else ())
            spared = f"!{query(None, self.but)}"
            asked = {"query": f"({text}) && {spared}" if text else spared}
        more = {"skus": ("7",)} if self.licence else {}
        return demand(self.since, self.unit, group=self.group, order=order, **more, **asked)

    def meets(self, who):
        above = self.unit in (None, "/") or f"{who.unit}/".startswith(f"{self.unit}/")
        inside = self.group is None or self.group in who.groups
        return above and inside and (who.licence or not self.licence) and self.but not in who.groups


@dataclass(frozen=True)
class Who:
    unit: str
    groups: frozenset[str]
    licence: bool
    enrolled: bool | None
    enforced: bool | None
    administrator: str

    def rows(self, hidden=()):
        inside = [group(key, *(["ada"] if key in self.groups else []), known=key not in hidden) for key in GROUPS]
        licence = [LicenseAssignment("ada@hof.example", "7")] if self.licence else []
        more = {"enrolled": self.enrolled, "enforced": self.enforced, "administrator": self.administrator}
        return [inside, licence, person("ada", self.unit, **more)]


SPECS = st.builds(
    Spec, st.sampled_from([ON, OFF, LATER, None]), st.sampled_from([*UNITS, "/Gone", None]),
    st.sampled_from([None, None, *GROUPS]), st.booleans(), st.sampled_from([None, None, None, *GROUPS]),
)  # fmt: skip
WHO = st.builds(
    Who, st.sampled_from(UNITS), st.frozensets(st.sampled_from(GROUPS)), st.booleans(),
    st.sampled_from([True, False, None]), st.sampled_from([True, False, None]),
    st.sampled_from(["none", "other", "highest"]),
)  # fmt: skip
ASSIGNED = st.lists(
    st.builds(lambda unit, mode: sso(mode, unit=unit), st.sampled_from(UNITS), st.sampled_from(["SAML_SSO", "SSO_OFF"]))
    | st.builds(lambda key, rank: sso(group=key, rank=rank), st.sampled_from(GROUPS), st.integers(1, 3)),
    max_size=2, unique_by=lambda row: row.policy_id,
)  # fmt: skip
MANY = st.lists(SPECS, max_size=5)


def ranked(specs, **asked):
    return [spec.row(float(place + 1), **asked) for place, spec in enumerate(specs)]


@FEW
@given(MANY, WHO)
def test_a_plain_second_opinion(specs, who):
    found = one(ranked(specs), who.rows())
    winner = next((spec.since for spec in reversed(specs) if spec.meets(who)), None)
    policy = {ON: "enforced", LATER: "scheduled"}.get(winner, "not_enforced")
    # Without its flag nobody can say whether Google demands it of an administrator by itself.
    alone = "unknown" if who.administrator != "none" and policy != "enforced" else policy
    word = {True: "enforced", False: "not_enforced" if policy == "enforced" else policy, None: alone}[who.enforced]
    assert found.verdict == word
    differs = who.enforced is not None and who.enforced is not (policy == "enforced")
    assert bool(found.contradiction) is differs


@FEW
@given(MANY, SPECS, WHO, ASSIGNED, st.booleans())
def test_a_stricter_policy_above_all_others_never_weakens(specs, added, who, assigned, unclear):
    above = Spec(ON, added.unit, added.group, added.licence, added.but)
    more = above.row(99.0, **({"query": "entity.x == 1"} if unclear and not above.but else {}))
    before, after = (one(rows, assigned, who.rows()).verdict for rows in (ranked(specs), [*ranked(specs), more]))
    if after == "unknown":
        assert before != "enforced"
    elif before != "unknown":
        # Where Google's flag says no, a policy that has not arrived may only take the place of a date to come.
        assert STRENGTH[after] >= STRENGTH[before] or (who.enforced is False and before == "scheduled")


@FEW
@given(MANY, WHO, ASSIGNED, st.randoms(use_true_random=False))
def test_the_order_of_the_reply_does_not_matter(specs, who, assigned, chance: random.Random):
    rows = [*ranked(specs), *assigned]
    mixed = rows.copy()
    chance.shuffle(mixed)
    assert one(rows, who.rows()) == one(mixed, who.rows())


@FEW
@given(MANY, WHO, ASSIGNED, st.frozensets(st.sampled_from(GROUPS)), st.booleans(), st.booleans(), st.booleans())
def test_what_is_not_read_makes_unknown_and_nothing_else(specs, who, assigned, hidden, licences, tree, roles):
    rows = [ranked(specs), assigned]
    whole = one(rows, who.rows())
    lost = {name: REFUSED for name, gone in (("licenses", licences), ("org_units", tree), ("roles", roles)) if gone}
    shown = replace(who, groups=who.groups - hidden, licence=who.licence and not licences)
    part = one(rows, shown.rows(hidden), read=outcomes(**lost), tree=not tree)
    assert part.verdict in (whole.verdict, "unknown") and part.reason
    assert whole.contradiction or not part.contradiction


@FEW
@given(MANY, WHO)
def test_the_query_and_the_helper_fields_say_the_same(specs, who):
    plain = [Spec(spec.since, spec.unit, spec.group, False, None) for spec in specs]
    found = [one(ranked(plain, **asked), who.rows()) for asked in ({}, {"query": ""}, {"helpers": False})]
    assert found[0] == found[1] and found[0].verdict == found[2].verdict


def test_many_people_in_no_time():
    """Everybody in groups of his own: no two alike."""
    chance, keys = random.Random(7), [f"g{place}" for place in range(200)]
    specs = [Spec(chance.choice((ON, OFF, LATER)), chance.choice(UNITS), key, False, None) for key in keys]
    crowd = [person(f"p{place}", chance.choice(UNITS), enforced=chance.choice((True, False))) for place in range(2000)]
    inside = [group(key, *(f"p{one}" for one in chance.sample(range(2000), 100))) for key in keys]
    found = judged(ranked(specs)[:60], inside, crowd)
    assert len(found) == 2000 and {row.verdict for row in found.values()} == {"enforced", "not_enforced", "scheduled"}
