"""Short names of actions and findings, the same in every report: what people's notes hang on.

An action's is made of tenant and rule, a finding's of its whole key; so a note survives new evidence, new names and
another language.
"""

from __future__ import annotations

import base64
import hashlib

from ..engine.results import Finding

_LENGTH = 8


def of_action(tenant: str, rule: str) -> str:
    """`A-` and eight letters and digits, none of which is taken for another."""
    return f"A-{_short(tenant, rule)}"


def of_finding(finding: Finding) -> str:
    """`F-` and eight letters and digits."""
    return f"F-{_short(*finding.key)}"


def _short(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii")[:_LENGTH]  # A-Z and 2-7: no 0, no 1
