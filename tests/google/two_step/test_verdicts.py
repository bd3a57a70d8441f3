"""Whose policy wins and whether a person is protected: what an expert would say, written down before it was run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from keyround.connector import Complete, Incomplete
from keyround.errors import NotGranted, Unreachable
from keyround.model import Account, AccountMeasure, AuditEvent, FactorUse, LicenseAssignment
from keyround_google import enforcement, registrations
from keyround_google.two_step import allowed_factors
from keyround_google.two_step.leave import LOCKED, MAY_BE_NEW

from .build import (
    ADMINS,
    LATER,
    NOW,
    OFF,
    ON,
    REFUSED,
    demand,
    detail,
    group,
    judge,
    one,
    outcomes,
    person,
    policy,
    query,
    role,
    sso,
    tables,
)

EVERYWHERE = demand(ON, order=1)
ROOT_OFF = demand(OFF, order=0.5, kind="SYSTEM")
SKU = "1010020020"
SALES = "2-Step Verification for the unit /Sales, since 1 March 2026"
WHOLE = "2-Step Verification for the whole organisation, since 1 March 2026"

# What the policies make of one person: (rows beside the person, of which unit, what wins). Sort orders as Google hands
# them out: a unit's own setting above a group's, which is above what is inherited.
POLICIES = {
    "nothing at all": ([], "/Sales", "off"),
    "on for everybody": ([EVERYWHERE], "/Sales/North", "on"),
    "on for the unit above": ([demand(ON, "/Sales", order=5)], "/Sales/North", "on"),
    "on for another unit": ([demand(ON, "/Shop", order=5)], "/Sales", "off"),
    "on for a unit below": ([demand(ON, "/Sales/North", order=5)], "/Sales", "off"),
    "off for the own unit": ([EVERYWHERE, demand(OFF, "/Sales", order=5)], "/Sales", "off"),
    "off above, on for the own unit": ([demand(OFF, "/Sales", order=5), demand(ON, "/Sales/North", order=6)],
                                       "/Sales/North", "on"),
    "1970 is off": ([demand(OFF)], "/", "off"),
    "1970 in another zone is off": ([demand("1970-01-01T01:00:00+01:00")], "/", "off"),
    "no date is off": ([demand(None)], "/", "off"),
    "a date to come": ([demand(LATER)], "/", "scheduled"),
    "a date this moment": ([demand("2026-11-20T12:00:00Z")], "/", "on"),
    "a date that cannot be read": ([demand("soon")], "/", "unclear"),
    "a later date for the own unit, on for everybody": (
        [EVERYWHERE, demand(LATER, "/Sales", order=5)], "/Sales", "scheduled"),
    "the unit is on, the exempt group stands at the top": (  # F3: the unit always takes precedence
        [demand(ON, "/Sales", order=500), demand(OFF, "/", group="free", order=300), *group("free", "ada")],
        "/Sales", "on"),
    "the exempt group at the same unit": (
        [demand(ON, "/Sales", order=200), demand(OFF, "/Sales", group="free", order=300), *group("free", "ada")],
        "/Sales", "off"),
    "in another group": (
        [demand(ON, "/Sales", order=200), demand(OFF, "/Sales", group="free", order=300), *group("free", "bo")],
        "/Sales", "on"),
    "on for the group alone": ([ROOT_OFF, demand(ON, "/", group="it", order=300), *group("it", "ada")], "/", "on"),
    "a group that was deleted": ([ROOT_OFF, demand(ON, group="it", order=300), *group("it", exists=False)], "/", "off"),
    "licence held": ([demand(ON, skus=(SKU, "7"), order=4), LicenseAssignment("ada@hof.example", SKU)], "/", "on"),
    "another licence held": ([demand(ON, skus=("7",), order=4), LicenseAssignment("ada@hof.example", SKU)], "/", "off"),
    "a unit that was deleted": ([demand(ON, "/Gone", order=9)], "/Sales", "off"),
    "no unit is the whole organisation": ([demand(ON, None, query="", order=2)], "/Sales", "on"),
    "helper fields alone": ([demand(ON, "/Sales", query="", order=2)], "/Sales", "on"),
    "the query alone": ([demand(ON, "/Sales", helpers=False, order=2)], "/Sales/North", "on"),
    "either of two units": (
        [demand(ON, None, query=f"{query('/Shop')} || {query('/Sales')}", order=2)], "/Sales", "on"),
    "all but a group": ([demand(ON, query=f"{query('/')} && !{query(None, 'free')}", order=2), *group("free", "ada")],
                        "/", "off"),
    "all but a group, which the helper field names": (
        [demand(ON, "/", group="free", query=f"{query('/')} && !{query(None, 'free')}"), *group("free", "bo")],
        "/", "on"),
    "a unit or a group, which the helper fields name": (
        [demand(ON, "/Sales", group="it", query=f"{query('/Sales')} || {query(None, 'it')}"), *group("it", "bo")],
        "/Sales", "on"),
    "Google's own gives way at the same rank": ([demand(OFF, order=1, kind="SYSTEM"), demand(ON, order=1)], "/", "on"),
    "numbers as texts": ([demand(OFF, order="9"), demand(ON, order="201.00243")], "/", "on"),
    "an unknown setting says nothing": (
        [policy("security.two_step_verification_hologram", {"x": 1}, order=99)], "/", "off"),
}  # fmt: skip


@pytest.mark.parametrize("rows, unit, wins", POLICIES.values(), ids=POLICIES)
def test_the_policy_decides_where_the_flag_is_missing_and_agrees_where_it_is_right(rows, unit, wins):
    """Google's flag follows the policies: it is contradicted exactly by the other answer."""
    alone = one(rows, person("ada", unit, enforced=None))
    words = {"on": "enforced", "off": "not_enforced", "scheduled": "scheduled", "unclear": "unknown"}
    assert alone.verdict == words[wins] and alone.contradiction is None
    agreeing, other = (one(rows, person("ada", unit, enforced=flag)) for flag in (wins == "on", wins != "on"))
    assert agreeing.verdict == alone.verdict and agreeing.contradiction is None
    assert other.verdict == ("not_enforced" if wins == "on" else "enforced")
    assert (other.contradiction is None) is (wins == "unclear")


def test_the_winner_is_named():
    def by(*rows, unit="/", **more):
        return one(rows, person("ada", unit, enforced=True, **more)).enforced_by

    assert by(demand(ON, "/Sales"), unit="/Sales/North") == [SALES]
    assert by(EVERYWHERE) == by(demand(ON, None, query="")) == [WHOLE]
    helpers = [ROOT_OFF, demand(ON, group="it", order=300), *group("it", "ada", name="IT helpers")]
    assert by(*helpers) == ["2-Step Verification for the group IT helpers, since 1 March 2026"]
    assert by(demand(ON, "/Shop", group="it", order=3), *group("it", "ada", name="IT"), unit="/Shop") == [
        "2-Step Verification for the group IT in the unit /Shop, since 1 March 2026"
    ]
    licensed = [demand(ON, skus=(SKU,)), LicenseAssignment("ada@hof.example", SKU)]
    assert by(*licensed)[0].startswith("2-Step Verification for the whole organisation, with certain licences")
    bare = {"helpers": False}
    assert by(demand(ON, "/Sales", **bare), unit="/Sales/North") == [SALES]
    assert by(demand(ON, "/Shop", group="it", **bare), *group("it", "ada", name="IT"), unit="/Shop") == [
        "2-Step Verification for the group IT in the unit /Shop, since 1 March 2026"
    ]
    assert by(demand(ON, None, query=f"{query('/Shop')} || {query('/Sales')}"), unit="/Sales") == [
        "2-Step Verification for part of the organisation, under a condition, since 1 March 2026"
    ]
    spared = demand(ON, "/", group="free", query=f"{query('/')} && !{query(None, 'free')}")
    assert by(spared, *group("free", "bo")) == [
        "2-Step Verification for the whole organisation, under a condition, since 1 March 2026"
    ]
    google = demand(ON, group=ADMINS, order=900, kind="SYSTEM")
    assert by(google, administrator="other") == ["Google itself, for administrators, since 1 March 2026"]
    own = demand(ON, group=ADMINS, order=900)
    assert by(own, administrator="highest") == ["2-Step Verification for all administrators, since 1 March 2026"]
    assert one(demand(LATER), person("ada")).enforced_by == [
        "2-Step Verification for the whole organisation, from 24 December 2026"
    ]


@pytest.mark.parametrize(
    "rows, administrator, expected",
    [
        ([], "highest", "on"), ([], "other", "on"), ([], "none", "off"), ([], None, "off"),
        ([role("ada", via_id="it")], None, "on"),  # through a group, however the directory's flag is
        ([role("ada", ends_at=NOW)], "none", "off"), ([role("ada", ends_at=NOW + timedelta(1))], "none", "on"),
        ([role("ada")], "none", "on"), ([role("bo")], None, "off"),
        ([role("it", holder_kind="group", members_known=False)], "none", "unknown"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["helper", "query"])
def test_googles_own_group_of_administrators(rows, administrator, expected, text):
    asked = {} if text == "helper" else {"query": query("/", ADMINS), "helpers": False}
    policies = [ROOT_OFF, demand(ON, group=ADMINS, order=500, kind="SYSTEM", **asked)]
    found = one(policies, rows, person("ada", enforced=None, administrator=administrator))
    assert found.verdict == {"on": "enforced", "off": "not_enforced", "unknown": "unknown"}[expected]
    unread = one(
        policies, rows, person("ada", enforced=None, administrator=administrator), read=outcomes(roles=REFUSED)
    )
    assert unread.verdict == ("enforced" if expected == "on" else "unknown")


@pytest.mark.parametrize(
    "holder, why", [({"administrator": "other"}, "of administrators by itself"), ({}, "administrator was not read")]
)
def test_google_may_demand_it_of_administrators_whatever_the_policies_say(holder, why):
    """Without Google's flag nobody can say that it does not."""
    read = outcomes() if holder else outcomes(roles=REFUSED)
    for policies in (ROOT_OFF, demand(LATER)):
        found = one(policies, person("ada", enforced=None, **holder), read=read)
        assert found.verdict == "unknown" and why in found.reason
    assert one(EVERYWHERE, person("ada", enforced=None, **holder), read=read).verdict == "enforced"
    assert one(ROOT_OFF, person("ada", enforced=False, **holder), read=read).verdict == "not_enforced"


def test_what_was_not_read_is_unknown_only_where_it_matters():
    hidden = [demand(OFF, group="free", order=300), *group("free", known=False, name="Free")]
    unclear = one(EVERYWHERE, hidden, person("ada", enforced=None))
    assert unclear.verdict == "unknown" and "the members of the group Free could not be read" in unclear.reason
    flagged = one(EVERYWHERE, hidden, person("ada", enforced=True))
    assert (flagged.verdict, flagged.contradiction) == ("enforced", None) and "the group Free" in flagged.reason
    assert one(EVERYWHERE, hidden, person("ada", enforced=False)).verdict == "not_enforced"
    # Weaker than what applies for certain; or saying the same: of no account.
    weaker = [demand(OFF, group="free", order=0.7), *group("free", known=False)]
    assert one(EVERYWHERE, weaker, person("ada", enforced=None)).verdict == "enforced"
    same = [demand("2026-03-01T08:00:00+00:00", group="free", order=300), *group("free", known=False)]
    assert one(EVERYWHERE, same, person("ada", enforced=None)).verdict == "enforced"
    # May be on, may come later: even Google's flag cannot tell that one from never.
    later = [demand(LATER, group="free", order=300), *group("free", known=False)]
    assert one(later, person("ada", enforced=False)).verdict == "unknown"
    assert one(later, person("ada", enforced=True)).verdict == "enforced"


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize(
    "lost, asked, why",
    [
        ({"licenses": REFUSED}, {"skus": (SKU,)}, "licences were not read"),
        ({}, {"query": f"{query('/')} && entity.country == 'DE'"}, "a condition of a policy is not understood"),
        ({"policy_groups": REFUSED}, {"group": "it"}, "the members of the group with the id it could not be read"),
    ],
)
def test_a_policy_nobody_can_place(lost, asked, why, scheduled):
    policies = [demand(LATER if scheduled else ON, order=7, **asked)]
    found = one(policies, person("ada", enforced=None), read=outcomes(**lost))
    assert found.verdict == "unknown" and why in found.reason


def test_licences_of_somebody_without_a_user_name():
    rows = [demand(ON, skus=(SKU,)), LicenseAssignment("ada@hof.example", SKU), person("ada", enforced=None)]
    nameless = [replace(row, username=None) if isinstance(row, Account) else row for row in rows[-1]]
    assert [one(rows).verdict, one(rows[:2], nameless).verdict] == ["enforced", "unknown"]


def test_units_that_were_not_read():
    rows = [EVERYWHERE, person("ada", "/Sales", enforced=None)]
    found = one(rows, read=outcomes(org_units=REFUSED), tree=False)
    assert found.verdict == "unknown" and "organisational units were not read" in found.reason
    everything = [demand(ON, unit, order=place) for place, unit in enumerate(("/", "/Sales", "/Shop"))]
    flagged = one(everything, person("ada", "/Sales", enforced=True), read=outcomes(org_units=REFUSED), tree=False)
    assert (flagged.verdict, flagged.contradiction) == ("enforced", None)


def test_a_person_whose_unit_is_newer_than_the_tree():
    rows = [demand(ON, "/Sales", order=5), person("ada", "/Sales/New", enforced=None)]
    assert one(rows).verdict == "enforced"
    assert one([demand(OFF, "/Gone", order=9), *rows]).verdict == "unknown"  # /Gone may be the new unit
    assert one([demand(OFF, "/Shop", order=9), *rows]).verdict == "enforced"  # /Shop is not
    # Single sign-on likewise: what is assigned above it holds, unless the new unit has its own.
    above = [sso(unit="/Sales"), person("ada", "/Sales/New")]
    assert [one(above).verdict, one(above, sso("SSO_OFF", unit="/Gone")).verdict] == ["third_party", "unknown"]


# -- the person's own state

WEEK = detail("grace_period", "604800s")


def gone(**more):
    return {"enrolled": False, "enforced": True} | more


def test_enforced_and_not_enrolled_is_never_protected():
    found = one(EVERYWHERE, person("ada", **gone()))
    assert found.verdict == "enforced" and found.grace_until is None
    assert found.gaps[0].startswith("Not enrolled, and no enrolment period is left")


UNTIL = "Not enrolled: enrolment period until"


@pytest.mark.parametrize(
    "created, last, used, until, said",
    [
        (datetime(2026, 11, 16), None, [], datetime(2026, 11, 23), UNTIL),
        (datetime(2026, 11, 9), None, [FactorUse("ada", "password", first_at=datetime(2026, 11, 15))],
         datetime(2026, 11, 22), UNTIL),
        (datetime(2024, 1, 1), datetime(2026, 11, 19),
         [FactorUse("ada", "password", first_at=datetime(2026, 11, 15))], None, MAY_BE_NEW),
        (datetime(2024, 1, 1), datetime(2026, 11, 19),
         [FactorUse("ada", "password", first_at=datetime(2026, 11, 13))], None, LOCKED),
        (datetime(2024, 1, 1), datetime(2026, 11, 19), [], None, MAY_BE_NEW),
        (datetime(2024, 1, 1), datetime(2026, 9, 1), [], None, LOCKED),
        (datetime(2026, 11, 9), None, [], None, MAY_BE_NEW),
        (None, None, [], None, MAY_BE_NEW),
        (None, datetime(2026, 9, 1), [], None, LOCKED),
    ],
    ids=["new", "created earlier, first seen lately", "old, first seen lately by a log that begins late",
         "old, seen a week ago", "old, its first sign-in not on record", "over", "nobody knows when it signed in",
         "not known", "over, whenever it was created"],
)  # fmt: skip
def test_the_enrolment_period_of_new_people(created, last, used, until, said):
    config = {"since": datetime(2026, 10, 21)}
    rows = [EVERYWHERE, WEEK, used, person("ada", created_at=created, last_success_at=last, **gone())]
    found = one(rows, config=config)
    assert (found.verdict, found.grace_until) == ("enforced", until)
    assert found.gaps[0].startswith(said)


def test_who_never_signed_in_has_the_whole_period_left():
    rows = [EVERYWHERE, WEEK, person("ada", created_at=datetime(2020, 1, 1), activity="never", **gone())]
    assert one(rows).gaps[0] == "Not enrolled: the enrolment period of 7 days begins with the first sign-in."


def granted(until, day, **more):
    more = {"target_id": "ada"} | more
    return AuditEvent(f"e{day}", datetime(2026, 11, day), "second_factor_grace", details=[until], **more)


@pytest.mark.parametrize(
    "events, until, said",
    [
        ([granted("2026-11-27T09:00:00Z", 12)], datetime(2026, 11, 27, 9), "until 27 November 2026"),
        ([granted("2026-11-27T09:00:00Z", 12, target_id=None, target="Ada@hof.example")],
         datetime(2026, 11, 27, 9), ""),
        ([granted("2026-12-20T09:00:00Z", 11), granted("2026-11-25T09:00:00Z", 12)], datetime(2026, 11, 25, 9), ""),
        ([granted("2026-12-20T09:00:00Z", 11),
          granted("2026-11-25T09:00:00Z", 12, target_id=None, target="ada@hof.example")],
         datetime(2026, 11, 25, 9), ""),
        ([granted("2026-11-13T09:00:00Z", 12)], None, "no enrolment period is left"),
        ([granted("Freitag", 12)], None, "granted time until Freitag"),
        ([granted("2026-11-27T09:00:00Z", 12, succeeded=False)], None, "no enrolment period is left"),
    ],
)  # fmt: skip
def test_time_that_an_administrator_granted(events, until, said):
    found = one(EVERYWHERE, events, person("ada", **gone()))
    assert (found.verdict, found.grace_until) == ("enforced", until) and said in found.gaps[0]


def test_switched_off_people():
    for status, word in (("suspended", "suspended."), ("archived", "archived."), (None, "suspended or archived.")):
        found = one(EVERYWHERE, person("ada", enabled=False, status=status, enforced=False))
        assert found.verdict == "blocked" and found.reason.endswith(word) and found.contradiction is None


def test_single_sign_on():
    """The group of the lowest rank, else the nearest unit; super administrators never."""
    unit = [sso(unit="/Sales")]
    assert one(unit, person("ada", "/Sales/North")).verdict == "third_party"
    assert one(unit, person("ada", "/Sales", enrolled=False)).verdict == "third_party"
    assert "is decided there" in one(unit, person("ada", "/Sales")).reason
    assert one(unit, person("ada", "/Shop")).verdict == "not_enforced"
    assert one(unit, person("ada", "/Sales", administrator="highest")).verdict == "not_enforced"
    assert one(unit, person("ada", "/Sales", administrator="other")).verdict == "third_party"
    assert one(unit, role("ada", highest=True), person("ada", "/Sales", administrator=None)).verdict == "not_enforced"
    untold = role("ada", highest=None), person("ada", "/Sales", administrator=None)  # what the role may do was not read
    assert one(unit, *untold).verdict == "unknown" and "administrator was not read" in one(unit, *untold).reason
    assert one(unit, sso("SSO_OFF", unit="/Sales/North"), person("ada", "/Sales/North")).verdict == "not_enforced"
    assert one(sso("OIDC_SSO", unit="/"), person("ada", "/Shop")).verdict == "third_party"
    groups = [sso("SSO_OFF", group="g1", rank=2), sso("SAML_SSO", group="g2", rank=1)]
    both = [*group("g1", "ada"), *group("g2", "ada", "bo")]
    assert one(groups, both, person("ada")).verdict == "third_party"
    assert (
        one(sso(unit="/"), sso("SSO_OFF", group="g1", rank=1), *group("g1", "ada"), person("ada")).verdict
        == "not_enforced"
    )
    hidden = one(sso(group="g1", rank=1), *group("g1", known=False), person("ada"))
    assert hidden.verdict == "unknown" and "the group G1" in hidden.reason
    for same in ([sso("SSO_OFF", group="g1", rank=1), groups[1]], [groups[1], sso("SSO_OFF", group="g1", rank=1)]):
        found = one(same, *group("g1", "ada"), *group("g2", "ada"), person("ada"))
        assert found.verdict == "unknown" and "the order of two policies" in found.reason
    enforced = one(EVERYWHERE, unit, person("ada", "/Sales", enforced=True))
    assert enforced.verdict == "enforced" and enforcement.BY_OTHERS in enforced.gaps


def test_the_domains_own_provider_by_its_traces():
    rows = [sso("DOMAIN_WIDE_SAML_IF_ENABLED", unit="/"), person("ada")]
    assert one(rows).verdict == "unknown"
    assert one(rows, AccountMeasure("ada", single_sign_on_at=NOW - timedelta(days=3))).verdict == "third_party"
    assert one(rows, AccountMeasure("ada", single_sign_on_at=NOW - timedelta(days=90))).verdict == "unknown"
    unread = outcomes(sso=REFUSED, policies=REFUSED)
    assert one(person("ada"), read=unread).verdict == "not_enforced"
    assert one(person("ada"), FactorUse("ada", "saml"), read=unread).verdict == "third_party"


@pytest.mark.parametrize("lost", ["policies", "sso"])
def test_what_failed_once_may_say_something_else_the_next_time(lost):
    broken = outcomes(**{lost: Incomplete(0, Unreachable("The connection kept failing."))})
    found = one(person("ada", enforced=False), read=broken)
    assert found.verdict == "unknown" and "The connection kept failing." in found.reason
    assert one(person("ada", enforced=True), read=broken).verdict == "enforced"  # whatever they would have said
    assert one(person("ada", enforced=False), read=outcomes(**{lost: REFUSED})).verdict == "not_enforced"


def test_what_comes_later():
    found = one(demand(LATER), person("ada"))
    assert (found.verdict, found.verdict_if_enabled) == ("scheduled", "enforced")
    assert found.gaps == ["Only from 24 December 2026 on: before that it can be switched off."]
    bare = one(demand(LATER), sso(unit="/"), person("ada", enrolled=False))
    assert bare.verdict == "scheduled" and bare.gaps[1:] == [enforcement.BY_OTHERS]


def test_who_is_exempt_and_through_what():
    rows = [EVERYWHERE, demand(OFF, group="free", order=300), *group("free", "ada", name="Fair staff"), person("ada")]
    assert one(rows).excluded_by == [
        f"Exempt by the group Fair staff, where it is switched off; otherwise: {WHOLE}."
    ]  # fmt: skip
    assert one(EVERYWHERE, person("ada", enforced=True)).excluded_by == []
    assert one(rows).policies == ["2-Step Verification for the group Fair staff, switched off", WHOLE]


# -- contradictions


def test_flag_and_policies_disagree():
    admin = one(ROOT_OFF, person("ada", enforced=True, administrator="other"))
    assert admin.enforced_by == ["Google itself, for administrators"] and "by itself" in admin.contradiction
    plain = one(ROOT_OFF, person("ada", enforced=True))
    assert plain.enforced_by == ["Google 2-Step Verification"] and "24 hours" in plain.contradiction
    early = one(demand(LATER), person("ada", enforced=True))
    assert "the policy says later" in early.contradiction
    lag = one(EVERYWHERE, person("ada"))
    assert lag.verdict == "not_enforced" and "its" not in lag.enforced_by and "24 hours" in lag.contradiction
    inner = [demand(ON, "/Sales", order=500), demand(OFF, group="free", order=300), *group("free", "ada", name="Free")]
    assert "switched off for the group Free by a policy" in one(inner, person("ada", "/Sales")).contradiction
    fresh = one(demand("2026-11-20T06:00:00Z"), person("ada"))
    assert "less than a day ago" in fresh.contradiction


def test_time_that_is_left_explains_why_it_is_not_enforced_yet():
    new = person("ada", enrolled=False, enforced=False, created_at=datetime(2026, 11, 18))
    found = one(EVERYWHERE, WEEK, new)
    assert (found.verdict, found.gaps, found.grace_until) == ("not_enforced", [], datetime(2026, 11, 25))
    assert "not yet. Not enrolled: enrolment period until 25 November 2026" in found.contradiction
    # Where nothing demands it, and where no time is left, there is nothing to explain.
    assert one(ROOT_OFF, WEEK, new).grace_until is None
    late = one(EVERYWHERE, person("ada", enrolled=False, enforced=False))
    assert late.grace_until is None and "24 hours" in late.contradiction


@pytest.mark.parametrize(
    "enrolled, enforced, measure, said",
    [
        (True, True, {"protected": True}, None),
        (True, True, {"protected": None}, None),
        (False, True, {"protected": False}, None),
        (True, True, {"protected": False, "enrolled": False}, "changed since"),
        (True, True, {"protected": False, "enrolled": True, "enforced": True}, "rests on something"),
        (True, False, {"protected": True, "enrolled": True, "enforced": True}, "changed since"),
        (True, False, {"protected": True, "enrolled": True, "enforced": False}, None),
        (False, True, {"protected": True}, "rests on something"),
    ],
)
def test_the_usage_report_disagrees(enrolled, enforced, measure, said):
    policies = EVERYWHERE if enforced else ROOT_OFF
    report = AccountMeasure("ada", as_of=datetime(2026, 11, 17), **measure)
    found = one(policies, report, person("ada", enrolled=enrolled, enforced=enforced)).contradiction
    assert found is None if said is None else said in found and "17 November 2026" in found


def test_a_password_alone_after_the_period():
    lately = FactorUse("ada", "password", first_at=datetime(2026, 11, 18), last_at=datetime(2026, 11, 19))
    assert "alone on 19 November 2026" in one(EVERYWHERE, lately, person("ada", **gone())).contradiction
    assert one(EVERYWHERE, lately, person("ada", enforced=True)).contradiction is None  # trusted device
    early = FactorUse("ada", "password", last_at=datetime(2026, 2, 1))
    assert one(EVERYWHERE, early, person("ada", **gone())).contradiction is None
    new = person("ada", created_at=datetime(2026, 11, 18), **gone())
    inside = FactorUse("ada", "password", first_at=datetime(2026, 11, 9), last_at=datetime(2026, 11, 15))
    was_new = person("ada", created_at=datetime(2026, 11, 9), **gone())
    assert one(EVERYWHERE, WEEK, inside, was_new).contradiction is None
    had_leave = granted("2026-11-19T18:00:00Z", 12)
    assert one(EVERYWHERE, had_leave, lately, person("ada", **gone())).contradiction is None
    assert one(EVERYWHERE, WEEK, lately, new).contradiction is None


# -- what else the policies say


@pytest.mark.parametrize(
    "factors, resistant",
    [("ALL", False), ("NO_TELEPHONY", False), ("PASSKEY_ONLY", True), ("PASSKEY_PLUS_SECURITY_CODE", False),
     ("PASSKEY_PLUS_IP_BOUND_SECURITY_CODE", False), ("HOLOGRAM_ONLY", None), (None, False)],
)  # fmt: skip
def test_allowed_factors(factors, resistant):
    rows = [EVERYWHERE, *([detail("enforcement_factor", factors)] if factors else []), person("ada", enforced=True)]
    assert one(rows).phishing_resistant is resistant
    known = tables(*rows)
    (account,) = known.rows(enforcement.Account)
    assert allowed_factors(known, outcomes(), NOW)(account) == (factors or "ALL")
    assert allowed_factors(known, outcomes(policies=REFUSED), NOW)(account) is None


def test_details_with_defaults_and_booleans_as_texts():
    plain = one(EVERYWHERE, person("ada", enforced=True))
    assert plain.gaps == [enforcement.TRUSTED] and plain.legacy_blocked is True
    strict = [detail("device_trust", "False"), policy("security.less_secure_apps", {"allowLessSecureApps": "True"})]
    found = one(EVERYWHERE, strict, person("ada", enforced=True))
    assert found.gaps == [enforcement.OLD_PROGRAMS] and found.legacy_blocked is False
    closed = one(EVERYWHERE, detail("enrollment", False), person("ada", **gone()))
    assert closed.gaps[0] == enforcement.MAY_NOT


def test_merged_settings_take_each_field_from_the_strongest_that_has_it():
    rows = [policy("security.less_secure_apps", {"allowLessSecureApps": True}, order=1),
            policy("security.less_secure_apps", {"other": 1}, order=2)]  # fmt: skip
    assert one(rows, person("ada")).legacy_blocked is False
    whole = [
        detail("device_trust", False),
        policy("security.two_step_verification_device_trust", {"other": 1}, order=2),
    ]
    assert enforcement.TRUSTED in one(EVERYWHERE, whole, person("ada", enforced=True)).gaps


def test_programs_that_send_a_password_alone_are_kept_out_only_where_nothing_says_otherwise():
    let_in, kept_out = (AccountMeasure("ada", less_secure_apps=said) for said in (True, False))
    found = one(EVERYWHERE, person("ada", enforced=True), let_in)
    assert found.legacy_blocked is None and "are let in, the policies say that they are not" in found.contradiction
    assert one(EVERYWHERE, person("ada"), kept_out).legacy_blocked is True
    unread = outcomes(policies=REFUSED)
    assert one(person("ada"), let_in, read=unread).legacy_blocked is False
    assert one(person("ada"), kept_out, read=unread).legacy_blocked is True
    assert one(person("ada"), read=unread).legacy_blocked is None


def test_refused_policies_leave_the_flag():
    read = outcomes(policies=REFUSED, sso=REFUSED)
    for flag, verdict in ((True, "enforced"), (False, "not_enforced"), (None, "unknown")):
        found = one(person("ada", enforced=flag), read=read)
        assert found.verdict == verdict and "not delegated" in found.reason
        assert "Single sign-on with another provider is not known" in found.reason
        assert found.legacy_blocked is found.policies is found.excluded_by is found.phishing_resistant or flag is False
    half = Incomplete(3, NotGranted("Broke off."))
    assert one(EVERYWHERE, person("ada", enforced=None), read=outcomes(policies=half)).verdict == "unknown"
    old = {"users": Complete(1)}  # a snapshot from before policies were read
    assert one(person("ada", enforced=True), read=old).verdict == "enforced"


def test_a_policy_that_came_twice_is_one():
    rows = [EVERYWHERE, EVERYWHERE, demand(OFF, group="free", order=300), *group("free", "ada")]
    assert one(rows, person("bo", enforced=True)).enforced_by == [WHOLE]
    assert one(rows, rows, person("ada")).excluded_by == one(rows, person("ada")).excluded_by != []


def test_an_order_nobody_knows():
    rows = [demand(ON, order=None), demand(OFF, order=3)]
    found = one(rows, person("ada", enforced=None))
    assert found.verdict == "unknown" and "the order of two policies is not known" in found.reason
    assert one(demand(ON, order=None), person("ada", enforced=None)).verdict == "enforced"


def test_everybody_at_once_and_emergency_accounts():
    found = judge(EVERYWHERE, person("ada", enforced=True), person("glass"), config={
        "emergency_accounts": ("glass@hof.example",)})  # fmt: skip
    assert {key: row.emergency for key, row in found.items()} == {"ada": False, "glass": True}


def test_a_second_factor_counts_where_the_policy_that_wins_allows_it():
    keys = detail("enforcement_factor", "PASSKEY_ONLY", "/Sales", order=5)
    report = AccountMeasure("ada", as_of=datetime(2026, 11, 18), security_keys=0, passkeys=0)
    seen = FactorUse("ada", "phone_prompt", last_at=datetime(2026, 11, 19))

    def capable(unit, **read):
        rows = tables(keys, report, seen, person("ada", unit))
        (found,) = registrations.rows(rows, outcomes(**read), NOW, {})
        return found.capable

    assert (capable("/Sales"), capable("/Shop"), capable("/Sales", policies=REFUSED)) == (False, True, None)
