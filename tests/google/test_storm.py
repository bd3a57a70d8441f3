"""Google alone, through a service account, under random faults: the token endpoint, batches and threads among them."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from tests.napping import NOW
from tests.test_scan import compare, judged, spoilt

from keyround.config import Client, TenantConfig
from keyround.errors import CollectError
from keyround_fixtures import Cloud, load

SEEDS = 400 if os.environ.get("HYPOTHESIS_PROFILE") == "soak" else 2


@pytest.fixture
def cloud():
    with Cloud(load("google", now=NOW)) as running:
        yield running


@pytest.fixture
def atelier(cloud, monkeypatch):
    (tenant,) = cloud.tenants
    monkeypatch.setenv("KEY", json.dumps(cloud.service_account_key(tenant)))
    settings = {
        "connector": "google", "customer_id": tenant.id, "credential": "service_account", "key": "env:KEY",
        "subject": tenant.subject, "api_url": cloud.url,
    }  # fmt: skip
    return Client("atelier", "Atelier", (TenantConfig("google", settings, Path()),))


def test_random_faults_change_no_answer(cloud, atelier, tmp_path):
    truth = judged(atelier, tmp_path, 0)
    asked = sorted({(request.path, "google") for request in cloud.requests})
    assert ("/token", "google") in asked and {*truth.silent.values()} <= {"NotEnabled", "NotLicensed"}
    for seed in range(1, SEEDS):
        cloud.faults[:] = plan = spoilt(random.Random(seed), asked, thorough=seed % 2 == 1)
        try:
            found = judged(atelier, tmp_path, seed)
        except CollectError:  # nobody could say whose tenant it is: no report at all
            continue
        compare(truth, found, f"seed {seed}: {plan}")
