"""Google's limits, kept by the pretend cloud on the clock of the connector: never met, and survived where stricter."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest

from keyround.connector import Complete, outcome_as_json
from keyround.errors import HARMLESS, CollectError, Unexpected
from keyround_fixtures import Fault
from keyround_fixtures.throttle import PUBLISHED, Throttle
from keyround_google import licenses, login_activities, users

# By the minute, but told within ten seconds, so that a test need not ask for a minute.
SIXTHS = {"google.directory": (400, 10.0), "google.reports": (400, 10.0), "google.filters": (42, 10.0)}
PHONES = "https://www.googleapis.com/auth/admin.directory.device.mobile.readonly"
POLICIES = ("https://www.googleapis.com/auth/cloud-identity.policies.readonly",)


@pytest.fixture
def limited(cloud, nap):
    """Switches limits on: family -> (requests, seconds)."""
    before = cloud.clerk.throttle

    def switch(limits):
        cloud.clerk.throttle = Throttle(limits, now=nap.clock.monotonic)

    yield switch
    cloud.clerk.throttle = before


def everything(found):
    """Whatever is not switched off came whole."""
    return all(isinstance(one, Complete) or isinstance(one.error, HARMLESS) for one, _ in found.values())


def ask_for_a_lot(admin, people):
    """Every family of requests, more of each than its window allows; what came of each question about a person."""
    directory, reports = admin.directory, admin.reports
    for _ in range(3):
        admin.fetch(admin.identity.policies().list(pageSize=1, fields="policies(name)"), POLICIES)
    for _ in range(60):
        admin.fetch(
            reports.activities().list(userKey="all", applicationName="login", eventName="logout", maxResults=1),
            (login_activities.SCOPE,),
        )
    assignments = admin.licensing.licenseAssignments()
    for request, scope in (
        (assignments.listForProduct(productId="Google-Apps", customerId=admin.customer), licenses.SCOPE),
        (directory.mobiledevices().list(customerId=admin.customer), PHONES),
    ):
        for _ in range(12):
            with suppress(Unexpected):
                admin.fetch(request, (scope,))
    asked = ((str(n), directory.users().get(userKey=people[n % len(people)], fields="id")) for n in range(600))
    return dict(admin.batch(asked, (users.SCOPE,)))


def test_no_published_limit_is_ever_met(limited, opened, gather, settings, cloud, nap):
    limited(PUBLISHED | SIXTHS)
    assert everything(gather(settings))
    nap.clock.sleep(10)  # the limits count both sessions, which know nothing of each other
    with opened(settings) as admin:
        found = ask_for_a_lot(admin, [row["id"] for row in cloud.tenants[0].tables["users"]])
    assert len(found) == 600 and not any(isinstance(answer, CollectError) for answer in found.values())
    assert not {request.status for request in cloud.requests} & {403, 429, 503}
    assert 30 < sum(nap.slept) < 120


@pytest.mark.parametrize("at_once", [3, 40])
def test_other_programs_and_limits_on_what_is_under_way_are_survived(at_once, limited, opened, gather, big, cloud, nap):
    limited({family: (max(1, most // 3), seconds * 2) for family, (most, seconds) in PUBLISHED.items()}
            | {"google.at_once": (at_once, 0.12)})  # fmt: skip
    assert everything(gather(big))
    with opened(big) as admin:
        people = [row["id"] for row in cloud.tenants[1].tables["users"][:400]]
        get = admin.directory.users().get
        found = dict(admin.batch(((one, get(userKey=one, fields="id")) for one in people), (users.SCOPE,)))
    assert len(found) == 400 and not any(isinstance(answer, CollectError) for answer in found.values())
    said = Counter(request.status for request in cloud.requests if "/users/" in request.path)
    assert said[403] and said[200] > said[403] and sum(nap.slept) < 3600


def test_a_first_scan_filters_one_log_only_whose_noise_is_louder_than_the_limit(gather, big, cloud):
    gather(big)
    asked = [request for request in cloud.requests if "/activity/" in request.path]
    assert asked and all("/users/all/" in request.path for request in asked)
    filtered = [request for request in asked if any(f"{name}=" in request.query for name in ("eventName", "filters"))]
    assert len(filtered) < 10 and {request.path.rpartition("/")[2] for request in filtered} == {"token"}


@pytest.mark.parametrize("path", ["/v1/users", "applications/login", "/roleassignments"])
def test_a_blank_page_is_not_the_end(path, gather, big, cloud):
    whole = gather(big)
    cloud.faults.append(Fault(path, kind="empty", times=1))
    for name, (outcome, rows) in gather(big).items():
        assert outcome_as_json(outcome) == outcome_as_json(whole[name][0]) and rows == whole[name][1], name
