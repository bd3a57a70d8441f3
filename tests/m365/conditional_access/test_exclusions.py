"""Exemptions: whom they concern, who is covered all the same, and what is named but gone."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

from keyround.connector import Incomplete
from keyround.errors import NotGranted
from keyround_m365 import enforcement, exclusions

from .build import GLOBAL_ADMINISTRATOR, group, guests, outcomes_of, person, policy, role, tables_of

PEOPLE = [person("ada"), person("bo"), person("cy", enabled=False), person("gus", kind="guest", external=True)]


def exempt(policies, *rows, outcomes=None, config=None, **tenant):
    tables, known = tables_of(policies, PEOPLE, *rows, **tenant), outcomes or outcomes_of()
    verdicts = list(enforcement.rows(tables, known, datetime(2026, 11, 20), config or {}))
    both = SimpleNamespace(rows=lambda table: verdicts if table.__name__ == "MfaEnforcement" else tables.rows(table))
    found = exclusions.rows(both, known, datetime(2026, 11, 20), {})
    return {(row.policy, row.subject_kind, row.subject_id): row for row in found}


def test_what_another_policy_makes_up_for_is_covered():
    everybody = policy("All", who={"excludeGroups": ["old"], "excludeUsers": ["bo"]})
    found = exempt([everybody, policy("Ada", users=("ada",))], *group("old", "ada", "bo", "cy"))
    assert (found["All", "group", "old"].accounts, found["All", "group", "old"].uncovered) == (
        2,
        1,
    )  # cy is switched off
    assert (found["All", "account", "bo"].accounts, found["All", "account", "bo"].uncovered) == (1, 1)


def test_what_is_gone_says_so_on_either_side():
    lost = policy("P", users=("All", "nobody"), who={"excludeGroups": ["gone"], "includeGroups": ["lost"]})
    found = exempt([lost], *group("gone", exists=False), *group("lost", exists=False))
    assert {key[1:]: row.exists for key, row in found.items()} == {
        ("account", "nobody"): False, ("group", "gone"): False, ("group", "lost"): False,
    }  # fmt: skip
    unread = outcomes_of(users=Incomplete(0, NotGranted("No.")))
    assert ("P", "account", "nobody") not in exempt([lost], outcomes=unread)


def test_roles_guests_and_old_clients():
    admins = policy("A", who={"excludeRoles": [GLOBAL_ADMINISTRATOR]})
    invited = policy("G", who={"excludeGuestsOrExternalUsers": guests("b2bCollaborationGuest")})
    old = policy("Old", "block", who={"excludeUsers": ["ada"]}, clientAppTypes=["exchangeActiveSync", "other"])
    found = exempt([admins, invited, old], role("ada"))
    assert found["A", "role", GLOBAL_ADMINISTRATOR].uncovered == 0  # G covers her
    assert (
        found["G", "guests", "b2bcollaborationguest"].accounts,
        found["G", "guests", "b2bcollaborationguest"].uncovered,
    ) == (1, 0)
    assert found["G", "guests", "b2bcollaborationguest"].subject == "invited guests"
    assert found["Old", "account", "ada"].uncovered == 0  # G demands what an old client cannot give
    alone = exempt([old])["Old", "account", "ada"]
    assert (alone.demands, alone.uncovered) == ("legacy_block", 1)


def test_nothing_is_said_of_a_group_nobody_could_read():
    found = exempt([policy("All", who={"excludeGroups": ["old"]})], *group("old", known=False))
    assert (found["All", "group", "old"].accounts, found["All", "group", "old"].exists) == (None, True)


def test_a_role_that_somebody_unseen_may_hold_exempts_nobody_knows_whom():
    admins = policy("A", who={"excludeRoles": [GLOBAL_ADMINISTRATOR]})
    key = ("A", "role", GLOBAL_ADMINISTRATOR)
    unread = outcomes_of(role_assignments=Incomplete(0, NotGranted("No.")))
    assert exempt([admins])[key].uncovered == 0
    assert exempt([admins], outcomes=unread)[key].uncovered is None
    assert exempt([admins], role("admins", holder_kind="group", members_known=False))[key].uncovered is None


def test_emergency_accounts_are_exempt_on_purpose():
    everybody = policy("All", who={"excludeGroups": ["old"]})
    config = {"emergency_accounts": ("ada@contoso.example",)}
    found = exempt([everybody], *group("old", "ada", "bo"), config=config)["All", "group", "old"]
    assert (found.accounts, found.uncovered) == (2, 1)
    assert exempt([everybody], *group("old", "ada"), config=config)["All", "group", "old"].uncovered == 0


def test_whom_another_provider_asks_is_neither_covered_nor_uncovered():
    everybody = policy("All", who={"excludeUsers": ["bo"], "excludeGroups": ["old"]})
    elsewhere = exempt([everybody], *group("old", "bo", "gus"), federated=True)
    assert elsewhere["All", "account", "bo"].uncovered is None
    assert elsewhere["All", "group", "old"].uncovered == 1  # the guest, at the least
