"""Tables the core computes: sign-ins counted once, for whom they belong to; when each account was last used."""

from __future__ import annotations

from datetime import datetime

import pytest

from keyround import derived
from keyround.engine import sandbox
from keyround.model import Account, AccountMeasure, SignIn
from keyround.store import as_arrow

NOW, TENTH = datetime(2026, 11, 20), datetime(2026, 11, 10)
GIVEN = {"since": datetime(2026, 11, 1), "until": NOW, "home_countries": ["DK"]}
PEOPLE = [Account("ada", username="Ada@Contoso.example"), Account("bo", username="twin@contoso.example"),
          Account("cy", username="twin@contoso.example")]  # fmt: skip


@pytest.fixture
def places():
    def compute(*rows, **given):
        sources = {
            "accounts": sandbox.Rows(as_arrow(PEOPLE, Account, "t", "m365")),
            "sign_ins": sandbox.Rows(as_arrow(list(rows), SignIn, "t", "m365")),
        }
        with sandbox.opened(sources, "t") as db:
            return derived.computed("sign_in_places", db, GIVEN | given).to_pylist()

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
