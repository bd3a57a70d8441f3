"""Every refusal becomes the error that names its remedy, for the data sets it concerns and no others."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from azure.core.credentials import AccessToken

from keyround.connector import Complete, Incomplete, Window, Without, collect
from keyround.errors import COLLECT_ERRORS, CollectError, ConfigError, NotGranted, Unreachable
from keyround_fixtures import Fault
from keyround_fixtures.bodies import BODIES
from keyround_m365 import CONNECTOR, devices
from keyround_m365.modules import elsewhere
from keyround_m365.refusals import refusal, sign_in_refusal
from keyround_m365.settings import Settings
from tests.napping import NOW

PREMIUM = b'{"error":{"code":"Authentication_RequestFromNonPremiumTenantOrB2CTenant","message":"x"}}'


@pytest.mark.parametrize(
    "denied, refused, columns",
    [
        (["AuditLog.Read.All"], {"mfa_registrations", "sign_ins", "directory_audits"}, {"last_success_at"}),
        (["Policy.Read.All"],
         {"security_defaults", "access_policies", "methods_policy", "authorization_policy", "cross_tenant_access",
          "per_user_mfa"}, set()),
        (["RoleManagement.Read.Directory", "Directory.Read.All"], {"role_assignments", "role_groups"}, set()),
        (["User.Read.All", "Directory.Read.All"], {"users", "auth_methods", "per_user_mfa"}, set()),
        (["UserAuthenticationMethod.Read.All"], {"auth_methods"}, set()),
        (["Domain.Read.All", "Directory.Read.All"], {"domains"}, set()),
    ],
)  # fmt: skip
def test_one_permission_taken_away(denied, refused, columns, gather, settings, cloud):
    cloud.deny("m365", *denied)
    found = gather(settings, *(dataset.name for dataset in CONNECTOR.datasets if not dataset.module))
    incomplete = {name for name, (outcome, _) in found.items() if isinstance(outcome, Incomplete)}
    assert incomplete - {"noninteractive_sign_ins"} == refused
    for name in refused:
        error = found[name][0].error
        assert error.kind == "NotGranted" and denied[0] in error.remedy and error.therefore
    assert columns <= set(getattr(found["users"][0], "without", {}))


def test_an_unreadable_group_hides_its_members_and_nobody_else(gather, settings, cloud):
    cloud.faults.append(Fault("transitiveMembers", body="403_authorization_requestdenied", times=9))
    outcome, rows = gather(settings, "role_assignments")["role_assignments"]
    assert isinstance(outcome, Complete)
    assert outcome.without["members_known"].kind == "NotGranted"
    (hidden,) = [row for row in rows if row.members_known is False]
    assert (hidden.holder_kind, hidden.via) == ("group", "Rollen IT-Support")


@pytest.mark.parametrize(
    "status, body, kind",
    [
        (403, PREMIUM, "NotLicensed"),
        (403, b'{"error":{"code":"X","message":"Not B2C and doesn\'t have premium licenses"}}', "NotLicensed"),
        (403, b'{"error":{"code":"Forbidden","message":"Tenant is not licensed for this feature."}}', "NotLicensed"),
        (400, b'{"error":{"code":"AadPremiumLicenseRequired","message":"x"}}', "NotLicensed"),
        (403, b'{"error":{"code":"Authentication_MSGraphPermissionMissing","message":"x"}}', "NotGranted"),
        (403, b'{"error":{"code":"accessDenied","message":"Request Authorization failed"}}', "NotGranted"),
        (403, b"<html>no</html>", "NotGranted"),
        (400, b'{"error":{"code":"BadRequest","message":"Resource not found for the segment \'x\'."}}', "NotEnabled"),
        (400, b'{"error":{"code":"BadRequest","message":"{\\"nested\\": true}"}}', "Unexpected"),
        (400, msgspec.json.encode(BODIES["400_intune_not_applicable"].body), "NotLicensed"),
        (403, msgspec.json.encode(BODIES["403_intune_scopes"].body), "NotGranted"),
        (403, msgspec.json.encode(BODIES["403_no_valid_license"].body), "NotLicensed"),
        (402, b'{"error":{"code":"PaymentRequired","message":"x"}}', "NotLicensed"),
        (404, msgspec.json.encode(BODIES["404_mailbox_not_enabled"].body), "NotEnabled"),
        (403, msgspec.json.encode(BODIES["403_error_access_denied"].body), "NotGranted"),
        (401, b"", "Expired"),
        (418, b'{"error":"teapot"}', "Unexpected"),
    ],
)  # fmt: skip
def test_bodies(status, body, kind):
    error = refusal(status, body, "X.Read.All", premium=False)
    assert error.kind == kind and error.detail and error.remedy


def test_sign_in_dates_refused_with_400_cost_the_dates_only(gather, settings, cloud):
    cloud.faults.append(Fault("signInActivity", body="400_more_than_120_users", times=99))
    outcome, rows = gather(settings, "users")["users"]
    assert isinstance(outcome, Complete) and "activity" in outcome.without and len(rows) == 53


def test_the_report_takes_neither_top_nor_select(gather, settings, cloud):
    cloud.faults.append(Fault("userReg.*(top|select)", body="400_more_than_120_users", times=99))
    outcome, rows = gather(settings, "mfa_registrations")["mfa_registrations"]
    assert isinstance(outcome, Complete) and rows


def test_the_licence_check_that_fails_although_p1_is_there():
    error = refusal(403, PREMIUM, "AuditLog.Read.All", premium=True)
    assert error.kind == "NotGranted" and "Directory.Read.All" in error.remedy


@pytest.mark.parametrize("code, kind", [("7000215", "Expired"), ("65001", "NotGranted"), ("12345678", "Expired")])
def test_sign_in_codes(code, kind):
    error = sign_in_refusal(f"invalid_client: AADSTS{code}: something happened. Trace ID: 1")
    assert isinstance(error, COLLECT_ERRORS[kind]) and error.code == f"AADSTS{code}"


def test_an_expired_token_is_said_once_and_plainly(gather, settings, cloud):
    cloud.faults.append(Fault("/users", status=401, data={"error": {"code": "InvalidAuthenticationToken"}}, times=9))
    assert gather(settings, "users")["users"][0].error.kind == "Expired"


@pytest.fixture
def secured(cloud, monkeypatch):
    """Settings for azure-identity's own credentials, which speak https only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_pem)
    tenant = cloud.tenants[0]
    return {
        "tenant_id": tenant.id,
        "client_id": cloud.client_id,
        "authority": cloud.tls_url,
        "graph_url": cloud.tls_url,
    }


def test_secret_and_certificate_sign_in_over_tls(secured, gather, cloud, monkeypatch):
    for way in ({"credential": "secret", "secret": cloud.app_secret("m365")},
                {"credential": "certificate", "certificate": cloud.app_certificate("m365")}):  # fmt: skip
        assert isinstance(gather(secured | way, "users")["users"][0], Complete)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv("SSL_CERT_FILE", cloud.ca_pem)
    assert isinstance(gather(secured | way, "users")["users"][0], Complete)


def test_either_variable_is_enough_also_beside_another(secured, gather, cloud, monkeypatch):
    import certifi

    way = secured | {"credential": "secret", "secret": cloud.app_secret("m365")}
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("SSL_CERT_FILE", cloud.ca_pem)
    assert isinstance(gather(way, "organization")["organization"][0], Complete)


def test_device_code_shows_the_code_and_waits_for_the_person(secured, gather, capsys):
    assert isinstance(gather(secured | {"credential": "device_code"}, "organization")["organization"][0], Complete)
    assert "enter the code" in capsys.readouterr().err


@pytest.mark.parametrize("expired, code", [(False, "AADSTS7000215"), (True, "AADSTS7000222")])
def test_a_secret_that_is_wrong_or_over(expired, code, secured, nap, cloud):
    secret = cloud.app_secret("m365", expired=True) if expired else "not-the-secret"
    with (
        CONNECTOR.open(secured | {"credential": "secret", "secret": secret}, nap.clock) as graph,
        pytest.raises(CollectError) as caught,
    ):
        CONNECTOR.identify(graph)
    assert caught.value.code == code and secret not in str(caught.value)


def test_a_sign_in_service_out_of_reach_is_no_refusal(secured, nap):
    away = secured | {"credential": "secret", "secret": "x", "authority": "https://127.0.0.1:9"}
    with CONNECTOR.open(away, nap.clock) as graph, pytest.raises(CollectError) as caught:
        CONNECTOR.identify(graph)
    assert caught.value.kind == "Unreachable" and nap.slept


GOOD = {"tenant_id": "11111111-2222-3333-4444-555555555555", "credential": "token", "token": "x"}


@pytest.mark.parametrize(
    "change, said",
    [
        ({"tenant_id": "contoso.example"}, "not a directory id"),
        ({"credential": "certificat"}, "Did you mean 'certificate'?"),
        ({"credential": "secret"}, "needs client_id"),
        ({"graph_ulr": "x"}, "Did you mean 'graph_url'?"),
        ({"graph_url": "http://graph.microsoft.com"}, "not an https address"),
        ({"authority": "http://127.0.0.1:80"}, "not an https address"),
        ({"cloud": "usgob"}, "Did you mean 'usgov'?"),
        ({"budget": "20 minutes"}, "90s, 20m or 2h"),
        ({"budget": "0m"}, "90s, 20m or 2h"),
        ({"token": 5}, "must be text"),
        ({"token": "Bearer x"}, "no token has"),
        ({"token": "t\u00f6ken"}, "no token has"),
    ],
)
def test_settings_name_the_mistake(change, said):
    with pytest.raises(ConfigError) as caught:
        Settings.read(GOOD | change)
    assert said in str(caught.value)


@pytest.mark.parametrize("text, seconds", [("90s", 90), ("20m", 1200), ("2h", 7200), (None, 3600)])
def test_the_budget_of_a_data_set(text, seconds):
    assert Settings.read(GOOD | ({"budget": text} if text else {})).budget_seconds == seconds


@pytest.mark.parametrize(
    "cloud, login, graph",
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("usgov", "login.microsoftonline.us", "graph.microsoft.us"),
        ("dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_sign_in_graph_and_scope(cloud, login, graph, nap):
    """A token of one cloud is worth nothing in another; behind a gateway it is still that cloud's."""
    import keyround_m365.graph as module

    read = Settings.read(GOOD | {"cloud": cloud})
    assert (read.authority, read.graph_url) == (f"https://{login}", f"https://{graph}")
    gateway = Settings.read(GOOD | {"cloud": cloud, "graph_url": "https://gateway.example/v1.0"})
    assert (gateway.authority, gateway.graph_url) == (read.authority, "https://gateway.example")
    for settings in (read, gateway):
        asked = []

        class Noted:
            def get_token(self, *scopes, asked=asked):
                asked.extend(scopes)
                return AccessToken("x", 2**40)

            def close(self):
                pass

        opened = module.Graph(settings.graph_url, settings.scope, Noted, nap.clock, {})
        assert opened.token() == "x" and asked == [f"https://{graph}/.default"]
        opened.close()


def test_what_a_cloud_does_not_offer_is_nobodys_fault(gather, settings, cloud):
    cloud.faults.append(Fault("userRegistration", body="400_segment_not_found", times=99))
    assert gather(settings, "mfa_registrations")["mfa_registrations"][0].error.kind == "NotEnabled"


def test_settings_never_show_a_secret():
    assert "hush" not in repr(Settings.read(GOOD | {"token": "hush"}))
    assert Settings.read(GOOD | {"graph_url": "https://gateway.example/v1.0/"}).graph_url == "https://gateway.example"


def test_a_page_that_a_cloud_does_not_have_is_missed_only_where_everything_hangs_on_it(gather, settings, cloud):
    lost = {"error": {"code": "UnknownError", "message": "Not Found"}}
    for path in ("authorizationPolicy", "crossTenantAccessPolicy", "/domains", "/devices", "/v1.0/users"):
        cloud.faults.append(Fault(path, status=404, data=lost, times=99))
    found = gather(settings, "authorization_policy", "cross_tenant_access", "domains", "devices", "users")
    kinds = {name: outcome.error.kind for name, (outcome, _) in found.items() if isinstance(outcome, Incomplete)}
    assert not found["devices"][0].without
    assert kinds == {
        "authorization_policy": "NotEnabled", "cross_tenant_access": "NotEnabled", "domains": "NotEnabled",
        "devices": "NotEnabled", "users": "Unexpected",
    }  # fmt: skip


def test_columns_that_are_missing_are_still_said_when_the_rest_fails_too():
    def pages(graph, window):
        yield Without(("owner",), NotGranted("No."))
        raise Unreachable("Gone.")

    broken = elsewhere(replace(devices.DIRECTORY, pages=pages))
    outcome = collect(broken, None, Window(NOW, NOW), len)
    assert outcome.error.kind == "Unreachable" and outcome.without["owner"].kind == "NotGranted"
