"""What kind each account is, with the optional module "mail" and without, and what Graph tells of it for free."""

from __future__ import annotations

import msgspec
import pytest

from keyround.connector import Complete
from keyround_fixtures import Fault
from keyround_m365 import users

from .conftest import settings_of

MAIL = "MailboxSettings.Read"
MAILBOX = "mailboxSettings/userPurpose"


@pytest.fixture
def gathered(gather, cloud):
    """The accounts by first part of the user name, as a token with the permission reads them, and the outcome."""

    def run(*permissions):
        cloud.grant("m365", *permissions)
        outcome, rows = gather(settings_of(cloud, 0), "users")["users"]
        assert isinstance(outcome, Complete)
        return outcome, {row.username.split("@")[0]: row for row in rows}

    return run


def kinds(people):
    return {name: people[name].kind for name in ("info", "raum.elbe", "scanner", "Sync_SRV01_4f1c", "petra.lindner")}


def test_with_the_module_shared_mailboxes_and_rooms_are_told_from_people(gathered, cloud):
    outcome, people = gathered(MAIL)
    assert not outcome.without
    assert kinds(people) == {"info": "shared", "raum.elbe": "room", "scanner": "member", "Sync_SRV01_4f1c": "sync",
                             "petra.lindner": "member"}  # fmt: skip
    asked = {request.path.split("/")[3] for request in cloud.requests if request.path.endswith(MAILBOX)}
    unlicensed = {row.account_id for row in people.values() if not row.licensed and not row.external}
    assert asked == unlicensed - {people["Sync_SRV01_4f1c"].account_id}


def test_without_the_module_nobody_asks_and_nothing_is_missing(gathered, cloud):
    cloud.deny("m365", MAIL)
    outcome, people = gathered()
    assert not outcome.without and kinds(people)["info"] == "member" == kinds(people)["raum.elbe"]
    assert not [request for request in cloud.requests if MAILBOX in request.path]


def test_a_mailbox_kept_from_the_application_is_of_unknown_kind(gathered, cloud):
    info = cloud.tenants[0].find("users", "info@hollenstedt.example", "userPrincipalName")["id"]
    cloud.faults.append(Fault(f"{info}/{MAILBOX}", body="403_error_access_denied", times=9))
    outcome, people = gathered(MAIL)
    assert outcome.without["kind"].code == "ErrorAccessDenied" and outcome.without["kind"].therefore
    assert kinds(people) | {"info": None} == kinds(people) and kinds(people)["raum.elbe"] == "room"


def test_a_batch_that_fails_costs_the_kinds_it_was_for_and_no_account(gathered, cloud):
    cloud.faults.append(Fault(r"\$batch", body="403_authorization_requestdenied", times=9))
    outcome, people = gathered(MAIL)
    assert outcome.without["kind"].kind == "NotGranted" and len(people) == 53
    assert (people["info"].kind, people["petra.lindner"].kind, people["b.larsen_fjordteknik.example#EXT#"].kind) == (
        None, "member", "guest",
    )  # fmt: skip


def test_a_token_that_does_not_say_what_it_may_finds_out(gather, cloud):
    issued = cloud.clerk.issued

    def opaque(*permissions):
        cloud.grant("m365", *permissions)
        settings = settings_of(cloud, 0)
        issued.tokens["opaque.token"] = issued.tokens[settings["token"]]
        outcome, rows = gather(settings | {"token": "opaque.token"}, "users")["users"]
        assert isinstance(outcome, Complete) and not outcome.without
        return {row.kind for row in rows}

    cloud.deny("m365", MAIL)
    assert opaque() == {"member", "guest", "sync"}
    assert opaque(MAIL) == {"member", "guest", "sync", "shared", "room"}


def rows(*given, mailboxes=None):
    page = users.Page(msgspec.json.encode({"value": list(given)}), True, mailboxes or {})
    return {row.account_id: row for row in users.rows(page)}


@pytest.mark.parametrize(
    "answer, kind",
    [
        ({"value": "equipment"}, "room"), ({"value": "Shared"}, "shared"), ({"value": {"value": "room"}}, "room"),
        ({"value": "others"}, "member"), ({"value": "linked"}, "member"), ({"value": "kiosk"}, "kiosk"),
        ({"value": 7}, "member"), ({}, "member"),
    ],
)  # fmt: skip
def test_words_for_mailboxes(answer, kind):
    found = rows({"id": "a", "userType": "Member"}, mailboxes={"a": msgspec.json.encode(answer)})
    assert found["a"].kind == kind


@pytest.mark.parametrize(
    "name, display, kind",
    [
        ("Sync_DC01-B_5a7f0c3e91d2@contoso.onmicrosoft.example", "x", "sync"),
        ("ADToAADSyncServiceAccount@contoso.onmicrosoft.example", "x", "sync"),
        ("who@contoso.example", "On-Premises Directory Synchronization Service Account", "sync"),
        ("package_2c1f6f0e-11d2-4a53-9f0a-0b6d2c2f1a10@contoso.example", "x", "service"),
        # Names that merely sound like it: people may hide behind them.
        ("sync_projects@contoso.example", "Sync", "member"),
        ("package_office@contoso.example", "Service", "member"),
        ("svc-backup@contoso.example", "Backup Service Account", "member"),
        ("aad_admin@contoso.example", "Ada", "member"),
    ],
)
def test_only_what_microsoft_itself_makes_is_no_person(name, display, kind):
    found = rows({"id": "a", "userType": "Member", "userPrincipalName": name, "displayName": display})
    assert found["a"].kind == kind


def test_licences_of_rooms_and_resource_accounts_are_nobodys():
    room = {"skuId": "4cde982a-ede4-4409-9ae6-b003453c8ea6"}
    asked = {
        "licensed room": {"assignedLicenses": [room]},
        "resource": {"assignedLicenses": [{"skuId": "x"}], "isResourceAccount": True},
        "unlicensed": {"assignedLicenses": []},
    }
    spared = {"licensed": {"assignedLicenses": [room, {"skuId": "x"}]}, "unsaid": {},
              "guest": {"assignedLicenses": [], "userType": "Guest"},
              "colleague from elsewhere": {"assignedLicenses": [], "creationType": "Invitation"}}  # fmt: skip

    def perhaps(given):
        user = msgspec.convert({"id": "a", "userType": "Member"} | given, users._User)
        return users._perhaps_nobody(user)

    assert all(map(perhaps, asked.values())) and not any(map(perhaps, spared.values()))


def test_what_graph_tells_for_free(gathered):
    _, people = gathered()
    assert people["petra.lindner"].mail == "petra.lindner@hollenstedt.example" and people["petra.lindner"].premium
    assert people["scanner"].premium is False and people["petra.lindner"].invitation is None
    invited = {name.split("_")[0]: row.invitation for name, row in people.items() if row.external}
    assert invited == {"a.petersen": "accepted", "b.larsen": "accepted", "c.pending": "pending", "d.madsen": "accepted"}


def test_a_licence_counts_while_it_is_in_force():
    p1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
    found = rows(
        {"id": "gone", "assignedPlans": [{"servicePlanId": p1, "capabilityStatus": "Deleted"}]},
        {"id": "renewed", "assignedPlans": [{"servicePlanId": p1, "capabilityStatus": "Deleted"},
                                            {"servicePlanId": p1.upper(), "capabilityStatus": "Enabled"}]},
        {"id": "unsaid"},
    )  # fmt: skip
    assert {key: row.premium for key, row in found.items()} == {"gone": False, "renewed": True, "unsaid": None}
