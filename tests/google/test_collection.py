"""The invented company, collected through Google's own client, is the company that was declared."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from tests.napping import NOW

from keyround.connector import Complete
from keyround.model import Account, MfaEnforcement, MfaRegistration, PolicyExclusion, RoleAssignment, Setting
from keyround_fixtures import Fault
from keyround_google import CONNECTOR


@pytest.fixture
def found(gather, settings):
    found = gather(settings)
    assert all(isinstance(outcome, Complete) for outcome, _ in found.values()), found
    untold = {(name, column) for name, (outcome, _) in found.items() for column in outcome.without}
    assert not untold
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
        ("success", "AT"): 2, ("success", "NG"): 1, ("blocked", "NG"): 1, ("blocked", "ID"): 2, ("success", "DK"): 3,
        ("success", "NL"): 1, ("failure", "PE"): 4, ("failure", "ID"): 3, ("stopped_after_password", "PE"): 1,
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


ATELIER = "2-Step Verification for the unit /Atelier, since 24 January 2026"
GOOGLE = "Google itself, for administrators, since 20 November 2026"
EXPECTED = {
    # name: (verdict, behind it, a word of the gaps, of the exemption, of the contradiction, of the reason)
    "anna.beck": ("enforced", [ATELIER], "trusted", "", "", ""),
    "jule.hartwig": ("enforced", [GOOGLE], "", "", "", ""),
    "ilja.sorokin": ("enforced", [GOOGLE], "", "", "", ""),  # administrator through a group
    "owner": ("not_enforced", [], "", "", "less than a day ago", ""),  # Google begins with administrators today
    "hedi.moritz": ("enforced", [ATELIER.replace("ier,", "ier/Nord,")], "", "", "", ""),  # in the exempt group, but the
    "bela.winter": ("not_enforced", [], "", "Exempt by the group Ausnahmen", "", ""),     # unit ranks above it
    "ivo.kern": ("not_enforced", [], "", "with certain licences", "", ""),
    "lisa.odermatt": ("enforced", ["2-Step Verification for the group Kasse in the unit /Laden, since 24 January 2026"],
                      "", "", "", ""),
    "mirko.zander": ("scheduled", ["2-Step Verification for the unit /Laden, from 20 December 2026"],
                     "20 December 2026", "", "", ""),
    "nele.quast": ("scheduled", None, "the password alone", "", "", ""),
    "ole.stamm": ("enforced", ["Google 2-Step Verification"], "", "", "the policy says later", ""),
    "jana.luetke": ("not_enforced", [], "", "", "24 hours to arrive", ""),
    "yara.tiede": ("unknown", None, "", "", "", "not understood"),
    "xenia.dorn": ("third_party", ["Single sign-on with another provider"], "", "", "", ""),
    "kai.brodersen": ("enforced", [ATELIER], "another provider, too", "", "", ""),
    "at": ("enforced", [ATELIER], "enrolment period until 23 November 2026", "", "", ""),
    "neu.hier": ("enforced", [ATELIER], "begins with the first sign-in", "", "", ""),
    "null.breite": ("enforced", [ATELIER], "may still be inside an enrolment period", "", "", ""),  # no log here
    "zacharias.pohl": ("blocked", None, "", "", "", "suspended"),
    "archiv.leise": ("blocked", None, "", "", "", "archived"),
}  # fmt: skip


@pytest.fixture
def derived(found):
    """The tables and, of each name, what is worked out of them, as in a scan."""
    rows = [row for rows in found.values() for row in rows]
    outcomes = {dataset.name: Complete(1) for dataset in CONNECTOR.datasets}
    tables = SimpleNamespace(rows=lambda table: (row for row in rows if isinstance(row, table)))
    for one in CONNECTOR.derived:
        made = list(one.rows(tables, outcomes, NOW.replace(tzinfo=None), {}))
        rows = [row for row in rows if not isinstance(row, one.fills)] + made
    return tables


def test_who_must_use_it_and_why(derived, person):
    verdicts = {row.account_id: row for row in derived.rows(MfaEnforcement)}
    for name, (verdict, by, gap, exempt, contradiction, reason) in EXPECTED.items():
        row = verdicts[person(name)]
        assert (row.verdict, row.enforced_by) == (verdict, row.enforced_by if by is None else by), name
        assert gap in " ".join(row.gaps or ()) and exempt in " ".join(row.excluded_by or ()), name
        assert bool(row.contradiction) is bool(contradiction) and contradiction in (row.contradiction or ""), name
        assert reason in row.reason, name
    assert verdicts[person("nele.quast")].legacy_blocked is False and verdicts[person("ole.stamm")].legacy_blocked


def test_who_is_exempt_and_what_is_named_but_gone(derived):
    rows = {(row.side, row.subject_kind, row.subject): row for row in derived.rows(PolicyExclusion)}
    assert {key: (row.accounts, row.uncovered, row.exists) for key, row in rows.items()} == {
        ("exclude", "group", "Ausnahmen"): (6, 6, True),
        ("exclude", "unit", "/Atelier/Nord"): (1, 1, True),
        ("include", "group", None): (0, 0, False),
    }


def test_a_token_reads_the_same_and_nothing_is_ever_written(found, gather, settings, cloud):
    token = {k: v for k, v in settings.items() if k not in ("key", "subject")}
    again = gather(token | {"credential": "token", "token": cloud.token(cloud.tenants[0])})
    assert {name: rows for name, (_, rows) in again.items()} == found
    posted = {request.path for request in cloud.requests if request.method != "GET"}
    assert posted == {"/token", "/batch"}  # a batch holds nothing but GETs


def test_the_tenant_names_itself(opened, settings, cloud):
    own = cloud.tenants[0].id
    key = json.loads(settings["key"])
    with opened(settings) as admin:  # and the session says with what it reads
        assert CONNECTOR.identify(admin).own == {key["client_id"], key["client_email"], cloud.tenants[0].subject}
    with opened(settings | {"customer_id": "C0somebody"}) as admin:
        assert CONNECTOR.identify(admin).claims == {own}
    for lost in ("admin.directory.user.readonly", "admin.directory.customer.readonly"):
        cloud.deny(cloud.tenants[0], lost)
        with opened(settings) as admin:
            assert CONNECTOR.identify(admin).claims == {own}
    cloud.faults += [Fault("/v1/users", body="google_503", times=99), Fault("/customers/", kind="reset", times=99)]
    with opened(settings) as admin:
        assert CONNECTOR.identify(admin).claims == {own}  # the log says it, too
