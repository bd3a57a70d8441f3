"""Who can do what: roles in force and roles that can be switched on, directly, through groups, by becoming a member."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from keyround.connector import Complete, Incomplete, NotOffered, table_outcomes
from keyround.model import Group, GroupMember, RoleAssignment
from keyround_fixtures import Cloud, Fault, load
from keyround_m365 import CONNECTOR, eligible_roles, pim, role_assignments, role_groups
from tests.napping import NOW

from .conftest import settings_of

HERE = NOW.replace(tzinfo=None)
IT = "Rollen IT-Support"
PIM = ("organization", "role_assignments", "eligible_roles", "role_groups")


@pytest.fixture(scope="module")
def premium() -> Iterator[Cloud]:
    with Cloud(load("m365", now=NOW, plan="p2")) as cloud:
        yield cloud


@pytest.fixture
def p2(premium: Cloud) -> Iterator[Cloud]:
    """The company with Entra ID P2, where roles can be switched on."""
    tenant = premium.tenants[0]
    grants = set(tenant.grants)
    premium.requests.clear()
    yield premium
    premium.faults.clear()
    tenant.grants = grants


@pytest.fixture
def names(p2):
    """Account id -> first part of the user name."""
    return {row["id"]: row["userPrincipalName"].split("@")[0] for row in p2.tenants[0].tables["users"]}


@pytest.fixture
def found(p2, gather):
    return gather(settings_of(p2, 0), *PIM)


def held(rows, names):
    return {(names.get(r.holder_id, r.holder_kind), r.role, r.via): r for r in rows}


def test_ends_are_told_of_what_was_given_for_a_time_or_switched_on(found, names):
    outcome, rows = found["role_assignments"]
    assert isinstance(outcome, Complete) and not outcome.without
    roles = held(rows, names)

    def of(*key):
        row = roles[key]
        return row.state, row.permanent, row.ends_at, row.activated

    assert of("petra.lindner", "Global Administrator", None) == ("active", True, None, False)
    guest = next(name for name in names.values() if name.startswith("a.petersen"))
    assert of(guest, "Global Reader", None) == ("active", False, HERE + timedelta(days=30), False)
    assert of("jens.wolter", "Security Administrator", None) == ("active", False, HERE + timedelta(hours=6), True)
    # The group's role has no end; whether the membership has one, nobody says.
    assert of("mira.tahiri", "Helpdesk Administrator", IT) == ("active", None, None, None)


def test_roles_that_can_be_switched_on(found, names):
    outcome, rows = found["eligible_roles"]
    assert isinstance(outcome, Complete) and not outcome.without and {row.state for row in rows} == {"eligible"}
    roles = {key: (row.permanent, row.ends_at and (row.ends_at - HERE).days) for key, row in held(rows, names).items()}
    exchange = {name: roles[name, "Exchange Administrator", IT] for name in names.values()
                if (name, "Exchange Administrator", IT) in roles}  # fmt: skip
    assert exchange == {
        # In the group already, and by a membership that must be switched on first, in one step or two.
        "jens.wolter": (None, None), "mira.tahiri": (None, None), "frank.alt": (None, None),
        "svenja.lorenz": (False, 90), "arne.holst": (False, 60), "piet.janssen": (False, 10),
    }  # fmt: skip
    # The role is in force for the group: only who must become a member first can switch it on.
    helpdesk = {name for name, role, via in roles if (role, via) == ("Helpdesk Administrator", IT)}
    assert helpdesk == {"svenja.lorenz", "arne.holst", "piet.janssen"}
    assert roles["tobias.krug", "Global Administrator", None] == (False, 180)
    assert roles["jens.wolter", "Security Administrator", None] == (True, None)  # he has switched it on as well
    assert len(roles) == 6 + 3 + 2


def test_the_group_says_who_is_in_it_who_can_get_in_and_who_lets_others_in(found, names):
    outcome, rows = found["role_groups"]
    assert isinstance(outcome, Complete) and not outcome.without
    (group,) = [row for row in rows if isinstance(row, Group)]
    assert group == Group(group.group_id, IT, True, True, True, True, True)
    inside = {(names[r.member_id], r.relation, r.state) for r in rows if isinstance(r, GroupMember)}
    assert inside == {
        ("jens.wolter", "member", "active"),
        ("mira.tahiri", "member", "active"),
        ("frank.alt", "member", "active"),
        ("svenja.lorenz", "member", "eligible"),
        ("arne.holst", "member", "eligible"),
        ("piet.janssen", "member", "eligible"),
        ("dieter.kross", "owner", "active"),
        ("greta.sommer", "owner", "eligible"),
    }  # fmt: skip


def test_scopes_have_names_and_roles_the_id_that_every_tenant_shares(found, names, p2):
    rows = held(found["role_assignments"][1], names)
    unit = rows["lena.voss", "User Administrator", None]
    assert unit.scope == "administrative unit Werk Nord" and unit.scope_id not in unit.scope
    assert rows["heiko.brand", "Cloud Application Administrator", None].scope == "application Backup Nordspeicher"
    everywhere = rows["petra.lindner", "Global Administrator", None]
    assert (everywhere.scope, everywhere.scope_id) == ("tenant", None)
    assert everywhere.template_id == "62e90394-69f5-4237-9190-012177145e10"
    own = rows["lena.voss", "Passwort-Hotline", None]
    assert (own.template_id, own.privileged, own.highly_privileged) == (None, False, False)
    app = rows["service_principal", "Exchange Administrator", None]
    assert (app.holder_name, app.holder_kind) == ("Backup Nordspeicher", "service_principal")
    assert rows["deleted", "User Administrator", None].holder_name is None
    resets = {role: row.resets_credentials for (_, role, _), row in rows.items()}
    assert resets["User Administrator"] is resets["Global Administrator"] is True
    assert (resets["Exchange Administrator"], resets["Passwort-Hotline"]) == (False, None)


def test_without_a_permission_for_names_the_ids_name_the_scopes(gather, p2, names):
    p2.deny("m365", "Directory.Read.All")
    outcome, rows = gather(settings_of(p2, 0), "role_assignments")["role_assignments"]
    unit = held(rows, names)["lena.voss", "User Administrator", None]
    assert isinstance(outcome, Complete) and unit.scope == f"administrative unit {unit.scope_id}"


def test_only_beta_rates_a_role_of_the_tenants_own(gather, p2, names):
    p2.faults.append(Fault("/beta/roleManagement", body="400_segment_not_found", times=9))
    rows = held(gather(settings_of(p2, 0), "role_assignments")["role_assignments"][1], names)
    own = rows["lena.voss", "Passwort-Hotline", None]
    assert (own.privileged, own.highly_privileged, own.template_id) == (None, False, None)


@pytest.mark.parametrize("plan", ["standard", "premium"])
@pytest.mark.parametrize(
    "denied", [(), ("RoleManagement.Read.Directory",)], ids=["asked and told so", "refused what no plan holds"]
)
def test_a_plan_without_pim_lacks_nothing(plan, denied, gather):
    with Cloud(load("m365", now=NOW, plan=plan)) as cloud:
        cloud.deny("m365", *denied)
        found = gather(settings_of(cloud, 0), *PIM)
        asked = [request for request in cloud.requests if "Schedule" in request.path]
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    assert isinstance(outcomes["eligible_roles"], NotOffered)
    assert isinstance(table_outcomes(CONNECTOR, outcomes)["role_assignments"], Complete)
    assert not outcomes["role_assignments"].without and not outcomes["role_groups"].without
    assert {row.permanent for row in found["role_assignments"][1]} == {None}
    assert len(asked) == 1  # once told is enough


@pytest.mark.parametrize("body", ["400_aad_premium_required", "403_not_licensed_feature"])
def test_microsofts_no_beside_a_subscription_that_says_yes_proves_nothing(body, gather, p2):
    p2.faults.append(Fault("ScheduleInstances", body=body, times=99))
    outcomes = {name: outcome for name, (outcome, _) in gather(settings_of(p2, 0), *PIM).items()}
    assert isinstance(outcomes["eligible_roles"], Incomplete) and outcomes["eligible_roles"].error.kind == "NotLicensed"
    assert isinstance(table_outcomes(CONNECTOR, outcomes)["role_assignments"], Incomplete)


def test_pim_refused_where_the_plan_has_it_leaves_the_list_of_administrators_open(gather, p2):
    p2.faults.append(Fault("directory/role.*ScheduleInstances", body="403_authorization_requestdenied", times=99))
    found = gather(settings_of(p2, 0), *PIM)
    outcomes = {name: outcome for name, (outcome, _) in found.items()}
    table = table_outcomes(CONNECTOR, outcomes)["role_assignments"]
    assert isinstance(table, Incomplete) and table.error.kind == "NotGranted"
    assert "RoleEligibilitySchedule.Read.Directory" in table.error.remedy and table.error.therefore
    assert set(outcomes["role_assignments"].without) == {"permanent", "ends_at", "activated"}
    assert len(found["role_assignments"][1]) == 20  # what is in force is read all the same
    assert isinstance(outcomes["role_groups"], Incomplete) and outcomes["role_groups"].rows
    assert sum(request.path.endswith("roleEligibilityScheduleInstances") for request in p2.requests) == 1


def test_who_can_get_into_a_group_is_one_row_that_says_unknown(gather, p2):
    p2.deny("m365", "PrivilegedEligibilitySchedule.Read.AzureADGroup")
    found = gather(settings_of(p2, 0), *PIM)
    outcome, rows = found["eligible_roles"]
    assert isinstance(outcome, Complete) and outcome.without["members_known"].kind == "NotEnabled"
    assert "PrivilegedEligibilitySchedule.Read.AzureADGroup" in outcome.without["members_known"].remedy
    hidden = {(r.holder_kind, r.role, r.via, r.state) for r in rows if r.members_known is False}
    assert hidden == {("group", "Helpdesk Administrator", IT, "eligible"),
                      ("group", "Exchange Administrator", IT, "eligible")}  # fmt: skip
    outcome, rows = found["role_groups"]
    (group,) = [row for row in rows if isinstance(row, Group)]
    assert (group.members_known, group.owners_known, group.eligible_known) == (True, True, False)
    assert set(outcome.without) == {"eligible_known"}


def test_an_unreadable_group_and_unreadable_owners(gather, p2):
    p2.faults += [Fault("transitiveMembers", body="403_authorization_requestdenied", times=99),
                  Fault("/owners", body="403_authorization_requestdenied", times=99)]  # fmt: skip
    found = gather(settings_of(p2, 0), *PIM)
    hidden = [row for name in PIM[1:3] for row in found[name][1] if row.members_known is False]
    assert {(row.holder_kind, row.role, row.state) for row in hidden} == {
        ("group", "Helpdesk Administrator", "active"), ("group", "Exchange Administrator", "eligible"),
        ("group", "Helpdesk Administrator", "eligible"),
    }  # fmt: skip
    assert set(found["role_groups"][0].without) == {"members_known", "owners_known"}
    (group,) = [row for row in found["role_groups"][1] if isinstance(row, Group)]
    assert (group.exists, group.members_known, group.owners_known, group.eligible_known) == (True, False, False, False)


def test_batches_that_fail_cost_names_and_owners_alone(gather, p2, names):
    p2.faults.append(Fault(r"\$batch", body="403_authorization_requestdenied", times=99))
    found = gather(settings_of(p2, 0), *PIM)
    assert all(isinstance(outcome, Complete) for outcome, _ in found.values())
    over = held(found["role_assignments"][1], names)["heiko.brand", "Cloud Application Administrator", None]
    assert over.scope == f"application {over.scope_id}"
    assert set(found["role_groups"][0].without) == {"owners_known"}


def test_a_deleted_group_hides_nobody(gather, p2):
    p2.faults.append(Fault("transitiveMembers", status=404, data={"error": {"code": "Request_ResourceNotFound"}},
                           times=99))  # fmt: skip
    found = gather(settings_of(p2, 0), *PIM)
    assert all(isinstance(outcome, Complete) and not outcome.without for outcome, _ in found.values())
    rows = [row for name in PIM[1:3] for row in found[name][1]]
    assert {row.holder_kind for row in rows} == {"account", "service_principal", "deleted"}
    (group,) = [row for row in found["role_groups"][1] if isinstance(row, Group)]
    assert group.exists is False


def test_a_schedule_row_of_a_group_gives_its_member_an_end():
    def page(*value):
        return msgspec.json.encode({"value": value})

    group = {"@odata.type": "#microsoft.graph.group", "displayName": "Tier 0"}
    given = {"roleDefinitionId": "r", "principalId": "g", "directoryScopeId": "/", "principal": group}
    term = {"roleDefinitionId": "r", "directoryScopeId": "/", "assignmentType": "Assigned"}
    schedules = page(
        {**term, "principalId": "g", "memberType": "Direct", "endDateTime": None},
        {**term, "principalId": "a", "memberType": "Group", "endDateTime": "2027-01-01T00:00:00Z"},
    )
    people = page(*({"@odata.type": "#microsoft.graph.user", "id": who} for who in "ab"))
    read = role_assignments.Page(page(given), (page({"id": "r"}),), {"g": (people,)}, (schedules,))
    assert {row.holder_id: (row.permanent, row.ends_at) for row in role_assignments.rows(read)} == {
        "a": (False, datetime(2027, 1, 1)), "b": (None, None),
    }  # fmt: skip
    listed = page(
        {**given, "principalId": "x", "memberType": "Group", "principal": {"@odata.type": "#microsoft.graph.user"}}
    )
    (row,) = eligible_roles.rows(eligible_roles.Page((listed,), (), (), {}))
    assert (row.holder_id, row.via_id, row.via) == ("x", None, eligible_roles.UNNAMED)


def test_two_units_of_one_name_are_two_scopes():
    ids = ["7f1d0a52-0c86-4bb8-9a38-6d6a0f3c1e55", "8f1d0a52-0c86-4bb8-9a38-6d6a0f3c1e55"]
    held = [{"roleDefinitionId": "r", "principalId": "a", "directoryScopeId": f"/administrativeUnits/{unit}"}
            for unit in ids]  # fmt: skip
    units = {"value": [{"id": unit, "displayName": "Nord"} for unit in ids]}
    page = role_assignments.Page(msgspec.json.encode({"value": held}), (), {}, names=(msgspec.json.encode(units),))
    rows = list(role_assignments.rows(page))
    assert {row.scope for row in rows} == {"administrative unit Nord"}
    assert len({tuple(getattr(row, name) for name in RoleAssignment.KEY) for row in rows}) == 2


def facts(*eligible, members=()):
    shaped = {"value": [{"principalId": who, "accessId": access, "endDateTime": end,
                         "principal": {"@odata.type": f"#microsoft.graph.{kind}"}}
                        for who, access, end, kind in eligible]}  # fmt: skip
    inside = {"value": [{"id": who, "@odata.type": "#microsoft.graph.user"} for who in members]}
    return pim.Facts((msgspec.json.encode(inside),), (msgspec.json.encode(shaped),))


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_ways_the_one_that_lasts_longest_counts_and_a_circle_ends(turned):
    early, late = "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"
    ways = [("a", "member", early, "group"), ("b", "member", late, "group")]
    known = {
        "top": facts(*(ways[::-1] if turned else ways), ("cy", "owner", None, "user")),
        "a": facts(("ada", "member", None, "user"), ("top", "member", None, "group")),
        "b": facts(("a", "member", None, "group"), ("bo", "member", early, "user"), members=["di"]),
    }
    inside = pim.inside("top", known)
    ends = {way.who.id: way.ends_at for way in inside.ways if way.eligible}
    assert ends == {"ada": datetime(2028, 1, 1), "bo": datetime(2027, 1, 1), "di": datetime(2028, 1, 1)}
    assert inside.members_known and inside.eligible_known
    del known["a"]
    assert pim.inside("top", known)[1:] == (True, False)


def test_a_group_that_graph_does_not_expand_is_found_out_by_looking_into_it(gather, p2, names):
    bare = [{"principalId": row["principalId"], "accessId": row["accessId"], "groupId": row["groupId"]}
            for row in p2.tenants[0].tables["groupEligibilities"]]  # fmt: skip
    it = next(row["groupId"] for row in bare if names.get(row["principalId"]) == "svenja.lorenz")
    p2.faults.append(Fault(f"privilegedAccess.*{it}", status=200, times=9,
                           data={"value": [row for row in bare if row["groupId"] == it]}))  # fmt: skip
    outcome, rows = gather(settings_of(p2, 0), *PIM)["eligible_roles"]
    through = {(names[r.holder_id], r.holder_kind) for r in rows if r.role == "Helpdesk Administrator"}
    assert through == {("svenja.lorenz", "unknown"), ("arne.holst", "account"), ("piet.janssen", "account")}
    assert isinstance(outcome, Complete) and not outcome.without


def test_groups_nested_too_deep_are_said_to_be_unknown(gather, p2):
    tenant = p2.tenants[0]
    before = tenant.tables
    groups = [{**before["groups"][0], "id": f"deep-{n}", "displayName": f"Deep {n}"} for n in range(9)]
    it = next(row["id"] for row in before["groups"] if row["displayName"] == IT)
    ids = [it, *(group["id"] for group in groups)]
    one = before["groupEligibilities"][0]
    chain = [{**one, "groupId": upper, "principalId": lower} for upper, lower in pairwise(ids)]
    tenant.tables = {**before, "groups": [*before["groups"], *groups], "groupEligibilities": chain}
    try:
        outcome, rows = gather(settings_of(p2, 0), *PIM)["eligible_roles"]
    finally:
        tenant.tables = before
    assert "nested" in outcome.without["members_known"].detail
    assert any(row.members_known is False for row in rows)


def test_requests_are_few(p2, gather):
    gather(settings_of(p2, 0), *PIM)
    paths = [request.path.rpartition("/")[2] for request in p2.requests]
    assert paths.count("roleAssignments") == paths.count("roleDefinitions") == 1
    assert paths.count("roleEligibilityScheduleInstances") == paths.count("administrativeUnits") == 1
    assert sum("directoryObjects" in request.path for request in p2.requests) == 1
    assert paths.count("transitiveMembers") == paths.count("eligibilityScheduleInstances") == 2


def test_pages_of_anything_raise_nothing_else():
    assert list(role_groups.rows(role_groups.Page("g", None, None, {}, None))) == [
        Group("g", None, True, False, None, False, False)
    ]
