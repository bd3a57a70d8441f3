"""Every no of Google's becomes the right error in the right data set, with the step that helps."""

from __future__ import annotations

import json

import pytest

from keyround.connector import Complete, Incomplete
from keyround.errors import ConfigError
from keyround_fixtures import Fault
from keyround_google.refusals import read, read_token

SCOPES = {
    "users": "admin.directory.user.readonly",
    "roles": "admin.directory.rolemanagement.readonly",
    "login_activities": "admin.reports.audit.readonly",
}


@pytest.mark.parametrize("name, scope", SCOPES.items())
def test_one_missing_scope_silences_one_data_set(name, scope, gather, settings, cloud):
    cloud.deny(cloud.tenants[0], scope)
    found = gather(settings)
    outcome = found.pop(name)[0]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotGranted"
    assert f"auth/{scope}" in outcome.error.remedy and "Domain-wide delegation" in outcome.error.remedy
    assert json.loads(settings["key"])["client_id"] in outcome.error.remedy
    assert "The report cannot say" in outcome.error.therefore
    assert all(isinstance(other, Complete) for other, _ in found.values())


def test_a_token_without_the_scope(gather, big, cloud):
    cloud.deny(cloud.tenants[1], SCOPES["users"])
    error = gather(big, "users")["users"][0].error
    assert error.kind == "NotGranted" and SCOPES["users"] in error.remedy and big["token"] not in str(error)


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
        ("group", "User Management Admin")
    ]


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
