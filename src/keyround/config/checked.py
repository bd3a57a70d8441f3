"""Looking at one value of keyround.toml: what is wrong is named with its place and the nearest right word."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, nearest

_MISTAKEN = {"UK": "GB", "EL": "GR", "EN": "GB"}  # as people write them -> as the providers do


def countries(found: Any, place: str) -> tuple[str, ...] | None:
    """Two-letter codes as the providers write them; None when there is none. Raises ConfigError."""
    if not isinstance(found, list) or not all(isinstance(c, str) and re.fullmatch("[A-Za-z]{2}", c) for c in found):
        raise ConfigError(f"{place}: home_countries is a list of two-letter codes.", 'For example ["DK", "SE"].')
    codes = {code.upper() for code in found}
    for code in sorted(codes & _MISTAKEN.keys()):
        raise ConfigError(f"{place}: home_countries: {code!r} is no country's code.", f"Write {_MISTAKEN[code]!r}.")
    return tuple(sorted(codes)) or None


def only(raw: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in raw:
        if key not in known:
            raise ConfigError(f"{place}: unknown setting {key!r}.", nearest(key, known))


def table(raw: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{place}: {key} is not a table.")
    return found


def text(raw: Mapping[str, Any], key: str, place: str) -> str:
    found = raw.get(key, "")
    if not isinstance(found, str):
        raise ConfigError(f"{place}: {key} must be text in quotes.")
    return found.strip()


def texts(raw: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """One text or a list of them, each once; none is empty."""
    found = raw.get(key, [])
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ConfigError(f"{place}: {key} is text in quotes or a list of such.", f'For example {key} = "our-rules".')
    return tuple(dict.fromkeys(one.strip() for one in listed))
