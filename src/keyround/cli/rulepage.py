"""The page of one rule, for a screen of 80 columns: all that a report may say about it, and what it rests on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..connector import Connector, DataSet
from ..engine.rule import SEVERITIES, Case, Rule
from ..model import COMPUTED, NAME, TABLES, columns
from ..words import word
from .lines import broken

WIDTH = 80
FRAMES = {
    "cis_m365": "CIS Microsoft 365 Foundations Benchmark v7.0.0",
    "cis_google": "CIS Google Workspace Foundations Benchmark v1.3.0",
    "scuba_m365": "CISA SCuBA baselines for Microsoft 365 (ScubaGear)",
    "scuba_google": "CISA SCuBA baselines for Google Workspace (ScubaGoggles)",
}
_CONFIDENCE = {
    "certain": "certain: a finding is a fact",
    "likely": "likely: a finding usually holds; ask before acting",
    "hint": "a hint: worth a look, often harmless",
}
_NATURE = {
    "state": "a state: found until somebody changes it",
    "event": "an event: found while it lies in the days that a scan looks back on",
}
_SUBJECT = {"accounts": "each account", "devices": "each computer and phone", "tenants": "the organisation as a whole"}

_EACH = {"accounts": "account", "devices": "device", "tenants": "finding"}


def page(rule: Rule, connectors: Mapping[str, Connector[Any]], sql: bool, cases: bool) -> str:
    """The rule as text. `connectors` by name: they say what fills the tables that it reads."""
    return "\n".join(_lines(rule, connectors, sql, cases))


def asked(rule: Rule, connectors: Mapping[str, Connector[Any]]) -> list[str]:
    """Where the question is really put: not where the rule leaves it to others, nor where no data could answer it."""
    return [name for name, reader in connectors.items() if name not in rule.not_for and _offers(reader, rule)]


def _offers(reader: Connector[Any], rule: Rule) -> bool:
    filled = {*(table for one in reader.datasets for table in one.fills), *(one.fills for one in reader.derived)}
    return {TABLES[name] for name in rule.reads - {*rule.beside} - COMPUTED} <= filled


def _lines(rule: Rule, connectors: Mapping[str, Connector[Any]], sql: bool, cases: bool) -> Iterator[str]:
    yield rule.title
    yield rule.id + (f"  (own rule: {rule.file})" if rule.folder else "")
    yield ""
    yield from _facts(rule, connectors)
    yield from _headed("Why", _wrapped(rule.why))
    if rule.remark:
        yield from _headed("Who and how", _wrapped(rule.remark))
    where = asked(rule, connectors)
    for provider, steps in rule.fix.items():
        if provider in connectors and provider not in where:
            continue  # what to do about a question that is not put there
        begin = [f"  Begin at {rule.page[provider]}"] if provider in rule.page else []
        yield from _headed(f"What to do in {_title(provider, connectors)}", [*begin, *_steps(steps)])
    if rule.message:
        yield from _headed("What to tell the people concerned", _wrapped(rule.message))
    if rule.parameters:
        yield from _headed("Parameters, with their defaults", _parameters(rule))
    if rule.follows:
        yield from _headed("Where benchmarks contradict each other", _wrapped(rule.follows))
    if rule.controls:
        yield from _headed("Controls", _controls(rule))
    yield from _headed("References", [f"  {reference}" for reference in rule.references])
    yield from _headed("Reads", _reads(rule, connectors))
    if sql:
        yield from _headed("Select", [f"  {line}" for line in rule.select.strip().split("\n")])
    if cases:
        yield from _headed("Cases", (line for case in rule.cases for line in _case(case)))


def _headed(head: str, lines: Iterator[str] | list[str]) -> Iterator[str]:
    yield ""
    yield head
    yield from lines


def _facts(rule: Rule, connectors: Mapping[str, Connector[Any]]) -> Iterator[str]:
    severity = word("severity", rule.severity)
    others = [word("severity", level) for level in _case_severities(rule) if level != rule.severity]
    where = asked(rule, connectors)
    not_asked = [_title(name, connectors) for name in sorted({*connectors, *rule.not_for} - {*where})]
    for label, text in (
        ("Severity", severity + (f"; single cases may be {' or '.join(others)}" if others else "")),
        ("Confidence", _CONFIDENCE[rule.confidence]),
        ("Topic", word("topic", rule.topic)),
        ("Nature", _NATURE[rule.nature]),
        ("Asks about", f"{_SUBJECT[rule.subject]} in {' and '.join(_title(name, connectors) for name in where)}"),
        ("Not asked in", f"{' and '.join(not_asked)}: no such question there, no data for it, or another rule asks it"
         if not_asked else ""),
        ("Do", rule.action),
        ("Effort", f"{rule.effort.capitalize()}: {_work(rule)}"),
    ):  # fmt: skip
        if text:
            yield broken(f"{label:<14}", text, width=WIDTH)


def _work(rule: Rule) -> str:
    """1 hour, and 15 minutes for each account."""
    work, each = rule.work(), _EACH[rule.subject]
    said = [_hours(work["once"])] if work.get("once") else []
    return ", and ".join([*said, *([f"{_hours(work['each'])} for each {each}"] if work.get("each") else [])])


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{round(hours * 60)} minutes"
    return f"{hours:g} hour{'s' if hours != 1 else ''}"


def _case_severities(rule: Rule) -> list[str]:
    """Levels that the select itself names, where it returns a severity of single cases."""
    if not re.search(r"\bseverity\b", rule.select):
        return []
    return [level for level in SEVERITIES if f"'{level}'" in rule.select]


def _title(name: str, connectors: Mapping[str, Connector[Any]]) -> str:
    return connectors[name].title if name in connectors else name


def _wrapped(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        if number:
            yield ""
        yield broken("  ", " ".join(paragraph.split()), width=WIDTH)


def _steps(steps: str) -> Iterator[str]:
    for step in re.split(r"\n(?=\d+\. )", steps.strip()):
        number, _, text = step.partition(" ")
        yield broken(f"  {number} ", " ".join(text.split()), width=WIDTH)


def _parameters(rule: Rule) -> Iterator[str]:
    for name, value in rule.parameters.items():
        meaning = f": {rule.meaning[name]}" if name in rule.meaning else ""
        said = f"{name} = {_shown(value)}{meaning}".replace("|", "| ")  # where a pattern without blanks may be broken
        yield broken("  ", said, hang="    ", width=WIDTH).replace("| ", "|")


def _controls(rule: Rule) -> Iterator[str]:
    for frame, ids in rule.controls.items():
        yield broken("  ", f"{FRAMES.get(frame, frame)}: {', '.join(ids)}", hang="    ", width=WIDTH)


def _reads(rule: Rule, connectors: Mapping[str, Connector[Any]]) -> Iterator[str]:
    """Each table with the questions that fill it, and what has to be granted or bought for each."""
    for name in sorted(rule.reads):
        about = (TABLES[name].__doc__ or "").split("\n")[0].rstrip(".")
        beside = "; does without it" if name in rule.beside else ""
        yield broken("  ", f"{name}: {about[:1].lower()}{about[1:]}{beside}.", hang="    ", width=WIDTH)
        for key, reader in connectors.items():
            if key not in rule.not_for:
                for said in dict.fromkeys(_filled(name, rule, reader)):
                    yield broken("      ", f"{reader.title}: {said}", hang="        ", width=WIDTH)
    yield broken("  ", "`keyround tables TABLE` explains every column.", width=WIDTH)


def _filled(name: str, rule: Rule, reader: Connector[Any]) -> Iterator[str]:
    table = TABLES[name]
    for derived in reader.derived:
        if derived.fills is table:
            rest = [NAME[one] for one in derived.reads if one is not table]
            yield f"worked out from {', '.join(rest)}"
    filling = [dataset for dataset in reader.datasets if table in dataset.fills]
    for dataset in filling:
        yield _needs(dataset)
        of_table = {column.name for column in columns(table)}
        for needs in dict.fromkeys(dataset.optional.values()):
            read = [c for c, why in dataset.optional.items() if why == needs and c in rule.columns & of_table]
            if read:
                yield f"{', '.join(read)}: {_short(needs)} as well"
    if not filling and name in COMPUTED and not any(derived.fills is table for derived in reader.derived):
        yield "worked out from other tables"
    elif not filling and name not in COMPUTED:
        yield "has no such table, so this check does not apply" if name not in rule.beside else "has no such table"


def _needs(dataset: DataSet[Any, Any]) -> str:
    plan = word("plan", dataset.needs_plan) if dataset.needs_plan else ""
    needs = " and ".join(filter(None, (*map(_short, dataset.grants), plan)))
    instead = f", in place of {dataset.stands_in_for} where that cannot be read" if dataset.stands_in_for else ""
    module = f", part of the optional module {dataset.module!r}" if dataset.module else ""
    return f"{dataset.name} needs {needs or 'nothing'}{instead}{module}"


def _short(grant: str) -> str:
    """A scope without the address that all of them begin with."""
    return grant.removeprefix("https://www.googleapis.com/auth/")


def _case(case: Case) -> Iterator[str]:
    yield broken("  * ", case.name, width=WIDTH)
    for name, value in case.parameters.items():
        yield broken("      ", f"with {name} = {_shown(value)}", hang="        ", width=WIDTH)
    for table, rows in case.given.items():
        for row in rows:
            cells = ", ".join(f"{name} = {_shown(value)}" for name, value in row.items())
            yield broken("      ", f"{table}: {cells}", hang="        ", width=WIDTH)
    for key, verdict in case.expect.items():
        yield broken("      ", f"-> {key}: {verdict}", hang="        ", width=WIDTH)
    if not case.expect:
        yield "      -> nobody is in scope"


def _shown(value: Any) -> str:
    """A value as TOML writes it."""
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False)
