"""One rule file as one Rule value: metadata, one select, its own cases.

The file's name is the rule's id. A key nobody knows is an error: a misspelt
`partail = "keep-fails"` must not silently change what a rule means.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from ..errors import RuleError
from . import gate

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "info")
CONFIDENCES = ("certain", "likely", "hint")
TOPICS = ("passwords", "administrators", "sign_ins", "accounts", "apps", "updates", "awareness", "recovery")
EFFORTS = ("minutes", "hours", "days")


@dataclass(frozen=True, slots=True)
class Case:
    """Rows in, verdicts out. `expect` maps subject, or `subject | aspect`, to fail, pass or unknown."""

    name: str
    given: Mapping[str, list[dict[str, Any]]]
    expect: Mapping[str, str]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked, of whom, why it matters, what to do. `fix` maps a connector's name to numbered steps."""

    id: str
    title: str
    severity: Severity
    confidence: str
    topic: str
    nature: Literal["state", "event"]
    subject: str  # the table a subject is a row of: accounts or tenants
    effort: str
    action: str  # what a manager decides, in the imperative: "Set up a second factor"
    why: str
    fix: Mapping[str, str]
    references: tuple[str, ...]
    controls: Mapping[str, tuple[str, ...]]
    parameters: Mapping[str, Any]
    select: str
    partial: Literal["refuse", "keep-fails"]
    cases: tuple[Case, ...]
    reads: frozenset[str]
    columns: frozenset[str]  # every column name the select mentions
    needs: frozenset[str]  # every $parameter the select mentions
    # tables it reads for what they add: it applies without them, and a missing row says nothing
    beside: frozenset[str] = frozenset()
    # where benchmarks contradict each other: which of them the default follows, and why
    follows: str = ""
    # connectors for whose tenants the question does not exist, or another rule asks it
    not_for: frozenset[str] = frozenset()


_REQUIRED = (
    "title",
    "severity",
    "topic",
    "nature",
    "subject",
    "effort",
    "action",
    "why",
    "fix",
    "references",
    "select",
)
_OPTIONAL = {"id": "", "confidence": "certain", "controls": {}, "parameters": {}, "partial": "refuse", "beside": [],
             "not_for": [], "follows": "", "case": []}  # fmt: skip
_WORDS = {
    "severity": SEVERITIES,
    "confidence": CONFIDENCES,
    "topic": TOPICS,
    "nature": ("state", "event"),
    "subject": ("accounts", "tenants"),
    "effort": EFFORTS,
    "partial": ("refuse", "keep-fails"),
}
GIVEN = frozenset({"now", "since", "until", "home_countries", "own_access"})
"""Parameters every scan supplies; a rule declares all others with a default. `own_access` are the ids of the accounts
and applications that this report itself reads the tenant with."""


def parse(name: str, text: str) -> Rule:
    """One rule from the text of `<name>.toml`. Raises RuleError naming file and reason; never half a rule."""

    def refuse(reason: str) -> RuleError:
        return RuleError(f"{name}.toml: {reason}.")

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise refuse(str(error)) from error
    if strange := sorted(raw.keys() - {*_REQUIRED, *_OPTIONAL}):
        raise refuse(f"unknown key {strange[0]!r}")
    if absent := [key for key in _REQUIRED if key not in raw]:
        raise refuse(f"{absent[0]!r} is missing")
    raw = _OPTIONAL | {"id": name} | raw
    if raw["id"] != name:
        raise refuse(f"the id {raw['id']!r} is not the file's name")
    for key, words in _WORDS.items():
        if raw[key] not in words:
            raise refuse(f"{key} is {raw[key]!r}, not one of {', '.join(words)}")
    try:
        seen = gate.inspect(raw["select"])
    except RuleError as error:
        raise refuse(error.detail.rstrip(".")) from error
    if undeclared := sorted(seen.parameters - GIVEN - raw["parameters"].keys()):
        raise refuse(f"parameter ${undeclared[0]} has no default under [parameters]")
    if strange := sorted(set(raw["beside"]) - seen.tables):
        raise refuse(f"beside names {strange[0]!r}, which the select does not read")
    cases = tuple(_cases(name, raw.pop("case")))
    raw["beside"], raw["not_for"] = frozenset(raw["beside"]), frozenset(raw["not_for"])
    controls = {frame: tuple(ids) for frame, ids in raw.pop("controls").items()}
    raw |= {"references": tuple(raw["references"]), "why": raw["why"].strip(), "follows": raw["follows"].strip()}
    return Rule(
        **raw,
        controls=controls, cases=cases, reads=seen.tables, columns=seen.columns, needs=seen.parameters,
    )  # fmt: skip


def _cases(name: str, raw: list[dict[str, Any]]) -> Iterator[Case]:
    for case in raw:
        if strange := sorted(case.keys() - {"name", "given", "expect", "parameters"}):
            raise RuleError(f"{name}.toml: case {case.get('name', '?')!r} has an unknown key {strange[0]!r}.")
        yield Case(case["name"], case.get("given", {}), case["expect"], case.get("parameters", {}))


def load() -> tuple[Rule, ...]:
    """Every rule there is, sorted by id: the package's own, then those of installed rule packs.

    A pack is any package of TOML files registered under the entry point group
    `keyround.rules`. Raises RuleError when one is wrong or an id comes twice.
    """
    folders: list[Traversable] = [files("keyround.rules")]
    folders += [files(point.value) for point in entry_points(group="keyround.rules")]
    rules: dict[str, Rule] = {}
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".toml"):
                rule = parse(file.name.removesuffix(".toml"), file.read_text(encoding="utf-8"))
                if rule.id in rules:
                    raise RuleError(f"{file.name}: a rule with this id exists already.")
                rules[rule.id] = rule
    return tuple(rules[key] for key in sorted(rules))
