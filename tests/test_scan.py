"""A whole scan under random faults: the same verdicts, or honest silence, and never another verdict."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from keyround.config import Client, TenantConfig
from keyround.connector import Incomplete
from keyround.engine.results import Evaluated
from keyround.engine.rule import load as rules
from keyround.errors import NotEnabled
from keyround.scan import scan
from keyround.store import ClientStore
from keyround_fixtures import Cloud, Fault, load
from tests.napping import NOW, Nap

HERE = NOW.replace(tzinfo=None)
PATHS = ("organization", "subscribedSkus", "identitySecurity", "conditionalAccess/policies", "namedLocations",
         "/groups", "/users", "userRegistration", "roleDefinitions", "roleAssignments", "transitiveMembers",
         "authentication/methods", "MethodsPolicy", "domains", "perUserMfa", "requirements", "crossTenant", "batch",
         "signIns", "customer", "roles", "members", "login")  # fmt: skip
BODIES = ("429_retry_after_10", "429_no_retry_after", "503_plain_html", "403_authorization_requestdenied",
          "google_403_quota", "google_503", "google_500")  # fmt: skip
KINDS = ("reset", "short", "truncated", "empty", "duplicate", "expired", "unknown")
RULES = rules()
SEEDS = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 6


@pytest.fixture(scope="module")
def cloud():
    with Cloud(load("m365", now=NOW), load("google", now=NOW)) as running:
        yield running


@pytest.fixture
def verdicts(cloud, tmp_path, monkeypatch):
    """Scans both tenants and gives (tenant, rule) -> {(subject, aspect): verdict}, and what was not read."""
    tenants = []
    for key, own, url in (("m365", "tenant_id", "graph_url"), ("google", "customer_id", "api_url")):
        monkeypatch.setenv(f"T_{key}", cloud.token(key))
        settings = {
            "connector": key,
            own: cloud.tenant(key).id,
            "credential": "token",
            "token": f"env:T_{key}",
            url: cloud.url,
        }
        tenants.append(TenantConfig(key, settings, Path()))

    def run(number: int):
        store = ClientStore(tmp_path / str(number), "acme")
        client = Client("acme", "Acme", tuple(tenants))
        _, judged = scan(client, store, RULES, HERE, 30, Nap().clock, lambda *_: None)
        found = {
            (result.tenant, result.rule.id): {(j.subject, j.aspect): j.verdict for j in result.judged}
            for result in judged.results
            if isinstance(result, Evaluated)
        }
        silent = {
            (c.tenant, c.dataset)
            for c in judged.coverage
            if isinstance(c.outcome, Incomplete) and not isinstance(c.outcome.error, NotEnabled)
        }
        return found, silent

    return run


def test_random_faults_change_no_verdict(cloud, verdicts):
    truth, silent = verdicts(0)
    cells = {(*where, *key): verdict for where, rows in truth.items() for key, verdict in rows.items()}
    assert len(truth) == 25 and {"fail", "pass", "unknown"} == set(cells.values())
    assert {dataset for _, dataset in silent} == {"risky_users", "training"}  # not in the plan
    for seed in range(1, SEEDS):
        chance = random.Random(seed)
        cloud.faults[:] = [_fault(chance) for _ in range(6)]
        found, silent = verdicts(seed)
        cloud.faults.clear()
        for where, rows in found.items():
            for key, verdict in rows.items():
                # Whose administrator's role cannot be seen is asked the same question as an ordinary account.
                expected = cells.get((*where, *key)) or cells.get((where[0], "admin-no-second-factor", *key))
                assert verdict in (expected, "unknown"), (seed, where, key, expected, verdict)
        lost = {where for where in truth if where not in found}
        assert {tenant for tenant, _ in lost} <= {tenant for tenant, _ in silent}, (seed, lost)


def _fault(chance: random.Random) -> Fault:
    kind = chance.choice((*KINDS, "status"))
    body = chance.choice(BODIES) if kind == "status" else None
    return Fault(chance.choice(PATHS), kind=kind, body=body, times=1, after=chance.randrange(2))
