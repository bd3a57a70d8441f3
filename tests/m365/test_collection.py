"""What the connector reads of the invented company, against what its declaration says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta

import pytest

from keyround.connector import Clock, Complete, Incomplete, NotOffered
from keyround.errors import NotEnabled
from keyround_fixtures import Fault, load
from keyround_m365 import CONNECTOR
from keyround_m365.graph import token_claims
from tests.napping import NOW, Nap

from .conftest import settings_of

HERE = NOW.replace(tzinfo=None)


@pytest.fixture(scope="module")
def everything(running):
    """All data sets once, keyed as a reader would look them up."""
    rows, nap = {}, Nap()
    from keyround.connector import Window, collect

    with CONNECTOR.open(settings_of(running, 0) | {"noninteractive": True}, nap.clock) as graph:
        for dataset in CONNECTOR.datasets:
            kept = rows.setdefault(dataset.name, [])
            outcome = collect(
                dataset, graph, Window(HERE - timedelta(days=30), HERE), lambda p, k=kept: k.extend(p) or 1
            )
            if dataset.name in ("eligible_roles", "audit_sign_ins"):
                assert isinstance(outcome, NotOffered)  # a question of P2, and one of those without P1
            elif not dataset.module:
                assert isinstance(outcome, Complete) and not outcome.without
    return rows


@pytest.fixture(scope="module")
def people(everything):
    return {account.username.split("@")[0]: account for account in everything["users"]}


def test_importing_the_connector_imports_no_sdk():
    code = "import keyround_m365, sys; print([m for m in ('msgraph', 'azure', 'httpx', 'aiohttp') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_tenant_and_its_plan(everything):
    tenant, *settings = everything["organization"]
    seats = next(row for row in settings if row.name == "p1_seats")
    assert {row.value for row in settings if row.name == "verified_domain"} == {"managed", "federated"}
    assert (seats.name, seats.value) == ("p1_seats", "45")
    assert (tenant.name, tenant.primary_domain, tenant.country) == (
        "Hollenstedt Maschinenbau GmbH", "hollenstedt.example", "DE"
    )  # fmt: skip
    assert "P1" in tenant.plans and "P2" not in tenant.plans


@pytest.mark.parametrize(
    "who, field, value",
    [
        ("petra.lindner", "kind", "member"),
        ("Sync_SRV01_4f1c", "kind", "sync"),
        ("frank.alt", "enabled", False),
        ("inga.moll", "synced", True),
        ("ralf.nordmann", "synced", False),
        ("scanner", "password_never_expires", True),
        ("kevin.rausch", "licensed", False),
        ("lotte.neumann", "activity", "never"),
        ("praktikum2019", "activity", "never"),
        ("bernd.kuhl", "last_success_at", None),
        ("bernd.kuhl", "unused_since", datetime(2023, 12, 1)),  # older than the record of successes, and not in it
        ("formel", "display_name", '=HYPERLINK("http://malware.example";"Bonus")'),
    ],
)
def test_accounts(people, who, field, value):
    assert getattr(people[who], field) == value


def test_guests_are_told_from_members_by_type_and_from_colleagues_by_origin(people):
    guests = {name: (account.kind, account.external) for name, account in people.items() if "#EXT#" in name}
    assert Counter(guests.values()) == {("guest", True): 3, ("member", True): 1}


def test_registrations_keep_registered_and_strength_apart(everything, people):
    found = {row.account_id: row for row in everything["mfa_registrations"]}

    def of(who):
        row = found.get(people[who].account_id)
        return row and (row.registered, row.strongest, row.weakest)

    assert of("petra.lindner") == (False, "none", "none")
    assert of("ralf.nordmann") == (True, "phishing_resistant", "strong")
    assert of("karin.ahlers") == (True, "weak", "weak")
    assert of("imke.dahl")[1:] == ("none", "none")  # an address to reset the password is no second factor
    assert of("noor.sahin") is None and of("gabi.reuter") is None  # too new, and switched off: no answer at all


def test_roles_are_followed_through_groups_units_and_apps(everything, people):
    held = {}
    for row in everything["role_assignments"]:
        held.setdefault(row.holder_id, []).append(row)

    def of(who):
        return {(row.role, row.via, (row.scope or "").split()[0]) for row in held.get(people[who].account_id, ())}

    assert of("mira.tahiri") == {("Helpdesk Administrator", "Rollen IT-Support", "tenant")}
    assert of("lena.voss") == {
        ("User Administrator", None, "administrative"), ("Passwort-Hotline", None, "administrative")
    }  # fmt: skip
    assert of("tobias.krug") == set()
    assert {row.role for row in everything["role_assignments"] if row.highest} == {"Global Administrator"}
    assert Counter(row.holder_kind for row in everything["role_assignments"]) == {
        "account": 17, "service_principal": 1, "deleted": 1
    }  # fmt: skip
    harmless = {row.role for row in everything["role_assignments"] if row.privileged is False}
    assert harmless == {
        "Message Center Reader", "Global Reader", "Directory Synchronization Accounts", "Passwort-Hotline"
    }  # fmt: skip


def test_sign_ins_are_sorted_into_what_they_mean(everything, people):
    by_name = {account.account_id: name for name, account in people.items()}
    abroad = {
        (by_name[row.account_id], row.country, row.outcome, row.mfa)
        for row in everything["sign_ins"]
        if row.country not in ("DE", None) and not row.username.endswith("nordlicht.example")
    }
    assert {("karin.ahlers", "VN", "success", "single_factor"), ("malte.iversen", "PT", "success", "satisfied"),
            ("lena.voss", "BR", "stopped_after_password", "unknown"),
            ("ralf.nordmann", "NG", "stopped_after_password", "unknown"),
            ("petra.lindner", "CN", "failure", "single_factor")} <= abroad  # fmt: skip
    legacy = {(by_name[r.account_id], r.client, r.outcome) for r in everything["sign_ins"] if r.legacy}
    assert legacy == {("scanner", "Authenticated SMTP", "success"), ("scanner", "Authenticated SMTP", "failure"),
                      ("dieter.kross", "IMAP4", "success"), ("karin.ahlers", "IMAP4", "failure")}  # fmt: skip
    unknown = [row for row in everything["sign_ins"] if row.error_code == "9002341"]
    assert [row.outcome for row in unknown] == ["failure"]
    assert {row.country for row in everything["sign_ins"] if row.address == "2001:db8:ffff::9"} == {None}


def test_without_beta_the_old_report_serves_and_says_what_it_lacks(gather, settings, cloud):
    cloud.faults.append(Fault("/beta/auditLogs/signIns", body="400_segment_not_found", times=99))
    outcome, rows = gather(settings, "sign_ins")["sign_ins"]
    assert isinstance(outcome, Complete) and set(outcome.without) == {"mfa", "asn"}
    assert isinstance(outcome.without["mfa"], NotEnabled)
    assert len(rows) > 300 and {row.mfa for row in rows} == {"unknown"}


def test_identity_joins_what_token_and_tenant_say(cloud, settings, nap):
    with CONNECTOR.open(settings, nap.clock) as graph:
        assert CONNECTOR.identify(graph).claims == {settings["tenant_id"]}
    cloud.deny("m365", "Organization.Read.All", "Directory.Read.All", "User.Read.All")
    with CONNECTOR.open(settings, nap.clock) as graph:  # the token alone still names its tenant
        assert CONNECTOR.identify(graph).claims == {settings["tenant_id"]}


def test_what_reads_is_the_app_or_the_person_who_signed_in(cloud, settings, nap):
    app = token_claims(settings["token"])
    with CONNECTOR.open(settings, nap.clock) as graph:
        assert CONNECTOR.identify(graph).own == {app["appid"], app["oid"]}
    by_person = settings | {"token": cloud.token(cloud.tenants[0], delegated=True)}
    with CONNECTOR.open(by_person, nap.clock) as graph:
        person = cloud.tenants[0].find("users", cloud.tenants[0].subject, "userPrincipalName")
        assert CONNECTOR.identify(graph).own == {app["appid"], person["id"]}


def test_everything_is_asked_by_get_and_in_few_requests(gather, cloud):
    cloud.deny("m365", "MailboxSettings.Read")
    gather(settings_of(cloud, 0), *(dataset.name for dataset in CONNECTOR.datasets if not dataset.module))
    sent = [request for request in cloud.requests if request.tenant]
    whole = [request for request in sent if not re.search(r"/groups/|/users/", request.path)]
    asked = Counter("POST $batch" if request.path.endswith("$batch") else request.method for request in whole)
    assert set(asked) == {"GET", "POST $batch"}
    # organization, skus, defaults, policies, locations, methods, authorization, domains, one federation, other tenants
    # twice, users, report, definitions, ends, holders, units, per-user states, sign-ins, audits (two); and the object
    # that a role is limited to
    assert asked["GET"] == 21 + 1
    # owners of a group that holds a role, groups that policies name, methods of administrators and of who is not in the
    # report, a sample of the per-user states
    assert asked["POST $batch"] == 3 + 1 + 1


def test_the_same_company_without_p1(cloud, nap, gather):
    from keyround_fixtures import Cloud

    with Cloud(load("m365", now=NOW, plan="standard")) as standard:
        found = gather(settings_of(standard, 0))
    kinds = {name: outcome.error.kind for name, (outcome, _) in found.items() if isinstance(outcome, Incomplete)}
    without_p1 = {"mfa_registrations", "sign_ins", "risky_users", "risk_detections", "managed_devices", "training"}
    assert kinds == dict.fromkeys(without_p1, "NotLicensed") | {"noninteractive_sign_ins": "NotEnabled"}
    users, rows = found["users"]
    assert set(users.without) == {
        "activity", "last_success_at", "last_noninteractive_at", "last_attempt_at", "unused_since"
    }  # fmt: skip
    assert {error.kind for error in users.without.values()} == {"NotLicensed"} and len(rows) == 53
    assert [row.value for row in found["security_defaults"][1]] == ["true"]
    assert Clock().now().tzinfo is None
