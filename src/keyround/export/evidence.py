"""What a rule returned about a subject, in plain words; and who the subject is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from ..engine.results import Finding, Scan
from ..model import Account
from ..words import country, day, say, word

_WORDS = {"methods": "method", "strongest": "strength", "weakest": "strength", "outcome": "outcome", "state": "state",
          "verdict": "verdict", "enforcement": "verdict", "kind": "kind"}  # fmt: skip
_SAID_ELSEWHERE = frozenset({"account", "username", "display_name"})

Who = tuple[str, str]
"""Display name (never empty) and user name (may be) of a subject."""


def names(scan: Scan) -> dict[tuple[str, str], Who]:
    """Who the subjects of all findings are. Holds those alone, however large the directory is.

    Where two people of a tenant share a display name, the user name is added.
    """
    wanted = {(f.tenant, f.judged.subject) for f in scan.findings if f.rule.subject == "accounts"}
    found: dict[tuple[str, str], Who] = {}
    for tenant in scan.tenants if wanted else ():
        here: dict[str, Who] = {}
        for row in scan.rows(Account, tenant.id):
            if (tenant.id, row.account_id) in wanted:
                username = row.username or ""
                here[row.account_id] = (row.display_name or username or row.account_id, username)
        often = dict.fromkeys((name for name, _ in here.values()), 0)
        for row in scan.rows(Account, tenant.id):
            if row.display_name in often:
                often[row.display_name] += 1
        for subject, (name, username) in here.items():
            told_apart = f"{name} ({username})" if often[name] > 1 and username else name
            found[tenant.id, subject] = (told_apart, username)
    return found | {(tenant.id, tenant.id): (tenant.name, "") for tenant in scan.tenants}


def who(finding: Finding, known: dict[tuple[str, str], Who]) -> Who:
    """The subject of `finding`; one that is in no table is called what the rule calls it."""
    account = str(finding.judged.evidence.get("account") or "")
    return known.get((finding.tenant, finding.judged.subject), (account or finding.judged.subject, account))


def aspect(finding: Finding) -> str:
    """A country by its name, anything else as it is."""
    text = finding.judged.aspect
    return country(text) if len(text) == 2 and text.isupper() else text


def plain(finding: Finding) -> str:
    """One line per fact: `Roles: Global Administrator`."""
    facts = finding.judged.evidence.items()
    return "\n".join(f"{label(name)}: {_value(name, value)}" for name, value in facts if name not in _SAID_ELSEWHERE)


def label(column: str) -> str:
    """An evidence column as people call it; one that no catalogue knows loses its underscores."""
    said = word("evidence", column)
    return said if said != column else column.replace("_", " ").capitalize()


def _value(column: str, value: Any) -> str:
    if value is None:
        return say("unknown")
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, datetime | date):
        return day(value)
    if isinstance(value, str):
        return _text(column, value)
    if isinstance(value, Iterable):
        return ", ".join(_value(column, part) for part in value) or say("none")
    return str(value)


def _text(column: str, value: str) -> str:
    if column in ("country", "countries") and len(value) == 2:
        return country(value)
    return word(_WORDS[column], value) if column in _WORDS else value
