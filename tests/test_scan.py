"""A whole scan under random faults: the same answers, or honest silence, and never another answer.

Which requests there are is learnt from a scan without faults, so a new data set
is under attack from its first day on.
"""

from __future__ import annotations

import os
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from keyround.config import Client, TenantConfig
from keyround.connector import Incomplete
from keyround.engine.results import Evaluated
from keyround.engine.rule import load as rules
from keyround.export.results_json import results
from keyround.judging import reported
from keyround.model import MfaEnforcement
from keyround.scan import scan
from keyround.store import ClientStore
from keyround_fixtures import Cloud, Fault, load
from tests.napping import NOW, Nap

HERE = NOW.replace(tzinfo=None)
RULES = rules()
SEEDS = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 2
SAME = {"account-no-second-factor": "admin-no-second-factor", "dormant-account": "dormant-administrator"}
"""Rules that share the accounts between them -> the one that asks the same of administrators."""
KINDS = ("reset", "short", "truncated", "empty", "duplicate", "expired", "unknown", "loop", "html")
WAITS = ("7", "300", "4000", "10,10", "0", "soon", "Fri, 20 Nov 2026 12:00:30 GMT")
BODIES = {
    "m365": ("401_expired_token", "403_nonpremium", "403_authorization_requestdenied", "403_not_licensed_feature",
             "400_aad_premium_required", "400_expired_page_token", "400_more_than_120_users", "400_segment_not_found",
             "429_no_retry_after", "429_unknown_error", "502_bad_gateway", "504_gateway_timeout"),
    "google": ("google_401", "google_403_not_authorized", "google_403_quota", "google_403_user_rate_limit",
               "google_429", "google_500", "google_503", "google_html_404"),
}  # fmt: skip
SAID = ("protection", "mfa_enforcement", "mfa_registered", "mfa_strength", "privileged", "enabled", "kind", "external")
"""What is said of an account in one word each. Under faults a word may be lost; it may not become another."""


@pytest.fixture(scope="module", params=["premium", "standard"])
def cloud(request):
    """A company whose plan tells a lot, with its twin at Google; and one whose answers must be found elsewhere."""
    twin = [load("google", now=NOW)] if request.param == "premium" else []
    with Cloud(load("m365", now=NOW, plan=request.param), *twin) as running:
        running.tenant("m365").older = list  # a month of records in the audit log is enough here
        yield running


@dataclass
class Answers:
    """Everything a reader could act on, flat: key -> word."""

    verdicts: dict[tuple[str, str, str, str | None], str]
    accounts: dict[tuple[str, str, str], object]
    enforcements: dict[tuple[str, str], str | None]
    evaluated: set[tuple[str, str]]
    silent: dict[tuple[str, str], str]


@pytest.fixture
def acme(cloud, monkeypatch):
    """A client with all that the cloud serves."""
    tenants = []
    words = {"m365": ("tenant_id", "graph_url"), "google": ("customer_id", "api_url")}
    for key, (own, url) in ((tenant.key, words[tenant.key]) for tenant in cloud.tenants):
        monkeypatch.setenv(f"T_{key}", cloud.token(key))
        settings = {
            "connector": key,
            own: cloud.tenant(key).id,
            "credential": "token",
            "token": f"env:T_{key}",
            url: cloud.url,
        }
        tenants.append(TenantConfig(key, settings, Path()))
    return Client("acme", "Acme", tuple(tenants))


@pytest.fixture
def answers(acme, tmp_path):
    return lambda number: judged(acme, tmp_path, number)


def judged(client: Client, folder: Path, number: int) -> Answers:
    """All that a scan of the client says, as numbered."""
    store = ClientStore(folder / str(number), client.key)
    snapshot, judged = scan(client, store, RULES, HERE, 30, Nap().clock, lambda *_: None)
    with reported(snapshot, store, RULES, judged=judged) as done:
        return Answers(
            {
                (result.tenant, result.rule.id, j.subject, j.aspect): j.verdict
                for result in judged.results
                if isinstance(result, Evaluated)
                for j in result.judged
            },
            {
                (account["tenant"], account["account_id"], name): account[name]
                for account in results(done, "high")["accounts"]
                for name in SAID
            },
            {
                (tenant.id, row.account_id): row.verdict
                for tenant in judged.tenants
                for row in done.tables.of(tenant.id).rows(MfaEnforcement)
            },
            {(r.tenant, r.rule.id) for r in judged.results if isinstance(r, Evaluated)},
            {(c.tenant, c.dataset): c.outcome.error.kind for c in judged.coverage if isinstance(c.outcome, Incomplete)},
        )


def test_random_faults_change_no_answer(cloud, answers):
    cloud.requests.clear()
    truth = answers(0)
    asked = sorted({(request.path, request.tenant) for request in cloud.requests})
    assert len(asked) > 12 and {key for _, key in asked} == {tenant.key for tenant in cloud.tenants}
    assert {*truth.silent.values()} <= {"NotLicensed", "NotEnabled"}  # the plan, and modules that are off
    assert {"fail", "pass", "unknown"} == set(truth.verdicts.values())
    for seed in range(1, SEEDS):
        cloud.faults[:] = plan = spoilt(random.Random(seed), asked, thorough=seed % 2 == 1)
        try:
            found = answers(seed)
        finally:
            cloud.faults.clear()
        compare(truth, found, f"seed {seed}: {plan}")


def test_which_answer_came_first_leaves_no_trace(cloud, acme, tmp_path):
    found = []
    for slow in ("/users", "/signIns"):
        cloud.faults[:] = [Fault(slow, kind="slow", delay=0.4)]
        store = ClientStore(tmp_path / slow.strip("/"), "acme")
        scan(acme, store, [], HERE, 30, Nap().clock, lambda *_: None)
        tables = {path.relative_to(store.root): pq.read_table(path) for path in store.root.glob("s*/**/*.parquet")}
        # The salt of a telephone number's hash is new in each scan.
        found.append(
            {path: table.drop_columns([*{"phone_hash"} & {*table.column_names}]) for path, table in tables.items()}
        )
    cloud.faults.clear()
    assert found[0] == found[1] and len(found[0]) > 20


def compare(truth: Answers, found: Answers, plan: str) -> None:
    for key, verdict in found.verdicts.items():
        # Whose administrator's role cannot be seen is asked the same question as an ordinary account.
        tenant, _, *whom = key
        expected = truth.verdicts.get(key) or truth.verdicts.get((tenant, SAME.get(key[1], ""), *whom))
        # Then the answer follows Google's flag, whatever it would have been.
        either = ("fail", "pass") if by_flag(truth, found, tenant, whom[0]) else ()
        if key[1] == "dormant-account" and key not in truth.verdicts:
            either = (*either, "pass")  # an administrator is called unused sooner than others
        assert verdict in (expected, "unknown", *either), (key, expected, verdict, plan)
    for key, word in found.accounts.items():
        instead = ("can_switch_off", "not_protected", "not_enforced") if by_flag(truth, found, *key[:2]) else ()
        assert word in (*_same(truth.accounts.get(key)), *instead), (key, truth.accounts.get(key), word, plan)
    for person, verdict in found.enforcements.items():
        instead = ("not_enforced",) if by_flag(truth, found, *person) else ()
        assert verdict in (*_same(truth.enforcements.get(person)), *instead), (person, verdict, plan)
    lost = {tenant for tenant, _ in truth.evaluated - found.evaluated}
    lost |= {tenant for tenant, *_ in truth.accounts.keys() - found.accounts.keys()}
    lost |= {tenant for tenant, *_ in truth.verdicts.keys() - found.verdicts.keys()} & lost
    assert lost <= {tenant for tenant, _ in found.silent.keys() - truth.silent}, (lost, found.silent, plan)


def by_flag(truth: Answers, found: Answers, tenant: str, account: str) -> bool:
    """Where Google refuses what is to come, or who signs in elsewhere, its flag of today has to do for that person."""
    told_by = {"scheduled": "policies", "unknown": "policies", "third_party": "sso"}
    source = told_by.get(truth.enforcements.get((tenant, account)) or "", "")
    if found.enforcements.get((tenant, account)) != "not_enforced":
        return False
    return found.silent.get((tenant, source)) in ("NotGranted", "NotEnabled", "NotLicensed")


def _same(word: object) -> tuple[object, ...]:
    """What may be said in place of a word. Security defaults demand a second factor whatever per-user MFA adds: who
    has both may lose the second of them."""
    return (word, None, "unknown", *(("security_defaults",) if word in ("per_user", "per_user_pending") else ()))


def spoilt(chance: random.Random, asked: list[tuple[str, str]], thorough: bool) -> list[Fault]:
    """Every request of the scan spoilt once; or some of them again and again."""
    paths = asked if thorough else chance.sample(asked, 4)
    times = 1 if thorough else chance.choice((2, 9))
    return [_fault(chance, path, key, times) for path, key in chance.sample(paths, len(paths))]


def _fault(chance: random.Random, path: str, key: str, times: int) -> Fault:
    where = rf"^{re.escape(path)}(\?|$)"
    after = chance.choice((0, 0, 1))
    match chance.choice(("kind", "kind", "wait", "body", "status", "status")):
        case "kind":
            kind = chance.choice(KINDS)
            if kind == "unknown" and "/activity/" in path:
                kind = "duplicate"  # a new name for what happened is another event, and may be judged as one
            return Fault(where, kind=kind, times=times, after=after)
        case "wait":
            status, headers = chance.choice((429, 503)), {"retry-after": chance.choice(WAITS)}
            return Fault(where, status=status, headers=headers, times=times, after=after)
        case "body":
            return Fault(where, body=chance.choice(BODIES[key]), times=times, after=after)
    return Fault(where, status=chance.choice((408, 418, 424, 500, 501, 502, 503, 504)), times=times, after=after)
