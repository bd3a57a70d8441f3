"""`keyround client invite`: the mails that ask clients for access, as files ready to be sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import click

from ..config import Config, read
from ..errors import CollectError, ConfigError, KeyroundError, StoreError, Unreachable
from ..provider.clients import facts
from ..provider.clients.invitation import Invitation, invitation, message
from ..provider.clients.standing import Standing, standing
from ..provider.telling import smtp
from ..secrets import resolve
from ..store import ClientStore
from . import options
from .client_test import chosen

LET_IN = ("active", "expiring")


@click.command(
    short_help="Write the mails that ask clients for access.",
    help="""Write the mail that asks a client for access, in its language: what is read and why, the link or the steps,
what is never done, on whose order it is, and how the access is taken away again.

An .eml file opens in a mail program, ready to be sent; look at it first. --all leaves out who has let us in. With
--send it also leaves at once, to the client's contact.""",
)
@click.argument("names", metavar="[CLIENT...]", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Every client that has not let us in yet.")
@click.option("--output", "folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
              default=Path("invitations"), show_default=True, help="Where to write.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["eml", "txt"]), default="eml", show_default=True)
@click.option("--send", is_flag=True, help="Hand them to the mail server of [provider.mail] as well.")
@options.config
def command(names: tuple[str, ...], everybody: bool, folder: Path, form: str, send: bool, path: Path | None) -> int:
    config = read(path or options.place())
    keys = chosen(config, names, everybody)
    width = max(map(len, keys))
    status = written = 0
    for key in keys:
        try:
            client = config.client(key)
            stands = standing(config, client, options.now())
            if everybody and (why := _left_out(stands, send)):
                print(f"{key:<{width}}  {why}; left out")
                continue
            invited = invitation(config, client)
            file = _write(folder, key, form, config, invited)
            root = ClientStore(config.store, key).root
            facts.keep(root, replace(facts.read(root), invited=options.now()))
            if send:
                _send(config, key, invited)
        except KeyroundError as error:
            print(f"{key:<{width}}  {error}")
            status = max(status, 3 if isinstance(error, CollectError | StoreError) else 2)
            continue
        written += not send
        to = invited.to or "nobody named: add contact to its section, or fill in To"
        print(f"{key:<{width}}  {file}  {'sent ' if send else ''}to {to}")
    if written:
        print("Look at them, then send them. Who has let us in: keyround client test --all")
    return status


def _left_out(stands: Standing, send: bool) -> str:
    """Why the client needs no invitation now; "" where it does."""
    if stands.state.word in LET_IN:
        return f"has let us in already ({stands.state.word})"
    if send and stands.access.sent:
        return f"was sent its invitation on {stands.access.sent:%d %b %Y}: name it to send it again"
    return ""


def _send(config: Config, key: str, invited: Invitation) -> None:
    """Recorded before it leaves: a mail of which nobody knows whether it arrived is not sent again by itself.

    Raises KeyroundError.
    """
    if config.mail is None:
        raise ConfigError(f"{config.path.name} names no mail server.", "Add [provider.mail], or send the file by hand.")
    if not invited.to:
        raise ConfigError(f"Nobody is named at {key}.", f"Add contact to [client.{key}], or send the file by hand.")
    root, now = ClientStore(config.store, key).root, options.now()
    before = facts.read(root)
    password = (
        resolve("[provider.mail] password", config.mail.password, config.path.parent) if config.mail.password else ""
    )
    name = f"<{uuid4().hex}@{config.mail.sender.rpartition('@')[2].strip('> ')}>"

    def leaving() -> bool:
        facts.keep(root, replace(before, sent=now))
        return True

    try:
        smtp.send(message(config, invited, (now, name)), invited.to, config.mail, password.strip(), leaving)
    except smtp.Refused as error:
        facts.keep(root, before)
        raise Unreachable(f"Not sent: {error.reason}", "Correct that, or send the file by hand.") from error
    except smtp.Unanswered as error:
        raise Unreachable(
            f"{config.mail.server} took the mail and did not say whether it is accepted.",
            f"Ask {invited.to} before you send it again.", "It may have arrived.",
        ) from error  # fmt: skip


def _write(folder: Path, key: str, form: str, config: Config, invited: Invitation) -> Path:
    """A new file; an earlier one, which somebody may have changed, stays. Raises StoreError."""
    head = f"{'To: ' + invited.to + chr(10) if invited.to else ''}Subject: {invited.subject}\n\n"
    body = message(config, invited) if form == "eml" else (head + invited.body).encode()
    number, file = 1, folder / f"{key}.{form}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while file.exists() and file.read_bytes() != body:
            number += 1
            file = folder / f"{key}-{number}.{form}"
        file.write_bytes(body)
    except OSError as error:
        raise StoreError(f"{file} cannot be written ({error.strerror}).", "Choose another folder: --output DIR.",
                         "This client is not invited.") from error  # fmt: skip
    return file
