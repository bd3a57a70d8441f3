"""Throttling, broken lines and dying page tokens, without a second of real waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from keyround.connector import Complete, Incomplete
from keyround_fixtures import Fault

USERS = 1300
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)  # the clock of conftest


def people(rows):
    return len({row.account_id for row in rows if hasattr(row, "activity")})


@pytest.mark.parametrize(
    "body",
    ["google_403_rate_limit", "google_403_user_rate_limit", "google_403_quota", "google_429", "google_500",
     "google_503", "502_bad_gateway", "503_plain_html"],
)  # fmt: skip
def test_waiting_helps(body, gather, big, cloud, nap):
    cloud.faults.append(Fault("pageToken=", body=body, times=3))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS
    assert len(nap.slept) == 3 and 0.5 <= nap.slept[0] <= 1 and nap.slept[2] > nap.slept[0]


@pytest.mark.parametrize(
    "header, pause",
    [("7", 7.0), ("10,10", 10.0), ("1.5", 1.5), (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0)],
)
def test_retry_after_is_obeyed(header, pause, gather, big, cloud, nap):
    cloud.faults.append(Fault("/v1/users", body="google_429", headers={"retry-after": header}))
    assert isinstance(gather(big, "users")["users"][0], Complete)
    assert nap.slept == [pause]


@pytest.mark.parametrize("header", [format_datetime(NOW - timedelta(hours=1), usegmt=True), "0", "-5", "soon"])
def test_a_retry_after_of_no_use_is_replaced_by_a_pause_of_our_own(header, gather, big, cloud, nap):
    cloud.faults.append(Fault("/v1/users", body="google_429", headers={"retry-after": header}))
    assert isinstance(gather(big, "users")["users"][0], Complete)
    assert len(nap.slept) == 1 and 0.5 <= nap.slept[0] <= 1


@pytest.mark.parametrize(
    "fault, kind",
    [
        (Fault("pageToken=", body="google_429", headers={"retry-after": "3600"}, times=99), "Throttled"),
        (Fault("pageToken=", body="google_403_quota", times=99), "Throttled"),
        (Fault("pageToken=", body="google_500", times=99), "Unreachable"),
        (Fault("pageToken=", kind="truncated", times=99), "Unreachable"),
        (Fault("pageToken=", kind="expired", times=99), "Expired"),
        (Fault("pageToken=", kind="loop", times=99), "Unexpected"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.body or value.kind,
)
def test_patience_ends_and_keeps_what_came(fault, kind, gather, big, cloud, nap):
    cloud.faults.append(fault)
    outcome, rows = gather(big, "users")["users"]
    fault.seen = 0
    assert isinstance(outcome, Incomplete) and outcome.error.kind == kind
    assert people(rows) >= 500 and sum(nap.slept) <= 300


@pytest.mark.parametrize("kind", ["reset", "short", "truncated", "empty", "duplicate", "expired", "unknown"])
def test_spoilt_answers_lose_nobody(kind, gather, big, cloud):
    cloud.faults.append(Fault("/v1/users", kind=kind, times=1 if kind == "empty" else 2))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS


@pytest.mark.parametrize("kind", ["reset", "truncated", "empty", "duplicate", "expired"])
def test_spoilt_answers_lose_no_sign_in(kind, gather, big, cloud):
    whole = {row.sign_in_id for row in gather(big, "login_activities")["login_activities"][1]}
    cloud.faults.append(Fault("applications/login", kind=kind, times=1 if kind == "empty" else 3))
    outcome, rows = gather(big, "login_activities")["login_activities"]
    assert isinstance(outcome, Complete) and {row.sign_in_id for row in rows} == whole != set()


@pytest.mark.parametrize("data", [None, "<html>Sign in to the hotel's network</html>", {"access_token": 5}])
def test_a_token_endpoint_that_stumbles(data, gather, settings, cloud, nap):
    cloud.faults.append(Fault("/token", status=503 if data is None else 200, data=data, times=2))
    assert isinstance(gather(settings, "users")["users"][0], Complete)
    assert len(nap.slept) == 2


def test_nobody_listens(gather, big, nap):
    outcome, rows = gather(big | {"api_url": "http://127.0.0.1:9"}, "users")["users"]
    assert outcome.error.kind == "Unreachable" and "refused" in outcome.error.detail and not rows


def in_the_details(unknown):
    said = f"Error expanding 'fields' parameter. Cannot find matching fields for path 'users.{unknown}'."
    return {"message": "Request contains an invalid argument.", "status": "INVALID_ARGUMENT",
            "details": [{"@type": "type.googleapis.com/google.rpc.BadRequest",
                         "fieldViolations": [{"field": "users", "description": said}]}]}  # fmt: skip


@pytest.mark.parametrize(
    "unknown, columns", [("isGuestUser", set()), ("archived", {"enabled", "status"}), ("name", {"display_name"})]
)
@pytest.mark.parametrize(
    "error", [lambda unknown: {"message": f"Invalid field selection {unknown}", "errors": []}, in_the_details]
)
def test_a_field_the_server_does_not_know_is_left_out(error, unknown, columns, gather, settings, cloud):
    error = {"error": {"code": 400} | error(unknown)}
    cloud.faults.append(Fault(rf"fields=.*{unknown}", status=400, data=error, times=99))
    outcome, rows = gather(settings, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == len(cloud.tenants[0].tables["users"])
    assert set(outcome.without) == columns
    for column in columns:
        assert {getattr(row, column) for row in rows if hasattr(row, "activity")} <= {None, False, "suspended"}


def test_a_mask_that_is_refused_without_a_name_is_dropped(gather, settings, cloud):
    error = {"error": {"code": 400, "message": "Invalid value for 'fields' parameter", "errors": []}}
    cloud.faults.append(Fault("fields=", status=400, data=error, times=99))
    assert people(gather(settings, "users")["users"][1]) == len(cloud.tenants[0].tables["users"])


def test_a_log_that_drips_ends_within_an_hour_and_keeps_what_came(gather, settings, cloud, nap):
    # Every other answer only asks for more time.
    cloud.faults += [
        Fault("applications/login", body="google_429", headers={"retry-after": "280"}, after=n) for n in range(40)
    ]
    outcome, rows = gather(settings, "login_activities")["login_activities"]
    assert (
        isinstance(outcome, Incomplete) and outcome.error.kind == "Throttled" and "60 minutes" in outcome.error.detail
    )
    assert rows and 3000 < sum(nap.slept) <= 3600
    cloud.faults.clear()
    assert isinstance(gather(settings, "users")["users"][0], Complete)
