"""How a table is declared, and what is read off the declaration.

A table is a frozen dataclass; its docstring and its annotations are the only
place where a column is described. The Parquet schema, the DuckDB types, the
`keyround tables` page and the workbook's glossary are all read from here.

House rule: None means "the provider did not say". It never means "no".
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    import pyarrow as pa


class _Identifier:
    """Marks a column whose values are stored as `provider:id`."""


Id = Annotated[str, _Identifier()]
"""A provider's own id. Bare in Python rows, JSON and messages; prefixed with the provider in Parquet and SQL."""


class Row:
    """Base of every table; one instance is one row. `KEY` names the columns that make a row itself."""

    __slots__ = ()
    KEY: ClassVar[tuple[str, ...]]


_SQL = {str: "VARCHAR", bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", datetime: "TIMESTAMP", list[str]: "VARCHAR[]"}


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column: its SQL type, one sentence about it, whether it may be null, whether it is an id."""

    name: str
    sql: str
    about: str
    nullable: bool
    identifier: bool


# Every stored table begins with it; the store fills it, connectors never do.
TENANT = Column("tenant", "VARCHAR", "The tenant's own id: directory GUID or customer id.", False, False)


_COLUMNS: dict[type[Row], tuple[Column, ...]] = {}


def columns(table: type[Row]) -> tuple[Column, ...]:
    """The columns of `table` in declaration order, without the leading `tenant`."""
    if table not in _COLUMNS:
        _COLUMNS[table] = tuple(_columns(table))
    return _COLUMNS[table]


def _columns(table: type[Row]) -> Iterator[Column]:
    hints = get_type_hints(table, include_extras=True)
    for field in dataclasses.fields(table):  # type: ignore[arg-type]
        kind, *notes = get_args(hints[field.name])
        nullable = get_origin(kind) in (Union, types.UnionType)
        if nullable:
            (kind,) = (a for a in get_args(kind) if a is not type(None))
        if get_origin(kind) is Annotated:
            kind, *inner = get_args(kind)
            notes = [*inner, *notes]
        identifier = any(isinstance(note, _Identifier) for note in notes)
        yield Column(field.name, _SQL[kind], notes[-1], nullable, identifier)


def arrow_schema(table: type[Row]) -> pa.Schema:
    """The Parquet schema of `table`, leading `tenant` included."""
    import pyarrow as pa

    kinds: dict[str, pa.DataType] = {
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "BIGINT": pa.int64(),
        "DOUBLE": pa.float64(),
        "TIMESTAMP": pa.timestamp("us"),
        "VARCHAR[]": pa.list_(pa.string()),
    }
    return pa.schema([pa.field(c.name, kinds[c.sql], nullable=c.nullable) for c in (TENANT, *columns(table))])


def ddl(name: str, table: type[Row]) -> str:
    """`create table` for one table; the rule tests and empty snapshots use it."""
    body = ", ".join(f'"{c.name}" {c.sql}' for c in (TENANT, *columns(table)))
    return f'create table "{name}" ({body})'


def prefixed(provider: str, value: Any) -> Any:
    """A bare id as it is stored; None stays None."""
    return None if value is None else f"{provider}:{value}"


def bare(provider: str, value: Any) -> Any:
    """A stored id as the provider writes it; None stays None."""
    return value.removeprefix(f"{provider}:") if isinstance(value, str) else value
