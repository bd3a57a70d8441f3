"""Tables the core computes: sign-ins counted once, for whom they belong to; when each account was last used."""

from __future__ import annotations

import functools
import json
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import duckdb
import pytest

from keyround import derived
from keyround.derived import homes
from keyround.engine import sandbox
from keyround.model import NAME, TABLES, AccessPolicy, Account, AccountMeasure, Group, GroupMember, OrgUnit, SignIn, ddl
from keyround.store.draft import as_arrow
from keyround.terms import Home, Network, Terms, Trip

NOW, TENTH = datetime(2026, 11, 20), datetime(2026, 11, 10)
GIVEN = {"since": datetime(2026, 11, 1), "until": NOW, "home_countries": ["DK"]}
PEOPLE = [Account("ada", username="Ada@Contoso.example"), Account("bo", username="twin@contoso.example"),
          Account("cy", username="twin@contoso.example")]  # fmt: skip


@functools.cache
def database():
    """One connection for all, as rules see it; each fills the tables it names and empties them again."""
    db = duckdb.connect(config={"threads": "1"})
    sandbox.prepare(db)
    for name, table in TABLES.items():
        db.execute(ddl(name, table))
    return db


@contextmanager
def holding(rows):
    """The database with these rows in it."""
    db = database()
    tables = {type(row) for row in rows}
    for table in tables:
        held = as_arrow([row for row in rows if type(row) is table], table, "t", "m365")
        sandbox.fill(db, NAME[table], held, "t")
    try:
        yield db
    finally:
        for name in {*(NAME[table] for table in tables), "known_addresses"}:
            db.execute(f'delete from "{name}"')


@pytest.fixture
def places():
    def compute(*rows, people=PEOPLE, tables=(), elsewhere=frozenset(), home_countries=("DK",), **terms):
        given = GIVEN | {"home_countries": home_countries and list(home_countries), "terms": Terms(**terms)}
        with holding([*people, *rows, *tables]) as db:
            sandbox.fill(db, "known_addresses", derived.computed("known_addresses", db, given), "t")
            return derived.computed("sign_in_places", db, given | {"elsewhere": elsewhere}).to_pylist()

    return compute


def record(name, at=TENTH, **given):
    return SignIn(name, at, **{"outcome": "success", "country": "DK"} | given)


def test_a_record_without_an_id_belongs_to_the_one_account_of_that_name(places):
    (row,) = places(record("1", account_id="ada"), record("2", username="ada@contoso.example"))
    assert (row["account_id"], row["username"], row["records"]) == ("m365:ada", None, 2)
    (row,) = places(record("3", username="twin@contoso.example"))  # two accounts could be meant: nobody's
    assert (row["account_id"], row["username"]) == (None, "twin@contoso.example")


def test_unknown_is_never_abroad(places):
    rows = places(record("1"), record("2", country="FR"), record("3", country=None))
    assert {row["country"]: row["abroad"] for row in rows} == {"DK": False, "FR": True, None: None}
    assert {row["abroad"] for row in places(record("1"), record("2", country="FR"), home_countries=None)} == {None}


def test_only_the_window_counts(places):
    rows = places(
        record("1", at=GIVEN["since"]), record("2", at=GIVEN["until"]), record("3", at=datetime(2026, 10, 31))
    )
    assert [row["records"] for row in rows] == [1]


FAR = {"country": "FR"}


def seen(rows):
    """(country, abroad, explained) -> records."""
    return {(row["country"], row["abroad"], row["explained"]): row["records"] for row in rows}


def test_what_is_counted_of_sign_ins_from_abroad(places):
    away = {"account_id": "ada", **FAR}
    (row,) = places(
        record("1", address="192.0.2.9", app="Mail", mfa="single_factor", country_source="Some 2026-11-01", **away),
        record("2", TENTH + timedelta(hours=1), address="192.0.2.1", app="Files", mfa="satisfied", **away),
        record("3", TENTH + timedelta(hours=2), address="192.0.2.1", app="Mail", mfa="unknown", **away),
        *(record(f"x{n}", address=f"198.51.100.{n}", **away) for n in range(9)),
    )
    assert (row["records"], row["single_factor"], row["satisfied"]) == (12, 1, 1)
    assert (row["first_at"], row["last_at"]) == (TENTH, TENTH + timedelta(hours=2))
    assert row["addresses"][0] == "192.0.2.1" and len(row["addresses"]) == 5  # the most used first
    assert (row["apps"], row["looked_up_in"]) == (["Files", "Mail"], "Some 2026-11-01")


def test_a_person_is_at_home_in_further_countries(places):
    rows = places(
        record("1", account_id="ada", **FAR),
        record("2", account_id="bo", **FAR),
        record("3", account_id="ada", country="US"),
        record("4", username="left@contoso.example", **FAR),  # no account any more
        record("5", account_id="gone", username="Left@contoso.example", **FAR),
        record("6", account_id="gone", **FAR),
        record("7", **FAR),  # names nobody: perhaps Ada
        homes=(Home(("FR",), ("ada@contoso.example", "left@contoso.example")),),
    )
    assert {(row["account_id"] or row["username"], row["country"]): row["abroad"] for row in rows} == {
        ("m365:ada", "FR"): False, ("m365:bo", "FR"): True, ("m365:ada", "US"): True,
        ("left@contoso.example", "FR"): False, ("m365:gone", "FR"): True, (None, "FR"): None,
    }  # fmt: skip


STAFF = [Account("ada", "ada@contoso.example", department="Sales", org_unit="/Field/South"),
         Account("bo", "bo@contoso.example", department="sales", org_unit="/Fields"),
         Account("cy", "cy@contoso.example", org_unit="/Field")]  # fmt: skip
AWAY = [record(name, account_id=name, **FAR) for name in ("ada", "bo", "cy", "gone")]
NORTH = [
    Group("G1", "North", exists=True, members_known=True),
    GroupMember("G1", "ada", "account", "member", "active"),
    GroupMember("G1", "bo", "account", "owner", "active"),
    GroupMember("G1", "cy", "account", "member", "eligible"),
]


@pytest.mark.parametrize(
    "group, tables, abroad",
    [
        ("SALES", [], [False, False, True]),  # a department
        ("/field", [OrgUnit("u1", "/Field", name="Field")], [False, True, False]),  # a unit and those below it
        ("Field", [OrgUnit("u1", "/Field", name="Field")], [False, True, False]),
        ("/", [], [False, False, False]),
        ("north", NORTH, [False, True, True]),  # who owns a group or may join it is no member
        ("g1", NORTH, [False, True, True]),
        ("North", [Group("G1", "North", members_known=False), NORTH[1]], [False, None, None]),
        ("All", [Group("G2", "All", members_known=True), GroupMember("G2", "C0", "everybody", "member", "active")],
         [False, False, False]),
        ("Sails", [], [None, None, None]),  # nobody knows such a group: everybody may be in it
        ("Old", [Group("G3", "Old", exists=False, members_known=False)], [True, True, True]),
    ],
)  # fmt: skip
def test_a_home_by_group(places, group, tables, abroad):
    rows = places(*AWAY, people=STAFF, tables=tables, homes=(Home(("FR",), group=group),))
    found = {row["account_id"][5:]: row["abroad"] for row in rows}
    assert [found[name] for name in ("ada", "bo", "cy")] == abroad
    assert found["gone"] is (False if abroad == [False] * 3 and group == "All" else None)  # may have been one of them


def test_a_group_of_another_tenant_is_nobody_s_here(places):
    rows = places(*AWAY, people=STAFF, homes=(Home(("FR",), group="Elsewhere"),), elsewhere=frozenset({"Elsewhere"}))
    assert [row["abroad"] for row in rows if row["account_id"] != "m365:gone"] == [True] * 3


def test_words_nobody_knows_are_named_with_the_nearest():
    def looked_up(*rows):
        with holding(rows) as db:
            return homes.named(db, terms)

    trip = Trip(date(2026, 11, 1), date(2026, 11, 2), people=("adda@contoso.example", "gus@home.example"))
    terms = Terms(homes=(Home(("FR",), group="Sails"), Home(("US",), group="North")), trips=(trip,))
    guest = Account("gus", "gus_home.example#EXT#@contoso.example", kind="guest", mail="Gus@home.example")
    found = {"a": looked_up(*STAFF, guest), "b": looked_up(Group("G1", "North", members_known=False))}
    said = homes.remarks(terms, found)
    assert [(one.tenant, one.remedy.partition("?")[0]) for one in said[:2]] == [
        ("", "Did you mean ada@contoso.example"), ("b", said[1].remedy)]  # fmt: skip
    assert "adda@contoso.example" in said[0].happened and 'the group "North"' in said[1].happened
    assert "Did you mean Sales?" in said[2].remedy and "France" in said[2].therefore and len(said) == 3


def test_a_trip_explains_the_days_and_the_country_it_was_told_for(places):
    def explained(at, who="ada", country="FR", **trip):
        trip = Trip(date(2026, 11, 9), date(2026, 11, 10), **{"countries": ("FR",)} | trip)
        (row,) = places(record("1", at, account_id=who, country=country), trips=(trip,))
        return row["abroad"] and row["explained"]

    assert explained(TENTH, people=("ada@contoso.example",)) == "trip"
    assert explained(datetime(2026, 11, 10, 23, 59, 59)) == "trip" == explained(datetime(2026, 11, 9))
    assert explained(datetime(2026, 11, 11)) == "nothing" == explained(datetime(2026, 11, 8, 23, 59))
    assert explained(TENTH, people=("bo@contoso.example",)) == "nothing" == explained(TENTH, country="US")
    assert explained(TENTH, country="US", countries=()) == "trip"
    assert explained(TENTH, country=None) is None  # nothing needs to be explained of an unknown place
    assert explained(TENTH, country="DK") is False


def trusted(ranges, is_trusted=True, **given):
    document = {"isTrusted": is_trusted, "ipRanges": [{"cidrAddress": one} for one in ranges]} | given
    return AccessPolicy("loc", "location", "Branch", document=json.dumps(document))


@pytest.mark.parametrize(
    "address, asn, known",
    [
        ("203.0.113.9", None, "network"), ("203.0.113.9:443", None, "network"), ("::FFFF:203.0.113.9", None, "network"),
        ("[2001:db8:7::1]:50012", None, "network"), ("198.51.100.7", None, "network"), ("192.0.2.1", 64500, "network"),
        ("192.0.2.1", 64501, "nothing"), ("2001:db8:8::1", None, "nothing"), ("198.51.100.200", None, "nothing"),
        ("office", None, "nothing"), (None, None, "nothing"),
    ],
)  # fmt: skip
def test_a_known_network_is_never_abroad(places, address, asn, known):
    networks = (Network("VPN", ("203.0.113.0/24", "2001:db8:7::/48"), (64500,)),)
    there = [trusted(["198.51.100.0/26", "broken"])]
    rows = places(
        record("1", account_id="ada", address=address, asn=asn, **FAR),
        record("2", account_id="ada", address=address, asn=asn, country=None),
        record("3", account_id="ada", address=address, asn=asn),
        networks=networks, tables=there,
    )  # fmt: skip
    assert seen(rows) == {
        ("FR", known == "nothing", known): 1,
        (None, None if known == "nothing" else False, None if known == "nothing" else known): 1,
        ("DK", False, None): 1,  # needs no explanation
    }


@pytest.mark.parametrize(
    "place",
    [
        trusted(["198.51.100.0/24"], False),
        trusted(["0.0.0.0/0"]),
        trusted([7]),
        AccessPolicy("loc", "location", document="["),
        AccessPolicy("loc", "policy", document=trusted(["198.51.100.0/24"]).document),
    ],
)
def test_a_place_that_nobody_trusts_is_no_known_network(places, place):
    (row,) = places(record("1", account_id="ada", address="198.51.100.7", **FAR), tables=[place])
    assert (row["abroad"], row["explained"]) == (True, "nothing")


def test_the_narrowest_network_names_an_address():
    def named(*networks):
        with holding([record("1", address="203.0.113.9"), trusted(["203.0.113.0/24"])]) as db:
            (row,) = derived.computed("known_addresses", db, {"terms": Terms(networks=networks)}).to_pylist()
        return row["network"], row["source"]

    assert named() == ("Branch", "trusted_location")
    assert named(Network("VPN", ("203.0.113.8/29",)), Network("All", ("203.0.0.0/16",))) == ("VPN", "configuration")
    assert named(Network("Own", ("203.0.113.0/24",))) == ("Own", "configuration")


def stop(name="stop", **given):
    return record(name, TENTH, **{"account_id": "ada", "outcome": "stopped_after_password", "country": "FR"} | given)


def entry(minutes, **given):
    return record("entry", TENTH + timedelta(minutes=minutes), **{"account_id": "ada"} | given)


@pytest.mark.parametrize(
    "stopped, entered, redeemed",
    [
        ({"correlation_id": "c"}, entry(10, correlation_id="c"), True),
        ({"correlation_id": "c"}, entry(-10, correlation_id="c"), True),
        ({"correlation_id": "c", "address": "192.0.2.1"}, entry(9, correlation_id="d", address="192.0.2.1"), True),
        ({"correlation_id": "c"}, entry(11, correlation_id="c"), False),
        ({"correlation_id": "c"}, entry(1, correlation_id="d"), None),  # no address to compare
        ({"correlation_id": "c", "address": "192.0.2.1"}, entry(1, correlation_id="d", address="192.0.2.2"), False),
        ({"correlation_id": "c"}, entry(1, correlation_id="c", outcome="failure"), False),
        ({"correlation_id": "c"}, entry(1, correlation_id="c", outcome=None), None),
        ({"correlation_id": "c"}, entry(1, correlation_id="c", account_id="bo"), False),  # somebody else
        ({}, entry(1), None),
        ({"address": "192.0.2.1"}, entry(1, address="192.0.2.1", account_id=None), None),  # anybody
        ({"address": "192.0.2.1"}, entry(11, address="192.0.2.1", account_id=None), False),
        ({"address": "192.0.2.1", "correlation_id": "c"},
         entry(1, address="192.0.2.9", correlation_id="d", account_id=None), False),
        ({"address": "192.0.2.1"},
         entry(1, address="192.0.2.1", account_id=None, username="ADA@contoso.example"), True),
        ({"address": "192.0.2.1", "account_id": None, "username": "x@contoso.example"},
         entry(1, address="192.0.2.1", account_id=None, username="X@contoso.example"), True),
        ({"address": "192.0.2.1", "account_id": None, "username": "twin@contoso.example"},
         entry(1, address="192.0.2.1", account_id="bo"), None),  # one of two of that name
        ({"address": "192.0.2.1", "account_id": None}, entry(1, address="192.0.2.1"), None),
    ],
)  # fmt: skip
def test_a_stop_is_redeemed_by_a_success_of_the_same_person(places, stopped, entered, redeemed):
    found = {row["redeemed"] for row in places(stop(**stopped), entered) if row["outcome"] == "stopped_after_password"}
    assert found == {redeemed}


def test_a_success_just_outside_the_window_redeems_a_stop_inside_it(places):
    first = GIVEN["since"]
    there = {"account_id": "ada", "address": "192.0.2.1"}
    stopped = record("s", first, outcome="stopped_after_password", **there, **FAR)
    rows = places(stopped, record("e", first - timedelta(minutes=9), **there))
    assert [row["redeemed"] for row in rows] == [True]


CREATED, LOG = datetime(2020, 1, 1), datetime(2026, 5, 24)
FIRST = SignIn("first", LOG, "somebody", outcome="failure")


@pytest.fixture
def use():
    """account id -> (unused since, activity, source) of Ada, Bo (created during the log) and Cy (of unknown age)."""

    def compute(*rows, log_since=LOG, ada=None, measured=False, measures=()):
        people = [
            ada or Account("ada", "ada@contoso.example", created_at=CREATED),
            Account("bo", "bo@contoso.example", created_at=TENTH),
            Account("cy", "cy@contoso.example"),
        ]
        sources = {
            "accounts": sandbox.Rows(as_arrow(people, Account, "t", "m365")),
            "sign_ins": sandbox.Rows(as_arrow(list(rows), SignIn, "t", "m365")),
            "account_measures": sandbox.Rows(as_arrow(list(measures), AccountMeasure, "t", "m365")),
        }
        given = {"log_since": log_since, "measured": measured}
        with sandbox.opened(sources, "t") as db:
            found = derived.computed("account_use", db, given).to_pylist()
        if measured:
            return {row["account_id"][5:]: (row["unused_since"], row["activity"], row["complete"]) for row in found}
        return {row["account_id"][5:]: (row["unused_since"], row["activity"], row["source"]) for row in found}

    return compute


def test_the_log_says_when_an_account_was_last_used(use):
    lately = datetime(2026, 11, 19)
    found = use(FIRST, record("1", account_id="ada"), record("2", lately, username="Ada@contoso.example"))
    assert found == {"ada": (lately, "seen", "audit"), "bo": (TENTH, "never", "audit"), "cy": (None, None, "audit")}


def test_an_attempt_is_no_use_and_the_log_knows_nothing_of_the_days_before_it(use):
    found = use(FIRST, record("1", account_id="ada", outcome="failure"), record("2", account_id="x"))
    assert found["ada"] == (LOG, None, "audit")  # perhaps used before, perhaps never
    began = datetime(2026, 11, 1)  # auditing was switched on
    assert use(record("1", began, account_id="x"))["ada"] == (began, None, "audit")


def test_no_log_or_half_a_log_says_nothing(use):
    nothing = {"ada": (None, None, None), "bo": (None, None, None), "cy": (None, None, None)}
    assert use(FIRST, record("1", account_id="ada"), log_since=None) == nothing
    assert use() == nothing  # whole and empty: was it ever switched on?


@pytest.mark.parametrize(
    "stray",
    [
        record("9"),
        record("9", account_id="ada", outcome=None),
        record("9", username="ada@contoso.example", outcome=None),
    ],
)
def test_while_a_record_may_have_been_a_use_nobody_is_called_unused(use, stray):
    assert use(FIRST, stray)["ada"][:2] == (None, None)
    later = datetime(2026, 11, 15)
    assert use(FIRST, stray, record("1", later, account_id="ada"))["ada"] == (later, "seen", "audit")


def test_the_providers_own_dates_win(use):
    ada = Account("ada", created_at=CREATED, activity="seen", last_success_at=LOG, unused_since=LOG)
    assert use(FIRST, record("1", account_id="ada"), ada=ada)["ada"] == (LOG, "seen", "provider")


LATELY = datetime(2026, 11, 12)
TOLD = {"old_mail_known": True, "mail_known": True}


@pytest.mark.parametrize(
    "signed_in, measure, expected",
    [
        # The phone keeps reading mail while nobody signs in.
        (LOG, AccountMeasure("ada", mail_at=LATELY, **TOLD), (LATELY, "seen", True)),
        (LOG, AccountMeasure("ada", imap_at=TENTH, pop_at=LATELY, **TOLD), (LATELY, "seen", True)),
        (LOG, AccountMeasure("ada", single_sign_on_at=LATELY, **TOLD), (LATELY, "seen", True)),
        (LATELY, AccountMeasure("ada", mail_at=TENTH, **TOLD), (LATELY, "seen", True)),
        (LOG, AccountMeasure("ada", **TOLD), (LOG, "seen", True)),  # and does not
        (LOG, AccountMeasure("ada"), (LOG, "seen", False)),  # the report told nothing of mail
        (LOG, AccountMeasure("ada", old_mail_known=True), (LOG, "seen", False)),  # or of old programs alone
        (LOG, AccountMeasure("bo", mail_at=LATELY, **TOLD), (LOG, "seen", False)),
        (None, AccountMeasure("ada", mail_at=LATELY, **TOLD), (LATELY, "seen", True)),  # never, but mail
    ],
)
def test_mail_read_on_a_phone_is_use_too(use, signed_in, measure, expected):
    activity = "seen" if signed_in else "never"
    ada = Account("ada", created_at=CREATED, activity=activity, last_success_at=signed_in,
                  unused_since=signed_in or CREATED)  # fmt: skip
    assert use(log_since=None, ada=ada, measured=True, measures=[measure])["ada"] == expected


def test_mail_alone_says_nothing_about_sign_ins_that_nobody_told_of(use):
    read = AccountMeasure("cy", mail_at=LATELY, **TOLD)
    assert use(log_since=None, measured=True, measures=[read])["cy"] == (None, None, True)


@pytest.fixture
def factors():
    def compute(*rows):
        sources = {
            "accounts": sandbox.Rows(as_arrow(PEOPLE, Account, "t", "google")),
            "sign_ins": sandbox.Rows(as_arrow(list(rows), SignIn, "t", "google")),
        }
        with sandbox.opened(sources, "t") as db:
            found = derived.computed("factor_use", db, GIVEN).to_pylist()
        return {(row["account_id"][7:], row["method"]): (row["strength"], row["times"]) for row in found}

    return compute


def test_only_a_factor_somebody_got_in_with_was_used(factors):
    found = factors(
        record("1", account_id="ada", method="mobile_phone", mfa="satisfied"),
        record("2", username="ada@contoso.example", method="mobile_phone", mfa="satisfied"),
        record("3", account_id="ada", method="passkey", outcome="interrupted", mfa="satisfied"),  # one step of it
        record("4", account_id="ada", method="security_key", outcome="failure", mfa="unknown"),  # proves nothing
        record("5", account_id="bo", mfa="single_factor"),
        record("6", account_id="bo", mfa="unknown"),  # by whatever
        record("7", account_id="cy", method="newWord", mfa="satisfied"),
        record("8", account_id="cy", method="passkey", mfa="satisfied", at=datetime(2026, 10, 31)),  # too long ago
        record("9", method="passkey", mfa="satisfied", username="twin@contoso.example"),  # two could be meant
    )
    assert found == {
        ("ada", "mobile_phone"): ("weak", 2),
        ("ada", "passkey"): ("phishing_resistant", 1),
        ("bo", "password"): (None, 1),
        ("cy", "newWord"): (None, 1),
    }
