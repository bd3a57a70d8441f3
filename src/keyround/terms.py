"""What a client lays down for its own report: where people are at home, what is known, what is accepted, how strict.

Plain values, as the configuration gives them and as a snapshot keeps them, so that an old one is judged as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Home:
    """Countries where some people are at home besides those of everybody. One of `people` and `group` is given.

    `people` are user names, lower case; `group` is the name or id of a group, a department or an organisational unit.
    """

    countries: tuple[str, ...]
    people: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Trip:
    """A journey that was told beforehand: sign-ins from there in these days (UTC, both included) are explained.

    No `people`: everybody. No `countries`: anywhere.
    """

    first: date
    last: date
    countries: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """A network that is never abroad, whatever country its addresses are said to be in: an office, a VPN."""

    name: str
    ranges: tuple[str, ...] = ()  # CIDR, IPv4 or IPv6
    asns: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A risk that somebody answers for until `until` (that day included).

    `subject` is a user name, a provider's id, the name of a group, or empty for the whole tenant; `aspect` empty covers
    all of them. `severity` is the highest that was accepted; empty: the one the finding had when it was first seen.
    """

    rule: str
    reason: str
    owner: str
    until: date
    subject: str = ""
    aspect: str = ""
    tenant: str = ""
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """All of it. `home_countries` None: the tenant's own country, which is then called assumed.

    `thresholds` maps a rule's id to the parameters that replace its defaults; `emergency_accounts` are user names.
    """

    home_countries: tuple[str, ...] | None = None
    homes: tuple[Home, ...] = ()
    trips: tuple[Trip, ...] = ()
    networks: tuple[Network, ...] = ()
    emergency_accounts: tuple[str, ...] = ()
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accepted: tuple[Acceptance, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads back."""
        raw: dict[str, Any] = msgspec.to_builtins(self)
        return raw


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a client laid down that could not be taken as written, in the three sentences of every error.

    `tenant` empty: of all of them.
    """

    happened: str
    therefore: str
    remedy: str
    tenant: str = ""


def from_json(raw: Mapping[str, Any]) -> Terms:
    """The terms that a manifest holds; what a later version added is left aside."""
    return msgspec.convert(raw, Terms)
