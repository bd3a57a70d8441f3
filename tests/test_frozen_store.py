"""A store as version 0.1.0 wrote it still opens, and today's rules still say the same about it.

`expected.json` beside it changes only together with a rule, never with the store. `unknown_since`: findings of then
that today's rules ask more of than was read then. `judged_elsewhere_since`: those that a rule of their own takes care
of now, among `found_since`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keyround.cli import check
from keyround.engine.results import Evaluated
from keyround.engine.rule import load
from keyround.judging import judge, reported
from keyround.store import ClientStore
from keyround.terms import Home, Network, Terms, Trip

STORES = sorted((Path(__file__).parents[1] / "fixtures" / "stores").iterdir())


@pytest.mark.parametrize("folder", STORES, ids=lambda folder: folder.name)
def test_an_old_store_opens_and_says_what_it_said(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    store = ClientStore(folder, "acme")
    with reported(store.snapshot(store.stamps()[-1]), store, load()) as scan:
        checks = {}
        for result in scan.results:
            verdicts = [j.verdict for j in result.judged] if isinstance(result, Evaluated) else None
            said = verdicts and [verdicts.count(verdict) for verdict in ("fail", "pass", "unknown")]
            checks[f"{result.tenant} {result.rule.id}"] = said
        findings = sorted([f.tenant, f.rule.id, f.judged.subject, f.judged.aspect] for f in scan.findings)
        records = sum(c.outcome.rows for c in scan.coverage if c.dataset in ("sign_ins", "login_activities"))
    known = {rule: counts for rule, counts in checks.items() if rule in expected["checks"]}
    assert known == expected["checks"] and records == expected["sign_ins"]
    gone = expected["unknown_since"] + expected["judged_elsewhere_since"]
    still = [one for one in expected["findings"] if one not in gone] + expected["found_since"]
    assert [one for one in findings if f"{one[0]} {one[1]}" in known] == sorted(still)


@pytest.mark.parametrize("folder", STORES, ids=lambda folder: folder.name)
def test_the_findings_are_those_sealed_in_it(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    (sealed,) = ClientStore(folder, "acme").results()
    keys = [[entry["tenant"], entry["rule"], *([fail, ""] if isinstance(fail, str) else fail)]
            for entry in sealed["rules"] for fail in entry.get("fail", [])]  # fmt: skip
    assert sorted(keys) == expected["findings"]


def test_homes_trips_and_networks_can_be_laid_down_afterwards(capsys):
    store = ClientStore(STORES[0], "acme")
    snapshot = store.snapshot(store.stamps()[-1])
    (rule,) = [rule for rule in load() if rule.id == "foreign-sign-in"]

    def foreign(terms):
        judged = judge(snapshot, [rule], terms=terms)
        found = {j.aspect: j.evidence for r in judged.results for j in r.judged if j.verdict == "fail"}
        return found, judged.remarks

    typo = Terms(("DE",), (Home(("AT",), ("till.jesen@atelier-hollenstedt.example",)),))
    plain, (remark,) = foreign(typo)
    assert plain.keys() == {"AT", "DK", "NG", "PT", "VN"}
    assert "Did you mean till.jessen@atelier-hollenstedt.example?" in remark.remedy
    check._say_places(store, typo)
    assert f"{remark.happened} {remark.therefore}" in " ".join(capsys.readouterr().out.split())
    at, name = plain["PT"]["first_seen"].date(), plain["PT"]["account"].lower()
    laid_down = Terms(
        home_countries=("DE",),
        homes=(Home(("AT",), ("till.jessen@atelier-hollenstedt.example",)),),
        trips=(Trip(at, plain["PT"]["last_seen"].date(), ("PT",), (name,)),),
        networks=(Network("VPN", tuple(plain["VN"]["addresses"])),),
    )
    assert foreign(laid_down) == ({country: plain[country] for country in ("DK", "NG")}, ())
