"""When requests may start, on a clock that only the test moves."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from keyround.connector import Clock
from keyround_m365.pace import LIMITS, Pace, family_of


class Watch:
    """A clock that stands still until somebody sleeps; `clock` may be handed to several."""

    def __init__(self):
        self.now = 1000.0
        self.clock = Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def watch():
    return Watch()


def starts(pace, watch, family, count, each=1):
    """When each of `count` requests started, in seconds from now, all wanting to start at once."""
    begun = watch.now
    times = []
    for _ in range(count):
        while early := pace.early(family, each):
            watch.sleep(early)
        times.append(watch.now - begun)
    return times


def most_within(times, seconds):
    return max(sum(start <= time < start + seconds for time in times) for start in times)


@pytest.mark.parametrize("family, most, seconds", [("reports", 5, 10), ("policies", 1, 1), ("methods", 100, 50)])
def test_no_window_holds_more_than_the_limit_and_none_is_wasted(family, most, seconds, watch):
    times = starts(Pace("app", watch.clock), watch, family, 3 * most + 1)
    assert most_within(times, seconds) == most
    assert 3 * seconds <= times[-1] < 3.4 * seconds


def test_the_directory_is_not_slowed_down_before_it_says_so(watch):
    pace = Pace("app", watch.clock)
    assert starts(pace, watch, "directory", 400)[-1] == 0
    pace.refused("directory", watch.now, 7)
    times = starts(pace, watch, "directory", 2000)
    assert times[0] == pytest.approx(10.3)  # when the window is empty, for now it holds half as many,
    assert most_within([time for time in times if time < 20], 10) == 200
    assert times[-1] < 60  # and soon as many as ever


def test_a_batch_counts_for_as_many_as_it_holds(watch):
    times = starts(Pace("app", watch.clock), watch, "methods", 11, each=20)
    assert [round(time / 51.5, 3) for time in times] == [0] * 5 + [1] * 5 + [2]


def test_more_at_once_than_a_window_takes_waits_for_an_empty_one(watch):
    pace = Pace("app", watch.clock)
    assert starts(pace, watch, "reports", 3, each=20)[-1] < 25


def test_a_family_told_to_wait_waits_as_a_whole_and_alone(watch):
    pace = Pace("app", watch.clock)
    pace.refused("policies", watch.now, 120)
    pace.refused("policies", watch.now, 5)  # a shorter wait does not shorten the longer one
    assert pace.early("policies") == pytest.approx(120)
    assert pace.early("reports") == pace.early("directory") == 0


def test_methods_go_half_as_fast_after_a_refusal_and_slowly_recover(watch):
    pace = Pace("app", watch.clock)
    begun = watch.now
    starts(pace, watch, "methods", 100)
    for _ in range(3):  # three answers to requests that were under way together are one refusal
        pace.refused("methods", begun, 10)
        watch.sleep(0.1)
    assert pace.size("methods") == 50
    for _ in range(9):
        watch.sleep(0.1)
        pace.refused("methods", watch.now, 10)
    assert pace.size("methods") == LIMITS["methods"].least
    times = starts(pace, watch, "methods", 900)
    assert most_within(times[:40], 50) <= 25 and most_within(times[-250:], 50) == 100


def test_one_application_shares_a_limit_over_all_its_tenants(watch):
    tenants = [Pace("app", watch.clock) for _ in range(40)]
    stranger = Pace("another", watch.clock)
    started = sum(pace.early("reports") == 0 for pace in tenants for _ in range(5))
    assert started == 122
    assert stranger.early("reports") == 0 and tenants[0].early("directory") == 0


def test_many_threads_start_no_more_than_one_would(watch):
    pace = Pace("app", watch.clock)
    granted = []

    def ask():
        granted.extend(pace.early("reports") == 0 for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 5


@pytest.mark.parametrize(
    "path, family",
    [
        ("auditLogs/signIns", "reports"),
        ("auditLogs/directoryAudits", "reports"),
        ("reports/authenticationMethods/userRegistrationDetails", "reports"),
        ("reports/getMailboxUsageDetail(period='D7')", "usage"),
        ("identity/conditionalAccess/policies", "policies"),
        ("identityProtection/riskyUsers", "policies"),
        ("policies/identitySecurityDefaultsEnforcementPolicy", "directory"),
        ("users/5/authentication/methods", "methods"),
        ("users", "directory"),
        ("security/auditLog/queries", "security"),
    ],
)
def test_families(path, family):
    assert family_of(path) == family


def test_a_question_may_name_its_family_or_leave_it_to_its_path():
    from keyround_m365.graph import Question

    question = Question("users", "User.Read.All", select="id,signInActivity")
    assert question.family == "activity" and replace(question, pace="reports").family == "reports"
