"""Is a second factor demanded of each account: what can be said without reading the policies.

Security defaults answer for everybody. Where they are off, Conditional Access
or per-user settings decide; those are not read yet, so the answer is unknown,
with that reason, and never "no".

Source  https://learn.microsoft.com/entra/fundamentals/security-defaults
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from keyround.connector import Derived, Incomplete, Outcome, Tables
from keyround.model import Account, MfaEnforcement, Setting

DEFAULTS = "Microsoft's security defaults"
NOT_READ = "Security defaults are off, and Conditional Access and per-user policies are not read yet."
NOT_SAID = "Microsoft did not say whether security defaults are on."


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[MfaEnforcement]:
    outcome = outcomes.get("security_defaults")
    reason = outcome.error.detail if isinstance(outcome, Incomplete) else NOT_SAID
    values = {setting.name: setting.value for setting in tables.rows(Setting)}
    on = {"true": True, "false": False}.get(values.get("security_defaults") or "")
    for account in tables.rows(Account):
        if account.enabled is False:
            yield MfaEnforcement(account.account_id, "blocked", reason="The account is switched off.")
        elif on:
            yield MfaEnforcement(
                account.account_id, "security_defaults", enforced_by=[DEFAULTS], gaps=[], phishing_resistant=False
            )
        else:
            yield MfaEnforcement(account.account_id, "unknown", reason=reason if on is None else NOT_READ)


DERIVED = Derived(fills=MfaEnforcement, reads=(Account, Setting), rows=rows)
