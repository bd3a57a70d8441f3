"""Which words are shown in which tone, the same on every sheet."""

from __future__ import annotations

from ..words import word
from .blocks import Tone

LIGHT: dict[Tone, str] = {"bad": "red", "warn": "amber", "good": "green", "unknown": "grey", "signed": "blue"}

_PROTECTION: dict[str, Tone] = {
    "protected": "good",
    "partly": "warn",
    "can_switch_off": "warn",
    "not_protected": "bad",
    "not_verifiable": "unknown",
    "unknown": "unknown",
}
_SEVERITY: dict[str, Tone] = {"critical": "bad", "high": "bad", "medium": "warn"}
_STRENGTH: dict[str, Tone] = {"phishing_resistant": "good", "weak": "warn", "none": "bad"}
_OUTCOME: dict[str, Tone] = {"success": "bad", "stopped_after_password": "bad", "blocked": "warn"}
_RESULT: dict[str, Tone] = {
    "failed": "bad",
    "passed": "good",
    "unknown": "unknown",
    "not_checked": "unknown",
    "accepted": "signed",
}
_ACCEPTED: dict[str, Tone] = {
    "worse": "bad",
    "expired": "bad",
    "unknown_rule": "warn",
    "unknown_subject": "warn",
    "unknown_tenant": "warn",
    "unread_subject": "unknown",
    "unread_members": "unknown",
    "expires_soon": "warn",
    "not_checked": "unknown",
    "in_force": "signed",
}
_STATE: dict[str, Tone] = {
    "new": "bad",
    "worse": "bad",
    "reopened": "bad",
    "newly_checked": "warn",
    "not_rechecked": "unknown",
    "fixed": "good",
}
_GROUPS = {
    "protection": _PROTECTION,
    "severity": _SEVERITY,
    "strength": _STRENGTH,
    "outcome": _OUTCOME,
    "result": _RESULT,
    "accepted_state": _ACCEPTED,
    "finding_state": _STATE,
}


def tones(group: str) -> dict[str, Tone]:
    """Words of one group of the catalogue, as said now, with their tones."""
    return {word(group, value): tone for value, tone in _GROUPS[group].items()}
