"""What one report's Summary counted: kept with each scan, so that later ones can say what it was last time.

Values only: no names, no words of any language. None is "not known", also where an older or later version kept
something that this one does not understand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

Light = Literal["good", "warn", "bad"]
"""The overall light in the words of tones: green, amber, red."""
G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class People:
    """By protection. `at_least`: the list of them was not whole, so that every number is a minimum."""

    protected: int
    gaps: int
    none: int
    unknown: int
    total: int
    at_least: bool

    @property
    def known(self) -> bool:
        """Something is known about at least one, or there is certainly nobody."""
        return self.unknown < self.total or not (self.total or self.at_least)


@dataclass(frozen=True, slots=True)
class Abroad:
    """Successful sign-ins from abroad, and by how many people. `unexplained`: by no trip, and accepted by nobody."""

    records: int
    people: int
    on_trip: int
    unexplained: int
    at_least: bool


@dataclass(frozen=True, slots=True)
class Unused:
    """`licensed`: how many of them have a licence; None while that is not known of all. `at_least`: not all were
    looked at."""

    count: int
    licensed: int | None
    at_least: bool


@dataclass(frozen=True, slots=True)
class Checks:
    impossible: int
    total: int


@dataclass(frozen=True, slots=True)
class Figures:
    """One scan's."""

    taken_at: datetime
    light: Light | None = None
    people: People | None = None
    admins: People | None = None
    abroad: Abroad | None = None
    unused: Unused | None = None
    checks: Checks | None = None


def as_json(figures: Figures) -> dict[str, Any]:
    return {**asdict(figures), "taken_at": figures.taken_at.isoformat()}


def from_json(raw: Mapping[str, Any]) -> Figures:
    """What another version kept as far as it is understood. Raises ValueError when it does not say of which scan."""
    try:
        taken_at = datetime.fromisoformat(raw["taken_at"])
    except (KeyError, TypeError) as error:
        raise ValueError("it does not say when the scan was taken") from error
    light = raw.get("light")
    return Figures(
        taken_at.replace(tzinfo=None),
        light if light in get_args(Light) else None,
        _group(People, raw.get("people")),
        _group(People, raw.get("admins")),
        _group(Abroad, raw.get("abroad")),
        _group(Unused, raw.get("unused")),
        _group(Checks, raw.get("checks")),
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_FITS: dict[str, Callable[[object], bool]] = {
    "int": _is_count,
    "int | None": lambda value: value is None or _is_count(value),
    "bool": lambda value: isinstance(value, bool),
}


def _group(kind: type[G], raw: object) -> G | None:
    """None where one number of it is missing or none: half a figure is no figure."""
    if not isinstance(raw, Mapping):
        return None
    values = {field.name: raw.get(field.name) for field in fields(kind)}  # type: ignore[arg-type]
    fitting = all(_FITS[str(field.type)](values[field.name]) for field in fields(kind))  # type: ignore[arg-type]
    return kind(**values) if fitting else None
