"""Throttling, broken lines and dying page links, without a second of real waiting."""

from __future__ import annotations

import base64
import threading
import time
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import pytest

from keyround.connector import Clock, Complete, Incomplete
from keyround.errors import CollectError
from keyround_fixtures import Fault
from keyround_m365 import CONNECTOR
from keyround_m365.graph import Question
from keyround_m365.line import Closed, Line
from tests.napping import NOW

USERS = 1300


def people(rows):
    return len({row.account_id for row in rows})


@pytest.mark.parametrize(
    "header, pause",
    [
        ("7", 7.0),
        (format_datetime(NOW + timedelta(seconds=42), usegmt=True), 42.0),
        ("10,10", 10.0),
        ("300", 300.0),
        ("1800", 1800.0),
    ],
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
    assert outcome.error.kind == "Throttled" and len(nap.slept) == 9 and nap.slept[:5] == sorted(nap.slept[:5])
    assert max(nap.slept) <= 72


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


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.2:9/v1.0/users?$skiptoken=x",
        "http://HOST/v1.0/users?$skiptoken=x",  # the same host and port without the s
        "https://127.0.0.1:9/v1.0/users?$skiptoken=x",
        "https://localhost:PORT/v1.0/users?$skiptoken=x",
        "https://HOST.evil.example/v1.0/users",
        "https://HOST@evil.example/v1.0/users",
        "https://graph.example@HOST/v1.0/users",
        "https://evil.example\\@HOST/v1.0/users",
        "https://evil.example#@HOST/v1.0/users",
        "//evil.example/v1.0/users",
        "/v1.0/users",
        "file:///etc/passwd",
        "http://[::",
        "",
    ],
)
@pytest.mark.parametrize("by", ["link", "redirect"])
def test_the_token_goes_to_no_other_address(link, by, secured, gather, cloud):
    way = secured | {"credential": "secret", "secret": cloud.app_secret("m365")}
    host = cloud.tls_url.removeprefix("https://")
    link = link.replace("HOST", host).replace("PORT", host.rpartition(":")[2])
    page = {"value": [], "@odata.nextLink": link}
    fault = {"link": Fault("/users", status=200, data=page, times=9),
             "redirect": Fault("/users", status=302, headers={"location": link}, times=99)}[by]  # fmt: skip
    cloud.faults.append(fault)
    outcome, rows = gather(way, "users")["users"]
    asked = [request for request in cloud.requests if request.path == "/v1.0/users"]
    if not link and by == "link":
        assert isinstance(outcome, Complete)  # an empty link is none
        return
    assert outcome.error.kind in ("Unexpected", "Unreachable") and not rows
    if link in ("", "/v1.0/users"):  # a redirect to our own host is followed for a while
        assert len(asked) == (12 if by == "redirect" else 1)
    else:  # once, or again and again where not even the address could be read
        assert len(asked) == 1 or outcome.error.kind == "Unreachable"


@pytest.fixture
def secured(cloud, monkeypatch):
    """Settings for azure-identity's own credentials, which speak https only."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_pem)
    return {
        "tenant_id": cloud.tenants[0].id, "client_id": cloud.client_id, "authority": cloud.tls_url,
        "graph_url": cloud.tls_url,
    }  # fmt: skip


def test_a_listing_of_empty_pages_with_ever_new_links_ends(gather, big, cloud):
    cloud.faults.append(Fault("/users", kind="empty", times=9999, after=1))
    outcome, rows = gather(big, "users")["users"]
    assert outcome.error.kind == "Unexpected" and "no end" in outcome.error.detail and people(rows) == 500
    assert len(cloud.requests) < 60
    cloud.faults[:] = [Fault("/users", kind="empty", times=40, after=1)]  # rare, and allowed
    assert isinstance(gather(big, "users")["users"][0], Complete)


def test_a_data_set_has_so_much_time_and_no_more(gather, big, cloud, nap):
    cloud.faults.append(Fault("skiptoken", status=429, headers={"retry-after": "250"}, times=99))
    outcome, rows = gather(big | {"budget": "20m"}, "users")["users"]
    assert outcome.error.kind == "Throttled" and "20 minutes" in outcome.error.detail
    assert "after 1 answers" in outcome.error.detail and people(rows) == 500
    assert nap.slept == [250.0] * 4


def test_time_is_counted_over_all_questions_of_a_data_set(graph, cloud, nap):
    for question in asked(cloud, 3):
        cloud.faults.append(Fault(question.path, status=429, headers={"retry-after": "1000"}, times=2))
    with graph.budgeted(), pytest.raises(CollectError) as caught:
        for question in asked(cloud, 3):
            graph.one(question)
    assert caught.value.kind == "Throttled" and sum(nap.slept) == 3000
    assert graph.one(asked(cloud, 1)[0])  # the next data set begins with time of its own


def test_waiting_for_our_turn_counts_as_well(big, cloud, nap):
    with CONNECTOR.open(big | {"budget": "30s"}, nap.clock) as graph:
        pages = graph.pages(Question("auditLogs/signIns", "AuditLog.Read.All", top=50))
        with pytest.raises(CollectError) as caught:
            for _ in range(50):
                next(pages)
    assert caught.value.kind == "Throttled" and "after 15 answers" in caught.value.detail and sum(nap.slept) < 30


def test_a_family_that_was_told_to_wait_waits_for_every_data_set(settings, cloud):
    first, second, other = asked(cloud, 3)
    other = replace(other, pace="another")
    cloud.faults.append(Fault(first.path, status=429, headers={"retry-after": "50"}))
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 1:  # while the first data set waits, two others come
            graph.one(other)
            assert slept == [50.0]
            graph.one(second)

    with CONNECTOR.open(settings, Clock(lambda: 50.0 * (len(slept) > 1), sleep, lambda: NOW)) as graph:
        graph.one(first)
    assert slept == [50.0, 50.0]
    assert [request.status for request in cloud.requests if second.path in request.path] == [200]


def test_a_batch_refused_as_a_whole_waits_as_a_whole(graph, cloud, nap):
    cloud.faults.append(Fault(r"\$batch", status=429, headers={"retry-after": "70"}))
    assert all(isinstance(answer, tuple) for _, answer in graph.batch(asked(cloud, 3))) and nap.slept == [70.0]


def test_requests_and_waits_are_counted(graph, cloud, nap):
    cloud.faults.append(Fault(asked(cloud, 1)[0].path, status=429, headers={"retry-after": "50"}))
    dict(graph.batch(asked(cloud, 25)))
    assert graph.cost.requests == {"methods": 3} and graph.cost.waited == pytest.approx(sum(nap.slept))


def test_the_technician_sees_how_near_a_limit_is(graph, cloud, caplog):
    caplog.set_level("DEBUG", "keyround_m365")
    near = {"x-ms-throttle-limit-percentage": "0.9", "x-ms-throttle-scope": "Tenant_Application/ReadWrite"}
    cloud.faults.append(Fault("methods", status=429, headers={**near, "retry-after": "3"}))
    graph.one(asked(cloud, 1)[0])
    (line,) = [record.getMessage() for record in caplog.records if "429" in record.getMessage()]
    assert "x-ms-throttle-limit-percentage=0.9" in line and "x-ms-throttle-scope=Tenant_Application/ReadWrite" in line


@pytest.mark.parametrize("waiting", ["a long pause", "a slow answer"])
def test_a_session_that_is_closed_ends_what_is_under_way(waiting, settings, cloud):
    cloud.faults.append(
        Fault("organization", status=429, headers={"retry-after": "3000"})
        if waiting == "a long pause"
        else Fault("organization", kind="slow", delay=20)
    )
    ended = []

    def read(graph):
        try:
            graph.one(Question("organization", "Organization.Read.All"))
        except Closed:
            ended.append(time.monotonic())

    with CONNECTOR.open(settings, Clock()) as graph:
        thread = threading.Thread(target=read, args=(graph,))
        thread.start()
        while not cloud.requests and waiting == "a long pause":
            time.sleep(0.01)
        time.sleep(0.2)
        begun = time.monotonic()
    thread.join(5)
    assert ended and ended[0] - begun < 2


def test_one_new_token_serves_everybody_who_was_refused_the_old_one():
    credentials = []

    class Credential:
        def __init__(self):
            credentials.append(self)

        def close(self):
            pass

    line = Line("https://graph.example", "https://graph.example/.default", Credential)
    try:
        assert line.renew(0) and line.renew(0) and len(credentials) == 2
    finally:
        line.close()


def test_a_token_that_was_renewed_and_never_worked_is_not_renewed_again(graph, cloud):
    cloud.faults.append(Fault("/v1.0", body="401_expired_token", times=99))
    for _ in range(3):
        with pytest.raises(CollectError) as caught:
            graph.one(asked(cloud, 1)[0])
        assert caught.value.kind == "Expired"
    assert len(cloud.requests) == 4  # once again after the first refusal, and then the new token is known to be no good


@pytest.fixture
def graph(settings, nap):
    with CONNECTOR.open(settings, nap.clock) as opened:
        yield opened


def asked(cloud, number=45):
    users = cloud.tenants[0].tables["users"][:number]
    return [Question(f"users/{row['id']}/authentication/methods", "UserAuthenticationMethod.Read.All") for row in users]


def test_a_batch_answers_every_question_whatever_becomes_of_some_parts(graph, cloud, nap):
    whole = asked(cloud)
    cloud.faults.append(Fault(whole[3].path, status=429, headers={"retry-after": "17"}, times=2))
    cloud.faults.append(Fault(whole[4].path, body="403_request_authorization_failed"))
    cloud.faults.append(Fault(r"\$batch", kind="truncated", after=1))
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
    assert len(posts) == 4 + 1  # what is asked again travels with what is new; one answer was cut short


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


def test_a_batch_that_answers_oddly_is_asked_again_for_what_is_missing(graph, cloud, nap):
    whole = asked(cloud, 8)
    methods = b'{"value":[]}'
    odd = [
        {"id": "77", "status": 200, "body": {}},
        {"id": "5", "status": 200, "body": base64.b64encode(methods).decode()},
        {"id": "4", "status": 424, "headers": None, "body": {"error": {"code": "FailedDependency"}}},
        {"id": "3", "status": 200, "body": "<html>half a pa"},
        {"id": "2", "status": 200},
        {"id": "1", "status": 429, "headers": {"Retry-After": 11}, "body": "busy"},
        {"id": "0", "status": 403, "body": "PGh0bWw+"},
        {"id": "6", "status": 204, "body": None},
    ]
    cloud.faults.append(Fault(r"\$batch", status=200, data={"responses": odd}))
    answers = dict(graph.batch(whole))
    assert answers[whole[5]] == (methods,) and answers[whole[0]].kind == "NotGranted"
    assert all(isinstance(answers[question], tuple) and b"odata" in answers[question][0]
               for question in (*whole[1:5], *whole[6:]))  # fmt: skip
    assert sum(nap.slept) == pytest.approx(11)


@pytest.mark.parametrize("data", [{"responses": None}, {"responses": [{"id": 1}]}, [], {"value": []}])
def test_a_batch_whose_answer_is_something_else_is_said_to_be(data, graph, cloud):
    cloud.faults.append(Fault(r"\$batch", status=200, data=data, times=99))
    with pytest.raises(CollectError) as caught:
        dict(graph.batch(asked(cloud, 3)))
    assert caught.value.kind == "Unexpected"


def test_questions_of_both_versions_go_to_their_own_batch(graph, cloud):
    old = asked(cloud, 2)
    new = [replace(question, beta=True) for question in old]
    assert dict(graph.batch([*old, *new])).keys() == {*old, *new}
    assert [request.path for request in cloud.requests if "$batch" in request.path] == ["/v1.0/$batch", "/beta/$batch"]


def test_a_part_that_fails_holds_up_no_others(graph, cloud, nap):
    whole = asked(cloud, 40)
    cloud.faults.append(Fault(whole[0].path, status=503, times=99))
    answers = dict(graph.batch(whole))
    assert [question for question, answer in answers.items() if not isinstance(answer, tuple)] == [whole[0]]
    assert len([request for request in cloud.requests if "$batch" in request.path]) == 2 + 5
