"""Which second factors people have, and how strong: put together from what Google tells in different places.

The directory says whether there is one, of this moment. The usage report counts security keys and passkeys, as of a
day some days back. The login log shows what people really got in with. Nobody lists the rest: text messages, prompts
and apps that were set up and not used lately are not to be seen. So what stands here is certain, and not all there is.

Source  https://support.google.com/a/answer/9176657
"""

# Three rules. The directory's flag is never overruled by a report that lags behind it. Zero keys counted before
# somebody enrolled says nothing of today. And a text message that was used does not show that nothing better is set
# up, as nothing better than an app used does not show that no text message is.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from keyround.connector import NOT_READ_THEN, Complete, Derived, Incomplete, Outcome, Tables
from keyround.errors import CollectError, NotEnabled
from keyround.model import (
    AccessPolicy,
    Account,
    AccountMeasure,
    FactorUse,
    Group,
    GroupMember,
    LicenseAssignment,
    MfaRegistration,
    OrgUnit,
    RoleAssignment,
)
from keyround.model.methods import STRENGTH

from .two_step import allowed_factors, allows

DIRECTORY = "users.list"
COUNTED = ("passkey", "security_key")
"""What the usage report counts."""
FLOOR = {
    "ALL": "weak",
    "NO_TELEPHONY": "strong",
    "PASSKEY_PLUS_SECURITY_CODE": "strong",
    "PASSKEY_PLUS_IP_BOUND_SECURITY_CODE": "strong",
    "PASSKEY_ONLY": "phishing_resistant",
}
"""The weakest class that each set of allowed factors lets in, by Google's word for the set."""
COLUMNS = ("registered", "capable", "methods", "strongest", "weakest")
TOLD_BY_REPORT = ("methods", "strongest")
UNTOLD = NotEnabled(
    "Google counts security keys and passkeys, and its log shows what was used; other second factors that are set up "
    "are listed nowhere.",
    "Nothing to repair: ask the person, or look under Directory > Users > (the person) > Security.",
    "Of Google accounts the report names the second factors that are certain; there may be others.",
)
DAY = timedelta(days=1)

Used = Mapping[str, datetime | None]
"""Second factors somebody got in with, and when last."""


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[MfaRegistration]:
    measured = {row.account_id: row for row in tables.rows(AccountMeasure)}
    used: dict[str, dict[str, datetime | None]] = defaultdict(dict)
    for use in tables.rows(FactorUse):
        if STRENGTH.get(use.method) != "none":
            used[use.account_id][use.method] = use.last_at
    allowed_to = allowed_factors(tables, outcomes, now)
    allowed = {account.account_id: allowed_to(account) for account in tables.rows(Account)}
    for row in tables.rows(MfaRegistration):
        key = row.account_id
        yield completed(row, measured.get(key), used.get(key, {}), allowed.get(key))


def completed(
    row: MfaRegistration, measure: AccountMeasure | None, used: Used, allowed: str | None = None
) -> MfaRegistration:
    """What the directory said of one account, with everything that is certain of its second factors.

    `allowed` is Google's word for the set of factors that the winning policy allows; None: not known.
    """
    if row.registered is not True:
        return row
    counts = {} if measure is None else {"passkey": measure.passkeys, "security_key": measure.security_keys}
    known_since = measure.as_of + DAY if measure and measure.as_of else None
    found = {method for method, count in counts.items() if count}
    found |= {method for method, last in used.items() if counts.get(method) is None or _after(last, known_since)}
    resistant = any(STRENGTH.get(method) == "phishing_resistant" for method in found)
    # Used in the window and counted as none since: taken away, or the report is behind. Neither is certain.
    none_counted = (
        bool(counts)
        and all(count == 0 for count in counts.values())
        and measure is not None
        and measure.enrolled is not False
        and not any(STRENGTH.get(method) == "phishing_resistant" for method in used)
    )
    return replace(
        row,
        capable=_capable(found, resistant, none_counted, allowed),
        methods=sorted(found) or None,
        strongest=_strongest(found, resistant, none_counted),
        weakest=_weakest(found, allowed),
        updated_at=measure.as_of if measure and any(count is not None for count in counts.values()) else None,
        source=_source(measure, used),
    )


def _strongest(found: set[str], resistant: bool, none_counted: bool) -> str | None:
    if resistant:
        return "phishing_resistant"
    return "strong" if none_counted and any(STRENGTH.get(method) == "strong" for method in found) else None


def _weakest(found: set[str], allowed: str | None) -> str | None:
    """The class of the weakest way in, where nothing weaker can be among what is not seen."""
    floor = FLOOR.get(allowed or "", "weak")
    reached = any(STRENGTH.get(method) == floor for method in found if allows(allowed, method) is not False)
    return floor if reached else None


def _capable(found: set[str], resistant: bool, none_counted: bool, allowed: str | None) -> bool | None:
    """Is one of the factors set up also allowed? False only where a key is needed and none is there."""
    if allowed == "ALL" or any(allows(allowed, method) for method in found):
        return True
    return False if none_counted and not resistant and (allowed or "").startswith("PASSKEY") else None


def _after(when: datetime | None, day: datetime | None) -> bool:
    return when is not None and day is not None and when >= day


def _source(measure: AccountMeasure | None, used: Used) -> str:
    parts = [DIRECTORY]
    if measure and measure.as_of:
        stale = ", before enrolment" if measure.enrolled is False else ""
        parts.append(f"usage report of {measure.as_of.date()}{stale}")
    if used:
        parts.append("sign-ins of the window")
    return "; ".join(parts)


def untold(outcomes: Mapping[str, Outcome]) -> dict[str, CollectError]:
    """Why columns stay empty: who has an account was not read, keys were not counted, or nobody tells the rest."""
    users, usage = outcomes.get("users"), outcomes.get("usage")
    without: dict[str, CollectError] = dict.fromkeys(("methods", "strongest", "weakest"), UNTOLD)
    if usage is None:
        uncounted: CollectError | None = NotEnabled(NOT_READ_THEN, "Scan again.")
    elif isinstance(usage, Incomplete):
        uncounted = usage.error
    else:
        told = usage.without if isinstance(usage, Complete) else {}
        uncounted = told.get("security_keys") or told.get("passkeys")
    if uncounted:
        without |= dict.fromkeys(TOLD_BY_REPORT, uncounted)
    if isinstance(users, Incomplete):
        return dict.fromkeys(COLUMNS, users.error)
    if isinstance(users, Complete):
        without |= {column: error for column, error in users.without.items() if column in COLUMNS}
    return without


DERIVED = Derived(
    fills=MfaRegistration,
    reads=(
        MfaRegistration, AccountMeasure, FactorUse, Account, AccessPolicy, OrgUnit, Group, GroupMember,
        RoleAssignment, LicenseAssignment,
    ),
    rows=rows,
    untold=untold,
)  # fmt: skip
