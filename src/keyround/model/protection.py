"""The one definition of "protected". Printed on the About sheet, used by every sheet and rule.

Registered, capable, enforced and used are four different facts. This word joins
two of them: is a second factor set up, and is it really demanded.
"""

from __future__ import annotations

PROTECTION = (
    "protected",
    "partly",
    "can_switch_off",
    "not_protected",
    "not_verifiable",
    "not_applicable",
    "unknown",
)

_DEMANDED = {"enforced", "security_defaults", "per_user"}
_WITH_GAPS = {"enforced_except_apps", "conditional", "apps_only", "scheduled", "per_user_pending"}
_NO_PERSON = {"service", "sync"}


def protection(registered: bool | None, verdict: str | None, enabled: bool | None, kind: str | None) -> str:
    """One word of PROTECTION for one account; any null that could change the word gives `unknown`.

    >>> protection(True, "enforced", True, "member"), protection(False, "enforced", True, "member")
    ('protected', 'not_protected')
    >>> protection(None, "enforced", True, "member"), protection(False, None, None, "member")
    ('unknown', 'unknown')
    """
    if enabled is False or verdict == "blocked" or kind in _NO_PERSON:
        return "not_applicable"
    if enabled is None:
        return "unknown"
    if verdict == "third_party":
        return "not_verifiable"
    if registered is False:
        return "not_protected"
    if registered is None or verdict is None:
        return "unknown"
    if verdict in _DEMANDED:
        return "protected"
    if verdict in _WITH_GAPS:
        return "partly"
    return "can_switch_off" if verdict == "not_enforced" else "unknown"
