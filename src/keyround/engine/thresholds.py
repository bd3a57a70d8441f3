"""A client's own thresholds in place of the rules' defaults. What cannot be applied is said, and the default stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ConfigError, nearest
from .rule import Rule

MOST = 1_000_000
"""No number of days, minutes, kilometres or attempts is larger; SQL breaks over some that are."""


@dataclass(frozen=True, slots=True)
class Strictness:
    """`usual`: of each rule the parameters that the client replaced, with the values they have otherwise.

    `mistakes` are settings without effect.
    """

    rules: tuple[Rule, ...]
    usual: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    mistakes: tuple[ConfigError, ...] = ()


def applied(rules: Iterable[Rule], thresholds: Mapping[str, Mapping[str, Any]]) -> Strictness:
    """The rules as this client wants them judged. Values in, values out; never raises."""
    known = {rule.id: rule for rule in rules}
    usual: dict[str, dict[str, Any]] = {}
    mistakes = []
    for name, wanted in thresholds.items():
        if name not in known:
            mistakes.append(ConfigError(f"thresholds.{name}: there is no such rule.", nearest(name, known)))
            continue
        rule = known[name]
        for key, value in wanted.items():
            if mistake := _mistake(rule, key, value):
                mistakes.append(mistake)
                continue
            default = rule.parameters[key]
            if value != default:
                usual.setdefault(name, {})[key] = default
                kept = float(value) if isinstance(default, float) else value
                known[name] = replace(known[name], parameters={**known[name].parameters, key: kept})
    return Strictness(tuple(known.values()), usual, tuple(mistakes))


def _mistake(rule: Rule, key: str, value: Any) -> ConfigError | None:
    place = f"thresholds.{rule.id}"
    if key not in rule.parameters:
        known = nearest(key, rule.parameters) if rule.parameters else "This rule has none."
        return ConfigError(f"{place}: there is no threshold {key!r}.", known)
    if wanted := _unfit(value, rule.parameters[key]):
        example = f"The default is {rule.parameters[key]!r}."
        return ConfigError(f"{place}: {key} = {value!r} is not {wanted}.", example)
    return None


def _unfit(value: Any, default: Any) -> str:
    """What `value` should be, in words; empty where it can stand for `default`."""
    if isinstance(default, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(default, int | float):
        kinds, words = (int, "a whole number") if isinstance(default, int) else (int | float, "a number")
        number = isinstance(value, kinds) and not isinstance(value, bool)  # and not NaN, which no number is beside
        least = 0 if default >= 0 else -MOST
        return "" if number and least <= value <= MOST else f"{words} from {least:,} to {MOST:,}"
    if isinstance(default, list):
        kind = type(default[0]) if default else str
        same = isinstance(value, list) and all(type(one) is kind for one in value)
        return "" if same else "a list of texts" if kind is str else f"a list like {default!r}"
    return "" if type(value) is type(default) else "text in quotes" if isinstance(default, str) else f"like {default!r}"
