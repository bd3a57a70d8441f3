"""Words that are no name wherever they stand in a report: those of our own sentences, and what is no secret."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from ..engine.results import Scan
from ..engine.rule import Rule
from ..model import RoleAssignment
from ..words import catalogue, language
from .scrub import words

_WORD = re.compile(r"[^\W_]+")


def our_words(scan: Scan) -> frozenset[str]:
    """Every word, exactly as written, that the report may say by itself: catalogue, rules, countries, months."""
    texts = [text for result in scan.results for text in _of_rule(result.rule)]
    texts += [covered.tells for covered in scan.coverage]
    for _, _, error in scan.gaps():
        texts += [error.therefore, error.remedy]
    return _catalogues(tuple(sorted({"en", language(), scan.presentation.language}))) | frozenset(_split(texts))


def kept(scan: Scan) -> frozenset[str]:
    """Names that stand in the report in any case, as `Index` has them: of client, tenants, provider and roles."""
    by = scan.presentation.provider
    names = [scan.client_name, by.name, by.contact]
    roles = set()
    for tenant in scan.tenants:
        names += [tenant.name, tenant.domain or "", tenant.connector_title, *tenant.plans]
        roles |= {row.role for row in scan.rows(RoleAssignment, tenant.id) if row.role}
    names += sorted(roles)
    parts = [word for name in names for word in words(name)]
    return frozenset([*parts, *(" ".join(words(name)) for name in names), by.contact.casefold()]) - {""}


@functools.cache
def _catalogues(languages: tuple[str, ...]) -> frozenset[str]:
    from babel import Locale

    texts: list[str] = []
    for one in languages:
        for key, entry in catalogue(one).items():
            texts += [key, *([entry] if isinstance(entry, str) else entry.values())]
        locale = Locale.parse(one)
        texts += locale.territories.values()
        texts += [name for width in locale.months["format"].values() for name in width.values()]
    return frozenset(_split(texts))


def _of_rule(rule: Rule) -> Iterator[str]:
    yield from (rule.title, rule.action, rule.why, rule.follows, rule.message, *rule.fix.values(), *rule.controls)
    yield from rule.meaning.values()


def _split(texts: list[str]) -> Iterator[str]:
    return (found[0] for text in texts for found in _WORD.finditer(text))
