"""The facts a finding rests on, as far as they may stand where people are not called by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..engine.results import Finding
from ..presentation import Presentation

_DID = frozenset({
    "country", "countries", "from_country", "to_country", "from_place", "to_place", "from_address", "to_address",
    "city", "addresses", "apps", "app", "programs", "client", "outcome", "risk_level", "warnings", "located_by",
    "looked_up_in", "organisation", "names", "got_in", "accounts_tried", "attempts", "tried", "times", "records",
    "sign_ins", "journeys", "km", "kmh", "by_country", "followed", "timeline", "legacy",
    "elsewhere_before", "remembered_since", "single_factor", "with_second_factor", "with_password_alone",
    "factor_unknown", "first_at", "last_at", "first_seen", "last_seen", "newest_at", "left_at", "arrived_at",
    "last_by_imap", "last_by_pop",
})  # fmt: skip
"""Facts that say what somebody did and nothing else of the account: the only ones told where both are kept apart."""
_SIGNED_IN = ("abroad", "first_country", "impossible_travel", "guessed", "provider_risk")
"""Steps of a timeline that no other sheet shows beside a name."""
_USE = frozenset({
    "country", "countries", "addresses", "last_seen", "last_used", "last_use", "last_attempt", "last_sign_in",
    "last_success_at", "last_noninteractive_at", "last_at", "first_at", "mailbox_used", "does_not_fit", "newest_at",
    "used", "times", "last_by_imap", "last_by_pop", "records", "sign_ins",
})  # fmt: skip
"""Facts that say when and how an account was used, which do not stand beside what is so."""
_WHO = ("account", "username", "display_name")
_MOMENT = re.compile(r"^(\d{4}-\d\d-\d\d)T\S+ ")


def told(finding: Finding, presentation: Presentation) -> dict[str, Any]:
    """Those that may stand there, names still in them. A works council's report has no time of day and no count."""
    event, council = finding.rule.nature == "event", presentation.works_council
    kept: dict[str, Any] = {}
    for name, value in finding.judged.evidence.items():
        if event and presentation.parted:
            if name not in _DID:
                continue
            if name == "timeline":
                value = [_apart(line) for line in value or ()]
        if not event and presentation.use_hidden and name in _USE:
            continue
        if event and council and isinstance(value, int | float) and not isinstance(value, bool):
            continue  # how often somebody did something
        kept[name] = _daily(value) if council else value
    return kept


def called(evidence: Mapping[str, Any], subject: str, table: str, said: Callable[[str], str]) -> dict[str, Any]:
    """The same with people called as `said` has it. Whom it is about says the subject, a row of `table`, alone."""
    kept = {name: value for name, value in evidence.items() if name not in _WHO or table != "accounts"}
    return {name: subject if name == "device" else _each(said, value) for name, value in kept.items()}


def _each(said: Callable[[str], str], value: Any) -> Any:
    if isinstance(value, str):
        return said(value)
    if isinstance(value, Mapping):
        return {name: _each(said, part) for name, part in value.items()}
    return [_each(said, part) for part in value] if isinstance(value, list | tuple) else value


def _apart(line: str) -> str:
    """One line of a timeline: a mail rule or an app let in, told in full, would lead to the name that has one."""
    when, _, told = line.partition(" ")
    return line if told.partition(" ")[0] in _SIGNED_IN else f"{when} changed"


def _daily(value: Any) -> Any:
    """Without the time of day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        return _MOMENT.sub(r"\1 ", value)
    return [_daily(part) for part in value] if isinstance(value, list | tuple) else value
