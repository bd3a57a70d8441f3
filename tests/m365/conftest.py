"""One pretend Graph for all tests of the connector, and a clock that never really sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from keyround.connector import Outcome, Window, collect
from keyround.model import Row
from keyround_fixtures import Cloud, generated, load
from keyround_m365 import CONNECTOR
from tests.napping import NOW, Nap


@pytest.fixture(scope="session")
def running() -> Iterator[Cloud]:
    company = load("m365", now=NOW)
    with Cloud(company, generated("m365", accounts=1300, sign_ins=2500, now=NOW)) as cloud:
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Iterator[Cloud]:
    before = [(tenant, set(tenant.grants)) for tenant in running.tenants]
    running.requests.clear()
    yield running
    running.faults.clear()
    for tenant, grants in before:
        tenant.grants = grants


@pytest.fixture
def nap() -> Nap:
    return Nap()


def settings_of(cloud: Cloud, number: int) -> dict[str, Any]:
    tenant = cloud.tenants[number]
    return {
        "connector": "m365", "tenant_id": tenant.id, "credential": "token", "token": cloud.token(tenant),
        "graph_url": cloud.url,
    }  # fmt: skip


@pytest.fixture
def settings(cloud: Cloud) -> dict[str, Any]:
    """The company of the TOML file."""
    return settings_of(cloud, 0)


@pytest.fixture
def big(cloud: Cloud) -> dict[str, Any]:
    """The generated tenant, whose listings have several pages."""
    return settings_of(cloud, 1)


@pytest.fixture
def gather(nap: Nap) -> Callable[..., dict[str, tuple[Outcome, list[Row]]]]:
    """Collects data sets by name (all of them unless said): name -> (outcome, rows)."""

    def run(settings: dict[str, Any], *names: str, days: int = 30) -> dict[str, tuple[Outcome, list[Row]]]:
        until = NOW.replace(tzinfo=None)
        found = {}
        with CONNECTOR.open(settings, nap.clock) as graph:
            for dataset in CONNECTOR.datasets:
                if names and dataset.name not in names:
                    continue
                rows: list[Row] = []

                def write(page: list[Row], rows: list[Row] = rows) -> int:
                    rows += page
                    return len(page)

                asked = Window(until - timedelta(days=days), until, timedelta(minutes=3))
                outcome = collect(dataset, graph, asked, write)
                found[dataset.name] = (outcome, rows)
        return found

    return run
