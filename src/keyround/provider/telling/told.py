"""What the last report that was told said, so that only a change is told again: `STORE/<client>/told.json`.

Findings stand in it by a hash, with their severity. A damaged or missing file costs one message that says nothing new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ...engine.results import Evaluated, Finding, Scan
from ...engine.rule import SEVERITIES
from ...export.standing import takeover
from ...store.disk import put
from .outbox import NEW, refusals

_GRAVE = ("critical", "high")


@dataclass(frozen=True, slots=True)
class Told:
    """`lasting` and `events`: severity by finding. An event that leaves the window is no news; a repair is."""

    stamp: str = ""
    light: str = ""
    lasting: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, str] = field(default_factory=dict)


def read(root: Path) -> Told | None:
    """None where nothing was ever told."""
    try:
        return msgspec.json.decode((root / "told.json").read_bytes(), type=Told)
    except (OSError, ValueError, RecursionError):
        return None


def keep(root: Path, told: Told) -> None:
    """Raises StoreError."""
    with refusals():
        for left in root.glob(f"{NEW}*"):  # of one that was killed here: a client is reported on by one at a time
            left.unlink(missing_ok=True)
        put(root / "told.json", msgspec.json.encode(told))


def now(scan: Scan, stamp: str, light: str, before: Told | None) -> Told:
    """What this scan's report says. What was not looked at again is taken as it was told: a finding, or all that a rule
    said which does not exist any more, does not apply, or could not be evaluated.
    """
    lasting, events = dict[str, str](), dict[str, str]()
    for one in scan.findings:
        into, key = events if one.rule.nature == "event" else lasting, hashed(one)
        if one.counts and one.severity != "info":
            into[key] = one.severity
        elif one.state == "not_rechecked" and before and (was := {**before.lasting, **before.events}.get(key)):
            into[key] = was
    asked = {_place(one.tenant, one.rule.id) for one in scan.results if isinstance(one, Evaluated)}
    for key, severity in before.lasting.items() if before else ():
        if key.partition("/")[0] not in asked:
            lasting.setdefault(key, severity)
    return Told(stamp, light, lasting, events)


def changed(before: Told | None, told: Told, scan: Scan) -> bool:
    """The light, a finding that is new or graver, or one that is gone.

    Not what somebody has accepted since, nor what only a changed rule or setting has found, unless it is grave.
    """
    if before is None or before.light != told.light:
        return True
    accepted = {hashed(one) for one in scan.findings if one.state == "accepted"}
    if before.lasting.keys() - told.lasting.keys() - accepted:
        return True
    was = {**before.lasting, **before.events}
    asked_anew = {hashed(one) for one in scan.findings if one.state == "newly_checked" and one.severity not in _GRAVE}
    today = {**told.lasting, **told.events}
    return any(_graver(severity, was.get(key)) for key, severity in today.items() if key not in asked_anew)


def takeovers(scan: Scan, before: Told | None) -> list[Finding]:
    """Signs of a takeover that were not told yet."""
    was = before.events if before else {}
    found = [one for one in scan.findings if one.counts and takeover(one)]
    return [one for one in found if _graver(one.severity, was.get(hashed(one)))]


def hashed(finding: Finding) -> str:
    return f"{_place(finding.tenant, finding.rule.id)}/{_hash(*finding.key)}"


def _place(tenant: str, rule: str) -> str:
    return _hash(tenant, rule)[:8]


def _hash(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _graver(severity: str, was: str | None) -> bool:
    return was is None or SEVERITIES.index(severity) < SEVERITIES.index(was)
