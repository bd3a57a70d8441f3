"""A store as version 0.1.0 wrote it still opens, and today's rules still say the same about it.

`expected.json` beside it changes only together with a rule, never with the store. `unknown_since`: findings of then
that today's rules ask more of than was read then.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keyround.engine.results import Evaluated
from keyround.engine.rule import load
from keyround.scan import reported
from keyround.store import ClientStore

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
    still = [one for one in expected["findings"] if one not in expected["unknown_since"]]
    assert [one for one in findings if f"{one[0]} {one[1]}" in known] == still


@pytest.mark.parametrize("folder", STORES, ids=lambda folder: folder.name)
def test_the_findings_are_those_sealed_in_it(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    (sealed,) = ClientStore(folder, "acme").results()
    keys = [[entry["tenant"], entry["rule"], *([fail, ""] if isinstance(fail, str) else fail)]
            for entry in sealed["rules"] for fail in entry.get("fail", [])]  # fmt: skip
    assert sorted(keys) == expected["findings"]
