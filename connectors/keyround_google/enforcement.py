"""Is 2-Step Verification demanded of each person? By Google's own flag, and nothing else yet.

The flag is what Google itself works out for a person from every policy. It does
not say whether somebody is still inside an enrolment period, and people who
sign in through another provider are that provider's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from keyround.connector import Derived, Incomplete, Outcome, Tables
from keyround.model import Account, MfaEnforcement, MfaRegistration, Setting

from .users import ENFORCED

BY = "Google 2-Step Verification"
FLAG = "Google's own flag for this person; which policy is behind it, and single sign-on, are not read."
NOT_ENROLLED = (
    "Not enrolled: will be asked to set it up at the next sign-in, may still be inside an enrolment period, "
    "and until then the password alone is enough."
)


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[MfaEnforcement]:
    flags = {s.scope.removeprefix("account:"): s.value for s in tables.rows(Setting) if s.name == ENFORCED}
    registered = {r.account_id: r.registered for r in tables.rows(MfaRegistration)}
    unread = _unread(outcomes)
    configured = frozenset(config.get("emergency_accounts", ()))
    for account in tables.rows(Account):
        found = _judged(account, flags.get(account.account_id), registered.get(account.account_id), unread)
        # Google has no policies that only watch.
        yield replace(found, report_only=[], emergency=(account.username or "").lower() in configured)


def _judged(account: Account, flag: str | None, registered: bool | None, unread: str) -> MfaEnforcement:
    if account.enabled is False:
        return MfaEnforcement(account.account_id, "blocked", reason="The account is suspended or archived.")
    if flag == "true":
        gaps = [NOT_ENROLLED] if registered is False else []
        return MfaEnforcement(account.account_id, "enforced", enforced_by=[BY], gaps=gaps, reason=FLAG)
    if flag == "false":
        return MfaEnforcement(account.account_id, "not_enforced", enforced_by=[], gaps=[], reason=FLAG)
    return MfaEnforcement(account.account_id, "unknown", reason=unread)


def _unread(outcomes: Mapping[str, Outcome]) -> str:
    """Why a flag that is not there is not there."""
    outcome = outcomes.get("users")
    if isinstance(outcome, Incomplete):
        return f"Google's flag for this person was not read: {outcome.error.detail}"
    return "Google did not say whether 2-Step Verification is enforced for this person."


DERIVED = Derived(fills=MfaEnforcement, reads=(Account, MfaRegistration, Setting), rows=rows)
