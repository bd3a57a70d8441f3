"""Many questions in one request: every part answered for itself, and none of them but GETs."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from keyround.errors import CollectError
from keyround_fixtures import Fault
from keyround_google import users
from keyround_google.batch import Batch, parts_of
from keyround_google.transport import Transport

USERS = 1300


@pytest.fixture
def ask(opened, cloud):
    """What became of a question about each of the first `count` people of a tenant: id -> id, or the error."""

    def run(settings, count=USERS):
        people = [row["id"] for row in cloud.tenant(settings["customer_id"]).tables["users"][:count]]
        with opened(settings) as admin:
            found = {}
            get = admin.directory.users().get
            for key, answer in admin.batch(((one, get(userKey=one, fields="id")) for one in people), (users.SCOPE,)):
                assert key not in found
                found[key] = answer
        assert found.keys() == set(people)
        for key, answer in found.items():
            assert isinstance(answer, CollectError) or f'"{key}"'.encode() in answer
        return found

    return run


def refused(found):
    return {key: error.kind for key, error in found.items() if isinstance(error, CollectError)}


def batches(cloud):
    return [request for request in cloud.requests if request.path.startswith("/batch")]


def test_a_hundred_questions_travel_as_one(ask, big, cloud):
    assert not refused(ask(big, 730))
    assert len(batches(cloud)) == 8 and len(cloud.requests) == 730 + 8


def test_whatever_is_not_a_get_stays_here(opened, settings):
    with opened(settings) as admin:
        batch = Batch([admin.directory.users().get(userKey="1", fields="id")])
        http = admin._line.spare()
        for body in (
            batch.body.replace(b"GET ", b"DELETE "),
            batch.body.replace(b"GET ", b"POST "),
            batch.body.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nX-HTTP-Method-Override: DELETE\r\n"),
            batch.body.replace(b"HTTP/1.1\r\n\r\n", b'HTTP/1.1\r\n\r\n{"suspended":true}\r\n', 1),
            batch.body + batch.body.replace(b"GET ", b"PUT "),
            batch.body.replace(b"/admin", b"/admin HTTP/1.1\r\n\r\nDELETE /admin", 1),
            b"",
            None,
        ):
            with pytest.raises(AssertionError, match="only reads"):
                http.request(batch.uri, "POST", body, batch.headers)
        assert isinstance(http, Transport)


@pytest.mark.parametrize("body", ["google_429", "google_403_quota", "google_403_user_rate_limit", "google_503"])
def test_only_what_was_refused_for_now_is_asked_again(body, ask, big, cloud, nap):
    cloud.faults.append(Fault("/v1/users/", body=body, after=30, times=90))
    assert not refused(ask(big, 250)) and nap.slept
    asked = len(cloud.requests) - len(batches(cloud))
    assert asked == 250 + 90


def test_a_limit_stricter_than_published_is_survived(ask, big, cloud, nap):
    cloud.faults.append(Fault("/v1/users/", body="google_403_user_rate_limit", headers={"retry-after": "20"}, times=99))
    assert not refused(ask(big, 300))
    assert nap.slept[0] == 20 and sum(nap.slept) < 90


def test_one_persons_refusal_is_a_value(ask, settings, cloud):
    people = [row["id"] for row in cloud.tenants[0].tables["users"]]
    for place, body in ((1, "google_404"), (4, "google_401"), (6, "google_403_not_authorized")):
        cloud.faults.append(Fault(f"/v1/users/{people[place]}", body=body, times=9))
    cloud.faults.append(Fault(f"/v1/users/{people[9]}", body="google_500", times=99))
    found = ask(settings, 48)
    assert refused(found) == {
        people[1]: "Unexpected", people[4]: "Expired", people[6]: "NotGranted", people[9]: "Unreachable",
    }  # fmt: skip


def test_a_missing_scope_is_everybodys_and_asked_for_once(ask, big, cloud):
    cloud.deny(cloud.tenants[1], "admin.directory.user.readonly")
    with pytest.raises(CollectError) as caught:
        ask(big)
    assert caught.value.kind == "NotGranted" and len(batches(cloud)) == 1


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_whole_batch_that_is_refused_raises(status, ask, settings, cloud):
    cloud.faults.append(Fault("/batch", status=status, data={"error": {"code": status}}, times=99))
    with pytest.raises(CollectError) as caught:
        ask(settings, 20)
    assert caught.value.kind == {401: "Expired", 403: "NotGranted", 503: "Throttled"}[status]


def test_a_token_that_dies_in_between_is_renewed(ask, settings, cloud):
    cloud.faults.append(Fault("/v1/users/", body="google_401", times=48))
    assert not refused(ask(settings, 48))
    assert [request.path for request in cloud.requests].count("/token") == 2


def test_nothing_but_silence_is_not_asked_for_all_night(ask, big, cloud):
    cloud.faults.append(Fault("/v1/users/", body="google_500", after=100, times=10**6))
    with pytest.raises(CollectError) as caught:
        ask(big)
    assert caught.value.kind == "Unreachable" and len(batches(cloud)) < 20


@pytest.mark.parametrize("kind", ["reset", "short", "truncated"])
@pytest.mark.parametrize("where", ["/batch", "/v1/users/"])
def test_a_broken_answer_loses_nobody(where, kind, ask, big, cloud):
    cloud.faults.append(Fault(where, kind=kind, times=2))
    assert not refused(ask(big, 150))


def test_a_server_without_batches_is_asked_one_by_one(ask, settings, cloud):
    cloud.faults.append(Fault("/batch", body="google_html_404", times=9))
    people = [row["id"] for row in cloud.tenants[0].tables["users"]]
    cloud.faults.append(Fault(f"/v1/users/{people[3]}", body="google_404", times=9))
    assert refused(ask(settings, 30)) == {people[3]: "Unexpected"}
    assert len(batches(cloud)) == 1
    cloud.deny(cloud.tenants[0], "admin.directory.user.readonly")
    with pytest.raises(CollectError):
        ask(settings, 30)


def test_random_faults_in_parts_and_batches_lose_only_what_they_say(ask, big, cloud):
    people = [row["id"] for row in cloud.tenants[1].tables["users"][:230]]
    for seed in range(6):
        chance, plan, silenced = random.Random(seed), [], set()
        for where in ["/batch"] * 3 + chance.sample(people, 30):
            kind = chance.choice(("reset", "short", "truncated", "html", "status"))
            fault = Fault(where, kind=kind, status=chance.choice((408, 429, 500, 503)), after=chance.choice((0, 1, 2)))
            if where != "/batch" and chance.random() < 0.3:
                fault = Fault(where, body=chance.choice(("google_404", "google_403_not_authorized")), times=9)
                silenced.add(where)
            plan.append(fault)
        cloud.faults[:] = plan
        assert refused(ask(big, 230)).keys() == silenced, seed
        cloud.faults.clear()


def test_memory_does_not_grow_with_the_number_of_questions(opened, big, cloud):
    def peak(count):
        with opened(big) as admin:
            get, (one, *_) = admin.directory.users().get, cloud.tenants[1].tables["users"]
            asked = ((str(n), get(userKey=one["id"], fields="id")) for n in range(count))
            tracemalloc.start()
            for _ in admin.batch(asked, (users.SCOPE,)):
                pass
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return found

    peak(100)
    assert peak(600) < 1.5 * peak(200)


@pytest.mark.parametrize(
    "answer, found",
    [
        (b"--x\nContent-ID: <response-part-1>\n\nHTTP/1.1 200 OK\nA: b\n\n{}\n--x--", {1: (200, b"{}")}),
        (b"--x\r\nContent-ID: <response-part-0>\r\n\r\nHTTP/1.1 204 No Content\r\n--x--", {0: (204, b"")}),
        (b"--x\r\n\r\nHTTP/1.1 200 OK\r\n\r\na\r\n--x\r\n\r\nHTTP/2 404 \r\n\r\nb\r\n--x--\r\n",
         {0: (200, b"a"), 1: (404, b"b")}),
        (b"--x\r\n\r\nHTTP/1.1 200 OK\r\n\r\na\r\n", {}),  # one of two, and no name: whose?
        (b"--x\r\nContent-ID: <response-part-1>\r\n\r\nnonsense\r\n--x--", {}),
        (b"<html>", {}), (b"", {}), (b"--x--", {}),
    ],
)  # fmt: skip
def test_answers_of_any_shape_are_read(answer, found):
    parts = parts_of("multipart/mixed; boundary=x", answer, 2)
    assert {place: (part.status, part.body) for place, part in parts.items()} == found
    assert parts_of("text/html", answer, 2) == {}
