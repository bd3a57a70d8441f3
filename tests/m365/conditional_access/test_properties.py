"""What must hold of every tenant, tried on small random ones.

The policies of a tenant mention at most three kinds of conditions: the naive enumerator tries every sign-in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from keyround.errors import CollectError
from keyround.model import AccessPolicy, Account, GroupMember, MfaEnforcement, MfaRegistration, RoleAssignment
from keyround_m365.conditional_access import documents

from . import naive
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
    person,
    policy,
    role,
)

NAMES = ("ada", "bo", "cy", "di")
GROUPS = ("Staff", "Board", "Hidden", "Gone")
ROLES = (GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR)
PLACES = (
    network("Office", "192.0.2.0/24", trusted=True),
    network("Hall", "192.0.2.64/26"),
    network("Halves", "192.0.2.0/25", "192.0.2.128/25", "198.51.100.0/24"),
    network("Lab", "192.0.2.128/26", "2001:db8::/32", trusted=True),
    countries("Home", "DK", "SE"),
    countries("North", "DK", "NO", unknown=True),
    countries("Phones", "DK", lookup="authenticatorAppGps"),
)
POINTS = (*(place["id"] for place in PLACES), "AllTrusted", "00000000-0000-0000-0000-000000000000", "loc-Gone")
APPS = ("Office365", EXCHANGE, TEAMS, OWN_APP, "MicrosoftAdminPortals")
GRANTS = (
    "mfa",
    "mfa",
    "compliantDevice",
    None,
    controls("mfa", "compliantDevice"),
    controls("mfa", "domainJoinedDevice"),
    controls("mfa", "compliantDevice", operator="AND"),
    controls(strength=RESISTANT),
    controls("compliantDevice", strength=RESISTANT),
    controls(strength=["password", "password,sms"], satisfied="none"),
    controls(strength=["retinaScan"]),
    controls(custom=["DuoMfa"]),
    controls("mfa", custom=["DuoMfa"]),
)


def some(values: Iterable[Any], most: int = 2, least: int = 0) -> list[list[Any]]:
    chosen = list(values)
    return [list(few) for number in range(least, most + 1) for few in combinations(chosen, number)]


def sides(side: str) -> list[dict[str, Any]]:
    """One side of conditions.users, in the ways of naming somebody and a few together."""
    kinds = [guests(*kinds, tenants=home)
             for kinds in some(("b2bCollaborationGuest", "b2bCollaborationMember", "internalGuest"), 3, 1)
             for home in (None, ["tenant-1"], ["tenant-1", "tenant-2"])]  # fmt: skip
    people = [{f"{side}Users": users} for users in some((*NAMES, "GuestsOrExternalUsers"), 2, 1)]
    people += [{f"{side}Groups": groups} for groups in some(GROUPS, 2, 1)] * 2
    people += [{f"{side}Roles": roles} for roles in some(ROLES, 2, 1)] * 3
    people += [{f"{side}GuestsOrExternalUsers": kind} for kind in kinds]
    return [*people, *(one | other for one in people[::5] for other in people[::3])]


INCLUDED, EXCLUDED = sides("include"), sides("exclude")
CONDITIONS: dict[str, list[Any]] = {
    "platforms": [on(*include, without=without)
                  for include in (["all"], *some(["android", "iOS", "windows", "macOS"], 4, 1))
                  for without in some(["iOS", "windows"])],
    "locations": [at(*include, without=without)
                  for include in (["All"], ["All"], *some(POINTS, 2, 1)) for without in some(POINTS)],
    "clientAppTypes": some(["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other"], 4, 1),
    "devices": [{"deviceFilter": {"mode": mode, "rule": rule}} for mode in ("include", "exclude")
                for rule in ("device.isCompliant -eq True", 'device.trustType -ne "ServerAD"')],
    "authenticationFlows": [{"transferMethods": "deviceCodeFlow"},
                            {"transferMethods": "deviceCodeFlow,authenticationTransfer"}],
    "signInRiskLevels": some(["low", "medium", "high"], 3),
    "userRiskLevels": [["high"], ["low", "high"]],
    "moonPhases": [["full"], ["new"]],
}  # fmt: skip


@dataclass(frozen=True)
class Tenant:
    """What `build.judged` and `naive.verdicts` are called with."""

    policies: list[dict[str, Any]]
    people: list[Account]
    rows: list[Any]
    defaults: bool | None = False
    per_user: dict[str, str | None] | None = None
    federated: bool = False

    def judged(self) -> dict[str, MfaEnforcement]:
        return judged(self.policies, self.people, *self.rows, **self._rest())

    def verdicts(self) -> dict[str, str]:
        return {key: row.verdict for key, row in self.judged().items()}

    def naive(self, activated: bool = False) -> dict[str, str]:
        return naive.verdicts(self.policies, self.people, *self.rows, **self._rest(), activated=activated)

    def _rest(self) -> dict[str, Any]:
        return {"locations": PLACES, "defaults": self.defaults, "per_user": self.per_user, "federated": self.federated}


@st.composite
def policies(draw: st.DrawFn, name: str, kinds: Iterable[str] = (), grants: Any = GRANTS, state: str = "") -> Any:
    who = draw(st.sampled_from([{}, {}, {}, draw(st.sampled_from(INCLUDED))]))
    exempt = draw(st.sampled_from([{}, {}, draw(st.sampled_from(EXCLUDED))]))
    apps, without = draw(st.sampled_from([(["All"], [])] * 8 + APP_CHOICES))
    made = policy(
        name,
        draw(st.sampled_from(grants)),
        users=() if who else ("All",),
        apps=apps,
        without=without,
        state=state or draw(st.sampled_from(["enabled"] * 9 + ["disabled", "hibernating"])),
        who={**who, **exempt},
        **{kind: draw(st.sampled_from(CONDITIONS[kind])) for kind in kinds if draw(st.booleans())},
    )
    if draw(st.integers(0, 19)) == 0:
        made["conditions"]["applications"]["applicationFilter"] = {"mode": "include", "rule": "x"}
        made["conditions"]["applications"]["includeApplications"] = draw(st.sampled_from([apps, []]))
    return made


APP_CHOICES = [(apps, without) for apps in (["All"], ["All"], *some(APPS, 2, 1)) for without in some(APPS, 1)]


@st.composite
def directories(draw: st.DrawFn, people: list[Account]) -> list[Any]:
    """Who is in which group, holds which role and has registered; some of it unread."""
    names = [account.account_id for account in people]
    rows: list[Any] = group("Gone", exists=False)
    for name in GROUPS[:3]:
        rows += group(name, *draw(st.sampled_from(some(names, 3))), known=name != "Hidden")
    for holder in draw(st.sampled_from(some([*names, "a hidden group"], 3))):
        state, scope = draw(st.sampled_from([*[("active", "tenant")] * 4, ("eligible", "tenant"),
                                             ("active", "administrative unit 4711")]))  # fmt: skip
        rows.append(role(holder, draw(st.sampled_from(ROLES)), state=state, scope=scope))
        if holder == "a hidden group":
            rows[-1] = replace(rows[-1], holder_kind="group", via_id=holder, members_known=False)
    if draw(st.booleans()):
        rows += [MfaRegistration(name, draw(st.sampled_from([True, False, None]))) for name in names]
    return rows


@st.composite
def tenants(draw: st.DrawFn, plain: bool = False) -> Tenant:
    """`plain`: no security defaults and no federated domain."""
    people = [
        person(name, kind=kind, external=external, enabled=draw(st.integers(0, 9)) > 0)
        for name in NAMES[: draw(st.integers(1, 3))]
        for kind, external in [draw(st.sampled_from(KINDS))]
    ]
    states = st.sampled_from(["disabled"] * 5 + ["enabled", "enforced", None])
    return Tenant(
        [draw(policies(f"P{number}", draw(st.shared(MENTIONED, key="kinds")), (*GRANTS, "block", "block")))
         for number in range(draw(st.integers(1, 4)))],
        people,
        draw(directories(people)),
        defaults=False if plain else draw(st.sampled_from([False, False, False, True, None])),
        per_user={account.account_id: draw(states) for account in people},
        federated=not plain and draw(st.integers(0, 4)) == 0,
    )  # fmt: skip


KINDS = [*[("member", False)] * 6, ("guest", True), ("guest", False), ("member", True), ("guest", None),
         ("member", None), ("sync", False), (None, True)]  # fmt: skip
MENTIONED = st.sampled_from(some(CONDITIONS, 3) + [["locations"]] * 60)


@given(tenants())
def test_the_engine_agrees_with_the_naive_enumerator(tenant):
    found, expected, active = tenant.judged(), tenant.naive(), tenant.naive(activated=True)
    for word in expected.values():
        event(word)
    assert {key: row.verdict for key, row in found.items()} == expected
    then = {key: row.verdict_when_active for key, row in found.items() if row.verdict_when_active}
    assert then == {key: active[key] for key in then}


# From the weakest; what shares a place cannot be compared. Two words are missing: security defaults and a federated
# domain are asked only where policies demand nothing, so that a policy that demands a little takes their place.
ORDER = (("not_enforced",), ("per_user_pending",), ("apps_only", "conditional"), ("enforced_except_apps",),
         ("third_party",), ("per_user",), ("enforced",))  # fmt: skip


def no_weaker(before: str, after: str) -> bool:
    """`after` is at least as strong, or may be, for all that is known."""
    if before == "unknown":
        return after not in ("not_enforced", "per_user_pending")
    if before in ("blocked", "enforced"):
        return after == before
    place = {word: number for number, words in enumerate(ORDER) for word in words}
    return after in ("unknown", "blocked") or place[after] >= place[before]


@given(tenants(plain=True), policies("X", ["platforms", "locations"], state="enabled"))
def test_a_further_policy_that_grants_never_weakens_a_verdict(tenant, further):
    before, after = tenant.verdicts(), replace(tenant, policies=[*tenant.policies, further]).verdicts()
    assert not {key: (before[key], after[key]) for key in before if not no_weaker(before[key], after[key])}


EXEMPTIONS = [("users", side) for side in EXCLUDED] + [
    ("applications", {"excludeApplications": [app]}) for app in APPS
] * 5 + [("platforms", on("all", without=[word])) for word in ("iOS", "windows")] * 5 + [
    ("locations", at("All", without=[point])) for point in POINTS
] * 3  # fmt: skip


@given(tenants(plain=True), st.sampled_from(EXEMPTIONS), st.randoms(use_true_random=False))
def test_a_further_exemption_from_a_policy_that_grants_never_strengthens_one(tenant, exemption, random):
    granting = [
        one for one in tenant.policies if "block" not in ((one["grantControls"] or {}).get("builtInControls", ()))
    ]
    if not granting:
        return
    chosen, (what, added) = random.choice(granting), exemption
    conditions = chosen["conditions"]
    told = conditions[what] or {}
    more = {key: [*(told.get(key) or ()), *value] if isinstance(value, list) else value for key, value in added.items()
            if key.startswith("exclude") or not told}  # fmt: skip
    exempt = chosen | {"conditions": conditions | {what: told | more}}
    with_it = replace(tenant, policies=[exempt if one is chosen else one for one in tenant.policies])
    if what == "users" and conditions["users"]["excludeGuestsOrExternalUsers"]:
        return  # a second kind of guests would take the first one's place
    before, after = tenant.verdicts(), with_it.verdicts()
    assert not {key: (before[key], after[key]) for key in before if not no_weaker(after[key], before[key])}


@given(tenants(), st.lists(policies("R", ["platforms"], (*GRANTS, "block"), "enabledForReportingButNotEnforced"),
                           min_size=1, max_size=2))  # fmt: skip
def test_what_only_reports_changes_nothing(tenant, watching):
    watching = [one | {"id": f"R{number}"} for number, one in enumerate(watching)]
    before, after = tenant.judged(), replace(tenant, policies=[*tenant.policies, *watching]).judged()
    for key, row in before.items():
        assert row == replace(after[key], report_only=row.report_only, verdict_if_enabled=row.verdict_if_enabled)


@given(tenants(), st.randoms(use_true_random=False))
def test_no_order_matters(tenant, random):
    before = tenant.judged()
    for listing in (tenant.policies, tenant.people, tenant.rows):
        random.shuffle(listing)
    assert tenant.judged() == before


def without(tenant: Tenant, what: str) -> Tenant:
    """The tenant as it looks to somebody who could not read `what`."""
    rows, people = tenant.rows, tenant.people
    match what:
        case "Staff" | "Board":
            rows = [row for row in rows if not (isinstance(row, GroupMember) and row.group_id == what)]
            rows = [replace(row, members_known=False) if getattr(row, "group_id", "") == what else row for row in rows]
        case "origin":
            people = [replace(account, external=None) for account in people]
        case "kind":
            people = [replace(a, kind=None) if a.kind in ("member", "guest") else a for a in people]
        case "registered":
            rows = [replace(row, registered=None) if isinstance(row, MfaRegistration) else row for row in rows]
        case "defaults":
            return replace(tenant, defaults=None)
        case _:
            rows = [row for row in rows if not (isinstance(row, RoleAssignment) and row.role_id == what)]
            rows.append(role("hidden", what, holder_kind="group", via_id="hidden", members_known=False))
    return replace(tenant, rows=rows, people=people)


@given(tenants(), st.sampled_from(["Staff", "Board", "origin", "kind", "registered", "defaults", *ROLES]))
def test_what_is_not_known_gives_the_same_verdict_or_none(tenant, what):
    known, unknown = tenant.verdicts(), without(tenant, what).verdicts()
    assert not {key: (known[key], unknown[key]) for key in known if unknown[key] not in (known[key], "unknown")}


@given(tenants())
def test_gaps_are_sentences_and_stand_where_something_is_open(tenant):
    for row in tenant.judged().values():
        if row.verdict in ("conditional", "enforced_except_apps", "apps_only"):
            assert row.gaps
        if row.verdict in ("enforced", "blocked", "per_user", "security_defaults"):
            assert row.gaps in ([], None)
        for gap in row.gaps or ():
            assert gap.endswith(".") and gap[0].isupper() and len(gap) < 1000 and "  " not in gap
            assert not any(place["id"] in gap for place in PLACES)


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["All", "enabled", "block"])
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A policy or location in which one part is something else altogether."""
    document = json.loads(json.dumps(draw(st.sampled_from([
        policy("P", controls("mfa", strength=RESISTANT, custom=["DuoMfa"]), who=EXCLUDED[-1], **{
            kind: values[0] for kind, values in CONDITIONS.items()}), *PLACES,
    ]))))  # fmt: skip
    part = document
    while True:
        key = draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not (isinstance(part[key], dict | list) and part[key] and draw(st.integers(0, 3))):
            part[key] = draw(ANYTHING)
            return document
        part = part[key]


@given(spoilt() | st.dictionaries(st.sampled_from(["id", "state", "conditions", "grantControls"]), ANYTHING))
def test_any_object_is_read_or_refused(document):
    for read in (lambda text: documents.policy(text, "enabled", {}), documents.location):
        try:
            read(json.dumps(document))
        except (ValueError, CollectError):
            event("refused")


@given(
    tenants(),
    st.lists(spoilt().map(json.dumps) | st.text() | st.none(), min_size=1, max_size=3),
    st.sampled_from(["policy", "location", "strength"]),
    st.sampled_from(["enabled", "report_only", None]),
)
def test_documents_that_are_none_spoil_no_judgement(tenant, texts, kind, state):
    known = tenant.verdicts()
    odd = [AccessPolicy(f"odd-{number}", kind, "Odd", state, text) for number, text in enumerate(texts)]
    found = replace(tenant, rows=[*tenant.rows, *odd]).verdicts()
    assert found.keys() == known.keys()
    if kind == "policy" and state != "report_only" and any(text is None for text in texts):
        may = ("unknown", "enforced", "blocked", "per_user")
        assert all(word in may or known[key] == "third_party" for key, word in found.items())
    if kind == "policy" and state == "report_only":
        assert found == known
