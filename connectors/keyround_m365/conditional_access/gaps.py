"""Where no second factor is asked for, in the fewest words that say it: "No second factor on trusted networks."

A gap is a set of situations. It is described by slices along one axis first
(every sign-in from trusted networks, whatever the app), then along two, then
three: the first that fit are the ones a manager would name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from .documents import TRUSTED_ADDRESSES, Location
from .grants import STRENGTH, TERMS
from .scenarios import OTHER, Axis, Cells, Place, Space
from .suites import called, within

DEEPEST = 3  # axes in one sentence
MOST = 8  # sentences
MOST_CORNERS = 4  # overlaps of places in one sentence

_CLIENTS = {"browser": "in a browser", "mobileappsanddesktopclients": "in apps on phones and computers"}
_PLATFORMS = {"android": "Android", "ios": "iPhone and iPad", "windows": "Windows", "macos": "Mac", "linux": "Linux",
              "windowsphone": "Windows Phone"}  # fmt: skip
_FLOWS = {
    "normal": "in an ordinary sign-in",
    "devicecodeflow": "when signing in with a device code",
    "authenticationtransfer": "when a sign-in is handed over to another device",
}
_INSTEAD = {
    "compliantdevice": "a managed device that follows the rules (compliant)",
    "domainjoineddevice": "a computer of the company's domain (hybrid joined)",
    "approvedapplication": "an approved app",
    "compliantapplication": "an app with a protection policy",
    "passwordchange": "a change of the password",
    "riskremediation": "removing the risk",
}


def described(
    space: Space, gap: Cells, blocked: Cells, instead: Mapping[frozenset[str], Cells], locations: Mapping[str, Location]
) -> Iterator[str]:
    """A sentence for each part of `gap`; what may stand in for a second factor comes first and on its own."""
    left = gap.copy()
    for clauses, cells in _choices(space, gap, instead):
        where = _where(space, cells, blocked, locations)
        named = " together with ".join(sorted(" or ".join(sorted(map(_way, ways))) for ways in clauses))
        yield f"Instead of a second factor it is enough to have {named}{_joined(where)}."
        left &= ~cells
    if left.any():
        sentences = _where(space, left, blocked, locations)
        yield from (f"No second factor {where}." for where in sentences[:MOST])
        if len(sentences) > MOST:
            yield "No second factor in further situations, too many to list."


def _choices(
    space: Space, gap: Cells, instead: Mapping[frozenset[str], Cells]
) -> Iterator[tuple[list[frozenset[str]], Cells]]:
    """The ways around a second factor, and where: who takes one must meet all clauses that leave a choice there."""
    clauses = sorted(instead, key=sorted)
    which = np.zeros(space.shape, dtype=np.int64)
    for number, ways in enumerate(clauses):
        which |= instead[ways].astype(np.int64) << number
    for bits in np.unique(which[gap]):
        met = [ways for number, ways in enumerate(clauses) if bits >> number & 1]
        if met:
            yield [ways for ways in met if not any(other < ways for other in met)], gap & (which == bits)


def _way(way: str) -> str:
    if way.startswith(TERMS):
        return "accepted terms of use"
    if way.startswith(STRENGTH):
        return f"an authentication of the strength “{way.removeprefix(STRENGTH)}”"
    return _INSTEAD.get(way, f"the control “{way}”")


def _joined(where: Sequence[str]) -> str:
    if where == ["anywhere"]:
        return ""
    return f": {'; '.join(where[:MOST])}" if len(where) > 1 else f" {where[0]}"


def _where(space: Space, gap: Cells, blocked: Cells, locations: Mapping[str, Location]) -> list[str]:
    """Phrases that together cover `gap`, each true of the whole slice it names, blocked cells aside."""
    filled = gap | blocked
    if filled.all():
        return ["anywhere"]
    left, phrases = gap.copy(), []
    wide = [number for number, axis in enumerate(space.axes) if len(axis.values) > 1]
    for depth in range(1, min(DEEPEST, len(wide)) + 1):
        for chosen in combinations(wide, depth):
            phrases += _slices(space, chosen, gap, filled, left, locations)
            if not left.any():
                return phrases
    return [*phrases, "in further combinations of apps, devices and places"]


def _slices(
    space: Space, chosen: tuple[int, ...], gap: Cells, filled: Cells, left: Cells, locations: Mapping[str, Location]
) -> list[str]:
    """The phrases of the slices along the `chosen` axes that lie in the gap; `left` loses what they cover."""
    others = tuple(number for number in range(len(space.axes)) if number not in chosen)
    filled_whole = np.asarray(filled.all(axis=others))
    whole = filled_whole & np.asarray(gap.any(axis=others))
    new = np.asarray(left.any(axis=others))
    *outer, last = chosen
    phrases = []
    for place in product(*(range(len(space.axes[number].values)) for number in outer)):
        fits = [number for number in range(len(space.axes[last].values)) if whole[(*place, number)]]
        if not any(new[(*place, number)] for number in fits):
            continue
        parts = []
        for number, value in zip(outer, place, strict=True):
            along = space.axes[number]
            parts.append(_said(along, [value], [v for v in range(len(along.values)) if v != value], locations))
        asked = [number for number in range(len(space.axes[last].values)) if not filled_whole[(*place, number)]]
        parts.append(_said(space.axes[last], fits, asked, locations))
        kinds = [space.axes[number].kind for number in chosen]
        alike = [kind == before for kind, before in zip(kinds, [None, *kinds], strict=False)]
        phrases.append(" ".join(f"and {part}" if same else part for part, same in zip(parts, alike, strict=True)))
        where: list[slice | int | list[int]] = [slice(None)] * len(space.axes)
        for axis, value in zip(outer, place, strict=True):
            where[axis] = value
        for value in fits:
            where[last] = value
            left[tuple(where)] = False
    return phrases


def _said(axis: Axis, chosen: Sequence[int], other: Sequence[int], locations: Mapping[str, Location]) -> str:
    """The `chosen` values in words; `other` are those that must not be meant. Where all is blocked, either will do."""
    values, rest = [axis.values[number] for number in chosen], [axis.values[number] for number in other]
    match axis.kind:
        case "app":
            return "in " + _in_apps(values, rest)
        case "client":
            return " or ".join(_CLIENTS[client] for client in values)
        case "platform":
            known = [_PLATFORMS.get(word, word) for word in values if word != OTHER]
            return "on " + _one_of(
                known, "other devices", [_PLATFORMS.get(word, word) for word in rest], OTHER in values
            )
        case "place":
            return _from(values, rest, locations)
        case "device":
            fits = "that match" if values == [True] else "that do not match"
            return f"on devices {fits} the filter “{axis.about}”"
        case "flow":
            return " or ".join(_FLOWS.get(flow, f"in the flow “{flow}”") for flow in values)
        case "risk":
            return f"when the risk is {' or '.join(values)}"
    policy, _, condition = axis.about.rpartition(": ")
    holds = "holds" if values == [True] else "does not hold"
    return f"where the condition “{condition}” of the policy “{policy}”, which Keyround does not know, {holds}"


def _one_of(named: list[str], others: str, rest: list[str], open_end: bool) -> str:
    """The named ones; or, where anything else is among them, everything but the rest."""
    if not open_end:
        return _listed(named)
    return f"{others} than {_listed(rest)}" if rest else others


def _in_apps(values: Sequence[str], rest: Sequence[str]) -> str:
    """Apps; of a suite and its members, each time, which of them are not like the other."""
    asked = set(rest) - {OTHER}
    named = [app for app in values if app != OTHER and (OTHER not in values or within(app, asked))]
    parts = [_listed([_suite(app, asked) for app in named])] if named else []
    if OTHER in values:
        parts.append(f"other apps than {_listed(sorted(map(called, asked)))}" if asked else "other apps")
    return " and in ".join(parts)


def _suite(app: str, asked: Iterable[str]) -> str:
    """What the app is called; a suite, without those of its members that are `asked`."""
    kept = sorted(called(one) for one in asked if one != app and within(one, {app}))
    return f"{called(app)} (but for {_listed(kept)})" if kept else called(app)


def _listed(words: Sequence[str], joined: str = "and") -> str:
    *first, last = words or ("none",)
    return f"{', '.join(first)} {joined} {last}" if first else last


def _from(values: Sequence[Place], rest: Sequence[Place], locations: Mapping[str, Location]) -> str:
    if all(place.trusted for place in values) and not any(place.trusted for place in rest):
        return "on trusted networks"
    if not any(place.trusted for place in values) and all(place.trusted for place in rest):
        return "outside trusted networks"
    names = {key: _place(key, locations) for place in (*values, *rest) for key in place.locations}
    if inside := _inside(values, rest, names):
        return f"in {_listed(sorted(names[key] for key in inside), 'or')}"
    if outside := _inside(rest, values, names):
        return f"outside {_listed(sorted(names[key] for key in outside))}"
    return ", or ".join(_corners(values, rest, names))


def _inside(values: Sequence[Place], rest: Sequence[Place], keys: Iterable[str]) -> set[str]:
    """The locations whose union holds all `values` and none of the `rest`; empty where there are none such."""
    inside = {key for key in keys if all(key not in place.locations for place in rest)}
    return inside if all(place.locations & inside for place in values) else set()


def _corners(values: Sequence[Place], rest: Sequence[Place], names: Mapping[str, str]) -> Iterator[str]:
    """What to lie in and what to stay out of, so that it is one of `values` and none of the `rest`.

    The shortest come first and, among those, what says most.
    """
    left, said = set(values), 0
    for size in range(1, DEEPEST + 1):
        found = [
            (corner, {place for place in left if _lies(place, corner)})
            for corner in combinations([(key, there) for there in (True, False) for key in sorted(names)], size)
            if not any(_lies(place, corner) for place in rest)
        ]
        while left and found:
            corner, covered = max(found, key=lambda one: len(one[1] & left))
            if not covered & left:
                break
            if said == MOST_CORNERS:
                yield "in further overlaps of places"
                return
            left, said = left - covered, said + 1
            yield _corner(corner, names)
    if left:
        yield "in further overlaps of places"


def _lies(place: Place, corner: Iterable[tuple[str, bool]]) -> bool:
    return all((key in place.locations) is there for key, there in corner)


def _corner(corner: Sequence[tuple[str, bool]], names: Mapping[str, str]) -> str:
    inside, outside = (sorted(names[key] for key, lies in corner if lies is there) for there in (True, False))
    said = (f"in {' and in '.join(inside)}" if inside else "", f"outside {_listed(outside)}" if outside else "")
    return " but ".join(filter(None, said))


def _place(key: str, locations: Mapping[str, Location]) -> str:
    if key == TRUSTED_ADDRESSES:
        return "the trusted addresses of the multifactor settings"
    return f"“{locations[key].name}”" if key in locations else f"a place that could not be read ({key})"
