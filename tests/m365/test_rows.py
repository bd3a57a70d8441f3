"""Whatever a reply of the right outer shape holds, rows() gives rows or a CollectError, never another exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyround.errors import CollectError
from keyround_m365 import (
    apps,
    auth_methods,
    authorization_policy,
    cross_tenant_access,
    devices,
    directory_audits,
    domains,
    eligible_roles,
    mailbox_rules,
    methods_policy,
    mfa_registrations,
    organization,
    per_user_mfa,
    pim,
    risk,
    role_assignments,
    role_groups,
    secure_scores,
    security_defaults,
    sign_ins,
    training,
    users,
)

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4) | st.sampled_from(
    ["2026-11-20T12:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "=1+1", "XX", "#microsoft.graph.user"]
)  # fmt: skip
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


def objects(*names):
    """Objects with the properties we read, holding mostly what they should and sometimes anything."""
    return st.lists(st.dictionaries(st.sampled_from(names) | st.text(max_size=3), ANYTHING, max_size=6), max_size=2)


def body(value):
    return json.dumps({"value": value}).encode("ascii")


def harmless(rows, page):
    try:
        list(rows(page))
    except CollectError as error:
        assert error.detail and error.remedy


@given(objects("id", "userPrincipalName", "accountEnabled", "userType", "createdDateTime", "signInActivity",
               "assignedLicenses", "assignedPlans", "passwordPolicies", "externalUserState"),
       st.booleans(), ANYTHING)  # fmt: skip
def test_users(value, activity, mailbox):
    mailboxes = dict.fromkeys(("", "a", "0"), json.dumps({"value": mailbox}).encode())
    harmless(users.rows, users.Page(body(value), activity, mailboxes))


@given(objects("id", "isMfaRegistered", "isMfaCapable", "methodsRegistered", "lastUpdatedDateTime"))
def test_registrations(value):
    harmless(mfa_registrations.rows, body(value))


@given(objects("id", "createdDateTime", "userId", "userPrincipalName", "status", "location", "clientAppUsed",
               "ipAddress", "authenticationRequirement", "autonomousSystemNumber",
               "isInteractive", "signInEventTypes"))  # fmt: skip
def test_sign_ins(value):
    harmless(sign_ins.rows, body(value))


@given(objects("id", "roleDefinitionId", "principalId", "principal", "directoryScopeId"),
       objects("id", "templateId", "displayName", "isBuiltIn", "isPrivileged"))  # fmt: skip
def test_roles(assignments, definitions):
    harmless(role_assignments.rows, role_assignments.Page(body(assignments), (body(definitions),), {}))


@given(objects("roleDefinitionId", "principalId", "principal", "directoryScopeId", "endDateTime", "memberType"),
       objects("principalId", "accessId", "endDateTime", "principal"),
       objects("id", "@odata.type", "displayName"))  # fmt: skip
def test_roles_to_switch_on(held, eligible, members):
    groups = {key: pim.Facts((body(members),), (body(eligible),)) for key in ("", "g", "h")}
    once = (body(held),)
    harmless(eligible_roles.rows, eligible_roles.Page(once, once, (), groups, once, (body(members),)))
    harmless(role_groups.rows, role_groups.Page("g", None, None, groups, (body(members),)))


@given(objects("id", "displayName", "countryLetterCode", "verifiedDomains"),
       objects("skuPartNumber", "capabilityStatus", "prepaidUnits", "servicePlans"))  # fmt: skip
def test_organization(own, skus):
    harmless(organization.rows, (body(own), body(skus)))


@given(ANYTHING)
def test_security_defaults(value):
    harmless(security_defaults.rows, json.dumps(value).encode("ascii"))


@given(objects("@odata.type", "id", "createdDateTime", "phoneNumber", "phoneType", "smsSignInState", "isUsable",
               "aaGuid", "passkeyType"), st.booleans(), st.booleans())  # fmt: skip
def test_methods(value, reported, certificates):
    harmless(auth_methods.rows, auth_methods.Page("a", (body(value),), reported, certificates, b"salt"))


@given(st.text(max_size=30))
def test_a_phone_number_is_any_text(number):
    kept = auth_methods._hashed(number, b"salt")
    assert kept is None or number not in kept


@given(objects("@odata.type", "id", "state", "includeTargets", "excludeTargets", "featureSettings", "isUsableOnce"),
       ANYTHING, ANYTHING)  # fmt: skip
def test_methods_policy(configurations, migration, preferences):
    policy = {"authenticationMethodConfigurations": configurations, "policyMigrationState": migration,
              "systemCredentialPreferences": preferences, "registrationEnforcement": preferences}  # fmt: skip
    harmless(methods_policy.rows, json.dumps(policy).encode("ascii"))


@given(objects("guestUserRoleId", "allowInvitesFrom", "defaultUserRolePermissions", "allowedToUseSSPR"))
def test_authorization_policy(values):
    for value in values:
        harmless(authorization_policy.rows, json.dumps(value).encode("ascii"))


@given(objects("id", "authenticationType", "isRoot", "isVerified", "passwordValidityPeriodInDays"),
       objects("issuerUri", "federatedIdpMfaBehavior"))  # fmt: skip
def test_domains(value, federation):
    names = [domain["id"].lower() for domain in value if isinstance(domain.get("id"), str)]
    harmless(domains.rows, domains.Page((body(value),), dict.fromkeys(names, body(federation))))


@given(objects("tenantId", "inboundTrust"), st.booleans())
def test_cross_tenant_access(value, partners):
    harmless(cross_tenant_access.rows, cross_tenant_access.Page(body(value), partners))


@given(st.dictionaries(st.text(), st.text(min_size=1)))
def test_per_user_states(states):
    assert len(list(per_user_mfa.rows(per_user_mfa.Page(states, "users")))) == len(states)


@given(objects("id", "activityDateTime", "activityDisplayName", "result", "resultReason", "initiatedBy",
               "targetResources"), st.sampled_from(["Add member to role", "Consent to application", "x"]),
       st.sampled_from(["Role.DisplayName", "ConsentAction.Permissions", "AppRole.Value", "KeyDescription"]),
       st.text() | st.sampled_from(["[1, null, [2]]", '"a b"', "[] => [[Scope: a b, x]]", "{", "[" * 400]))  # fmt: skip
def test_directory_audits(value, activity, name, changed):
    harmless(directory_audits.rows, body(value))
    target = {"type": "User", "id": "u", "modifiedProperties": [{"displayName": name, "newValue": changed}]}
    record = {"id": "a", "activityDateTime": "2026-11-20T12:00:00Z", "activityDisplayName": activity}
    for row in directory_audits.rows(body([{**record, "targetResources": [target]}])):
        assert all(isinstance(one, str) and one for one in row.details)


RISK = ("id", "userId", "riskLevel", "riskState", "riskDetail", "riskEventType", "activityDateTime", "detectedDateTime",
        "riskLastUpdatedDateTime", "location", "ipAddress", "userPrincipalName")  # fmt: skip


@given(objects(*RISK))
def test_risk(value):
    harmless(risk.user_rows, body(value))
    harmless(risk.detection_rows, body(value))


ENTRY = ("id", "appId", "displayName", "appOwnerOrganizationId", "verifiedPublisher", "keyCredentials", "appRoles",
         "passwordCredentials", "servicePrincipalType", "createdDateTime")  # fmt: skip


@given(objects(*ENTRY), objects("id", "clientId", "consentType", "principalId", "resourceId", "scope"),
       objects("appRoleId", "resourceId", "resourceDisplayName"), st.sampled_from(["", "t"]))  # fmt: skip
def test_apps(entries, grants, assigned, own):
    harmless(apps.grant_rows, apps.GrantPage(body(grants), (body(entries),), own))
    harmless(apps.credential_rows, apps.CredentialPage(body(entries), "entry"))
    for entry in entries:
        page = apps.PermissionPage(json.dumps(entry).encode("ascii"), (body(assigned),), (), own)
        harmless(apps.permission_rows, page)


@given(objects("id", "displayName", "isEnabled", "actions", "conditions"), objects("address", "x"), st.text(),
       st.none() | st.just(frozenset({"a.example"})))  # fmt: skip
def test_mailbox_rules(value, addresses, text, domains):
    harmless(mailbox_rules.rows, mailbox_rules.Page("a", (body(value),), domains))
    actions = {"forwardTo": [{"emailAddress": one} for one in addresses], "moveToFolder": text}
    harmless(mailbox_rules.rows, mailbox_rules.Page("a", (body([{"id": "r", "actions": actions}]),), domains))


@given(objects("id", "deviceId", "displayName", "trustType", "isManaged", "registeredOwners", "deviceOwnership"),
       objects("id", "azureADDeviceId", "complianceState", "jailBroken", "userId", "lastSyncDateTime"))  # fmt: skip
def test_devices(known, managed):
    harmless(devices.rows, body(known))
    harmless(devices.managed_rows, body(managed))


@given(objects("attackSimulationUser", "simulationCount", "clickCount", "userTrainings", "repeatOffenceCount"),
       st.integers())  # fmt: skip
def test_training(value, number):
    one = {"attackSimulationUser": {"userId": "u"}, "clickCount": number}
    harmless(training.rows, training.Page((body(value), body([one])), (body(value),), (body(value),)))


@given(objects("createdDateTime", "currentScore", "maxScore", "averageComparativeScores", "controlScores"),
       st.booleans())  # fmt: skip
def test_secure_scores(value, newest):
    harmless(secure_scores.rows, secure_scores.Page(body(value), newest))


@pytest.mark.parametrize("page", [b"", b"[]", b'{"value":', b"\xff\xfe", b"null", b'{"value": {}}'])
def test_pages_that_are_no_pages(page):
    with pytest.raises(CollectError):
        list(mfa_registrations.rows(page))


@pytest.mark.parametrize("spoilt", [b"\\ud800", b"\xff"])
def test_a_name_that_is_no_text_hides_nobody(spoilt):
    page = b'{"value":[{"id":"a","displayName":"' + spoilt + b' x"},{"id":"b","displayName":"\\ud83d\\ude00"}]}'
    assert [row.display_name for row in users.rows(users.Page(page, True))] == ["\ufffd x", "\U0001f600"]


def test_an_account_of_unknown_age_is_not_called_unused():
    page = b"""{"value":[{"id":"a"},{"id":"b","signInActivity":{"lastSignInDateTime":"2019-05-05T01:01:01Z"}},
                       {"id":"c","createdDateTime":"2016-01-01T00:00:00Z"}]}"""
    since = [row.unused_since and row.unused_since.year for row in users.rows(users.Page(page, True))]
    assert since == [None, 2023, 2023]


def test_a_healthy_record_in_full():
    record = {
        "id": "s1", "createdDateTime": "2026-11-20T12:00:00Z", "userId": "u1",
        "userPrincipalName": "Ada@Contoso.example",
        "status": {"errorCode": 0}, "ipAddress": "192.0.2.1", "clientAppUsed": "Exchange ActiveSync",
        "authenticationProtocol": "oAuth2", "authenticationRequirement": "multiFactorAuthentication",
        "location": {"countryOrRegion": "dk", "city": "Odense", "geoCoordinates": {"latitude": 55.4}},
    }  # fmt: skip
    (row,) = sign_ins.rows(body([record]))
    assert (row.username, row.outcome, row.country, row.country_source, row.legacy, row.mfa, row.source) == (
        "ada@contoso.example", "success", "DK", "provider", False, "satisfied", "interactive"
    )  # fmt: skip
