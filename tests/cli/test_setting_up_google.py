"""From nothing to a first scan of a Google Workspace, as an administrator types it, against the pretend Google."""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
import tomllib

import pytest

from keyround.cli import main
from tests.browser import Follower, browse

from .conftest import AT

DOMAIN = "atelier-hollenstedt.example"
ADMIN = f"jule.hartwig@{DOMAIN}"


@pytest.fixture
def tenant(desk, monkeypatch, capsys):
    """A desk without a configuration; what is typed runs in this process, which is quicker."""
    here = desk("google")
    (here.folder / "keyround.toml").unlink()
    browse(monkeypatch, Follower())
    monkeypatch.delenv("KEYROUND_GOOGLE_CLIENT", raising=False)
    monkeypatch.chdir(here.folder)

    def run(*words, answers=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        status = main(list(words))
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)

    def file(name, content):
        path = here.folder / name
        path.write_text(json.dumps(content))
        path.chmod(0o600)
        return path

    here.run, here.file = run, file
    here.where = ("--setting", f"api_url={here.cloud.url}")
    return here


def init(tenant, *words):
    return tenant.run("init", "--name", "Atelier", "--m365", "", "--google", ADMIN, "--home", "", "--store", "store",
                      *tenant.where, *words)  # fmt: skip


def section(tenant):
    return tomllib.loads((tenant.folder / "keyround.toml").read_text())["client"]["atelier"]["tenant"][0]


def test_from_init_over_a_delegation_on_its_way_to_what_is_missing(tenant):
    cloud = tenant.cloud
    granted = set(cloud.tenant("google").grants)
    cloud.deny("google", *granted)
    done = init(tenant)
    assert done.returncode == 0 and "Domain-wide delegation > Add new" in done.stdout, done.stderr
    assert section(tenant)["customer_id"] == "" and section(tenant)["subject"] == ADMIN
    assert "atelier-google.json" in tenant.run("check", "atelier").stderr  # the key is not there yet
    key = tenant.file("atelier-google.json", cloud.service_account_key("google"))
    waiting = tenant.run("check", "atelier")
    assert waiting.returncode == 3 and re.search(r"Waiting since \d\d:\d\d UTC", waiting.stderr)
    assert json.loads(key.read_text())["client_id"] in waiting.stderr and "by hand" in waiting.stderr
    assert tenant.run("scan", "atelier").returncode == 3 and not list(tenant.folder.glob("store/atelier/scans/*"))
    cloud.grant("google", *granted)
    cloud.deny("google", "admin.directory.group.readonly")
    (tenant.folder / "keyround.toml").write_text("# mine\n" + (tenant.folder / "keyround.toml").read_text())
    checked = tenant.run("check", "atelier")
    assert f'keyround.toml now says customer_id = "{cloud.tenant("google").id}"' in checked.stdout
    assert section(tenant)["customer_id"] == cloud.tenant("google").id
    assert (tenant.folder / "keyround.toml").read_text().startswith("# mine\n")
    assert re.search(r"Missing +https\S+admin\.directory\.group\.readonly\n", checked.stdout)
    assert "Domain-wide delegation: add" in checked.stdout.replace("\n", " ").replace("  ", " ")
    assert "PRIVATE" not in checked.stdout + checked.stderr + waiting.stderr


def test_init_reads_the_customer_id_where_it_already_can(tenant):
    tenant.file("atelier-google.json", tenant.cloud.service_account_key("google"))
    assert init(tenant).returncode == 0
    assert section(tenant)["customer_id"] == tenant.cloud.tenant("google").id


@pytest.mark.parametrize("way", ["oauth", "impersonation", "service_account_role", "token"])
def test_init_writes_every_kind_of_section(way, tenant):
    own = ("--customer-id", "C01abcdef") if way == "service_account_role" else ()
    done = init(tenant, "--google-credential", way, "--setting", "service_account=a@b.example", *own)
    assert done.returncode == 0, done.stderr
    assert section(tenant)["credential"] == way and "keyround check atelier" in done.stdout
    if way == "service_account_role":
        (tenant.folder / "keyround.toml").unlink()
        assert "--customer-id" in init(tenant, "--google-credential", way).stderr


def test_a_one_off_scan_needs_a_client_and_keeps_nothing(tenant, tmp_path_factory, monkeypatch):
    temporary = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    client = tenant.file("client_secret_1.json", tenant.cloud.oauth_client())
    client.chmod(0o644)
    done = tenant.run("scan", "--google", "Atelier-Hollenstedt.example", *tenant.where, "--at", AT, "--home", "DE")
    assert done.returncode == 1, done.stderr
    says = done.stderr.partition("Sign in in the browser")[0].replace("\n", " ")
    assert "client_secret_1.json (found in this folder)" in says and "Tick every box" in says
    assert "admin.directory.user.readonly" in says and "chmod" not in done.stderr
    left = {path.name for path in tenant.folder.iterdir()}
    name = "atelier-hollenstedt-example-2026-11-20"
    assert left == {client.name, f"{name}.xlsx", f"{name}.json"} and not list(temporary.glob("keyround-once-*"))
    results = json.loads((tenant.folder / f"{name}.json").read_text(encoding="utf-8"))
    assert results["complete"] and results["tenants"][0]["tenant"] == tenant.cloud.tenant("google").id
    assert len([request for request in tenant.cloud.requests if request.path == "/o/oauth2/auth"]) == 1


def test_a_person_of_another_tenant_is_noticed_before_anything_is_stored(tenant, monkeypatch):
    client = tenant.file("client.json", tenant.cloud.oauth_client())
    monkeypatch.setenv("KEYROUND_GOOGLE_CLIENT", str(client))
    done = tenant.run("scan", "--google", "other.example", *tenant.where, "--store", "kept")
    assert done.returncode == 2 and "does not hold other.example, but atelier" in done.stderr
    assert "named by KEYROUND_GOOGLE_CLIENT" in done.stderr.replace("\n", " ")
    assert not (tenant.folder / "kept").exists()
    # Where the list of domains is refused, the people tell.
    tenant.cloud.people.unticked = {"https://www.googleapis.com/auth/admin.directory.domain.readonly"}
    done = tenant.run("scan", "--google", "other.example", *tenant.where)
    assert done.returncode == 2 and "does not hold other.example, but atelier" in done.stderr


def test_two_clients_in_a_folder_and_one_that_is_declined(tenant):
    for name in ("client_secret_1.json", "client_secret_2.json"):
        tenant.file(name, tenant.cloud.oauth_client())
    done = tenant.run("scan", "--google", DOMAIN, *tenant.where)
    assert done.returncode == 2 and "client_secret_1.json, client_secret_2.json" in done.stderr
    tenant.cloud.people.declines = "access_denied"
    chosen = ("--setting", "client=file:client_secret_2.json")
    done = tenant.run("scan", "--google", DOMAIN, *tenant.where, *chosen)
    assert done.returncode == 3 and "named by --setting client" in done.stderr and "Test users" in done.stderr


def test_consent_and_certificates_are_not_for_google(tenant):
    init(tenant)
    consent = tenant.run("consent", "atelier")
    assert consent.returncode == 2 and "delegates the scopes by hand" in consent.stderr
    made = tenant.run("cert", "new", "atelier")
    assert made.returncode == 2 and "itself" in made.stderr and "impersonation" in made.stderr
