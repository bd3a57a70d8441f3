"""Several threads read one tenant, and another one ends it while they do."""

from __future__ import annotations

import threading
import time

import pytest

from keyround.connector import Clock
from keyround_fixtures import Fault
from keyround_google import CONNECTOR, users
from keyround_google.transport import Closed


def ask(admin):
    request = admin.directory.users().list(customer=admin.customer, maxResults=1, fields="users(id)")
    return admin.fetch(request, (users.SCOPE,))


def together(count, work):
    """What each of `count` threads that did `work` at once gave, or raised."""
    found, gate = [], threading.Barrier(count)

    def one():
        gate.wait()
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == count
    return found


@pytest.fixture
def ending(opened):
    """What a thread that asks met, and after how long, when the session was closed `after` seconds into it."""

    def run(settings, after=0.3):
        with opened(settings) as admin:
            timer = threading.Timer(after, admin.close)
            timer.start()
            begun = time.monotonic()
            found = together(3, lambda: ask(admin))
            timer.join()
            return found, time.monotonic() - begun

    return run


def test_threads_share_one_token_and_count_every_request(opened, settings, cloud):
    with opened(settings) as admin:
        assert len(set(together(8, lambda: ask(admin)))) == 1
        asked = [request.path for request in cloud.requests]
        assert asked.count("/token") == 1 and len(asked) == 9 == sum(admin.cost.requests.values())
        cloud.faults.append(Fault("/v1/users", body="google_401", times=4))
        found = together(4, lambda: ask(admin))
        assert all(isinstance(one, bytes) for one in found)
    assert [request.path for request in cloud.requests].count("/token") == 2


@pytest.mark.parametrize("path", ["/v1/users", "/token"])
def test_closing_ends_what_is_under_way(path, ending, settings, cloud):
    cloud.faults.append(Fault(path, kind="slow", delay=30, times=9))
    found, seconds = ending(settings)
    assert {type(one) for one in found} == {Closed} and seconds < 3


def test_closing_ends_a_pause(settings, cloud):
    cloud.faults.append(Fault("/v1/users", body="google_429", headers={"retry-after": "200"}, times=9))
    with CONNECTOR.open(settings, Clock()) as admin:
        threading.Timer(0.3, admin.close).start()
        begun = time.monotonic()
        assert {type(one) for one in together(3, lambda: ask(admin))} == {Closed}
        assert time.monotonic() - begun < 3


def test_a_closed_session_asks_nothing_more(opened, settings, cloud):
    with opened(settings) as admin:
        ask(admin)
    before = len(cloud.requests)
    with pytest.raises(Closed):
        ask(admin)
    assert len(cloud.requests) == before
