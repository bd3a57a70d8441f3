"""How a client stands: silence is no verdict, a hand-made scan counts, and a scheduler that died is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from keyround.config import Client
from keyround.provider.clients.facts import Access
from keyround.provider.lastrun import Caller, LastRun
from keyround.provider.standing import Calls, calls, standing, verdict
from keyround.rounds import Arrangement, Order, Schedule
from keyround.store.runs import Failure, Run

NOW = datetime(2026, 11, 25, 12)  # a Wednesday; the slot is Monday 23 November, 02:00 UTC
WEEKLY = Schedule("week", zone="UTC")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERY = timedelta(minutes=15)
GOOD, OLD, OLDER = "20261123T021500Z", "20261116T021500Z", "20261109T021500Z"


def failure(at: datetime = NOW - HOUR) -> Failure:
    return Failure(at, "Expired", "The certificate has ended.", "Nothing was read.", "Make a new one.")


def client(schedule: Schedule | None = WEEKLY, until: date | None = None) -> Client:
    order = Order("M. Jensen", until=until) if until else None
    return Client("acme", "Acme", (), arranged=Arrangement(schedule, order))


@pytest.mark.parametrize(
    ("who", "stamps", "run", "now", "state", "missed"),
    [
        (client(), [OLD, GOOD], Run(reported=GOOD), NOW, "fine", False),
        (client(), [], Run(), NOW, "waiting", False),
        (client(), [OLD], Run(reported=OLD), datetime(2026, 11, 23, 3), "due", False),
        (client(), [OLD], Run(reported=OLD), NOW, "late", False),
        (client(), [OLDER], Run(reported=OLDER), NOW, "late", True),
        (client(), [OLD], Run(failure=failure()), NOW, "failed", False),
        (client(), [OLDER], Run(failure=failure()), NOW, "failed", True),
        (client(), [], Run(failure=failure()), NOW, "failed", False),
        (client(), [GOOD], Run(failure=failure(NOW - 8 * DAY), reported=OLD), NOW, "fine", False),  # scanned by hand
        (client(), [GOOD], Run(failure=failure(), reported=OLD), NOW, "failed", False),  # its report was not written
        (client(), [OLD], Run(started=NOW - timedelta(minutes=5)), NOW, "running", False),
        (client(), [OLD], Run(started=NOW - 3 * HOUR), NOW, "failed", False),  # killed
        (client(), [GOOD], Run(reported=GOOD, incomplete=("NotGranted",)), NOW, "incomplete", False),
        (client(), [GOOD], Run(reported=GOOD, incomplete=("NotLicensed",)), NOW, "fine", False),
        (client(), ["20361123T021500Z"], Run(), NOW, "waiting", False),  # by a clock that was ten years ahead
        (client(None), [], Run(), NOW, "unscheduled", False),
        (client(until=date(2026, 11, 24)), [GOOD], Run(), NOW, "stopped", False),
        (client(until=date(2026, 11, 25)), [GOOD], Run(reported=GOOD), NOW, "fine", False),
    ],
)
def test_how_a_client_stands(who, stamps, run, now, state, missed):
    found = standing(who, stamps, run, now, EVERY)
    assert (found.state, found.missed) == (state, missed)
    assert bool(found.why) == (state != "fine") and (found.remedy or state in ("due", "running", "fine"))
    if state == "fine":
        assert found.next_at == datetime(2026, 11, 30, 2)


def test_a_scheduler_that_does_not_call_any_more_is_known():
    here = Caller("cron", "keyround", 900, NOW - DAY)
    ran = LastRun(NOW - 2 * HOUR, NOW - HOUR)
    assert calls(None, None, NOW).unknown and not calls(None, None, NOW).silent
    assert "has never called" in calls(None, here, NOW).silent
    assert calls(None, here, NOW - DAY + EVERY).unknown == "The scheduler has not called yet."
    assert "has not called since 2026-11-25 10:00 UTC" in calls(ran, here, NOW).silent
    assert not calls(ran, here, NOW - HOUR + 2 * EVERY).silent
    assert not calls(ran, None, NOW + 30 * DAY).silent  # nobody says how often it should
    assert "since" in calls(LastRun(NOW - 2 * HOUR, NOW - HOUR, every=900), None, NOW).silent
    assert not calls(LastRun(NOW - 23 * HOUR), here, NOW).silent  # a long run
    assert calls(LastRun(NOW - 25 * HOUR), here, NOW).silent  # a killed one


def test_the_worst_is_the_verdict():
    fine, waiting = (standing(client(), stamps, Run(reported=GOOD), NOW, EVERY) for stamps in ([GOOD], []))
    late, lost = (standing(client(), stamps, Run(), NOW, EVERY) for stamps in ([OLD], [OLDER]))
    well = Calls(NOW, EVERY)
    assert verdict([fine], well) == "OK" and verdict([], well) == "UNKNOWN"
    assert verdict([fine, waiting], well) == "UNKNOWN" and verdict([waiting, late], well) == "WARNING"
    assert verdict([fine, lost], well) == "CRITICAL"
    assert verdict([fine], Calls(None, EVERY, silent="dead")) == "CRITICAL"
    assert verdict([fine], Calls(None, EVERY, unknown="none yet")) == "UNKNOWN"
    assert verdict([standing(client(None), [], Run(), NOW, EVERY)], well) == "UNKNOWN"


def test_who_was_asked_for_access_and_has_not_given_it_has_not_failed():
    invited, refused = (
        Access(invited=NOW - DAY),
        replace(failure(), kind="NotGranted", remedy="`keyround consent CLIENT`"),
    )
    for access, run, state in [
        (invited, Run(failure=refused), "waiting"),
        (invited, Run(failure=failure()), "failed"),  # our own credential is over
        (Access(), Run(failure=refused), "failed"),  # nobody was asked: a wrong application, perhaps
        (replace(invited, opened=NOW - 2 * HOUR), Run(failure=refused), "failed"),  # it was given, and taken back
        (replace(invited, opened=NOW), Run(failure=refused), "waiting"),  # given since: for the next run
    ]:
        found = standing(client(), [], run, NOW, EVERY, access)
        assert found.state == state
    assert standing(client(), [], Run(failure=refused), NOW, EVERY, invited).remedy == "`keyround consent acme`"
    assert standing(client(), [OLD], Run(failure=refused), NOW, EVERY, invited).state == "failed"
