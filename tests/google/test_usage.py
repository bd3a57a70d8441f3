"""The usage report: the day it is of, what it measures, and the second factors that are certain by it."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
from tests.napping import NOW

from keyround.connector import NOT_READ_THEN, Complete, Incomplete
from keyround.errors import NotEnabled, NotGranted
from keyround.model import AccountMeasure, FactorUse, MfaRegistration
from keyround_fixtures import Fault
from keyround_google import registrations, usage

TODAY = datetime(2026, 11, 20)  # in Oregon too, at four in the morning
GMAIL = {"imap_at", "pop_at", "old_mail_known", "mail_at", "mail_known"}


def asked(cloud):
    return [request.path.rsplit("/", 1)[1] for request in cloud.requests if "/usage/" in request.path]


@pytest.mark.parametrize(
    "behind, back, requests",
    [
        ({"gmail": 2}, 2, 1),
        ({}, 3, 2),  # Gmail is a day behind, as it often is
        ({"newest": 4, "accounts": 4, "gmail": 4}, 4, 2),
        ({"newest": 4, "accounts": 4, "gmail": 4, "refuses": "start"}, 4, 2),
        ({"newest": 4, "accounts": 4, "gmail": 4, "refuses": "end"}, 4, 3),
        ({"accounts": 4, "gmail": 4}, 4, 3),
        ({"accounts": 4, "gmail": 2}, 4, 3),
        ({"gmail": 2, "nobody": 5}, 5, 4),
        ({"accounts": 9, "gmail": 9}, 9, 8),
    ],
)
def test_the_day_is_searched_for(behind, back, requests, gather, settings, cloud):
    cloud.tenants[0].singles["usage"] = behind
    outcome, rows = gather(settings, "usage")["usage"]
    assert outcome == Complete(len(cloud.tenants[0].tables["users"]))
    assert {row.as_of for row in rows} == {TODAY - timedelta(days=back)}
    assert all(row.security_keys is not None and row.old_mail_known for row in rows)
    assert len(asked(cloud)) == requests


def test_gmail_that_stays_away_costs_its_own_columns_alone(gather, settings, cloud):
    cloud.tenants[0].singles["usage"] = {"gmail": 20}
    outcome, rows = gather(settings, "usage")["usage"]
    assert isinstance(outcome, Complete) and set(outcome.without) == GMAIL
    assert outcome.without["imap_at"].kind == "NotEnabled" and "2026-11-18" in outcome.without["imap_at"].detail
    assert {(row.as_of, row.imap_at, row.old_mail_known) for row in rows} == {(datetime(2026, 11, 18), None, None)}
    assert all(row.passkeys is not None for row in rows) and len(asked(cloud)) == 5


@pytest.mark.parametrize("behind", [{"accounts": 10}, {"nobody": 30}, {"newest": 30, "refuses": "end"}])
def test_no_report_within_a_week_is_no_fault_and_no_answer(behind, gather, settings, cloud):
    cloud.tenants[0].singles["usage"] = behind
    outcome, rows = gather(settings, "usage")["usage"]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotEnabled" and not rows
    assert len(asked(cloud)) == 8


def test_a_page_without_people_is_not_the_end_of_the_report(gather, big, cloud):
    cloud.tenants[1].singles["usage"] = {"gmail": 2}
    cloud.faults.append(Fault("/usage/", kind="empty"))
    outcome, rows = gather(big, "usage")["usage"]
    assert isinstance(outcome, Complete) and len({row.account_id for row in rows}) == 1300
    assert {row.as_of for row in rows} == {datetime(2026, 11, 18)} and len(asked(cloud)) == 3


@pytest.mark.parametrize(
    "unknown, columns",
    [
        (["accounts:num_passkeys_enrolled"], {"passkeys"}),
        (["gmail:timestamp_last_imap", "accounts:is_2sv_protected"], {"imap_at", "old_mail_known", "protected"}),
    ],
)
def test_a_measure_that_google_does_not_know_is_left_out(unknown, columns, gather, settings, cloud):
    cloud.tenants[0].singles["usage"] = {"gmail": 2, "unknown": unknown}
    outcome, rows = gather(settings, "usage")["usage"]
    assert isinstance(outcome, Complete) and set(outcome.without) == columns
    assert {error.kind for error in outcome.without.values()} == {"NotEnabled"}
    assert all(getattr(row, column) is None for row in rows for column in columns)
    assert all(row.security_keys is not None and row.password_strength for row in rows)


def test_what_is_wrong_with_something_else_is_said_as_it_came(gather, settings, cloud):
    cloud.faults.append(Fault("/usage/", status=400, data={"error": {"code": 400, "message": "Bad customer"}}, times=9))
    error = gather(settings, "usage")["usage"][0].error
    assert error.kind == "Unexpected" and "Bad customer" in error.detail and len(asked(cloud)) == 1


def page(*parameters, **report):
    person = {"entity": {"type": "USER", "profileId": "7"}, "parameters": list(parameters)}
    return usage.Page(json.dumps({"usageReports": [person | report]}).encode(), date(2026, 11, 18))


def test_what_is_measured_in_every_container():
    (row,) = usage.rows(
        page(
            {"name": "accounts:is_2sv_enrolled", "boolValue": True},
            {"name": "accounts:is_2sv_protected", "stringValue": "false"},
            {"name": "accounts:num_security_keys", "intValue": "2"},
            {"name": "accounts:num_passkeys_enrolled", "intValue": 0},
            {"name": "accounts:password_strength", "stringValue": "WEAK"},
            {"name": "accounts:password_length_compliance", "stringValue": "NON_COMPLIANT"},
            {"name": "gmail:last_imap_time", "datetimeValue": "2026-11-17T08:00:00.000Z"},
            {"name": "gmail:timestamp_last_pop", "datetimeValue": "1970-01-01T00:00:00.000Z"},
            {"name": "gmail:timestamp_last_interaction", "intValue": "1794902400000"},
            {"name": "accounts:timestamp_last_sso"},
            {"name": "meet:something_new", "msgValue": [{}]},
            date="2026-11-17",
        )
    )
    assert row == AccountMeasure(
        "7", datetime(2026, 11, 17), True, None, False, 2, 0, "weak", "non_compliant", None, None,
        datetime(2026, 11, 17, 8), None, True, datetime(2026, 11, 17, 8), None, True,
    )  # fmt: skip


def test_times_that_were_not_told_are_not_never():
    (row,) = usage.rows(page({"name": "gmail:timestamp_last_imap", "datetimeValue": "1970-01-01T00:00:00Z"}))
    assert (row.as_of, row.imap_at, row.old_mail_known) == (datetime(2026, 11, 18), None, None)
    (row,) = usage.rows(page({"name": "gmail:is_gmail_enabled", "boolValue": False}))
    assert row.old_mail_known is True and row.mail_known is True
    times = ({"name": f"gmail:timestamp_last_{way}", "datetimeValue": "1970-01-01T00:00Z"} for way in ("imap", "pop"))
    (row,) = usage.rows(page(*times))
    assert (row.old_mail_known, row.mail_at, row.mail_known) == (True, None, None)
    assert not list(usage.rows(page(entity={"type": "CUSTOMER", "profileId": "7"})))
    assert not list(usage.rows(page(entity=None)))


YES = MfaRegistration("7", True, source="users.list")
COUNTED = AccountMeasure("7", TODAY - timedelta(days=2), enrolled=True, security_keys=0, passkeys=0)
LATELY = TODAY - timedelta(days=1)
LONG_AGO = TODAY - timedelta(days=20)


def known(measure, used=(), allowed=None, row=YES):
    when = dict.fromkeys(used, LONG_AGO) if not isinstance(used, dict) else used
    found = registrations.completed(row, measure, when, allowed)
    return found.methods, found.strongest, found.weakest, found.capable


@pytest.mark.parametrize(
    "keys, passkeys, used, said",
    [
        (2, 1, (), (["passkey", "security_key"], "phishing_resistant", None)),
        (None, 1, (), (["passkey"], "phishing_resistant", None)),
        (1, 0, ("mobile_phone",), (["mobile_phone", "security_key"], "phishing_resistant", "weak")),
        (0, 0, ("phone_prompt",), (["phone_prompt"], "strong", None)),
        (0, 0, ("phone_prompt", "mobile_phone"), (["mobile_phone", "phone_prompt"], "strong", "weak")),
        (0, 0, ("mobile_phone",), (["mobile_phone"], None, "weak")),  # an app may be there that was not used
        (0, None, ("phone_prompt",), (["phone_prompt"], None, None)),  # passkeys were not counted
        (None, None, ("passkey",), (["passkey"], "phishing_resistant", None)),
        (0, 0, ("new_method",), (["new_method"], None, None)),
        (0, 0, (), (None, None, None)),
        (0, 0, {"passkey": LATELY}, (["passkey"], "phishing_resistant", None)),  # newer than the report
        (0, 0, {"passkey": LONG_AGO, "phone_prompt": LATELY}, (["phone_prompt"], None, None)),  # taken away, or not
    ],
)
def test_second_factors_that_are_certain(keys, passkeys, used, said):
    measure = AccountMeasure("7", TODAY - timedelta(days=2), enrolled=True, security_keys=keys, passkeys=passkeys)
    assert known(measure, used)[:3] == said


def test_the_directory_is_of_today_and_the_report_is_not():
    nothing = MfaRegistration("7", False, False, [], "none", "none", source="users.list")
    lagging = AccountMeasure("7", LONG_AGO, enrolled=True, security_keys=2, passkeys=1)
    assert registrations.completed(nothing, lagging, {"phone_prompt": LATELY}) == nothing
    unsaid = MfaRegistration("7")
    assert registrations.completed(unsaid, lagging, {}) == unsaid
    # No keys before somebody enrolled says nothing of the keys of today.
    before = AccountMeasure("7", LONG_AGO, enrolled=False, security_keys=0, passkeys=0)
    assert known(before, ("phone_prompt",))[:2] == (["phone_prompt"], None)
    found = registrations.completed(YES, before, {})
    assert found.updated_at == LONG_AGO and "before enrolment" in found.source
    assert known(None)[:2] == (None, None)


@pytest.mark.parametrize(
    "allowed, keys, used, weakest, capable",
    [
        ("ALL", 0, ("mobile_phone",), "weak", True),
        ("ALL", 0, (), None, True),
        ("NO_TELEPHONY", 0, ("mobile_phone",), None, None),
        ("NO_TELEPHONY", 0, ("mobile_phone", "phone_prompt"), "strong", True),
        ("PASSKEY_ONLY", 1, ("phone_prompt",), "phishing_resistant", True),
        ("PASSKEY_ONLY", 0, ("phone_prompt",), None, False),
        ("PASSKEY_ONLY", None, ("phone_prompt",), None, None),
        ("PASSKEY_PLUS_SECURITY_CODE", 1, (), None, True),
        ("FUTURE_SET", 0, ("mobile_phone",), "weak", None),
        (None, 0, (), None, None),
    ],
)
def test_what_the_policy_lets_in_bounds_the_weakest_way(allowed, keys, used, weakest, capable):
    measure = AccountMeasure("7", TODAY, enrolled=True, security_keys=keys, passkeys=0)
    assert known(measure, used, allowed)[2:] == (weakest, capable)


def test_a_password_alone_is_no_second_factor():
    rows = {MfaRegistration: [YES], AccountMeasure: [COUNTED], FactorUse: [FactorUse("7", "password", last_at=LATELY)]}

    class Tables:
        def rows(self, table):
            return iter(rows.get(table, ()))

    (row,) = registrations.rows(Tables(), {}, NOW, {})
    assert row.methods is None and row.strongest is None


def test_why_columns_stay_empty():
    refused, off = NotGranted("No scope."), NotEnabled("Off.")
    whole = {"users": Complete(1), "usage": Complete(1)}
    told = registrations.untold(whole)
    assert set(told) == {"methods", "strongest", "weakest"} and "listed nowhere" in told["methods"].detail
    told = registrations.untold(whole | {"usage": Incomplete(0, refused)})
    assert told["strongest"] is refused and "listed nowhere" in told["weakest"].detail
    assert registrations.untold(whole | {"usage": Complete(1, {"passkeys": off})})["methods"] is off
    assert registrations.untold({"users": Complete(1)})["methods"].detail == NOT_READ_THEN
    assert set(registrations.untold({"users": Incomplete(0, refused)})) == set(registrations.COLUMNS)
    assert registrations.untold(whole | {"users": Complete(1, {"registered": refused})})["registered"] is refused
