"""Where a client stands, out of recorded facts alone."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from keyround.provider.clients.facts import Access, Tried, keep, read
from keyround.provider.clients.standing import _noticed, rhythm
from keyround.provider.clients.state import End, state
from keyround.rounds import Schedule
from keyround.store.runs import Failure

NOW = datetime(2026, 11, 27, 12)
DAY = timedelta(days=1)
NOT_YET = Tried("Microsoft 365", kind="NotGranted", waits=True, detail="Not approved yet.", remedy="Open the link.")
REFUSED = Tried("Microsoft 365", kind="Expired", detail="The secret has expired.", remedy="Make one.")
CUT_OFF = Tried("Microsoft 365", kind="Unreachable", detail="No network.")
WELL = Tried("Google Workspace", "Atelier")
POOR = Tried("Microsoft 365", "Acme", missing=("Policy.Read.All",), remedy="Grant it.")


def asked(*last, ago=DAY, **more):
    return Access(first_tried=NOW - 3 * DAY, tested=NOW - ago, last=last, **more)


def failed(kind, ago=DAY):
    return Failure(NOW - ago, kind, "It said no.", remedy="Do this.")


ORDER = End("The order of K. Müller", date(2026, 12, 10), "Renew it.")


@pytest.mark.parametrize(
    "access, failure, scanned, ends, word, said",
    [
        (Access(), None, None, (), "new", ""),
        (Access(invited=NOW - DAY), None, None, (), "invited", ""),
        (asked(NOT_YET), None, None, (), "waiting", "Not approved yet."),
        (asked(WELL, NOT_YET, invited=NOW), None, None, (), "waiting", "Not approved yet."),
        # a second tenant that nobody is waited for outweighs one that is
        (asked(NOT_YET, REFUSED), None, None, (), "broken", "The secret has expired."),
        (asked(NOT_YET), None, NOW - 2 * DAY, (), "broken", "Not approved yet."),  # it had let us in
        (asked(NOT_YET), None, NOW - DAY / 2, (), "active", ""),  # a scan went through since
        (asked(WELL, opened=NOW - DAY), None, None, (), "active", ""),
        (asked(POOR, opened=NOW - DAY), None, None, (), "broken", "Policy.Read.All"),
        (asked(CUT_OFF, opened=NOW - 9 * DAY), None, None, (), "active", ""),  # the network says nothing of access
        (asked(CUT_OFF), None, None, (), "new", ""),
        (Access(), failed("NotGranted"), None, (), "waiting", "It said no."),
        (Access(), failed("WrongTenant"), None, (), "broken", "It said no."),
        (Access(), failed("Expired"), NOW - 2 * DAY, (), "broken", "It said no."),
        (Access(), failed("Throttled"), NOW - 2 * DAY, (), "active", ""),
        (asked(WELL, opened=NOW - DAY), failed("Expired", 2 * DAY), None, (), "active", ""),  # repaired since
        (Access(), None, NOW - DAY, (ORDER,), "expiring", "ends in 13 days, on 10 Dec 2026"),
        (Access(), None, NOW - DAY, (End("The order", date(2026, 12, 28)),), "active", ""),
        (Access(), None, NOW - DAY, (End("The order", date(2026, 11, 26)),), "broken", "ended on 26 Nov 2026"),
        (Access(), None, NOW - DAY, (End("The order", date(2026, 11, 27)),), "expiring", "today"),
        (Access(), None, NOW - DAY, (End("Something ends soon."),), "expiring", "Something ends soon."),
    ],
)
def test_states(access, failure, scanned, ends, word, said):
    found = state(access, failure, scanned, ends, NOW)
    assert (found.word, said in found.why) == (word, True), found
    assert (word in ("waiting", "broken", "expiring")) == bool(found.why)


def test_waiting_counts_from_the_first_try_and_outlives_a_new_one(tmp_path):
    assert state(asked(NOT_YET), None, None, (), NOW).since == NOW - 3 * DAY
    keep(tmp_path / "acme", asked(NOT_YET, POOR))
    assert read(tmp_path / "acme") == asked(NOT_YET, POOR)
    (tmp_path / "acme" / "access.json").write_text("{")
    assert read(tmp_path / "acme") == Access()


def test_a_notice_counts_from_the_day_it_names():
    found = _noticed("URGENT: The client secret ends in 5 days, on 02 Dec 2026. Without a new one nothing is read.")
    assert (found.what, found.on) == ("The client secret", date(2026, 12, 2))
    assert _noticed("The stored sign-in will be over. Sign in again.").on is None


def test_schedules_in_few_words():
    said = [rhythm(one) for one in (None, Schedule("hour", 6), Schedule("week", on=4), Schedule("month", 2, 31))]
    assert said == ["", "6 hours", "week, friday 02:00", "2 months, day 31 02:00"]
