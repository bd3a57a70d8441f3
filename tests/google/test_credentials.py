"""Every way to a token, with google-auth's own code, against the pretend Google."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.browser import Follower, browse

from keyround.connector import Complete
from keyround.errors import CollectError, ConfigError
from keyround_fixtures import Fault
from keyround_google import CONNECTOR, signing_in

from .test_settings import over_tls, proxy  # noqa: F401

USERS = "https://www.googleapis.com/auth/admin.directory.user.readonly"
POLICIES = "https://www.googleapis.com/auth/cloud-identity.policies.readonly"
ALERTS = "https://www.googleapis.com/auth/apps.alerts"
GOOD_AT_HOME = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCE_METADATA_HOST", "APPDATA")


@pytest.fixture
def person(cloud, monkeypatch, tmp_path):
    """A person who signs in with a browser, and is remembered in a file."""
    browse(monkeypatch, Follower())
    return {
        "customer_id": cloud.tenants[0].id, "credential": "oauth", "client": json.dumps(cloud.oauth_client()),
        "token_file": str(tmp_path / "signed-in.json"), "api_url": cloud.url,
    }  # fmt: skip


@pytest.fixture
def here(monkeypatch, tmp_path):
    """A computer that is nobody to Google."""
    for name in GOOD_AT_HOME:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"CLOUDSDK_CONFIG": tmp_path, "PATH": tmp_path, "NO_GCE_CHECK": "true"}.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


@pytest.fixture
def keyless(cloud, here, monkeypatch):
    """A workload that may sign for the service account."""
    (here / "token").write_text(cloud.workload_token())
    (here / "workload.json").write_text(json.dumps(cloud.workload(str(here / "token"))))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(here / "workload.json"))
    return {
        "customer_id": cloud.tenants[0].id, "credential": "impersonation", "subject": cloud.tenants[0].subject,
        "service_account": cloud.service_account_key("google")["client_email"], "api_url": cloud.url,
        "token_uri": f"{cloud.url}/token",
    }  # fmt: skip


@pytest.fixture
def refused(opened):
    """The error that the first question meets."""

    def ask(settings):
        with pytest.raises(CollectError) as caught, opened(settings) as admin:
            CONNECTOR.identify(admin)
        return caught.value

    return ask


def policies(admin):
    return admin.fetch(admin.identity.policies().list(pageSize=1), (POLICIES,))


def alerts(admin):
    return admin.fetch(admin.alerts.alerts().list(pageSize=1), (ALERTS,))


def asked(cloud, end):
    return [request for request in cloud.requests if request.path.endswith(end)]


# -- a service account that holds a role ---------------------------------------


def test_a_service_account_with_a_role_reads_what_it_may(gather, opened, settings, cloud):
    account = cloud.give_role("google")
    del settings["subject"]
    own = settings | {"credential": "service_account_role"}
    outcome, rows = gather(own, "users")["users"]
    assert isinstance(outcome, Complete) and rows
    assert not any("my_customer" in request.path + request.query for request in cloud.requests)
    with opened(own) as admin:
        assert CONNECTOR.identify(admin).claims == {own["customer_id"]}
        with pytest.raises(CollectError) as caught:
            policies(admin)
    assert caught.value.kind == "NotEnabled" and "service_account" in caught.value.remedy
    assert isinstance(gather(own, "customer")["customer"][0], Complete)  # its name is refused, which is no fault
    cloud.tenants[0].robots.clear()
    error = gather(own, "users")["users"][0].error
    assert error.kind == "NotGranted" and account in str(error) and "Admin roles" in error.remedy


def test_a_service_account_with_a_role_of_another_tenant_is_noticed(refused, settings, cloud):
    cloud.give_role("google")
    del settings["subject"]
    assert refused(settings | {"credential": "service_account_role", "customer_id": "C0another1"}).kind == "NotGranted"


# -- no key at all ---------------------------------------------------------------


def test_a_workload_signs_for_the_service_account(gather, keyless, cloud):
    assert isinstance(gather(keyless, "users")["users"][0], Complete)
    assert len(asked(cloud, ":signJwt")) == len(asked(cloud, "/v1/token")) == 1
    gather(keyless)
    cloud.deny(cloud.tenants[0], "admin.directory.user.readonly")
    error = gather(keyless, "users")["users"][0].error
    assert error.kind == "NotGranted" and "Unique ID of keyround@" in error.remedy


def test_a_workload_that_is_the_service_account_with_its_role(gather, keyless, cloud):
    cloud.give_role("google")
    assert isinstance(gather(keyless | {"subject": ""}, "users")["users"][0], Complete)
    assert asked(cloud, ":generateAccessToken") and not asked(cloud, ":signJwt")


def test_a_machine_in_google_cloud_signs_for_the_service_account(keyless, cloud):
    """In a process of its own, since google-auth looks once where the metadata server is."""
    beside = dict.fromkeys(("GCE_METADATA_HOST", "GCE_METADATA_IP"), cloud.url.removeprefix("http://"))
    environment = {**os.environ, **beside, "HTTP_PROXY": "http://127.0.0.1:1"}  # which the server is not behind
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "NO_GCE_CHECK"):
        del environment[name]
    code = (
        "from keyround.connector import Clock; from keyround_google import CONNECTOR\n"
        f"with CONNECTOR.open({keyless!r}, Clock()) as admin: print(*CONNECTOR.identify(admin).claims)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [keyless["customer_id"]] and not done.stderr, done.stderr
    assert asked(cloud, "/service-accounts/default/token")


@pytest.mark.parametrize(
    "change, kind, hint",
    [
        ({"may_sign": False}, "NotGranted", "Service Account Token Creator"),
        ({"on": False}, "NotGranted", "enable IAM Service Account Credentials API"),
        ({"account": "nobody@x.iam.gserviceaccount.example"}, "NotGranted", "as `service_account`"),
        ({"token": "forged"}, "Expired", "renew the workload identity"),
        ({"busy": 3}, None, ""),
        ({"busy": 99}, "Throttled", "Scan again later"),
    ],
)
def test_what_keeps_a_computer_from_signing(change, kind, hint, gather, keyless, cloud, here, nap):
    cloud.iam.may_sign, cloud.iam.on = change.get("may_sign", True), change.get("on", True)
    if "token" in change:
        (here / "token").write_text(change["token"])
    if "busy" in change:
        cloud.faults.append(Fault(":signJwt", body="google_503", times=change["busy"]))
    outcome = gather(keyless | {"service_account": change.get("account", keyless["service_account"])}, "users")["users"]
    if kind is None:
        assert isinstance(outcome[0], Complete) and nap.slept
    else:
        error = outcome[0].error
        assert error.kind == kind and hint in error.remedy and "eyJ" not in str(error)


def test_a_computer_that_is_nobody_says_how_to_become_somebody(refused, keyless, here, monkeypatch):
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    error = refused(keyless)
    assert error.kind == "Expired" and "gcloud auth application-default login" in error.remedy


# -- a person --------------------------------------------------------------------


MODULES = {dataset.name for dataset in CONNECTOR.datasets if dataset.module}


def off(found):
    """The modules that are off; everything else was read whole."""
    names = {name for name, (outcome, _) in found.items() if not isinstance(outcome, Complete)}
    assert all(found[name][0].error.kind == "NotEnabled" for name in names)
    return names


def test_a_person_signs_in_once_and_is_remembered(gather, person, cloud):
    assert off(gather(person)) == {dataset.name for dataset in CONNECTOR.datasets if dataset.module}
    (consent,) = asked(cloud, "/o/oauth2/auth")
    words = parse_qs(consent.query)
    assert words["code_challenge_method"] == ["S256"] and words["access_type"] == ["offline"]
    assert USERS in words["scope"][0] and ALERTS not in words["scope"][0]
    path = Path(person["token_file"])
    assert os.name != "posix" or stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "GOCSPX" not in path.read_text() and "ya29" not in path.read_text()
    assert isinstance(gather(person, "users")["users"][0], Complete)
    assert len(asked(cloud, "/o/oauth2/auth")) == 1
    shown = repr(CONNECTOR.setup) + repr(signing_in.kept(str(path), _client(person)))
    assert "1//" not in shown


def _client(person):
    from keyround_google.settings import read

    return read(person).client


def test_what_was_not_ticked_names_itself(gather, person, cloud):
    cloud.people.unticked = {USERS}
    found = gather(person)
    error = found.pop("users")[0].error
    assert error.kind == "NotGranted" and USERS in error.detail and "tick every box" in error.remedy
    assert person["token_file"] in error.remedy
    assert off(found) == {dataset.name for dataset in CONNECTOR.datasets if dataset.module}
    assert not any(request.path.endswith("/v1/users") for request in cloud.requests)


def test_what_no_person_can_read_is_no_fault(opened, person):
    with opened(person) as admin, pytest.raises(CollectError) as caught:
        alerts(admin)
    assert caught.value.kind == "NotEnabled" and "service_account" in caught.value.remedy


@pytest.mark.parametrize(
    "dead, hint",
    [("revoked", "Sign in again: run `keyround check`"), ("invalid_rapt", "session control sets how often")],
)
def test_a_sign_in_that_is_over_says_so_and_the_next_one_asks_again(dead, hint, gather, person, cloud, nap):
    gather(person, "users")
    cloud.people.dead = dead
    error = gather(person, "users")["users"][0].error
    assert error.kind == "Expired" and hint in error.remedy and "gcloud" not in str(error) and not nap.slept
    cloud.people.dead = ""
    assert isinstance(gather(person, "users")["users"][0], Complete)
    assert len(asked(cloud, "/o/oauth2/auth")) == 2


@pytest.mark.parametrize(
    "word, hint", [("access_denied", "Test users"), ("admin_policy_enforced", "App access control"), ("x", "page")]
)
def test_a_person_who_does_not_agree(word, hint, refused, person, cloud):
    cloud.people.declines = word
    error = refused(person)
    assert error.kind == "NotGranted" and hint in error.remedy and not Path(person["token_file"]).exists()


def test_nobody_comes(refused, person, cloud, monkeypatch, capsys):
    monkeypatch.setattr(signing_in, "PATIENCE", 0.1)
    browse(monkeypatch, None)
    assert refused(person).kind == "Expired"
    said = capsys.readouterr().err
    assert f"{cloud.url}/o/oauth2/auth?client_id=" in said and "No browser could be opened" in said


def test_a_copied_link_works_and_a_forged_answer_does_not(gather, person, monkeypatch, capsys):
    browse(monkeypatch, None)
    found = []
    thread = threading.Thread(target=lambda: found.append(gather(person, "users")["users"][0]))
    thread.start()
    said = ""
    while "/auth?" not in said or not said.endswith("opened here.\n"):
        time.sleep(0.01)
        said += capsys.readouterr().err
    (link,) = [line for line in said.splitlines() if "/auth?" in line]
    back = parse_qs(urlsplit(link).query)["redirect_uri"][0]
    assert httpx.get(back, params={"code": "4/0stolen", "state": "guessed"}).status_code == 404
    assert httpx.get(link, follow_redirects=True).status_code == 200
    thread.join()
    assert isinstance(found[0], Complete)


def test_a_client_that_google_does_not_know(refused, person):
    client = json.loads(person["client"])
    client["installed"]["client_secret"] = "GOCSPX-wrong"
    error = refused(person | {"client": json.dumps(client)})
    assert error.kind == "Expired" and "Desktop app" in error.remedy and "GOCSPX" not in str(error)


def test_a_busy_token_endpoint_does_not_lose_the_sign_in(gather, person, cloud, nap):
    cloud.faults.append(Fault("/token", body="google_503", times=2))
    assert isinstance(gather(person, "users")["users"][0], Complete)
    assert nap.slept and len(asked(cloud, "/o/oauth2/auth")) == 1


def test_a_sign_in_of_an_application_in_testing_announces_its_end(opened, person, cloud):
    cloud.people.ends = 6 * 86400 + 7200
    with opened(person) as admin:
        CONNECTOR.identify(admin)
        (said,) = CONNECTOR.setup.notices(person, admin, datetime.now())
        assert said.startswith("URGENT") and "Publish app" in said


# -- networks --------------------------------------------------------------------


def test_a_proxy_carries_sign_ins_too(gather, person, keyless, here, cloud, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "HTTPLIB2_CA_CERTS", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", cloud.ca_pem)
    (here / "workload.json").write_text(json.dumps(cloud.workload(str(here / "token"), cloud.tls_url)))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    signed = keyless | {"api_url": cloud.tls_url, "token_uri": f"{cloud.tls_url}/token"}
    own = person | {"client": json.dumps(cloud.oauth_client(cloud.tls_url)), "api_url": cloud.tls_url}
    with proxy() as (port, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        assert isinstance(gather(signed, "users")["users"][0], Complete)
        assert len(heads) >= 2  # the workload's own token, and everything else
        heads.clear()
        assert isinstance(gather(own, "users")["users"][0], Complete)
        assert len(heads) >= 2  # the code for a token, and the API
    error = gather(signed, "users")["users"][0].error
    assert error.kind == "Unreachable"


# -- a delegation on its way -------------------------------------------------------


def test_a_delegation_that_has_not_arrived_says_since_when_and_what_to_compare(settings, cloud, nap):
    memory: dict[str, object] = {}
    scopes = set(cloud.tenants[0].grants)
    cloud.deny(cloud.tenants[0], *scopes)

    def ask(hours):
        clock = replace(nap.clock, now=lambda: began + timedelta(hours=hours))
        with CONNECTOR.open(settings, clock, memory) as admin:
            return CONNECTOR.identify(admin)

    began = nap.clock.now()
    texts = []
    for hours in (0, 1, 26):
        with pytest.raises(CollectError) as caught:
            ask(hours)
        texts.append(str(caught.value))
        assert caught.value.kind == "NotGranted" and json.loads(settings["key"])["client_id"] in caught.value.remedy
        assert ",".join(CONNECTOR.setup.least) in caught.value.remedy
    assert all(f"{began:%H:%M} UTC" in text for text in texts)
    assert "can take up to 24 hours" in texts[1] and "longer than the 24 hours" in texts[2]
    assert json.loads(json.dumps(memory)) == memory and "PRIVATE" not in str(memory)
    cloud.grant(cloud.tenants[0], *scopes)
    assert ask(27).claims == {cloud.tenants[0].id}
    assert USERS not in str(memory)


@pytest.mark.parametrize("damage", [7, [], {"who": 1}, {"who": "x", "since": 3}])
def test_damaged_memory_is_no_memory(damage, settings, cloud, nap):
    cloud.deny(cloud.tenants[0], "admin.directory.user.readonly")
    memory = {"delegation": damage}
    with CONNECTOR.open(settings, nap.clock, memory) as admin, pytest.raises(CollectError) as caught:
        admin.fetch(admin.directory.users().list(customer="my_customer"), (USERS,))
    assert "Waiting since" in caught.value.detail


# -- what is found out at the set-up ----------------------------------------------


def test_the_customer_id_is_read_where_it_is_not_written(settings, big, person, cloud, nap):
    complete = CONNECTOR.setup.complete
    assert complete(settings, nap.clock, {}, True) == {}
    for chosen in (settings, person, big):
        assert complete(chosen | {"customer_id": ""}, nap.clock, {}, False)["customer_id"] == chosen["customer_id"]
    assert complete(person | {"customer_id": ""}, nap.clock, {}, True) == {}  # nobody is there to sign in
    with pytest.raises(ConfigError, match="keyround check"):
        CONNECTOR.tenant_of(settings | {"customer_id": ""})


def test_what_is_granted_is_asked_for_scope_by_scope(opened, settings, person, big, cloud):
    missing = ["admin.directory.group.readonly", "admin.reports.audit.readonly"]
    cloud.deny(cloud.tenants[0], *missing)
    with opened(settings) as admin:
        found = CONNECTOR.setup.access(admin)
        assert found.known and {scope.rsplit("/", 1)[1] for scope in found.missing} == set(missing)
        assert ",".join(found.missing) in found.remedy and not found.surplus
    cloud.people.unticked = {USERS}
    cloud.people.before = {"openid", "https://www.googleapis.com/auth/admin.directory.user"}
    with opened(person) as admin:
        found = CONNECTOR.setup.access(admin)
        assert USERS in found.missing and "tick every box" in found.remedy
        assert found.harmful == ("https://www.googleapis.com/auth/admin.directory.user",)
    with opened(big) as admin:
        assert not CONNECTOR.setup.access(admin).known


def test_a_module_that_was_not_asked_for_is_off_and_says_how_to_ask(opened, person):
    licences = ("https://www.googleapis.com/auth/apps.licensing",)
    with opened(person) as admin, pytest.raises(CollectError) as caught:
        admin.fetch(admin.licensing.licenseAssignments().listForProduct(customerId="x", productId="y"), licences)
    assert "did not ask for" in caught.value.detail and "--modules NAME" in caught.value.remedy
    with pytest.raises(ConfigError, match="no optional module 'licences'"):
        CONNECTOR.tenant_of(person | {"modules": "licences"})


def test_a_token_that_ends_soon_is_renewed_for_every_question(gather, settings, cloud):
    answers = {"access_token": cloud.token("google"), "expires_in": 60, "token_type": "Bearer"}
    cloud.faults.append(Fault("/token", status=200, data=answers, times=99))
    assert isinstance(gather(settings, "users")["users"][0], Complete)


@pytest.mark.parametrize("answer", [{"access_token": ""}, {}, [], {"accessToken": "x"}])
def test_an_answer_without_a_token_is_none(answer, gather, person, keyless, cloud, nap):
    cloud.faults.append(Fault("/token", status=200, data=answer, times=99))
    for chosen in (person, keyless):
        assert gather(chosen, "users")["users"][0].error.kind in ("Unreachable", "Unexpected", "Throttled")
