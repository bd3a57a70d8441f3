"""Sheet "People": one row per person over both providers, and the Summary counts the same people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from keyround.export import people
from keyround.export.standing import standing
from keyround.model import MfaEnforcement, Setting, SignInPlace

from .invented import (
    ADMIN,
    FACTOR,
    GOOGLE,
    M365,
    NOW,
    Evaluated,
    Held,
    account,
    bare,
    company,
    findings,
    judged,
    registered,
)

ENTERED = SignInPlace("a", None, "PT", "success", False, True, 1, 0, NOW, NOW, None)


def table(microsoft: list[Any], google: list[Any], results: tuple[Any, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    """The rows of People by column title, and how many people the Summary counts."""
    scan = company(tables=Held({M365: microsoft, GOOGLE: google}), results=results, findings=findings(results))
    block = people.sheet(scan).blocks[-1]
    titles = [column.title for column in block.columns]  # type: ignore[union-attr]
    rows = [dict(zip(titles, row, strict=True)) for row in block.rows]  # type: ignore[union-attr]
    return rows, standing(scan).people.total


def test_who_has_an_account_on_both_sides_is_one_row_as_well_protected_as_the_weaker() -> None:
    microsoft = [account("a", "Ada Berg"), registered("a", "passkey", strongest="phishing_resistant"),
                 MfaEnforcement("a", "enforced", enforced_by=["All"], gaps=[]), ENTERED]  # fmt: skip
    google = [account("1", "Ada B.", username="A@Brandtner.example", last_success_at=datetime(2026, 11, 22)),
              bare("1"), MfaEnforcement("1", "not_enforced", gaps=["never asked"])]  # fmt: skip
    results = (Evaluated(FACTOR, GOOGLE, judged(**{"1": "fail"})), Evaluated(ADMIN, M365, judged(a="fail")))
    (ada,), counted = table(microsoft, google, results)
    assert counted == 1
    assert (ada["Name"], ada["User name"], ada["Kind"]) == ("Ada Berg", "a@brandtner.example", "Member")
    assert ada["Tenant"] == "Microsoft 365, Google Workspace"
    assert (ada["Protected"], ada["Strength"]) == ("Not protected", "None")
    assert ada["Second factor"] == "Microsoft 365: Passkey\nGoogle Workspace: None"
    assert ada["Demanded by"].startswith("Microsoft 365: Policy: All\nGoogle Workspace: ")
    assert ada["Gaps and exemptions"] == "Microsoft 365: None\nGoogle Workspace: never asked"
    assert ada["Last sign-in"] == datetime(2026, 11, 22).date()
    assert ada["Signed in from"] == "Portugal, Unknown"  # the other log could not be read
    assert (ada["Findings"], ada["Gravest finding"]) == (2, "Administrators without a second factor")


OTHER = Setting("verified_domain", '"managed"', "domain:other.example", "organization")
OURS = replace(OTHER, scope="domain:Brandtner.example")


@pytest.mark.parametrize(
    ("google", "rows"),
    [
        ([account("1", username="a@brandtner.example")], 1),
        ([account("1", username="a@brandtner.example"), OURS], 1),
        ([account("1", username="a@brandtner.example"), OTHER], 2),  # somebody else's domain, whatever it says
        ([account("1", username="a@brandtner.example", kind="guest")], 2),
        ([account("1", username="a@brandtner.example", external=True)], 2),
        ([account("1", "Ada Berg", username="ada@brandtner.example")], 2),  # a name alone joins nobody
        ([account("1", username=None)], 2),
    ],
)
def test_only_a_members_verified_address_joins(google: list[Any], rows: int) -> None:
    found, _ = table([account("a", "Ada Berg")], google)
    assert len(found) == rows


def test_never_and_weak_are_said_only_where_they_hold_for_every_account_that_can_sign_in() -> None:
    never = {"last_success_at": None, "activity": "never"}
    shut = account("1", username="a@brandtner.example", enabled=False, **never)
    (ada,), _ = table([account("a", **never), registered("a", "one_time_code_app"), bare("1")], [shut, bare("1")])
    assert (ada["Last sign-in"], ada["Strength"]) == ("Never", "Strong")
    (ada,), _ = table([account("a", **(never | {"activity": None}))], [shut])
    assert ada["Last sign-in"] == "Unknown"
    (ada,), _ = table([account("a"), registered("a", "x")], [replace(shut, enabled=True)])
    assert ada["Strength"] == "Unknown"  # of one account nothing is known: it may be weak
