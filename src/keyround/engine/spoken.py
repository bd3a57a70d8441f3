"""Rules in another language: what `<language>/<id>.toml` says in place of the rule's own English.

Ours lie in `words/<language>/rules`, those of own folders and of installed packs in a folder named like the language
beside the rules. A text that is missing stays English.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ..errors import RuleError, nearest
from .results import Scan
from .rule import Rule, unbroken

TEXTS = ("title", "action", "why", "follows", "message")
TABLES = ("fix", "meaning")


def spoken(scan: Scan, language: str) -> Scan:
    """The same scan with its rules in `language`. Raises RuleError where a translation is not what it must be."""
    if language == "en":
        return scan
    rules = {result.rule.id: in_language(result.rule, language) for result in scan.results}
    rules |= {f.rule.id: in_language(f.rule, language) for f in scan.findings if f.rule.id not in rules}
    for accepted in scan.accepted:
        if accepted.rule and accepted.rule.id not in rules:
            rules[accepted.rule.id] = in_language(accepted.rule, language)

    def said(one: Any) -> Any:
        return replace(one, rule=rules[one.rule.id])

    return replace(
        scan,
        results=tuple(map(said, scan.results)),
        findings=tuple(map(said, scan.findings)),
        accepted=tuple(
            replace(one, rule=one.rule and rules[one.rule.id], covers=tuple(map(said, one.covers)),
                    back=tuple(map(said, one.back)))
            for one in scan.accepted
        ),
        changes=tuple(replace(c, title=rules[c.rule].title) if c.rule in rules else c for c in scan.changes),
        coded=scan.coded and spoken(scan.coded, language),
    )  # fmt: skip


@functools.cache
def in_language(rule: Rule, language: str) -> Rule:
    """`rule` with every text that has a translation. Raises RuleError."""
    if language == "en" or (found := overlay(rule, language)) is None:
        return rule
    texts: dict[str, Any] = {key: found[key].strip() for key in TEXTS if found.get(key)}
    texts |= {"message": unbroken(found["message"])} if found.get("message") else {}
    texts |= {key: {**getattr(rule, key), **found[key]} for key in TABLES if key in found}
    return replace(rule, **texts)


def overlay(rule: Rule, language: str) -> Mapping[str, Any] | None:
    """What is said of `rule` in `language`, as it stands in its file; None: nothing. Raises RuleError."""
    if (file := _file(rule, language)) is None:
        return None
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise RuleError(f"{file}: cannot be read: {error}.") from error
    for key, value in found.items():
        if key not in TEXTS + TABLES:
            raise RuleError(f"{file}: unknown key {key!r}.", nearest(key, TEXTS + TABLES))
        if not _fits(value, table=key in TABLES):
            raise RuleError(f"{file}: {key} is not {'a table of texts' if key in TABLES else 'text in quotes'}.")
    return found


def _fits(value: Any, table: bool) -> bool:
    if table:
        return isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values())
    return isinstance(value, str)


def _file(rule: Rule, language: str) -> Traversable | None:
    if rule.folder:
        shelves: list[Traversable] = [Path(rule.folder) / language]
    else:
        packs = (files(point.value) for point in entry_points(group="keyround.rules"))
        shelves = [files("keyround.words") / language / "rules", *(pack / language for pack in packs)]
    return next((file for shelf in shelves if (file := shelf / f"{rule.id}.toml").is_file()), None)
