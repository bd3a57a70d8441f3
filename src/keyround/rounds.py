"""What a provider arranges for a client: when it is scanned, on whose order, who is told, what is kept for how long.

Plain values, as the configuration gives them. None of it changes what is judged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Literal

UNITS = ("hour", "day", "week", "month")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every `count` units, at `at` in the time zone `zone` (IANA; empty: this computer's).

    `on`: weekday (0 is Monday) of weeks, day of months (31: the last one there is). Hours count from midnight UTC.
    """

    unit: Literal["hour", "day", "week", "month"]
    count: int = 1
    on: int = 0
    at: time = time(2)
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Who has authorised the provider to scan this client, and until when (that day included; None: open)."""

    authorised_by: str
    role: str = ""
    on: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """How mail leaves. `password` is a reference to a secret, and empty where the server asks for none."""

    server: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Who is told of a scan. `channels` are references to Apprise addresses: such an address is a secret itself.

    `when`: on "change" only, or "always", after every scheduled scan. `send` "review" holds messages until
    `keyround send`. `attach`: the workbook goes along, encrypted with the password that `password` refers to. `where`:
    where the readers find it, in words or as an address; empty: its path on this computer is said.
    """

    mail: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    when: Literal["change", "always"] = "change"
    send: Literal["now", "review"] = "now"
    attach: bool = False
    password: str = ""
    where: str = ""

    @property
    def anybody(self) -> bool:
        return bool(self.mail or self.channels)


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how long what is stored: sign-ins in days before only person, country and month are left; evidence of
    findings in days after they were closed; and how many of the newest scans at least. `reason`: why longer than usual.
    """

    sign_ins: int = 90
    evidence: int = 90
    scans: int = 2
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """All of it for one client. No `schedule`: it is scanned when somebody asks for it.

    `contact`: the address of whom the provider writes to at the client.
    """

    schedule: Schedule | None = None
    order: Order | None = None
    tell: Tell = field(default_factory=Tell)
    keeping: Keeping = field(default_factory=Keeping)
    limit: timedelta = timedelta(hours=1)
    contact: str = ""
