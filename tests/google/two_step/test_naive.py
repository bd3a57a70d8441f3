"""Random small companies, judged twice: by the product, and by an expert who tries every possible world."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from keyround.model import AccessPolicy, AccountMeasure, AuditEvent, LicenseAssignment, OrgUnit
from keyround_google import enforcement

from . import naive
from .build import ADMINS, LATER, NOW, OFF, ON, REFUSED, _flat, group, judge, outcomes, person, query, role, unit_id
from .naive import Crowd, Role, Tenant, User

PATHS = ("/", "/A", "/A/B", "/A/B/C", "/S")
GROUPS = ("g1", "g2", "g3")
USERS = ("u1", "u2")
SKUS = ("101", "102")
TARGETS = st.sampled_from([*PATHS, "/Gone", None]), st.sampled_from([None, None, *GROUPS, ADMINS])
SINCE = (ON, ON, OFF, OFF, LATER, None, "2026-11-20T12:00:00Z", "2026-11-20T12:00:01Z", "1970-01-01T01:00:00+01:00")
VALUES = {
    "enforcement": st.sampled_from([{"enforcedFrom": since} if since else {} for since in SINCE]),
    "enforcement_factor": st.sampled_from(["ALL", "NO_TELEPHONY", "PASSKEY_ONLY"]).map(
        lambda word: {"allowedSignInFactorSet": word}
    ),
    "grace_period": st.sampled_from(["0s", "604800s", "86400s"]).map(lambda text: {"enrollmentGracePeriod": text}),
    "device_trust": st.sampled_from([True, False, "True", "False"]).map(lambda said: {"allowTrustingDevice": said}),
}
RESISTANT = {"ALL": False, "NO_TELEPHONY": False, "PASSKEY_ONLY": True, "unread": None}


def seldom(once_in):
    return st.integers(0, once_in - 1).map(lambda number: number == once_in - 1)


def _either(parts):
    pairs = st.tuples(parts, parts)
    return st.one_of(
        parts.map(lambda part: f"!({part})"), pairs.map(" && ".join), pairs.map(lambda pair: f"({' || '.join(pair)})")
    )


CLAUSES = st.one_of(
    st.sampled_from([*PATHS, "/Gone"]).map(query),
    st.sampled_from([*GROUPS, "elsewhere", ADMINS]).map(lambda key: query(None, key)),
    st.sets(st.sampled_from(SKUS), min_size=1).map(lambda skus: query(skus=sorted(skus))),
    st.just("entity.devices.exists(d, d.kind == 'phone')"),
)
QUERIES = st.recursive(CLAUSES, _either, max_leaves=3)


@st.composite
def policies(draw):
    found = []
    count = draw(st.integers(0, 8))
    orders = draw(st.permutations(range(count)))
    for place in range(count):
        name = draw(st.sampled_from(["enforcement", *VALUES]))
        unit, key = draw(TARGETS[0]), draw(TARGETS[1])
        written = draw(st.sampled_from(["helpers", "query", "both", "free"]))
        asked = {} if draw(seldom(25)) else {"sortOrder": 2.00026 if draw(seldom(10)) else orders[place] + 0.00026}
        if written in ("helpers", "both"):
            asked |= {"orgUnit": f"orgUnits/{unit_id(unit)}"} if unit else {}
            asked |= {"group": key if key == ADMINS else f"groups/{key}"} if key else {}
        text = draw(QUERIES) if written == "free" else query(unit, key) if written != "helpers" else ""
        asked |= {"query": text} if text else {}
        if written == "free":
            asked |= _helpers(text)
        if "sortOrder" in asked and draw(seldom(4)):
            asked["sortOrder"] = str(asked["sortOrder"])
        found.append({
            "name": f"policies/p{place}", "policyQuery": asked, "type": draw(st.sampled_from(["ADMIN", "SYSTEM"])),
            "setting": {"type": naive.PREFIX + name, "value": draw(VALUES[name])},
        })  # fmt: skip
    return found


def _helpers(text):
    """Google fills them where the query names a single one, however it does."""
    units, groups = re.findall(r"orgUnitId\('(\w+)'", text), re.findall(r"groupId\('(\w+)'", text)
    found = {"orgUnit": f"orgUnits/{units[0]}"} if len(units) == 1 else {}
    return found | ({"group": groups[0] if groups[0] == ADMINS else f"groups/{groups[0]}"} if len(groups) == 1 else {})


@st.composite
def assignments(draw):
    modes = st.sampled_from(["SAML_SSO", "OIDC_SSO", "SSO_OFF", "DOMAIN_WIDE_SAML_IF_ENABLED", "NEW_MODE"])
    units = draw(st.lists(st.sampled_from(PATHS), max_size=2, unique=True))
    found = [{"ssoMode": draw(modes), "targetOrgUnit": f"orgUnits/{unit_id(path)}"} for path in units]
    groups = draw(st.lists(st.sampled_from(GROUPS), max_size=2, unique=True))
    ranks = st.integers(1, 5)
    return found + [{"ssoMode": draw(modes), "targetGroup": f"groups/{key}", "rank": draw(ranks)} for key in groups]


def users(key):
    return st.builds(
        User, st.just(key), st.sampled_from(PATHS), st.sampled_from([True, False, None]),
        st.sampled_from([True, False, None]), st.sampled_from(["none", "none", "none", "other", "highest", None]),
        seldom(9), st.booleans(), st.sampled_from([datetime(2024, 1, 1), datetime(2026, 11, 18)]),
        st.lists(st.sampled_from(["2026-11-27T09:00:00Z", "2026-11-13T09:00:00Z"]), max_size=2).map(tuple),
        seldom(5), st.sampled_from([None, None, None, True, False]),
    )  # fmt: skip


@st.composite
def crowds(draw, key):
    known, exists = not draw(seldom(4)), not draw(seldom(6))
    members = draw(st.lists(st.sampled_from([*USERS, *GROUPS]), max_size=3, unique=True)) if known and exists else []
    return Crowd(tuple(member for member in members if member != key), known, exists)


def roles(groups):
    ends = st.sampled_from([None, None, NOW + timedelta(days=3), NOW])
    people = st.builds(Role, st.sampled_from(USERS), st.sampled_from([False, False, True, None]), ends)
    held = st.builds(Role, st.sampled_from(list(groups)), ends=ends) if groups else st.nothing()
    return st.lists(people | held, max_size=2)


@st.composite
def tenants(draw):
    paths = [path for path in PATHS if path == "/" or not draw(seldom(8))]
    groups = {key: draw(crowds(key)) for key in GROUPS[: draw(st.integers(0, 3))]}
    lost = {name: draw(seldom(9)) for name in ("units", "policies", "sso", "roles")}
    return Tenant(
        users=[draw(users(key)) for key in USERS],
        units=None if lost["units"] else {path: unit_id(path) for path in paths if _whole(path, paths)},
        policies=None if lost["policies"] else draw(policies()),
        sso=None if lost["sso"] else draw(assignments()),
        groups=groups,
        licenses=draw(st.none() | st.fixed_dictionaries({key: st.sets(st.sampled_from(SKUS)) for key in USERS})),
        roles=None if lost["roles"] else draw(roles(groups)),
    )


def _whole(path, paths):
    """All above it are there, too."""
    return all(above in paths for above in PATHS if path.startswith(above.rstrip("/") + "/"))


def rows(tenant):
    """The same as the product gets to see it: members of nested groups spelt out, roles through groups as well."""
    yield [
        OrgUnit(key, path, None if path == "/" else unit_id(path.rpartition("/")[0] or "/"))
        for path, key in (tenant.units or {}).items()
    ]
    yield [AccessPolicy(raw["name"], "policy", document=json.dumps(raw)) for raw in tenant.policies or ()]
    yield [AccessPolicy(str(place), "sso", document=json.dumps(raw)) for place, raw in enumerate(tenant.sso or ())]
    inside = {key: [one for one in USERS if naive.inside(tenant.groups, key, one)] for key in tenant.groups}
    for key, crowd in tenant.groups.items():
        yield group(key, *inside[key], known=not naive.opaque(tenant.groups, key), exists=crowd.exists)
    for place, held in enumerate(tenant.roles or ()):
        told = {"ends_at": held.ends, "scope_id": str(place)}
        if held.holder not in tenant.groups:
            yield role(held.holder, held.highest, **told)
        elif naive.opaque(tenant.groups, held.holder):
            yield role(held.holder, held.highest, holder_kind="group", members_known=False, **told)
        else:
            yield [role(one, held.highest, via_id=held.holder, **told) for one in inside[held.holder]]
    for key, skus in (tenant.licenses or {}).items():
        yield [LicenseAssignment(f"{key}@hof.example", sku) for sku in skus]
    for user in tenant.users:
        yield person(
            user.key, user.unit, user.enrolled, user.enforced, enabled=not user.suspended, created_at=user.created,
            administrator=user.directory_admin, activity="seen" if user.seen else "never",
        )  # fmt: skip
        signed = NOW - timedelta(days=3) if user.seen_elsewhere else None
        yield AccountMeasure(user.key, protected=user.reported, single_sign_on_at=signed)
        for place, until in enumerate(user.grace):
            happened = NOW - timedelta(days=9 - place)
            yield AuditEvent(f"{user.key}{place}", happened, "second_factor_grace", target_id=user.key, details=[until])


def judged(tenant):
    """Once in the order of the replies and once backwards: that must not matter."""
    every = list(_flat(rows(tenant)))
    lost = {"units": "org_units", "policies": "policies", "sso": "sso", "licenses": "licenses", "roles": "roles"}
    read = outcomes(**{name: REFUSED for field, name in lost.items() if getattr(tenant, field) is None})
    there, back = (judge(*some, read=read, tree=False) for some in (every, every[::-1]))
    assert {key: _said(row) for key, row in there.items()} == {key: _said(row) for key, row in back.items()}
    return there


def _said(row):
    return (
        row.verdict, row.reason, row.contradiction, row.grace_until, row.phishing_resistant, row.excluded_by,
        set(row.gaps or ()), set(row.enforced_by or ()), set(row.policies or ()),
    )  # fmt: skip


def agree(tenant):
    """Nothing is said that does not hold in every world, and all of it where there is only one.

    Gives whether more could have been said.
    """
    less = False
    for user, row in zip(tenant.users, judged(tenant).values(), strict=True):
        found = naive.judge(tenant, user, NOW)
        (only,) = found.verdicts if len(found.verdicts) == 1 else ("unknown",)
        assert row.verdict == only or (row.verdict == "unknown" and not found.certain), (user, found, row)
        less |= row.verdict != only
        if user.suspended:
            continue
        conflicts = naive.contradicts(user, found)
        assert row.contradiction is None or conflicts == {True}, (user, found, row)
        assert row.contradiction is not None or conflicts != {True} or not found.certain, (user, found, row)
        if row.verdict == "enforced":
            _shown(user, found, row)
    return less


def _shown(user, found, row):
    """What stands beside a demand."""
    assert row.phishing_resistant in (None, *{RESISTANT[word] for word in found.factors}), (found, row)
    assert row.phishing_resistant is None or len({RESISTANT[word] for word in found.factors}) == 1, (found, row)
    missing = [gap for gap in row.gaps if gap.startswith("Not enrolled")]
    assert len(missing) == (user.enrolled is False), (user, found, row)
    if enforcement.TRUSTED in row.gaps:
        assert found.trusts == {True} and user.enrolled is not False, (user, found, row)
    if enforcement.BY_OTHERS in row.gaps:
        assert found.elsewhere == {True}, (user, found, row)
    until = naive.grace_until(user, found, NOW) if user.enrolled is False else {None}
    assert row.grace_until in (until if len(until) == 1 else {None}), (user, found, row)
    if found.states == {"on"} and len(found.winners) == 1:
        (name,) = row.enforced_by
        assert "2-Step Verification" in name or name.startswith("Google itself")


@given(tenants())
def test_nothing_is_said_that_does_not_hold_in_every_possible_world(tenant):
    agree(tenant)


@given(tenants())
def test_a_stricter_policy_above_all_others_is_what_holds(tenant):
    """Without Google's flag it is enforced for everybody; with it the flag stays the fact."""
    above = {"name": "policies/above", "policyQuery": {"sortOrder": 1e6}, "type": "ADMIN",
             "setting": {"type": naive.PREFIX + "enforcement", "value": {"enforcedFrom": ON}}}  # fmt: skip
    tenant.policies = [one for one in tenant.policies or [] if "sortOrder" in one["policyQuery"]] + [above]
    verdicts = {user.key: (user, row.verdict) for user, row in zip(tenant.users, judged(tenant).values(), strict=True)}
    for user, verdict in verdicts.values():
        if not user.suspended and user.enforced is not False:
            assert verdict == "enforced", user
