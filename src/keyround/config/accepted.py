"""`[[client.NAME.accept]]` and `[thresholds.RULE]`: what a client puts up with, and how strict its checks are.

Which rules and subjects there are, this file cannot know: engine/acceptance.py and engine/thresholds.py say that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ..errors import ConfigError, nearest
from ..terms import Acceptance
from .checked import only, table, tables, text
from .where import Place

KEYS = ("rule", "subject", "aspect", "tenant", "severity", "reason", "owner", "until")
REQUIRED = ("rule", "reason", "owner", "until")
SEVERITIES = ("critical", "high", "medium", "low", "info")
WHOLE_TENANT = "tenant"
"""The subject that means everybody in the tenant, and the tenant itself."""


def acceptances(raw: Mapping[str, Any], place: Place) -> tuple[Acceptance, ...]:
    """Every `[[client.NAME.accept]]`, in the file's order. Raises ConfigError naming the section."""
    return tuple(_acceptance(one, where) for one, where in tables(raw, "accept", place))


def _acceptance(raw: Mapping[str, Any], place: Place) -> Acceptance:
    only(raw, KEYS, place)
    said = {key: text(raw, key, place) for key in KEYS if key != "until"}
    for key in REQUIRED:
        if not (raw.get(key) if key == "until" else said[key]):
            raise ConfigError(
                f"{place.at(key)}: {key} is missing.", "An accepted risk has a reason, an owner and an end."
            )
    if said["severity"] not in ("", *SEVERITIES):
        raise ConfigError(
            f"{place.at('severity')}: there is no severity {said['severity']!r}.", nearest(said["severity"], SEVERITIES)
        )
    if said["subject"].lower() == WHOLE_TENANT:
        said["subject"] = ""
    return Acceptance(**said, until=last_day(raw["until"], f"{place.at('until')}: until"))


def last_day(value: Any, place: str) -> date:
    """A day as TOML writes it, or as ISO text. Raises ConfigError."""
    try:
        if isinstance(value, str):
            return date.fromisoformat(value.strip())
        if isinstance(value, date):
            return value.date() if isinstance(value, datetime) else value
    except ValueError:
        pass
    raise ConfigError(f"{place} = {value!r} is no day.", "For example until = 2027-06-30.")


def thresholds(raw: Mapping[str, Any], place: Place) -> dict[str, dict[str, Any]]:
    """Rule -> parameter -> value, of one `thresholds` table. Raises ConfigError naming its place."""
    found = table(raw, "thresholds", place)
    for rule, values in found.items():
        if not isinstance(values, dict):
            example = "For example [thresholds.dormant-account] with unused_days = 60 under it."
            raise ConfigError(f"{place.at('thresholds', rule)}: thresholds.{rule} is not a table.", example)
    return {rule: dict(values) for rule, values in found.items()}


def together(general: Mapping[str, Mapping[str, Any]], own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The thresholds for everybody with the client's own, which win parameter by parameter."""
    return {rule: {**general.get(rule, {}), **own.get(rule, {})} for rule in (*general, *own)}
