"""What one page means, without a network: the odd shapes Google is known for, and any JSON at all."""

from __future__ import annotations

import doctest
import json
import zlib
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyround.connector import Incomplete, Window
from keyround.errors import CollectError, NotGranted
from keyround.model import Account, MfaRegistration, Row, Setting
from keyround_google import (
    activities,
    admin,
    admin_audits,
    alerts,
    app_passwords,
    customer,
    devices,
    enforcement,
    licenses,
    login_activities,
    login_signals,
    org_units,
    policies,
    policy_groups,
    refusals,
    role_words,
    roles,
    saml_activities,
    sso,
    token_activities,
    tokens,
    usage,
    users,
    wire,
)


@pytest.mark.parametrize(
    "module", [admin, app_passwords, refusals, role_words, users, wire], ids=lambda module: module.__name__
)
def test_examples_in_docstrings(module):
    tried = doctest.testmod(module)
    assert tried.attempted and not tried.failed


def page(**body):
    return json.dumps(body).encode()


def people(*given):
    body = page(users=[{"id": str(index), **user} for index, user in enumerate(given)])
    told = users.Told()
    told.add(body)
    rows = list(users.rows(users.Page(body, told.names)))
    kinds = (Account, MfaRegistration, Setting)
    return [[row for row in rows if isinstance(row, kind)] for kind in kinds]


@pytest.mark.parametrize(
    "given, activity, seen",
    [
        ("1970-01-01T00:00:00.000Z", "never", None),
        ("0", "never", None),
        ("1336509883546", "seen", datetime(2012, 5, 8, 20, 44, 43, 546000)),
        (1336509883546, "seen", datetime(2012, 5, 8, 20, 44, 43, 546000)),
        ("2026-10-05T09:41:12+02:00", "seen", datetime(2026, 10, 5, 7, 41, 12)),
        ("yesterday", None, None),
        (None, None, None),
    ],
)
def test_last_login(given, activity, seen):
    (account,), _, _ = people({"lastLoginTime": given})
    assert (account.activity, account.last_success_at) == (activity, seen)


FLAGS = ("isEnrolledIn2Sv", "isEnforcedIn2Sv")


def test_a_flag_nobody_has_is_unknown_and_one_somebody_has_is_false_for_the_rest():
    _, registered, flags = people({}, {})
    assert [r.registered for r in registered] == [None, None] and flags == []
    _, registered, flags = people({"isEnrolledIn2Sv": True, "isEnforcedIn2Sv": True}, {})
    assert [(r.registered, r.capable, r.strongest) for r in registered] == [(True, None, None), (False, False, "none")]
    assert [(s.scope, s.value) for s in flags] == [("account:0", "true"), ("account:1", "false")]


def test_a_flag_that_is_null_is_unknown_whatever_the_others_have():
    _, registered, flags = people({"isEnrolledIn2Sv": True, "isEnforcedIn2Sv": True}, dict.fromkeys(FLAGS))
    assert [r.registered for r in registered] == [True, None] and [s.scope for s in flags] == ["account:0"]


def test_suspended_archived_and_guests():
    given = (
        {"suspended": True, "suspensionReason": "ADMIN"}, {"archived": True},
        {"suspended": False, "isGuestUser": True, "suspensionReason": "stale"},
    )  # fmt: skip
    accounts, _, _ = people(*given)
    assert [(a.enabled, a.status, a.status_reason) for a in accounts] == [
        (False, "suspended", "ADMIN"), (False, "archived", None), (True, "active", None),
    ]  # fmt: skip
    assert [(a.kind, a.external) for a in accounts][1:] == [("member", False), ("guest", True)]
    (lone,), _, _ = people({"suspended": False})
    assert lone.enabled is lone.status is None  # nobody said whether anybody is archived


def activity(*events, **changes):
    record = {
        "id": {"time": "2026-10-05T07:41:12.310Z", "uniqueQualifier": "-73"},
        "actor": {"email": "Anna@hof.example", "profileId": "111"},
        "ipAddress": "203.0.113.7",
        "networkInfo": {"ipAsn": [64500], "regionCode": "FR", "subdivisionCode": "FR-IDF"},
        "events": list(events),
    }
    return list(login_activities.rows(page(items=[{k: v for k, v in (record | changes).items() if v is not None}])))


def event(name, type="login", **parameters):
    def contained(value):
        kinds = {bool: "boolValue", list: "multiValue", int: "intValue"}
        return {kinds.get(builtin_type(value), "value"): value}

    return {"type": type, "name": name, "parameters": [{"name": k, **contained(v)} for k, v in parameters.items()]}


builtin_type = type


def test_a_plain_success():
    (row,) = activity(event("login_success", login_type="google_password", login_challenge_method=["password"]))
    assert row.sign_in_id == "2026-10-05T07:41:12.310Z/-73/0"
    assert (row.account_id, row.username) == ("111", "anna@hof.example")
    assert (row.country, row.country_source, row.city, row.asn) == ("FR", "provider", "FR-IDF", 64500)
    assert (row.outcome, row.mfa, row.client, row.risk) == ("success", "single_factor", "google_password", None)


@pytest.mark.parametrize(
    "method, login_type, mfa",
    [
        (["password", "google_prompt"], "google_password", "satisfied"),
        ("security_key", "google_password", "satisfied"),
        ("password", "google_password", "single_factor"),
        ("password", "reauth", "unknown"),
        (["saml"], "saml", "unknown"),
        (["password", "new_method"], "google_password", "unknown"),
        ([], "google_password", "unknown"),
        (["password", "knowledge_employee_id"], "google_password", "unknown"),
    ],
)
def test_second_factor_only_on_evidence(method, login_type, mfa):
    (row,) = activity(event("login_success", login_type=login_type, login_challenge_method=method))
    assert (row.outcome, row.mfa) == ("success", mfa)


@pytest.mark.parametrize("passed", ["passed", "Challenge Passed."])
def test_a_verification_in_the_same_record_is_evidence(passed):
    step = event("login_verification", is_second_factor=True, login_challenge_status=passed)
    rows = activity(step, event("login_success", login_type="google_password", login_challenge_method=["password"]))
    assert [(row.outcome, row.mfa) for row in rows] == [("interrupted", "satisfied"), ("success", "satisfied")]
    assert len({row.sign_in_id for row in rows}) == 2


@pytest.mark.parametrize(
    "given, outcome",
    [
        (event("login_challenge", login_challenge_status="Challenge Failed.", login_challenge_method="google_prompt"),
         "stopped_after_password"),
        (event("login_challenge", login_challenge_status="failed", login_challenge_method="captcha"), "failure"),
        (event("login_verification", login_challenge_status="failed", login_challenge_method="passkey"), "failure"),
        (event("login_verification", login_challenge_status="failed", login_challenge_method="security_key",
               is_second_factor=True), "stopped_after_password"),
        (event("login_challenge", login_challenge_status=""), "interrupted"),
        (event("login_failure", login_failure_type="login_failure_invalid_password"), "failure"),
        (event("suspicious_login", "account_warning", login_timestamp=1759650072310000), "blocked"),
        (event("something_new"), None),
    ],
)  # fmt: skip
def test_outcomes(given, outcome):
    (row,) = activity(given)
    assert row.outcome == outcome


@pytest.mark.parametrize(
    "name, type",
    [("logout", "login"), ("2sv_enroll", "2sv_change"), ("password_edit", "password_change"),
     ("account_disabled_hijacked", "account_warning"), ("something_new", "something_else")],
)  # fmt: skip
def test_what_is_no_sign_in_gives_no_row(name, type):
    assert activity(event(name, type)) == []


def test_odd_shapes():
    (row,) = activity(events=event("login_success", is_suspicious="true"))  # an object for a list
    assert row.outcome == "success" and row.risk == "suspicious"
    warned = event("suspicious_login_less_secure_app", "account_warning", affected_email_address="Bo@hof.example")
    (row,) = activity(warned, actor={"profileId": "105250506097979753968"})
    assert (row.username, row.account_id, row.legacy, row.risk) == ("bo@hof.example", None, True, "suspicious")
    (row,) = activity(event("login_success"), networkInfo=None, ipAddress=None, actor=None)
    assert (row.country, row.country_source, row.asn, row.address, row.account_id) == (None,) * 5
    for code in ("XX", "ZZ", "T1", "", "FRA", None):
        (row,) = activity(event("login_success"), networkInfo={"ipAsn": ["64501"], "regionCode": code})
        assert (row.country, row.country_source, row.asn) == (None, None, 64501)
    assert activity() == activity(events=None) == [] == list(login_activities.rows(b"{}"))
    with pytest.raises(CollectError):
        activity(event("login_success"), id={"time": "soon"})


def test_days_are_cut_at_midnight_newest_first_and_end_where_the_log_does():
    days = list(login_activities.days(Window(datetime(2026, 1, 1, 22), datetime(2026, 1, 3))))
    assert days == [
        (datetime(2026, 1, 2), datetime(2026, 1, 3)), (datetime(2026, 1, 1, 22), datetime(2026, 1, 2)),
    ]  # fmt: skip
    long = list(login_activities.days(Window(datetime(2020, 1, 1), datetime(2026, 1, 3, 12))))
    assert len(long) == 181 and long[-1][0] == datetime(2025, 7, 7, 12)


def held(*items, groups=None, **role):
    known = page(items=[{"roleId": "9", "roleName": "Front desk", **role}])
    body = page(items=[{"roleId": "9", "assignedTo": "7", "scopeType": "CUSTOMER", **item} for item in items])
    return list(roles.rows(roles.Page(body, (known,), groups or {})))


@pytest.mark.parametrize(
    "role, judged",
    [
        ({"rolePrivileges": []}, ("Front desk", False, False, False, False)),
        ({"rolePrivileges": [{"privilegeName": "USERS_RETRIEVE"}]}, ("Front desk", False, False, False, False)),
        ({"rolePrivileges": [{"privilegeName": "USERS_SECURITY"}]}, ("Front desk", True, False, False, True)),
        ({"rolePrivileges": [{"privilegeName": "USER_SECURITY_ALL"}]}, ("Front desk", True, False, False, True)),
        ({"rolePrivileges": [{"privilegeName": "GROUPS_UPDATE"}]}, ("Front desk", True, False, False, False)),
        ({"rolePrivileges": [{"privilegeName": "ADMIN_ROLE_MANAGEMENT"}]}, ("Front desk", True, True, False, False)),
        ({"rolePrivileges": [{"privilegeName": "APP_ADMIN"}]}, ("Front desk", None, False, False, False)),
        ({"rolePrivileges": [{"privilegeName": "USERS_NEW"}]}, ("Front desk", None, False, False, None)),
        ({}, ("Front desk", None, None, False, None)),
        ({"roleName": "_HELP_DESK_ADMIN_ROLE"}, ("Help Desk Admin", True, None, False, True)),
        ({"isSuperAdminRole": True}, ("Front desk", True, True, True, True)),
        ({"roleName": "_SEED_ADMIN_ROLE"}, ("Super Admin", True, True, True, True)),
        ({"roleName": "_FUTURE_ROLE"}, ("_FUTURE_ROLE", None, None, False, None)),
        ({"roleId": "1"}, (None, None, None, None, None)),
    ],
)
def test_what_a_role_can_do(role, judged):
    (row,) = held({"assigneeType": "USER"}, **role)
    assert (row.role, row.privileged, row.highly_privileged, row.highest, row.resets_credentials) == judged


def test_who_holds_it_and_for_how_long():
    (row,) = held({"assigneeType": "user", "expirationDetails": {"expireTime": "2026-12-01T00:00:00Z"}})
    assert (row.holder_kind, row.permanent, row.ends_at) == ("account", False, datetime(2026, 12, 1))
    (row,) = held({"scopeType": "ORG_UNIT", "orgUnitId": "id:03ph", "condition": "true"})
    assert (row.scope, row.scope_id) == ("organisational unit 03ph, under a condition", "03ph")
    assert (row.holder_kind, row.permanent) == (None, True)  # nobody said that it is no group
    robot = {"id": "5", "type": "USER", "email": "robot@project.iam.gserviceaccount.com"}
    listed = [
        {"type": "CUSTOMER"},
        {"id": "3", "type": "USER", "email": "bo@far.example"},
        {"id": "4", "type": "GROUP"},
    ]
    rows = held(
        {"assigneeType": "group"}, groups={"7": roles.Group(page(name="Helpers"), (page(members=[*listed, robot]),))}
    )
    assert [(r.holder_id, r.holder_kind, r.holder_name, r.via, r.members_known) for r in rows] == [
        ("7", "group", None, "Helpers", True), ("3", "account", "bo@far.example", "Helpers", True),
        ("5", "service_principal", robot["email"], "Helpers", True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "flag, enrolled, enabled, verdict",
    [
        ("true", True, True, "enforced"), ("true", False, True, "enforced"), ("true", None, None, "enforced"),
        ("false", True, True, "not_enforced"), ("false", False, True, "not_enforced"), (None, True, True, "unknown"),
        ("true", True, False, "blocked"), (None, None, False, "blocked"),
    ],
)  # fmt: skip
def test_verdicts(flag, enrolled, enabled, verdict):
    rows = [Account("1", enabled=enabled), MfaRegistration("1", enrolled)]
    rows += [Setting(users.ENFORCED, flag, "account:1"), Setting("other", "true", "account:1")][flag is None :]
    tables = SimpleNamespace(rows=lambda table: (row for row in rows if isinstance(row, table)))
    (row,) = enforcement.rows(tables, {"users": Incomplete(0, NotGranted("No scope."))}, datetime(2026, 1, 1), {})
    assert row.verdict == verdict and row.reason
    assert bool(row.gaps) is (verdict == "enforced" and enrolled is False)
    assert ("No scope." in row.reason) is (verdict == "unknown")


def test_an_emergency_account_is_one_that_the_configuration_names():
    rows = [Account("1", username="Notfall@hof.example", enabled=True), Account("2", enabled=True),
            Account("3", username="notfall2@hof.example", enabled=False)]  # fmt: skip
    tables = SimpleNamespace(rows=lambda table: (row for row in rows if isinstance(row, table)))
    for named, expected in ((("notfall@hof.example", "notfall2@hof.example"), [True, False, True]), ((), [False] * 3)):
        config = {"emergency_accounts": named} if named else {}
        found = enforcement.rows(tables, {}, datetime(2026, 1, 1), config)
        assert [row.emergency for row in found] == expected


# Any JSON of the right outer shape: the fields we read with values of their types, now and then anything at all.
WORDS = st.sampled_from((
    "login", "login_success", "login_challenge", "login_verification", "login_challenge_status", "passed", "group",
    "USER", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2026-10-05T07:41:12.310Z",
    "9" * 30, "\ud800", "\u202e", "admin", "USER_SETTINGS", "NEW_VALUE", "authorize", "revoke", "client_id",
    "login_timestamp", "account_warning", "gov_attack_warning",
))  # fmt: skip
BASIC = {
    str: WORDS | st.text(max_size=5),
    int: st.integers(),
    float: st.floats(),
    bool: st.booleans(),
    type(None): st.none(),
}
JUNK = st.recursive(
    st.one_of(*BASIC.values()), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2)
)


def of(kind):
    if kind is Any:
        return JUNK
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return st.fixed_dictionaries({}, optional={f.name: of(f.type) for f in msgspec.structs.fields(kind)})
    if get_origin(kind) is list:
        return st.lists(of(*get_args(kind)), max_size=3)
    if get_args(kind):
        return st.one_of(*(of(one) for one in get_args(kind) if one is not msgspec.UnsetType))
    return BASIC[kind]


def body(kind):
    return st.one_of(of(kind), of(kind), JUNK).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=9)


def documents(name):
    """Policies or assignments: raw documents inside a page."""
    query = st.fixed_dictionaries({}, optional={"query": WORDS, "sortOrder": JUNK, "orgUnit": JUNK, "group": WORDS})
    setting = st.fixed_dictionaries(
        {}, optional={"type": SETTINGS | JUNK, "value": st.dictionaries(FIELDS, JUNK) | JUNK}
    )
    keys = {"name": WORDS | JUNK, "policyQuery": query | JUNK, "setting": setting | JUNK, "type": WORDS, "rank": JUNK,
            "ssoMode": WORDS | JUNK, "targetGroup": WORDS | JUNK, "targetOrgUnit": WORDS}  # fmt: skip
    some = st.lists(st.fixed_dictionaries({}, optional=keys) | JUNK, max_size=3).map(lambda rows: {name: rows})
    return st.one_of(some, some, JUNK).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=9)


SETTINGS = st.sampled_from([f"settings/{name}" for name in policies.SETTINGS])
FIELDS = st.sampled_from([field for one in policies.SETTINGS.values() for field, _ in one.values()])
GROUPS = st.dictionaries(WORDS, st.builds(roles.Group, body(roles.About), st.tuples(body(roles.Members))), max_size=2)


@pytest.mark.parametrize(
    "dataset, pages",
    [
        (users.DATASET, st.builds(users.Page, body(users.Users), st.frozensets(st.sampled_from(FLAGS)))),
        (org_units.DATASET, body(org_units.Units)),
        (policies.DATASET, st.builds(policies.Page, st.tuples(documents("policies")), st.none() | WORDS)),
        (sso.DATASET, documents("inboundSsoAssignments")),
        (
            policy_groups.DATASET,
            st.builds(
                policy_groups.Page,
                WORDS,
                st.none() | body(roles.About),
                st.none() | st.tuples(body(roles.Members)),
                st.booleans(),
            ),
        ),
        (licenses.DATASET, body(licenses.Items)),
        (login_activities.DATASET, body(activities.Activities)),
        (saml_activities.DATASET, body(activities.Activities)),
        (login_signals.DATASET, body(activities.Activities)),
        (admin_audits.DATASET, body(activities.Activities)),
        (
            token_activities.DATASET,
            body(activities.Activities).map(lambda page: token_activities.Changes(page, datetime(2026, 1, 1))),
        ),
        (
            token_activities.DATASET,
            body(activities.Activities).map(lambda page: token_activities.Grants((zlib.compress(page),), frozenset())),
        ),
        (alerts.DATASET, body(alerts.Alerts)),
        (customer.DATASET, st.builds(customer.Page, body(customer.Domains), st.none() | body(customer.Customer))),
        (usage.DATASET, st.builds(usage.Page, body(usage.Reports), st.just(date(2026, 1, 1)))),
        (tokens.DATASET, st.builds(tokens.Page, st.just("7"), st.none() | body(tokens.Tokens))),
        (app_passwords.DATASET, st.builds(app_passwords.Page, st.just("7"), st.none() | body(app_passwords.Passwords))),
        (devices.DATASET, st.builds(devices.Page, body(devices.Devices), st.just({}))),
        (devices.PHONES, st.builds(devices.Page, body(devices.Phones), st.just({}))),
        (roles.DATASET, st.builds(roles.Page, body(roles.Assignments), st.tuples(body(roles.Roles)), GROUPS)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_any_page_gives_rows_or_an_error_we_know(dataset, pages):
    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(pages)
    def run(page):
        try:
            assert all(isinstance(row, Row) for row in dataset.rows(page))
        except CollectError as error:
            assert error.detail

    run()
