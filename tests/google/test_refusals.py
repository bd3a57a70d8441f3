"""Every no of Google's becomes the right error in the right data set, with the step that helps."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from keyround.connector import Complete, Incomplete, Window, Without, collect
from keyround.errors import ConfigError, NotEnabled
from keyround_fixtures import Fault
from keyround_google import CONNECTOR, modules, users
from keyround_google import settings as google_settings
from keyround_google.refusals import judge, newest_day, read, read_token

USERS = "admin.directory.user.readonly"
SCOPES = sorted({scope.rpartition("/")[2] for dataset in CONNECTOR.datasets for scope in dataset.grants})


@pytest.mark.parametrize("scope", SCOPES)
def test_one_missing_scope_silences_what_needs_it_and_names_itself(scope, gather, settings, cloud):
    needing = {d.name for d in CONNECTOR.datasets if any(one.endswith(f"/{scope}") for one in d.grants)}
    if needing == {"customer"}:  # which has a second answer to tell who the tenant is
        cloud.deny(cloud.tenants[0], "admin.directory.customer.readonly")
    cloud.deny(cloud.tenants[0], scope)
    found = gather(settings)
    silent = {name: outcome for name, (outcome, _) in found.items() if isinstance(outcome, Incomplete)}
    # Whom to ask one by one is not known without the list that people are on.
    needing |= {d.name for d in CONNECTOR.datasets if d.module == "security" and needing & {*d.after}}
    assert silent.keys() == needing
    for name, outcome in silent.items():
        error = outcome.error
        assert error.kind in ("NotGranted", "NotEnabled") and "The report cannot say" in error.therefore, name
        assert f"auth/{scope}" in error.remedy and "Domain-wide delegation" in error.remedy
        assert json.loads(settings["key"])["client_id"] in error.remedy


def test_a_token_without_the_scope(gather, big, cloud):
    cloud.deny(cloud.tenants[1], USERS)
    error = gather(big, "users")["users"][0].error
    assert error.kind == "NotGranted" and USERS in error.remedy and big["token"] not in str(error)


def test_name_and_country_may_be_refused_without_losing_the_tenant(gather, settings, cloud):
    cloud.deny(cloud.tenants[0], "admin.directory.customer.readonly")
    outcome, (tenant,) = gather(settings, "customer")["customer"]
    assert isinstance(outcome, Complete) and set(outcome.without) == {"name", "country", "created_at"}
    assert tenant.primary_domain == cloud.tenants[0].domain and tenant.country is None
    cloud.deny(cloud.tenants[0], "admin.directory.domain.readonly")
    assert gather(settings, "customer")["customer"][0].error.kind == "NotGranted"


def test_unreadable_groups_leave_the_other_administrators(gather, settings, cloud):
    cloud.deny(cloud.tenants[0], "admin.directory.group.readonly")
    outcome, rows = gather(settings, "roles")["roles"]
    assert isinstance(outcome, Complete) and outcome.without["via"].kind == "NotGranted"
    assert [(row.holder_kind, row.role) for row in rows if row.members_known is False] == [
        ("group", "User Management Admin"), ("group", "Passwort-Helfer"),
    ]  # fmt: skip


def test_one_group_that_is_gone_is_no_missing_permission(gather, settings, cloud):
    cloud.faults.append(Fault("/members", body="google_404"))
    outcome, rows = gather(settings, "roles")["roles"]
    assert isinstance(outcome, Complete) and not outcome.without
    assert [row.via_id == row.holder_id for row in rows if row.members_known is False] == [True]


@pytest.mark.parametrize(
    "body, kind, hint",
    [
        ("google_403_not_authorized", "NotGranted", "Admin roles"),
        ("google_403_permission_denied", "NotGranted", "super administrator"),
        ("google_403_not_configured", "NotGranted", "enable Admin SDK API"),
        ("google_403_domain_apis", "NotGranted", "API controls"),
        ("403_insufficient_scopes", "NotGranted", "Domain-wide delegation"),
        ("google_401", "Expired", "key"),
        ("google_404", "Unexpected", "customer_id"),
        ("google_html_404", "Unexpected", "customer_id"),
    ],
)
def test_refusals_of_the_api(body, kind, hint, gather, settings, cloud, nap):
    cloud.faults.append(Fault("/v1/users", body=body, times=99))
    error = gather(settings, "users")["users"][0].error
    assert (error.kind, hint in error.remedy, nap.slept) == (kind, True, [])


def test_a_share_of_the_day_that_is_used_up_is_not_waited_for(gather, settings, cloud, nap):
    error = {"error": {"errors": [{"reason": "dailyLimitExceeded"}], "code": 403, "message": "Daily Limit Exceeded"}}
    cloud.faults.append(Fault("/v1/users", status=403, data=error, times=99))
    found = gather(settings, "users")["users"][0].error
    assert found.kind == "Throttled" and "tomorrow" in found.remedy and not nap.slept


FORBIDDEN = b'{"error":{"code":403,"message":"The caller does not have permission","status":"PERMISSION_DENIED"}}'
DISABLED = (
    b'{"error":{"errors":[{"reason":"accessNotConfigured"}],"message":"It has not been used in project 1 before"}}'
)


@pytest.mark.parametrize(
    "scope, disabled, forbidden",
    [
        ("admin.directory.user.readonly", "enable Admin SDK API", "a role that may read the list of users"),
        ("admin.directory.user.security", "enable Admin SDK API", "User Security Management"),
        ("cloud-identity.policies.readonly", "enable Cloud Identity API", "a super administrator as `subject`"),
        ("cloud-identity.inboundsso.readonly", "enable Cloud Identity API", "a super administrator as `subject`"),
        ("cloud-identity.devices.readonly", "enable Cloud Identity API", "Admin roles"),
        ("apps.alerts", "enable Google Workspace Alert Center API", "Alert Center"),
        ("apps.licensing", "enable Enterprise License Manager API", "License Management"),
    ],
)
def test_each_api_names_its_own_step(scope, disabled, forbidden, settings):
    chosen = google_settings.read(settings)
    scopes = (f"https://www.googleapis.com/auth/{scope}",)
    for body, hint in ((DISABLED, disabled), (FORBIDDEN, forbidden)):
        error = judge(read(403, body), "api", chosen, scopes).error
        assert error.kind == "NotGranted" and hint in error.remedy
    error = judge(read_token(("unauthorized_client: Client is unauthorized",)), "token", chosen, scopes).error
    assert error.kind == "NotGranted" and f"add {scopes[0]} to client id" in error.remedy


@pytest.mark.parametrize(
    "message, day",
    [
        ("Data for dates later than (2026-11-18) is not yet available. Please check back later", date(2026, 11, 18)),
        ("Start date can not be later than 2026-11-17", date(2026, 11, 17)),
        ("End date greater than LastReportedDate.", None),
        ("Data for dates later than 2026-13-77 is not yet available.", None),
        ("", None),
    ],
)
def test_a_day_that_is_too_new_is_told_in_the_error(message, day, settings):
    body = json.dumps({"error": {"code": 400, "message": message}}).encode()
    error = judge(read(400, body), "api", google_settings.read(settings), ()).error
    assert newest_day(error.detail) == newest_day(message) == day


@pytest.mark.parametrize(
    "body, offered", [("google_html_404", False), ("google_html_405", False), ("google_404", True)]
)
def test_a_page_that_a_server_does_not_have_is_nobodys_fault(body, offered, gather, settings, cloud, opened):
    cloud.faults += [Fault("/customers/", body=body, times=99), Fault("/domains", body=body, times=99)]
    error = gather(settings, "customer")["customer"][0].error
    assert error.kind == ("Unexpected" if offered else "NotEnabled")
    cloud.faults[:] = [Fault("/v1/users", body=body, times=99)]
    outcome = gather(settings, "users")["users"][0]
    assert outcome.error.kind == "Unexpected" and not outcome.without

    def lacking(admin, window):
        yield Without(("methods",), NotEnabled("Nobody tells."))
        yield from users.DATASET.pages(admin, window)

    module = modules.optional(replace(users.DATASET, pages=lacking))
    with opened(settings) as admin:
        outcome = collect(module, admin, Window(date.min, date.max), len)
    assert outcome.error.kind == ("Unexpected" if offered else "NotEnabled")
    assert set(outcome.without) == ({"methods"} if offered else set())


@pytest.mark.parametrize("who, hint", [("nobody", "`subject`"), ("anna.beck", "Admin roles")])
def test_the_wrong_person_to_act_for(who, hint, gather, settings):
    subject = f"{who}@atelier-hollenstedt.example"
    error = gather(settings | {"subject": subject}, "users")["users"][0].error
    assert error.kind == "NotGranted" and hint in error.remedy and subject in str(error)


@pytest.mark.parametrize(
    "word, sentence, kind, hint",
    [
        ("access_denied", "Requested client not authorized.", "NotGranted", "delegation"),
        ("access_denied", "Account restricted", "NotGranted", "Sign in"),
        ("invalid_grant", "Invalid JWT Signature.", "Expired", "new JSON key"),
        ("invalid_grant", "Invalid grant: account not found", "Expired", "new JSON key"),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token", "Expired", "clock"),
        ("invalid_grant", "Token has been expired or revoked.", "Expired", "scan again"),
        ("invalid_grant", "The account has been deleted", "NotGranted", "`subject`"),
        ("disabled_client", "The OAuth client was disabled.", "Expired", "Service Accounts"),
        ("surprise", "", "Unexpected", ""),
        (None, "<html>no</html>", "Unexpected", ""),
    ],
)
def test_refusals_of_the_token_endpoint(word, sentence, kind, hint, gather, settings, cloud, nap):
    answer = {"error": word, "error_description": sentence} if word else sentence
    cloud.faults.append(Fault("/token", status=400, data=answer, times=99))
    error = gather(settings, "users")["users"][0].error
    assert (error.kind, hint in error.remedy, nap.slept) == (kind, True, [])
    assert "BEGIN" not in str(error)


def test_a_token_that_died_is_renewed_once_and_a_bare_one_is_expired(gather, settings, big, cloud):
    cloud.faults.append(Fault("/v1/users", body="google_401"))
    assert isinstance(gather(settings, "users")["users"][0], Complete)
    assert [r.status for r in cloud.requests] == [200, 401, 200, 200]
    cloud.faults.append(Fault("pageToken=", body="google_401"))
    outcome, rows = gather(big, "users")["users"]
    assert outcome.error.kind == "Expired" and "`token`" in outcome.error.remedy and len(rows) == 3 * 500


def test_an_unusable_private_key_is_a_configuration_error(opened, settings):
    key = json.loads(settings["key"]) | {"private_key": "-----BEGIN PRIVATE KEY-----\nnonsense"}
    with pytest.raises(ConfigError) as caught, opened(settings | {"key": json.dumps(key)}):
        pass
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"error":"x"}', b'{"error":{"errors":[1,null],"details":7}}'])
def test_error_bodies_of_any_shape_are_read(body):
    assert read(403, body).reasons == frozenset()


def test_no_credential_gets_into_a_sentence():
    message = read(403, b'{"error":{"message":"Bad ya29.secret-one\\nand eyJhbGci.secret.two"}}').message
    assert message == "Bad (left out) and (left out)."
    assert read_token(("invalid_grant: Bad Request", {"error": "invalid_grant"})).message == "Bad Request."


def test_the_token_endpoint_may_answer_like_an_api():
    body = {"error": {"code": 403, "message": "API disabled", "status": "PERMISSION_DENIED"}}
    refusal = read_token((body["error"], body))
    assert (refusal.message, refusal.reasons) == ("API disabled.", {"PERMISSION_DENIED"})
