"""Settings that decide about factors: allowed methods, rights of people, domains, trust, the older per-user switch."""

from __future__ import annotations

import json
import re

import pytest

from keyround.connector import Complete, Incomplete
from keyround_fixtures import Cloud, Fault, load
from keyround_m365 import authorization_policy, cross_tenant_access, domains, methods_policy, organization
from tests.napping import NOW

from .conftest import settings_of

ONE = re.compile(r"/users/([^/]+)/authentication/requirements$")


def values(rows, scope="tenant"):
    return {row.name: row.value for row in rows if row.scope == scope}


def read(module, document):
    return list(module.rows(json.dumps(document).encode()))


def test_methods_that_the_tenant_allows(gather, settings):
    outcome, rows = gather(settings, "methods_policy")["methods_policy"]
    found = values(rows)
    assert isinstance(outcome, Complete) and found["methods_migration"] == "migrationComplete"
    assert (found["method_allowed.sms"], found["method_allowed.voice"], found["sms_sign_in"]) == (
        "true",
        "false",
        "true",
    )
    assert found["method_for_everybody.passkey"] == "true" and "method_for_everybody.voice" not in found
    assert (found["strongest_method_preferred"], found["registration_campaign"]) == ("enabled", "default")
    assert (found["authenticator_shows_app"], found["authenticator_shows_place"]) == ("enabled", "default")
    assert found["temporary_pass_once"] == "false"


def test_without_beta_the_policy_lacks_one_setting_only(gather, settings, cloud):
    cloud.faults.append(Fault("/beta/policies", body="400_segment_not_found", times=9))
    outcome, rows = gather(settings, "methods_policy")["methods_policy"]
    found = values(rows)
    assert isinstance(outcome, Complete) and found["method_allowed.sms"] == "true"
    assert found["strongest_method_preferred"] is None


def methods(migration, **states):
    configurations = [{"id": name, "state": state} for name, state in states.items()]
    policy = {"authenticationMethodConfigurations": configurations}
    return values(read(methods_policy, policy | ({"policyMigrationState": migration} if migration != "" else {})))


@pytest.mark.parametrize("migration, off", [
    ("migrationComplete", "false"), (None, "false"), ("preMigration", None), ("migrationInProgress", None),
    ("futureState", None), ("", None),
])  # fmt: skip
def test_off_is_unknown_while_older_settings_may_allow_it(migration, off):
    found = methods(migration, Sms="disabled", Voice="disabled", Fido2="disabled", Email="enabled")
    assert found["method_allowed.sms"] == found["method_allowed.voice"] == off
    # Passkeys exist in this policy alone, and what is on is on.
    assert (found["method_allowed.passkey"], found["method_allowed.email"]) == ("false", "true")
    assert found["methods_migration"] == (None if migration == "" else migration or "migrationComplete")
    assert found["sms_sign_in"] == "false"


def test_words_nobody_knows_are_kept_and_mean_nothing():
    found = methods("migrationComplete", Holograph="enabled", Sms="futureState")
    assert (found["method_allowed.Holograph"], found["method_allowed.sms"]) == ("true", None)
    external = "#microsoft.graph.externalAuthenticationMethodConfiguration"
    pair = [{"@odata.type": external, "id": str(n), "state": state} for n, state in enumerate(("disabled", "enabled"))]
    assert values(read(methods_policy, {"authenticationMethodConfigurations": pair}))[
        "method_allowed.external_provider"
    ] == "true"  # fmt: skip


def test_a_method_for_some_is_not_for_everybody():
    group = {"id": "g1", "targetType": "group", "isUsableForSignIn": False}
    everybody = {"id": "all_users", "targetType": "group", "isUsableForSignIn": None}

    def sms(**more):
        policy = {"authenticationMethodConfigurations": [{"id": "Sms", "state": "enabled", **more}]}
        found = values(read(methods_policy, policy))
        return found["method_for_everybody.sms"], found["sms_sign_in"]

    assert sms(includeTargets=[group]) == ("false", "false")
    assert sms(includeTargets=[everybody]) == ("true", None)
    assert sms(includeTargets=[everybody], excludeTargets=[group]) == ("false", None)
    assert sms() == (None, None)


def test_rights_of_people_and_guests(gather, settings):
    _, rows = gather(settings, "authorization_policy")["authorization_policy"]
    found = values(rows)
    assert (found["guest_role"], found["invitations_by"], found["user_consent"]) == ("guest", "everyone", "all")
    assert found["users_create_tenants"] == "true" and found["msol_powershell_blocked"] == "false"
    assert found["user_consent_risky_apps"] is None
    assert json.loads(found["consent_policies"]) == ["ManagePermissionGrantsForSelf.microsoft-user-default-legacy"]


@pytest.mark.parametrize("assigned, said", [
    ([], "none"), (["ManagePermissionGrantsForOwnedResource.x"], "none"), (None, None),
    (["managePermissionGrantsForSelf.Microsoft-User-Default-Low"], "low"),
    (["ManagePermissionGrantsForSelf.our-own"], "our-own"),
])  # fmt: skip
def test_to_which_apps_people_may_consent(assigned, said):
    document = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": assigned}, "guestUserRoleId": "x"}
    found = values(read(authorization_policy, document))
    assert (found["user_consent"], found["guest_role"]) == (said, "x")


def test_domains(gather, settings):
    outcome, rows = gather(settings, "domains")["domains"]
    assert isinstance(outcome, Complete) and not outcome.without
    assert values(rows, "domain:hollenstedt.example") == {
        "domain_authentication": "managed", "password_validity_days": "never"
    }  # fmt: skip
    assert values(rows, "domain:estetalguss.example") == {
        "domain_authentication": "federated", "password_validity_days": "90",
        "federated_mfa": "acceptIfMfaDoneByFederatedIdp",
        "federation_issuer": "http://sts.estetalguss.example/adfs/services/trust",
        "federation_second_certificate": "false",
    }  # fmt: skip


def test_a_federation_that_may_not_be_read_hides_no_domain(gather, settings, cloud):
    cloud.faults.append(Fault("federationConfiguration", body="403_authorization_requestdenied", times=9))
    outcome, rows = gather(settings, "domains")["domains"]
    assert isinstance(outcome, Complete) and outcome.without["federated_mfa"].kind == "NotEnabled"
    assert "Domain-InternalFederation.Read.All" in outcome.without["federated_mfa"].remedy
    found = values(rows, "domain:estetalguss.example")
    assert (found["domain_authentication"], found["federated_mfa"]) == ("federated", None)


def test_subdomains_inherit_and_unverified_domains_are_nobodys():
    def domain(name, **more):
        return {"id": name, "isVerified": True, "isRoot": True, "authenticationType": "Managed", **more}

    listed = [
        domain("Root.example", authenticationType="Federated", passwordValidityPeriodInDays=90),
        domain("sub.root.example", isRoot=False, authenticationType="Federated"),
        domain("own.root.example", authenticationType="Federated"),
        domain("managed.root.example", isRoot=False),
        domain("new.example", isVerified=False),
        domain("odd.example", authenticationType="Future"),
    ]
    configuration = json.dumps({"value": [{"federatedIdpMfaBehavior": "futureBehaviour"}]}).encode()
    body = json.dumps({"value": listed}).encode()
    rows = list(domains.rows(domains.Page((body,), {"root.example": configuration})))
    assert {row.scope for row in rows} == {
        f"domain:{name}.example" for name in ("root", "sub.root", "own.root", "managed.root", "odd")
    }
    sub = values(rows, "domain:sub.root.example")
    assert (sub["federated_mfa"], sub["password_validity_days"]) == ("futureBehaviour", "90")
    assert values(rows, "domain:own.root.example")["federated_mfa"] is None
    assert values(rows, "domain:managed.root.example") == {
        "domain_authentication": "managed", "password_validity_days": None
    }  # fmt: skip
    assert values(rows, "domain:odd.example")["domain_authentication"] == "future"


def test_whose_second_factor_counts_here(gather, settings, cloud):
    _, rows = gather(settings, "cross_tenant_access")["cross_tenant_access"]
    partners = {row["tenantId"]: row["inboundTrust"] for row in cloud.tenants[0].tables["crossTenantPartners"]}
    (trusted,) = [tenant for tenant, trust in partners.items() if trust]
    assert {(row.name, row.value, row.scope) for row in rows} == {
        ("guest_mfa_trusted", "false", "tenant"), ("guest_mfa_trusted", "true", f"partner:{trusted}")
    }  # fmt: skip
    page = cross_tenant_access.Page(b'{"inboundTrust":null}', False)
    assert [row.value for row in cross_tenant_access.rows(page)] == [None]


def test_partners_that_cannot_be_read_leave_the_default(gather, settings, cloud):
    cloud.faults.append(Fault("/partners", body="403_required_scopes_missing", times=9))
    outcome, rows = gather(settings, "cross_tenant_access")["cross_tenant_access"]
    assert isinstance(outcome, Incomplete) and len(rows) == 1


def test_seats_of_live_subscriptions_that_include_p1():
    def sku(plan, status="Enabled", **units):
        plans = [{"servicePlanId": plan, "provisioningStatus": "Success"}]
        return {"capabilityStatus": status, "prepaidUnits": units, "servicePlans": plans}

    p1, p2 = organization.PLANS
    skus = [sku(p1, enabled=40, warning=5), sku(p2, "Warning", warning=3), sku(p1, "Suspended", enabled=99),
            sku("other", enabled=7)]  # fmt: skip
    own = json.dumps({"value": [{"id": "t"}]}).encode()
    rows = list(organization.rows((own, json.dumps({"value": skus}).encode())))
    assert [(row.name, row.value) for row in rows[1:]] == [("p1_seats", "48")]
    assert len(list(organization.rows((own, None)))) == 1  # not read is not none


def per_user(gather, settings):
    found = gather(settings, "users", "per_user_mfa")
    states = {row.scope.removeprefix("account:"): row.value for row in found["per_user_mfa"][1]}
    enabled = {row.account_id for row in found["users"][1] if row.enabled is not False}
    return found["per_user_mfa"][0], states, enabled


def one_by_one(cloud):
    return {match[1] for request in cloud.requests if (match := ONE.search(request.path))}


def truth(cloud, number=0):
    return {row["id"]: row["perUserMfaState"] for row in cloud.tenants[number].tables["users"] if row["accountEnabled"]}


def test_per_user_states_come_in_bulk_and_are_compared(gather, big, cloud):
    outcome, states, enabled = per_user(gather, big)
    assert isinstance(outcome, Complete) and states == truth(cloud, 1) and states.keys() == enabled
    assert {"disabled", "enabled", "enforced"} == set(states.values())
    asked = one_by_one(cloud)
    assert len(asked) == 20 and {states[account] for account in asked} == {"disabled", "enabled", "enforced"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("perUserMfaState", body="400_segment_not_found", times=9),
        Fault("perUserMfaState", status=400, data={"error": {"code": "BadRequest", "message": "no property"}}, times=9),
        Fault("perUserMfaState", body="403_authorization_requestdenied", times=9),
        Fault("perUserMfaState", status=200, data={"value": []}, times=9),
    ],
    ids=["no such segment", "no such property", "refused", "nobody"],
)
def test_without_the_bulk_everybody_is_asked(fault, gather, settings, cloud):
    cloud.faults.append(fault)
    outcome, states, enabled = per_user(gather, settings)
    assert isinstance(outcome, Complete) and states == truth(cloud) and one_by_one(cloud) == enabled


def listed(cloud, **changed):
    """The bulk listing, with other states than the true ones."""
    told = [{"id": key, "perUserMfaState": changed.get(state, state)} for key, state in truth(cloud).items()]
    return Fault("perUserMfaState", status=200, data={"value": told}, times=9)


def test_one_disagreement_and_the_bulk_is_not_believed(gather, settings, cloud):
    cloud.faults.append(listed(cloud, enforced="disabled", enabled="disabled"))
    liar = next(key for key, state in truth(cloud).items() if state == "disabled")
    cloud.faults.append(Fault(f"{liar}/authentication/req", status=200, data={"perUserMfaState": "enforced"}, times=1))
    _, states, enabled = per_user(gather, settings)
    assert states == truth(cloud) | {liar: "enforced"} and one_by_one(cloud) == enabled


def test_who_is_null_in_bulk_is_asked(gather, settings, cloud):
    cloud.faults.append(listed(cloud, enforced=None))
    _, states, _ = per_user(gather, settings)
    assert states == truth(cloud) and len(one_by_one(cloud)) == 21  # the sample, and who is missing in it


def test_nothing_is_believed_that_cannot_be_compared(gather, settings, cloud):
    cloud.deny("m365", "Policy.Read.All")
    outcome, states, _ = per_user(gather, settings)
    assert outcome.error.kind == "NotGranted" and "Policy.Read.All" in outcome.error.remedy and not states


def test_an_account_that_cannot_be_asked_has_no_row(gather, settings, cloud):
    cloud.faults.append(Fault("perUserMfaState", body="400_segment_not_found", times=9))
    who = next(iter(truth(cloud)))
    cloud.faults.append(Fault(f"{who}/authentication/req", body="403_required_scopes_missing", times=9))
    outcome, states, enabled = per_user(gather, settings)
    assert isinstance(outcome, Complete) and outcome.without["per_user_mfa"].kind == "NotGranted"
    assert enabled - states.keys() == {who}


def test_without_p1_the_switch_is_read_all_the_same(gather):
    with Cloud(load("m365", now=NOW, plan="standard")) as standard:
        outcome, states, _ = per_user(gather, settings_of(standard, 0))
        assert isinstance(outcome, Complete) and states == truth(standard)
