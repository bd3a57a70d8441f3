"""Every way to sign in, with azure-identity's own code, against the pretend Entra over TLS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from keyround.errors import COLLECT_ERRORS, CollectError, ConfigError
from keyround_m365 import CONNECTOR
from keyround_m365.graph import token_claims
from keyround_m365.refusals import known_refusal, refusal
from keyround_m365.settings import NEEDS, Settings

BROWSER = f"{sys.executable} {Path(__file__).parents[1] / 'browser.py'} %s"
"""What Python's webbrowser starts instead of a window: it follows the link and posts what the page would post."""


@pytest.fixture
def secured(cloud, monkeypatch):
    """Settings for azure-identity's own credentials, which speak https only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_pem)
    yield {
        "tenant_id": cloud.tenants[0].id,
        "client_id": cloud.client_id,
        "authority": cloud.tls_url,
        "graph_url": cloud.tls_url,
    }
    cloud.refuse_sign_in("m365", 0)


@pytest.fixture
def claims(nap):
    """The claims of the token that these settings get, once Graph has accepted it."""

    def sign_in(settings):
        with CONNECTOR.open(settings, nap.clock) as graph:
            assert CONNECTOR.identify(graph).claims == {settings["tenant_id"]}
            return token_claims(graph.token())

    return sign_in


@pytest.fixture
def refused(nap):
    """The error that these settings meet at the sign-in."""

    def sign_in(settings):
        with pytest.raises(CollectError) as caught, CONNECTOR.open(settings, nap.clock) as graph:
            CONNECTOR.identify(graph)
        return caught.value

    return sign_in


def stranger(cloud):
    """A certificate like the app's, that nobody uploaded."""
    from keyround_fixtures.keys import private_pem

    own = cloud.app_certificate("m365")
    return private_pem("stranger") + own[own.index("-----BEGIN CERTIFICATE") :]


@pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good")])
def test_two_certificates_work_at_once(order, secured, claims, cloud):
    pems = {"good": cloud.app_certificate("m365"), "bad": stranger(cloud)}
    way = {"credential": "certificate", "certificate": pems[order[0]], "certificate_next": pems[order[1]]}
    assert "AuditLog.Read.All" in claims(secured | way)["roles"]


def test_one_with_a_password_is_replaced_by_one_without(secured, claims, cloud):
    key = serialization.load_pem_private_key(stranger(cloud).encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"hush")
    ).decode()
    own = cloud.app_certificate("m365")
    way = {"credential": "certificate", "certificate": locked + own[own.index("-----BEGIN CERTIFICATE") :],
           "certificate_password": "hush", "certificate_next": own}  # fmt: skip
    assert claims(secured | way)["roles"]


def test_a_refused_certificate_says_what_to_upload(secured, refused, cloud):
    error = refused(secured | {"credential": "certificate", "certificate": stranger(cloud)})
    assert error.code == "AADSTS700027" and ".cer" in error.remedy


def test_an_unreadable_certificate_names_its_key(secured, nap, cloud):
    way = {"credential": "certificate", "certificate": cloud.app_certificate("m365"), "certificate_next": "no PEM"}
    with pytest.raises(ConfigError, match="certificate_next"), CONNECTOR.open(secured | way, nap.clock):
        pass


def test_a_browser_signs_a_person_in(secured, claims, monkeypatch):
    monkeypatch.setenv("BROWSER", BROWSER)
    got = claims(secured | {"credential": "browser", "scopes": "User.Read.All AuditLog.Read.All"})
    assert got["scp"] == "AuditLog.Read.All User.Read.All" and "roles" not in got


def in_a_process_of_its_own(settings, **environment):
    """What this sign-in prints: some libraries remember the environment, or forget to close what they opened."""
    code = (
        "from keyround.connector import Clock; from keyround_m365 import CONNECTOR\n"
        f"with CONNECTOR.open({settings!r}, Clock()) as graph: print(CONNECTOR.identify(graph).name)"
    )
    kept = {name: value for name, value in os.environ.items() if environment.get(name, "") is not None}
    added = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run([sys.executable, "-c", code], env=kept | added, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_without_a_browser_the_code_is_the_way(secured):
    said = in_a_process_of_its_own(secured | {"credential": "browser"}, BROWSER=BROWSER, KEYROUND_TEST_BROWSER="none")
    assert "No browser could be opened" in said and "--device-code" in said


def test_a_code_asks_for_the_scopes_named_or_for_all(secured, claims, cloud):
    some = claims(secured | {"credential": "device_code", "scopes": "User.Read.All"})
    everything = claims(secured | {"credential": "device_code"})
    assert some["scp"] == "User.Read.All" and set(everything["scp"].split()) == cloud.tenants[0].grants


def test_what_the_tenant_does_not_let_people_agree_to(secured, refused):
    assert refused(secured | {"credential": "device_code", "scopes": "Mail.Read"}).code == "AADSTS65001"


def test_what_a_person_may_not_read_asks_for_a_role(secured, nap, cloud):
    way = {"credential": "device_code", "scopes": "User.Read.All"}
    with CONNECTOR.open(secured | way, nap.clock) as graph:
        (users,) = [dataset for dataset in CONNECTOR.datasets if dataset.name == "security_defaults"]
        with pytest.raises(CollectError) as caught:
            list(users.pages(graph, None))
    assert caught.value.kind == "NotGranted" and "Global Reader" in caught.value.remedy


def test_a_machine_in_azure(secured, claims, cloud, monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{cloud.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "here")
    del secured["client_id"]
    assert "AuditLog.Read.All" in claims(secured | {"credential": "managed_identity"})["roles"]


def test_a_workload_from_settings_or_from_its_environment(secured, claims, cloud, tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text(cloud.federated_token())
    way = {"credential": "workload_identity"}
    assert claims(secured | way | {"token_file": str(file)})["roles"]
    monkeypatch.setenv("AZURE_CLIENT_ID", secured.pop("client_id"))
    with pytest.raises(ConfigError, match="token file"):
        claims(secured | way)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    assert claims(secured | way)["roles"]


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for az")
def test_the_azure_cli(secured, claims, refused, cloud, tmp_path, monkeypatch):
    way = secured | {"credential": "azure_cli"}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "not installed" in refused(way).detail
    az = tmp_path / "az"
    az.write_text("#!/bin/sh\necho \"ERROR: Please run 'az login' to setup account.\" >&2\nexit 1\n")
    az.chmod(0o700)
    assert "az login" in refused(way).remedy
    reply = f'{{"accessToken": "{cloud.token("m365")}", "expires_on": 4102444800}}'
    az.write_text(f"#!/bin/sh\ncase \"$*\" in *{cloud.tenants[0].id}*) echo '{reply}';; esac\n")
    assert claims(way)["roles"]


@pytest.mark.parametrize("number", [50020, 50105, 53000, 53003, 65001, 90099, 530003, 700024, 700082])
def test_entra_s_refusals_are_explained_and_not_asked_again(number, secured, refused, cloud, nap):
    cloud.refuse_sign_in("m365", number)
    error = refused(secured | {"credential": "secret", "secret": cloud.app_secret("m365")})
    assert error.code == f"AADSTS{number}" and error.detail and error.remedy and not nap.slept


def test_a_tenant_that_does_not_exist_is_no_network_trouble(secured, refused, cloud, nap):
    away = {"tenant_id": "00000000-0000-0000-0000-00000000dead", "credential": "secret", "secret": "x"}
    error = refused(secured | away)
    assert error.code == "AADSTS90002" and "tenant_id" in error.remedy and not nap.slept


def test_an_antivirus_that_opens_tls_is_named_at_once(secured, refused, cloud, nap, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    for way in ({"credential": "secret", "secret": "x"}, {"credential": "token", "token": cloud.token("m365")}):
        error = refused(secured | way)
        assert "KEYROUND_TRUST" in error.remedy and error.kind == "Unreachable" and not nap.slept


@pytest.mark.skipif(
    os.name != "posix" or not shutil.which("openssl"), reason="needs OpenSSL's own folder of authorities"
)
def test_what_the_computer_trusts_is_trusted_when_asked_for(secured, cloud, tmp_path, monkeypatch):
    hashed = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", cloud.ca_pem], capture_output=True, text=True)
    shutil.copy(cloud.ca_pem, tmp_path / f"{hashed.stdout.strip()}.0")
    settings = secured | {"credential": "secret", "secret": cloud.app_secret("m365")}
    for trust, works in (("", False), ("system", True)):
        said = in_a_process_of_its_own(
            settings, KEYROUND_TRUST=trust, SSL_CERT_DIR=str(tmp_path), SSL_CERT_FILE=None, REQUESTS_CA_BUNDLE=None
        )
        assert (cloud.tenants[0].name in said) is works, said


def test_every_explanation_is_whole():
    listed = tomllib.loads(files("keyround_m365").joinpath("sign_in_refusals.toml").read_text("utf-8"))
    asked = {700016, 90002, 500113, 90099, 700024, 7000229, 65001, 50020, 53003, 700082, 7000215, 7000222, 700027}
    assert {str(number) for number in asked} <= listed.keys()
    for name, entry in listed.items():
        error = known_refusal(f"Authentication failed: AADSTS{name}: x" if name.isdecimal() else entry["says"])
        assert isinstance(error, COLLECT_ERRORS[entry["kind"]]) and error.detail.endswith(".")
        assert (error.code == f"AADSTS{name}") is name.isdecimal()
    assert known_refusal("HTTPSConnectionPool: Read timed out.") is None


@pytest.mark.parametrize("way", NEEDS)
def test_every_way_names_what_it_lacks(way):
    given = {"tenant_id": "11111111-2222-3333-4444-555555555555", "credential": way}
    for key in NEEDS[way]:
        with pytest.raises(ConfigError, match=f"needs {key}"):
            Settings.read(given | {other: "x" for other in NEEDS[way] if other != key})
    assert Settings.read(given | dict.fromkeys(NEEDS[way], "x")).asked == ("https://graph.microsoft.com/.default",)


def test_a_person_s_403_differs_from_an_application_s():
    body = b'{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}'
    app, person = (refusal(403, body, "X.Read.All", premium=False, by_person=by) for by in (False, True))
    assert "admin consent" in app.remedy and "Global Reader" in person.remedy and "X.Read.All" in person.remedy
