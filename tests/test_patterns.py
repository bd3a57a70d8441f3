"""Patterns of sign-ins: first countries, journeys, passwords that are tried, and what they make of an account."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

import duckdb
import pytest

from keyround import derived
from keyround.derived import patterns
from keyround.engine import sandbox
from keyround.engine.rule import load
from keyround.model import TABLES, Account, KnownAddress, RiskEvent, SignIn, ddl
from keyround.store.draft import as_arrow
from keyround.terms import Network, Terms

SINCE, UNTIL = datetime(2026, 11, 1), datetime(2026, 11, 20)
NOON = datetime(2026, 11, 10, 12)
PEOPLE = [Account("ada", username="Ada@Contoso.example"), Account("bo", username="bo@contoso.example"),
          Account("cy", username="cy@contoso.example")]  # fmt: skip
COPENHAGEN, PARIS, LAGOS = (55.68, 12.57), (48.86, 2.35), (6.45, 3.39)
_ORDER = ("sign_in_places", "first_places", "journeys", "password_tries", "suspicions")


@functools.cache
def database():
    """One for all tests; each fills its tables anew."""
    db = duckdb.connect(config={"threads": "1"})
    sandbox.prepare(db)
    for name, table in TABLES.items():
        db.execute(ddl(name, table))
    return db


def tables(*rows, wanted=_ORDER, risks=(), known=(), **given):
    """The `wanted` tables over these sign-ins, ids bare, computed in the order in which a scan does."""
    stored = {"accounts": (PEOPLE, Account), "sign_ins": (list(rows), SignIn), "risk_events": (list(risks), RiskEvent),
              "known_addresses": ([KnownAddress(address) for address in known], KnownAddress)}  # fmt: skip
    for name in (*stored, *_ORDER):
        database().execute(f"delete from {name}")
    for name, (held, table) in stored.items():
        _fill(name, as_arrow(held, table, "t", "m365"))
    found = {}
    for name in wanted:
        table = derived.computed(
            name, database(), {"since": SINCE, "until": UNTIL, "home_countries": ["DK", "SE"]} | given
        )
        _fill(name, table)
        found[name] = [
            row | {"account_id": (row["account_id"] or "").removeprefix("m365:")} for row in table.to_pylist()
        ]
    return found


def _fill(name, rows):
    database().register("given_rows", rows)
    database().execute(f"insert into {name} by name from given_rows")
    database().unregister("given_rows")


def success(name, who, at, country=None, address="192.0.2.1", place=None, **given):
    latitude, longitude = place or (None, None)
    return SignIn(f"{who}{name}", at, who, **{"outcome": "success", "country": country, "address": address,
                  "latitude": latitude, "longitude": longitude} | given)  # fmt: skip


def days(count, who, country, first=SINCE, **given):
    return [success(f"{country}{n}", who, first + timedelta(days=n), country, **given) for n in range(count)]


# -- first countries --------------------------------------------------------------------------------------------------


def first(*rows, **given):
    found = tables(*rows, wanted=_ORDER[:2], **given)["first_places"]
    return {(row["account_id"], row["country"]): (row["before"], row["elsewhere"]) for row in found}


def test_a_country_is_new_only_where_nothing_ever_came_from_there():
    home = days(8, "ada", "DK")
    new = success("new", "ada", NOON, "SE")
    assert first(*home, new)["ada", "SE"] == (False, 8)
    long_ago = success("old", "ada", datetime(2026, 6, 1), "SE")  # from a day that an earlier scan stored
    assert first(*home, new, long_ago)["ada", "SE"] == (True, 8)
    failed = success("old", "ada", datetime(2026, 6, 1), "SE", outcome="failure")
    assert first(*home, new, failed)["ada", "SE"] == (False, 8)


@pytest.mark.parametrize(
    "doubt",
    [
        success("x", "ada", SINCE - timedelta(days=3)),  # nobody knows from where
        success("x", "ada", SINCE - timedelta(days=3), "SE", outcome=None),
        success("x", None, SINCE - timedelta(days=3), "SE"),  # nobody knows who
    ],
)
def test_what_is_not_known_of_the_past_leaves_it_open(doubt):
    assert first(*days(8, "ada", "DK"), success("new", "ada", NOON, "SE"), doubt)["ada", "SE"][0] is None


def test_apps_and_known_networks_are_nowhere_new_but_apps_were_there_before():
    home = days(8, "ada", "DK")
    app = success("app", "ada", NOON, "SE", source="noninteractive")
    assert ("ada", "SE") not in first(*home, app)
    assert first(*home, app, success("new", "ada", NOON + timedelta(days=1), "SE"))["ada", "SE"] == (True, 8)
    office = success("new", "ada", NOON, "SE", "192.0.2.9", asn=64496)
    assert ("ada", "SE") not in first(*home, office, known=["192.0.2.9"])
    assert ("ada", "SE") not in first(*home, office, terms=Terms(networks=(Network("VPN", asns=(64496,)),)))


# -- journeys ---------------------------------------------------------------------------------------------------------


def journeys(*rows, **given):
    return tables(*rows, wanted=("journeys",), **given)["journeys"]


def hop(start, end, hours=1.0, **given):
    home = days(5, "ada", "DK", address="192.0.2.1", place=start.get("place"))
    return journeys(
        *home,
        success("a", "ada", NOON, **{"address": "192.0.2.1"} | start),
        success("b", "ada", NOON + timedelta(hours=hours), **{"address": "198.51.100.1"} | end),
        **given,
    )


def test_coordinates_are_measured_exactly():
    (row,) = hop({"country": "DK", "place": COPENHAGEN}, {"country": "FR", "place": PARIS}, 2)
    assert row["km"] == pytest.approx(1027, abs=5) and row["kmh"] == pytest.approx(row["km"] / 2, abs=1)
    assert (row["by_country"], row["same_network"], row["people"]) == (False, False, 1)


def test_countries_are_measured_by_the_least_they_can_be_apart():
    (row,) = hop({"country": "DK"}, {"country": "NG"})
    assert row["by_country"] and 4000 < row["km"] < 5300
    assert hop({"country": "DK"}, {"country": "DE"}, 0.1) == []  # a step over the border
    assert hop({"country": "DK"}, {"country": "RU"}, 0.1)[0]["km"] > 500
    (row,) = hop({"country": "DK", "place": COPENHAGEN}, {"country": "NG"})
    assert row["by_country"] and row["km"] == pytest.approx(4460, abs=100)


def test_at_the_same_moment_there_is_no_speed_and_the_order_is_settled():
    found = hop({"country": "DK"}, {"country": "NG"}, 0)
    assert [(row["hours"], row["kmh"]) for row in found] == [(0, None)]
    assert found == hop({"country": "DK"}, {"country": "NG"}, 0)


def test_who_takes_a_plane_or_does_not_get_in_makes_no_journey():
    assert hop({"country": "DK"}, {"country": "NG"}, 24) == []
    assert hop({"country": "DK"}, {"country": "NG", "outcome": "failure"}) == []
    assert hop({"country": "DK"}, {"country": "NG", "source": "noninteractive"}) == []


def test_only_the_end_that_is_out_of_the_ordinary_explains_anything():
    there, here = {"country": "NG"}, {"country": "DK"}
    assert [row["same_network"] for row in hop(here, there, known=["198.51.100.1"])] == [True]
    assert [row["same_network"] for row in hop(here, there, known=["192.0.2.1"])] == [False]  # the office
    assert [row["same_network"] for row in hop(here | {"asn": 64496}, there | {"asn": 64496})] == [True]
    office = [success("o", who, NOON, "DK", "192.0.2.1") for who in ("bo", "cy")]
    exit_ = [success("v", who, NOON, "NG", "198.51.100.1") for who in ("bo", "cy")]
    alone, crowd = _hop_among(office), _hop_among(exit_)
    assert (alone["people"], crowd["people"]) == (1, 3)


def _hop_among(others):
    rows = [*days(5, "ada", "DK"), success("a", "ada", NOON, "DK"),
            success("b", "ada", NOON + timedelta(hours=1), "NG", "198.51.100.1")]  # fmt: skip
    (row,) = [row for row in journeys(*rows, *others) if row["account_id"] == "ada"]
    return row


def test_the_circles_are_countries_of_this_world():
    circles = patterns.circles()
    assert len(set(circles["country"])) == 250
    assert all(-90 <= value <= 90 for value in circles["latitude"])
    assert all(-180 <= value <= 180 for value in circles["longitude"])
    assert all(10 <= value <= 2700 for value in circles["radius"])


# -- passwords --------------------------------------------------------------------------------------------------------

STRANGER = "198.51.100.7"


def refused(number, who, at=NOON, address=STRANGER, **given):
    return SignIn(f"f{number}{who}{at:%H%M}", at, who, **{"outcome": "failure", "error_code": "50126",
                  "address": address} | given)  # fmt: skip


def spray(names=6, per=2, **given):
    return [refused(n, f"p{i}", NOON + timedelta(minutes=n), **given) for i in range(names) for n in range(per)]


def tries(*rows, **given):
    found = tables(*rows, wanted=("password_tries",), **given)["password_tries"]
    return {(row["account_id"], row["address"]): row for row in found}


def test_many_names_from_one_address_are_kept_and_a_slip_is_not():
    found = tries(*spray(), refused(1, "ada", address="192.0.2.1"))
    assert {who for who, _ in found} == {f"p{i}" for i in range(6)}
    assert {(row["users"], row["tries"], row["known"], row["followed"]) for row in found.values()} == {
        (6, 2, False, False)
    }


def test_who_got_in_before_tries_a_password_of_his_own_and_who_gets_in_after_may_have_guessed_it():
    before = success("b", "ada", NOON - timedelta(days=1), "DK", STRANGER)
    after = success("a", "ada", NOON + timedelta(hours=1), "DK", STRANGER)
    burst = [refused(n, "ada", NOON + timedelta(minutes=n)) for n in range(12)]
    assert tries(*burst, before) == {}
    assert tries(*burst, after)["ada", STRANGER]["followed"] is True
    assert tries(*burst, after)["ada", STRANGER]["entered"] == ["Ada@Contoso.example"]
    unknown = success("a", "ada", NOON + timedelta(hours=1), "DK", STRANGER, outcome=None)
    assert tries(*burst, unknown)["ada", STRANGER]["followed"] is None


def test_an_office_that_nobody_named_is_no_attacker():
    people = [success("o", f"q{n}", NOON, "DK", STRANGER) for n in range(7)]
    assert tries(*spray(), *people) == {}
    assert tries(*spray(), people[0])["p0", STRANGER]["entered"] == []  # no name is known of that one


def test_google_sending_people_on_is_no_wrong_password():
    odd = {"error_code": "login_failure", "client": "google_password"}
    burst = [refused(n, "ada", **odd) for n in range(12)]
    assert tries(*burst)
    assert tries(*burst, success("s", "ada", NOON + timedelta(hours=3), "DK", "192.0.2.1", client="saml")) == {}


def test_other_failures_say_nothing_about_a_password():
    assert tries(*spray(error_code="50105")) == {}
    assert {row["wrong"] for row in tries(*spray(error_code=None)).values()} == {None}


# -- suspicions -------------------------------------------------------------------------------------------------------


def test_each_reason_to_doubt_a_sign_in_is_told_once():
    rows = [
        *days(8, "ada", "DK", first=NOON - timedelta(days=14)),
        success("new", "ada", NOON, "SE", "192.0.2.2"),
        success("far", "bo", NOON, "DK", "192.0.2.3"),
        success("off", "bo", NOON + timedelta(hours=1), "NG", "198.51.100.9", mfa="single_factor"),
        *spray(),
        success("in", "cy", NOON + timedelta(hours=2), "DK", STRANGER, mfa="satisfied"),
        success("odd", "cy", NOON, "DK", "192.0.2.4", risk="high"),
    ]
    risks = [RiskEvent("1", "user", "ada", state="at_risk", detected_at=NOON),
             RiskEvent("2", "user", "bo", state="dismissed")]  # fmt: skip
    found = tables(*rows, risks=risks)["suspicions"]
    assert [(row["account_id"], row["reason"], row["country"], row["records"]) for row in found] == [
        ("ada", "first_country", "SE", 1),
        ("ada", "provider_risk", None, 1),
        ("bo", "abroad", "NG", 1),
        ("bo", "impossible_travel", "NG", 1),
        ("cy", "guessed", "DK", 1),
        ("cy", "provider_risk", "DK", 1),
    ]
    assert {row["first_at"] for row in found if row["reason"] == "provider_risk"} == {NOON}


def test_they_follow_the_rules_own_thresholds():
    rules = {rule.id: rule for rule in load()}
    for rule, parameter, value in patterns.THRESHOLDS.values():
        assert rules[rule].parameters[parameter] == value
    rows = (*days(3, "ada", "DK"), success("new", "ada", NOON, "SE", "192.0.2.2"))
    assert tables(*rows)["suspicions"] == []
    assert tables(*rows, terms=Terms(thresholds={"first-country": {"earlier": 2}}))["suspicions"] == []
    stricter = Terms(thresholds={"first-country": {"earlier": 2, "known_days": 2}})
    assert [row["reason"] for row in tables(*rows, terms=stricter)["suspicions"]] == ["first_country"]


def test_each_table_has_the_models_columns_and_its_key_is_one():
    found = tables(*days(8, "ada", "DK"), success("n", "ada", datetime(2026, 11, 5, 1), "NG", "198.51.100.9"), *spray())
    for name in _ORDER[1:]:
        rows, table = found[name], TABLES[name]
        assert rows and all(row.keys() - {"tenant"} <= set(table.__slots__) for row in rows)
        assert len({tuple(row[key] for key in table.KEY) for row in rows}) == len(rows)
