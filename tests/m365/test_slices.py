"""A long sign-in log is read in slices: what stops a scan costs it one of them; a short log costs no request more."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from keyround.connector import Arrived, Complete, Incomplete, Window, collect
from keyround.errors import ConfigError
from keyround_fixtures import Cloud, Fault, generated, load
from keyround_m365 import CONNECTOR, noninteractive_sign_ins, sign_ins
from keyround_m365.settings import Settings
from tests.napping import NOW, Nap

from .conftest import settings_of

HERE = NOW.replace(tzinfo=None)
RECORDS = 45_000


@pytest.fixture(scope="module")
def large():
    with Cloud(generated("m365", accounts=200, sign_ins=RECORDS, now=NOW)) as running:
        yield running


@pytest.fixture
def fetched(large):
    """Reads 30 days of the generated tenant: the outcome, the ids, what arrived whole, the number of requests."""

    def run(*faults):
        large.faults[:] = faults
        large.requests.clear()
        ids: list[str] = []
        arrived: list[Arrived] = []
        window = Window(HERE.replace(hour=0) - timedelta(days=30), HERE)
        with CONNECTOR.open(settings_of(large, 0), Nap().clock) as graph:
            outcome = collect(
                sign_ins.DATASET,
                graph,
                window,
                lambda rows: ids.extend(row.sign_in_id for row in rows) or len(rows),
                arrived.append,
            )
        large.faults.clear()
        return outcome, ids, arrived, len(large.requests)

    yield run
    large.faults.clear()


def test_many_sign_ins_come_in_slices_the_oldest_first(fetched):
    outcome, ids, arrived, requests = fetched()
    assert isinstance(outcome, Complete) and len(set(ids)) == RECORDS
    assert requests <= RECORDS / 1000 * 1.1  # 45 is the least there can be
    assert len(arrived) >= 2 and arrived[0].since == datetime(2026, 10, 21) and arrived[-1].until == HERE
    assert [a.until for a in arrived[:-1]] == [a.since for a in arrived[1:]]


def test_an_expired_page_token_costs_the_slice_and_not_the_listing(fetched):
    outcome, ids, _, requests = fetched(Fault("signIns", kind="expired", after=40))
    assert isinstance(outcome, Complete) and len(set(ids)) == RECORDS and requests < 75


def test_what_arrived_before_a_scan_was_stopped_is_known_to_be_whole(fetched):
    outcome, ids, arrived, _ = fetched(Fault("signIns", status=400, after=30, times=99))
    assert isinstance(outcome, Incomplete) and ids
    assert arrived and arrived[0].since == datetime(2026, 10, 21) and arrived[-1].until < HERE - timedelta(days=3)


def test_a_short_log_is_one_listing(gather, big, cloud):
    (outcome, rows), *_ = gather(big, "sign_ins").values()
    assert isinstance(outcome, Complete) and len(rows) == 2500 and len(cloud.requests) == 3


def test_sign_ins_by_apps_are_read_only_where_they_are_asked_for(gather):
    with Cloud(load("m365", now=NOW)) as cloud:
        settings = settings_of(cloud, 0)
        name = noninteractive_sign_ins.DATASET.name
        outcome, _ = gather(settings, name)[name]
        assert outcome.error.kind == "NotEnabled" and "noninteractive = true" in outcome.error.remedy
        assert not cloud.requests
        outcome, rows = gather(settings | {"noninteractive": True}, name)[name]
        assert isinstance(outcome, Complete) and {row.source for row in rows} == {"noninteractive"}
        assert {row.mfa for row in rows} <= {"unknown", "satisfied"}  # a token renewed proves no password alone
        (request,) = cloud.requests
        assert request.path.startswith("/beta/") and "nonInteractiveUser" in request.query


@pytest.mark.parametrize("value", ["true", 1, []])
def test_the_switch_is_a_switch(settings, value):
    with pytest.raises(ConfigError, match="noninteractive must be true or false"):
        Settings.read(settings | {"noninteractive": value})
