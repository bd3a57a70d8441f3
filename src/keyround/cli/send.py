"""`keyround send`: what waits for a person is shown and sent; what is queued is delivered; what is unclear is decided.

Exit status: 0 everything that was tried has arrived, 3 something has not, or nobody knows whether it has.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..config import Client, Config
from ..errors import ConfigError
from . import options

if TYPE_CHECKING:
    from ..provider.telling import Message

_SAID = {
    "queued": "will be sent",
    "held": "waits for you",
    "sending": "is leaving now, or was interrupted",
    "sent": "sent",
    "unknown": "UNKNOWN whether it arrived",
    "failed": "FAILED",
    "dropped": "dropped",
}
_PROVIDER = "provider"


@click.command(help="Show and send the messages that wait for your release (send = \"review\"): those of the named "
                    "clients, or all; the provider's own messages go by the name provider.")  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@click.option("--queued", is_flag=True, help="Deliver what is queued and due, and never what waits for a release.")
@click.option("--list", "listing", is_flag=True, help="List the messages, and what became of each.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, to whom and how; send nothing.")
@click.option("--again", metavar="ID", multiple=True, help="Send this one once more, though it may have arrived.")
@click.option("--drop", metavar="ID", multiple=True, help="Never send this one.")
@click.option("--test", "testing", is_flag=True, help="Send a test to everybody who is configured.")
def command(
    clients: tuple[str, ...], path: Path | None, queued: bool, listing: bool, dry_run: bool, again: tuple[str, ...],
    drop: tuple[str, ...], testing: bool,
) -> int:  # fmt: skip
    given = [name for name, on in (("--queued", queued), ("--list", listing), ("--again", again), ("--drop", drop),
                                   ("--test", testing)) if on]  # fmt: skip
    if len(given) > 1 or (dry_run and given and given != ["--queued"]):
        raise click.UsageError(f"One of them at a time: {', '.join(given + ['--dry-run'] * dry_run)}.")
    config = options.configuration(path)
    chosen = _chosen(config, clients)
    if listing:
        return _list(config, chosen)
    if drop or again:
        return max(_decide(config, chosen, one, bool(again)) for one in dict.fromkeys(again or drop))
    if testing:
        return _test(config, chosen)
    return _deliver(config, chosen, queued, dry_run)


def _chosen(config: Config, names: Sequence[str]) -> list[Client | None]:
    """None stands for the provider's own people."""
    if not names:
        return [*config.clients.values(), None]
    return [None if name == _PROVIDER and name not in config.clients else config.client(name)
            for name in dict.fromkeys(names)]  # fmt: skip


def _deliver(config: Config, chosen: Sequence[Client | None], queued: bool, dry_run: bool) -> int:
    from ..provider import telling

    now, tried, fine = options.now(), 0, True
    for client in chosen:
        outbox = telling.Outbox(telling.folder_of(config.store, client.key if client else None))
        asked = [one for one in outbox.messages() if (one.due(now) if queued else one.state == "held")]
        if not queued or dry_run:
            for one in asked:
                _show(config, one)
        tried += len(asked)
        if dry_run:
            continue
        if not queued:
            asked = [one for one in asked if outbox.decide(one, "queued", now, retry_at=None)]
        fine &= _sent(config, client, None if queued else [one.id for one in asked])
        if left := [one for one in outbox.messages() if one.id in {it.id for it in asked} and one.due(now)]:
            print(f"{(client.key if client else _PROVIDER)}: another process is sending right now; {len(left)} "
                  "will be sent with the next run.", file=sys.stderr)  # fmt: skip
    if not tried and fine:
        print("Nothing is due." if queued else "Nothing waits for your release.")
    return 0 if fine else 3


def _sent(config: Config, client: Client | None, only: Sequence[str] | None) -> bool:
    """Deliver, a line for each."""
    from ..provider import telling

    _warn(config)
    fine = True
    for one in telling.deliver(config, client, options.now, only):
        message = one.message
        if one.fine:
            print(f"Sent: {message.to}: {message.subject}")
            continue
        fine = False
        retry = f" Tried again from {message.retry_at:%Y-%m-%d %H:%M} UTC." if message.state == "queued" else ""
        remedy = (
            f" `keyround send --again {message.id}` sends it again." if message.state in ("unknown", "failed") else ""
        )
        print(f"{message.to}: {message.subject}: {message.reason}{retry}{remedy}", file=sys.stderr)
    return fine


def _warn(config: Config) -> None:
    from ..provider.telling.smtp import local

    if config.mail and config.mail.security == "none" and not local(config.mail.server):
        print("Warning: mail leaves this computer unencrypted ([provider.mail] security).", file=sys.stderr)


def _show(config: Config, message: Message) -> None:
    mail = config.mail
    through = message.to if message.through == "channel" else f"{mail.server}:{mail.port}" if mail else "nothing yet"
    print(f"{'=' * 72}\n{message.id}  {message.client or _PROVIDER}\nThrough: {through}\nTo:      {message.to}")
    if mail and message.through == "mail":
        print(f"From:    {mail.sender}")
    print(f"Subject: {message.subject}")
    if message.attached:
        print(f"Goes along, encrypted: {message.attached.partition('-')[2]}")
    print(f"\n{message.text}")


def _list(config: Config, chosen: Sequence[Client | None]) -> int:
    from ..provider import telling

    unclear, found, damaged = set[str](), 0, list[Path]()
    for client in chosen:
        outbox = telling.Outbox(telling.folder_of(config.store, client.key if client else None))
        damaged += outbox.damaged()
        for one in outbox.messages():
            found += 1
            unclear |= {one.state} & {"unknown", "failed", "sending"}
            print(f"{one.id}  {one.changed or one.made:%Y-%m-%d %H:%M}  {one.client or _PROVIDER}  {one.kind}  "
                  f"{one.to}: {_SAID[one.state]}{f'. {one.reason}' if one.reason else ''}")  # fmt: skip
    if not found:
        print("There is no message.")
    if unclear & {"unknown", "sending"}:
        print("\nUnknown: ask the reader whether it arrived; what says 'is leaving' may be leaving just now.")
    if unclear:
        print("`keyround send --again ID` sends one once more, `keyround send --drop ID` puts it aside.")
    for file in damaged:
        print(f"{file} cannot be read, so nobody knows what was to be sent: restore it, or remove it.", file=sys.stderr)
    return 3 if unclear or damaged else 0


def _decide(config: Config, chosen: Sequence[Client | None], message_id: str, again: bool) -> int:
    from ..provider import telling

    for client in chosen:
        outbox = telling.Outbox(telling.folder_of(config.store, client.key if client else None))
        with outbox.sending() as alone:
            for one in outbox.messages():
                if one.id != message_id:
                    continue
                if not alone:
                    raise ConfigError("Messages of this client are being sent right now.", "Try again in a minute.")
                if one.state in ("sent", "dropped"):
                    raise ConfigError(
                        f"{message_id} was {one.state} already.", "`keyround send --list` lists them all."
                    )
                if not again:
                    outbox.become(one, "dropped", options.now(), reason="Dropped by hand.")
                    print(f"Dropped: {one.to}: {one.subject}")
                    return 0
                outbox.become(one, "queued", options.now(), tries=0, retry_at=None)
                break
            else:
                continue
        return 0 if _sent(config, client, [message_id]) else 3
    raise ConfigError(f"There is no message {message_id}.", "`keyround send --list` shows them.")


def _test(config: Config, chosen: Sequence[Client | None]) -> int:
    from ..provider import telling

    fine, added = True, 0
    for client in chosen:
        if more := telling.test(config, client, options.now()):
            added += more
            fine &= _sent(config, client, None)
    if not added:
        raise ConfigError("Nobody is configured to be told.", 'Add for example [client.NAME.tell] mail = ["…"].')
    return 0 if fine else 3
