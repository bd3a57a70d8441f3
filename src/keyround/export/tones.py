"""Which words are shown in which tone, the same on every sheet."""

from __future__ import annotations

from ..words import word
from .blocks import Tone

LIGHT: dict[Tone, str] = {"bad": "red", "warn": "amber", "good": "green", "unknown": "grey"}

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
}
_GROUPS = {
    "protection": _PROTECTION,
    "severity": _SEVERITY,
    "strength": _STRENGTH,
    "outcome": _OUTCOME,
    "result": _RESULT,
}


def tones(group: str) -> dict[str, Tone]:
    """Words of one group of the catalogue, as said now, with their tones."""
    return {word(group, value): tone for value, tone in _GROUPS[group].items()}
