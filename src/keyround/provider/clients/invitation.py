"""The mail that asks a client for access: who asks, for what and why, the link or the steps, and how to end it.

Made in the client's language; whoever gets it is no technician and has every reason to be suspicious.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from textwrap import wrap
from typing import Any, NamedTuple

from ... import setup
from ...config import Client, Config
from ...errors import ConfigError
from ...installed import connector
from ...presentation import Provider
from ...rounds import Order
from ...words import catalogue, day, say, speaking, word
from ..telling import smtp

WIDTH = 76
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class Invitation(NamedTuple):
    """`to` is empty where the configuration names nobody."""

    to: str
    subject: str
    body: str


class _Way(NamedTuple):
    """How one tenant is opened, and closed again: the connector's name, what it asks for, lines of the mail."""

    name: str
    asks: Sequence[str]
    steps: list[str]
    away: str


def invitation(config: Config, client: Client) -> Invitation:
    """Raises ConfigError when there is nothing to approve yet, or nobody who asks."""
    by = config.provider
    if not by.name:
        raise ConfigError(f"{config.path.name} does not say who asks.", 'Add [provider] with name = "...", and phone.')
    with speaking(client.presentation.language):
        ways = _ways(client)
        body = "\n\n".join(_filled(one) for one in _body(client, by, ways))
        return Invitation(client.arranged.contact, say("invite.subject", client=client.name), f"{body}\n")


def message(config: Config, invited: Invitation, sent: tuple[datetime, str] | None = None) -> bytes:
    """As a file that a mail program opens ready to be sent (`X-Unsent`); or as it travels: `sent` when, by which id."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = _one_line(invited.subject)
    sender = config.mail.sender if config.mail else config.provider.contact
    if _ADDRESS.search(sender):
        mail["From"] = _addressed(sender)
    if invited.to:
        mail["To"] = _addressed(invited.to)
    if sent:
        mail["Date"], mail["Message-ID"] = sent[0].replace(tzinfo=UTC), sent[1]
    else:
        mail["X-Unsent"] = "1"
    mail.set_content(invited.body, cte="quoted-printable")
    return mail.as_bytes()


def _addressed(text: str) -> Address | str:
    """As mail servers know it; as it is, for somebody to correct, where it is none."""
    try:
        return smtp.address(text)
    except smtp.Refused:
        return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _ways(client: Client) -> list[_Way]:
    ways, reasons = [], []
    for tenant in client.tenants:
        reader = connector(tenant.connector)
        door = setup.of(reader)
        if f"invite.{reader.name}.system" not in catalogue("en"):
            reasons.append(f"{tenant.place}: nobody has written an invitation for {reader.title} yet")
            continue
        asks: Sequence[str] = setup.serviced(reader, "asks") or (door.least if door else ())
        if door and (link := door.consent_link(tenant.settings)):
            ways.append(_by_link(reader.name, asks, link, tenant.settings))
        elif by_hand := setup.delegation(reader, tenant.opened()):
            ways.append(_by_hand(reader.name, asks, by_hand))
        else:
            reasons.append(f"{tenant.place}: there is nothing an administrator could approve")
    if not ways:
        raise ConfigError(f"{'; '.join(reasons)}.", "Where the application is missing, write its client_id there.")
    return ways


def _by_link(name: str, asks: Sequence[str], link: str, settings: Any) -> _Way:
    steps = [f"{say(f'invite.{name}.open')}\n{link}", *(say(f"invite.{name}.{one}") for one in ("compare", "accept"))]
    return _Way(name, asks, [*steps, say(f"invite.{name}.done")], say(f"invite.{name}.away", id=settings["client_id"]))


def _by_hand(name: str, asks: Sequence[str], given: setup.Delegation) -> _Way:
    steps = [
        say(f"invite.{name}.open", address=given.address), say(f"invite.{name}.add"),
        f"{say(f'invite.{name}.id')}\n{given.id}", f"{say(f'invite.{name}.scopes')}\n{given.line}",
        say(f"invite.{name}.accept"),
    ]  # fmt: skip
    return _Way(name, asks, steps, say(f"invite.{name}.away", address=given.address, id=given.id))


def _body(client: Client, by: Provider, ways: Sequence[_Way]) -> Iterator[str]:
    systems = " + ".join(dict.fromkeys(say(f"invite.{way.name}.system") for way in ways))
    yield say("invite.greeting")
    yield say("invite.who", provider=by.name, client=client.name, systems=systems)
    yield say("invite.pass_on")
    yield say("invite.genuine")
    yield _titled("asks", [say("invite.only_reads"), *_asked(ways)])
    for way in ways:
        system = say(f"invite.{way.name}.system")
        yield _titled(say("invite.how", system=system), [f"{n}. {step}" for n, step in enumerate(way.steps, 1)])
    yield _titled("never", [f"- {say(f'invite.never_{n}')}" for n in range(1, 6)])
    yield _titled("order", [_ordered(client, client.arranged.order), say("invite.data")])
    yield _titled("away", [say("invite.away_when"), *(f"- {way.away}" for way in ways)])
    yield _titled("call", [_reached(by)])
    yield "\n".join(filter(None, (say("invite.bye"), by.contact, by.name)))


def _titled(key: str, lines: Sequence[str]) -> str:
    title = say(f"invite.{key}") if re.fullmatch("[a-z]+", key) else key
    return "\n".join([title.upper(), *lines])


def _asked(ways: Sequence[_Way]) -> Iterator[str]:
    """What is read in plain words, with the provider's own name of the permission to compare."""
    for way in ways:
        for name in way.asks:
            short = name.rpartition("/auth/")[2]
            yield f"- {word('invite.reads', name)} ({short})"


def _ordered(client: Client, order: Order | None) -> str:
    if order is None:
        return say("invite.unordered", client=client.name)
    return say(
        "invite.ordered",
        by=f"{order.authorised_by} ({order.role})" if order.role else order.authorised_by,
        on=say("invite.ordered_on", day=day(order.on)) if order.on else "",
        until=say("invite.ordered_until", day=day(order.until)) if order.until else "",
    )


def _reached(by: Provider) -> str:
    if by.phone and by.contact:
        return say("invite.phone", phone=by.phone, contact=by.contact)
    if by.phone:
        return say("invite.phone_only", phone=by.phone)
    return say("invite.contact", contact=by.contact) if by.contact else say("invite.answer")


def _filled(part: str) -> str:
    """Lines as a mail has them; what is to be copied stays in one."""
    found = []
    for line in part.split("\n"):
        mark = re.match(r"(- |\d+\. |)", line)
        hang = " " * len(mark[0]) if mark else ""
        whole = line.startswith(("https://", "http://")) or " " not in line
        found += [line] if whole else wrap(line, WIDTH, subsequent_indent=hang, break_long_words=False,
                                           break_on_hyphens=False)  # fmt: skip
    return "\n".join(found)
