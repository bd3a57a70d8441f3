"""Tables the core computes: every sign-in of the window is counted once, for whom it belongs to."""

from __future__ import annotations

from datetime import datetime

import pytest

from keyround import derived
from keyround.engine import sandbox
from keyround.model import Account, SignIn
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
