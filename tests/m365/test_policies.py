"""Policies, locations and groups as they are read of the invented company, and what is done when some are refused."""

from __future__ import annotations

import copy
import json

import pytest

from keyround.connector import Complete, Incomplete, NotOffered
from keyround.model import Group, GroupMember
from keyround_fixtures import Cloud, Fault, load
from tests.napping import NOW

from .conftest import settings_of

ALL = ("access_policies", "named_locations", "policy_groups")


def test_policies_keep_their_documents_and_say_their_state(gather, settings):
    outcome, rows = gather(settings, *ALL)["access_policies"]
    assert isinstance(outcome, Complete)
    states = {row.name: row.state for row in rows}
    assert states["MFA alle"] == "enabled" and states["Test (aus)"] == "disabled"
    assert states["Administratoren: Phishing-resistent"] == "report_only"
    document = json.loads(next(row.document for row in rows if row.name == "MFA alle"))
    assert document["grantControls"]["builtInControls"] == ["mfa"]


def test_only_groups_that_a_live_policy_names_are_read_with_everybody_in_them(gather, settings, cloud):
    outcome, rows = gather(settings, *ALL)["policy_groups"]
    groups = {row.group_id: row for row in rows if isinstance(row, Group)}
    assert isinstance(outcome, Complete) and not outcome.without
    assert {(g.name, g.exists, g.members_known) for g in groups.values()} == {
        ("Altbestand", True, True), ("Maschinenkonten", True, True), (None, False, False),
    }  # fmt: skip
    members = [row for row in rows if isinstance(row, GroupMember)]
    assert {groups[row.group_id].name: 0 for row in members}.keys() == {"Altbestand", "Maschinenkonten"}
    assert {row.member_kind for row in members} == {"account", "service_principal"}
    posts = [request for request in cloud.requests if request.path.endswith("$batch")]
    assert len(posts) == 1


def test_a_group_that_may_not_be_read_is_a_row_that_says_so(gather, settings, cloud):
    group = next(row["id"] for row in cloud.tenants[0].tables["groups"] if row["displayName"] == "Altbestand")
    cloud.faults.append(Fault(f"{group}/transitiveMembers", body="403_authorization_requestdenied"))
    outcome, rows = gather(settings, *ALL)["policy_groups"]
    assert isinstance(outcome, Complete) and outcome.without["members_known"].kind == "NotGranted"
    assert [row.members_known for row in rows if isinstance(row, Group) and row.exists].count(False) == 1


def test_without_beta_v1_serves(gather, settings, cloud):
    cloud.faults.append(Fault("/beta/identity/conditionalAccess", body="400_segment_not_found", times=9))
    outcome, rows = gather(settings, "access_policies")["access_policies"]
    assert isinstance(outcome, Complete) and {row.source for row in rows} == {"v1.0"}


def test_refused_policies_are_incomplete_and_nothing_else_is_asked(gather, settings, cloud):
    cloud.deny("m365", "Policy.Read.All")
    found = gather(settings, *ALL)
    assert isinstance(found["access_policies"][0], Incomplete)
    assert isinstance(found["named_locations"][0], NotOffered) and isinstance(found["policy_groups"][0], NotOffered)


def test_a_strength_that_a_policy_only_names_is_looked_up(gather):
    company = load("m365", now=NOW)
    policies = copy.deepcopy(list(company.tables["conditionalAccessPolicies"]))
    strength = next(
        p["grantControls"]["authenticationStrength"] for p in policies if p["grantControls"]["authenticationStrength"]
    )
    strength["allowedCombinations"] = []
    company.tables["conditionalAccessPolicies"] = policies
    with Cloud(company) as cloud:
        _, rows = gather(settings_of(cloud, 0), "access_policies")["access_policies"]
    assert {row.kind for row in rows} == {"policy", "strength"}


@pytest.mark.parametrize("plan", ["standard"])
def test_a_tenant_without_p1_has_no_policies_which_is_the_truth(gather, plan):
    with Cloud(load("m365", now=NOW, plan=plan)) as cloud:
        found = gather(settings_of(cloud, 0), *ALL)
    assert found["access_policies"] == (Complete(0), [])
    assert isinstance(found["named_locations"][0], NotOffered)
