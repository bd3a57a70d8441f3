"""When requests may start, on a clock that only the test moves."""

from __future__ import annotations

import threading

import pytest

from keyround.connector import Clock
from keyround_google.pace import LIMITS, Pace, families_of


class Watch:
    """A clock that stands still until somebody sleeps."""

    def __init__(self):
        self.now = 1000.0
        self.clock = Clock(lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def watch():
    return Watch()


def starts(pace, watch, families, count, each=1):
    """When each of `count` requests started, in seconds from now, all wanting to start at once."""
    begun, times = watch.now, []
    for _ in range(count):
        while early := pace.early(families, each):
            watch.sleep(early)
        times.append(watch.now - begun)
    return times


def most_within(times, seconds):
    return max(sum(start <= time < start + seconds for time in times) for start in sorted(set(times)))


@pytest.mark.parametrize(
    "families, most, seconds",
    [
        (("directory",), 2400, 60),
        (("reports",), 2400, 60),
        (("filtered reports", "reports"), 246, 60),  # of 250
        (("mobile devices", "directory"), 10, 1),
        (("policies",), 1, 1),
        (("licences",), 1, 1),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_no_window_holds_more_than_the_limit_and_none_is_wasted(families, most, seconds, watch):
    times = starts(Pace(watch.clock), watch, families, 3 * most + 1)
    assert most_within(times, seconds) == most
    assert 3 * seconds <= times[-1] + 10 and times[-1] < 3.4 * seconds


def test_a_batch_counts_for_as_many_as_it_holds(watch):
    times = starts(Pace(watch.clock), watch, ("directory",), 9, each=100)
    assert [round(time / 10.2, 3) for time in times] == [0] * 4 + [1] * 4 + [2]


def test_a_family_told_to_wait_waits_as_a_whole_and_alone(watch):
    pace = Pace(watch.clock)
    pace.refused("policies", watch.now, 120)
    pace.refused("policies", watch.now, 5)  # a shorter wait does not shorten the longer one
    assert pace.early(("policies",)) == pytest.approx(120)
    assert pace.early(("reports",)) == pace.early(("directory",)) == 0


def test_refusals_halve_the_speed_and_peace_gives_it_back(watch):
    pace = Pace(watch.clock)
    begun = watch.now
    starts(pace, watch, ("directory",), 400)
    for _ in range(3):  # three answers to requests that were under way together are one refusal
        pace.refused("directory", begun, 1)
        watch.sleep(0.1)
    assert pace.size("directory") == 200
    for _ in range(9):
        watch.sleep(2)
        starts(pace, watch, ("directory",), 1)
        pace.refused("directory", watch.now, 1)
    assert pace.size("directory") == LIMITS["directory"].least
    times = starts(pace, watch, ("directory",), 4000)
    assert times[-1] < 200 and most_within(times, 10) == LIMITS["directory"].most


def test_many_threads_start_no_more_than_one_would(watch):
    pace, granted = Pace(watch.clock), []

    def ask():
        granted.extend(pace.early(("mobile devices", "directory")) == 0 for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 10


@pytest.mark.parametrize(
    "path, family",
    [
        ("/admin/directory/v1/users?customer=C1", "directory"),
        ("/admin/directory/v1/customer/C1/devices/mobile?maxResults=100", "mobile devices"),
        ("/admin/directory/v1/customer/C1/devices/chromeos", "directory"),
        ("/admin/reports/v1/activity/users/all/applications/login?startTime=x&fields=items(events)", "reports"),
        ("/admin/reports/v1/activity/users/all/applications/token?eventName=authorize", "filtered reports"),
        ("/admin/reports/v1/activity/users/117/applications/login?startTime=x", "filtered reports"),
        ("/admin/reports/v1/usage/users/all/dates/2026-11-18", "reports"),
        ("/v1/policies?pageSize=100", "policies"),
        ("/v1/inboundSsoAssignments", "policies"),
        ("/v1/devices/-/deviceUsers", "devices"),
        ("/v1beta1/alerts", "alerts"),
        ("/apps/licensing/v1/product/Google-Apps/users?customerId=C1", "licences"),
        ("/token", "other"),
    ],
)
def test_the_address_tells_the_family_behind_any_host(path, family):
    assert families_of(f"https://admin.googleapis.com{path}")[0] == family
    assert families_of(f"https://gateway.example/google{path}")[0] == family
