"""What Google's logs say besides the plain sign-in, and that nothing of them is asked for twice."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import parse_qsl

import pytest
from tests.napping import NOW

from keyround.connector import Complete, Incomplete, Window, collect
from keyround.model import AppGrant, AuditEvent, RiskEvent, SignIn
from keyround.store import ClientStore
from keyround_fixtures import Fault
from keyround_google import (
    CONNECTOR,
    admin_audits,
    alerts,
    login_activities,
    login_signals,
    saml_activities,
    token_activities,
)

UNTIL = NOW.replace(tzinfo=None)
WINDOW = Window(datetime(2026, 10, 21), UNTIL)

# Every event of the login log: the class of its sign-in, the kind of its warning, the word for its change. What has
# none of the three is told by another log, or has nothing to do with who gets in.
LOGIN = {
    "2sv_disable": ("2sv_change", None), "2sv_enroll": ("2sv_change", None),
    "password_edit": ("password_change", None), "recovery_email_edit": ("recovery_info_change", None),
    "recovery_phone_edit": ("recovery_info_change", None), "recovery_secret_qa_edit": ("recovery_info_change", None),
    "account_disabled_password_leak": ("account_warning", "risk"),
    "passkey_enrolled": ("account_warning", "security_info_registered"),
    "passkey_removed": ("account_warning", "security_info_deleted"),
    "suspicious_login": ("account_warning", "blocked"),
    "suspicious_login_less_secure_app": ("account_warning", "blocked"),
    "suspicious_programmatic_login": ("account_warning", "blocked"),
    "user_signed_out_due_to_suspicious_session_cookie": ("account_warning", "risk"),
    "account_disabled_generic": ("account_warning", "risk"), "account_disabled_spamming": ("account_warning", "risk"),
    "account_disabled_spamming_through_relay": ("account_warning", "risk"),
    "account_disabled_hijacked": ("account_warning", "risk"),
    "titanium_enroll": ("titanium_change", None), "titanium_unenroll": ("titanium_change", None),
    "gov_attack_warning": ("attack_warning", "risk"), "blocked_sender": ("blocked_sender_change", None),
    "email_forwarding_out_of_domain": ("email_forwarding_change", None),
    "login_failure": ("login", "failure"), "login_challenge": ("login", "interrupted"),
    "login_verification": ("login", "interrupted"), "logout": ("login", None), "login_success": ("login", "success"),
    "risky_sensitive_action_allowed": ("login", "risk"), "risky_sensitive_action_blocked": ("login", "risk"),
    # Names of later years.
    "quantum_login": ("login", "unknown"), "account_entangled": ("account_warning", "risk"),
    "tunnel_opened": ("tunnel_change", None),
}  # fmt: skip


def record(*events, log="login", **changes):
    return {
        "id": {"time": "2026-11-05T07:41:12.310Z", "uniqueQualifier": "-73", "applicationName": log},
        "actor": {"email": "Anna@hof.example", "profileId": "111"},
        "ipAddress": "203.0.113.7",
        "networkInfo": {"ipAsn": [64500], "regionCode": "FR", "subdivisionCode": "FR-IDF"},
        "events": list(events),
    } | changes


def event(event_name, event_type="login", **parameters):
    kinds = {bool: "boolValue", list: "multiValue", int: "intValue"}
    listed = [{"name": name, kinds.get(type(value), "value"): value} for name, value in parameters.items()]
    return {"type": event_type, "name": event_name, "parameters": listed}


def page(*records):
    return json.dumps({"items": records}).encode()


def signed_in(*records):
    return list(login_activities.rows(page(*records)))


@pytest.mark.parametrize("name", LOGIN)
def test_every_event_of_the_login_log(name):
    kind, expected = LOGIN[name]
    body = page(record(event(name, kind)))
    found = [row.outcome or "unknown" for row in login_activities.rows(body)]
    for row in login_signals.rows(body):
        assert row.event_id == "login/2026-11-05T07:41:12.310Z/-73/0"
        found.append("risk" if isinstance(row, RiskEvent) and row.kind == name else row.action)
    assert found == ([expected] if expected else [])


def test_a_warning_names_whose_account_it_is_and_when_somebody_signed_in():
    warned = event("account_disabled_hijacked", "account_warning", affected_email_address="Bo@hof.example",
                   login_timestamp=str(1_762_300_000_123_456))  # fmt: skip
    (row,) = login_signals.rows(page(record(warned)))
    assert (row.username, row.account_id, row.country) == ("bo@hof.example", None, "FR")  # not the actor's account
    assert row.happened_at == datetime(2025, 11, 4, 23, 46, 40, 123456) and row.detected_at.year == 2026
    warned["parameters"][1]["value"] = "9" * 30
    (row,) = login_signals.rows(page(record(warned)))
    assert row.happened_at == row.detected_at


@pytest.mark.parametrize(
    "failure", ["failure_unknown", "failure_app_not_enabled_for_user", "failure_malformed_request", "of_later_years"]
)
def test_a_failure_at_another_application_is_neither_a_wrong_password_nor_blocked(failure):
    (row,) = saml_activities.rows(page(record(event("login_failure", failure_type=failure))))
    assert (row.outcome, row.source, row.mfa, row.legacy) == ("interrupted", "saml", "unknown", False)
    assert row.error_code == failure


@pytest.mark.parametrize(
    "code, outcome", [("SUCCESS_URI", "success"), ("", "success"), ("RESPONDER_URI", "interrupted")]
)
def test_success_at_another_application(code, outcome):
    done = event("login_success", saml_status_code=code, application_name="Lohn Wolke")
    (row,) = saml_activities.rows(page(record(done, log="saml")))
    assert (row.outcome, row.app, row.country, row.account_id) == (outcome, "Lohn Wolke", "FR", "111")
    assert row.sign_in_id not in {other.sign_in_id for other in signed_in(record(event("login_success")))}
    (row,) = saml_activities.rows(page(record(event("saml_teleport"))))
    assert row.outcome is None


@pytest.mark.parametrize(
    "methods, mfa, method",
    [
        (["password"], "single_factor", None), ("passkey", "satisfied", "passkey"),
        (["password", "google_prompt"], "satisfied", "phone_prompt"),
        (["password", "google_prompt", "backup_code"], "satisfied", "backup_code"),
        (["password", "security_key"], "satisfied", "security_key"),
        (["password", "userless_fido"], "satisfied", "passkey"),
        (["password", "google_authenticator"], "satisfied", "one_time_code_app"),
        (["password", "security_key_otp"], "satisfied", "one_time_code_token"),
        (["password", "idv_any_phone"], "satisfied", "mobile_phone"),
        (["password", "internal_two_factor"], "satisfied", "internal_two_factor"),
        (["password", "knowledge_employee_id"], "unknown", None), (["password", "new_factor"], "unknown", None),
        (["password", "idv_preregistered_email"], "unknown", "email"),
        (["password", "google_prompt", "access_to_preregistered_email"], "satisfied", "phone_prompt"),
    ],
)  # fmt: skip
def test_the_factor_that_was_used(methods, mfa, method):
    (row,) = signed_in(record(event("login_success", login_type="google_password", login_challenge_method=methods)))
    assert (row.mfa, row.method) == (mfa, method)


def step(method, status="passed", second=True, name="login_verification"):
    return event(name, login_challenge_method=method, login_challenge_status=status, is_second_factor=second)


@pytest.mark.parametrize(
    "given, method",
    [
        (step(["password", "google_prompt"]), "phone_prompt"), (step("entangled_key"), "entangled_key"),
        (step("idv_any_email"), "email"),
        (step("security_key", status="Challenge Failed."), None), (step("security_key", status=""), None),
        (step("security_key", second=False), None), (step("security_key", name="login_challenge"), None),
        (step("password"), None), (event("login_failure", login_challenge_method=["security_key"]), None),
    ],
)  # fmt: skip
def test_a_step_proves_a_factor_only_when_it_was_passed_as_the_second(given, method):
    (row,) = signed_in(record(given))
    assert row.method == method and row.outcome != "success"


def at(minute, address="203.0.113.7", who="111"):
    return {"id": {"time": f"2026-11-05T07:{minute:02}:00Z", "uniqueQualifier": str(minute)}, "ipAddress": address,
            "actor": {"email": f"{who}@hof.example", "profileId": who}}  # fmt: skip


def test_a_factor_told_by_a_step_and_by_the_success_after_it_counts_once():
    plain = event("login_success", login_challenge_method=["password"])
    named = event("login_success", login_challenge_method=["password", "google_prompt"])
    assert [row.method for row in signed_in(record(step("security_key"), plain))] == [None, "security_key"]
    for success in (plain, named):
        rows = signed_in(record(success, **at(11)), record(step("google_prompt"), **at(10)))
        assert [(row.mfa, row.method) for row in rows] == [("satisfied", "phone_prompt"), ("satisfied", None)]
    for other in (at(11, who="222"), at(11, address="198.51.100.9"), at(30), at(9)):
        rows = signed_in(record(plain, **other), record(step("google_prompt"), **at(10)))
        assert [(row.mfa, row.method) for row in rows] == [("single_factor", None), ("satisfied", "phone_prompt")]


def test_a_day_comes_out_the_same_however_it_was_cut_into_pages():
    records = [record(event("login_success", login_challenge_method=["password"]), **at(11)),
               record(step("google_prompt"), **at(10)),
               record(event("login_success", login_type="saml"), **at(9, who="222")),
               record(event("login_failure", login_type="google_password"), **at(8, who="222"))]  # fmt: skip
    whole = signed_in(*records)
    assert [(row.outcome, row.mfa, row.method) for row in whole] == [
        ("success", "satisfied", "phone_prompt"), ("interrupted", "satisfied", None),
        ("success", "unknown", None), ("interrupted", "unknown", None),
    ]  # fmt: skip
    for cut in range(1, 4):
        assert list(login_activities.rows((page(*records[:cut]), page(*records[cut:])))) == whole
    twice = login_activities.rows((page(*records[:3]), page(*records[1:])))  # one page began too early
    assert list(dict.fromkeys(twice)) == whole


@pytest.mark.parametrize(
    "success, failure, login_type, outcome",
    [
        (at(9), at(0), "saml", "interrupted"),
        (at(9), at(0), "google_password", "failure"),
        (at(9, address="198.51.100.9"), at(0), "saml", "failure"),
        (at(9, who="222"), at(0), "saml", "failure"),
        (at(30), at(0), "saml", "failure"),
        (at(0), at(9), "saml", "failure"),  # afterwards
        (at(9, address=None), at(0, address=None), "saml", "failure"),
    ],
)
def test_a_failed_password_before_single_sign_on_is_no_attack(success, failure, login_type, outcome):
    given = (record(event("login_success", login_type=login_type), **success),
             record(event("login_failure", login_type="google_password"), **failure))  # fmt: skip
    (row,) = (row for row in signed_in(*given) if row.error_code == "login_failure")
    assert row.outcome == outcome


def test_values_in_every_container():
    inner = {"parameter": [{"name": "x", "intValue": "7"}, {"name": "y", "multiValue": ["B"]}]}
    containers = [
        {"value": "A"}, {"boolValue": True}, {"intValue": "7"}, {"multiValue": ["A", "b"]}, {"multiIntValue": [1, "2"]},
        {"messageValue": inner}, {"multiMessageValue": [inner, {}]}, {}, {"messageValue": {}},
    ]  # fmt: skip
    given = {"type": "login", "name": "x", "parameters": [{"name": str(n), **c} for n, c in enumerate(containers)]}
    (activity,) = login_activities.decode(page(record(given)), login_activities.Activities).items
    values = [activity.listed[0].texts(str(number)) for number in range(len(containers))]
    assert values == [["a"], ["true"], ["7"], ["a", "b"], ["1", "2"], ["7", "b"], ["7", "b"], [], []]


def audited(*events, **changes):
    return list(admin_audits.rows(page(record(*events, **({"log": "admin"} | changes)))))


@pytest.mark.parametrize(
    "name, kind, word",
    [
        ("USER_PUT_IN_TWO_STEP_VERIFICATION_GRACE_PERIOD", "USER_SETTINGS", "second_factor_grace"),
        ("TURN_OFF_2_STEP_VERIFICATION", "USER_SETTINGS", "second_factor_off_by_admin"),
        ("UNENROLL_USER_FROM_STRONG_AUTH", "USER_SETTINGS", "second_factor_off_by_admin"),
        ("UNBLOCK_USER_SESSION", "USER_SETTINGS", "login_challenge_off"),
        ("GENERATE_2SV_SCRATCH_CODES", "USER_SETTINGS", "backup_codes_created"),
        ("PASSKEY_REVOKED", "USER_SETTINGS", "security_info_deleted_by_admin"),
        ("CHANGE_PASSWORD", "USER_SETTINGS", "password_reset"),
        ("GRANT_ADMIN_PRIVILEGE", "USER_SETTINGS", "role_added"),
        ("UNASSIGN_ROLE", "DELEGATED_ADMIN_SETTINGS", "role_removed"),
        ("ADD_PRIVILEGE", "DELEGATED_ADMIN_SETTINGS", "role_changed"),
        ("ENFORCE_STRONG_AUTHENTICATION", "SECURITY_SETTINGS", "access_policy_changed"),
        ("CHANGE_ALLOWED_TWO_STEP_VERIFICATION_METHODS", "SECURITY_SETTINGS", "authentication_methods_changed"),
        ("AUTHORIZE_API_CLIENT_ACCESS", "DOMAIN_SETTINGS", "app_permission_given"),
        ("2sv_disable", "2sv_change", "second_factor_off"), ("password_edit", "password_change", "password_changed"),
        ("recovery_phone_edit", "recovery_info_change", "recovery_changed"),
        ("CHANGE_DISPLAY_NAME", "USER_SETTINGS", None), ("CREATE_GROUP", "GROUP_SETTINGS", None),
        ("CHANGE_APPLICATION_SETTING", "APPLICATION_SETTINGS", None),
        ("NAME_OF_LATER_YEARS", "SECURITY_SETTINGS", "other"), ("3sv_enroll", "2sv_change", "other"),
        ("NAME_OF_LATER_YEARS", "CALENDAR_SETTINGS", None), ("", "USER_SETTINGS", None),
    ],
)  # fmt: skip
def test_words_for_changes(name, kind, word):
    assert [(row.action, row.provider_action) for row in audited(event(name, kind))] == ([(word, name)] if word else [])


def test_who_did_it_and_to_whom():
    (row,) = audited(event("CHANGE_PASSWORD", "USER_SETTINGS", USER_EMAIL="Bo@hof.example"))
    assert (row.actor_kind, row.actor_id, row.actor) == ("account", "111", "anna@hof.example")
    assert (row.target_kind, row.target_id, row.target) == ("account", None, "bo@hof.example")
    (row,) = audited(event("CHANGE_PASSWORD", "USER_SETTINGS", USER_EMAIL="anna@hof.example"))
    assert row.target_id == "111"
    (row,) = audited(event("2sv_disable", "2sv_change"), log="user_accounts")
    assert (row.target_kind, row.target_id, row.target) == ("account", "111", "anna@hof.example")
    (row,) = audited(event("CREATE_ROLE", "DELEGATED_ADMIN_SETTINGS", ROLE_ID="9", ROLE_NAME="Front desk"))
    assert (row.target_kind, row.target_id, row.target, row.details) == ("role", "9", "Front desk", ["Front desk"])
    (row,) = audited(event("ENFORCE_STRONG_AUTHENTICATION", "SECURITY_SETTINGS", ORG_UNIT_NAME="Shop", NEW_VALUE="no"))
    assert (row.target_kind, row.target_id, row.target, row.details) == ("policy", None, "Shop", ["no"])
    done = event("CREATE_USER", "USER_SETTINGS")
    actors = [
        ({"callerType": "KEY", "key": "SYSTEM", "profileId": "105250506097979753968"}, ("app", None, "SYSTEM")),
        ({"applicationInfo": {"applicationName": "Sync", "oauthClientId": "7"}}, ("app", "7", "Sync")),
        ({"email": "bot@p.iam.gserviceaccount.com", "profileId": "5"}, ("app", "5", "bot@p.iam.gserviceaccount.com")),
        ({}, (None, None, None)), (None, (None, None, None)),
    ]  # fmt: skip
    for actor, expected in actors:
        (row,) = audited(done, actor=actor)
        assert (row.actor_kind, row.actor_id, row.actor) == expected
    for status, succeeded in (("SUCCEEDED", True), ("FAILED", False), ("TUNNELLED", None)):
        (row,) = audited(done | {"status": {"eventStatus": status}})
        assert row.succeeded is succeeded


def test_several_events_of_one_record_are_several_changes():
    names = [f"CHANGE_TWO_STEP_VERIFICATION_{n}" for n in ("FREQUENCY", "START_DATE", "GRACE_PERIOD_DURATION")]
    rows = audited(*(event(name, "SECURITY_SETTINGS") for name in names))
    assert len({(row.event_id, row.target_id) for row in rows}) == 3


def consent(name, minute, *scopes, who="111", client="app"):
    given = event(name, "auth", client_id=client, app_name=client.title(), scope=list(scopes))
    return record(given, log="token", **at(minute, who=who))


def granted(*records, told=()):
    packed = tuple(token_activities.zlib.compress(page(one)) for one in records)
    rows = token_activities.rows(token_activities.Grants(packed, frozenset(told)))
    return {row.grant_id: (row.app, row.scopes, row.consent, row.account_id) for row in rows}


def test_what_is_left_of_consents():
    mail, drive = consent("authorize", 1, "mail"), consent("authorize", 5, "drive openid")
    both = {"111/app": ("App", ["drive", "mail", "openid"], "one", "111")}
    assert granted(mail, drive) == granted(drive, mail) == both
    assert granted(mail, consent("revoke", 3, "mail"), drive) == {"111/app": ("App", ["drive", "openid"], "one", "111")}
    assert granted(mail, drive, consent("revoke", 9)) == {} == granted(mail, consent("revoke", 9, "mail", "other"))
    assert granted(mail, consent("revoke", 9, who="222"), consent("revoke", 9, client="else")).keys() == {"111/app"}
    assert granted(mail, told=["111"]) == {} == granted(consent("authorize", 1, "mail", client=""))


def test_only_changes_of_the_window_are_news():
    body = page(consent("authorize", 1, "mail"), consent("activity", 2))
    news = [row.action for row in token_activities.rows(token_activities.Changes(body, datetime(2026, 11, 5)))]
    assert news == ["consent_given"]
    assert not list(token_activities.rows(token_activities.Changes(body, datetime(2026, 11, 6))))


def alert(**changes):
    given = {"alertId": "a1", "createTime": "2026-11-05T07:41:12Z", "type": "Suspicious login"} | changes
    (row,) = alerts.rows(json.dumps({"alerts": [given]}).encode())
    return row


def test_alerts():
    login = {"ipAddress": "203.0.113.7", "loginTime": "2026-11-05T07:40:00Z"}
    row = alert(data={"email": "Bo@hof.example", "loginDetails": login}, metadata={"severity": "HIGH"})
    assert (row.username, row.level, row.state, row.reason) == ("bo@hof.example", "high", None, "signed in")
    assert (row.address, row.happened_at) == ("203.0.113.7", datetime(2026, 11, 5, 7, 40))
    del login["loginTime"]
    assert alert(data={"loginDetails": login}, metadata={"status": "NOT_STARTED"}).reason == "blocked"
    row = alert(type="Tachyon intrusion", data={"email": {"odd": 1}, "userEmail": "c@hof.example"}, deleted=True)
    assert (row.kind, row.username, row.state, row.reason) == ("Tachyon intrusion", "c@hof.example", "deleted", None)
    assert alert(type=None, source="Gmail phishing", data=[1]).kind == "Gmail phishing"
    done = {"actorEmail": "boss@hof.example", "superAdminPasswordResetEvent": {"userEmail": "Dee@hof.example"}}
    assert alert(type="Super admin password reset", data=done).username == "dee@hof.example"
    done = {"actorEmail": "boss@hof.example", "primaryAdminChangedEvent": {"updatedAdminEmail": "eve@hof.example"}}
    assert alert(type="Primary admin changed", data=done).username == "eve@hof.example"
    done = {"actorEmail": "boss@hof.example", "superAdminPasswordResetEvent": None, "primaryAdminChangedEvent": "odd"}
    assert alert(data=done).username == "boss@hof.example"


# -- against the pretend company ----------------------------------------------


@pytest.fixture
def found(gather, settings):
    names = ("login_activities", "saml_activities", "login_signals", "admin_audits", "token_activities", "alerts")
    found = gather(settings, *names)
    assert all(isinstance(outcome, Complete) for outcome, _ in found.values()), found
    return {name: rows for name, (_, rows) in found.items()}


@pytest.fixture
def person(cloud):
    return {user["primaryEmail"].split("@")[0]: user["id"] for user in cloud.tenants[0].tables["users"]}.__getitem__


def asked(cloud, log):
    """The parameters of every request for one log, or for the alerts."""
    return [
        dict(parse_qsl(one.query))
        for one in cloud.requests
        if one.path.endswith((f"/applications/{log}", f"/v1beta1/{log}"))
    ]


def test_the_company_s_logs(found, person, cloud):
    emil, audits = person("emil.vogt"), [*found["admin_audits"], *found["token_activities"], *found["login_signals"]]
    own = {row.action: row.details for row in audits if isinstance(row, AuditEvent) and row.actor_id == emil}
    mail = "https://mail.google.com/"
    assert own == {
        "recovery_changed": [], "forwarding_outside": ["sammler@fremde.example"],
        "consent_given": [mail, "https://www.googleapis.com/auth/contacts.readonly"],
    }  # fmt: skip
    (grace,) = (row for row in audits if getattr(row, "action", "") == "second_factor_grace")
    assert grace.target.startswith("carla.funke@") and datetime.fromisoformat(grace.details[0]) > NOW
    changes = Counter(row.action for row in found["admin_audits"])
    assert changes["access_policy_changed"] == 6 and changes["authentication_methods_changed"] == 1  # one record
    assert changes["other"] == 1 and changes["security_setting_changed"] == 1
    assert changes["second_factor_on"] == changes["second_factor_off"] == 1  # though two logs hold them
    assert [row.succeeded for row in found["admin_audits"] if row.provider_action == "GRANT_ADMIN_PRIVILEGE"] == [False]
    grants = {row.grant_id.partition("/")[0]: row for row in found["token_activities"] if isinstance(row, AppGrant)}
    assert set(grants) == {emil, person("anna.beck"), person("till.jessen")}  # one took it back
    assert mail in grants[emil].scopes and len(grants[person("till.jessen")].scopes) == 2
    assert {(row.outcome, row.country) for row in found["saml_activities"] if row.country != "DE"} == {
        ("success", "AT"), ("interrupted", "NG"),
    }  # fmt: skip
    risks = Counter(row.kind for row in found["login_signals"] if isinstance(row, RiskEvent))
    assert len(risks) == 8 and risks["account_disabled_password_leak"] == 1
    (spurious,) = (
        row for row in found["login_activities"] if row.error_code == "login_failure" and row.outcome != "failure"
    )
    assert (spurious.account_id, spurious.outcome) == (person("xenia.dorn"), "interrupted")
    reasons = {
        (row.username.partition("@")[0], row.reason) for row in found["alerts"] if row.kind == "Suspicious login"
    }
    assert reasons == {("emil.vogt", "signed in"), ("doris.engel", "blocked")}


def test_the_least_that_can_be_asked(found, cloud):
    days = (WINDOW.until - WINDOW.since).days + 1
    assert len(asked(cloud, "login")) == days and not any("eventName" in r for r in asked(cloud, "login"))
    assert len(asked(cloud, "admin")) == len(asked(cloud, "user_accounts")) == len(asked(cloud, "saml")) == 1
    assert [r["eventName"] for r in asked(cloud, "token")] == ["revoke", "authorize"]  # never all it holds
    (only,) = asked(cloud, "alerts")
    assert "C" + only["customerId"] == cloud.tenants[0].id


def test_without_their_scope_alerts_are_a_module_that_is_off(gather, settings, cloud):
    cloud.deny(cloud.tenants[0], "apps.alerts")
    outcome, rows = gather(settings, "alerts")["alerts"]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotEnabled" and not rows
    assert "apps.alerts" in outcome.error.remedy


def test_a_log_of_consents_that_breaks_off_shows_none_that_may_be_gone(gather, settings, cloud):
    cloud.faults.append(Fault("eventName=authorize", body="google_html_404", times=99))
    outcome, rows = gather(settings, "token_activities")["token_activities"]
    assert isinstance(outcome, Incomplete)
    assert [getattr(row, "action", row) for row in rows] == ["consent_removed"]
    cloud.faults[:] = [Fault("eventName=revoke", body="google_html_404", times=99)]
    assert gather(settings, "token_activities")["token_activities"][1] == []


class Scans:
    """Scans of the login log into one store, each with a session of its own."""

    def __init__(self, opened, settings, folder):
        self.opened, self.settings, self.store = opened, settings, ClientStore(folder, "acme")

    def __call__(self, until=UNTIL):
        by_name = {d.name: d for d in CONNECTOR.datasets}
        asked = Window(WINDOW.since, until)
        kept, outcomes = {}, {}
        with self.opened(self.settings) as admin, self.store.locked():
            draft = self.store.begin(until)
            for name in ("login_activities", "login_signals"):
                dataset, parts, rows = by_name[name], [], []
                events = SignIn in dataset.fills
                fetched = self.store.fetch_window("t", name, asked) if events else asked
                with draft.writer("t", "google", name, dataset.fills[0]) as write:

                    def both(page, write=write, rows=rows):
                        rows += page
                        return write(page)

                    outcomes[name] = collect(dataset, admin, fetched, both, parts.append)
                if events:
                    draft.settle("t", name, fetched, parts, until)
                kept[name] = rows
            draft.freeze()
            draft.readable({"tenants": []})
            draft.seal(None)
        return outcomes, kept

    @property
    def days(self):
        return sorted(self.store.parts("t", "login_activities", WINDOW))


@pytest.fixture
def scans(opened, settings, tmp_path):
    return Scans(opened, settings, tmp_path)


def test_a_second_scan_asks_only_for_what_is_new_and_keeps_every_warning(scans, cloud):
    _, first = scans()
    assert len(scans.days) == 28  # two days may still get late records
    cloud.requests.clear()
    _, second = scans(UNTIL + timedelta(seconds=1))
    named = Counter(r.get("eventName", "") for r in asked(cloud, "login"))
    assert named.pop("") == 3 and set(named.values()) == {1} and len(named) == 11
    warnings = [{(type(r).__name__, r.event_id) for r in scan["login_signals"]} for scan in (first, second)]
    assert warnings[0] == warnings[1] and len(warnings[0]) == 10
    assert len(second["login_activities"]) < len(first["login_activities"]) / 5


def test_a_break_in_the_middle_keeps_the_days_that_had_come(scans, cloud):
    cloud.faults.append(Fault("startTime=2026-11-10T00", body="google_html_404", times=99))
    outcomes, kept = scans()
    assert isinstance(outcomes["login_activities"], Incomplete) and isinstance(outcomes["login_signals"], Complete)
    assert [f"{day:%d}" for day in scans.days] == ["11", "12", "13", "14", "15", "16", "17"]
    named = [r for r in asked(cloud, "login") if "eventName" in r]
    assert len(named) == 11  # the rest of the window, by name
    cloud.faults.clear()
    _, whole = scans(UNTIL + timedelta(seconds=1))
    assert {r.event_id for r in kept["login_signals"]} == {r.event_id for r in whole["login_signals"]}
    assert len(scans.days) == 28


def test_a_warning_that_makes_no_sense_costs_no_sign_in(scans, cloud):
    odd = record(event("gov_attack_warning", "attack_warning"), id={"time": "2026-11-16T09:00:00Z"})
    fine = record(event("login_success"), id={"time": "2026-11-16T08:00:00Z", "uniqueQualifier": "1"})
    cloud.faults.append(Fault("startTime=2026-11-16T00", status=200, data={"items": [odd, fine]}, times=1))
    outcomes, kept = scans()
    assert isinstance(outcomes["login_activities"], Complete) and isinstance(outcomes["login_signals"], Incomplete)
    assert "2026-11-16T08:00:00Z/1/0" in {row.sign_in_id for row in kept["login_activities"]}
    assert len(kept["login_signals"]) == 10


def test_a_server_that_knows_no_such_event_has_none(scans, cloud):
    error = {"error": {"code": 400, "message": "Invalid value 'passkey_enrolled'.", "errors": [{"reason": "invalid"}]}}
    scans()
    cloud.faults.append(Fault("eventName=passkey", status=400, data=error, times=99))
    outcomes, _ = scans(UNTIL + timedelta(seconds=1))
    assert isinstance(outcomes["login_signals"], Complete)
    cloud.faults[:] = [Fault("eventName=", status=400, data=error, times=99)]
    outcomes, _ = scans(UNTIL + timedelta(seconds=2))
    assert isinstance(outcomes["login_signals"], Incomplete)


def test_a_window_longer_than_the_log_is_finished_to_its_beginning(gather, opened, settings):
    (login,) = (d for d in CONNECTOR.datasets if d.name == "login_activities")
    since, parts = UNTIL - timedelta(days=200), []
    with opened(settings) as admin:
        collect(login, admin, Window(since, UNTIL), len, parts.append)
    assert parts[-1].since == since and parts[-1].until == datetime(2026, 5, 25)
    assert all(later.since == earlier.until for later, earlier in pairwise(parts))
