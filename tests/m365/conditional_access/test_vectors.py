"""What an expert would say of each small tenant. The first 28 are questions that other tools answer wrongly."""

from __future__ import annotations

from typing import Any

import pytest

from keyround.connector import Incomplete
from keyround.errors import NotGranted
from keyround.model import MfaRegistration, Setting

from .build import (
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    OWN_APP,
    RESISTANT,
    TEAMS,
    USER_ADMINISTRATOR,
    at,
    controls,
    countries,
    group,
    guests,
    judged,
    network,
    on,
    outcomes_of,
    person,
    policy,
    role,
)

EITHER = controls("mfa", "compliantDevice")
OFFICE = network("Office", "192.0.2.0/24", trusted=True)


def ada(*policies: dict[str, Any], **given: Any) -> tuple[str, tuple[str, ...]]:
    row = judged(policies, **given)["ada"]
    return row.verdict, tuple(row.gaps or ())


def test_1_mfa_or_a_compliant_device_is_a_choice():
    verdict, gaps = ada(policy("P", EITHER))
    assert verdict == "conditional"
    assert gaps == (
        "Instead of a second factor it is enough to have a managed device that follows the rules (compliant).",
    )


def test_2_mfa_and_a_compliant_device_is_mfa():
    assert ada(policy("P", controls("mfa", "compliantDevice", operator="AND"))) == ("enforced", ())


def test_3_two_choices_are_met_by_a_device_that_is_both():
    verdict, gaps = ada(policy("P", EITHER), policy("Q", controls("mfa", "domainJoinedDevice")))
    assert verdict == "conditional" and gaps == (
        "Instead of a second factor it is enough to have a computer of the company's domain (hybrid joined) together "
        "with a managed device that follows the rules (compliant).",
    )
    assert ada(policy("P", EITHER), policy("Q", controls("mfa", "compliantDevice", "domainJoinedDevice")))[1] == (
        "Instead of a second factor it is enough to have a managed device that follows the rules (compliant).",
    )


DEEP = [*group("A", "ada", "bo"), *group("B", "ada")]  # what Graph says of A holds the members of its member groups
EXEMPT = policy("All", who={"excludeGroups": ["A"]})


def test_4_an_exempt_group_exempts_members_of_its_member_groups():
    others = policy("Old programs", controls("block"), who={"excludeGroups": ["A"]}, clients=["other"])
    row = judged([EXEMPT, others], None, *DEEP)["ada"]
    assert row.verdict == "not_enforced" and row.excluded_by == ["All: exempt as a member of A"]


def test_5_what_one_policy_exempts_another_may_cover():
    assert (
        judged([EXEMPT, policy("A too", users=(), who={"includeGroups": ["A"]})], None, *DEEP)["ada"].verdict
        == "enforced"
    )


def test_6_report_only_covers_nobody_and_says_what_it_would_do():
    watching = policy("A too", users=(), who={"includeGroups": ["A"]}, state="enabledForReportingButNotEnforced")
    row = judged([EXEMPT, watching], None, *DEEP)["ada"]
    assert (row.verdict, row.report_only, row.verdict_if_enabled) == ("not_enforced", ["A too"], "enforced")


@pytest.mark.parametrize(
    "risky",
    [policy("R", signInRiskLevels=["high"]),
     policy("R", controls("mfa", "passwordChange", operator="AND"), userRiskLevels=["high"])],
)  # fmt: skip
def test_7_and_8_a_policy_that_waits_for_risk_covers_no_ordinary_sign_in(risky):
    verdict, gaps = ada(risky)
    assert verdict == "not_enforced" and gaps == ("Only when Microsoft considers the sign-in or the account risky: R.",)


OUTSIDE = policy("P", locations=at("All", without=["AllTrusted"]))


def test_9_trusted_networks_left_out():
    assert ada(OUTSIDE, locations=[OFFICE]) == ("conditional", ("No second factor on trusted networks.",))


def test_10_a_device_asked_for_in_trusted_networks_is_still_no_second_factor():
    inside = policy("Q", "compliantDevice", locations=at("AllTrusted"))
    assert ada(OUTSIDE, inside, locations=[OFFICE]) == ("conditional", ("No second factor on trusted networks.",))
    choice = policy("Q", EITHER, locations=at("AllTrusted"))
    assert ada(OUTSIDE, choice, locations=[OFFICE])[1] == (
        "Instead of a second factor it is enough to have a managed device that follows the rules (compliant) on "
        "trusted networks.",
    )
    assert ada(OUTSIDE, policy("Q", "block", locations=at("AllTrusted")), locations=[OFFICE]) == ("enforced", ())


def test_11_platforms_are_claimed_by_the_browser_and_one_may_be_unknown():
    phones = policy("P", platforms=on("android", "iOS"))
    assert ada(phones) == ("conditional", ("No second factor on other devices than Android and iPhone and iPad.",))
    verdict, gaps = ada(phones, policy("Q", platforms=on("windows", "macOS", "linux")))
    assert verdict == "conditional" and "other devices than" in gaps[0]


def test_12_browsers_only():
    verdict, gaps = ada(policy("P", clientAppTypes=["browser"]))
    assert (verdict, gaps) == ("conditional", ("No second factor in apps on phones and computers.",))


def test_13_blocking_old_clients_is_no_second_factor():
    row = judged([policy("P", "block", clientAppTypes=["exchangeActiveSync", "other"])])["ada"]
    assert (row.verdict, row.legacy_blocked) == ("not_enforced", True)


def test_14_apps():
    assert ada(policy("P", apps=["Office365"])) == ("apps_only", ("No second factor in other apps than Office 365.",))
    assert ada(policy("P", apps=["MicrosoftAdminPortals"]))[0] == "apps_only"
    exempt = policy("P", without=[EXCHANGE])
    assert ada(exempt) == ("enforced_except_apps", ("No second factor in Exchange Online.",))
    assert ada(exempt, policy("Q", apps=[EXCHANGE])) == ("enforced", ())
    assert ada(exempt, policy("Q", apps=["Office365"])) == ("enforced", ())


ADMINS = policy("Admins", users=(), who={"includeRoles": [GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR]})


def test_15_roles_count_active_and_for_the_whole_tenant():
    through = role("ada", via_id="g", via="Admins", members_known=True)
    assert judged([ADMINS], None, through)["ada"].verdict == "enforced"
    row = judged([ADMINS], None, role("ada", state="eligible"))["ada"]
    assert (row.verdict, row.verdict_when_active) == ("not_enforced", "enforced")
    assert judged([policy("P")], None, role("ada", state="eligible"))["ada"].verdict_when_active == "enforced"
    unit = role("ada", USER_ADMINISTRATOR, scope="administrative unit 4711")
    assert judged([ADMINS], None, unit)["ada"].verdict == "not_enforced"


PEOPLE = [person("member"), person("guest", kind="guest", external=True),
          person("partner", kind="member", external=True), person("local", kind="guest", external=False)]  # fmt: skip


def everybody(*policies, **given):
    return {key: row.verdict for key, row in judged(policies, PEOPLE, **given).items()}


def test_16_guests_are_told_apart_by_type_and_home():
    without = policy("P", who={"excludeGuestsOrExternalUsers": guests("b2bCollaborationGuest")})
    assert everybody(without) == {
        "member": "enforced",
        "guest": "not_enforced",
        "partner": "enforced",
        "local": "enforced",
    }
    some = policy("P", who={"excludeGuestsOrExternalUsers": guests("b2bCollaborationGuest", tenants=["t-1"])})
    assert everybody(some) == {"member": "enforced", "guest": "unknown", "partner": "enforced", "local": "enforced"}
    old = policy("P", users=("GuestsOrExternalUsers",))
    assert everybody(old) == {"member": "not_enforced", "guest": "enforced", "partner": "enforced", "local": "enforced"}


def test_17_another_product_asks():
    row = judged([policy("Duo", controls(custom=["DuoMfa"]))])["ada"]
    assert row.verdict == "third_party" and row.enforced_by == ["Duo"]


def test_18_a_policy_without_grant_controls_demands_nothing():
    assert ada(policy("Session", grant=None)) == ("not_enforced", ())


def test_19_a_strength_that_a_password_meets_is_no_second_factor():
    weak = controls(strength=["password", "password,sms"], satisfied="none")
    assert ada(policy("P", weak))[0] == "not_enforced"


def test_20_phishing_resistant():
    row = judged([policy("P", controls(strength=RESISTANT))])["ada"]
    assert (row.verdict, row.phishing_resistant) == ("enforced", True)
    row = judged([policy("P", controls(strength=[*RESISTANT, "password,microsoftAuthenticatorPush"]))])["ada"]
    assert (row.verdict, row.phishing_resistant) == ("enforced", False)


def test_21_without_policies():
    row = judged([], defaults=True)["ada"]
    assert (row.verdict, row.legacy_blocked, row.enforced_by) == (
        "security_defaults",
        True,
        ["Microsoft's security defaults"],
    )
    assert ada() == ("not_enforced", ())
    assert judged([], per_user={"ada": "enforced"})["ada"].verdict == "per_user"


def test_22_a_group_that_cannot_be_read_and_one_that_is_gone():
    row = judged([EXEMPT], None, *group("A", known=False))["ada"]
    assert row.verdict == "unknown" and "group A, whose members could not be read" in row.reason
    assert judged([EXEMPT])["ada"].verdict == "unknown"  # nobody even asked
    assert judged([EXEMPT], None, *group("A", exists=False))["ada"].verdict == "enforced"


def test_23_policies_refused():
    refused = outcomes_of(access_policies=Incomplete(0, NotGranted("Microsoft refused.")))
    assert judged([], outcomes=refused)["ada"].verdict == "unknown"
    assert judged([], outcomes=refused)["ada"].reason == "Microsoft refused."
    assert judged([], outcomes=refused, defaults=True)["ada"].verdict == "security_defaults"


def test_24_a_condition_nobody_knows():
    verdict, gaps = ada(policy("P", moonPhases=["full"]))
    assert verdict == "conditional" and "“moonPhases”" in gaps[0]


def test_25_user_actions_are_no_sign_in():
    action = policy("P", apps=())
    action["conditions"]["applications"]["includeUserActions"] = ["urn:user:registersecurityinfo"]
    row = judged([action])["ada"]
    assert (row.verdict, row.registration_protected) == ("not_enforced", True)


def test_26_nobody():
    assert ada(policy("P", users=("None",)))[0] == "not_enforced"


def test_27_devices_left_out_by_a_filter():
    rule = {"deviceFilter": {"mode": "exclude", "rule": "device.isCompliant -eq True"}}
    verdict, gaps = ada(policy("P", devices=rule))
    assert verdict == "conditional" and gaps == (
        "No second factor on devices that match the filter “device.isCompliant -eq True”.",
    )


def test_28_blocked_outside_and_asked_inside():
    block = policy("P", "block", locations=at("All", without=["AllTrusted"]))
    assert ada(block, policy("Q", locations=at("AllTrusted")), locations=[OFFICE]) == ("enforced", ())


# Our own.


def test_30_blocked_everywhere_is_blocked():
    assert ada(policy("P", "block"))[0] == "blocked"
    assert (
        ada(policy("P", "block", locations=at("All", without=["loc-Office"])), locations=[OFFICE])[0] == "not_enforced"
    )


def test_31_exempt_beats_included():
    row = judged([policy("P", users=("All", "ada"), who={"excludeUsers": ["ADA"]})])["ada"]
    assert row.verdict == "not_enforced" and row.excluded_by == ["P: the account itself is exempt"]


def test_32_a_range_within_a_range_and_a_country_overlap():
    lan, hall = network("LAN", "192.0.2.0/24"), network("Hall", "192.0.2.64/26")
    home = countries("Home", "DK")
    inside = policy("In", locations=at("loc-LAN", without=["loc-Hall"]))
    outside = policy("Out", locations=at("All", without=["loc-LAN"]))
    verdict, gaps = ada(inside, outside, locations=[lan, hall])
    assert (verdict, gaps) == ("conditional", ("No second factor in “Hall”.",))
    block, lenient = (
        policy("B", "block", locations=at("All", without=["loc-Home"])),
        policy("M", locations=at("All", without=["loc-LAN"])),
    )
    verdict, gaps = ada(block, lenient, locations=[lan, home])
    assert (verdict, gaps) == ("conditional", ("No second factor in “LAN”.",))


def test_33_every_country_but_those_listed_leaves_unknown_countries():
    abroad = policy("B", "block", locations=at("All", without=["loc-Home", "loc-Nowhere"]))
    places = [countries("Home", "DK"), countries("Nowhere", "NO", unknown=True)]
    verdict, gaps = ada(abroad, policy("P", locations=at("loc-Home")), locations=places)
    assert (verdict, gaps) == ("conditional", ("No second factor in “Nowhere”.",))
    far = policy("P", locations=at("All", without=["loc-Home"]))
    assert ada(far, locations=[countries("Home", "DK", "SE")])[1] == ("No second factor in “Home”.",)
    by_phone = countries("Phone", "DK", lookup="authenticatorAppGps")  # the phone may be where the address is not
    both = policy("P", locations=at("loc-Home")), policy("Q", locations=at("All", without=["loc-Phone"]))
    assert ada(*both, locations=[countries("Home", "DK"), by_phone])[0] == "conditional"
    with_unknown = countries("Home", "DK", unknown=True)
    assert ada(far, policy("Q", locations=at("loc-Home")), locations=[with_unknown])[0] == "enforced"


def test_34_a_location_nobody_could_read_may_be_anywhere():
    assert ada(policy("P", locations=at("All", without=["gone"])))[0] == "conditional"
    assert ada(policy("P", locations=at("All", without=["gone"])), policy("Q", locations=at("gone")))[0] == "enforced"


def test_35_device_code_flow():
    flow = {"transferMethods": "deviceCodeFlow,authenticationTransfer"}
    row = judged([policy("P", "block", authenticationFlows=flow), policy("Q")])["ada"]
    assert (row.verdict, row.device_code_blocked) == ("enforced", True)
    assert judged([policy("Q")])["ada"].device_code_blocked is False
    verdict, gaps = ada(policy("P", authenticationFlows=flow))
    assert verdict == "conditional" and gaps == ("No second factor in an ordinary sign-in.",)


def test_36_old_clients_cannot_meet_a_second_factor():
    assert judged([policy("P")])["ada"].legacy_blocked is True
    assert judged([policy("P", "compliantDevice")])["ada"].legacy_blocked is True
    assert (
        judged([policy("P", clientAppTypes=["browser", "mobileAppsAndDesktopClients"])])["ada"].legacy_blocked is False
    )
    # "Basic authentication doesn't support these controls"; and an approved app needs a registered device.
    assert judged([policy("P", controls("mfa", "approvedApplication"))])["ada"].legacy_blocked is True
    assert judged([policy("P", controls(custom=["DuoMfa"]))])["ada"].legacy_blocked is True
    assert judged([policy("P", controls(strength=["password"], satisfied="none"))])["ada"].legacy_blocked is False
    assert judged([policy("P", apps=["Office365"])])["ada"].legacy_blocked is False


def test_37_an_app_filter_decides_nothing_where_it_does_not_matter():
    tagged = policy("P")
    tagged["conditions"]["applications"]["applicationFilter"] = {"mode": "include", "rule": "x"}
    row = judged([tagged])["ada"]
    assert row.verdict == "unknown" and "filter" in row.reason
    assert judged([tagged, policy("Q")])["ada"].verdict == "enforced"


def test_38_a_state_nobody_knows_is_neither_on_nor_off():
    assert judged([policy("P", state="hibernating")])["ada"].verdict == "unknown"
    assert judged([policy("P", state="hibernating"), policy("Q")])["ada"].verdict == "enforced"
    assert judged([policy("P", state="disabled")])["ada"].verdict == "not_enforced"


def test_39_per_user_settings_fill_what_policies_leave_open():
    row = judged([OUTSIDE], per_user={"ada": "enforced"})["ada"]
    assert row.verdict == "per_user" and row.enforced_by == ["Per-user multifactor authentication", "P"]
    pending = judged([], None, MfaRegistration("ada", False), per_user={"ada": "enabled"})["ada"]
    assert pending.verdict == "per_user_pending"
    unsure = judged([], None, MfaRegistration("ada", None), per_user={"ada": "enabled"})["ada"]
    assert unsure.verdict == "unknown"
    assert judged([policy("P")], per_user={"ada": "enforced"})["ada"].verdict == "enforced"


def test_40_federated_people_are_their_providers_business():
    row = judged(
        [], None, Setting("federated_mfa", "acceptIfMfaDoneByFederatedIdp", "domain:contoso.example"), federated=True
    )["ada"]
    assert row.verdict == "third_party" and "acceptIfMfaDoneByFederatedIdp" in row.reason
    assert judged([policy("P")], federated=True)["ada"].verdict == "enforced"
    assert judged([], [person(external=True, kind="guest")], federated=True)["ada"].verdict == "not_enforced"


def test_41_switched_off_is_blocked_whatever_else():
    refused = outcomes_of(access_policies=Incomplete(0, NotGranted("No.")))
    assert judged([policy("P")], [person(enabled=False)], outcomes=refused)["ada"].verdict == "blocked"


def test_42_a_group_with_a_role_and_unread_members_may_hold_anybody():
    hidden = role("g", holder_kind="group", via_id="g", members_known=False)
    assert judged([ADMINS], None, hidden)["ada"].verdict == "unknown"
    assert judged([ADMINS, policy("P")], None, hidden)["ada"].verdict == "enforced"


def test_42b_who_may_switch_a_role_on_is_a_question_of_its_own():
    hidden = role("g", holder_kind="group", via_id="g", members_known=False, state="eligible")
    rows = [hidden, role("ada", USER_ADMINISTRATOR, state="eligible")]
    only = policy("Global", users=(), who={"includeRoles": [GLOBAL_ADMINISTRATOR]})
    row = judged([only], None, *rows)["ada"]
    assert row.verdict == "not_enforced"
    both = policy("Both", users=(), who={"includeRoles": [GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR]})
    row = judged([only, both], None, *rows)["ada"]
    assert (row.verdict, row.verdict_when_active) == ("not_enforced", "enforced")


def test_43_without_the_list_of_administrators_nobody_is_certainly_none():
    unread = outcomes_of(role_assignments=Incomplete(0, NotGranted("No.")))
    assert judged([ADMINS], outcomes=unread)["ada"].verdict == "unknown"
    assert judged([ADMINS], None, role("ada"), outcomes=unread)["ada"].verdict == "enforced"


def test_44_a_guest_whose_origin_is_unknown():
    some = policy("P", who={"excludeGuestsOrExternalUsers": guests("b2bCollaborationGuest")})
    assert judged([some], [person(kind="guest", external=None)])["ada"].verdict == "unknown"
    assert judged([policy("P")], [person(kind="guest", external=None)])["ada"].verdict == "enforced"


def test_45_no_risk_ticked_is_an_ordinary_sign_in():
    verdict, gaps = ada(policy("P", signInRiskLevels=["none"]))
    assert verdict == "conditional" and gaps == ("No second factor when the risk is high or low or medium.",)
    assert ada(policy("P", signInRiskLevels=["none", "low", "medium", "high"])) == ("enforced", ())


def test_46_apps_workloads_and_contexts_are_no_people():
    workload = policy(
        "P", users=("None",), clientApplications={"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}
    )
    context = policy("Q", apps=())
    context["conditions"]["applications"]["includeAuthenticationContextClassReferences"] = ["c1"]
    assert ada(workload, context) == ("not_enforced", ())


def test_47_a_choice_among_second_factors_is_a_second_factor():
    assert ada(policy("P", controls("mfa", strength=RESISTANT))) == ("enforced", ())
    mixed = judged([policy("P", controls("mfa", custom=["DuoMfa"]))])["ada"]
    assert mixed.verdict == "third_party"


def test_48_a_temporary_pass_and_federated_mfa_are_two_factors():
    strength = controls(strength=["temporaryAccessPassOneTime", "federatedMultiFactor", "deviceBasedPush"])
    assert ada(policy("P", strength))[0] == "enforced"
    assert judged([policy("P", controls(strength=["retinaScan"]))])["ada"].verdict == "unknown"


def test_49_two_suites_and_an_app_of_ones_own():
    office, own = policy("P", apps=["Office365"]), policy("Q", apps=[OWN_APP])
    assert ada(office, own)[0] == "apps_only"
    assert ada(office, policy("Q", apps=[TEAMS], without=[EXCHANGE]))[0] == "apps_only"
    verdict, gaps = ada(policy("P", apps=["Office365"], without=[TEAMS]))
    assert (verdict, gaps) == (
        "apps_only", ("No second factor in Microsoft Teams and in other apps than Office 365.",),
    )  # fmt: skip
    verdict, gaps = ada(policy("P", without=["Office365"]), policy("Q", apps=[EXCHANGE]))
    assert (verdict, gaps) == (
        "enforced_except_apps", ("No second factor in Office 365 (but for Exchange Online).",),
    )  # fmt: skip


def test_50_members_and_guests_differ_over_a_policy_for_named_people():
    named = policy("P", users=("guest",))
    assert everybody(named) == {
        "member": "not_enforced",
        "guest": "enforced",
        "partner": "not_enforced",
        "local": "not_enforced",
    }


def test_51_security_defaults_leave_the_synchronisation_account_out():
    sync = person(kind="sync")
    assert judged([], [sync], defaults=True)["ada"].verdict == "not_enforced"

    federated = judged([], [sync], defaults=True, federated=True)["ada"]
    assert federated.verdict == "third_party"
    unsure = judged([], [sync], defaults=True, per_user={"ada": None})["ada"]
    assert unsure.verdict == "unknown"


def test_52_an_emergency_account_is_recognised_or_configured():
    exempt = policy("P", who={"excludeUsers": ["ada"]})
    glass = person(licensed=False)
    assert judged([exempt], [glass], role("ada"))["ada"].emergency is True
    assert judged([exempt], [glass])["ada"].emergency is False  # exempt, but no administrator
    assert judged([exempt], [person(licensed=True)], role("ada"))["ada"].emergency is False  # works every day
    named = {"emergency_accounts": ("ada@contoso.example",)}
    assert judged([], [person()], config=named)["ada"].emergency is True
    assert judged([], [person(enabled=False)], config=named)["ada"].emergency is True  # and of no use switched off
    assert judged([], [person(enabled=False)])["ada"].emergency is False


def test_53_what_is_unknown_about_per_user_settings_decides_where_nothing_else_does():
    nothing = Setting("per_user_mfa", None, "account:ada")
    tables = {"per_user": {"ada": None}}
    assert judged([], None, nothing, **tables)["ada"].verdict == "unknown"
    assert judged([policy("P")], None, **tables)["ada"].verdict == "enforced"
    assert judged([], None, defaults=True, **tables)["ada"].verdict == "security_defaults"


def test_54_registration_from_outside_counts():
    action = policy("P", apps=(), locations=at("All", without=["AllTrusted"]))
    action["conditions"]["applications"]["includeUserActions"] = ["urn:user:registersecurityinfo"]
    assert judged([action], locations=[OFFICE])["ada"].registration_protected is True
    action["conditions"]["platforms"] = on("windows")
    assert judged([action], locations=[OFFICE])["ada"].registration_protected is False


def test_55_too_many_situations_are_said_to_be_too_many():
    many = [policy(f"P{n}", devices={"deviceFilter": {"mode": "include", "rule": f"rule {n}"}}) for n in range(25)]
    verdict, gaps = ada(*many)
    assert verdict == "conditional" and "too many situations" in gaps[0]
    assert ada(*many, policy("Everybody")) == ("enforced", ())
    assert ada(*many, policy("Nobody", "block"))[0] == "blocked"
    devices = [policy(f"D{n}", "compliantDevice", **{"devices": one["conditions"]["devices"]})
               for n, one in enumerate(many)]  # fmt: skip
    assert ada(*devices, policy("P", without=[EXCHANGE]))[0] == "enforced_except_apps"  # they ask for nothing of it


def test_56_whoever_is_in_an_unread_group_is_in_it_for_every_policy():
    strong = policy("Group", controls(strength=RESISTANT), users=(), who={"includeGroups": ["A"]})
    assert judged([EXEMPT, strong], None, *group("A", known=False))["ada"].verdict == "enforced"
    many = [policy(f"P{n}", without=[OWN_APP], who={"excludeGroups": ["A"]}) for n in range(12)]
    assert judged([*many, strong], None, *group("A", known=False))["ada"].verdict == "unknown"
    assert judged([*many, strong, policy("Own", apps=[OWN_APP])], None, *group("A", known=False))["ada"].verdict == (
        "enforced"
    )


def test_57_many_unread_groups_are_bounded_from_both_sides():
    each = [policy(f"P{n}", users=(), apps=[EXCHANGE], who={"includeGroups": [f"g{n}"]}) for n in range(12)]
    unread = [row for n in range(12) for row in group(f"g{n}", known=False)]
    assert judged(each, None, *unread)["ada"].verdict == "unknown"
    assert judged([*each, policy("All")], None, *unread)["ada"].verdict == "enforced"
    # The one that blocks Exchange hides what the others demand there, if all apply; they need not.
    block = policy("B", "block", users=(), apps=[EXCHANGE], who={"includeGroups": ["g0"]})
    assert judged([*each, block], None, *unread)["ada"].verdict == "unknown"


def test_58_whom_somebody_is_invited_by_decides_who_signs_them_in():
    assert judged([], [person(external=None)], federated=True)["ada"].verdict == "unknown"
    assert judged([], per_user={"ada": "in some new way"})["ada"].verdict == "unknown"
    old = policy("P", users=("GuestsOrExternalUsers",))
    assert judged([old], [person(kind="guest", external=None)])["ada"].verdict == "enforced"  # a guest either way
    assert judged([old], [person(kind=None, external=False)])["ada"].verdict == "unknown"


def test_59_apps_chosen_by_a_filter_alone_are_some_apps():
    tagged = policy("P", apps=())
    tagged["conditions"]["applications"]["applicationFilter"] = {"mode": "include", "rule": "x"}
    assert judged([tagged])["ada"].verdict == "unknown"
    assert judged([tagged, policy("Q")])["ada"].verdict == "enforced"


def test_60_what_cannot_be_read_is_not_held_to_be_absent():
    torn, lost = network("Torn", "192.0.2.0/24", "not a range", trusted=True), network("Lost", "192.0.2.0/24")
    lost["ipRanges"] = None
    for place in (torn, lost):
        elsewhere = policy("P", locations=at("All", without=[place["id"]]))
        assert ada(elsewhere, locations=[place])[0] == "conditional"
        assert ada(elsewhere, policy("Q", locations=at(place["id"])), locations=[place])[0] == "enforced"
    assert ada(policy("P", clientAppTypes=["a new kind of client"]))[0] == "conditional"
    assert ada(policy("P", clientAppTypes=["browser", "modern"])) == ("enforced", ())


@pytest.mark.parametrize(
    "spoil",
    [{"conditions": None}, {"conditions": {"users": None}}, {"conditions": "All"}, {"grantControls": ["mfa"]},
     {"conditions": {**policy("P")["conditions"], "users": {"includeUsers": 5}}}],
)  # fmt: skip
def test_61_a_policy_nobody_can_read_may_ask_for_everything_or_nothing(spoil):
    broken = policy("Broken") | spoil
    row = judged([broken])["ada"]
    assert row.verdict == "unknown" and "“Broken” is written in a way" in row.reason
    assert judged([broken, policy("Q")])["ada"].verdict == "enforced"
    assert judged([broken | {"state": "disabled"}])["ada"].verdict == "not_enforced"


def test_62_overlapping_places_are_said_in_few_words():
    lan, hall = network("LAN", "192.0.2.0/24"), network("Hall", "192.0.2.64/26")
    home, away = countries("Home", "DK"), countries("Away", "NO")
    covered = [policy("Hall", locations=at("loc-Hall")), policy("Away", locations=at("loc-Away"))]
    _, gaps = ada(*covered, policy("LAN", locations=at("loc-Home", without=["loc-LAN"])),
                  locations=[lan, hall, home, away])  # fmt: skip
    assert gaps == (
        "No second factor in “LAN” but outside “Away” and “Hall”, or outside “Away”, “Hall” and “Home”.",
    )  # fmt: skip


def test_63_old_clients_may_be_kept_out_by_security_defaults_nobody_could_read():
    assert judged([], defaults=None)["ada"].legacy_blocked is None
    assert judged([policy("P")], defaults=None)["ada"].legacy_blocked is True
    assert judged([], defaults=True)["ada"].legacy_blocked is True
    assert judged([], defaults=False)["ada"].legacy_blocked is False


def test_57_silence_makes_nobody_an_everyday_account():
    exempt, glass, unread = (
        policy("P", who={"excludeUsers": ["ada"]}),
        person(licensed=False),
        Incomplete(0, NotGranted("No.")),
    )
    roles = outcomes_of(role_assignments=unread)
    assert judged([exempt], [glass], outcomes=roles)["ada"].emergency is None
    assert judged([exempt], [person(licensed=True)], outcomes=roles)["ada"].emergency is False
    hidden = role("admins", holder_kind="group", members_known=False)
    assert judged([exempt], [glass], hidden)["ada"].emergency is None
    policies = outcomes_of(access_policies=unread)
    assert judged([], [glass], role("ada"), outcomes=policies)["ada"].emergency is None
    assert judged([], [glass], role("bo"), outcomes=policies)["ada"].emergency is False
    assert judged([], [glass], role("ada"), outcomes=policies, defaults=True)["ada"].emergency is False
    grouped = policy("P", who={"excludeGroups": ["old"]})
    assert judged([grouped], [glass], role("ada"), *group("old", "ada"))["ada"].emergency is True
    assert judged([grouped], [glass], role("ada"), *group("old", known=False))["ada"].emergency is None
    assert judged([exempt], [person(synced=None, licensed=False)], role("ada"))["ada"].emergency is None
