"""`keyround portfolio`: all clients in one workbook, from their stored snapshots."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from ..errors import for_client
from ..provider import ended
from . import options


@click.command(help="Write an overview of all clients from their newest stored scans: for the provider, not for them. "
                    "Nothing is asked of any tenant.")  # fmt: skip
@click.argument("clients", metavar="[CLIENT]...", nargs=-1)
@options.config
@options.output
@options.at
@options.language
@options.scheduled
def command(
    clients: tuple[str, ...], path: Path | None, output: Path, at: datetime | None, language: str | None,
    scheduled: Path | None,
) -> int:  # fmt: skip
    with ended.told(scheduled) as end:
        return _portfolio(end, clients, path, output, at, language, bool(scheduled))


def _portfolio(
    end: ended.Ended, clients: tuple[str, ...], path: Path | None, output: Path, at: datetime | None,
    language: str | None, scheduled: bool,
) -> int:  # fmt: skip
    from ..handover import portfolio

    config = options.configuration(path)
    chosen = list(dict.fromkeys(clients)) or [*config.clients, *config.broken]
    spoken, now = language or config.language, at or options.now()
    found = list(portfolio.gathered(config, chosen, options.rules(config.rules), spoken))
    for client in found:
        if client.failed:
            print(f"{client.name}: {client.failed} {for_client(client.remedy, client.key)}", file=sys.stderr)
    book = portfolio.write(found, config, output, now, spoken)
    print(f"Clients: {len(found)}, of them read: {sum(client.taken_at is not None for client in found)}.")
    print(f"Portfolio: {book.path}")
    end.paths = {"xlsx": str(book.path.resolve())}
    if scheduled:
        from ..provider import telling

        telling.portfolio(config, found, book.path, now)
    return 0 if all(client.taken_at for client in found) else 3
