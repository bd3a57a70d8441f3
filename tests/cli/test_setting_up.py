"""From nothing to a first scan, as an administrator types it, against the pretend Entra over TLS."""

from __future__ import annotations

import io
import re
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from openpyxl import load_workbook

from keyround.cli import check, consent, main
from keyround.connector import Complete, DataSet, Incomplete
from keyround.errors import NotEnabled, Throttled
from keyround.model import Tenant
from keyround.setup import Access
from keyround_m365 import permissions
from keyround_m365.setup import GRAPH_TOOLS

from .conftest import AT

BROWSER = f"{sys.executable} {Path(__file__).parents[1] / 'browser.py'} %s"
TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def tenant(desk, monkeypatch, capsys):
    """A desk without a configuration, whose cloud speaks TLS; what is typed runs in this process, which is quicker."""
    here = desk("m365")
    (here.folder / "keyround.toml").unlink()
    added = {"REQUESTS_CA_BUNDLE": here.cloud.ca_pem, "BROWSER": BROWSER, "SECRET": here.cloud.app_secret("m365")}
    here.environment |= added
    for name, value in added.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(here.folder)
    here.where = ("--setting", f"authority={here.cloud.tls_url}", "--setting", f"graph_url={here.cloud.tls_url}")

    def run(*words, answers=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        status = main(list(words))
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)

    here.run = run
    return here


def configured(here, **settings):
    """A section with these settings, for the pretend cloud."""
    own = {"connector": "m365", "tenant_id": here.cloud.tenant("m365").id, "client_id": here.cloud.client_id,
           "authority": here.cloud.tls_url, "graph_url": here.cloud.tls_url}  # fmt: skip
    lines = [f'{key} = "{value}"' for key, value in (own | settings).items() if value is not None]
    text = "# mine\nstore = 'store'\n[client.acme]  # and mine\n[[client.acme.tenant]]\n" + "\n".join(lines) + "\n"
    (here.folder / "keyround.toml").write_text(text)


SECRET = {"credential": "secret", "secret": "env:SECRET"}


@pytest.mark.parametrize("how", [(), ("--device-code", "--store", "kept")])
def test_a_one_off_scan_needs_nothing_and_keeps_what_it_is_told_to(how, tenant, tmp_path_factory, monkeypatch):
    temporary = tmp_path_factory.mktemp("tmp")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    done = tenant.run("scan", "--m365", "Hollenstedt.example", *how, *tenant.where, "--at", AT, "--home", "DE")
    assert done.returncode == 1, done.stderr
    assert GRAPH_TOOLS in done.stderr and "Global Reader" in done.stderr
    assert all(name in done.stderr for name in permissions.CORE) and "ReadWrite" not in done.stderr
    files = {path.name for path in tenant.folder.iterdir()}
    assert files - {"kept"} == {"hollenstedt-example-2026-11-20.xlsx", "hollenstedt-example-2026-11-20.json"}
    kept = list(tenant.folder.glob("kept/hollenstedt-example/scans/*/manifest.json"))
    assert len(kept) == ("--store" in how) and not list(temporary.glob("keyround-once-*"))
    results = tenant.results()
    assert results["complete"] and results["tenants"][0]["tenant"] == tenant.cloud.tenant("m365").id
    asked = [request for request in tenant.cloud.requests if request.path.endswith(("/authorize", "/devicecode"))]
    assert len(asked) == 1  # one prompt, however many data sets


@pytest.mark.parametrize(
    "number, said", [(53003, "by browser instead of by code"), (65001, "Consent on behalf"), (50020, "Global Reader")]
)
def test_a_one_off_scan_that_is_refused_says_what_helps(number, said, tenant):
    tenant.cloud.refuse_sign_in("m365", number)
    done = tenant.run("scan", "--m365", "hollenstedt.example", "--device-code", *tenant.where)
    assert done.returncode == 3 and said in done.stderr and "Nothing could be read" in done.stderr
    assert not list(tenant.folder.iterdir()) and "Traceback" not in done.stderr


def test_a_domain_that_no_tenant_has(tenant):
    done = tenant.run("scan", "--m365", "nowhere.example", *tenant.where)
    assert done.returncode == 2 and "No Microsoft 365 tenant has the domain nowhere.example" in done.stderr


@pytest.mark.parametrize(
    "words, said",
    [
        (["scan", "--google", "atelier.example"], "Create credentials > OAuth client ID"),
        (["scan", "--google", "atelier.example", "--device-code"], "with a code"),
        (["scan", "--google", "atelier"], "not a domain"),
        (["scan", "--google", "atelier.example", "--client-id", "1-x"], "--setting client=file:PATH"),
        (["scan", "--google", "atelier.example", "--setting", "client=1-x"], "client=file:PATH"),
        (["scan", "--m365", "a.example", "--google", "a.example"], "One of them at a time"),
        (["scan", "acme", "--device-code"], "need --m365 DOMAIN"),
        (["scan", "--m365", "contoso"], "not a domain"),
        (["scan", "--m365", "contoso.example", "--setting", "cloud"], "KEY=VALUE"),
        (["scan", "--m365", "contoso.example", "--setting", "cluod=usgov"], "Did you mean"),
        (["scan", "--m365", "contoso.example", "--modules", "nosuch"], "no optional module"),
        (["init", "--name", "Contoso", "--m365", "", "--google", "", "--home", ""], "needs a tenant"),
        (["init", "--name", "?!", "--m365", "x.example"], "no letter or digit"),
        (["init", "--name", "Contoso"], "An answer is missing"),
        (["init", "--name", "C", "--tenant-id", "x", "--m365", "", "--credential", "sceret", "--client-id", "",
          "--google", "", "--home", "", "--store", "s"], "Did you mean 'secret'"),
        (["cert", "new", "acme", "--days", "5000"], "5000"),
        (["cert", "new", "acme", "--provider", "google"], "service account itself"),
        (["consent", "acme"], "There is no keyround.toml"),
        (["consent", "acme", "--timeout", "soon"], "not a time such as"),
    ],
)  # fmt: skip
def test_mistakes_say_what_helps(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(words) == 2
    assert said in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_init_writes_what_the_other_verbs_read(tenant):
    done = tenant.run(
        "init", "--name", "Hollenstedt Maschinenbau GmbH", "--client", "acme", "--m365", "hollenstedt.example",
        "--credential", "certificate", "--client-id", tenant.cloud.client_id, "--google", "", "--home", "de, AT",
        "--store", "snapshots", *tenant.where,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path = tenant.folder / "keyround.toml"
    text = path.read_text()
    section = tomllib.loads(text)["client"]["acme"]
    assert section["home_countries"] == ["AT", "DE"] and "# " in text
    assert section["tenant"][0]["tenant_id"] == tenant.cloud.tenant("m365").id
    assert all(name in done.stdout for name in permissions.CORE) and "keyround cert new acme" in done.stdout
    # Again: nothing is overwritten; another client is added behind every comment of the first.
    again = tenant.run("init", "--name", "acme", "--m365", "hollenstedt.example", "--google", "", "--home", "",
                       "--credential", "secret", "--client-id", "", *tenant.where)  # fmt: skip
    assert again.returncode == 2 and "already" in again.stderr and path.read_text() == text
    path.write_text("# mine\n" + text)
    path.chmod(0o600)
    added = tenant.run("init", "--name", 'Büro "Nord"', "--m365", "", "--google", "it@atelier.example",
                       "--customer-id", "C01abcdef", "--home", "")  # fmt: skip
    assert added.returncode == 0, added.stderr
    whole = path.read_text()
    assert whole.startswith("# mine\n" + text) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert tomllib.loads(whole)["client"]["buero-nord"]["name"] == 'Büro "Nord"'


def test_init_asks_in_a_terminal(tenant):
    answers = ["Contoso", "hollenstedt.example", "", "", "", "DK", ""]
    done = tenant.run("init", *tenant.where, answers="\n".join(answers) + "\n")
    assert done.returncode == 0, done.stderr
    written = tomllib.loads((tenant.folder / "keyround.toml").read_text())
    assert written["client"]["contoso"]["tenant"][0]["credential"] == "certificate"
    assert written["client"]["contoso"]["home_countries"] == ["DK"]


def test_from_a_new_key_pair_to_a_scan_and_over_to_the_next(tenant):
    configured(tenant, credential="certificate", certificate="file:first.pem")
    made = tenant.run("cert", "new", "acme")
    assert made.returncode == 0 and "names it already" in made.stdout, made.stderr
    private, public = (tenant.folder / f"first{end}" for end in (".pem", ".cer"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600 and "PRIVATE" not in public.read_text() + made.stdout
    kept = private.read_bytes()
    second = tenant.run("cert", "new", "acme")  # beside the first, never over it
    assert second.returncode == 0 and (tenant.folder / f"acme-{TODAY}.pem").exists() and private.read_bytes() == kept
    again = tenant.run("cert", "new", "acme")
    assert again.returncode == 3 and "left as it is" in again.stderr
    refused = tenant.run("check", "acme")
    assert refused.returncode == 3 and ".cer" in refused.stderr and "adminconsent?client_id=" in refused.stdout
    tenant.cloud.upload_certificate(public.read_text())
    assert tenant.run("check", "acme").returncode == 0
    # Roll-over: the first is no longer known, the next one is.
    tenant.cloud.clerk.entra.certificates.clear()
    over = tenant.run("cert", "new", "acme", "--output", "next")
    (line,) = [line for line in over.stdout.splitlines() if "certificate_next = " in line]
    with (tenant.folder / "keyround.toml").open("a") as file:
        file.write(line.strip() + "\n")
    tenant.cloud.upload_certificate((tenant.folder / "next" / f"acme-{TODAY}.cer").read_text())
    assert tenant.run("check", "acme").returncode == 0


def test_a_certificate_that_ends_is_said_by_check_scan_and_workbook(tenant):
    configured(tenant, credential="certificate", certificate=f"file:acme-{TODAY}.pem")
    tenant.run("cert", "new", "acme", "--days", "20")
    tenant.cloud.upload_certificate((tenant.folder / f"acme-{TODAY}.cer").read_text())
    said = re.compile("The certificate ends in (19|20) days")  # 20 within the second in which it was made
    assert said.search(tenant.run("check", "acme").stdout)
    done = tenant.run("scan", "acme", "--at", AT)
    assert done.returncode == 1 and said.search(done.stderr)
    sheet = load_workbook(tenant.folder / "acme-2026-11-20.xlsx")["About"]
    assert any(said.search(str(cell)) for row in sheet.iter_rows(values_only=True) for cell in row)
    (tenant.folder / "acme-2026-11-20.xlsx").unlink()
    assert said.search(tenant.run("report", "acme").stderr)  # sealed with the scan


def test_check_says_what_the_plan_gives_and_fits_the_screen(desk):
    standard = desk("m365", plan="standard")
    done = standard.run("check", "acme")
    assert done.returncode == 0, done.stderr
    assert "Microsoft 365 Business Standard, no Entra ID P1: normal for this plan." in done.stdout
    assert re.search(r"Not in this plan  [^.]*Sign-ins.*Nothing to do\.", done.stdout, re.DOTALL)
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_check_warns_of_what_could_do_harm_and_names_what_is_missing(tenant):
    configured(tenant, **SECRET)
    tenant.cloud.grant("m365", "Mail.ReadWrite", "Sites.Read.All")
    tenant.cloud.deny("m365", "Policy.Read.All")
    done = tenant.run("check", "acme")
    assert done.returncode == 3
    assert re.search(r"WARNING: [^.]*Mail\.ReadWrite", done.stdout)
    assert re.search(r"Missing +Policy\.Read\.All\n", done.stdout)
    assert re.search(r"Not needed +Sites\.Read\.All\n", done.stdout)
    tenant_id = tenant.cloud.tenant("m365").id
    for whose in (tenant_id, "organizations"):
        assert f"{tenant.cloud.tls_url}/{whose}/adminconsent?client_id={tenant.cloud.client_id}" in done.stdout


def test_check_says_what_an_optional_module_would_add_and_what_comes_later(capsys):
    def dataset(name, module):
        return DataSet(name, (), None, None, "who forwards mail", "x", grants=("MailboxSettings.Read",), module=module)

    mail, on, log = dataset("inbox_rules", "mail"), dataset("risk", "risky"), dataset("audit_sign_ins", "")
    running = Throttled("Microsoft is still searching, since 09:04 UTC.", code="running")
    outcomes = {
        "inbox_rules": Incomplete(0, NotEnabled("off")),
        "risk": Complete(3),
        "audit_sign_ins": Incomplete(0, running),
    }
    answers = check._Answers(
        [mail, on, log], outcomes, Tenant(provider="m365", name="x", plans=["O365_BUSINESS_PREMIUM"])
    )
    check._say_plan(answers, None)
    check._say_data(answers)
    check._say_modules(answers, Access(True, further={"Extra.Read.All": [("users", "kind")]}))
    said = capsys.readouterr().out
    assert re.search(r"You get +Risk\.\n +Later today +Sign-ins in the audit log: [^.]* since 09:04 UTC\.", said)
    assert re.search(r" later +Sign-ins in the audit log", said) and re.search(r" yes +Risk", said)
    assert re.search(r" off +mail +MailboxSettings\.Read\n +Would tell who forwards mail\. ", said)
    assert re.search(r" off +Accounts +Extra\.Read\.All\n +Would fill: Kind\. Grant", said)


def test_consent_prints_the_link(tenant):
    configured(tenant, **SECRET)
    done = tenant.run("consent", "acme")
    assert done.returncode == 0 and f"/adminconsent?client_id={tenant.cloud.client_id}" in done.stdout


def test_consent_waits_until_the_permissions_have_arrived(tenant, monkeypatch):
    monkeypatch.setattr(consent, "EVERY", 1.0)
    configured(tenant, **SECRET, tenant_id=None)
    cloud = tenant.cloud
    cloud.tenant("m365").consented = False
    cloud.deny("m365", "Policy.Read.All")
    timer = threading.Timer(4, cloud.grant, ("m365", "Policy.Read.All"))
    timer.start()
    done = tenant.run("consent", "acme", "--wait", "--timeout", "60s")
    timer.join()
    assert done.returncode == 0, done.stderr + done.stdout
    text = (tenant.folder / "keyround.toml").read_text()
    tenant_id = cloud.tenant("m365").id
    assert f'tenant_id = "{tenant_id}"' in text and "# mine" in text and "# and mine" in text
    assert "Not there yet: Policy.Read.All" in done.stdout and "Every permission is there" in done.stdout
    assert cloud.app_secret("m365") not in text + done.stdout + done.stderr


def started(here, *words):
    """A running `consent --wait`, and the link it shows."""
    running = subprocess.Popen(
        [sys.executable, "-m", "keyround", "consent", "acme", "--wait", "--no-browser", *words], cwd=here.folder,
        env=here.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    link = next(line.strip() for line in running.stdout if "adminconsent" in line)
    return running, httpx.URL(link)


def test_consent_without_a_browser_trusts_its_own_state_only(tenant):
    configured(tenant, **SECRET)
    tenant.cloud.tenant("m365").consented = False
    running, link = started(tenant, "--timeout", "60s")
    forged = {"tenant": "11111111-2222-3333-4444-555555555555", "state": "guessed", "admin_consent": "True"}
    assert httpx.get(link.params["redirect_uri"], params=forged).status_code == 404
    back = httpx.get(link, verify=False)
    assert back.status_code == 302 and httpx.get(back.headers["location"]).status_code == 200
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, out + err


def test_consent_declined_and_consent_of_another_tenant(tenant):
    configured(tenant, **SECRET)
    tenant.cloud.tenant("m365").consented = False
    for answer, said, status in (
        ({"error": "access_denied", "error_description": "AADSTS65004: declined"}, "did not approve", 3),
        ({"admin_consent": "True", "tenant": "11111111-2222-3333-4444-555555555555"}, "but acme is", 2),
    ):
        running, link = started(tenant, "--timeout", "60s")
        httpx.get(link.params["redirect_uri"], params=answer | {"state": link.params["state"]})
        _, err = running.communicate(timeout=60)
        assert running.returncode == status and said in err


def test_consent_gives_up_in_words(tenant):
    configured(tenant, **SECRET)
    tenant.cloud.deny("m365", "AuditLog.Read.All")
    begun = time.monotonic()
    done = tenant.run("consent", "acme", "--wait", "--no-browser", "--timeout", "3s")
    assert done.returncode == 3 and "AuditLog.Read.All" in done.stderr and time.monotonic() - begun < 30
    configured(tenant, credential="azure_cli", client_id=None)
    done = tenant.run("consent", "acme")
    assert done.returncode == 2 and "No tenant of 'acme' has an application" in done.stderr
