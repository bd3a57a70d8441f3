"""Throttling, broken lines and dying page links, without a second of real waiting."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from keyround.connector import Complete, Incomplete
from keyround_fixtures import Fault
from tests.napping import NOW

USERS = 1300


def people(rows):
    return len({row.account_id for row in rows})


@pytest.mark.parametrize(
    "header, pause",
    [("7", 7.0), (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0), ("10,10", 10.0), ("300", 300.0)],
)
def test_retry_after_is_obeyed_however_it_is_written(header, pause, gather, big, cloud, nap):
    cloud.faults.append(Fault("/users", status=429, headers={"retry-after": header}))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS
    assert nap.slept == [pause]


@pytest.mark.parametrize(
    "header", ["0", "-5", "nan", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 -1400"]
)
def test_retry_after_that_says_nothing_useful_neither_breaks_nor_spins(header, gather, big, cloud, nap):
    cloud.faults.append(Fault("/users", status=429, headers={"retry-after": header}, times=99))
    outcome, _ = gather(big, "users")["users"]
    assert outcome.error.kind == "Throttled" and len(nap.slept) == 5 and nap.slept == sorted(nap.slept)


def test_tries_are_counted_per_request_not_per_listing(gather, big, cloud):
    for page in range(3):
        cloud.faults.append(Fault("/users", status=503, times=4, after=page * 5))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS


def test_half_a_surrogate_pair_is_no_broken_answer(gather, settings, cloud, nap):
    page = '{"value":[{"id":"a","displayName":"\\ud83d x"}]}'
    cloud.faults.append(Fault("/users", status=200, data=page[:-3]))
    cloud.faults.append(Fault("/users", status=200, data=page))
    outcome, rows = gather(settings, "users")["users"]
    assert isinstance(outcome, Complete) and [row.display_name for row in rows] == ["\ufffd x"]
    assert len(nap.slept) == 1  # for the answer that was cut short, and not for the half pair


@pytest.mark.parametrize("body", ["429_no_retry_after", "429_unknown_error", "503_plain_html"])
def test_waiting_without_being_told_how_long_grows(body, gather, big, cloud, nap):
    cloud.faults.append(Fault("/users", body=body, times=3, headers={}))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS and len(nap.slept) == 3


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_a_server_that_stumbles_is_asked_again(status, gather, big, cloud, nap):
    cloud.faults.append(Fault("/users", status=status, times=2))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS
    assert len(nap.slept) == 2 and nap.slept[1] > nap.slept[0]


@pytest.mark.parametrize("kind", ["reset", "short", "truncated", "empty", "duplicate", "expired", "unknown"])
@pytest.mark.parametrize("name, path", [("users", "/users"), ("sign_ins", "signIns"), ("mfa_registrations", "userReg")])
def test_spoilt_answers_lose_nothing(kind, name, path, gather, big, cloud):
    whole = set(map(key, gather(big, name)[name][1]))
    cloud.faults.append(Fault(path, kind=kind, times=1 if kind == "empty" else 2))
    outcome, rows = gather(big, name)[name]
    assert isinstance(outcome, Complete) and set(map(key, rows)) == whole != set()


def key(row):
    return getattr(row, "sign_in_id", None) or row.account_id


@pytest.mark.parametrize(
    "fault, kind",
    [
        (Fault("skiptoken", status=429, headers={"retry-after": "3600"}, times=99), "Throttled"),
        (Fault("skiptoken", status=500, times=99), "Unreachable"),
        (Fault("skiptoken", kind="truncated", times=99), "Unreachable"),
        (Fault("skiptoken", kind="loop", times=99), "Unexpected"),
        (Fault("skiptoken", kind="expired", times=99), "Expired"),
        (Fault("skiptoken", body="403_authorization_requestdenied", times=99), "NotGranted"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.body or value.kind,
)
def test_patience_ends_and_keeps_what_came(fault, kind, gather, big, cloud, nap):
    cloud.faults.append(fault)
    outcome, rows = gather(big, "mfa_registrations")["mfa_registrations"]
    fault.seen = 0
    assert isinstance(outcome, Incomplete) and outcome.error.kind == kind
    assert people(rows) >= 900 and sum(nap.slept) <= 900


def test_a_page_that_became_too_large_is_asked_for_in_halves(gather, big, cloud):
    cloud.faults.append(Fault("top=500", body="400_more_than_120_users", times=9))
    cloud.faults.append(Fault("top=250", body="400_more_than_120_users", times=9))
    outcome, rows = gather(big, "users")["users"]
    assert isinstance(outcome, Complete) and people(rows) == USERS
    assert any("top=125" in request.query for request in cloud.requests)


def test_nobody_listens(gather, settings):
    outcome, rows = gather(settings | {"graph_url": "http://127.0.0.1:9"}, "users")["users"]
    assert outcome.error.kind == "Unreachable" and not rows


def test_a_redirect_is_followed_on_the_same_host_only(gather, big, cloud):
    back = cloud.url + "/v1.0/subscribedSkus"
    for place in (back.replace("127.0.0.1", "localhost"), "https://127.0.0.1:9/", "http://[::", "ftp://x/", ""):
        cloud.faults[:] = [Fault("/identitySecurity", status=302, headers={"location": place}, times=99)]
        outcome, rows = gather(big, "security_defaults")["security_defaults"]
        assert not rows and outcome.error.kind in ("Unexpected", "Unreachable")
    cloud.faults[:] = [Fault("/identitySecurity", status=307, headers={"location": "?again=1"})]
    assert isinstance(gather(big, "security_defaults")["security_defaults"][0], Complete)


def test_the_token_goes_to_no_other_host(gather, big, cloud):
    elsewhere = {"value": [], "@odata.nextLink": "http://127.0.0.2:9/v1.0/users?$skiptoken=x"}
    cloud.faults.append(Fault("/users", status=200, data=elsewhere))
    outcome, _ = gather(big, "users")["users"]
    assert outcome.error.kind == "Unexpected" and "another host" in outcome.error.detail


@pytest.fixture
def graph(settings, nap):
    from keyround_m365 import CONNECTOR

    with CONNECTOR.open(settings, nap.clock) as opened:
        yield opened


def asked(cloud, number=45):
    from keyround_m365.graph import Question

    users = cloud.tenants[0].tables["users"][:number]
    return [Question(f"users/{row['id']}/authentication/methods", "UserAuthenticationMethod.Read.All") for row in users]


def test_a_batch_answers_every_question_whatever_becomes_of_some_parts(graph, cloud, nap):
    whole = asked(cloud)
    cloud.faults.append(Fault(whole[3].path, status=429, headers={"retry-after": "17"}, times=2))
    cloud.faults.append(Fault(whole[4].path, body="403_request_authorization_failed"))
    cloud.faults.append(Fault(r"\$batch", kind="truncated", after=4))
    answers = dict(graph.batch([*whole, replace(whole[0], path="users/nobody/authentication/methods")]))
    assert set(whole) < answers.keys() and len(answers) == 46
    errors = {
        question.path.split("/")[1]: answer for question, answer in answers.items() if not isinstance(answer, tuple)
    }
    assert {key: error.kind for key, error in errors.items()} == {
        whole[4].path.split("/")[1]: "NotGranted",
        "nobody": "Unexpected",
    }
    assert [round(pause) for pause in nap.slept].count(17) == 2
    posts = [request for request in cloud.requests if request.path.endswith("$batch") and request.method == "POST"]
    assert len(posts) == 6  # twenty parts, then fewer at a time since one was told to wait; one answer was cut short


def test_a_part_that_never_answers_takes_no_other_with_it(graph, cloud):
    whole = asked(cloud, 5)
    cloud.faults.append(Fault(whole[1].path, status=503, times=99))
    answers = dict(graph.batch(whole))
    assert [type(answer) is tuple for answer in answers.values()].count(False) == 1
    assert answers[whole[1]].kind == "Unreachable"


def test_a_batch_signs_in_again_when_its_parts_say_so(graph, cloud):
    whole = asked(cloud, 5)
    cloud.faults.append(Fault(whole[1].path, body="401_expired_token"))
    assert all(isinstance(answer, tuple) for _, answer in graph.batch(whole))
