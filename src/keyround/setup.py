"""The side door: what a connector can do for whoever sets it up.

`init`, `check`, `consent`, `cert new` and the one-off scan ask it. It is
optional: a connector whose `setup` is missing still scans, and those verbs say
that they have nothing to offer for it. Nothing here is needed to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from .connector import Clock, Connector
from .errors import CollectError

S = TypeVar("S", contravariant=True)


@dataclass(frozen=True, slots=True)
class OneOff:
    """A scan of one tenant without a configuration. `says` is shown before anybody signs in.

    `sign_in`, where there is one, is called after that with the settings, every secret read: it signs the person in
    and gives the settings that were open until then, such as the tenant's id. Raises KeyroundError.
    """

    settings: Mapping[str, Any]
    says: tuple[str, ...]
    sign_in: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """What a session may do, in the provider's own words.

    `missing` are permissions that data sets which are not optional need and the
    session lacks; `surplus` are held and read by nothing here, `harmful` those
    of them that can change something. `further` would fill columns that stay
    empty now: permission -> (data set, column). All empty where the credential does not say. `remedy` says how to
    grant what is missing; "" where the consent link does.
    """

    known: bool
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    harmful: tuple[str, ...] = ()
    further: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`private` holds key and certificate and never leaves the computer, `public` is for upload; both PEM text."""

    private: str = field(repr=False)
    public: str
    thumbprint: str
    ends: datetime  # naive UTC


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the partner whose tenant this is: the customer's tenant as the provider calls it, and its name.

    `settings` is what a tenant's section says to mean it.
    """

    name: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Delegation:
    """What an administrator enters by hand where there is no link: at `address`, this id and this line of scopes."""

    address: str
    id: str
    line: str


class SetUp(Protocol[S]):
    least: Sequence[str]
    """The shortest list of permissions with which everything that is not optional can be read."""

    without_consent: str
    """Why there is no link to approve anything, in a sentence; "" where there is one."""

    def section(self, answers: Mapping[str, str]) -> dict[str, str]:
        """A tenant's section for keyround.toml, secrets as references. May ask the provider. Raises KeyroundError."""
        ...

    def steps(self, client: str, settings: Mapping[str, Any]) -> str:
        """What to click or run in the tenant now that the section stands in the file."""
        ...

    def one_off(self, domain: str, asked: Mapping[str, str], modules: Sequence[str]) -> OneOff:
        """Settings of a person's own sign-in to the tenant of that domain. Raises KeyroundError."""
        ...

    def complete(
        self, settings: Mapping[str, Any], clock: Clock, memory: MutableMapping[str, Any], alone: bool
    ) -> Mapping[str, str]:
        """What the section leaves open and the tenant tells, such as its id; {} when nothing is open.

        `settings` hold the secrets themselves, `memory` is as for a session. `alone`: nobody is there to sign in.
        Raises KeyroundError.
        """
        ...

    def access(self, session: S) -> Access:
        """Raises CollectError when the sign-in is refused."""
        ...

    def about_plan(self, plans: Sequence[str]) -> str:
        """Completes "Microsoft 365 Business Basic, ...": what of the plan decides about the report; "" for nothing."""
        ...

    def notices(self, settings: Mapping[str, Any], session: S, now: datetime) -> list[str]:
        """What somebody must do soon for the scans to go on, such as a certificate to replace. Never raises."""
        ...

    def consent_link(self, settings: Mapping[str, Any], tenant: str = "", redirect: str = "", state: str = "") -> str:
        """Where an administrator approves the application; "" when these settings need no approval.

        `tenant` "" is the configured one, or whichever the administrator belongs to.
        """
        ...

    def consented(self, answer: Mapping[str, str]) -> str:
        """The tenant in which an administrator has approved, as the link's answer says. Raises NotGranted."""
        ...

    def new_key(self, name: str, days: int, now: datetime) -> KeyPair: ...

    def key_steps(self, client: str, settings: Mapping[str, Any], private: str, public: str) -> str:
        """Where to upload `public`, and how the file `private` replaces the one before it."""
        ...


class Serviced(Protocol[S]):
    """What whoever looks after many clients asks besides. A connector may lack any of it: see the functions below."""

    own: Sequence[str]
    """Settings that belong to one tenant alone; two sections that agree in one of them mean the same tenant."""

    asks: Sequence[str]
    """The permissions that an administrator is asked for: shorter than the least list where one spares many."""

    def waits(self, error: CollectError) -> bool:
        """This refusal says that the tenant's administrator has yet to let us in, or that it has yet to take effect."""
        ...

    def ends(self, settings: Mapping[str, Any]) -> datetime | None:
        """Until when the credential in these settings holds, as far as it says so itself. Naive UTC; no network."""
        ...

    def customers(self, session: S) -> Iterator[Customer]:
        """The customers of the partner whose tenant this is. Raises CollectError."""
        ...

    def delegation(self, settings: Mapping[str, Any]) -> Delegation | None:
        """What the client's administrator enters by hand; None where a consent link does it. Raises ConfigError."""
        ...

    def leave(self, settings: Mapping[str, Any]) -> Sequence[str]:
        """What somebody removes in the tenant to end the access, and where; `settings` as they are written."""
        ...


def of(connector: Connector[Any]) -> SetUp[Any] | None:
    """The connector's side door, where it has one."""
    found: SetUp[Any] | None = getattr(connector, "setup", None)
    return found


def serviced(connector: Connector[Any], ability: str) -> Any:
    """One ability of `Serviced`, where the connector has it, else None."""
    return getattr(of(connector), ability, None)


def waits(connector: Connector[Any], error: CollectError) -> bool:
    found = serviced(connector, "waits")
    return bool(found and found(error))


def ends(connector: Connector[Any], settings: Mapping[str, Any]) -> datetime | None:
    found = serviced(connector, "ends")
    until: datetime | None = found(settings) if found else None
    return until


def delegation(connector: Connector[Any], settings: Mapping[str, Any]) -> Delegation | None:
    """Raises ConfigError."""
    found = serviced(connector, "delegation")
    by_hand: Delegation | None = found(settings) if found else None
    return by_hand


def leave(connector: Connector[Any], settings: Mapping[str, Any]) -> Sequence[str]:
    found = serviced(connector, "leave")
    said: Sequence[str] = found(settings) if found else ("Take the access away as it was given.",)
    return said


def same_tenant(connector: Connector[Any], one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Two sections of this connector mean the same tenant."""
    keys: Sequence[str] = serviced(connector, "own") or ("tenant_id",)
    told = [(str(one.get(key) or "").lower(), str(other.get(key) or "").lower()) for key in keys]
    return any(mine and mine == theirs for mine, theirs in told)


def shared(connector: Connector[Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """What of a section holds for other tenants too: the application and how it signs in."""
    keys: Sequence[str] = serviced(connector, "own") or ("tenant_id",)
    return {key: value for key, value in settings.items() if key not in (*keys, "connector") and isinstance(value, str)}
