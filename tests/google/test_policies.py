"""Policies, single sign-on, units, groups and licences: what is asked, what comes of it, and what refusals cost."""

from __future__ import annotations

import json

import pytest

from keyround.connector import Complete, Incomplete, NotOffered
from keyround.model import AccessPolicy, Group, GroupMember, OrgUnit, Setting
from keyround_fixtures import Fault
from keyround_google import org_units, policies, policy_groups, sso

NAMES = ("org_units", "policies", "sso", "policy_groups", "licenses")


def of(found, name, table):
    return [row for row in found[name][1] if isinstance(row, table)]


def asked(cloud, path):
    return [request for request in cloud.requests if path in request.path]


def test_everything_at_the_fewest_requests(gather, settings, cloud):
    found = gather(settings, *NAMES)
    assert all(isinstance(outcome, Complete) and not outcome.without for outcome, _ in found.values())
    tables = cloud.tenants[0].tables
    documents = {row.policy_id: row for row in of(found, "policies", AccessPolicy)}
    assert documents.keys() == {row["name"] for row in tables["policies"]}
    assert [json.loads(documents[row["name"]].document) for row in tables["policies"]] == tables["policies"]
    assert len(of(found, "sso", AccessPolicy)) == len(tables["inboundSsoAssignments"])
    groups = of(found, "policy_groups", Group)
    assert (
        len(asked(cloud, "/v1/policies")) == len(asked(cloud, "/v1/inboundSso")) == len(asked(cloud, "orgunits")) == 1
    )
    assert len(asked(cloud, "/batch")) == 1 and [group.exists for group in groups].count(False) == 1
    assert len(asked(cloud, "/licensing/")) == 1
    assert {row.member_id for row in of(found, "policy_groups", GroupMember)} > {
        user["id"] for user in tables["users"] if user["primaryEmail"].startswith(("ilja.sorokin", "pia.rathje"))
    }  # pia is in a group inside the group


def test_the_root_is_the_tenant_and_everything_else_says_where(gather, settings, cloud):
    found = gather(settings, "org_units", "policies")
    units = {row.path: row for row in of(found, "org_units", OrgUnit)}
    assert units["/"].parent_id is None and units["/Atelier/Nord"].parent_id == units["/Atelier"].unit_id
    values = {(row.name, row.scope): row.value for row in of(found, "policies", Setting)}
    assert values["two_step_factors", "tenant"] == "ALL" and values["session_length", "tenant"] == "1209600"
    assert values["two_step_factors", f"unit:{units['/IT'].unit_id}"] == "NO_TELEPHONY"
    assert "true" in [
        value for (name, scope), value in values.items() if name == "less_secure_apps" and "group:" in scope
    ]
    assert not [name for name, _ in values if name.startswith("password")]  # under a condition: a licence


@pytest.mark.parametrize(
    "fault",
    [
        Fault(
            "/v1/policies.*filter=", status=400, data={"error": {"code": 400, "message": "Invalid filter."}}, times=9
        ),
        Fault("/v1/policies.*filter=", status=200, data={}, times=9),
        Fault("/v1/policies", kind="empty"),
        Fault("/v1/policies", body="google_429", times=3),
        Fault("/v1/policies", kind="truncated", times=2),
    ],
    ids=["the filter is refused", "the filter finds nothing", "a blank page", "too fast", "broken off"],
)
def test_the_same_policies_whatever_happens(fault, gather, settings, cloud):
    whole = gather(settings, "org_units", "policies")["policies"][1]
    cloud.faults.append(fault)
    fault.seen = 0
    outcome, rows = gather(settings, "org_units", "policies")["policies"]
    assert isinstance(outcome, Complete) and rows == whole


def test_what_came_before_a_break_is_kept(gather, settings, cloud):
    second = Fault("/v1/policies.*pageToken=", body="google_403_permission_denied", times=9)
    cloud.faults += [Fault("/v1/policies", kind="duplicate"), second]
    outcome, rows = gather(settings, "policies")["policies"]
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "NotGranted" and rows


@pytest.mark.parametrize("name", ["org_units", "policies", "sso"])
def test_a_refused_scope_costs_its_own_data_only(name, gather, settings, cloud):
    dataset = next(one.DATASET for one in (org_units, policies, sso) if one.DATASET.name == name)
    cloud.deny(cloud.tenants[0], dataset.grants[0].rsplit("/", 1)[1])
    found = gather(settings, *NAMES)
    assert found[name][0].error.kind == "NotGranted" and dataset.grants[0] in found[name][0].error.remedy
    assert [one for one, (outcome, _) in found.items() if not isinstance(outcome, Complete)] == [name]


def test_policies_need_a_super_administrator(gather, settings, cloud):
    subject = "wanda.preuss@atelier-hollenstedt.example"
    error = gather(settings | {"subject": subject}, "policies")["policies"][0].error
    assert error.kind == "NotGranted" and "super administrator" in error.remedy


def test_groups_that_cannot_be_read(gather, settings, cloud):
    cloud.faults.append(Fault("/members", status=418, data={"error": {"code": 418, "message": "Odd."}}))
    outcome, rows = gather(settings, "policies", "sso", "policy_groups")["policy_groups"]
    groups = [row for row in rows if isinstance(row, Group)]
    assert isinstance(outcome, Complete) and set(outcome.without) == {"members_known"}
    assert [row.exists for row in groups].count(None) == 1 and [row.members_known for row in groups].count(True) > 3
    cloud.requests.clear()
    cloud.deny(cloud.tenants[0], "admin.directory.group.readonly")
    outcome, rows = gather(settings, "policies", "sso", "policy_groups")["policy_groups"]
    assert outcome.error.kind == "NotGranted" and len(asked(cloud, "/token")) == 3
    assert {(row.exists, row.members_known) for row in rows} == {(None, False)} and len(rows) == len(groups)


def test_a_group_of_several_pages_is_read_to_its_end(gather, settings, cloud):
    whole = gather(settings, "policies", "sso", "policy_groups")["policy_groups"][1]
    cloud.faults.append(Fault("/members", kind="duplicate"))
    again = gather(settings, "policies", "sso", "policy_groups")["policy_groups"][1]
    assert set(again) == set(whole) and asked(cloud, "/members")


def test_a_line_that_breaks_keeps_what_came(gather, settings, cloud):
    cloud.faults.append(Fault("/members", body="google_503", after=3, times=99))
    outcome, rows = gather(settings, "policies", "sso", "policy_groups")["policy_groups"]
    known = [row.members_known for row in rows if isinstance(row, Group)]
    assert outcome.error.kind == "Throttled" if isinstance(outcome, Incomplete) else outcome.without
    assert True in known and False in known


def test_products_that_policies_name_are_asked_for(gather, settings, cloud):
    table = cloud.tenants[0].tables
    before = table["policies"]
    query = "entity.licenses.exists(l, l in ['/product/101047/sku/1', '/product/Google-Apps/sku/2'])"
    table["policies"] = [*before, {**before[0], "policyQuery": {"query": query}}]
    try:
        assert isinstance(gather(settings, "policies", "licenses")["licenses"][0], Complete)
    finally:
        table["policies"] = before
    assert {request.path.split("/")[-2] for request in asked(cloud, "/licensing/")} == {"101047", "Google-Apps"}


def test_no_group_is_named_no_group_is_asked_for(gather, big):
    assert isinstance(gather(big, "policy_groups")["policy_groups"][0], NotOffered)


def test_licences_are_a_module(gather, settings, cloud):
    cloud.deny(cloud.tenants[0], "apps.licensing")
    outcome, rows = gather(settings, "licenses")["licenses"]
    assert outcome.error.kind == "NotEnabled" and "licenses" in outcome.error.detail and not rows
    assert len(asked(cloud, "/token")) == 1


def body(**answer):
    return json.dumps(answer).encode()


def test_units_without_their_top_are_given_one():
    page = body(organizationUnits=[
        {"orgUnitId": "id:03a", "orgUnitPath": "/A", "parentOrgUnitId": "id:03r", "parentOrgUnitPath": "/"},
        {"orgUnitId": "id:03b", "orgUnitPath": "/B", "parentOrgUnitId": "id:03r", "parentOrgUnitPath": "/"},
        {"orgUnitPath": "/C"},
    ])  # fmt: skip
    assert [(row.unit_id, row.path) for row in org_units.rows(page)] == [("03a", "/A"), ("03r", "/"), ("03b", "/B")]
    assert list(org_units.rows(b"{}")) == []


def test_odd_policies_are_kept():
    raw = [
        {"name": "policies/1", "setting": {"type": "settings/security.hologram", "value": {"x": True}}},
        {"name": "policies/2", "policyQuery": {"sortOrder": "2"},
         "setting": {"type": "security.password", "value": {"minimumLength": "12", "allowReuse": "True"}}},
        {"name": "policies/3", "policyQuery": {"sortOrder": 1},
         "setting": {"type": "settings/security.password", "value": {"minimumLength": 8}}, "type": "SYSTEM"},
        {"name": "policies/4", "setting": {"type": "settings/calendar.external_invitations", "value": {}}},
        {"setting": {"type": "settings/security.password"}, "policyQuery": None},
        {"name": "policies/5", "setting": {"type": "settings/security.two_step_verification_enforcement", "value": {}}},
    ]  # fmt: skip
    rows = list(policies.rows(policies.Page((body(policies=raw[:3]), body(policies=raw[3:]), b"{}"))))
    kept = {row.policy_id: (row.name, row.state) for row in rows if isinstance(row, AccessPolicy)}
    assert kept == {
        "policies/1": ("security.hologram", "enabled"), "policies/2": ("Password policy", "enabled"),
        "policies/3": ("Password policy", "enabled"), "settings/security.password/None": ("Password policy", "enabled"),
        "policies/5": ("Enforcement of 2-Step Verification", "disabled"),
    }  # fmt: skip
    values = {row.name: (row.scope, row.value) for row in rows if isinstance(row, Setting)}
    assert values == {"password_minimum_length": ("tenant", "12"), "password_reuse": ("tenant", "true")}


def test_members_of_every_kind():
    members = [{"id": "1", "type": "USER"}, {"id": "2", "type": "GROUP"}, {"id": "C0", "type": "CUSTOMER"},
               {"id": "4", "type": "EXTERNAL"}, {"type": "USER"}]  # fmt: skip
    found = policy_groups.rows(policy_groups.Page("g", body(email="g@hof.example"), (body(members=members), b"{}")))
    group, *inside = found
    assert (group.name, group.exists, group.members_known) == ("g@hof.example", True, True)
    assert [(row.member_id, row.member_kind) for row in inside] == [
        ("1", "account"), ("C0", "everybody"), ("4", "external"),
    ]  # fmt: skip
