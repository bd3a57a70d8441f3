"""People and their power: flags over a whole listing, who an administrator is once everything is known together."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.napping import NOW, Nap

from keyround.config import Client, TenantConfig
from keyround.connector import Complete, DataSet, Incomplete, Without, table_outcome
from keyround.engine.results import Evaluated
from keyround.engine.rule import load
from keyround.errors import NotGranted
from keyround.model import Account, AccountMeasure, AccountUse, OrgUnit, RoleAssignment
from keyround.scan import scan
from keyround.store import ClientStore
from keyround_google import CONNECTOR, administrators, users


def page(**body):
    return json.dumps(body).encode()


def admin(listing):
    return SimpleNamespace(listing=listing, customer="C", directory=SimpleNamespace(users=list))


def listed(*bodies):
    """The pages of one listing as the data set yields them."""
    found = users.pages(admin(lambda *_, **__: iter(bodies)), None)
    return [one for one in found if isinstance(one, users.Page)]


def accounts(pages):
    return [row for one in pages for row in users.rows(one) if isinstance(row, Account)]


@pytest.mark.parametrize(
    "login, agreed, activity",
    [(None, False, "never"), (None, True, None), ("1970-01-01T00:00:00Z", True, "never"),
     ("2026-01-01T00:00:00Z", False, "seen")],
)  # fmt: skip
def test_terms_that_nobody_agreed_to_are_no_login(login, agreed, activity):
    one = {"id": "1", "lastLoginTime": login, "agreedToTerms": agreed, "creationTime": "2025-01-01T00:00:00Z"}
    (account,) = accounts(listed(page(users=[one])))
    assert account.activity == activity
    assert account.unused_since == {"never": datetime(2025, 1, 1), "seen": datetime(2026, 1, 1), None: None}[activity]


ALL_FALSE = dict.fromkeys(sorted(users.AWAITED), False)


def statuses(pages):
    return [(account.status, account.administrator) for account in accounts(pages)]


def test_a_flag_is_told_by_the_whole_listing_not_by_each_page():
    first, second = page(users=[{"id": "1"}]), page(users=[{"id": "2", **ALL_FALSE, "isAdmin": True}])
    assert statuses(listed(first, second)) == [("active", "none"), ("active", "highest")]
    assert statuses(listed(second, first)) == [("active", "highest"), ("active", "none")]


def test_pages_go_on_at_once_where_every_flag_is_told():
    asked = []

    def listing(*_, **__):
        for number in range(3):
            asked.append(number)
            yield page(users=[{"id": str(number), **ALL_FALSE}])

    found = users.pages(admin(listing), None)
    next(one for one in found if isinstance(one, users.Page))
    assert asked == [0]


def test_a_listing_that_breaks_off_keeps_what_came():
    def listing(*_, **__):
        yield page(users=[{"id": "1"}])
        raise NotGranted("No more.")

    found = []
    with pytest.raises(NotGranted):
        for one in users.pages(admin(listing), None):
            found.append(one)  # noqa: PERF402 - what came before the error is the point
    assert statuses(found) == [(None, None)]


def test_false_that_is_left_out_is_false_where_the_answer_shows_that_it_leaves_it_out():
    shown = page(users=[{"id": "1", "isAdmin": True, "isEnrolledIn2Sv": True}, {"id": "2"}])
    assert statuses(listed(shown)) == [("active", "highest"), ("active", "none")]
    written = page(users=[{"id": "1", "isAdmin": True, "isEnrolledIn2Sv": False}, {"id": "2"}])
    assert statuses(listed(written)) == [(None, "highest"), (None, None)]
    unasked = Without(("enabled", "status"), NotGranted("No such field."))
    assert statuses(listed(unasked, shown)) == [(None, "highest"), (None, None)]
    (one,) = listed(page(users=[{"id": "1", "isAdmin": True}, {"id": "2"}]))
    told = [row for row in users.rows(one) if not isinstance(row, Account)]
    assert [row.registered for row in told] == [None, None]  # whether anybody is enrolled at all must be said


def test_recovery_data_goes_no_further_than_that_it_is_there():
    one = users.decode(b'{"recoveryEmail":"a@b.example","recoveryPhone":""}', users.User)
    assert (one.recoveryEmail, one.recoveryPhone) == (True, False)


def completed(assignments, people=(), units=(), outcome=None):
    given = {RoleAssignment: assignments, Account: people, OrgUnit: units}
    tables = SimpleNamespace(rows=lambda table: iter(given[table]))
    outcomes = {"users": outcome or Complete(len(people))}
    return list(administrators.rows(tables, outcomes, datetime(2026, 11, 1), {}))


def test_a_holder_whom_the_directory_does_not_know_is_a_service_account_or_deleted():
    direct, through = (
        RoleAssignment("9", "account"),
        RoleAssignment("8", "account", via_id="g", holder_name="bo@far.example"),
    )
    untyped = RoleAssignment("7", None)
    kinds = [row.holder_kind for row in completed([direct, through, untyped], [Account("1")])]
    assert kinds == ["no_person", "account", None]
    assert [row.holder_kind for row in completed([direct], outcome=Incomplete(0, NotGranted("No.")))] == ["account"]
    (known,) = completed([untyped], [Account("7")])
    assert known.holder_kind == "account"


def test_a_role_for_everybody_is_everybody_s():
    everybody = RoleAssignment("g", "group", "r", privileged=True, via_id="g", via="All", members_known=True)
    named = replace(everybody, holder_id="2", holder_kind="account")
    found = completed([everybody, named], [Account("1"), Account("2")])
    assert [(row.holder_id, row.holder_kind) for row in found] == [("1", "account"), ("2", "account")]
    (unread,) = completed([everybody], outcome=Incomplete(0, NotGranted("No.")))
    assert (unread.holder_kind, unread.members_known) == ("group", False)


def test_what_has_ended_is_no_role_and_a_unit_is_called_by_its_path():
    over = RoleAssignment("1", "account", ends_at=datetime(2026, 11, 1))
    running = RoleAssignment("2", "account", scope="organisational unit 03ph, under a condition", scope_id="03ph",
                             ends_at=datetime(2026, 11, 2))  # fmt: skip
    (row,) = completed([over, running], [Account("1"), Account("2")], [OrgUnit("03ph", "/Sales")])
    assert (row.holder_id, row.scope) == ("2", "organisational unit /Sales, under a condition")
    (row,) = completed([running], [Account("2")])
    assert row.scope == running.scope


def test_an_administrator_by_the_directory_s_flag_is_one_without_a_role_row():
    flags = {"1": "highest", "2": "other", "3": "none", "4": None, "5": "highest", "6": "other"}
    people = [Account(key, administrator=flag) for key, flag in flags.items()]
    rows = [RoleAssignment("5", "account", "s", highest=True), RoleAssignment("6", "account", "h", highest=False),
            RoleAssignment("1", "account", "h", highest=False)]  # fmt: skip
    found = {
        (row.holder_id, row.role, row.privileged, row.highest) for row in completed(rows, people) if not row.role_id
    }
    assert found == {("1", "Super Admin", True, True), ("2", None, None, False)}


def test_roles_that_were_refused_stay_refused_whoever_is_known_by_the_flag():
    outcomes = {"users": Complete(1), "roles": Incomplete(0, NotGranted("No scope."))}
    found = table_outcome(CONNECTOR, outcomes, RoleAssignment)
    assert isinstance(found, Incomplete) and found.error.detail == "No scope."
    untold = {"via": NotGranted("No groups.")}
    found = table_outcome(CONNECTOR, outcomes | {"roles": Complete(0, untold)}, RoleAssignment)
    assert found == Complete(0, untold)


def test_where_mail_is_measured_and_the_measure_was_refused_it_is_said_why_nobody_is_unused():
    report = DataSet("report", (AccountMeasure,), lambda *_: iter(()), lambda _: (), tells="", source="")
    reader = SimpleNamespace(derived=(), datasets=(users.DATASET, report))
    refused = NotGranted("No report.")
    for outcome in (Incomplete(0, refused), *(Complete(0, {f"{which}mail_known": refused}) for which in ("", "old_"))):
        found = table_outcome(reader, {"users": Complete(0), "report": outcome}, AccountUse)
        assert found.without == {"complete": refused}
    assert not table_outcome(reader, {"users": Complete(0), "report": Complete(0)}, AccountUse).without


@pytest.fixture
def judged(cloud, settings, monkeypatch, tmp_path):
    """Scans the company and judges it: (rule, user name before the @) -> verdict."""
    monkeypatch.setenv("T", cloud.token(cloud.tenants[0]))
    tenant = {"credential": "token", "token": "env:T", "customer_id": settings["customer_id"], "api_url": cloud.url}
    client = Client("acme", "Acme", (TenantConfig("google", {"connector": "google", **tenant}, Path()),))
    rules = [rule for rule in load() if rule.topic == "administrators" or rule.id == "account-no-second-factor"]
    names = {user["id"]: user["primaryEmail"].partition("@")[0] for user in cloud.tenants[0].tables["users"]}

    def run():
        store = ClientStore(tmp_path, "acme")
        _, found = scan(client, store, rules, NOW.replace(tzinfo=None), 1, Nap().clock, lambda *_: None)
        return {
            (result.rule.id, names.get(one.subject, one.subject)): one.verdict
            for result in found.results if isinstance(result, Evaluated) for one in result.judged
        }  # fmt: skip

    return run


def test_the_administrators_of_the_company_are_judged_as_an_expert_would(judged, cloud):
    verdicts = judged()
    failed = {who for (rule, who), verdict in verdicts.items() if (rule, verdict) == ("admin-no-second-factor", "fail")}
    assert failed == {"owner", "pia.rathje", "gesa.mundt"}  # the last by the directory's mark alone
    assert verdicts["admin-no-second-factor", "azubi.helfer"] == "pass"
    assert verdicts["account-no-second-factor", "zeit.vorbei"] == "fail"  # an administrator until last week
    assert verdicts["highest-admin-without-key", "alt.admin"] == "fail"
    assert ("highest-admin-without-key", "owner") not in verdicts  # has no second factor at all, which is told once
    assert not {rule for rule, who in verdicts if who == "fred.geist"}  # suspended: counts nowhere
    (count,) = (verdict for (rule, _), verdict in verdicts.items() if rule == "highest-administrator-count")
    assert count == "pass"


def test_roles_that_were_refused_hide_no_administrator_whom_the_directory_marks(judged, cloud):
    cloud.deny(cloud.tenants[0], "admin.directory.rolemanagement.readonly")
    verdicts = judged()
    failed = {who for (rule, who), verdict in verdicts.items() if (rule, verdict) == ("admin-no-second-factor", "fail")}
    assert failed == {"owner", "pia.rathje", "gesa.mundt"}
    assert verdicts["highest-admin-without-key", "alt.admin"] == "fail"
    passed = {rule for (rule, _), verdict in verdicts.items() if verdict == "pass"}
    assert not passed & {"admin-no-second-factor", "highest-admin-without-key", "highest-administrator-count"}
