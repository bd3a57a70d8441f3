"""Records of Google's logs, in the one shape that every log has: who, when, from where, and one or more events.

Endpoint    GET /admin/reports/v1/activity/users/all/applications/{log}
Source      https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from keyround.connector import Without
from keyround.errors import Unexpected

from .wire import Wire, country, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
KEPT = timedelta(days=180)
NOBODY = "105250506097979753968"
"""Stands where Google withholds or does not know whose profile it is."""
PLACED = (
    "nextPageToken,items(id(time,uniqueQualifier),actor(email,profileId),ipAddress,"
    "networkInfo(ipAsn,regionCode,subdivisionCode),events(type,name,parameters))"
)
"""The mask for what happened somewhere."""
DONE = (
    "nextPageToken,items(id(time,uniqueQualifier,applicationName),"
    "actor(email,profileId,key,applicationInfo(applicationName,oauthClientId)),ipAddress,"
    "events(type,name,status,parameters(name,value,intValue,boolValue,multiValue,multiIntValue)))"
)
"""The mask for what somebody did: without the messages inside, which repeat the scopes of a consent at length."""

Scalar = str | int | float | bool | None


class Inner(Wire):
    name: str | None = None
    value: Scalar = None
    boolValue: Scalar = None
    intValue: Scalar = None
    multiValue: list[Scalar] | None = None
    multiIntValue: list[Scalar] | None = None

    def values(self) -> list[Scalar]:
        return [*(self.multiValue or ()), *(self.multiIntValue or ()), self.value, self.boolValue, self.intValue]


class Message(Wire):
    parameter: list[Inner] | None = None


class Parameter(Inner):
    messageValue: Message | None = None
    multiMessageValue: list[Message] | None = None

    def values(self) -> list[Scalar]:
        found = Inner.values(self)
        if self.messageValue or self.multiMessageValue:
            for message in (*(self.multiMessageValue or ()), self.messageValue):
                for inner in (message.parameter if message else None) or ():
                    found += inner.values()
        return found


class Status(Wire):
    eventStatus: str | None = None


class Event(Wire):
    name: str | None = None
    type: str | None = None
    status: Status | None = None
    parameters: list[Parameter] | None = None

    def said(self, name: str) -> list[str]:
        """The values of one parameter in whichever container they came; [] where there is none."""
        for parameter in self.parameters or ():
            if parameter.name == name:
                return [str(value) for value in parameter.values() if value is not None]
        return []

    def texts(self, name: str) -> list[str]:
        """The same in lower case, as Google writes words now this way and now that."""
        return [value.lower() for value in self.said(name)]

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def is_true(self, name: str) -> bool:
        return self.text(name) == "true"


class Key(Wire):
    time: str | None = None
    uniqueQualifier: str | int | None = None
    applicationName: str | None = None


class Program(Wire):
    applicationName: str | None = None
    oauthClientId: str | None = None


class Actor(Wire):
    email: str | None = None
    profileId: str | int | None = None
    key: str | None = None
    applicationInfo: Program | None = None

    @property
    def account_id(self) -> str | None:
        found = str(self.profileId or "")
        return found if found and found != NOBODY else None


class Network(Wire):
    ipAsn: list[int | str] | int | str | None = None
    regionCode: str | None = None
    subdivisionCode: str | None = None

    @property
    def asn(self) -> int | None:
        first = next(iter(self.ipAsn), None) if isinstance(self.ipAsn, list) else self.ipAsn
        if isinstance(first, str):
            first = int(first) if first.isdecimal() and len(first) <= 10 else None
        return first if first and 0 < first < 2**32 else None


class Activity(Wire):
    id: Key | None = None
    actor: Actor | None = None
    ipAddress: str | None = None
    networkInfo: Network | None = None
    events: list[Event] | Event | None = None

    @property
    def listed(self) -> list[Event]:
        """The events of the record; a lone one may come without its list."""
        if isinstance(self.events, list):
            return self.events
        return [self.events] if self.events else []

    def key(self) -> tuple[str, datetime]:
        """What makes the record itself within its log, and when it happened. Raises Unexpected without either."""
        key = self.id or Key()
        when = instant(key.time)
        if when is None or key.uniqueQualifier is None:
            raise Unexpected("A record of one of Google's logs has no time or no qualifier.")
        return f"{key.time}/{key.uniqueQualifier}", when

    def whose(self, event: Event) -> tuple[str | None, str | None]:
        """Account and user name an event is about; a warning may name another account than the actor's."""
        actor = self.actor or Actor()
        email, affected = (actor.email or "").lower(), event.text("affected_email_address")
        if email and affected and email != affected:
            return None, affected
        return actor.account_id, email or affected or None

    @property
    def country(self) -> str | None:
        return country(self.networkInfo.regionCode) if self.networkInfo else None


class Activities(Wire):
    items: list[Activity] | None = None


def listing(
    admin: Admin, log: str, since: datetime, until: datetime, mask: str, columns: Mapping[str, Any], name: str = ""
) -> Iterator[bytes | Without]:
    """Every page of one log between two instants, newest record first; of one event alone where `name` says so.

    A `name` makes it a filter query, of which Google allows 250 a minute.
    """
    yield from admin.listing(
        admin.reports.activities(), (SCOPE,), columns,
        userKey="all", applicationName=log, customerId=admin.customer,
        startTime=f"{max(since, until - KEPT).isoformat(timespec='milliseconds')}Z",
        endTime=f"{until.isoformat(timespec='milliseconds')}Z",
        maxResults=1000, eventName=name or None, fields=mask,
    )  # fmt: skip
