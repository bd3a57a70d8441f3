"""How long somebody who must use 2-Step Verification may go on without: an administrator's word, or being new.

Google lets new people in with the password alone for as long as the policy says, counted from their first sign-in;
an administrator can grant one person time. Afterwards Google refuses whoever has not enrolled.

Source  https://support.google.com/a/answer/9176805
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from keyround.connector import Tables
from keyround.model import Account, AuditEvent

from ..wire import instant
from .words import day

GRACE_GRANTED = "second_factor_grace"
"""The word of the audit log for an administrator who lets somebody do without for a while."""

MAY_BE_NEW = (
    "Not enrolled: may still be inside an enrolment period, and until its end the password alone is enough; "
    "afterwards Google refuses the sign-in."
)
LOCKED = "Not enrolled, and no enrolment period is left: Google should refuse the sign-in until an administrator helps."
_FORMATS = (
    "%a %b %d %H:%M:%S %Z %Y", "%b %d, %Y", "%B %d, %Y", "%b %d, %Y %I:%M:%S %p", "%b %d, %Y, %I:%M:%S %p",
    "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d %b %Y", "%d %B %Y",
)  # fmt: skip


First = tuple[datetime | None, datetime | None]
"""Not before, and at the latest."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Time to do without. `over`: None where nobody can say; `ended`: when it was, where there was any.

    `gap`: the same in plain words.
    """

    gap: str
    until: datetime | None = None
    over: bool | None = None
    ended: datetime | None = None


def leave(account: Account, period: float | None, granted: AuditEvent | None, first: First, now: datetime) -> Leave:
    """Of somebody who has not enrolled.

    `period`: seconds that the policy gives new people, None where it is not known. `granted`: the last time an
    administrator gave this person some. `first`: between when and when the first sign-in was, as far as it is known.
    """
    said = (granted.details or [""])[0] if granted else ""
    until = _when(said) if granted else None
    if granted and until is None:
        return Leave(f"Not enrolled: an administrator has granted time until {said or 'some day'}.")
    if until and until > now:
        return Leave(f"Not enrolled: an administrator has granted time until {day(until)}.", until, False)
    if period is None:
        return Leave(MAY_BE_NEW)
    if not period:
        return Leave(LOCKED, over=True, ended=until)
    if account.activity == "never":
        gap = f"Not enrolled: the enrolment period of {period / 86400:g} days begins with the first sign-in."
        return Leave(gap, over=False)
    new_until, at_the_latest = (_later(one, period) for one in first)
    if new_until is None or new_until <= now:
        if at_the_latest is None or at_the_latest > now:
            return Leave(MAY_BE_NEW)
        return Leave(LOCKED, over=True, ended=max(at_the_latest, until or at_the_latest))
    gap = f"Not enrolled: enrolment period until {day(new_until)}, and until then the password alone is enough."
    return Leave(gap, new_until, False)


def granted(tables: Tables) -> dict[str, AuditEvent]:
    """The last time an administrator granted somebody; by id, or by user name in lower case."""
    found: dict[str, AuditEvent] = {}
    for event in tables.rows(AuditEvent):
        if event.action == GRACE_GRANTED and event.succeeded is not False:
            for key in filter(None, (event.target_id, (event.target or "").lower())):
                if key not in found or found[key].happened_at < event.happened_at:
                    found[key] = event
    return found


def _when(said: str) -> datetime | None:
    """An instant as the audit log writes it, in whatever of its ways; a day lasts to its end.

    >>> _when("1796256000"), _when("Dec 3, 2026"), _when("whenever")
    (datetime.datetime(2026, 12, 3, 0, 0), datetime.datetime(2026, 12, 4, 0, 0), None)
    """
    found = instant(said.strip())
    if found and found.year == 1970:
        found = _later(datetime(1970, 1, 1), (found - datetime(1970, 1, 1)).total_seconds() * 1000)
    for form in _FORMATS if found is None else ():
        try:
            found = datetime.strptime(said.strip(), form).replace(tzinfo=None)
        except ValueError:
            continue
        return found if "%H" in form or "%I" in form else found + timedelta(days=1)
    return found


def _later(began: datetime | None, period: float) -> datetime | None:
    try:
        return began + timedelta(seconds=period) if began else None
    except OverflowError:
        return None
