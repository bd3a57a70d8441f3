"""The side door: what a connector can do for whoever sets it up.

`init`, `check`, `consent`, `cert new` and the one-off scan ask it. It is
optional: a connector whose `setup` is missing still scans, and those verbs say
that they have nothing to offer for it. Nothing here is needed to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from .connector import Clock, Connector

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


def of(connector: Connector[Any]) -> SetUp[Any] | None:
    """The connector's side door, where it has one."""
    found: SetUp[Any] | None = getattr(connector, "setup", None)
    return found
