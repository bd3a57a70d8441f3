"""What a rule returned about a subject, in plain words; and who the subject is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from ..engine.results import Finding, Judged, Scan
from ..model import Account
from ..words import country, day, listed, number, say, word
from ..words.sentences import told
from .clean import short
from .known import address

_WORDS = {"methods": "method", "strongest": "strength", "weakest": "strength", "outcome": "outcome", "state": "state",
          "verdict": "verdict", "enforcement": "verdict", "kind": "kind", "exempt_kind": "policy_subject",
          "deleted_kind": "policy_subject", "named_under": "policy_side",
          "password_strength": "password", "password_length": "password", "judged_by": "judged_by", "whose": "whose",
          "located_by": "located_by", "warnings": "risk", "risk_level": "severity", "works": "works",
          "may_consent": "consent", "app_may": "app_may", "used": "used"}  # fmt: skip
_COUNTRIES = frozenset({"country", "countries", "from_country", "to_country"})
_WHO = frozenset({"account", "username", "display_name", "device"})
_IF_ANY = frozenset({"allowed_until", "does_not_fit"})
"""Facts that few have: where there is none, nothing is not known, and nothing is said."""

Who = tuple[str, str]
"""Display name (never empty) and user name (may be) of a subject."""


def names(scan: Scan) -> dict[tuple[str, str], Who]:
    """Who the subjects of all findings and changes are. Holds those alone, however large the directory is.

    Where two people of a tenant share a display name, their user names' first halves tell them apart.
    """
    wanted = {(f.tenant, f.judged.subject) for f in scan.findings if f.rule.subject == "accounts"}
    wanted |= {(change.tenant, change.subject) for change in scan.changes}
    found: dict[tuple[str, str], Who] = {}
    for tenant in scan.tenants if wanted else ():
        here: dict[str, Who] = {}
        for row in scan.rows(Account, tenant.id):
            if (tenant.id, row.account_id) in wanted:
                username = address(row.username) or ""
                here[row.account_id] = (_name(row) or username or row.account_id, username)
        often = dict.fromkeys((name for name, _ in here.values()), 0)
        for row in scan.rows(Account, tenant.id):
            if (name := _name(row)) in often:
                often[name] += 1
        for subject, (name, username) in here.items():
            told_apart = f"{name} ({username.partition('@')[0]})" if often[name] > 1 and username else name
            found[tenant.id, subject] = (told_apart, username)
    return found | {(tenant.id, tenant.id): (tenant.name, "") for tenant in scan.tenants}


def _name(account: Account) -> str:
    return short(account.display_name or "", 80)


def who(finding: Finding, known: dict[tuple[str, str], Who]) -> Who:
    """The subject of `finding`: a device by its name and whose it is; one that is in no table as the rule calls it."""
    account = str(finding.judged.evidence.get("account") or "")
    if finding.rule.subject == "devices":
        owner = address(account) or ""
        device = short(str(finding.judged.evidence.get("device") or finding.who or finding.judged.subject), 80)
        return f"{device} ({owner})" if owner else device, owner
    return named(finding.tenant, finding.judged.subject, account or finding.who, known)


def named(tenant: str, subject: str, account: str, known: dict[tuple[str, str], Who]) -> Who:
    """A subject by its tables; one that is in none is called `account`, and by its id where that is empty."""
    username = address(account) or ""
    return known.get((tenant, subject), (username or subject, username))


def plain(finding: Finding) -> str:
    """One line per fact: `Roles: Global Administrator`; before them the aspect, where no fact says it."""
    judged = finding.judged
    shown = [(name, value) for name, value in judged.evidence.items() if name not in _WHO]
    facts = [f"{label(name)}: {_value(name, value)}" for name, value in shown if value or name not in _IF_ANY]
    return "\n".join([place(judged.aspect), *facts] if judged.aspect and not _said(judged) else facts)


def _said(judged: Judged) -> bool:
    """Whether the facts hold the aspect: as it is, as the day of one, or in parts (a route between countries)."""
    facts = {f"{value:%Y-%m-%d}" if isinstance(value, datetime) else str(value) for value in judged.evidence.values()}
    return judged.aspect in facts or all(part in facts for part in judged.aspect.split("-"))


def place(text: str) -> str:
    """A country by its name, anything else as it is."""
    return country(text) if len(text) == 2 and text.isupper() else text


def case(judged: Judged) -> str:
    """What the aspect is called: the app or policy whose id it is, a country by its name; empty where there is none."""
    called = (judged.evidence.get(column) for column in ("app", "policy"))
    return next((told(str(one)) for one in called if one), place(judged.aspect)) if judged.aspect else ""


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
    if isinstance(value, int | float):
        return number(round(value))
    if isinstance(value, str):
        return _text(column, value)
    if column == "timeline":
        return "\n" + "\n".join(map(_happened, value))
    if isinstance(value, Iterable):
        parts = [_value(column, part) for part in value]
        nothing = say("strength.none" if column in ("methods", "strongest") else "none")
        return ("\n" if any(part.endswith(".") for part in parts) else ", ").join(parts) or nothing
    return str(value)


def _happened(line: str) -> str:
    """One line of a timeline: an instant or a day, a word of the catalogue's group `step`, and what it was about."""
    when, _, rest = line.partition(" ")
    what, _, about = rest.partition(" ")
    moment = datetime.fromisoformat(when.removesuffix("Z"))
    first, _, rest = about.partition(" ")
    about = listed([place(first), rest]) if place(first) != first else word("method", about)
    said = {"day": moment.date(), "time": f"{moment:%H:%M}", "what": word("step", what), "about": about}
    if "T" not in when:  # the time of day is not told
        return say("timeline.about_day" if about else "timeline.bare_day", **said)
    return say("timeline.about" if about else "timeline.bare", **said)


def _text(column: str, value: str) -> str:
    if column in _COUNTRIES:
        return place(value)
    return word(_WORDS[column], value) if column in _WORDS else told(value)
