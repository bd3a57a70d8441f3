"""Sign-ins to other firms' applications through Google, where Google is the provider of the single sign-on.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/saml
Permission  https://www.googleapis.com/auth/admin.reports.audit.readonly
Plan        every edition; Google keeps the log for 180 days
Gaps        whoever has a session with Google is let through without a word about factors: a success says who was where,
            not how strongly it was proven; no password is asked here, so no failure is a wrong one, nor one that Google
            stopped
Source      https://developers.google.com/workspace/admin/reports/v1/appendix/activity/saml
"""

# Mostly empty, since few tenants use it: one question for the whole window.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.model import SignIn

from .activities import PLACED, SCOPE, Activities, Activity, Event, Network, listing

if TYPE_CHECKING:
    from .admin import Admin

COLUMNS = {
    "networkInfo": ("country", "city", "asn"),
    "regionCode": ("country",),
    "subdivisionCode": ("city",),
    "ipAsn": ("asn",),
    "ipAddress": ("address",),
    "parameters": ("app",),
}


def pages(admin: Admin, window: Window) -> Iterator[bytes | Without]:
    yield from listing(admin, "saml", window.since, window.until, PLACED, COLUMNS)


def rows(page: bytes) -> Iterator[SignIn]:
    for activity in decode(page, Activities).items or []:
        for index, event in enumerate(activity.listed):
            if event.type == "login" or event.name in ("login_success", "login_failure"):
                yield _sign_in(activity, event, index)


def outcome_of(event: Event) -> str | None:
    """The class of one event, None of a new kind.

    A success that carries the code of an error is only a step. So is every failure, whatever its type: whoever gets
    this far has a session already, so that it is neither a wrong password nor a sign-in that Google stopped; the
    application is not for this person, or something between the two services does not fit.
    """
    if event.name == "login_success":
        code = event.text("saml_status_code")
        return "success" if not code or "success" in code else "interrupted"
    if event.name == "login_failure":
        return "interrupted"
    return None


def _sign_in(activity: Activity, event: Event, index: int) -> SignIn:
    (key, when), network = activity.key(), activity.networkInfo or Network()
    account_id, username = activity.whose(event)
    outcome = outcome_of(event)
    why = (*event.texts("failure_type"), *event.texts("saml_second_level_status_code"))
    return SignIn(
        sign_in_id=f"saml/{key}/{index}",
        signed_in_at=when,
        account_id=account_id,
        username=username,
        outcome=outcome,
        error_code=event.name if outcome == "success" else next(iter(why), event.name),
        address=activity.ipAddress or None,
        country=activity.country,
        country_source="provider" if activity.country else None,
        city=network.subdivisionCode if activity.country else None,
        asn=network.asn,
        app=next(iter(event.said("application_name")), None),
        client="saml",
        legacy=False,
        mfa="unknown",
        source="saml",
    )


DATASET = DataSet(
    name="saml_activities",
    fills=(SignIn,),
    pages=pages,
    rows=rows,
    tells="who used Google's single sign-on for other applications, and from where",
    source="https://developers.google.com/workspace/admin/reports/v1/appendix/activity/saml",
    grants=(SCOPE,),
    required=False,  # the sign-in itself is in the login log: what is used after it takes nothing from that
    marks="saml",
)
