"""The JSON other programs read: its shape, and that unknown stays null."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from keyround.connector import Incomplete
from keyround.engine.results import Evaluated, Judged
from keyround.errors import ConfigError, StoreError
from keyround.export.results_json import results, write
from keyround.model import SignInPlace

from .invented import (
    ABROAD,
    ACCEPTANCES,
    DORMANT,
    GOOGLE,
    GOOGLE_TENANT,
    M365,
    M365_TENANT,
    NOT_OFFERED,
    NOW,
    REFUSED,
    SECOND,
    Held,
    accepting,
    account,
    admin,
    company,
    covered,
    judged,
    small,
)

SCHEMA = json.loads((files("keyround.schema") / "results.schema.json").read_text(encoding="utf-8"))


def accounts(scan: Any) -> dict[str, Any]:
    return {one["account_id"]: one for one in results(scan, "high")["accounts"]}


SIGNED = accepting(company(**SECOND), *ACCEPTANCES)


@pytest.mark.parametrize("scan", [company(), small([]), SIGNED], ids=["company", "empty", "signed again"])
def test_shape(scan: Any) -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(results(scan, "high"))


def test_schema_names_every_field() -> None:
    got = results(SIGNED, "high")
    assert SCHEMA["properties"].keys() == got.keys()
    for part in ("tenants", "coverage", "accounts", "findings", "checks", "accepted", "changes"):
        assert SCHEMA["properties"][part]["items"]["properties"].keys() == got[part][0].keys()
    sign_ins = SCHEMA["properties"]["sign_ins"]["properties"]
    assert sign_ins.keys() == got["sign_ins"].keys()
    assert sign_ins["by_account"]["items"]["properties"].keys() == got["sign_ins"]["by_account"][0].keys()


def test_the_file_holds_the_same(tmp_path: Path) -> None:
    path = write(company(), tmp_path / "out" / "a.json", "high")
    assert json.loads(path.read_text(encoding="utf-8")) == results(company(), "high")
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


def test_half_a_surrogate_pair_does_not_spoil_the_file(tmp_path: Path) -> None:
    path = write(small([account("ada", "Ada \ud83d")]), tmp_path / "a.json", "high")
    assert json.loads(path.read_bytes())["accounts"][0]["display_name"] == "Ada \ufffd"


def test_a_refusing_disk_is_a_store_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="could not be written"):
        write(company(), tmp_path / "file" / "a.json", "high")
    (tmp_path / "a.json").mkdir()
    with pytest.raises(StoreError):
        write(company(), tmp_path / "a.json", "high")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.json", "file"]


def test_one_account() -> None:
    ada = accounts(company())["ada"]
    assert (
        ada["protection"] == "protected" and ada["privileged"] is True and ada["mfa_strength"] == "phishing_resistant"
    )
    assert ada["last_sign_in"] == "2026-11-22T07:00:00Z"  # the later of the two kinds
    assert ada["sign_in_countries"] == ["DE"]
    assert accounts(company())["101"]["username"] == "ada@brandtner.example"
    assert ada["mfa_contradiction"] is ada["mfa_grace_until"] is None


def test_what_was_not_read_is_null() -> None:
    refused = Incomplete(0, REFUSED)
    scan = small([account("ada")], role_assignments=refused, sign_ins=refused, mfa_registrations=refused)
    ada = accounts(scan)["ada"]
    for field in (
        "privileged",
        "roles",
        "mfa_registered",
        "mfa_methods",
        "mfa_strength",
        "sign_in_countries",
        "mfa_enforcement",
    ):
        assert ada[field] is None, field
    assert ada["protection"] == "unknown"
    assert results(scan, "high")["sign_ins"]["total"] is None
    assert results(scan, "high")["sign_ins"]["not_whole"] == [M365]


def test_a_privileged_role_that_was_read_counts_although_others_were_not() -> None:
    scan = small([account("ada"), admin("ada"), account("bo")], role_assignments=Incomplete(1, REFUSED))
    assert accounts(scan)["ada"]["privileged"] is True
    assert accounts(scan)["bo"]["privileged"] is None


def test_tables_a_connector_does_not_have_are_not_missing() -> None:
    scan = small([account("ada")], sign_ins=NOT_OFFERED)
    assert results(scan, "high")["sign_ins"]["not_whole"] == []
    assert [c["state"] for c in results(scan, "high")["coverage"] if c["dataset"] == "sign_ins"] == ["not_offered"]


def test_sign_ins_are_counted_once_each() -> None:
    got = results(company(), "high")["sign_ins"]
    classes = ("success", "failure", "stopped_after_password", "blocked", "interrupted", "unclassified")
    assert got["total"] == sum(got[name] for name in classes) == 77
    assert (got["abroad_success"], got["abroad_attempts"], got["place_unknown"]) == (2, 32, 3)
    assert got["not_whole"] == [GOOGLE]
    ada = next(one for one in got["by_account"] if one["account_id"] == "ada")
    assert (ada["success"], ada["countries"], ada["username"]) == (43, ["DE"], "ada@brandtner.example")
    stranger = next(one for one in got["by_account"] if one["account_id"] is None)
    assert stranger["username"] == "old@brandtner.example"


def test_without_home_countries_nothing_is_said_about_abroad() -> None:
    homeless = M365_TENANT.__class__(M365, "m365", "Microsoft 365", "Brandtner")
    rows = [SignInPlace("ada", None, "DE", "success", False, None, 4, 0, NOW, NOW, None)]
    got = results(small(rows, tenant=homeless), "high")["sign_ins"]
    assert got["success"] == 4 and got["abroad_success"] is None and got["by_account"][0]["abroad_success"] is None


def test_one_tenant_without_home_countries_beside_one_with() -> None:
    tenants = (M365_TENANT, replace(GOOGLE_TENANT, home_countries=None))
    rows = {t.id: [SignInPlace("x", None, "DE", "success", None, None, 1, 0, NOW, NOW, None)] for t in tenants}
    scan = company(tenants=tenants, tables=Held(rows), coverage=(*covered(M365), *covered(GOOGLE)))
    got = {one["tenant"]: one["abroad_success"] for one in results(scan, "high")["sign_ins"]["by_account"]}
    assert got == {M365: 0, GOOGLE: None}


def test_findings_and_level() -> None:
    got = results(company(), "critical")
    first = got["findings"][0]
    assert (first["rule"], first["account"], first["aspect"]) == (
        "admin-no-second-factor", "bo@brandtner.example", None)  # fmt: skip
    abroad = next(f for f in got["findings"] if f["rule"] == "foreign-sign-in")
    assert abroad["aspect"] == "PT" and abroad["evidence"]["last_at"] == "2026-11-10T00:00:00Z"
    assert got["failed_at_level"] is True
    only_medium = small([], (Evaluated(ABROAD, GOOGLE, (Judged("x", "fail"),)),), tenant=GOOGLE_TENANT)
    assert results(only_medium, "high")["failed_at_level"] is False
    assert results(only_medium, "medium")["failed_at_level"] is True


def test_what_was_not_checked_again_is_told_and_does_not_count() -> None:
    assert results(company(), "high")["previous_scan"] is None
    alone = company(**SECOND | {"findings": SECOND["findings"][-1:]})
    got = results(alone, "info")
    assert (got["failed_at_level"], got["previous_scan"]) == (False, "2026-11-16T09:30:00Z")
    (finding,) = got["findings"]
    assert (finding["state"], finding["evidence"], finding["last_seen"]) == ("not_rechecked", {}, got["previous_scan"])
    assert [change["account"] for change in got["changes"]][3:6] == ["left@brandtner.example", None, None]


def test_checks() -> None:
    checks = {(c["tenant"], c["rule"]): c for c in results(company(), "high")["checks"]}
    assert checks[M365, "account-no-second-factor"]["unknown"] == 1
    refused = checks[GOOGLE, "foreign-sign-in"]
    assert (refused["evaluated"], refused["fail"], refused["missing"]) == (False, None, ["sign_ins"])
    assert (GOOGLE, "highest-administrators") not in checks  # does not apply
    assert checks[M365, "dormant-account"]["missing"] == ["accounts.last_noninteractive_at"]
    assert results(company(), "high")["complete"] is False


@pytest.mark.parametrize(
    ("verdicts", "missing", "evaluated"),
    [
        ({"ada": "unknown"}, {"mfa_registrations.strongest": REFUSED}, False),
        ({"ada": "unknown"}, {}, False),
        ({"ada": "unknown", "bo": "pass"}, {"mfa_registrations.strongest": REFUSED}, True),
        ({}, {}, True),
        ({}, {"accounts.kind": REFUSED}, False),
    ],
)
def test_evaluated_means_that_there_is_an_answer(verdicts: Any, missing: Any, evaluated: bool) -> None:
    scan = small([], (Evaluated(ABROAD, M365, judged(**verdicts), missing),))
    (check,) = results(scan, "high")["checks"]
    assert check["evaluated"] is evaluated
    assert (check["fail"], check["unknown"]) == (0 if evaluated else None, list(verdicts.values()).count("unknown"))
    Draft202012Validator(SCHEMA).validate(results(scan, "high"))


def test_user_names_are_lower_case_everywhere() -> None:
    invited = account("gus", username="Gus_home.example#EXT#@brandtner.example")
    evidence = {"account": invited.username, "names": ["Gus"]}
    scan = small([invited], (Evaluated(ABROAD, M365, (Judged("gus", "fail", evidence),)),))
    (finding,) = results(scan, "high")["findings"]
    assert finding["account"] == finding["evidence"]["account"] == "gus_home.example#ext#@brandtner.example"
    assert finding["evidence"]["names"] == ["Gus"]


def test_a_group_with_hidden_members_leaves_nobody_certainly_ordinary() -> None:
    readable = accounts(small([account("ada"), account("bo"), admin("ada")]))
    assert (readable["ada"]["privileged"], readable["bo"]["privileged"]) == (True, False)
    hidden = accounts(small([account("ada"), account("bo"), admin("ada"), admin("admins", holder_kind="group")]))
    assert (hidden["ada"]["privileged"], hidden["bo"]["privileged"]) == (True, None)


def test_what_somebody_answers_for_is_no_failure_and_says_so() -> None:
    got = results(SIGNED, "critical")
    assert got["failed_at_level"] is False and results(company(), "critical")["failed_at_level"] is True
    first = got["findings"][0]
    assert (first["state"], first["acceptance_lapsed"]) == ("accepted", None)
    assert first["accepted"] == {
        "reason": "The passkey is in the safe.", "owner": "M. Jensen", "until": "2027-06-30"}  # fmt: skip
    abroad = next(f for f in got["findings"] if f["rule"] == "foreign-sign-in")
    assert (abroad["state"], abroad["accepted"], abroad["acceptance_lapsed"]) == ("new", None, "expired")
    check = next(c for c in got["checks"] if c["rule"] == "admin-no-second-factor" and c["tenant"] == M365)
    assert (check["fail"], check["accepted"]) == (1, 1)
    states = {one["rule"]: (one["state"], one["covers"], one["counts_again"]) for one in got["accepted"]}
    assert states["foreign-sign-in"] == ("expired", 0, 1) and states["dormant-account"] == ("in_force", 1, 0)
    assert got["accepted"][1]["nearest"] == "account-no-second-factor"


def test_own_thresholds_and_settings_without_effect() -> None:
    strict = replace(DORMANT, parameters={"unused_days": 45, "never_used_days": 30})
    mistake = ConfigError("thresholds.x: there is no such rule.", "Look.")
    scan = small([], (Evaluated(strict, M365, judged(ada="pass")),))
    got = results(replace(scan, usual={DORMANT.id: {"unused_days": 90}}, mistakes=(mistake,)), "high")
    assert got["checks"][0]["own_thresholds"] == {"unused_days": 45}
    assert got["settings_without_effect"] == ["thresholds.x: there is no such rule. Look."]
    Draft202012Validator(SCHEMA).validate(got)
