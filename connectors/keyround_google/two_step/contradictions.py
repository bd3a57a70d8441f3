"""Where Google's own flag, its policies, its usage report and its log do not fit together, and what may be behind it.

A change of a policy takes up to 24 hours to arrive at everybody; the usage report is some days old. Neither is a fault,
and both pass: what stays is worth a look.

Source  https://knowledge.workspace.google.com/kb/000008884 (how long changes take)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from keyround.model import AccountMeasure

from .demand import Demand
from .leave import Leave
from .people import Profile
from .words import STEP, day

PROPAGATION = timedelta(hours=24)


def against_policy(flag: bool, demand: Demand, who: Profile, leave: Leave | None, now: datetime) -> Iterator[str]:
    """The flag says one thing, and every policy that may be in force the other."""
    if flag and not demand.words & {"on", "unclear"}:
        found = f"Google's own flag says that {STEP} is enforced, but no policy does"
        if demand.words == {"scheduled"}:
            found = f"Google's own flag says that {STEP} is enforced already, the policy says later"
        if who.admin:
            yield f"{found}: Google demands it of administrators by itself."
        elif who.admin is None:
            yield f"{found}: a change takes up to 24 hours, or Google counts the person as an administrator."
        else:
            yield f"{found}: a change takes up to 24 hours, or it comes through something no API shows."
    elif not flag and demand.words == {"on"}:
        found = f"By the policies {STEP} is enforced, but Google's own flag says that it is not"
        if max(demand.dates) > now - PROPAGATION:
            yield f"{found} yet: it began less than a day ago, and takes up to 24 hours."
        elif leave:
            yield f"{found} yet. {leave.gap}"
        elif demand.spared:
            yield (
                f"{found}: it is switched off for {demand.spared} by a policy that should not count here, but may; or "
                "a change is on its way, which takes up to 24 hours."
            )
        else:
            yield f"{found}: a change takes up to 24 hours to arrive."


def against_report(measure: AccountMeasure, flag: bool, registered: bool) -> Iterator[str]:
    """Google's own verdict of some days ago is not what its flags of today come to."""
    if measure.protected is None or measure.protected is (flag and registered):
        return
    if measure.protected and registered and measure.enforced is False:
        return  # enrolled of one's own accord: nobody says whether Google calls that protected
    as_of = f" of {day(measure.as_of)}" if measure.as_of else ""
    said = "protected" if measure.protected else "not protected"
    changed = measure.enrolled not in (None, registered) or measure.enforced not in (None, flag)
    then = "it has changed since" if changed else "the report is some days old, or rests on something not shown here"
    yield f"Google's usage report{as_of} calls the account {said}, its flags of today say otherwise: {then}."


def against_programs(measure: AccountMeasure, demand: Demand) -> Iterator[str]:
    """Old programs are let in by Google's measure of some days ago, and kept out by the policies."""
    if measure.less_secure_apps and demand.old_programs is False:
        as_of = f" of {day(measure.as_of)}" if measure.as_of else ""
        yield (
            f"Google's usage report{as_of} says that programs that send nothing but the password are let in, the "
            "policies say that they are not: the report is some days old, or rests on something not shown here."
        )


def against_log(bare_at: datetime, demand: Demand, leave: Leave) -> Iterator[str]:
    """Somebody who must use it, has not enrolled and has no time left got in with the password alone."""
    if not leave.over or any(bare_at <= since + PROPAGATION for since in demand.dates):
        return
    if leave.ended is None or bare_at > leave.ended:
        yield (
            f"Signed in with the password alone on {day(bare_at)}, though it is enforced, nothing is enrolled and no "
            "enrolment period is left: single sign-on, an exemption we could not read, or a change that had not "
            "arrived yet (up to 24 hours)."
        )
