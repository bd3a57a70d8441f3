"""Names of sheets, tables and headers in a workbook: valid for Excel, and each once. Part of workbook.py."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .clean import short

MOST_LETTERS = 31  # of a sheet's name


def sheet_titles(names: Iterable[str]) -> list[str]:
    """Valid sheet names, each once. Excel keeps "History" for itself."""
    taken = {"history"}
    valid = (re.sub(r"[\[\]:*?/\\]", "-", short(name, MOST_LETTERS)).strip("'") or "Sheet" for name in names)
    return [unique(name, taken, MOST_LETTERS) for name in valid]


def quoted(title: str) -> str:
    """A sheet's name as a reference begins with it."""
    return "'" + title.replace("'", "''") + "'"


def table_name(name: str) -> str:
    """Letters, digits and underscores, and nothing that reads as a cell's address."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)[:200]
    return (
        name
        if re.match(r"[A-Za-z_]", name) and not re.fullmatch(r"[A-Za-z]{1,3}\d+|[Rr]\d*([Cc]\d*)?|[Cc]\d*", name)
        else f"t_{name}"
    )


def unique(name: str, taken: set[str], most: int = 255) -> str:
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name[: most - len(str(number)) - 1]}_{number}"
    taken.add(free.casefold())
    return free
