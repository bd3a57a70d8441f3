"""New clients, each in a file of its own: `clients.d/KEY.toml` beside keyround.toml. All of them, or none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ... import setup
from ...config import Config, serviced
from ...config.checked import countries
from ...config.files import KEY
from ...config.keys import key_of
from ...config.sections import sections
from ...config.where import Place, Source
from ...errors import ConfigError, KeyroundError, StoreError, nearest
from ...installed import connector
from ...words import languages
from .table import Line

_EVERY = {"tag": "day", "täglich": "day", "daily": "day", "woche": "week", "wöchentlich": "week", "weekly": "week",
          "monat": "month", "monatlich": "month", "monthly": "month", "stunde": "hour", "stündlich": "hour",
          "hourly": "hour"}  # fmt: skip
_LANGUAGES = {"deutsch": "de", "german": "de", "englisch": "en", "english": "en"}
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEAD = "# Read together with keyround.toml in the folder above; paths are taken from there.\n"

Sections = Callable[[Mapping[str, str]], list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class New:
    """A client that is to be added: its settings, and one section for each tenant."""

    key: str
    name: str
    client: Mapping[str, Any]
    tenants: tuple[dict[str, str], ...]

    @property
    def text(self) -> str:
        return _HEAD + sections(self.key, self.client, self.tenants)


@dataclass(slots=True)
class Plan:
    """`present`: (where it is written, the client that has the tenant already); `mistakes` name their lines."""

    new: list[New]
    present: list[tuple[str, str]]
    mistakes: list[KeyroundError]


def plan(lines: Iterable[Line], config: Config | None, tenants_of: Sections) -> Plan:
    """What is to be added. `tenants_of` makes the sections of one line's answers; it may ask the provider."""
    known, broken = (config.clients, config.broken) if config else ({}, {})
    found = Plan([], [], [])
    placed: list[tuple[str, str, Sequence[Mapping[str, Any]]]] = [
        (key, "", [{"connector": tenant.connector, **tenant.settings} for tenant in client.tenants])
        for key, client in known.items()
    ]
    for line in lines:
        try:
            answers = _answers(line)
            client = settings(line.cells, line.place)
            key = _key(line, [key for key, _, _ in placed])
            if key in broken:
                raise ConfigError(f"{line.place}: there is a client {key!r}, which cannot be read: "
                                  f"{broken[key].detail}", broken[key].remedy)  # fmt: skip
            tenants = tenants_of({**answers, "key": key})
            there = _there(line.place, tenants, placed)
            if not there and key in (one for one, _, _ in placed):
                raise ConfigError(f"{line.place}: there is a client {key!r} already.", "Choose another key.")
        except KeyroundError as error:
            named = error.detail if error.detail.startswith(line.place) else f"{line.place}: {error.detail}"
            found.mistakes.append(type(error)(named, error.remedy, error.therefore))
            continue
        if there:
            found.present.append((line.place, there))
            continue
        placed.append((key, line.place, tenants))
        found.new.append(New(key, line.cells["name"], client, tuple(tenants)))
    return found


def _answers(line: Line) -> dict[str, str]:
    """The cells as the questions of `init` would be answered. Raises ConfigError."""
    cells = line.cells
    if "name" not in cells:
        raise ConfigError(f"{line.place}: name is empty.", "Every client has one.")
    asked = ("name", "m365", "tenant_id", "google", "customer_id", "credential", "client_id")
    found = dict.fromkeys(asked, "") | {name: cells[name] for name in asked if name in cells}
    if _GUID.fullmatch(found["m365"]):
        found |= {"m365": "", "tenant_id": found["tenant_id"] or found["m365"]}
    if not (found["m365"] or found["tenant_id"] or found["google"]):
        raise ConfigError(f"{line.place}: {cells['name']} has no tenant.", "Fill in m365, tenant id, or google.")
    if found["google"] and "@" not in found["google"]:
        raise ConfigError(f"{line.place}: google: {found['google']!r} is no address.", "It is an administrator's.")
    return found


def settings(cells: Mapping[str, str], place: str) -> dict[str, Any]:
    """What stands in [client.KEY], proven. Raises ConfigError naming `place`."""
    found: dict[str, Any] = {"name": cells["name"]}
    if home := countries(re.findall(r"[^\s,;/|]+", cells.get("home", "")), place, "home"):
        found["home_countries"] = list(home)
    if spoken := cells.get("language", "").lower():
        spoken = _LANGUAGES.get(spoken, spoken.partition("-")[0])
        if spoken not in languages():
            raise ConfigError(f"{place}: language = {spoken!r} is none of {', '.join(languages())}.",
                              nearest(spoken, languages()))  # fmt: skip
        found["language"] = spoken
    named = Place(Source(Path(), place))
    if contact := serviced.address(cells, "contact", named):
        found["contact"] = contact
    if every := cells.get("every", "").lower():
        found["every"] = _EVERY.get(every, every)
        serviced.schedule(found, named)
    if order := {key: cells[key] for key in ("authorised_by", "role") if key in cells}:
        days = {key: _day(cells[key], f"{place}: {key}") for key in ("on", "until") if key in cells}
        found["order"] = {**order, **days}
        serviced.order(found, named)
    elif {"on", "until"} & cells.keys():
        raise ConfigError(f"{place}: an order has a day and nobody who gave it.", "Fill in authorised by.")
    return found


def _day(text: str, place: str) -> date:
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d.%m.%y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ConfigError(f"{place}: {text!r} is no day.", "Write it as 2027-06-30 or 30.06.2027.")


def _key(line: Line, taken: Sequence[str]) -> str:
    asked = line.cells.get("key", "")
    if not asked:
        return key_of(line.cells["name"], taken)
    if not KEY.fullmatch(asked):
        raise ConfigError(f"{line.place}: key {asked!r} is not made of a-z, 0-9 and -.", f"Say {key_of(asked)!r}.")
    return asked


def _there(
    place: str, tenants: Sequence[Mapping[str, Any]], placed: Sequence[tuple[str, str, Sequence[Mapping[str, Any]]]]
) -> str:
    """The client that has all of these tenants already, "" when nobody has any. Raises ConfigError in between."""
    owners = [next((one for one in placed if _has(one[2], tenant)), None) for tenant in tenants]
    if not any(owners):
        return ""
    key, where, _ = next(one for one in owners if one)
    if where:
        raise ConfigError(f"{place} has a tenant that {where.rpartition(', ')[2]} has already.", "Remove one of them.")
    if all(one and one[0] == key for one in owners):
        return key
    raise ConfigError(f"{place}: one of its tenants belongs to the client {key!r} already, not all of them.",
                      f"Add the other one to [client.{key}] by hand, or correct the line.")  # fmt: skip


def _has(sections: Sequence[Mapping[str, Any]], tenant: Mapping[str, Any]) -> bool:
    reader = connector(tenant["connector"])
    return any(one["connector"] == tenant["connector"] and setup.same_tenant(reader, one, tenant) for one in sections)


def write(folder: Path, new: Sequence[New]) -> list[Path]:
    """A file for each; none is there when one could not be written, and nothing is replaced. Raises StoreError."""
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for client in new:
            path = folder / f"{client.key}.toml"
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(client.text)
    except OSError as error:
        remove(written)
        taken = isinstance(error, FileExistsError)
        raise StoreError(
            f"{error.filename or folder} {'is there already' if taken else f'cannot be written ({error.strerror})'}.",
            "Rename it, or give the client another key." if taken else "Free some space, or correct the permissions.",
            "No client was added.",
        ) from error
    return written


def remove(written: Iterable[Path]) -> None:
    """What was just written, and turned out wrong."""
    for path in written:
        path.unlink(missing_ok=True)
