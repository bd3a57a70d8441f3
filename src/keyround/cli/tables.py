"""`keyround tables`: the data dictionary."""

from __future__ import annotations

import click

from ..errors import ConfigError, nearest
from ..model import TABLES, columns


@click.command(help="Every table and column that a snapshot holds; name one table to see it alone.")
@click.argument("table", required=False)
def command(table: str | None) -> None:
    if table and table not in TABLES:
        raise ConfigError(f"There is no table {table!r}.", nearest(table, TABLES))
    for name in [table] if table else TABLES:
        print(f"{name}: {(TABLES[name].__doc__ or '').strip()}")
        for column in columns(TABLES[name]):
            print(f"    {column.name:<24}{column.sql:<11}{column.about}")
        print()
