"""`keyround client`: the provider's clients, from being added until they are forgotten."""

from __future__ import annotations

import click

from . import client_add, client_forget, client_invite, client_list, client_test


@click.group(
    help="""The clients: add, list, invite, test, forget.

\b
  keyround client add --csv clients.csv --like first   one file per client in clients.d
  keyround client invite --all --output mails          the mails that ask for access
  keyround client test --all                           who has let us in; what to do where not
  keyround client list                                 where each stands, without network""",
)
def command() -> None:
    pass


command.add_command(client_add.command, "add")
command.add_command(client_list.command, "list")
command.add_command(client_invite.command, "invite")
command.add_command(client_test.command, "test")
command.add_command(client_forget.command, "forget")
