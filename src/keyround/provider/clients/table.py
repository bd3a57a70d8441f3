"""A list of clients as people keep it: a CSV file, as Excel writes it, with a header in English or German.

Separated by ; or , or tabs; UTF-8 with or without a mark in front, UTF-16, or Windows' own code page (cp1252).
Columns that nothing here knows are left alone, and named.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import ConfigError, nearest

COLUMNS = {
    "name": ("name", "client", "customer", "company", "kunde", "kundenname", "firma", "firmenname", "unternehmen"),
    "key": ("key", "short name", "kurzname", "kürzel", "schlüssel"),
    "m365": ("m365", "microsoft 365", "domain", "m365 domain", "domäne", "microsoft domain"),
    "tenant_id": ("tenant id", "tenant", "m365 tenant id", "mandanten id", "mandant", "verzeichnis id"),
    "google": ("google", "google admin", "google administrator", "google workspace"),
    "customer_id": ("customer id", "google customer id", "google kunden id", "google id"),
    "home": ("home", "home countries", "countries", "country", "heimatländer", "länder", "land"),
    "language": ("language", "sprache"),
    "contact": ("contact", "contact mail", "mail", "e mail", "email", "kontakt", "ansprechpartner", "kontakt e mail"),
    "every": ("every", "schedule", "turnus", "rhythmus", "intervall", "alle"),
    "credential": ("credential", "sign in", "anmeldung"),
    "client_id": ("client id", "application id", "anwendungs id", "app id"),
    "authorised_by": ("authorised by", "authorized by", "ordered by", "order", "auftrag", "beauftragt von"),
    "role": ("role", "rolle", "funktion"),
    "on": ("ordered on", "order on", "order date", "beauftragt am", "auftrag vom"),
    "until": ("until", "order until", "bis", "auftrag bis", "beauftragt bis"),
}
"""What a line may say -> what its column may be called, in small letters, with one space for any other sign."""
_EXAMPLE = "name;m365;google;home;language;contact;every"
_CALLED = {called: column for column, names in COLUMNS.items() for called in names}


@dataclass(frozen=True, slots=True)
class Line:
    """`place` names the file and the line, for messages; cells without text are not there."""

    place: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """`mistakes` are lines that are none; `unused` are columns that nothing here knows."""

    lines: tuple[Line, ...]
    mistakes: tuple[ConfigError, ...]
    unused: tuple[str, ...]


def read(path: Path) -> Table:
    """Raises ConfigError when the file as a whole is no such list."""
    text = _text(path)
    first, _, rest = text.partition("\n")
    if told := re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE):  # Excel's own first line
        return _table(path.name, rest, told[1], 1)
    separator = max(";,\t", key=lambda one: len(next(csv.reader([first], delimiter=one), [])))
    return _table(path.name, text, separator, 0)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw or raw.startswith(b"PK"):
        raise ConfigError(f"{path} is no CSV file.", "In Excel: Save as > CSV UTF-8.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _table(name: str, text: str, separator: str, above: int) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str] | None = None
    unused: list[str] = []
    lines, mistakes = list[Line](), list[ConfigError]()
    begins = above + 1
    try:
        for cells in reader:
            place, begins = f"{name}, line {begins}", above + reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns, unused = _header(cells, place)
            elif any(cell.strip() for cell in cells[len(columns) :]):
                mistakes.append(ConfigError(f"{place} has more cells than the header.", "Put the cell that holds "
                                            f'a {separator!r} into quotes: "...".'))  # fmt: skip
            else:
                pairs = zip(columns, cells, strict=False)
                lines.append(Line(place, {column: cell.strip() for column, cell in pairs if column and cell.strip()}))
    except csv.Error as error:
        raise ConfigError(f"{name}, line {begins}: {error}.", 'A cell that begins with " must end with one.') from error
    if columns is None:
        raise ConfigError(f"{name} is empty.", f"Its first line names the columns, such as {_EXAMPLE}.")
    return Table(tuple(lines), tuple(mistakes), tuple(unused))


def _header(cells: Sequence[str], place: str) -> tuple[list[str], list[str]]:
    """What each column is, "" for one that is not known, and what those are called. Raises ConfigError."""
    plain = [re.sub(r"[^a-z0-9äöüß]+", " ", cell.lower()).strip() for cell in cells]
    columns = [_CALLED.get(cell, "") for cell in plain]
    for column in {one for one in columns if columns.count(one) > 1 and one}:
        twice = " and ".join(repr(cell) for cell, found in zip(cells, columns, strict=True) if found == column)
        raise ConfigError(f"{place}: {twice} are the same column.", "Remove one of them.")
    unused = [cell.strip() for cell, column in zip(cells, columns, strict=True) if cell.strip() and not column]
    if "name" not in columns:
        hint = next((nearest(cell, COLUMNS["name"]) for cell in plain if cell), "")
        raise ConfigError(f"{place}: no column is called name.", hint if hint.startswith("Did") else
                          f"The first line names the columns, such as {_EXAMPLE}.")  # fmt: skip
    if not {"m365", "tenant_id", "google"} & set(columns):
        raise ConfigError(f"{place}: no column names a tenant.", "Add m365 (a domain), tenant id, or google "
                          "(an administrator's address).")  # fmt: skip
    return columns, unused
