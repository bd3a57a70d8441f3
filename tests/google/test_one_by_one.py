"""What is asked person by person: applications let in, app passwords, and backup codes that nobody may ever see."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from tests.napping import NOW, Nap

from keyround.config import Client, TenantConfig
from keyround.connector import Complete, Incomplete
from keyround.judging import reported
from keyround.model import AppGrant, AppPassword, BackupCode
from keyround.scan import scan
from keyround.store import ClientStore
from keyround_fixtures import Fault
from keyround_google import app_passwords, backup_codes, tokens

SECURITY = "admin.directory.user.security"
DETAILS = ("tokens", "app_passwords", "backup_codes")


@pytest.fixture
def person(cloud):
    users = {user["primaryEmail"].split("@")[0]: user["id"] for user in cloud.tenants[0].tables["users"]}
    return users.__getitem__


@pytest.fixture
def details(gather, settings):
    return lambda *names: gather(settings, "users", "roles", *(names or DETAILS))


def test_what_people_let_in(details, person):
    outcome, rows = details("tokens")["tokens"]
    assert isinstance(outcome, Complete)
    of = {(row.account_id, row.app): row for row in rows}
    sorter = of[person("emil.vogt"), "Mail-Sorter Gratis"]
    assert sorter == AppGrant(
        grant_id=f"{person('emil.vogt')}/407408718192-sorter.apps.googleusercontent.com",
        app_id="407408718192-sorter.apps.googleusercontent.com", app="Mail-Sorter Gratis", third_party=True,
        enabled=True, kind="delegated", consent="one", account_id=person("emil.vogt"),
        scopes=["https://mail.google.com/", "https://www.googleapis.com/auth/drive"],
    )  # fmt: skip
    assert of[person("freya.thiel"), "Google Chrome"].third_party is False
    assert of[person("anna.beck"), "werkstatt.example"].verified is False
    assert {row.app for row in rows if row.account_id == person("anna.beck")} == {"Terminplaner", "werkstatt.example"}


def test_who_has_app_passwords_and_who_has_none(details, person):
    _, rows = details("app_passwords")["app_passwords"]
    of = {}
    for row in rows:
        of.setdefault(row.account_id, []).append(row)
    phone, old = sorted(of[person("emil.vogt")], key=lambda row: row.name, reverse=True)
    assert (phone.name, phone.last_used_at) == ("Thunderbird", datetime(2026, 11, 17, 9))
    assert (old.name, old.last_used_at, old.created_at) == ("Altes iPad", None, datetime(2025, 10, 16, 9))
    assert of[person("anna.beck")] == [AppPassword(person("anna.beck"), None, known=True)]
    assert person("zacharias.pohl") not in of and person("archiv.leise") not in of


def test_backup_codes_are_counted_of_administrators_alone(details, person, cloud):
    _, rows = details("backup_codes")["backup_codes"]
    left = {row.account_id: row.left for row in rows}
    assert left == {
        person("jule.hartwig"): 7, person("owner"): 0, person("alt.admin"): 0, person("wanda.preuss"): 10,
        person("ilja.sorokin"): 10, person("pia.rathje"): 0, person("sven.ohlsen"): 10, person("zeit.helfer"): 10,
        person("gesa.mundt"): 0, person("azubi.helfer"): 10, person("zeit.vorbei"): 0,
    }  # fmt: skip


def test_a_module_nobody_switched_on_is_off(details, cloud):
    cloud.deny(cloud.tenants[0], SECURITY)
    found = details()
    for name in DETAILS:
        outcome, rows = found[name]
        assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotEnabled" and not rows
        assert SECURITY in outcome.error.remedy and "security" in outcome.error.detail


def test_one_unreadable_person_is_a_row(details, person, cloud):
    cloud.faults.append(Fault(f"/{person('emil.vogt')}/", body="google_403_not_authorized", times=9))
    cloud.faults.append(Fault(f"/{person('owner')}/verificationCodes", body="google_401", times=9))
    cloud.faults.append(Fault(f"/{person('anna.beck')}/", body="google_404", times=9))
    found = details()
    assert all(isinstance(outcome, Complete) for outcome, _ in found.values())
    (unread,) = (row for row in found["tokens"][1] if row.account_id == person("emil.vogt"))
    assert (unread.grant_id, unread.app, unread.scopes) == (f"{person('emil.vogt')}/unread", None, None)
    (unread,) = (row for row in found["app_passwords"][1] if row.account_id == person("emil.vogt"))
    assert (unread.code_id, unread.known) == (None, False)
    assert BackupCode(person("owner"), None) in found["backup_codes"][1]
    assert not [row for name in DETAILS for row in found[name][1] if row.account_id == person("anna.beck")]  # gone


def test_patience_that_ends_keeps_what_came(details, cloud):
    cloud.faults.append(Fault("/asps", body="google_403_quota", times=999, after=20))
    outcome, rows = details("app_passwords")["app_passwords"]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "Throttled" and len(rows) >= 20


def test_half_a_list_of_people_is_half_a_list_of_their_passwords(gather, big, cloud):
    cloud.grant(cloud.tenants[1], SECURITY)
    big = big | {"token": cloud.token(cloud.tenants[1])}
    cloud.tenants[1].tables["asps"] = []
    cloud.faults.append(Fault("pageToken=", body="google_403_not_authorized", times=9))
    found = gather(big, "users", "app_passwords")
    outcome, rows = found["app_passwords"]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotEnabled" and 400 < len(rows) <= 500


@pytest.mark.parametrize(
    "body, left",
    [
        (b"{}", 0),
        (b'{"items":[{"etag":"a"},{"etag":"b"}]}', 2),
        (b'{"items":[{"verificationCode":"12345678"}]}', 1),
        (b'{"items":["12345678"]}', None),
        (b'{"items":7}', None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_codes_are_counted_or_not_known(body, left):
    assert backup_codes.counted(body) == left


def test_odd_answers_of_one_person_are_that_persons():
    assert [row.grant_id for row in tokens.rows(tokens.Page("7", b'{"items":[{"scopes":[1]}]}'))] == ["7/unread"]
    assert list(app_passwords.rows(app_passwords.Page("7", b'{"items":{}}'))) == [AppPassword("7", None, known=False)]
    (row,) = app_passwords.rows(app_passwords.Page("7", b'{"items":[{"creationTime":"soon","lastTimeUsed":-1}]}'))
    assert (row.code_id, row.created_at, row.last_used_at) == ("number 1", None, None)


def test_no_code_reaches_the_disk_even_where_the_mask_is_ignored(settings, cloud, tmp_path, monkeypatch, caplog):
    codes = {row["verificationCode"] for row in cloud.tenants[0].tables["verificationCodes"]}
    spilt = {"items": [{"verificationCode": code, "etag": "x"} for code in sorted(codes)]}
    cloud.faults.append(Fault("/verificationCodes", status=200, data=spilt, times=99))
    monkeypatch.setenv("GOOGLE_KEY", settings.pop("key"))
    tenant = TenantConfig("google", settings | {"key": "env:GOOGLE_KEY"}, Path())
    client, store = Client("acme", "Acme", (tenant,)), ClientStore(tmp_path, "acme")
    with caplog.at_level("DEBUG"):
        snapshot, judged = scan(client, store, [], NOW.replace(tzinfo=None), 1, Nap().clock, lambda *_: None)
        with reported(snapshot, store, [], judged=judged) as done:
            counted = [row.left for row in done.rows(BackupCode, tenant.settings["customer_id"])]
    assert counted == [len(codes)] * 11 and len(codes) > 100
    masks = {request.query for request in cloud.requests if request.path.endswith("/verificationCodes")}
    assert masks and all("fields=items%28etag%29" in mask for mask in masks)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode("latin-1")
    assert kept and not [code for code in codes if code in kept + caplog.text]
