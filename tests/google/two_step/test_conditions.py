"""Google's queries: what they mean, and that nothing at all can break their reading."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyround_google.two_step import conditions, documents, effective, leave, words
from keyround_google.two_step.conditions import Licensed, Member, Unclear, Unit, atoms, holds, parse

A = "entity.org_units.exists(org_unit, org_unit.org_unit_id == orgUnitId('a'))"
B = 'entity.org_units.exists(u, orgUnitId("b") == u.org_unit_id)'
G = "entity.groups.exists(group, group.group_id == groupId('g'))"
L = "entity.licenses.exists(license, license in ['/product/Google-Apps/sku/1010020020', '/product/101031/sku/2'])"
TRUE = {Unit("a"), Member("g"), Licensed("2")}
OPEN = {Member("h"), Licensed("9")}


def of(atom):
    return None if isinstance(atom, Unclear) or atom in OPEN else atom in TRUE


@pytest.mark.parametrize("module", [conditions, documents, effective, leave, words], ids=lambda m: m.__name__)
def test_examples_in_docstrings(module):
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed


@pytest.mark.parametrize(
    "text, expected",
    [
        (A, True), (B, False), (G, True), (L, True),
        (f"{A} && {G} && {L}", True), (f"{A} && {B}", False), (f"{B} || {G}", True), (f"!{G}", False),
        (f"!({B})", True),
        (f"{B} && {B} || {A}", True), (f"{B} && ({B} || {A})", False),  # && binds stronger
        ("entity.groups.exists(g, g.group_id in [groupId('x'), groupId('g')])", True),
        ("entity.groups.exists(g, g.group_id in ['x'])", False), ("entity.groups.exists(g, g.group_id in [])", False),
        ("entity.groups.exists(g, g.group_id == groupId('x') || (g.group_id == groupId('g')))", True),
        ("entity.groups.exists(g, g.group_id == 'groups/g')", True),
        ("entity.licenses.exists(l, l == '/product/x/sku/2')", True),
        ("entity.licenses.exists(l, l == '/product/x')", None),  # a whole product
        ("true", True), ("!true", False),
        # not read, not known: unknown, unless something else settles it
        ("entity.groups.exists(g, g.group_id == groupId('h'))", None),
        ("entity.licenses.exists(l, l in ['/product/x/sku/9'])", None),
        ("entity.licenses.exists(l, l in ['/product/x/sku/9', '/product/x/sku/2'])", True),
        ("entity.country == 'DE'", None), (f"{A} && entity.country == 'DE'", None), (f"entity.age > 7 && {B}", False),
        (f"has(entity.x) || {A}", True), (f"{A} == false", None), (f"{B} ? {A} : {G}", None),
        ("entity.org_units.exists(u, u.name == 'a')", None), ("entity.org_units.exists(u, u.org_unit_id != 'b')", None),
        ("entity.org_units.all(u, u.org_unit_id == 'a')", None), ("!entity.x(')&&(')", None), ("", None), ("((", None),
    ],
)  # fmt: skip
def test_what_a_query_says(text, expected):
    assert holds(parse(text), of) is expected


def test_atoms_are_found_below_everything():
    found = set(atoms(parse(f"!({A} || {L}) && x == 1")))
    assert found == {Unit("a"), Licensed("1010020020"), Licensed("2"), Unclear("x==1")}


CLAUSES = st.sampled_from([(A, True), (B, False), ("entity.x == 1", None), ("true", True)])


def negated(value):
    return None if value is None else not value


def joined(left, right, mark):
    values = [one if mark == "&&" else negated(one) for one in (left[1], right[1])]
    value = False if False in values else None if None in values else True
    return f"({left[0]}) {mark} ({right[0]})", value if mark == "&&" else negated(value)


TREES = st.recursive(
    CLAUSES,
    lambda inner: (
        st.builds(joined, inner, inner, st.sampled_from(["&&", "||"]))
        | inner.map(lambda one: (f"!({one[0]})", negated(one[1])))
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, database=None)
@given(TREES)
def test_kleenes_logic_whatever_the_nesting(tree):
    text, expected = tree
    assert holds(parse(text), of) is expected


PIECES = st.sampled_from(
    [A, G, L, "&&", "||", "!", "(", ")", "[", "]", "'", '"', "in", "==", ",", "?", " ", "x.y", "\\", "7"]
)


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=30))
def test_no_text_breaks_it(text):
    assert holds(parse(text), of) in (True, False, None)
