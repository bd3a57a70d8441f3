"""One rule file as one Rule value: metadata, one select, its own cases.

The file's name is the rule's id. A key nobody knows is an error: a misspelt
`partail = "keep-fails"` must not silently change what a rule means. So is a
value of another type, a table or column that does not exist, and SQL that does
more than read: a rule that loads can be judged.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from ..errors import RuleError, nearest
from ..model import TABLES, columns
from . import gate, whereabouts

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
    line: int = 0  # of the file, where it begins


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked, of whom, why it matters, what to do. `fix` maps a connector's name to numbered steps.

    `file` is what messages call its file, `folder` the folder of own rules it comes from (empty: it came with a
    package), `line` where the select begins in the file.
    """

    id: str
    title: str
    severity: Severity
    confidence: str
    topic: str
    nature: Literal["state", "event"]
    subject: str  # the table a subject is a row of: accounts, devices or tenants
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
    # hours of work: `once`, and for `each` who or what is concerned
    takes: Mapping[str, float] = field(default_factory=dict)
    # connector -> address of the page of its admin console where it is done
    page: Mapping[str, str] = field(default_factory=dict)
    # ready to be sent to the people concerned, or to be read to them on the phone
    message: str = ""
    # where benchmarks contradict each other: which of them the default follows, and why
    follows: str = ""
    # connectors for whose tenants the question does not exist, or another rule asks it
    not_for: frozenset[str] = frozenset()
    # what each parameter means, in words
    meaning: Mapping[str, str] = field(default_factory=dict)
    # the comment above the select: who is in scope, and why it is judged so
    remark: str = ""
    file: str = ""
    folder: str = ""
    line: int = 0

    # Rules are values and their ids unique within a run, so that one can be a key.
    def __hash__(self) -> int:
        return hash((self.id, self.folder))

    def hours(self, concerned: int) -> float:
        """How many hours of work it takes for so many subjects."""
        work = self.work()
        return work.get("once", 0.0) + work.get("each", 0.0) * concerned

    def work(self) -> Mapping[str, float]:
        """Hours once and for each subject, by its own word or by what its effort usually means."""
        return self.takes or _TAKES[self.effort][self.subject != "tenants"]


_TAKES: dict[str, tuple[dict[str, float], dict[str, float]]] = {  # of the whole tenant; of each subject
    "minutes": ({"once": 0.25}, {"each": 0.25}),
    "hours": ({"once": 3.0}, {"once": 1.0, "each": 0.5}),
    "days": ({"once": 16.0}, {"once": 8.0, "each": 0.5}),
}
"""What a rule's effort means in hours where the rule does not say it itself."""

GIVEN = frozenset({"now", "since", "until", "home_countries", "own_access"})
"""Parameters every scan supplies; a rule declares all others with a default. `own_access` are the ids of the accounts
and applications that this report itself reads the tenant with."""
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
VERDICTS = ("fail", "pass", "unknown")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _is_table_of(kind: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(kind(one) for one in value.values())


def _is_instant(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_whole(value)


def _is_parameter(value: Any) -> bool:
    one = _is_text(value) or _is_number(value) or isinstance(value, bool) or _is_instant(value)
    return one or _is_texts(value) or (isinstance(value, list) and all(map(_is_number, value)))


_Kind = tuple[Callable[[Any], bool], str]
_TEXT: _Kind = (_is_text, "text in quotes")
_TEXTS: _Kind = (_is_texts, "a list of texts")
_NAMED_TEXTS: _Kind = (_is_table_of(_is_text), "a table of texts")
_HOURS: _Kind = (
    lambda value: isinstance(value, dict) and value.keys() <= {"once", "each"}
    and all(_is_number(one) and 0 <= one < 1000 for one in value.values()),
    "a table of hours, such as { once = 1, each = 0.25 }",
)  # fmt: skip
_PAGES: _Kind = (
    lambda value: (
        isinstance(value, dict) and all(isinstance(one, str) and one.startswith("https://") for one in value.values())
    ),
    "a table of addresses that begin with https://",
)
_PARAMETER: _Kind = (_is_parameter, "text, a number, true or false, an instant, or a list of texts or numbers")
_REQUIRED: dict[str, _Kind] = {
    "title": _TEXT, "severity": _TEXT, "topic": _TEXT, "nature": _TEXT, "subject": _TEXT, "effort": _TEXT,
    "action": _TEXT, "why": _TEXT, "fix": (_is_table_of(_is_text), "a table of texts, such as fix.m365"),
    "references": _TEXTS, "select": _TEXT,
}  # fmt: skip
_OPTIONAL: dict[str, tuple[Any, _Kind]] = {  # with what stands for them
    "id": ("", _TEXT), "confidence": ("certain", _TEXT), "partial": ("refuse", _TEXT), "follows": ("", _TEXT),
    "beside": ([], _TEXTS), "not_for": ([], _TEXTS), "meaning": ({}, _NAMED_TEXTS),
    "takes": ({}, _HOURS), "page": ({}, _PAGES), "message": ("", _TEXT),
    "parameters": ({}, (_is_table, "a table")),
    "controls": ({}, (_is_table_of(_is_texts), "a table of lists of texts")),
    "case": ([], (lambda value: isinstance(value, list) and all(map(_is_table, value)), "written as [[case]]")),
}  # fmt: skip
_WORDS: dict[str, tuple[str, ...]] = {
    "severity": SEVERITIES,
    "confidence": CONFIDENCES,
    "topic": TOPICS,
    "nature": ("state", "event"),
    "subject": ("accounts", "devices", "tenants"),
    "effort": EFFORTS,
    "partial": ("refuse", "keep-fails"),
}
_CASE: dict[str, tuple[Any, _Kind]] = {
    "name": (None, _TEXT), "expect": (None, _NAMED_TEXTS), "parameters": ({}, (_is_table, "a table")),
    "given": ({}, (_is_table_of(lambda rows: isinstance(rows, list) and all(map(_is_table, rows))),
                   "a table of lists of rows")),
}  # fmt: skip
_CELL: dict[str, _Kind] = {
    "VARCHAR": _TEXT,
    "BOOLEAN": (lambda value: isinstance(value, bool), "true or false"),
    "BIGINT": (_is_whole, "a whole number"),
    "DOUBLE": (_is_number, "a number"),
    "TIMESTAMP": (_is_instant, "an instant in UTC such as 2026-07-30T10:00:00"),
    "VARCHAR[]": _TEXTS,
}


def parse(name: str, text: str, file: str = "", folder: str = "") -> Rule:
    """One rule from the text of `<name>.toml`. Raises RuleError naming file, line and reason; never half a rule.

    `file` and `folder`: what messages call the file, and the folder of own rules it comes from.
    """
    page = _Page(file or f"{name}.toml", text)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, line = re.sub(r" \(at line (\d+), column \d+\)$| \(at end of document\)$", "", str(error)), 0
        if at := re.search(r"at line (\d+)", str(error)):
            line = int(at[1])
        raise page.refuse(reason, line or len(text.rstrip().split("\n"))) from error
    except (ValueError, RecursionError) as error:  # a number or a nesting that Python itself will not read
        raise page.refuse(f"cannot be read: {error}") from error
    for key in raw:
        if key not in _REQUIRED and key not in _OPTIONAL:
            raise page.unknown(key, (*_REQUIRED, *_OPTIONAL), page.of(key))
    if absent := [key for key in _REQUIRED if key not in raw]:
        raise page.refuse(f"{absent[0]!r} is missing")
    for key, kind in (_REQUIRED | {key: kind for key, (_, kind) in _OPTIONAL.items()}).items():
        if key in raw:
            page.typed(key, raw[key], kind, key)
    raw = {key: default for key, (default, _) in _OPTIONAL.items()} | {"id": name} | raw
    if raw["id"] != name:
        raise page.refuse(f"the id {raw['id']!r} is not the file's name", page.of("id"))
    if not ID.fullmatch(name):
        raise page.refuse("an id, and so the file's name, is made of a-z, 0-9 and single hyphens")
    for key, words in _WORDS.items():
        if raw[key] not in words:
            raise page.refuse(f"{key} is {raw[key]!r}, not one of {', '.join(words)}", page.of(key))
    for key, value in raw["parameters"].items():
        page.typed(f"parameters.{key}", value, _PARAMETER, "parameters", key)
    if strange := sorted(raw["meaning"].keys() - raw["parameters"].keys()):
        raise page.refuse(f"meaning explains {strange[0]!r}, which is no parameter", page.of("meaning", strange[0]))
    line = whereabouts.of_value(text, "select", raw["select"])
    try:
        seen = gate.inspect(raw["select"])
    except RuleError as error:
        raise page.refuse(error.detail.rstrip("."), line + (error.line or 0)) from error
    if undeclared := sorted(seen.parameters - GIVEN - raw["parameters"].keys()):
        used = raw["select"].find(f"${undeclared[0]}")
        raise page.refuse(f"parameter ${undeclared[0]} has no default under [parameters]",
                          line + raw["select"].count("\n", 0, max(used, 0)))  # fmt: skip
    if strange := sorted(set(raw["beside"]) - seen.tables):
        raise page.refuse(f"beside names {strange[0]!r}, which the select does not read", page.of("beside"))
    cases = tuple(_cases(page, raw.pop("case"), GIVEN | raw["parameters"].keys()))
    raw |= {key: frozenset(raw[key]) for key in ("beside", "not_for")}
    raw |= {key: raw[key].strip() for key in ("why", "follows")} | {"message": unbroken(raw["message"])}
    raw |= {"references": tuple(raw["references"]), "controls": {k: tuple(ids) for k, ids in raw["controls"].items()}}
    return Rule(
        **raw, cases=cases, reads=seen.tables, columns=seen.columns, needs=seen.parameters,
        remark=whereabouts.above(text, "select"), file=page.file, folder=folder, line=line,
    )  # fmt: skip


def unbroken(text: str) -> str:
    """Paragraphs, each in one line: whoever pastes a message breaks its lines anew."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip()))


@dataclass(frozen=True, slots=True)
class _Page:
    """A rule file while it is read, for messages."""

    file: str
    text: str

    def of(self, *path: str, after: int = 0) -> int:
        return whereabouts.of_key(self.text, path, after)

    def refuse(self, reason: str, line: int = 0) -> RuleError:
        where = f"{self.file}, line {line}" if line else self.file
        return RuleError(f"{where}: {reason}.")

    def unknown(self, key: str, known: Sequence[str], line: int, what: str = "unknown key") -> RuleError:
        error = self.refuse(f"{what} {key!r}", line)
        error.remedy = nearest(key, known)
        return error

    def typed(self, key: str, value: Any, kind: _Kind, *path: str, after: int = 0) -> None:
        """Raises RuleError with the line of `path` where the value is not of that kind."""
        right, said = kind
        if not right(value):
            shown = repr(value) if len(repr(value)) <= 40 else f"{repr(value)[:40]}…"
            raise self.refuse(f"{key} is {shown}, not {said}", self.of(*path, after=after) or after)


def _cases(page: _Page, raw: list[dict[str, Any]], parameters: frozenset[str]) -> Iterator[Case]:
    for number, case in enumerate(raw):
        line = whereabouts.of_entry(page.text, "case", number) or page.of("case")
        called = f"case {case['name']!r}" if isinstance(case.get("name"), str) else f"case {number + 1}"
        for key in case:
            if key not in _CASE:
                raise page.unknown(key, tuple(_CASE), page.of(key, after=line) or line, f"{called} has an unknown key")
        for key, (default, kind) in _CASE.items():
            if default is None and key not in case:
                raise page.refuse(f"{called} has no {key}", line)
            if key in case:
                page.typed(f"{called}: {key}", case[key], kind, key, after=line)
        for key, verdict in case["expect"].items():
            if verdict not in VERDICTS:
                raise page.refuse(f"{called} expects {verdict!r} of {key!r}, not one of {', '.join(VERDICTS)}",
                                  page.of("expect", after=line) or line)  # fmt: skip
        for key, value in case.get("parameters", {}).items():
            if key not in parameters:
                at = page.of("parameters", key, after=line) or line
                raise page.refuse(f"{called} sets {key!r}, which is no parameter of this rule", at)
            page.typed(f"{called}: parameters.{key}", value, _PARAMETER, "parameters", key, after=line)
        for table, rows in case.get("given", {}).items():
            _rows(page, called, table, rows, line)
        yield Case(case["name"], case.get("given", {}), case["expect"], case.get("parameters", {}), line)


def _rows(page: _Page, called: str, table: str, rows: list[dict[str, Any]], line: int) -> None:
    """Every row of a case has the columns that make it one, no others, and in them what they can hold."""

    def at(*name: str) -> int:
        return page.of("given", table, *name, after=line) or page.of("given", table, after=line) or line

    if table not in TABLES:
        raise page.unknown(table, tuple(TABLES), at(), f"{called} gives rows of an unknown table")
    known = {column.name: column for column in columns(TABLES[table])}
    for row in rows:
        for name, value in row.items():
            if name not in known:
                raise page.unknown(name, tuple(known), at(name), f"{called}: {table} has no column")
            page.typed(f"{called}: {table}.{name}", value, _CELL[known[name].sql], "given", table, name, after=line)
        for name in TABLES[table].KEY:
            if not known[name].nullable and name != "scope" and name not in row:
                raise page.refuse(f"{called}: a row of {table} has no {name}", at())


def load(folders: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """Every rule there is, sorted by id: the package's own, those of installed rule packs, those in `folders`.

    A pack is any package of TOML files registered under the entry point group
    `keyround.rules`. Raises RuleError when one is wrong or an id comes twice.
    """
    rules: dict[str, Rule] = {}
    for shelf in (_installed(), *(_shelf(folder, str(folder)) for folder in folders)):
        for rule in shelf:
            if rule.id in rules:
                first = rules[rule.id]
                whose = f"{first.folder} holds" if first.folder else "Keyround comes with"
                raise RuleError(f"{rule.file}: {whose} a rule of this id already.", "Give the file another name.")
            rules[rule.id] = rule
    return tuple(rules[key] for key in sorted(rules))


@functools.cache
def _installed() -> tuple[Rule, ...]:
    """The package's own rules and those of installed packs, which do not change while we run."""
    packs = [files("keyround.rules"), *(files(point.value) for point in entry_points(group="keyround.rules"))]
    return tuple(rule for pack in packs for rule in _shelf(pack, ""))


def _shelf(shelf: Traversable, folder: str) -> Iterator[Rule]:
    try:
        found = sorted((file for file in shelf.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    except OSError as error:
        raise RuleError(f"{folder or shelf}: the folder of rules cannot be read: {error.strerror}.",
                        "Correct `rules` in keyround.toml, or make the folder.") from error  # fmt: skip
    for file in found:
        yield read(file, folder, str(file) if folder else file.name)


def read(file: Traversable, folder: str, called: str) -> Rule:
    """The rule of one file, which messages call `called`. Raises RuleError."""
    try:
        text = file.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except OSError as error:
        raise RuleError(
            f"{called}: cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise RuleError(f"{called}: is not UTF-8 text: {error.reason}.", "Save it again as UTF-8.") from error
    return parse(file.name.removesuffix(".toml"), text, called, folder)
