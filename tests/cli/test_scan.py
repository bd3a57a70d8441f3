"""`keyround scan` and `report` as a user runs them, against the pretend clouds."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from openpyxl import load_workbook

from keyround_fixtures import Fault

from .conftest import AT

SHEETS = [
    "Summary",
    "Actions",
    "People",
    "Administrators",
    "Sign-ins abroad",
    "Findings",
    "Checks",
    "Changes",
    "Accepted risks",
    "Not checked",
    "About",
]


@pytest.fixture(scope="module")
def scanned(desks):
    """Both companies, scanned once with everything said: (desk, the command, what the cloud was asked)."""
    here = desks("m365", "google")
    with (here.folder / "keyround.toml").open("a") as file:
        file.write('[client.acme.tell]\nmail = ["chef@acme.example"]\n')
    done = here.run("scan", "acme", "--at", AT, "--verbose", "--scheduled", "store/ended.json")
    return here, done, list(here.cloud.requests)


def test_both_tenants_in_one_workbook_and_the_same_again_from_the_snapshot(scanned):
    here, done, _ = scanned
    assert done.returncode == 1, done.stderr
    assert load_workbook(here.folder / "acme-2026-11-20.xlsx").sheetnames == SHEETS
    first = here.results()
    text = json.dumps(first)
    assert "m365:" not in text and "google:" not in text  # ids are the providers' own
    assert first["complete"] and first["failed_at_level"] and len(first["tenants"]) == 2
    assert {finding["state"] for finding in first["findings"]} == {"new"}
    here.cloud.requests.clear()
    told = here.folder / "store" / "acme" / "told.json"
    laid = {path.name: path.unlink() for path in (told, *told.with_name("outbox").glob("*.json"))}
    again = here.call("report", "acme", "--scheduled", "store/again.json")
    assert len(laid) > 2 and told.exists() and all((told.with_name("outbox") / one).exists() for one in [*laid][1:])
    assert again.returncode == 1 and here.results() == first and not here.cloud.requests


def test_a_scan_reads_and_only_reads(scanned):
    _, done, asked = scanned
    written = {request.path for request in asked if request.method != "GET"}
    assert {path.rpartition("/")[2] for path in written} <= {"$batch", "batch"}  # whose parts are logged, too
    said = dict(re.findall(r": (\S+ \S+): (\d+) requests, waited \d+ s\n", done.stderr))
    by = Counter(request.tenant for request in asked)
    assert said.keys() == {"Microsoft 365", "Google Workspace"}
    assert 10 < int(said["Google Workspace"]) <= by["google"] and 10 < int(said["Microsoft 365"]) <= by["m365"]


def test_secrets_are_written_nowhere(scanned):
    here, done, _ = scanned
    tokens = [value for name, value in here.environment.items() if name.startswith("TOKEN_")]
    written = done.stdout.encode() + done.stderr.encode()
    written += b"".join(path.read_bytes() for path in here.folder.rglob("*") if path.is_file())
    assert len(tokens) == 2 and not any(token.encode() in written for token in tokens)


def test_without_p1_nothing_is_broken_and_nothing_is_claimed(desk):
    here = desk("m365", plan="standard")
    here.cloud.deny("m365", "AuditLogsQuery-Entra.Read.All")
    done = here.call("scan", "acme", "--at", AT)
    assert done.returncode in (0, 1), done.stderr
    results = here.results()
    checks = {check["rule"]: check for check in results["checks"]}
    assert results["complete"] is True
    assert not checks["foreign-sign-in"]["evaluated"] and checks["foreign-sign-in"]["missing"] == ["sign_ins"]
    assert results["sign_ins"]["total"] is None
    assert "P1" in done.stderr and "AuditLogsQuery-Entra.Read.All" in done.stderr
    # Second factors are known all the same, account by account.
    assert checks["admin-no-second-factor"]["evaluated"] and checks["admin-no-second-factor"]["fail"]
    factors = {one["username"].split("@")[0]: one["mfa_registered"] for one in results["accounts"]}
    assert (factors["ralf.nordmann"], factors["petra.lindner"], factors["gabi.reuter"]) == (True, False, None)


def test_a_search_that_is_not_done_yet_is_said_and_how_to_wait_for_it(desk):
    here = desk("m365", plan="standard")
    here.cloud.tenant("m365").older = list
    done = here.call("scan", "acme", "--at", AT, "--wait", "0")
    assert done.returncode == 3 and "still searching the audit log" in done.stderr and "--wait 20m" in done.stderr
    done = here.call("scan", "acme", "--wait", "soon")
    assert done.returncode == 2 and "length of time" in done.stderr
    assert "DB-IP" in here.run("--version").stdout


def test_permissions_taken_away_silence_their_rules_and_exit_3(desk):
    here = desk("m365")
    here.cloud.deny("m365", "AuditLog.Read.All", "UserAuthenticationMethod.Read.All")
    done = here.call("scan", "acme", "--at", AT)
    assert done.returncode == 3 and "AuditLog.Read.All" in done.stderr
    results = here.results()
    silent = {check["rule"] for check in results["checks"] if not check["evaluated"]}
    assert {"foreign-sign-in", "password-known-abroad", "admin-no-second-factor"} <= silent
    assert "highest-administrator-count" not in silent
    assert not any(f["rule"] in silent for f in results["findings"])
    sheet = load_workbook(here.folder / "acme-2026-11-20.xlsx")["Not checked"]
    text = " ".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row if cell)
    assert "AuditLog.Read.All" in text


def test_a_credential_for_another_tenant_stores_nothing(desk):
    here = desk("m365")
    config = here.folder / "keyround.toml"
    config.write_text(config.read_text().replace(here.cloud.tenant("m365").id, "11111111-2222-3333-4444-555555555555"))
    done = here.call("scan", "acme", "--at", AT)
    assert done.returncode == 2 and "nothing was stored" in done.stderr and "Traceback" not in done.stderr
    assert not list(here.folder.glob("store/**/*.parquet")) and not list(here.folder.glob("*.xlsx"))


def test_one_tenant_out_of_reach_leaves_the_other_in_the_report(desk):
    here = desk("m365", "google")
    here.cloud.faults.append(
        Fault("/v1.0/", status=401, data={"error": {"code": "InvalidAuthenticationToken"}}, times=99)
    )
    done = here.call("scan", "acme", "--at", AT)
    assert done.returncode == 3, done.stderr
    tenants = {account["provider"] for account in here.results()["accounts"]}
    assert tenants == {"google"}


def test_killed_half_way_and_run_again_loses_nothing_and_never_overwrites_what_somebody_edited(desk):
    here = desk("google")
    here.call("scan", "acme", "--at", AT)
    before = {path: path.read_bytes() for path in here.folder.glob("store/acme/scans/*/*.parquet")}
    here.cloud.faults.append(Fault("roleassignments", kind="slow", delay=30))
    here.cloud.requests.clear()
    started = subprocess.Popen([sys.executable, "-m", "keyround", "scan", "acme", "--at", "2026-11-20T13:00:00Z"],
                               cwd=here.folder, env=here.environment, stderr=subprocess.DEVNULL)  # fmt: skip
    while not any("roleassignments" in request.path for request in here.cloud.requests):
        time.sleep(0.05)
    started.send_signal(signal.SIGKILL)
    started.wait()
    here.cloud.faults.clear()
    done = here.call("scan", "acme", "--at", "2026-11-20T14:00:00Z")
    assert done.returncode == 1
    assert {path: path.read_bytes() for path in before} == before
    folders = sorted(path.name for path in (here.folder / "store/acme/scans").iterdir())
    assert folders == ["20261120T120000Z", "20261120T140000Z"]
    book = here.folder / "acme-2026-11-20.xlsx"
    assert not book.with_stem(f"{book.stem}-2").exists()  # our own, untouched: replaced
    found = here.results()["findings"]
    assert {finding["state"] for finding in found} == {"open"}
    assert {finding["first_seen"] for finding in found} == {"2026-11-20T12:00:00Z"}
    edited = load_workbook(book)
    edited["Actions"]["A1"] = "mine"
    edited.save(book)
    kept = book.read_bytes()
    done = here.call("report", "acme")
    assert book.read_bytes() == kept and "acme-2026-11-20-2.xlsx" in done.stdout


@pytest.mark.parametrize(
    "provider, number, fault",
    [
        ("m365", signal.SIGINT, Fault("signIns", kind="slow", delay=60)),
        ("m365", signal.SIGTERM, Fault("signIns", status=429, headers={"retry-after": "3000"})),
        ("google", signal.SIGTERM, Fault("roleassignments", kind="slow", delay=60)),
    ],
    ids=["in an answer", "in a pause", "in an answer of Google's"],
)
def test_stopped_while_several_data_sets_are_read_it_ends_at_once_and_leaves_nothing(provider, number, fault, desk):
    here = desk(provider)
    here.cloud.faults.append(fault)
    started = subprocess.Popen([sys.executable, "-m", "keyround", "scan", "acme", "--at", AT], cwd=here.folder,
                               env=here.environment, stderr=subprocess.PIPE, text=True)  # fmt: skip
    while not any(fault.path in request.path for request in here.cloud.requests):
        time.sleep(0.05)
    begun = time.monotonic()
    started.send_signal(number)
    said = started.communicate(timeout=20)[1]
    assert started.returncode == 128 + number and "Stopped." in said and "Traceback" not in said
    assert time.monotonic() - begun < 8
    assert not list((here.folder / "store/acme/scans").iterdir()) and not list(here.folder.glob("*.xlsx"))
