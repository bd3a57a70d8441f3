"""`keyround completion SHELL`: the lines that let Tab complete verbs, options, their values and clients.

The shell calls keyround with `_KEYROUND_COMPLETE` set, as click does it; the
verbs are answered from their table, and only the verb that was typed is
imported.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from . import VERBS

VARIABLE = "_KEYROUND_COMPLETE"
WHERE = {
    "bash": 'eval "$(keyround completion bash)"           in ~/.bashrc',
    "zsh": 'eval "$(keyround completion zsh)"            in ~/.zshrc, after compinit',
    "fish": "keyround completion fish > ~/.config/fish/completions/keyround.fish",
}


@click.command(help="Print what makes Tab complete verbs, options and clients.\n\n\b\n" + "\n".join(WHERE.values()))
@click.argument("shell", type=click.Choice(tuple(WHERE)))
def command(shell: str) -> int:
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(Verbs("keyround"), {}, "keyround", VARIABLE).source())
    return 0


def answer(asked: str) -> int:
    """Print what fits where the cursor stands: `asked` is bash_complete, for example."""
    kind = get_completion_class(asked.partition("_")[0])
    if kind is None:
        return 2
    click.echo(kind(Verbs("keyround"), {}, "keyround", VARIABLE).complete())
    return 0


class Verbs(click.Group):
    """The table of verbs as click sees a group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"keyround.cli.{cmd_name}").command
        return _with_clients(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        if incomplete.startswith("-"):
            return [CompletionItem(one) for one in ("--help", "--version") if one.startswith(incomplete)]
        return [CompletionItem(verb, help=about) for verb, about in VERBS.items() if verb.startswith(incomplete)]


class ClientKey(click.ParamType[str]):
    """A client of the configuration that would be read. What cannot be read has none: Tab is no place for errors."""

    name = "client"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:  # fmt: skip
        from .options import place

        return [
            CompletionItem(key, help=name)
            for key, name in sorted(_clients(ctx.params.get("path") or place()).items())
            if key.startswith(incomplete)
        ]


def _with_clients(command: click.Command) -> click.Command:
    for one in getattr(command, "commands", {}).values():
        _with_clients(one)
    for param in command.params:
        if "CLIENT" in (param.metavar or param.human_readable_name) and not getattr(param, "is_flag", False):
            param.type = ClientKey()
    return command


def _clients(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in (path, *sorted((path.parent / "clients.d").glob("*.toml"))):
        found.update(_keys(file))
    return found


def _keys(file: Path) -> Iterator[tuple[str, str]]:
    try:
        clients: Any = tomllib.loads(file.read_text(encoding="utf-8")).get("client", {})
    except (OSError, ValueError):
        return
    for key, client in clients.items() if isinstance(clients, Mapping) else ():
        yield key, str(client.get("name", "")) if isinstance(client, Mapping) else ""
