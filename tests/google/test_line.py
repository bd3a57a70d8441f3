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
def ending(cloud):
    """What three threads met whose session was closed once `path` had been asked for, and how long it took to end."""

    def run(settings, path):
        with CONNECTOR.open(settings, Clock()) as admin:
            closed = []

            def close():
                patience = time.monotonic() + 10
                while not any(path in request.path for request in cloud.requests) and time.monotonic() < patience:
                    time.sleep(0.01)
                time.sleep(0.05)
                closed.append(time.monotonic())
                admin.close()

            closing = threading.Thread(target=close)
            closing.start()
            found = together(3, lambda: ask(admin))
            closing.join(20)
            return {type(one) for one in found}, time.monotonic() - closed[0]

    return run


def test_threads_share_one_token_and_count_every_request(opened, settings, cloud):
    with opened(settings) as admin:
        assert len(set(together(8, lambda: ask(admin)))) == 1
        asked = [request.path for request in cloud.requests]
        assert asked.count("/token") == 1 and len(asked) == 9 == sum(admin.cost.requests.values())
        cloud.clerk.issued.tokens.clear()  # an administrator has revoked it
        found = together(4, lambda: ask(admin))
        assert all(isinstance(one, bytes) for one in found)
    assert [request.path for request in cloud.requests].count("/token") == 2


@pytest.mark.parametrize("path, secure", [("/v1/users", False), ("/v1/users", True), ("/token", False)])
def test_closing_ends_what_is_under_way(path, secure, ending, settings, cloud, monkeypatch):
    if secure:
        for name in ("HTTPLIB2_CA_CERTS", "REQUESTS_CA_BUNDLE", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SSL_CERT_FILE", cloud.ca_pem)
        settings["api_url"] = cloud.tls_url
    cloud.faults.append(Fault(path, kind="slow", delay=30, times=9))
    met, seconds = ending(settings, path)
    assert met == {Closed} and seconds < 3


def test_closing_ends_a_pause(ending, settings, cloud):
    cloud.faults.append(Fault("/v1/users", body="google_429", headers={"retry-after": "200"}, times=9))
    met, seconds = ending(settings, "/v1/users")
    assert met == {Closed} and seconds < 3


def test_a_closed_session_asks_nothing_more(opened, settings, cloud):
    with opened(settings) as admin:
        ask(admin)
    before = len(cloud.requests)
    with pytest.raises(Closed):
        ask(admin)
    assert len(cloud.requests) == before
