"""Changes, risk, applications, inbox rules, devices, trainings, the score: what they say, and how they say nothing."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest

from keyround.connector import Complete, Incomplete, table_outcome
from keyround.errors import HARMLESS
from keyround.model import AppGrant, Device, MailboxRule, RiskEvent
from keyround_fixtures import Cloud, Fault, load
from keyround_m365 import CONNECTOR
from keyround_m365.directory_audits import ACTIONS, ASKED, action
from tests.napping import NOW

from .conftest import settings_of

PLANS = {"risky_users": "Entra ID P2", "risk_detections": "Entra ID P1", "managed_devices": "Intune",
         "training": "Defender for Office 365 Plan 2"}  # fmt: skip
ON_GRANT = {"risk", "apps", "mail", "devices", "intune", "training", "score"}
MODULES = [dataset for dataset in CONNECTOR.datasets if dataset.module in ON_GRANT]


@pytest.fixture(scope="module")
def rich():
    """The company with every plan there is."""
    with Cloud(load("m365", now=NOW, plan="p2")) as cloud:
        yield cloud


@pytest.fixture
def plus(rich):
    rich.requests.clear()
    grants = set(rich.tenants[0].grants)
    yield settings_of(rich, 0)
    rich.faults.clear()
    rich.tenants[0].grants = grants


def who(cloud, name):
    return next(row["id"] for row in cloud.tenants[0].tables["users"] if row["userPrincipalName"].startswith(name))


def test_changes_are_told_in_common_words_and_noise_is_left_out(gather, plus, rich):
    outcome, rows = gather(plus, "directory_audits")["directory_audits"]
    assert isinstance(outcome, Complete)
    assert Counter(row.action for row in rows) == {
        "security_info_registered": 3, "consent_given": 2, "role_added": 1, "role_removed": 1, "role_eligible_added": 1,
        "role_activated": 1, "access_policy_changed": 1, "temporary_pass_created": 1, "password_reset": 1,
        "account_created": 1, "account_disabled": 1, "app_credential_changed": 1,
    }  # fmt: skip
    of = {row.action: row for row in reversed(rows)}  # the newest of each
    consent = of["consent_given"]
    assert (consent.actor_id, consent.address, consent.target_kind, consent.target) == (
        who(rich, "karin.ahlers"), "203.0.113.45", "app", "Mailsync Pro"
    )  # fmt: skip
    assert consent.details == ["Mail.ReadWrite", "Mail.Send", "offline_access"]
    assert (of["role_added"].target_id, of["role_added"].details) == (who(rich, "sabine"), ["User Administrator"])
    assert of["role_removed"].details == ["Helpdesk Administrator"]  # what was taken has no new value
    assert of["role_activated"].details == ["Global Administrator"] and of["role_activated"].target_kind == "account"
    assert (of["access_policy_changed"].target_kind, of["access_policy_changed"].target) == ("policy", "MFA alle")
    assert (of["account_created"].actor_kind, of["account_created"].actor) == ("app", "Microsoft.Azure.SyncFabric")
    assert of["password_reset"].succeeded is False and of["role_added"].succeeded is True


def test_a_cloud_that_takes_no_such_filter_is_asked_for_everything(gather, plus, rich):
    whole = gather(plus, "directory_audits")["directory_audits"][1]
    rich.faults.append(
        Fault("startswith", status=400, data={"error": {"code": "BadRequest", "message": "x"}}, times=99)
    )
    outcome, rows = gather(plus, "directory_audits")["directory_audits"]
    assert isinstance(outcome, Complete)
    assert {row.event_id for row in rows} == {row.event_id for row in whole}


def test_every_name_that_is_read_is_also_asked_for():
    asked = [name.lower() for name in ASKED]
    assert [name for name, word in ACTIONS if word != "nothing" and not name.startswith(tuple(asked))] == []


@pytest.mark.parametrize(
    "activity, word",
    [
        ("Add Conditional Access policy", "access_policy_added"),
        ("Add member to role requested (PIM activation)", None),
        ("Add member to role in PIM completed (permanent)", "role_added"),
        ("Update application \u2013 Certificates and secrets management ", "app_credential_changed"),
        ("Update application", None),
        ("Reset password (self-service)", "password_reset"),
        ("Add user", "account_created"),
        ("", None),
    ],
)
def test_activities(activity, word):
    assert action(activity) == word


def test_accounts_and_events_at_risk(gather, plus, rich):
    users = gather(plus, "risky_users")["risky_users"][1]
    assert {(row.account_id, row.level, row.state, row.reason) for row in users} == {
        (who(rich, "karin"), "high", "at_risk", None),
        (who(rich, "lena.voss"), "medium", "at_risk", None),
        (who(rich, "ralf"), "none", "remediated", "userPerformedSecuredPasswordReset"),
        (who(rich, "jens"), "low", "dismissed", "adminDismissedAllRiskForUser"),
    }
    events = gather(plus, "risk_detections")["risk_detections"][1]
    assert {(row.kind, row.level, row.country) for row in events} == {
        ("unlikelyTravel", "high", "VN"), ("unfamiliarFeatures", "medium", "NG"), ("kindOfTomorrow", "medium", "BR")
    }  # fmt: skip
    assert all(row.correlation_id and row.happened_at for row in events)


def test_what_the_plan_hides_is_not_known(gather, settings):
    found = gather(settings, "risky_users", "risk_detections")
    assert found["risky_users"][0].error.kind == "NotLicensed" and "P2" in found["risky_users"][0].error.detail
    outcome, rows = found["risk_detections"]
    assert isinstance(outcome, Complete) and {(row.kind, row.level) for row in rows} == {("generic", None)}
    assert {row.state for row in rows} == {"at_risk", "remediated"}
    # Half of it known: nobody may conclude that nobody is at risk.
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    assert isinstance(table_outcome(CONNECTOR, outcomes, RiskEvent), Incomplete)


def test_applications_and_in_whose_name_they_act(gather, plus, rich):
    found = gather(plus, "app_grants", "app_permissions", "app_credentials")
    grants = {row.app: row for row in found["app_grants"][1]}
    forgotten, stolen = grants["Terminblitz"], grants["Mailsync Pro"]
    assert (forgotten.consent, forgotten.account_id, forgotten.third_party, forgotten.verified) == (
        "all", None, True, False
    )  # fmt: skip
    assert "Mail.Read" in forgotten.scopes and forgotten.resource == "Microsoft Graph"
    assert forgotten.created_at < datetime(2024, 1, 1)
    assert (stolen.consent, stolen.account_id) == ("one", who(rich, "karin.ahlers"))
    assert (grants["Intranet"].third_party, grants["Umfragen 2020"].enabled) == (False, False)
    assert (grants["Planungstafel"].publisher, grants["Planungstafel"].verified) == ("Planungstafel AG", True)
    alone = {(row.app, row.resource): row.scopes for row in found["app_permissions"][1]}
    assert alone == {
        ("Backup Nordspeicher", "Office 365 Exchange Online"): ["full_access_as_app"],
        ("Keyround", "Microsoft Graph"): ["AuditLog.Read.All", "Directory.Read.All"],
        ("Rechnungsimport", "Microsoft Graph"): ["Mail.ReadWrite"],
    }
    secrets = {(row.app, row.held_by, row.kind, row.name): row for row in found["app_credentials"][1]}
    assert secrets.keys() == {
        ("Rechnungsimport", "registration", "secret", "alt"), ("Rechnungsimport", "registration", "secret", "2026"),
        ("Rechnungsimport", "entry", "secret", None), ("Intranet", "registration", "certificate", "CN=intranet"),
        ("Keyround", "registration", "secret", "this year"), ("Keyround", "registration", "secret", "last year"),
    }  # fmt: skip
    assert secrets["Rechnungsimport", "registration", "secret", "alt"].ends_at < NOW.replace(tzinfo=None)
    assert {row.app_id for row in found["app_credentials"][1]} <= {
        row.app_id for name in ("app_grants", "app_permissions") for row in found[name][1]
    }


def test_an_application_that_cannot_be_read_is_no_harmless_one(gather, plus, rich):
    entry = next(row for row in rich.tenants[0].tables["servicePrincipals"] if row["displayName"] == "Keyround")
    rich.faults.append(Fault(f"{entry['id']}/appRole", body="403_authorization_requestdenied", times=9))
    outcome, rows = gather(plus, "app_permissions")["app_permissions"]
    assert outcome.without["scopes"].kind == "NotGranted"
    assert [row.scopes for row in rows if row.app == "Keyround"] == [None] and len(rows) == 3
    rich.faults[:] = [Fault("servicePrincipals/[^/]+\\?", body="403_authorization_requestdenied", times=9)]
    outcome, rows = gather(plus, "app_permissions")["app_permissions"]  # a service that does not tell its names
    assert isinstance(outcome, Complete) and ["dc890d15-9560-4a4c-9b7f-a736ec74ec40"] in [row.scopes for row in rows]


def test_inbox_rules(gather, plus, rich):
    outcome, rows = gather(plus, "organization", "mailbox_rules")["mailbox_rules"]
    of = {row.account_id: row for row in rows}
    stolen = of[who(rich, "karin.ahlers")]
    assert (stolen.external_to, stolen.hides, stolen.keywords) == (
        ["k.ahlers.backup@freemail.example"], True, ["Rechnung", "IBAN", "invoice"]
    )  # fmt: skip
    inside, away = of[who(rich, "info@")], of[who(rich, "dieter.kross")]
    assert (inside.forwards_to, inside.external_to) == (["malte.iversen@hollenstedt.example"], [])
    assert (away.hides, away.marks_read, away.forwards_to) == (None, True, [])  # a folder is an id without a name
    assert of[who(rich, "gabi.reuter")].external_to and not of[who(rich, "greta.sommer")].enabled
    closed = of[who(rich, "petra.lindner")]
    assert (closed.rules_known, closed.external_to, closed.rule_id) == (False, None, None)
    error = outcome.without["rules_known"]
    assert error.kind == "NotEnabled" and "1 of 43 mailboxes" in error.therefore and len(rows) == 6


def test_without_the_own_domains_nobody_is_called_outside(gather, plus, rich):
    _, rows = gather(plus, "mailbox_rules")["mailbox_rules"]
    assert {row.external_to and tuple(row.external_to) for row in rows if row.forwards_to} == {None}
    assert [row.external_to for row in rows if row.forwards_to == []] == [[]]


def test_a_mailbox_that_broke_off_is_unknown_and_asked_for_again(gather, plus, rich):
    rich.faults.append(Fault(f"{who(rich, 'karin.ahlers')}/mailFolders", status=503, times=99))
    outcome, rows = gather(plus, "mailbox_rules")["mailbox_rules"]
    assert {row.account_id for row in rows if not row.rules_known} == {who(rich, "karin"), who(rich, "petra")}
    assert outcome.without["rules_known"].kind == "Unreachable"


def test_when_every_mailbox_is_closed_the_module_is_off(gather, plus, rich):
    rich.faults.append(Fault("mailFolders", body="403_error_access_denied", times=999))
    outcome, rows = gather(plus, "mailbox_rules")["mailbox_rules"]
    assert outcome.error.kind == "NotEnabled" and "policy" in outcome.error.detail and not rows
    assert isinstance(table_outcome(CONNECTOR, {"mailbox_rules": outcome}, MailboxRule), Incomplete)
    rich.faults[:] = [Fault("mailFolders", status=503, times=9999)]
    outcome, rows = gather(plus, "mailbox_rules")["mailbox_rules"]
    assert outcome.error.kind == "Unreachable" and not rows


def test_both_sources_speak_of_one_device(gather, plus, rich):
    found = gather(plus, "devices", "managed_devices")
    rows = {(row.name, row.source): row for name in found for row in found[name][1]}
    seen, managed = rows["PC-002", "directory"], rows["PC-002", "management"]
    assert seen.device_id == managed.device_id and seen.account_id == managed.account_id == who(rich, "ralf")
    assert (seen.joined, seen.encrypted, managed.encrypted, managed.compliant) == ("hybrid", None, False, False)
    old, private = rows["WERKBANK-7", "directory"], rows["PRIVAT-KA", "directory"]
    assert (old.managed, old.os_version) == (False, "10.0.10240.17443")
    assert (private.managed, private.compliant, private.owner, private.joined) == (None, None, None, "registered")
    phone = rows["Halle-Scanner", "management"]
    assert (phone.compliant, phone.compliance, phone.patch_level, phone.tampered) == (
        None, "inGracePeriod", "2024-03-01", False
    )  # fmt: skip
    assert ("iPad Lager", "directory") not in rows and rows["iPad Lager", "management"].account_id is None


def test_devices_whose_owners_are_not_told(gather, plus, rich):
    rich.faults.append(Fault("devices.*expand", status=400, data={"error": {"code": "BadRequest"}}, times=99))
    outcome, rows = gather(plus, "devices")["devices"]
    assert isinstance(outcome, Complete) and "account_id" in outcome.without
    assert len(rows) == 6 and {row.account_id for row in rows} == {None}


def test_the_smallest_plan_has_devices_and_names_what_it_lacks(gather):
    with Cloud(load("m365", now=NOW, plan="standard")) as cloud:
        found = gather(settings_of(cloud, 0), "devices", *PLANS)
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    for name, plan in PLANS.items():
        error = outcomes[name].error
        assert error.kind == "NotLicensed" and f"needs {plan}," in error.detail and error.therefore
    assert isinstance(table_outcome(CONNECTOR, outcomes, Device), Complete)  # without any management


def test_trainings_join_three_reports(gather, plus, rich):
    _, rows = gather(plus, "training")["training"]
    told = {
        row.account_id: (row.simulations, row.clicked, row.compromised, row.repeated, row.trainings_assigned,
                         row.trainings_completed)
        for row in rows
    }  # fmt: skip
    assert told == {
        who(rich, "greta"): (3, 1, 0, None, 2, 2),
        who(rich, "karin"): (3, 3, 2, 2, 2, 0),
        who(rich, "malte"): (3, 0, 0, None, 0, 0),
        who(rich, "noor"): (0, 0, 0, None, 1, 0),
    }


def test_ninety_days_of_score_and_the_controls_of_the_newest(gather, plus):
    _, rows = gather(plus, "secure_scores")["secure_scores"]
    whole = sorted((row for row in rows if row.control is None), key=lambda row: row.scored_at)
    assert len(whole) == 90 and whole[-1].score > whole[0].score and whole[-1].percent == pytest.approx(46.2, abs=0.1)
    controls = {row.control: row.percent for row in rows if row.control}
    assert controls["AdminMFAV2"] == 50.0 and {row.scored_at for row in rows if row.control} == {whole[-1].scored_at}


@pytest.mark.parametrize("dataset", MODULES, ids=lambda dataset: dataset.name)
def test_a_module_that_nobody_granted_is_off_and_nobody_s_fault(dataset, gather, plus, rich):
    rich.deny("m365", *{grant for wanted in dataset.grants for grant in wanted.split(" or ")})
    outcome, rows = gather(settings_of(rich, 0), dataset.name)[dataset.name]
    assert isinstance(outcome.error, HARMLESS) and outcome.error.kind == "NotEnabled" and not rows
    assert dataset.grants[0] in outcome.error.remedy and dataset.tells in outcome.error.therefore
    assert not rich.requests  # the token says so by itself
    assert isinstance(table_outcome(CONNECTOR, {dataset.name: outcome}, dataset.fills[0]), Incomplete)


@pytest.mark.parametrize(
    "dataset, path",
    [("secure_scores", "secureScores"), ("managed_devices", "managedDevices"), ("risky_users", "riskyUsers"),
     ("training", "RepeatOffenders"), ("app_grants", "oauth2PermissionGrants"), ("devices", "/devices")],
)  # fmt: skip
def test_a_refusal_that_the_token_did_not_foretell_switches_the_module_off_too(dataset, path, gather, plus, rich):
    rich.faults.append(Fault(path, body="403_authorization_requestdenied", times=9))
    outcome, _ = gather(plus, dataset)[dataset]
    assert outcome.error.kind == "NotEnabled" and outcome.error.code == "Authorization_RequestDenied"


def test_one_application_and_one_mailbox_after_the_other_are_asked_in_batches(gather, plus, rich):
    gather(plus, *(dataset.name for dataset in MODULES))
    posted = [request.path for request in rich.requests if request.method != "GET"]
    # permissions of the 8 applications that are not Microsoft's, the 2 services they are for, 43 mailboxes in threes
    assert posted == ["/v1.0/$batch"] * (1 + 1 + 3)


def test_grants_of_an_application_that_was_removed(gather, plus, rich):
    tables = rich.tenants[0].tables
    before = tables["servicePrincipals"]
    tables["servicePrincipals"] = [row for row in before if row["displayName"] != "Terminblitz"]
    try:
        _, rows = gather(plus, "app_grants")["app_grants"]
    finally:
        tables["servicePrincipals"] = before
    (orphan,) = [row for row in rows if row.app is None]
    assert (orphan.third_party, orphan.enabled, orphan.verified, orphan.consent) == (None, None, None, "all")
    assert isinstance(orphan, AppGrant) and "Mail.Read" in orphan.scopes
