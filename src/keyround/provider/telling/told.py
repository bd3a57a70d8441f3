"""What the last report that was told said, so that only a change is told again: `STORE/<client>/told.json`.

Findings stand in it by a hash, with their severity. A damaged or missing file costs one message that says nothing new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ...engine.results import Finding, Scan
from ...engine.rule import SEVERITIES
from ...export.standing import takeover
from .outbox import put, refusals


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
        put(root / "told.json", msgspec.json.encode(told))


def now(scan: Scan, stamp: str, light: str, before: Told | None) -> Told:
    """What this scan's report says. What could not be looked at again is taken as it was told."""
    lasting, events = dict[str, str](), dict[str, str]()
    for one in scan.findings:
        into, key = events if one.rule.nature == "event" else lasting, hashed(one)
        if one.counts and one.severity != "info":
            into[key] = one.severity
        elif one.state == "not_rechecked" and before and (was := {**before.lasting, **before.events}.get(key)):
            into[key] = was
    return Told(stamp, light, lasting, events)


def changed(before: Told | None, told: Told) -> bool:
    """The light, a finding that is new or graver, or one that is gone."""
    if before is None or before.light != told.light or before.lasting.keys() - told.lasting.keys():
        return True
    was = {**before.lasting, **before.events}
    return any(_graver(severity, was.get(key)) for key, severity in (*told.lasting.items(), *told.events.items()))


def takeovers(scan: Scan, before: Told | None) -> list[Finding]:
    """Signs of a takeover that were not told yet."""
    was = before.events if before else {}
    found = [one for one in scan.findings if one.counts and takeover(one)]
    return [one for one in found if _graver(one.severity, was.get(hashed(one)))]


def hashed(finding: Finding) -> str:
    return hashlib.sha256("\0".join(finding.key).encode()).hexdigest()[:16]


def _graver(severity: str, was: str | None) -> bool:
    return was is None or SEVERITIES.index(severity) < SEVERITIES.index(was)
