"""Sign-ins to Google accounts, from the login log.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/login
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the log for 180 days
Gaps        mail programs and other clients without a browser are mostly absent (the usage report knows of them); a
            record may arrive hours late; people who sign in elsewhere by SAML leave only the success; no device named
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login
"""

# Asked for day by day and without a filter: Google allows ten times as many unfiltered questions, and a day that has
# come whole is never asked for again. What the log holds besides sign-ins is noted in passing: see login_signals.

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from keyround.connector import Arrived, DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import SignIn

from . import login_signals
from .activities import KEPT, PLACED, SCOPE, Activities, Activity, Event, Network, listing

if TYPE_CHECKING:
    from .admin import Admin

SOURCE = "https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login"
COLUMNS = {
    "networkInfo": ("country", "city", "asn"),
    "regionCode": ("country",),
    "subdivisionCode": ("city",),
    "ipAsn": ("asn",),
    "ipAddress": ("address",),
}
WORDS = tomllib.loads(resources.files(__package__).joinpath("outcomes.toml").read_text("utf-8"))
OUTCOMES: dict[str, str] = WORDS["outcomes"]
STATUSES: dict[str, str] = {word: status for status, words in WORDS["statuses"].items() for word in words}
FIRST = frozenset(WORDS["methods"]["first"])
SECOND: dict[str, str] = WORDS["second"]
MAIL: dict[str, str] = WORDS["mail"]
PASSWORDLESS = FIRST | frozenset(WORDS["methods"]["passwordless"])
NO_PASSWORD = frozenset(WORDS["clients"]["no_password"])
LEGACY = frozenset(WORDS["clients"]["legacy"])
SOON = timedelta(minutes=10)
LINKING = (b"login_verification", b"saml")
"""Without these words in it, no record of a day says anything about another one."""

Day = bytes | tuple[bytes, ...]
"""One page of the log, or all the pages of a day."""


def pages(admin: Admin, window: Window) -> Iterator[Day | Without | Arrived]:
    for since, until in days(window):
        day: list[bytes] = []
        try:
            for page in listing(admin, "login", since, until, PLACED, COLUMNS):
                if isinstance(page, Without):
                    yield page
                    continue
                day.append(page)
                login_signals.note(admin.noted, page)
        except CollectError:
            yield tuple(day)
            raise
        yield tuple(day)
        admin.noted.login_since = since
        # What lies before the log's reach has come too: it is gone for ever.
        yield Arrived(window.since if since == window.until - KEPT else since, until)


def days(window: Window) -> Iterator[tuple[datetime, datetime]]:
    """The window cut at midnight, newest first, and no further back than the log reaches."""
    since, until = max(window.since, window.until - KEPT), window.until
    while until > since:
        midnight = (until - timedelta(microseconds=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        start = max(midnight, since)
        yield start, until
        until = start


class Told(NamedTuple):
    """One event about a sign-in, its class, and what its record says of it."""

    event: Event
    outcome: str | None
    activity: Activity
    sign_in_id: str
    when: datetime
    account_id: str | None
    username: str | None

    @property
    def who(self) -> Who:
        """Without an address a record is like no other."""
        return self.account_id or self.username, self.activity.ipAddress or self.sign_in_id.rpartition("/")[0]


Who = tuple[str | None, str]
"""An account and the address it was used from."""


@dataclass(slots=True)
class Seen:
    """When each account got in from each address, when another provider vouched for it, and the second steps that it
    passed.

    Every day is judged for itself, so that it comes out the same however it was cut into pages and whichever days
    were fetched with it.
    """

    entered: dict[Who, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: dict[Who, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    steps: dict[Who, list[tuple[datetime, Event]]] = field(default_factory=lambda: defaultdict(list))


def rows(day: Day) -> Iterator[SignIn]:
    bodies = (day,) if isinstance(day, bytes) else day
    seen = Seen()
    if any(word in body for word in LINKING for body in bodies):
        for body in bodies:
            _look(seen, _told(body))
    for body in bodies:  # read again rather than kept: a day may be long
        for one in _told(body):
            event, outcome = one.event, one.outcome
            proof, counts = None, True
            if event.name == "login_success":
                steps = seen.steps.get(one.who, ()) if seen.steps else ()
                proof = next((step for when, step in steps if when <= one.when <= when + SOON), None)
            elif is_second_step(event):
                # A step and the success after it tell of one use of the factor: it stands with the success.
                proof, counts = event, not _soon(seen.entered, one)
            elif event.name == "login_failure" and _only_passed_on(event) and _soon(seen.elsewhere, one):
                outcome = "interrupted"
            yield _sign_in(one, outcome, mfa(event, proof), method(event, proof) if counts else None)


def _told(body: bytes) -> Iterator[Told]:
    for activity in decode(body, Activities).items or ():
        for index, event in enumerate(activity.listed):
            outcome = outcome_of(event)
            if outcome != "none":
                key, when = activity.key()
                yield Told(event, outcome, activity, f"{key}/{index}", when, *activity.whose(event))


def outcome_of(event: Event) -> str | None:
    """The class of one event, `none` when it is not about a sign-in; None of a new kind of sign-in."""
    outcome = OUTCOMES.get(event.name or "", None if event.type == "login" else "none")
    if outcome != "step":
        return outcome
    methods = set(event.texts("login_challenge_method"))
    status = challenge(event)
    if status == "failed" and not event.is_true("is_second_factor") and methods and methods <= PASSWORDLESS:
        return "failure"
    return str(WORDS["steps"][status])


def challenge(event: Event) -> str:
    """passed, failed or unknown: how a challenge ended."""
    return STATUSES.get(event.text("login_challenge_status").strip(), "unknown")


def is_second_step(event: Event) -> bool:
    """A second factor was asked for and given."""
    return event.name == "login_verification" and event.is_true("is_second_factor") and challenge(event) == "passed"


def mfa(event: Event, proof: Event | None) -> str:
    """`satisfied` and `single_factor` only on evidence. `proof` is a second step passed on the way to this success."""
    if is_second_step(event):
        return "satisfied"
    if event.name != "login_success":
        return "unknown"
    methods = set(event.texts("login_challenge_method"))
    if proof or methods & SECOND.keys():
        return "satisfied"
    if methods == {"password"} and event.text("login_type") not in NO_PASSWORD:
        return "single_factor"
    return "unknown"


def method(event: Event, proof: Event | None) -> str | None:
    """The second factor that was really used, or else a code by mail: the last named. A failure proves nothing.

    A word of Google's that we do not know is kept where Google itself calls the step a second factor.
    """
    if proof:
        named = [(SECOND | MAIL).get(word, word) for word in proof.texts("login_challenge_method") if word not in FIRST]
        if named:
            return named[-1]
    if event.name != "login_success":
        return None
    words = event.texts("login_challenge_method")
    known = [SECOND[word] for word in words if word in SECOND] or [MAIL[word] for word in words if word in MAIL]
    return known[-1] if known else None


def _look(seen: Seen, told: Iterable[Told]) -> None:
    for one in told:
        if one.event.name == "login_success":
            seen.entered[one.who].append(one.when)
            if one.event.text("login_type") == "saml":
                seen.elsewhere[one.who].append(one.when)
        elif is_second_step(one.event):
            seen.steps[one.who].append((one.when, one.event))


def _soon(times: Mapping[Who, Sequence[datetime]], one: Told) -> bool:
    return any(one.when <= when <= one.when + SOON for when in times.get(one.who, ()))


def _only_passed_on(event: Event) -> bool:
    """A failed password that may be nobody's.

    Google writes one when it sends people on to another provider from a device it does not know, and then their
    success.
    """
    return event.name == "login_failure" and event.text("login_type") in ("google_password", "")


def _sign_in(one: Told, outcome: str | None, factors: str, used: str | None) -> SignIn:
    event, network, region = one.event, one.activity.networkInfo or Network(), one.activity.country
    suspicious = event.is_true("is_suspicious") or (event.name or "").startswith("suspicious_")
    return SignIn(
        sign_in_id=one.sign_in_id,
        signed_in_at=one.when,
        account_id=one.account_id,
        username=one.username,
        outcome=outcome,
        error_code=event.name,
        address=one.activity.ipAddress or None,
        country=region,
        country_source="provider" if region else None,
        city=network.subdivisionCode if region else None,
        asn=network.asn,
        client=event.text("login_type") or None,
        legacy=True if event.name in LEGACY else None,
        mfa=factors,
        source="interactive",
        risk="suspicious" if suspicious else None,
        method=used,
    )


DATASET: DataSet[Admin, Any] = DataSet(
    name="login_activities",
    fills=(SignIn,),
    pages=pages,
    rows=rows,
    tells="who signed in, from where, and how",
    source=SOURCE,
    grants=(SCOPE,),
    factors=True,
)
