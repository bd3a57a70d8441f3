"""The common words for second factors, and how strong each one is.

Connectors translate their provider's words into these; a word nobody knows yet
is kept as it came, counts as no class, and never as "none". A printed backup code does open the door as a second
factor, and is as easily read out to a stranger as a text message: weak.

Source  https://learn.microsoft.com/entra/identity/authentication/concept-authentication-methods
"""

from __future__ import annotations

from collections.abc import Iterable

STRENGTHS = ("none", "weak", "strong", "phishing_resistant")
"""Weakest first. `none`: exists, but is no second factor (a recovery address, a security question)."""

STRENGTH: dict[str, str] = {
    "passkey": "phishing_resistant",
    "security_key": "phishing_resistant",
    "windows_hello": "phishing_resistant",
    "platform_credential": "phishing_resistant",
    "certificate": "phishing_resistant",
    "authenticator_push": "strong",
    "authenticator_passwordless": "strong",
    "phone_prompt": "strong",
    "one_time_code_app": "strong",
    "one_time_code_token": "strong",
    "external_provider": "strong",
    "mobile_phone": "weak",
    "alternate_phone": "weak",
    "office_phone": "weak",
    "backup_code": "weak",
    "password": "none",
    "email": "none",
    "security_question": "none",
    "temporary_pass": "none",
    "qr_code": "none",
}


def strongest(methods: Iterable[str]) -> str | None:
    """The best class among `methods`; None when a word is unknown and nothing known is phishing-resistant.

    >>> strongest(["mobile_phone", "authenticator_push"]), strongest([]), strongest(["mobile_phone", "newWord"])
    ('strong', 'none', None)
    """
    found = [STRENGTH.get(word) for word in methods]
    best = max((STRENGTHS.index(s) for s in found if s), default=0)
    return None if None in found and STRENGTHS[best] != "phishing_resistant" else STRENGTHS[best]


def weakest(methods: Iterable[str]) -> str | None:
    """The weakest class that works as a second factor; `none` when there is no second factor, None when unknown.

    >>> weakest(["passkey", "mobile_phone", "email"]), weakest(["email"]), weakest(["newWord"])
    ('weak', 'none', None)
    """
    found = [STRENGTH.get(word) for word in methods]
    factors = [STRENGTHS.index(s) for s in found if s and s != "none"]
    if factors and min(factors) == STRENGTHS.index("weak"):
        return "weak"
    if None in found:
        return None
    return STRENGTHS[min(factors)] if factors else "none"
