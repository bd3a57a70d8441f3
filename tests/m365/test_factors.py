"""Which factors exist: whom the connector asks one by one, what it makes of the answers, what it leaves unsaid."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from keyround.connector import Complete, Incomplete, table_outcome
from keyround.model import Account, AuthMethod, MfaRegistration, Setting, Tenant
from keyround_fixtures import Cloud, Fault, load
from keyround_m365 import CONNECTOR, auth_methods
from tests.napping import NOW

from .conftest import settings_of

ASKED = re.compile(r"/users/([^/]+)/authentication/methods$")
EARLIER = ("users", "mfa_registrations", "role_assignments", "eligible_roles", "methods_policy")


@pytest.fixture
def factors(gather, settings, cloud):
    """Collects `auth_methods` and what goes before; gives the outcomes and rows, and name -> account id."""

    def run(where=settings):
        found = gather(where, *EARLIER, "auth_methods")
        people = {account.username.split("@")[0]: account.account_id for account in found["users"][1]}
        return found, people

    return run


@pytest.fixture
def standard():
    """The same company on a plan without Entra ID P1."""
    with Cloud(load("m365", now=NOW, plan="standard")) as running:
        yield running


def asked(cloud):
    return {match[1] for request in cloud.requests if (match := ASKED.search(request.path))}


def of(found, table):
    return [row for row in found["auth_methods"][1] if isinstance(row, table)]


def outcomes(found):
    return {name: outcome for name, (outcome, _) in found.items()}


def test_with_the_report_only_administrators_and_the_missing_are_asked(factors, cloud):
    found, people = factors()
    # Everybody with a role who may sign in, directly or through a group, and the one who is too new for the report.
    names = ["petra.lindner", "ralf.nordmann", "notfall", "sabine.okafor", "lena.voss", "heiko.brand", "uwe.behn",
             "jens.wolter", "mira.tahiri", "Gerd.Ostermann", "a.petersen_nordlicht.example#EXT#", "Sync_SRV01_4f1c",
             "noor.sahin"]  # fmt: skip
    assert asked(cloud) == {people[name] for name in names}
    (row,) = of(found, MfaRegistration)
    assert (row.account_id, row.registered, row.capable, row.methods, row.source) == (
        people["noor.sahin"], True, None, ["authenticator_push"], "authentication methods"
    )  # fmt: skip
    assert {row.account_id for row in of(found, AuthMethod)} == asked(cloud)


def test_whoever_can_switch_a_role_on_is_an_administrator_too(factors):
    with Cloud(load("m365", now=NOW, plan="p2")) as cloud:
        _, people = factors(settings_of(cloud, 0))
        assert people["tobias.krug"] in asked(cloud)


def test_without_p1_the_whole_company_gets_its_factors(factors, standard):
    found, people = factors(settings_of(standard, 0))
    outcome = table_outcome(CONNECTOR, outcomes(found), MfaRegistration)
    assert found["mfa_registrations"][0].error.kind == "NotLicensed" and isinstance(outcome, Complete)
    report = load("m365", now=NOW).tables["userRegistrationDetails"]
    told = {row.account_id: row for row in of(found, MfaRegistration)}
    assert told.keys() - {row["id"] for row in report} == {people["noor.sahin"]}
    assert people["frank.alt"] not in told and people["gabi.reuter"] not in told  # switched off: no answer
    for row in report:  # both sources say the same of everybody
        assert told[row["id"]].registered == row["isMfaRegistered"], row["userPrincipalName"]
    assert {row.capable for row in told.values()} == {False, None}
    classes = {name: (told[key].strongest, told[key].weakest) for name, key in people.items() if key in told}
    assert (
        classes.items()
        >= {
            "ralf.nordmann": ("phishing_resistant", "strong"),
            "karin.ahlers": ("weak", "weak"),
            "imke.dahl": ("none", "none"),  # an address to reset the password
            "arne.holst": ("none", "none"),  # a pass for today
            "fatma.yildirim": ("phishing_resistant", "phishing_resistant"),
            "petra.lindner": ("none", "none"),
        }.items()
    )


def test_phones_and_passes_without_their_numbers(factors, standard):
    found, people = factors(settings_of(standard, 0))
    methods = of(found, AuthMethod)
    shared = Counter(row.phone_hash for row in methods if row.phone_hash)
    (same,) = [
        phone for phone, times in shared.items() if times > 1 and phone_of(methods, people["jens.wolter"]) == phone
    ]
    assert {row.account_id for row in methods if row.phone_hash == same} == {
        people["jens.wolter"], people["sabine.okafor"]
    }  # fmt: skip
    assert [row.account_id for row in methods if row.sms_sign_in] == [people["karin.ahlers"]]
    assert {row.account_id for row in methods if row.usable} == {people["arne.holst"]}
    assert "0000901" not in repr(found) and "150 000" not in repr(found)
    again, _ = factors(settings_of(standard, 0))
    assert phone_of(of(again, AuthMethod), people["jens.wolter"]) != same  # the salt is gone with the session


def phone_of(methods, account):
    return next(row.phone_hash for row in methods if row.account_id == account and row.phone_hash)


@pytest.mark.parametrize("lost", [("userReg", "403_missing_graph_permission"), ("userReg", "503_plain_html")])
def test_whatever_keeps_the_report_everybody_is_asked(lost, factors, cloud):
    cloud.faults.append(Fault(lost[0], body=lost[1], times=99))
    found, _ = factors()
    assert isinstance(found["mfa_registrations"][0], Incomplete)
    assert len(asked(cloud)) == 50 and len(of(found, MfaRegistration)) == 50
    assert isinstance(table_outcome(CONNECTOR, outcomes(found), MfaRegistration), Complete)


def test_a_report_cut_short_is_completed_and_no_account_counts_twice(gather, big, cloud):
    cloud.faults.append(Fault("userReg.*skiptoken", body="403_missing_graph_permission", times=99))
    found = gather(big, *EARLIER, "auth_methods")
    first = [row.account_id for row in found["mfa_registrations"][1]]
    rest = [row.account_id for row in found["auth_methods"][1] if isinstance(row, MfaRegistration)]
    enabled = {row.account_id for row in found["users"][1] if row.enabled}
    assert len(first) == 999 and rest and not {*first} & {*rest} and enabled <= {*first, *rest}


def test_one_account_that_cannot_be_asked_is_one_unknown(factors, standard):
    here = settings_of(standard, 0)
    people = {row["userPrincipalName"].split("@")[0]: row["id"] for row in standard.tenants[0].tables["users"]}
    gone = {"error": {"code": "ResourceNotFound", "message": "gone"}}
    standard.faults.append(Fault(f"{people['empfang']}/auth", status=404, data=gone, times=9))
    found, _ = factors(here)
    assert not found["auth_methods"][0].without  # who was deleted meanwhile is no gap
    standard.faults.append(Fault(f"{people['tim.rad']}/auth", body="403_request_authorization_failed", times=9))
    found, _ = factors(here)
    outcome = found["auth_methods"][0]
    told = {row.account_id for row in of(found, MfaRegistration)}
    assert isinstance(outcome, Complete) and len(told) == 48
    assert not told & {people["tim.rad"], people["empfang"]}
    assert outcome.without["registered"].kind == outcome.without["method"].kind == "NotGranted"


def test_half_an_answer_is_asked_for_again(factors, cloud):
    cloud.faults.append(Fault("/authentication/methods", kind="truncated", times=3))
    found, _ = factors()
    outcome = found["auth_methods"][0]
    assert isinstance(outcome, Complete) and not outcome.without
    assert {row.account_id for row in of(found, AuthMethod)} == asked(cloud)


@pytest.mark.parametrize(
    "what, kind",
    [
        ({"body": "403_request_authorization_failed"}, "NotGranted"),
        ({"body": "400_segment_not_found"}, "NotEnabled"),
        ({"status": 404, "data": {"error": {"code": "UnknownError"}}}, "NotEnabled"),
        ({"status": 404, "data": {"error": {"code": "NotFound"}}}, "NotEnabled"),
        ({"body": "429_no_retry_after"}, "Throttled"),
    ],
    ids=["refused", "no such segment", "no such cloud", "nobody found", "throttled"],
)  # fmt: skip
def test_what_would_happen_to_everybody_ends_the_asking(what, kind, factors, standard):
    standard.faults.append(Fault("/authentication/methods", times=999, **what))
    found, _ = factors(settings_of(standard, 0))
    assert found["auth_methods"][0].error.kind == kind and not found["auth_methods"][1]
    assert len(asked(standard)) == 20  # of fifty
    missing = table_outcome(CONNECTOR, outcomes(found), MfaRegistration)
    assert isinstance(missing, Incomplete) and missing.error.kind == kind  # not the plan, which nobody can repair
    assert table_outcome(CONNECTOR, outcomes(found), AuthMethod).error.kind == kind


def test_while_roles_are_hidden_it_is_said_that_administrators_were_not_asked(factors, cloud):
    cloud.deny("m365", "RoleManagement.Read.Directory", "Directory.Read.All")
    found, people = factors()
    assert asked(cloud) == {people["noor.sahin"]}
    assert "administrators" in found["auth_methods"][0].without["method"].therefore


def test_accounts_that_were_cut_short_are_no_whole_answer(gather, big, cloud):
    cloud.faults.append(Fault("/users.*skiptoken", body="403_authorization_requestdenied", times=99))
    cloud.faults.append(Fault("userReg", body="403_missing_graph_permission", times=99))
    outcome, rows = gather(big, *EARLIER, "auth_methods")["auth_methods"]
    assert isinstance(outcome, Incomplete) and rows


def test_one_number_however_it_is_written():
    def hashes(*numbers):
        return {auth_methods._hashed(number, b"salt") for number in numbers}

    same = ("+49 150 0000001", "+49 0150-0000001", " +491500000001", "+49 (150) 0000001")
    assert len(hashes(*same)) == 1
    others = ("+49 150 0000002", "+49 150 0000001x12", "+45 150 0000001")
    assert len(hashes(*same, *others)) == 4
    # Masked for some readers, or no number at all: never the same as another.
    assert hashes("+XX XXXXXXXX01", "+49 *** ****01", "+1 23", "", None, "x") == {None}
    assert auth_methods._hashed(same[0], b"another salt") not in hashes(*same)


def page(*methods, certificates=False, reported=False):
    body = json.dumps({"value": [{"@odata.type": f"#microsoft.graph.{kind}", **more} for kind, more in methods]})
    return auth_methods.Page("a", (body.encode(),), reported, certificates, b"salt")


def registration(*methods, certificates=False):
    return list(auth_methods.rows(page(*methods, certificates=certificates)))[-1]


IN_THE_APP = "de1e552d-db1d-4423-a619-566b625cdc84"
PASSWORD = ("passwordAuthenticationMethod", {"id": "28c10230-6103-485e-b985-444c60001490"})


@pytest.mark.parametrize(
    "kind, more, word, strength",
    [
        ("phoneAuthenticationMethod", {"phoneType": "office"}, "office_phone", "weak"),
        ("phoneAuthenticationMethod", {"phoneType": "satellite"}, "mobile_phone", "weak"),
        ("fido2AuthenticationMethod", {"passkeyType": "deviceBound"}, "security_key", "phishing_resistant"),
        ("fido2AuthenticationMethod", {"passkeyType": "synced"}, "passkey", "phishing_resistant"),
        ("fido2AuthenticationMethod", {"aaGuid": IN_THE_APP.upper()}, "passkey", "phishing_resistant"),
        ("windowsHelloForBusinessAuthenticationMethod", {}, "windows_hello", "phishing_resistant"),
        ("platformCredentialAuthenticationMethod", {}, "platform_credential", "phishing_resistant"),
        ("externalAuthenticationMethod", {}, "external_provider", "strong"),
        ("qrCodePinAuthenticationMethod", {}, "qr_code", "none"),
        ("hardwareOathAuthenticationMethod", {}, "one_time_code_token", "strong"),
        ("holographicAuthenticationMethod", {}, "holographic", None),
        ("futureThing", {}, "futureThing", None),
    ],
)  # fmt: skip
def test_words(kind, more, word, strength):
    (row,) = auth_methods.rows(page((kind, {"id": "m", **more}), reported=True))
    assert (row.method, row.strength, row.method_id) == (word, strength, "m")


def test_what_cannot_be_known_is_no_no():
    assert registration(PASSWORD).registered is False
    assert registration(PASSWORD, ("holographicAuthenticationMethod", {})).registered is None
    assert registration(("holographicAuthenticationMethod", {}), ("phoneAuthenticationMethod", {})).registered is True
    over = ("temporaryAccessPassAuthenticationMethod", {"isUsable": False})
    assert (registration(over).registered, registration(over).methods) == (False, [])
    # Who signs in with a certificate has none in the list.
    maybe = registration(PASSWORD, certificates=True)
    assert (maybe.registered, maybe.capable, maybe.strongest, maybe.weakest) == (None, None, None, None)
    assert registration(("fido2AuthenticationMethod", {}), certificates=True).strongest == "phishing_resistant"


def test_certificates_that_are_allowed_make_nobody_unprotected(factors, standard):
    policy = standard.tenants[0].singles["authenticationMethodsPolicy"]
    next(one for one in policy["authenticationMethodConfigurations"] if one["id"] == "X509Certificate")["state"] = (
        "enabled"
    )
    found, _ = factors(settings_of(standard, 0))
    assert {row.registered for row in of(found, MfaRegistration)} == {True, None}


def test_a_refused_setting_takes_no_other_with_it():
    from keyround.errors import NotGranted

    names = {dataset.name: Complete(1) for dataset in CONNECTOR.datasets}
    refused = Incomplete(0, NotGranted("no"))
    for name in ("methods_policy", "domains", "cross_tenant_access", "per_user_mfa", "organization"):
        assert isinstance(table_outcome(CONNECTOR, names | {name: refused}, Setting), Complete), name
    assert isinstance(table_outcome(CONNECTOR, names | {"security_defaults": refused}, Setting), Incomplete)
    assert isinstance(table_outcome(CONNECTOR, names | {"organization": refused}, Tenant), Incomplete)
    assert isinstance(table_outcome(CONNECTOR, names | {"auth_methods": refused}, MfaRegistration), Complete)
    assert isinstance(table_outcome(CONNECTOR, names | {"auth_methods": refused}, AuthMethod), Incomplete)
    assert isinstance(table_outcome(CONNECTOR, names | {"auth_methods": refused}, Account), Complete)
