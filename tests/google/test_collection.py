"""The invented company, collected through Google's own client, is the company that was declared."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from tests.napping import NOW

from keyround.connector import Complete
from keyround.model import Account, MfaEnforcement, MfaRegistration, RoleAssignment, Setting
from keyround_fixtures import Fault
from keyround_google import CONNECTOR


@pytest.fixture
def found(gather, settings):
    found = gather(settings)
    assert all(isinstance(outcome, Complete) for outcome, _ in found.values()), found
    untold = {(name, column) for name, (outcome, _) in found.items() for column in outcome.without}
    assert untold == {("login_activities", "legacy")}
    return {name: rows for name, (_, rows) in found.items()}


@pytest.fixture
def person(cloud):
    users = {user["primaryEmail"].split("@")[0]: user["id"] for user in cloud.tenants[0].tables["users"]}
    return users.__getitem__


def test_everybody_as_declared(found, cloud):
    accounts = {row.account_id: row for row in found["users"] if isinstance(row, Account)}
    registered = {row.account_id: row for row in found["users"] if isinstance(row, MfaRegistration)}
    enforced = {row.scope: row.value for row in found["users"] if isinstance(row, Setting)}
    users = cloud.tenants[0].tables["users"]
    assert len(users) == len(accounts) == len(registered) == len(enforced) > 40
    for user in users:
        account, mfa = accounts[user["id"]], registered[user["id"]]
        assert account.username == user["primaryEmail"]
        assert account.display_name == user["name"]["fullName"]
        assert account.enabled is not (user.get("suspended", False) or user.get("archived", False))
        assert account.activity == ("never" if user["lastLoginTime"].startswith("1970") else "seen")
        assert (account.last_success_at is None) is (account.activity == "never")
        assert account.org_unit == user["orgUnitPath"]
        assert mfa.registered is user["isEnrolledIn2Sv"]
        assert mfa.strongest == (None if mfa.registered else "none")
        assert enforced[f"account:{user['id']}"] == str(user["isEnforcedIn2Sv"]).lower()


def test_recovery_data_is_only_said_to_be_there(found, person):
    accounts = {row.account_id: row for row in found["users"] if isinstance(row, Account)}
    assert accounts[person("nele.quast")].recovery_data is False
    assert accounts[person("anna.beck")].recovery_data is True


def test_administrators(found, person):
    rows = [*found["users"], *found["roles"]]
    tables = SimpleNamespace(rows=lambda table: (row for row in rows if isinstance(row, table)))
    (derived,) = (one for one in CONNECTOR.derived if one.fills is RoleAssignment)
    completed = list(derived.rows(tables, {"users": Complete(0)}, NOW.replace(tzinfo=None), {}))
    roles = {(row.holder_id, row.role): row for row in completed}
    assert len(roles) == len(completed)
    highest = ("jule.hartwig", "owner", "alt.admin", "fred.geist")
    assert {h for (h, _), row in roles.items() if row.highest} == {*map(person, highest)}
    pia = roles[person("pia.rathje"), "User Management Admin"]
    assert (pia.via, pia.members_known, pia.privileged, pia.permanent) == ("IT-Helfer", True, True, True)
    zeno = roles[person("zeit.helfer"), "User Management Admin"]
    assert zeno.permanent is False and zeno.ends_at is not None and zeno.via is None
    assert person("zeit.vorbei") not in {holder for holder, _ in roles}  # it is over
    assert any(row.holder_id == person("zeit.vorbei") for row in found["roles"])
    sven, ayla = roles[person("sven.ohlsen"), "Passwort-Helfer"], roles[person("azubi.helfer"), "Passwort-Helfer"]
    assert sven.scope.startswith("organisational unit ") and sven.privileged and not sven.highest
    assert (ayla.via, ayla.resets_credentials, ayla.holder_kind) == ("Werkstatt-Helfer", True, "account")
    gesa = roles[person("gesa.mundt"), None]  # by the directory's flag alone
    assert (gesa.privileged, gesa.role_id) == (None, None)
    accounts = {row.account_id: row for row in found["users"] if isinstance(row, Account)}
    strangers = {(row.role, row.holder_kind, row.holder_name) for row in completed if row.holder_id not in accounts}
    assert strangers == {
        ("Groups Admin", "no_person", None), ("Passwort-Helfer", "account", "dienst@partner.example"),
    }  # fmt: skip
    fred = accounts[person("fred.geist")]
    assert (fred.administrator, fred.status, fred.status_reason, fred.enabled) == (
        "highest",
        "suspended",
        "ADMIN",
        False,
    )


def test_sign_ins(found, person):
    rows = {row.sign_in_id: row for row in found["login_activities"]}.values()
    assert len(rows) == len(found["login_activities"]) - 1  # one record was sent twice
    abroad = Counter((row.outcome, row.country) for row in rows if row.country not in (None, "DE"))
    assert abroad == {
        ("success", "AT"): 1, ("success", "NG"): 1, ("blocked", "NG"): 1, ("blocked", "ID"): 2,
        ("failure", "PE"): 4, ("stopped_after_password", "PE"): 1,
    }  # fmt: skip
    (taken,) = (row for row in rows if row.country == "NG" and row.outcome == "success")
    assert (taken.account_id, taken.mfa, taken.risk) == (person("emil.vogt"), "single_factor", "suspicious")
    (nameless,) = (row for row in rows if row.error_code == "suspicious_programmatic_login")
    assert nameless.account_id == person("ole.stamm") and nameless.username.startswith("ole.stamm@")
    pair = [row for row in rows if row.account_id == person("anna.beck") and row.signed_in_at.hour == 7]
    assert {(row.error_code, row.outcome, row.mfa) for row in pair if row.signed_in_at.minute == 0} == {
        ("login_verification", "interrupted", "satisfied"), ("login_success", "success", "satisfied"),
    }  # fmt: skip
    assert {row.client for row in rows if row.account_id == person("xenia.dorn")} >= {"saml"}
    assert [row.outcome for row in rows if row.error_code == "quantum_login"] == [None]
    assert not {row.error_code for row in rows} & {"logout", "2sv_enroll", "password_edit", "gov_attack_warning"}


def test_the_tenant(found, cloud):
    (tenant,) = found["customer"]
    assert (tenant.name, tenant.country) == ("Atelier Hollenstedt GmbH", "DE")
    assert tenant.primary_domain == cloud.tenants[0].domain


def test_who_must_use_it(found, person):
    tables = SimpleNamespace(rows=lambda table: (row for row in found["users"] if isinstance(row, table)))
    (derived,) = (one for one in CONNECTOR.derived if one.fills is MfaEnforcement)
    verdicts = {row.account_id: row for row in derived.rows(tables, {}, None, {})}
    words = {name: verdicts[person(name)].verdict for name in ("anna.beck", "bela.winter", "carla.funke", "owner")}
    assert words == {
        "anna.beck": "enforced", "bela.winter": "not_enforced", "carla.funke": "enforced", "owner": "not_enforced",
    }  # fmt: skip
    assert verdicts[person("carla.funke")].gaps and not verdicts[person("anna.beck")].gaps
    assert verdicts[person("zacharias.pohl")].verdict == verdicts[person("archiv.leise")].verdict == "blocked"


def test_a_token_reads_the_same_and_nothing_is_ever_written(found, gather, settings, cloud):
    token = {k: v for k, v in settings.items() if k not in ("key", "subject")}
    again = gather(token | {"credential": "token", "token": cloud.token(cloud.tenants[0])})
    assert {name: rows for name, (_, rows) in again.items()} == found
    posted = {request.path for request in cloud.requests if request.method != "GET"}
    assert posted == {"/token", "/batch"}


def test_the_tenant_names_itself(opened, settings, cloud):
    own = cloud.tenants[0].id
    with opened(settings | {"customer_id": "C0somebody"}) as admin:
        assert CONNECTOR.identify(admin).claims == {own}
    for lost in ("admin.directory.user.readonly", "admin.directory.customer.readonly"):
        cloud.deny(cloud.tenants[0], lost)
        with opened(settings) as admin:
            assert CONNECTOR.identify(admin).claims == {own}
    cloud.faults += [Fault("/v1/users", body="google_503", times=99), Fault("/customers/", kind="reset", times=99)]
    with opened(settings) as admin:
        assert CONNECTOR.identify(admin).claims == {own}  # the log says it, too
