"""A provider's clients as he types it: from a list to access, and until they are forgotten. Pretend Entra over TLS."""

from __future__ import annotations

import email
import io
import json
import os
import shutil
import socket
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from keyround.cli import main
from keyround.config import read
from keyround.store import runs
from keyround.store.runs import Failure, Run
from keyround_fixtures import Cloud, load
from keyround_fixtures.tenant import guid

STORE = Path(__file__).parents[2] / "fixtures" / "stores" / "0.1.0" / "acme"
PARTNER = "DelegatedAdminRelationship.Read.All"
LIST = """Kunde;Domain;Google Admin;Land;Sprache;E-Mail;Turnus;Beauftragt von;Auftrag bis;Ort
Müller & Söhne;mueller.example;;DE;deutsch;chef@mueller.example;monatlich;Karla Müller;30.06.2099;Kiel
Atelier;;{subject};DE;;;;;;
"""


@pytest.fixture(scope="module")
def cloud():
    """Nordlicht IT, the partner; a client that will approve, one that will not; and one with Google."""

    def tenant(key, name, **more):
        made = load("m365")
        own = {**made.singles["organization"], "id": guid("client", key), "displayName": name}
        return replace(made, key=key, id=guid("client", key), name=name, domain=f"{key}.example",
                       singles={**made.singles, "organization": own}, tables={**made.tables}, **more)  # fmt: skip

    partner, mueller = tenant("nordlicht", "Nordlicht IT"), tenant("mueller", "Müller & Söhne", consented=False)
    partner.tables["delegatedAdminCustomers"] = [
        {"id": guid(n), "tenantId": mueller.id if n == 7 else guid("c", n), "displayName": f"Kunde {n:03}"}
        for n in range(301)
    ]
    with Cloud(partner, mueller, "google") as running:
        yield running


@pytest.fixture
def desk(cloud, tmp_path, monkeypatch, capsys):
    """The provider's folder, with itself as a first client; `run` types a command, in this process."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_pem)
    monkeypatch.chdir(tmp_path)
    keys = {"google.json": json.dumps(cloud.service_account_key("google")), "our.pem": cloud.app_certificate("mueller")}
    for name, text in keys.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "keyround.toml").write_text(
        'store = "store"\nreports = "reports"\n[provider]\nname = "Nordlicht IT"\nphone = "+49 40 555 0100"\n'
    )

    def run(*words, answers=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        status = main(["client", *words])
        said = capsys.readouterr()
        return subprocess.CompletedProcess(words, status, said.out, said.err)

    where = ("authority", cloud.tls_url), ("graph_url", cloud.tls_url), ("certificate", "file:our.pem")
    settings = [word for name, value in where for word in ("--setting", f"{name}={value}")]
    done = run(
        "add", "--name", "Nordlicht IT", "--m365", "nordlicht.example", "--client-id", cloud.client_id, *settings
    )
    assert done.returncode == 0 and "clients.d" in done.stdout, done
    google = [("key", "file:google.json"), ("api_url", cloud.url), ("token_uri", f"{cloud.url}/token")]
    run.like = ("--like", "nordlicht-it", *(w for name, value in google for w in ("--setting", f"{name}={value}")))
    return run


def states(desk):
    return {one["client"]: one["state"] for one in json.loads(desk("list", "--json").stdout)}


def test_from_a_list_to_access_and_until_it_is_forgotten(desk, cloud, tmp_path):
    mueller = cloud.tenant("mueller")
    mueller.consented = False
    subject = cloud.tenant("google").subject
    bad = LIST.format(subject=subject) + "X;nordlicht.example;;XX;;;;;;\n;a.example;;;;;;;;\nY;;;;;;;;;\n"
    (tmp_path / "kunden.csv").write_bytes(bad.encode("cp1252"))
    done = desk("add", "--csv", "kunden.csv", *desk.like)
    assert done.returncode == 2 and list(states(desk)) == ["nordlicht-it"], done
    assert all(f"kunden.csv, line {n}: " in done.stderr for n in (4, 5, 6)) and "Ort" in done.stdout
    (tmp_path / "kunden.csv").write_text(LIST.format(subject=subject), encoding="utf-8-sig")
    assert desk("add", "--csv", "kunden.csv", *desk.like).returncode == 0
    again = desk("add", "--csv", "kunden.csv", *desk.like)
    assert again.returncode == 0 and "line 2: there already, as mueller-soehne" in again.stdout
    assert states(desk) == {"atelier": "new", "mueller-soehne": "new", "nordlicht-it": "new"}
    client = read(tmp_path / "keyround.toml").client("mueller-soehne")
    assert (client.name, client.presentation.language, client.arranged.schedule.unit) == (
        "Müller & Söhne",
        "de",
        "month",
    )

    done = desk("invite", "--all", "--output", "mails")
    assert done.returncode == 0 and set(states(desk).values()) == {"invited"}, done
    mail = email.message_from_bytes((tmp_path / "mails" / "mueller-soehne.eml").read_bytes(), policy=default)
    body = mail.get_content()
    assert (mail["To"], mail["X-Unsent"]) == ("chef@mueller.example", "1") and "Müller & Söhne" in mail["Subject"]
    link = f"{cloud.tls_url}/{mueller.id}/adminconsent?client_id={cloud.client_id}"
    assert link in body.splitlines() and "Karla Müller, gültig bis 30.06.2099" in body and "555 0100" in body
    assert "wer Administrator ist (RoleManagement.Read.Directory)" in " ".join(body.split())
    by_hand = (tmp_path / "mails" / "atelier.eml").read_bytes()
    scopes = [line for line in email.message_from_bytes(by_hand, policy=default).get_content().splitlines()
              if line.startswith("https://www.googleapis.com/auth/")]  # fmt: skip
    assert len(scopes) == 1 and scopes[0].count(",") == 9 and " " not in scopes[0]

    (tmp_path / "clients.d" / "broken.toml").write_text('[client.broken]\nevry = "week"\n')
    done = desk("test", "mueller-soehne", "broken")  # several: each in a process of its own
    assert done.returncode == 3 and "0 of 2 clients" in done.stdout, done
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert " waiting " in rows["mueller-soehne"] and " failed " in rows["broken"] and "line 2" in rows["broken"]
    (tmp_path / "clients.d" / "broken.toml").unlink()
    listed = desk("list", "--state", "waiting").stdout
    assert "Waiting since" in listed and "keyround consent mueller-soehne" in " ".join(listed.split())
    mueller.consented = True
    root, at = tmp_path / "store" / "mueller-soehne", datetime(2026, 11, 23)
    runs.keep(root, Run(attempts=5, retry_at=at + timedelta(hours=6), failure=Failure(at, "NotGranted", "Not yet.")))
    assert desk("test", "mueller-soehne").returncode == 0
    assert runs.read(root).retry_at is None  # the next run scans, and does not wait as after a failure
    cloud.deny("mueller", "Policy.Read.All")
    done = desk("test", "mueller-soehne")
    assert done.returncode == 3 and " partly " in done.stdout and "Policy.Read.All" in done.stdout
    cloud.grant("mueller", "Policy.Read.All")
    assert desk("test", "mueller-soehne").returncode == 0 and states(desk)["mueller-soehne"] == "expiring"
    assert "The certificate for Microsoft 365 ends" in desk("list").stdout  # the pretend one lasts a month
    assert "left out" in desk("invite", "--all", "--output", "mails").stdout

    root, reports = tmp_path / "store" / "mueller-soehne", tmp_path / "reports" / "mueller-soehne"
    shutil.copytree(STORE / "scans", root / "scans")
    for folder, _, names in os.walk(root / "scans"):
        [Path(folder, name).chmod(0o400) for name in names]
        Path(folder).chmod(0o500 if names else 0o700)
    reports.mkdir(parents=True)
    for name in ("mueller-soehne-2026-11-20.json", "mueller-soehne-2026-11-20.xlsx", "theirs.txt"):
        (reports / name).write_text("x")  # the workbook is none that we remember: somebody wrote into it
    with (tmp_path / "clients.d" / "mueller-soehne.toml").open("a") as file:
        file.write('\n# Kept.\n[client.other]\nname = "O"\n')
    refused = desk("forget", "mueller-soehne", "--yes", "mueller")
    assert (
        refused.returncode == 2 and len(list(root.rglob("*.parquet"))) and "Enterprise applications" in refused.stdout
    )
    waited = desk("forget", "mueller-soehne", "--wait", "1s", answers="n\nmueller-soehne\n")
    assert waited.returncode == 3 and "STILL OPEN" in waited.stdout and "Nothing was removed" in waited.stdout
    assert root.exists()
    cloud.refuse_sign_in("mueller", 7000222)  # our own secret is over: the tenant has taken nothing back by that
    assert desk("forget", "mueller-soehne", "--check").returncode == 3
    cloud.refuse_sign_in("mueller", 0)
    done = desk("forget", "mueller-soehne", answers="n\nmueller-soehne\n")
    assert done.returncode == 3 and "STILL OPEN" in done.stdout and "also used by nordlicht-it" in done.stdout, done
    assert not root.exists() and {one.name for one in reports.iterdir()} == {
        "mueller-soehne-2026-11-20.xlsx",
        "theirs.txt",
    }
    assert (
        (tmp_path / "clients.d" / "mueller-soehne.toml")
        .read_text()
        .endswith('there.\n\n# Kept.\n[client.other]\nname = "O"\n')
    )
    (log,) = (tmp_path / "store").glob(".provider/deletions.log")
    lines = [json.loads(line) for line in log.read_text().splitlines() if line]
    assert [(one["what"], one["count"] > 0, one["client"]) for one in lines] == [
        ("stored files", True, "mueller-soehne"), ("reports", True, "mueller-soehne"),
    ]  # fmt: skip
    assert desk("forget", "mueller-soehne", "--check").returncode == 3  # nothing but the note is left, and it works
    mueller.consented = False
    done = desk("forget", "mueller-soehne", "--check")
    assert done.returncode == 0 and "the access is gone" in done.stdout, done
    assert "no client" in desk("forget", "mueller-soehne", "--check").stderr
    assert not [path for path in (tmp_path / "store").rglob("*") if "mueller" in path.name]


class _Postbox:
    """Takes mail; refuses the recipients it is told to."""

    def __init__(self):
        self.got, self.refused = [], {"it@atelier.example"}

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.got.append(email.message_from_bytes(envelope.content, policy=default))
        return "250 OK"


def test_invitations_leave_once(desk, cloud, tmp_path):
    text = LIST.format(subject=cloud.tenant("google").subject).replace(";DE;;;", ";DE;;it@atelier.example;")
    (tmp_path / "kunden.csv").write_text(text, encoding="utf-8")
    assert desk("add", "--csv", "kunden.csv", *desk.like).returncode == 0
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = _Postbox()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        with (tmp_path / "keyround.toml").open("a") as file:
            file.write(f'[provider.mail]\nserver = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
                       'from = "Nordlicht IT <it@nordlicht.example>"\n')  # fmt: skip
        done = desk("invite", "--all", "--send")
        assert done.returncode == 3 and "refused the recipient" in done.stdout, done  # the others' leave all the same
        assert "add contact" in " ".join(done.stdout.split()).lower()  # nordlicht-it names nobody
        box.refused.clear()
        done = desk("invite", "--all", "--send")
        assert "was sent its invitation on" in done.stdout, done
    finally:
        server.stop()
    assert [mail["To"] for mail in box.got] == ["chef@mueller.example", "it@atelier.example"]
    assert all(mail["Message-ID"] and not mail["X-Unsent"] for mail in box.got)


def test_the_partner_s_own_list(desk, cloud, tmp_path):
    done = desk("add", "--partner", "nordlicht-it", "--yes")
    assert done.returncode == 3 and PARTNER in done.stderr and len(states(desk)) == 1
    cloud.grant("nordlicht", PARTNER)
    assert "Nobody agreed" in desk("add", "--partner", "nordlicht-it", "--only", "Kunde 00").stderr
    done = desk("add", "--partner", "nordlicht-it", "--only", "Kunde 00", answers="y\n")
    assert done.returncode == 0 and len(states(desk)) == 11, done
    added = read(tmp_path / "keyround.toml").client("kunde-007").tenants[0].settings
    assert added["tenant_id"] == cloud.tenant("mueller").id and added["certificate"] == "file:our.pem"
    assert "there is nobody new" in desk("add", "--partner", "nordlicht-it", "--only", "kunde 003", "--yes").stdout
    done = desk("add", "--partner", "nordlicht-it", "--to", "all.csv")
    assert done.returncode == 0 and (tmp_path / "all.csv").read_text(encoding="utf-8-sig").count("\n") == 302
    assert "301" in done.stdout  # two pages of Microsoft's
    google = desk("add", "--name", "Nur Google", "--google", "admin@nur.example")
    assert google.returncode == 0 and "Domain-wide delegation" in google.stdout
    done = desk("add", "--partner", "nur-google")
    assert done.returncode == 2 and "no list" in done.stderr


def test_a_forgetting_that_was_cut_short_is_finished(desk, tmp_path):
    """What is left of it: the note, and part of the folder; the section is gone already."""
    assert "There is none yet" not in desk("forget", "nordlich-it").stderr
    root = tmp_path / "store" / "nordlicht-it"
    (root / "scans" / "20261120T120000Z").mkdir(parents=True)
    (root / "scans" / "20261120T120000Z" / "accounts.parquet").write_text("x")
    assert desk("forget", "nordlicht-it", "--yes", "nordlicht-it").returncode == 3
    (root / "scans").mkdir(parents=True)
    (root / "scans" / "left").write_text("x")
    done = desk("forget", "nordlicht-it", "--yes", "nordlicht-it")
    assert done.returncode == 3 and "STILL OPEN" in done.stdout and not root.exists()
