"""What Google's own usage report measured of each account: keys and passkeys, the password, IMAP and POP really used.

Endpoint    GET /admin/reports/v1/usage/users/all/dates/{date}
Permission  https://www.googleapis.com/auth/admin.reports.usage.readonly
Plan        every edition
Gaps        the report is two to four days old, so every row says of which day it speaks; times of mail go 30 days
            back; people who joined since are not in it
Source      https://developers.google.com/workspace/admin/reports/v1/guides/manage-usage-users
            https://developers.google.com/workspace/admin/reports/v1/appendix/usage/user/accounts
            https://developers.google.com/workspace/admin/reports/v1/appendix/usage/user/gmail
"""

# Which day is ready nobody says beforehand, so it is searched for: two days back first, then the day that a refusal
# names or the day before. A day counts once both applications we ask about are in it. Gmail is often a day behind:
# one request more for a day on which all columns agree costs less than reading two days. Where Gmail stays away for
# longer, the newest day of the accounts is read and the columns of Gmail are reported as missing.

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import NotEnabled, Unexpected
from keyround.model import AccountMeasure

from .refusals import newest_day
from .wire import EPOCH, Wire, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.reports.usage.readonly"
SOURCE = "https://developers.google.com/workspace/admin/reports/v1/guides/manage-usage-users"
PACIFIC = timedelta(hours=-8)
"""The days of the report are those of UTC-8, in summer too."""
LAG = timedelta(days=2)
DAY = timedelta(days=1)
TRIES = 8
"""Days that are tried: the first, and at most seven after it."""
PATIENCE = timedelta(days=3)
"""How far behind the accounts we look for a day that has Gmail too."""

ACCOUNTS, GMAIL = "accounts", "gmail"
OLD_MAIL, MAIL = "old_mail_known", "mail_known"
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "accounts:is_2sv_enrolled": ("enrolled",),
    "accounts:is_2sv_enforced": ("enforced",),
    "accounts:is_2sv_protected": ("protected",),
    "accounts:num_security_keys": ("security_keys",),
    "accounts:num_passkeys_enrolled": ("passkeys",),
    "accounts:password_strength": ("password_strength",),
    "accounts:password_length_compliance": ("password_length",),
    "accounts:is_less_secure_apps_access_allowed": ("less_secure_apps",),
    "accounts:num_authorized_apps": ("authorized_apps",),
    "accounts:timestamp_last_sso": ("single_sign_on_at",),
    "gmail:is_gmail_enabled": (),
    "gmail:timestamp_last_imap": ("imap_at", OLD_MAIL),
    "gmail:timestamp_last_pop": ("pop_at", OLD_MAIL),
    "gmail:timestamp_last_interaction": ("mail_at", MAIL),
    "gmail:timestamp_last_webmail": (),
}
"""What is asked for, and the columns that stay empty where the server knows no such parameter."""
OLDER = {
    "accounts:timestamp_last_sso": "accounts:last_sso_time",
    "gmail:timestamp_last_imap": "gmail:last_imap_time",
    "gmail:timestamp_last_pop": "gmail:last_pop_time",
    "gmail:timestamp_last_interaction": "gmail:last_interaction_time",
    "gmail:timestamp_last_webmail": "gmail:last_webmail_time",
}
"""Names of the same before Google renamed them; answers may still carry them whichever was asked for."""
MASK = (
    "nextPageToken,warnings(code,message,data),usageReports(date,entity(type,profileId),"
    "parameters(name,intValue,boolValue,stringValue,datetimeValue))"
)

_TOO_NEW = re.compile(r"(?i)later than|greater than|not yet available|check back later")
_APPLICATION = re.compile(r"(?i)application \W*(\w+)")

Scalar = str | int | float | bool | None


class Pair(Wire):
    key: Scalar = None
    value: Scalar = None


class Warned(Wire):
    code: Scalar = None
    message: str | None = None
    data: list[Pair] | None = None


class Entity(Wire):
    type: str | None = None
    profileId: str | int | None = None


class Measure(Wire):
    name: str | None = None
    intValue: Scalar = None
    boolValue: Scalar = None
    stringValue: Scalar = None
    datetimeValue: Scalar = None


class Report(Wire):
    date: str | None = None
    entity: Entity | None = None
    parameters: list[Measure] | None = None


class Reports(Wire):
    usageReports: list[Report] | None = None
    warnings: list[Warned] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the report of `day`."""

    body: bytes
    day: date


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    asked = list(PARAMETERS)
    day = first = (window.until + PACIFIC).date() - LAG
    without_gmail: date | None = None
    for _ in range(TRIES):
        begun: list[bytes] = []
        report = _listed(admin, day, asked)
        try:
            for page in report:
                if isinstance(page, Without):
                    yield page
                    continue
                begun.append(page)
                if decode(page, Reports).usageReports:
                    break
        except Unexpected as error:
            day = _earlier(day, error)
            continue
        missing = _missing(begun) & {name.partition(":")[0] for name in asked}
        if missing == {GMAIL}:
            without_gmail = without_gmail or day
        if not missing:
            yield from (Page(body, day) for body in begun)
            yield from _of(day, report)
            return
        day -= DAY
        if without_gmail and day < without_gmail - PATIENCE:
            break
    if without_gmail is None:
        raise NotEnabled(
            f"Google has no whole usage report for {first} or the days before it.",
            "Nothing to repair: Google makes it by itself, of a new tenant after some days.",
        )
    columns = [column for name, columns in PARAMETERS.items() if name.startswith(GMAIL) for column in columns]
    yield Without(tuple(dict.fromkeys(columns)), _no_gmail(without_gmail))
    yield from _of(without_gmail, _listed(admin, without_gmail, [n for n in asked if not n.startswith(GMAIL)]))


def _of(day: date, report: Iterator[bytes | Without]) -> Iterator[Page | Without]:
    for page in report:
        yield page if isinstance(page, Without) else Page(page, day)


def _listed(admin: Admin, day: date, asked: list[str]) -> Iterator[bytes | Without]:
    """The report of one day. A parameter that the server does not know leaves `asked`, or gets its older name."""
    collection = admin.reports.userUsageReport()
    paged = SimpleNamespace(list=collection.get, list_next=collection.get_next)
    while True:
        try:
            yield from admin.listing(
                paged, (SCOPE,), {}, userKey="all", date=day.isoformat(), customerId=admin.customer, maxResults=1000,
                parameters=",".join(asked), fields=MASK,
            )  # fmt: skip
            return
        except Unexpected as error:
            name = _unknown(asked, error)
            if name is None:
                raise
            place = asked.index(name)
            if name in OLDER:
                asked[place] = OLDER[name]
                continue
            del asked[place]
            known_as = next((new for new, old in OLDER.items() if old == name), name)
            nothing = "Nothing to repair: Google does not measure it here."
            yield Without(PARAMETERS[known_as], NotEnabled(error.detail, nothing, code=error.code))


def _unknown(asked: list[str], error: Unexpected) -> str | None:
    """Which of the parameters a refusal complains about."""
    if not re.search(r"(?i)invalid|unknown|parameter", error.detail):
        return None
    words = set(re.findall(r"\w+", error.detail))
    return next((name for name in asked if name.partition(":")[2] in words), None) if len(asked) > 1 else None


def _earlier(day: date, error: Unexpected) -> date:
    """The day to try where `day` is refused as too new. Raises `error` where it is about something else."""
    if not _TOO_NEW.search(error.detail):
        raise error
    named = newest_day(error.detail)
    if named and named < day:
        return named
    return day - DAY


def _missing(begun: list[bytes]) -> set[str]:
    """The applications of ours that the report of a day lacks, by its first pages up to one with people in it."""
    read = [decode(body, Reports) for body in begun]
    if not any(page.usageReports for page in read):
        return {ACCOUNTS, GMAIL}
    warnings = [warned for page in read for warned in page.warnings or ()]
    return {application for warned in warnings for application in _about(warned)} & {ACCOUNTS, GMAIL}


def _about(warned: Warned) -> set[str]:
    """The applications a warning names; both where it only says that something is not there yet."""
    named = {str(pair.value).lower() for pair in warned.data or () if pair.key == "application"}
    if not named and (found := _APPLICATION.search(warned.message or "")):
        named = {found[1].lower()}
    absent = "AVAILABLE" in str(warned.code).upper() or "available" in (warned.message or "")
    return named or ({ACCOUNTS, GMAIL} if absent else set())


def _no_gmail(day: date) -> NotEnabled:
    return NotEnabled(
        f"Google's usage report of {day} and of the days before it holds nothing of Gmail.",
        "Nothing to repair: scan again in some days. Where Gmail is not used there is nothing to report.",
        "The report cannot say who really uses IMAP or POP.",
    )


def rows(page: Page) -> Iterator[AccountMeasure]:
    for report in decode(page.body, Reports).usageReports or []:
        entity = report.entity or Entity()
        if not entity.profileId or (entity.type or "USER").upper() != "USER":
            continue
        told = {one.name: _value(one) for one in report.parameters or () if one.name}
        told |= {new: told[old] for new, old in OLDER.items() if old in told and told.get(new) is None}
        imap, pop = _time(told, "gmail:timestamp_last_imap"), _time(told, "gmail:timestamp_last_pop")
        person = _time(told, "gmail:timestamp_last_interaction")
        unused = _truth(told.get("gmail:is_gmail_enabled")) is False and not _used(imap, pop)
        yield AccountMeasure(
            account_id=str(entity.profileId),
            as_of=_midnight(report.date) or datetime.combine(page.day, time()),
            enrolled=_truth(told.get("accounts:is_2sv_enrolled")),
            enforced=_truth(told.get("accounts:is_2sv_enforced")),
            protected=_truth(told.get("accounts:is_2sv_protected")),
            security_keys=_number(told.get("accounts:num_security_keys")),
            passkeys=_number(told.get("accounts:num_passkeys_enrolled")),
            password_strength=_word(told.get("accounts:password_strength")),
            password_length=_word(told.get("accounts:password_length_compliance")),
            less_secure_apps=_truth(told.get("accounts:is_less_secure_apps_access_allowed")),
            authorized_apps=_number(told.get("accounts:num_authorized_apps")),
            imap_at=_used(imap),
            pop_at=_used(pop),
            old_mail_known=True if unused or (imap and pop) else None,
            mail_at=_used(person, _time(told, "gmail:timestamp_last_webmail")),
            single_sign_on_at=_used(_time(told, "accounts:timestamp_last_sso")),
            mail_known=True if unused or person else None,
        )


def _value(one: Measure) -> Scalar:
    """What a parameter says, in whichever container it came."""
    values = (one.datetimeValue, one.stringValue, one.intValue, one.boolValue)
    return next((value for value in values if value is not None), None)


def _truth(value: Scalar) -> bool | None:
    return {"true": True, "false": False}.get(str(value).lower())


def _number(value: Scalar) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _word(value: Scalar) -> str | None:
    return (value.strip().lower() or None) if isinstance(value, str) else None


def _time(told: Mapping[str, Scalar], name: str) -> datetime | None:
    """The instant a parameter tells: 1970 where it never happened, None where it was not told."""
    value = told.get(name)
    return instant(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _used(*times: datetime | None) -> datetime | None:
    return max((when for when in times if when and when - EPOCH > DAY), default=None)


def _midnight(text: str | None) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text or ""), time())
    except ValueError:
        return None


DATASET = DataSet(
    name="usage",
    fills=(AccountMeasure,),
    pages=pages,
    rows=rows,
    tells="how many security keys and passkeys people have, how good passwords are, and who reads mail by IMAP or POP",
    source=SOURCE,
    grants=(SCOPE,),
)
