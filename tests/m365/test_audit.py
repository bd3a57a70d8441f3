"""Tenants without P1: what the audit log says of sign-ins, and a search of it that takes its time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from keyround.config import Client, TenantConfig
from keyround.connector import Arrived, Complete, Incomplete, NotOffered, Window, collect
from keyround.engine.results import Evaluated
from keyround.engine.rule import load as rules
from keyround.errors import Unexpected
from keyround.geo import Atlas
from keyround.judging import judge
from keyround.model import SignIn
from keyround.scan import scan
from keyround.store import ClientStore
from keyround.terms import Terms
from keyround_fixtures import PLACES, Cloud, Fault, load
from keyround_m365 import CONNECTOR
from keyround_m365.audit_sign_ins import DATASET, rows
from tests.napping import NOW, Nap

from .conftest import settings_of

HERE = NOW.replace(tzinfo=None)
RULES = rules()
QUERIES = "/security/auditLog/queries"
ID = "4f1c0000-0000-4000-8000-000000000001"


@pytest.fixture
def cloud():
    with Cloud(load("m365", now=NOW, plan="standard")) as running:
        yield running


@pytest.fixture
def company(cloud):
    return cloud.tenant("m365")


def posted(cloud):
    return [request for request in cloud.requests if request.method == "POST" and request.path.endswith(QUERIES)]


# -- what a record means ----------------------------------------------------------------------------------------------


def record(**data):
    top = {"id": "r1", "createdDateTime": "2026-11-01T10:00:00Z", "operation": data.pop("Operation", "UserLoggedIn"),
           "userPrincipalName": "Ada@Contoso.example", "clientIp": "192.0.2.1"}  # fmt: skip
    return top | {"auditData": {"CreationTime": "2026-11-01T10:00:00", "Id": "r1"} | data}


def read(*records) -> list[SignIn]:
    return list(rows(msgspec.json.encode({"value": records})))


@pytest.mark.parametrize(
    "data, outcome, code",
    [
        ({"ErrorNumber": "0"}, "success", "0"),
        ({"ErrorNumber": 0, "ResultStatus": "Failed"}, "success", "0"),
        ({"ErrorNumber": "50140"}, "success", "50140"),
        ({}, "success", None),
        ({"ErrorNumber": "0", "LogonError": ""}, "success", "0"),
        ({"ErrorNumber": "50126", "ResultStatus": "Success"}, "failure", "50126"),
        ({"ErrorNumber": "0", "LogonError": "UserStrongAuthClientAuthNRequired"}, "stopped_after_password", "0"),
        ({"LogonError": "blockedbyconditionalaccess"}, "stopped_after_password", "blockedbyconditionalaccess"),
        ({"LogonError": "SomethingNew"}, "failure", "SomethingNew"),
        ({"Operation": "UserLoginFailed", "ResultStatus": "Success"}, "failure", None),
        ({"Operation": "UserLoginFailed", "ErrorNumber": "0"}, "failure", "0"),
        ({"Operation": "UserLoginFailed", "ErrorNumber": 500121}, "stopped_after_password", "500121"),
        ({"Operation": "UserLoginFailed", "ErrorNumber": "65001"}, "interrupted", "65001"),
        ({"Operation": "UserLoginFailed", "ErrorNumber": "7777777"}, "failure", "7777777"),
        ({"Operation": "SomethingElse", "ErrorNumber": "0"}, None, "0"),
    ],
)  # fmt: skip
def test_operation_and_error_decide_and_the_result_status_never(data, outcome, code):
    (row,) = read(record(**data))
    assert (row.outcome, row.error_code, row.mfa, row.source) == (outcome, code, "unknown", "audit")


@pytest.mark.parametrize(
    "given, address",
    [
        ("192.0.2.1:443", "192.0.2.1"), ("[2001:db8::1]:50012", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::1"), ("10.0.0.1", "10.0.0.1"), ("", "203.0.113.5"), (None, "203.0.113.5"), (7, "203.0.113.5"),
        ("-", "203.0.113.5"),
    ],
)  # fmt: skip
def test_one_address_has_one_spelling(given, address):
    (row,) = read(record(ClientIP=given, ActorIpAddress="203.0.113.5:1"))
    assert row.address == address


def test_who_it_was():
    nil = "00000000-0000-0000-0000-000000000000"
    people = [
        ({"UserKey": ID.upper()}, (ID, "ada@contoso.example")),
        ({"UserKey": "10032001A@x", "Actor": [{"ID": "ada@x", "Type": 5}, {"ID": ID, "Type": 0}]},
         (ID, "ada@contoso.example")),
        ({"UserKey": nil, "Actor": [{"ID": nil, "Type": 0}]}, (None, "ada@contoso.example")),
        ({"UserKey": "Not Available", "Actor": {"ID": ID}}, (None, "ada@contoso.example")),
    ]  # fmt: skip
    for data, expected in people:
        (row,) = read(record(**data))
        assert (row.account_id, row.username) == expected
    nobody = record(UserId="********") | {"userPrincipalName": "", "userId": None}
    assert read(nobody)[0].username is None


@pytest.mark.parametrize(
    "agent, request_type, legacy",
    [
        ("BAV2ROPC", "OAuth2:Token", True), ("CBAInPROD", "OAuth2:Authorize", True),
        ("Mozilla/5.0", "OAuth2:Authorize", False), ("Mozilla/5.0", "SAS:EndAuth", False),
        ("Mozilla/5.0", "OAuth2:Token", None), (None, None, None),
    ],
)  # fmt: skip
def test_an_old_protocol_only_where_the_record_says_so(agent, request_type, legacy):
    pairs = [{"Name": "UserAgent", "Value": agent}, {"Name": "RequestType", "Value": request_type}]
    assert read(record(ExtendedProperties=pairs))[0].legacy is legacy


def test_data_that_is_text_or_missing_or_odd():
    whole = record(ErrorNumber="50126", ClientIP="192.0.2.7")
    as_text = whole | {"auditData": json.dumps(whole["auditData"])}
    assert read(as_text) == read(whole)
    for odd in (None, "", "{", 7, [], {"ExtendedProperties": {"a": 1}, "Actor": 3, "ErrorNumber": True, "UserKey": []}):
        (row,) = read(record() | {"auditData": odd})
        assert (row.sign_in_id, row.outcome, row.address) == ("r1", "success", "192.0.2.1")
    with pytest.raises(Unexpected, match="time"):
        read({"id": "r1", "auditData": {}})


# -- a search ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(cloud, company):
    """Asks for the 180 days before a moment: the outcome, the rows, what arrived whole, seconds slept.

    `asked.memory` is what one scan leaves to the next.
    """
    company.older = list  # a month of records is enough here
    memory: dict[str, object] = {}

    def run(hours: float = 0, wait: float = 0, days: int = 180, sleep=None):
        nap, until = Nap(), HERE + timedelta(hours=hours)
        clock = replace(nap.clock, now=lambda: until + timedelta(seconds=sum(nap.slept)))
        clock = replace(clock, sleep=sleep) if sleep else clock
        window = Window((until - timedelta(days=days)).replace(hour=0), until, timedelta(minutes=wait))
        kept: list[SignIn] = []
        arrived: list[Arrived] = []
        with CONNECTOR.open(settings_of(cloud, 0), clock, memory) as graph:
            outcome = collect(DATASET, graph, window, lambda page: kept.extend(page) or len(page), arrived.append)
        assert json.loads(json.dumps(memory)) == memory
        return outcome, kept, arrived, nap.slept

    run.memory = memory
    return run


def test_a_search_that_takes_hours_is_collected_by_the_next_scan(asked, cloud, company):
    company.looks = 4
    outcome, kept, _, slept = asked()
    assert isinstance(outcome, Incomplete) and outcome.error.kind == "Throttled" and not slept and not kept
    assert "since 12:00 UTC" in outcome.error.detail and "next scan collects" in outcome.error.detail
    outcome, _, _, slept = asked(hours=0.1, wait=0.1)
    assert isinstance(outcome, Incomplete) and sum(slept) == pytest.approx(6)
    outcome, kept, (arrived,), _ = asked(hours=30, wait=0)
    assert isinstance(outcome, Incomplete) and "since 18:00 UTC:" in outcome.error.detail  # the rest
    assert kept and arrived == Arrived(datetime(2026, 5, 24), HERE, HERE)
    assert len(posted(cloud)) == 2
    second = list(company.searches.values())[1]
    assert second["filterStartDateTime"] == "2026-11-18T00:00:00Z"  # records come late: two days are asked for again
    assert second["filterEndDateTime"] == "2026-11-21T18:00:00Z"


def test_pauses_grow_to_a_minute_and_no_further(asked, company):
    company.looks = 10
    _, _, _, slept = asked(wait=20)
    assert slept[:3] == [5.0, 7.5, 11.25] and slept[-1] == 60 == max(slept) and len(slept) == 10


def test_an_answer_of_today_is_new_enough(asked, cloud, company):
    asked()
    outcome, _, (arrived,), _ = asked(hours=8, wait=3)
    assert isinstance(outcome, Complete) and len(posted(cloud)) == 1
    assert arrived.until == HERE and arrived.asked_at == HERE  # and says nothing of the eight hours since


def test_a_scan_killed_while_it_waits_begins_no_second_search(asked, cloud):
    def killed(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(wait=5, sleep=killed)
    assert len(posted(cloud)) == 1 and "eyJ" not in json.dumps(asked.memory)  # no token in it
    outcome, *_ = asked(hours=1, wait=3)
    assert isinstance(outcome, Complete) and len(posted(cloud)) == 1


def test_an_answer_is_read_again_until_its_days_are_stored(asked, cloud):
    asked(wait=3)
    outcome, kept, *_ = asked(hours=1, wait=3)  # the scan before could not be kept: it asks for the same days
    assert isinstance(outcome, Complete) and kept and len(posted(cloud)) == 1
    asked(hours=1, wait=3, days=2)  # now they are stored
    assert len(posted(cloud)) == 2
    asked(hours=2, wait=3, days=2)  # a day that is not over is asked for anew each time
    assert len(posted(cloud)) == 3


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_search_that_failed_is_said_and_begun_anew_the_next_time(asked, cloud, status):
    cloud.faults.append(Fault(f"{QUERIES}/", status=200, data={"id": "x", "status": status}))
    outcome, *_ = asked(wait=3)
    assert isinstance(outcome, Incomplete) and status in outcome.error.detail
    outcome, *_ = asked(hours=1, wait=3)
    assert isinstance(outcome, Complete) and len(posted(cloud)) == 2


def test_a_search_that_microsoft_has_forgotten_is_begun_anew(asked, cloud, company):
    asked()
    company.searches = {}
    outcome, *_ = asked(hours=24, wait=3)
    assert isinstance(outcome, Complete) and len(posted(cloud)) == 2


def test_an_answer_cut_off_is_not_whole_and_the_next_scan_asks_for_less(asked, cloud, company):
    whole = len({row.sign_in_id for row in asked(wait=3)[1]})
    asked.memory.clear()
    company.most_records = 600
    outcome, kept, arrived, _ = asked(wait=3)
    assert isinstance(outcome, Incomplete) and "cut off" in outcome.error.detail
    assert len(kept) == 600 and not arrived  # nobody knows which days are whole
    for hour in range(1, 6):
        before = len(posted(cloud))
        outcome, kept, arrived, _ = asked(hours=hour, wait=60)
        if isinstance(outcome, Complete):
            break
    assert isinstance(outcome, Complete) and len(posted(cloud)) - before == len(arrived) > 2
    assert len({row.sign_in_id for row in kept}) == whole
    assert arrived[0].since == datetime(2026, 5, 24) and arrived[-1].until == HERE + timedelta(hours=hour)
    assert all(one.until == two.since for one, two in pairwise(arrived))


def test_what_arrived_stays_when_a_later_part_of_the_log_fails(asked, cloud):
    asked.memory["audit_sign_ins"] = {"days": 100}
    cloud.faults.append(Fault(f"{QUERIES}/.*/records", after=1, times=99, status=400))
    outcome, _, (arrived,), _ = asked(wait=30)
    assert isinstance(outcome, Incomplete) and arrived.until == datetime(2026, 9, 1)


def test_auditing_switched_off_is_said_with_the_remedy(asked, company):
    company.auditing = False
    outcome, *_ = asked()
    assert outcome.error.kind == "NotEnabled" and outcome.error.code == "AuditingDisabledTenant"
    assert "Purview" in outcome.error.remedy


def test_where_v1_does_not_know_the_search_beta_does_and_other_clouds_know_neither(asked, cloud):
    cloud.faults.append(Fault(f"/v1.0{QUERIES}", body="400_segment_not_found", times=99))
    asked()
    outcome, *_ = asked(hours=1, wait=3)
    assert isinstance(outcome, Complete)
    asked.memory.clear()
    cloud.faults.append(Fault(QUERIES, body="400_segment_not_found", times=99))
    outcome, *_ = asked()
    assert outcome.error.kind == "NotEnabled" and "cloud" in outcome.error.detail


def test_without_the_permission_it_is_a_module_that_is_off(asked, cloud):
    cloud.deny("m365", "AuditLogsQuery-Entra.Read.All")
    outcome, *_ = asked()
    assert outcome.error.kind == "NotEnabled" and "AuditLogsQuery-Entra.Read.All" in outcome.error.remedy
    assert not posted(cloud)
    cloud.grant("m365", "AuditLogsQuery.Read.All")  # the wider permission will do
    assert asked(wait=3)[0] == Complete(len(asked(wait=3)[1]))


def test_a_queue_that_is_full_is_throttled(asked, company):
    company.searches = {str(n): {"id": str(n), "status": "running"} for n in range(50)}
    assert asked()[0].error.kind == "Throttled"


WHEN = {"since": "2026-05-24T00:00:00", "until": "2026-11-20T00:00:00", "asked_at": "2026-11-20T00:00:00"}


@pytest.mark.parametrize(
    "damage",
    ["x", {"search": {"id": "x"}}, {"search": {"id": "../users"} | WHEN}, {"search": WHEN, "days": "many"},
     {"search": {"id": "x"} | WHEN | {"until": "2026-11-20T00:00:00Z"}}],
)  # fmt: skip
def test_damaged_memory_begins_anew(asked, cloud, damage):
    asked.memory["audit_sign_ins"] = damage
    outcome, *_ = asked(wait=3)
    assert isinstance(outcome, Complete) and len(posted(cloud)) == 1
    assert not any(".." in request.path for request in cloud.requests)


def test_with_p1_the_audit_log_is_not_needed(gather):
    names = ("organization", "sign_ins", "audit_sign_ins")
    with Cloud(load("m365", now=NOW)) as rich:
        assert isinstance(gather(settings_of(rich, 0), *names)["audit_sign_ins"][0], NotOffered)
        rich.deny("m365", "Organization.Read.All", "Directory.Read.All", "User.Read.All")  # so the plan is not known
        found = gather(settings_of(rich, 0), *names)
        assert isinstance(found["audit_sign_ins"][0], NotOffered) and isinstance(found["sign_ins"][0], Complete)


# -- whole scans ------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(monkeypatch):
    """The client of a running cloud's only tenant."""

    def of(cloud):
        monkeypatch.setenv("T", cloud.token("m365"))
        settings = settings_of(cloud, 0) | {"token": "env:T"}
        tenant = TenantConfig("m365", settings, Path())
        # Without policies nobody is exempt from any, so an emergency account has to be named to be known.
        return Client(
            "acme", "Acme", (tenant,), terms=Terms(emergency_accounts=("notfall@hollenstedt.onmicrosoft.example",))
        )

    return of


@pytest.fixture
def scanned(cloud, tmp_path, client):
    """Scans the tenant `hours` later; gives the snapshot and what was judged of it."""
    store = ClientStore(tmp_path, "acme")

    def run(hours: float = 0, wait: float = 0, rules=RULES):
        nap, at = Nap(), HERE + timedelta(hours=hours)
        clock = replace(nap.clock, now=lambda: at + timedelta(seconds=sum(nap.slept)))
        wait_for = timedelta(minutes=wait)
        return scan(client(cloud), store, rules, at, 30, clock, lambda *_: None, wait_for, Atlas(PLACES))

    return run


def verdicts(judged):
    return {
        result.rule.id: {j.subject + j.aspect: j.verdict for j in result.judged}
        for result in judged.results
        if isinstance(result, Evaluated)
    }


def test_the_audit_log_tells_the_story_of_the_sign_in_report(scanned, client, tmp_path):
    snapshot, judged = scanned(wait=3)
    found = verdicts(judged)
    with Cloud(load("m365", now=NOW)) as rich:  # the same company with P1, read through the report
        store = ClientStore(tmp_path / "rich", "acme")
        _, other = scan(client(rich), store, RULES, HERE, 30, Nap().clock, lambda *_: None)
    report = verdicts(other)
    for rule in ("foreign-sign-in", "password-known-abroad", "legacy-protocol-sign-in", "dormant-account"):
        # The log's addresses are made up, so one of a network that the tenant trusts cannot be told by it.
        fails = {key for key, verdict in report[rule].items() if verdict == "fail" and not key.endswith("NL")}
        assert fails and fails == {key for key, verdict in found[rule].items() if verdict == "fail"}, rule
        for key, verdict in found[rule].items():
            assert verdict in (report[rule].get(key, verdict), "unknown"), (rule, key)

    entry = snapshot.manifest["tenants"][0]
    records = [row for path in snapshot.files(entry)["sign_ins"] for row in pq.read_table(path).to_pylist()]
    assert {(row["mfa"], row["source"]) for row in records} == {("unknown", "audit")}  # never "single factor"
    (source,) = {row["country_source"] for row in records if row["country"]}
    assert source.startswith("Invented-Places 20")
    assert {row["country"] for row in records if row["address"] in ("10.1.2.3", "::1", None)} == {None}
    # One login each, though two or three records told of it, some of them twice.
    logins = Counter((row["username"], row["signed_in_at"].date()) for row in records if row["outcome"] == "success")
    assert {count for (_, day), count in logins.items() if day < HERE.date() - timedelta(days=40)} == {1}
    # The reach of the log is sealed with it; the numbers of the report are those of its own 30 days.
    assert entry["reach"] == {"audit_sign_ins": "2026-05-24T00:00:00"}
    (covered,) = [c for c in judged.coverage if c.dataset == "audit_sign_ins"]
    assert covered.outcome.rows == sum(row["signed_in_at"] >= HERE - timedelta(days=30, hours=12) for row in records)
    assert verdicts(judge(snapshot, RULES)) == found  # replayed without network and without any database


def test_while_the_search_runs_nothing_is_claimed_and_then_everything_is(scanned, cloud, company):
    _, judged = scanned()
    found = verdicts(judged)
    assert "foreign-sign-in" not in found
    assert set(found["dormant-account"].values()) == {"unknown"}
    unused = Counter(found["dormant-administrator"].values())
    assert unused.keys() == {"unknown", "pass"} and unused["pass"] == 1  # the emergency account, which may be unused
    (error,) = {e.detail for r in judged.results if r.rule.id == "foreign-sign-in" for e in r.missing.values()}
    assert "still searching" in error
    assert "still searching" in " ".join(
        e.detail for r in judged.results if r.rule.id == "dormant-account" for e in r.missing.values()
    )
    snapshot, judged = scanned(hours=3, wait=3)
    found = verdicts(judged)
    assert "fail" in found["foreign-sign-in"].values() and "pass" in found["dormant-account"].values()
    assert len(posted(cloud)) == 1 and len(snapshot.manifest["tenants"][0]["parts"]) == 178
    scanned(hours=6, wait=3, rules=())
    second = list(company.searches.values())[1]
    assert second["filterStartDateTime"] == "2026-11-18T00:00:00Z"  # what is stored is not asked for again
