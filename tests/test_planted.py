"""A scan finds what was planted in the invented companies, each problem once and with the right severity, and no more.

The list stands beside the companies (`keyround_fixtures.tenants.planted`) and was written from them, not from a report.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import reduce
from pathlib import Path

import pytest

from keyround.config import Client, TenantConfig
from keyround.engine.results import Evaluated
from keyround.engine.rule import load as rules
from keyround.engine.spoken import spoken
from keyround.export import sheets
from keyround.export.results_json import results
from keyround.export.text import render
from keyround.geo import Atlas
from keyround.judging import reported
from keyround.scan import scan
from keyround.store import ClientStore
from keyround.terms import from_json
from keyround.words import catalogue, languages, speaking
from keyround_fixtures import PLACES, Cloud, load
from keyround_fixtures.tenants import planted
from tests.napping import NOW, Nap

RULES = rules()
PROBLEMS = {"m365": planted.M365, "google": planted.GOOGLE}
NEAR = {"m365": planted.M365_NEAR, "google": planted.GOOGLE_NEAR}
SETTINGS = {"m365": ("tenant_id", "graph_url"), "google": ("customer_id", "api_url")}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Both companies with all their modules, scanned as one client: {key: (findings, verdicts by rule and person)}.

    And under "texts" every line of every sheet by language, under "evidence" the name of every fact.
    """
    companies = [load("m365", now=NOW, plan="p2"), load("google", now=NOW)]
    with Cloud(*companies) as cloud, pytest.MonkeyPatch.context() as patch:
        tenants = []
        for company in companies:
            own, url = SETTINGS[company.key]
            patch.setenv(f"T_{company.key}", cloud.token(company.key))
            settings = {"connector": company.key, own: company.id, "credential": "token", url: cloud.url}
            tenants.append(TenantConfig(company.key, settings | {"token": f"env:T_{company.key}"}, Path()))
        client = Client("group", "Hollenstedt Group", tuple(tenants), terms=from_json(planted.terms(NOW)))
        store = ClientStore(tmp_path_factory.mktemp("planted"), client.key)
        here = NOW.replace(tzinfo=None)
        snapshot, judged = scan(client, store, RULES, here, 30, Nap().clock, lambda *_: None, atlas=Atlas(PLACES))
        with reported(snapshot, store, RULES, judged=judged) as done:
            found = results(done, "info")["findings"]
            texts = {language: in_words(done, language) for language in languages()}
    said = {"texts": texts, "evidence": {name for one in evaluated(judged) for name in one.evidence}}
    for company in companies:
        names = declared(company)
        verdicts = {}
        for result in judged.results:
            if isinstance(result, Evaluated) and result.tenant == company.id:
                for one in result.judged:
                    whose = one.evidence.get("device") or names.get(one.subject, "")
                    verdicts.setdefault((result.rule.id, whose), set()).add(one.verdict)
        mine = [
            one | {"who": one["evidence"].get("device") or names.get(one["subject"], "")}
            for one in found
            if one["tenant"] == company.id
        ]
        said[company.key] = (mine, verdicts)
    return said


def in_words(scan, language):
    """Every line of every cell of all sheets."""
    with speaking(language):
        rendered = [render(sheet) for sheet in sheets(spoken(scan, language))]
    return {line for text in rendered for cell in re.split(r" [|/] |\n", text) for line in cell.split("; ")}


def evaluated(judged):
    return [one for result in judged.results if isinstance(result, Evaluated) for one in result.judged]


def declared(company):
    """Account id -> name, as the declaration writes it."""
    users = company.tables["users"]
    return {row["id"]: row.get("mailNickname") or row["primaryEmail"].partition("@")[0] for row in users}


def aspect(finding):
    """What tells it apart: names, where a policy or an application goes by ids, and how long ago, where it is a day."""
    told = finding["evidence"]
    if finding["rule"] in ("app-with-wide-access", "wide-app-let-in"):
        return told["app"]
    if finding["rule"] == "password-spraying":
        return f"{(NOW.date() - date.fromisoformat(finding['aspect'])).days} days ago"
    if finding["rule"] in ("exemption-nothing-covers", "policy-names-the-deleted"):
        return f"{told['policy'].partition(', since')[0]}: {told.get('exempt', 'deleted')}"
    return finding["aspect"] or ""


@pytest.mark.parametrize("key", PROBLEMS)
def test_what_was_planted_is_found_once_and_nothing_else(scanned, key):
    findings, _ = scanned[key]
    found = Counter((one["rule"], one["who"], aspect(one), one["severity"]) for one in findings)
    expected = Counter((one.rule, one.who, one.aspect, one.severity) for one in PROBLEMS[key])
    missing, surplus = (sorted(one.elements()) for one in (expected - found, found - expected))
    assert not missing and not surplus, "\n".join(["", "missing:", *map(str, missing), "surplus:", *map(str, surplus)])


@pytest.mark.parametrize("key", PROBLEMS)
def test_the_evidence_says_why(scanned, key):
    findings, _ = scanned[key]
    told = {(one["rule"], one["who"], aspect(one)): one["evidence"] for one in findings}
    for one in PROBLEMS[key]:
        shown = told[one.rule, one.who, one.aspect]
        for name, value in one.evidence.items():
            assert set(value) <= set(shown[name]) if isinstance(value, list) else shown[name] == value, (one, shown)


@pytest.mark.parametrize("key", PROBLEMS)
def test_a_near_miss_is_known_to_be_none(scanned, key):
    """Neither a problem nor a doubt: it passes, or the rule does not ask about it."""
    _, verdicts = scanned[key]
    assert not [(one, said) for one in NEAR[key] if (said := verdicts.get((one.rule, one.who), set()) - {"pass"})]


WHO = {"account", "username", "display_name", "device"}
ENGLISH = re.compile(r"\b(the|of|and|is|are|was|not|to|with|cannot|whether|which|who|from|only|that|has|by|for)\b")


def test_every_fact_has_a_name(scanned):
    assert {name for name in scanned["evidence"] - WHO if f"evidence.{name}" not in catalogue("en")} == set()


@pytest.mark.parametrize("language", [one for one in languages() if one != "en"])
def test_nothing_stays_english(scanned, language):
    """What is the same in both languages was written in the tenants, or nobody translated it.

    Whether rules are translated is seen where they are read through.
    """
    texts = " ".join(" ".join((r.why, r.message, *r.fix.values())) for r in RULES).split()
    titles = [text for r in RULES for text in (r.title, r.action)]
    other, left = catalogue(language), set()
    meant = {said for key, said in catalogue("en").items() if isinstance(said, str) and other[key] == said}
    for line in (scanned["texts"]["en"] & scanned["texts"][language]) - meant:
        rest = reduce(lambda said, title: said.replace(title, ""), titles, line)
        if " " in rest and ENGLISH.search(rest) and " ".join(rest.split()) not in " ".join(texts):
            left.add(line)
    assert left == set()
