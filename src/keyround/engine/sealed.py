"""What is sealed with each scan: who failed which rule, who passed, whom it could not tell. No evidence.

    {"schema": 2, "taken_at": ..., "since": ..., "until": ...,
     "tenants": [{"id", "name", "whole", "accounts", "names", "strangers": {subject: who that is},
                  "devices": null where not all of them are known}],
     "rules":   [{"tenant", "rule", "title", "severity", "digest", "nature", "subject",
                  "whole", "accounts", "others": [[subject, aspect, letter, severity or null], ...]}]}

A tenant's `accounts` are its account ids, sorted, one a line, and so are its `devices`; `names` are who those accounts
are that failed anything, `strangers` what devices and whatever else failed is called; a rule's
`accounts` are one letter for each of them: f(ail), p(ass), u(nknown), or - where the rule did not ask of it. All these
are deflated and in base64, so that fifty thousand accounts under forty rules stay small. Whatever is no account of the
list, or has an aspect or a severity of its own, stands among `others`. A rule that was not evaluated has neither; one
that does not apply says so. Schema 1, until 0.1.0, had plain lists, and neither window nor accounts; it is read for
ever.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from ..connector import Window
from .evaluate import empties
from .results import DoesNotApply, Evaluated, Result, Verdict
from .rule import SEVERITIES, Rule, Severity

Key = tuple[str, str]
"""(subject, aspect), ids bare."""
Place = tuple[str, str]
"""(tenant, rule id)."""
SCHEMA = 2
_LETTER: dict[Verdict, str] = {"fail": "f", "pass": "p", "unknown": "u"}
_VERDICT: dict[str, Verdict] = {letter: verdict for verdict, letter in _LETTER.items()}
_WIDEST = timedelta(days=180)  # where a window was not kept: as wide as one may be


@dataclass(frozen=True, slots=True)
class Directory:
    """One tenant's accounts: their ids, sorted, and whether these are all. `names`: who they are, and what devices are
    called. `devices`: the ids of all of them; None where they are not all known."""

    name: str = ""
    accounts: tuple[str, ...] = ()
    whole: bool = False
    names: dict[str, str] = field(default_factory=dict)
    devices: frozenset[str] | None = None

    def holds(self, table: str, subject: str) -> bool | None:
        """Whether what a rule about accounts or devices failed is still there; None where nobody can say."""
        if table == "devices":
            return None if self.devices is None else subject in self.devices
        return self.place(subject) is not None or (False if self.whole else None)

    def place(self, account: str) -> int | None:
        """Where the account stands in the list; None where it does not."""
        found = bisect_left(self.accounts, account)
        return found if found < len(self.accounts) and self.accounts[found] == account else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one rule said about one tenant.

    `whole`: absence means something, because no subject can be missing for want of a table. `digest` changes when the
    rule's select or its effective parameters do. `letters` is None when the rule was not evaluated or does not apply.
    `nature` and `subject` are empty where schema 1 did not keep them.
    """

    title: str
    severity: Severity
    digest: str
    nature: Literal["state", "event", ""] = ""
    subject: str = ""
    whole: bool = False
    applies: bool = True
    letters: str | None = None
    others: Mapping[Key, tuple[Verdict, Severity | None]] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)

    def verdict(self, key: Key) -> Verdict | None:
        """None: nothing was said about it."""
        if (said := self.others.get(key)) is not None:
            return said[0]
        if key[1] or not self.letters or (place := self.directory.place(key[0])) is None:
            return None
        return _VERDICT.get(self.letters[place])

    def mentions(self, subject: str) -> bool:
        """Something was said about the subject, whatever the aspect."""
        return self.verdict((subject, "")) is not None or any(key[0] == subject for key in self.others)

    def keys(self, verdict: Verdict) -> dict[Key, Severity | None]:
        """Every key with that verdict, and its own severity where it has one."""
        accounts, letter = self.directory.accounts, _LETTER[verdict]
        found: dict[Key, Severity | None] = {
            (accounts[place.start()], ""): None for place in re.finditer(letter, self.letters or "")
        }
        return found | {key: severity for key, (said, severity) in self.others.items() if said == verdict}


@dataclass(frozen=True, slots=True)
class Sealed:
    """One scan's answers. `tenants` holds every tenant that was scanned."""

    taken_at: datetime
    window: Window
    tenants: Mapping[str, Directory]
    answers: Mapping[Place, Answer]


def digest(rule: Rule) -> str:
    """Short and stable: which question was asked. Texts and cases do not count."""
    asked = json.dumps([rule.select, rule.parameters], default=str, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:12]


def seal(taken_at: datetime, window: Window, tenants: Mapping[str, Directory], results: Iterable[Result]) -> Sealed:
    """What is kept of one scan's results. `tenants` hold the accounts in the order that `Directory` asks for."""
    results = sorted(results, key=lambda r: (r.tenant, r.rule.id))
    strangers: dict[str, dict[str, str]] = {tenant: {} for tenant in tenants}
    for result in results:  # who failed and is in no list is called what the rule calls it
        called_by = "device" if result.rule.subject == "devices" else "account"
        for judged in result.judged if isinstance(result, Evaluated) else ():
            if judged.verdict == "fail" and (said := judged.evidence.get(called_by)):
                strangers[result.tenant][judged.subject] = str(said)
    called = {tenant: replace(directory, names={**strangers[tenant], **directory.names})
              for tenant, directory in tenants.items()}  # fmt: skip
    answers = {(result.tenant, result.rule.id): _answer(result, called[result.tenant]) for result in results}
    return Sealed(taken_at, window, called, answers)


def _answer(result: Result, directory: Directory) -> Answer:
    rule = result.rule
    if not isinstance(result, Evaluated):
        applies = not isinstance(result, DoesNotApply)
        return Answer(rule.title, rule.severity, digest(rule), rule.nature, rule.subject, applies=applies)
    letters = bytearray(b"-" * len(directory.accounts))
    others = {}
    for judged in result.judged:
        own = judged.severity if judged.verdict == "fail" else None
        place = None if judged.aspect or own else directory.place(judged.subject)
        if place is None:
            others[judged.subject, judged.aspect] = (judged.verdict, own)
        else:
            letters[place] = ord(_LETTER[judged.verdict])
    whole = not any(empties(rule, name) for name in result.missing)
    return Answer(rule.title, rule.severity, digest(rule), rule.nature, rule.subject, whole, True,
                  letters.decode(), others, directory)  # fmt: skip


def as_json(sealed: Sealed) -> dict[str, Any]:
    """The compact form, written once beside the snapshot. `from_json` reads it back; names only of who failed."""
    failed: dict[str, set[str]] = {tenant: set() for tenant in sealed.tenants}
    for (tenant, _), answer in sealed.answers.items():
        failed[tenant].update(subject for subject, _ in answer.keys("fail"))
    return {
        "schema": SCHEMA,
        "taken_at": sealed.taken_at.isoformat(),
        "since": sealed.window.since.isoformat(),
        "until": sealed.window.until.isoformat(),
        "tenants": [_directory_as_json(tenant, of, failed[tenant]) for tenant, of in sealed.tenants.items()],
        "rules": [_rule_as_json(*place, answer) for place, answer in sealed.answers.items()],
    }


def _directory_as_json(tenant: str, directory: Directory, failed: set[str]) -> dict[str, Any]:
    names = {key: " ".join(directory.names.get(key, "").split()) for key in sorted(failed)}
    return {
        "id": tenant,
        "name": directory.name,
        "whole": directory.whole,
        "accounts": packed("\n".join(directory.accounts)),
        "names": packed("\n".join(names.pop(key, "") for key in directory.accounts)),
        "strangers": {key: name for key, name in names.items() if name},
        "devices": None if directory.devices is None else packed("\n".join(sorted(directory.devices))),
    }


def _directory_from_json(raw: Mapping[str, Any]) -> Directory:
    accounts = tuple(unpacked(raw["accounts"]).split("\n")) if raw["accounts"] != _EMPTY else ()
    called = zip(accounts, unpacked(raw["names"]).split("\n"), strict=False)
    names = {key: name for key, name in called if name}
    devices = raw.get("devices")
    known = None if devices is None else frozenset(filter(None, unpacked(devices).split("\n")))
    return Directory(raw["name"], accounts, raw["whole"], names | raw["strangers"], known)


def _rule_as_json(tenant: str, rule: str, answer: Answer) -> dict[str, Any]:
    said: dict[str, Any] = {"tenant": tenant, "rule": rule, "title": answer.title, "severity": answer.severity,
                            "digest": answer.digest, "nature": answer.nature, "subject": answer.subject}  # fmt: skip
    if answer.letters is None:
        return said if answer.applies else said | {"applies": False}
    others = [[*key, _LETTER[verdict], own] for key, (verdict, own) in sorted(answer.others.items())]
    return said | {"whole": answer.whole, "accounts": packed(answer.letters), "others": others}


def from_json(raw: Mapping[str, Any]) -> Sealed:
    """What `as_json` wrote, of this schema or an older one. Raises ValueError for anything else."""
    try:
        return _first_schema(raw) if raw["schema"] == 1 else _second_schema(raw)
    except (KeyError, TypeError, AttributeError, IndexError, zlib.error) as error:
        raise ValueError(f"no sealed results: {error!r}") from error


def _second_schema(raw: Mapping[str, Any]) -> Sealed:
    if raw["schema"] != SCHEMA:
        raise ValueError("sealed by a later version")
    tenants = {one["id"]: _directory_from_json(one) for one in raw["tenants"]}
    answers = {(one["tenant"], one["rule"]): _answer_from_json(one, tenants[one["tenant"]]) for one in raw["rules"]}
    window = Window(datetime.fromisoformat(raw["since"]), datetime.fromisoformat(raw["until"]))
    return Sealed(datetime.fromisoformat(raw["taken_at"]), window, tenants, answers)


def _answer_from_json(raw: Mapping[str, Any], directory: Directory) -> Answer:
    asked = (raw["title"], severity(raw["severity"]), raw["digest"], raw["nature"], raw["subject"])
    if "accounts" not in raw:
        return Answer(*asked, applies=raw.get("applies", True))
    letters = unpacked(raw["accounts"])
    if len(letters) != len(directory.accounts):
        raise ValueError(f"{raw['rule']} speaks of {len(letters)} accounts")
    others = {(subject, aspect): (_VERDICT[letter], own and severity(own))
              for subject, aspect, letter, own in raw["others"]}  # fmt: skip
    return Answer(*asked, raw["whole"], True, letters, others, directory)


def _first_schema(raw: Mapping[str, Any]) -> Sealed:
    """Until 0.1.0. `since` and `until` are the manifest's, where the store could add them."""
    taken_at = datetime.fromisoformat(raw["taken_at"])
    since = datetime.fromisoformat(raw["since"]) if "since" in raw else taken_at - _WIDEST
    until = datetime.fromisoformat(raw["until"]) if "until" in raw else taken_at
    answers = {}
    for one in raw["rules"]:
        asked = ("", severity(one["severity"]), one["digest"])
        answer = Answer(*asked, applies=one.get("applies", True))
        if "fail" in one:
            others: dict[Key, tuple[Verdict, Severity | None]] = {
                (key, "") if isinstance(key, str) else (key[0], key[1]): (verdict, None)
                for verdict in _LETTER for key in one[verdict]
            }  # fmt: skip
            answer = Answer(*asked, whole=one["whole"], letters="", others=others)
        answers[one["tenant"], one["rule"]] = answer
    return Sealed(taken_at, Window(since, until), {tenant: Directory() for tenant, _ in answers}, answers)


def severity(word: str) -> Severity:
    """Raises ValueError for a word that is none."""
    return SEVERITIES[SEVERITIES.index(word)]


def packed(text: str) -> str:
    return b64encode(zlib.compress(text.encode(), 6)).decode("ascii")


def unpacked(text: str) -> str:
    return zlib.decompress(b64decode(text)).decode()


_EMPTY = packed("")
