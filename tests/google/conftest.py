"""One pretend Google for all tests of the connector, and a clock that never really sleeps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from tests.napping import NOW, Nap

from keyround.connector import DataSet, Outcome, Window, collect
from keyround.model import Row
from keyround_fixtures import Cloud, generated, load
from keyround_google import CONNECTOR


@pytest.fixture(scope="session")
def running() -> Iterator[Cloud]:
    with Cloud(load("google", now=NOW), generated("google", accounts=1300, sign_ins=2500, now=NOW)) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Iterator[Cloud]:
    grants = [set(tenant.grants) for tenant in running.tenants]
    running.requests.clear()
    yield running
    running.faults.clear()
    running.people.reset()
    running.iam.may_sign = running.iam.on = True
    for tenant in running.tenants:
        tenant.robots.clear()
    for tenant, before in zip(running.tenants, grants, strict=True):
        tenant.grants = before
        tenant.singles.pop("usage", None)


@pytest.fixture
def nap() -> Nap:
    return Nap()


@pytest.fixture
def settings(cloud: Cloud) -> dict[str, Any]:
    """A service account acting for the company's administrator."""
    tenant = cloud.tenants[0]
    key = json.dumps(cloud.service_account_key(tenant))
    return {
        "connector": "google", "customer_id": tenant.id, "credential": "service_account", "key": key,
        "subject": tenant.subject, "api_url": cloud.url,
    }  # fmt: skip


@pytest.fixture
def big(cloud: Cloud) -> dict[str, Any]:
    """A bearer token for the generated tenant, whose listings have several pages."""
    tenant = cloud.tenants[1]
    return {"customer_id": tenant.id, "credential": "token", "token": cloud.token(tenant), "api_url": cloud.url}


@pytest.fixture
def opened(nap: Nap) -> Callable[[dict[str, Any]], AbstractContextManager[Any]]:
    return lambda settings: CONNECTOR.open(settings, nap.clock)


@pytest.fixture
def gather(opened: Any) -> Callable[..., dict[str, tuple[Outcome, list[Row]]]]:
    """Collects data sets by name (all of them unless said): name -> (outcome, rows)."""

    def run(settings: dict[str, Any], *names: str, days: int = 30) -> dict[str, tuple[Outcome, list[Row]]]:
        until = NOW.replace(tzinfo=None)
        chosen: Sequence[DataSet[Any, Any]] = [d for d in CONNECTOR.datasets if not names or d.name in names]
        found = {}
        with opened(settings) as admin:
            for dataset in chosen:
                rows: list[Row] = []

                def write(page: list[Row], rows: list[Row] = rows) -> int:
                    rows += page
                    return len(page)

                outcome = collect(dataset, admin, Window(until - timedelta(days=days), until), write)
                found[dataset.name] = (outcome, rows)
        return found

    return run
