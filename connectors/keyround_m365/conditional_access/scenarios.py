"""The situations in which somebody may sign in, as far as a set of policies tells them apart.

Only what the policies mention becomes an axis: apps, clients, platforms, places,
device filters, flows, conditions nobody knows. A value that no policy mentions
is one more value, "anything else". Every combination is one cell of an array,
and a policy is the array of cells it applies in.

Risk is a special case: an ordinary sign-in has none, so a policy that waits for
risk covers nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from .documents import ALL, ALL_TRUSTED, TRUSTED_ADDRESSES, Choice, Location, Policy
from .suites import within

Cells = npt.NDArray[np.bool_]
MOST = 2_000_000  # cells; more than any real set of policies needs
OTHER = "other"
MODERN = ("browser", "mobileappsanddesktopclients")
LEGACY = ("exchangeactivesync", "other")
_NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sign-in comes from: the named locations it lies in, lower case, and whether one of them is trusted."""

    locations: frozenset[str]
    trusted: bool


@dataclass(frozen=True, slots=True)
class Axis:
    """`kind` is app, client, platform, place, device, flow, risk or strange; `about` says which filter or condition."""

    kind: str
    values: tuple[Any, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Space:
    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis.values) for axis in self.axes)

    def nowhere(self) -> Cells:
        return np.zeros(self.shape, dtype=np.bool_)

    def cells(self, policy: Policy) -> Cells:
        """Where `policy` applies."""
        found = np.ones((1,) * len(self.axes), dtype=np.bool_)
        for number, axis in enumerate(self.axes):
            hits = [_hit(policy, axis, value) for value in axis.values]
            if not all(hits):
                shape = [1] * len(self.axes)
                shape[number] = len(hits)
                found = found & np.array(hits, dtype=np.bool_).reshape(shape)
        return np.broadcast_to(found, self.shape)


class TooMany(Exception):
    """The policies tell more situations apart than can be looked at."""


def space(policies: Sequence[Policy], locations: Mapping[str, Location], clients: tuple[str, ...] = MODERN) -> Space:
    """The axes that `policies` need. Raises TooMany."""
    axes = [
        Axis("app", (*_apps(policies), OTHER)),
        Axis("client", clients),
        Axis("platform", (*sorted(_mentioned(p.platforms for p in policies)), OTHER)),
        Axis("place", tuple(_places(policies, locations))),
    ]
    axes += [Axis("device", (True, False), rule) for rule in sorted({rule for p in policies for rule, _ in p.devices})]
    if flows := sorted({flow for policy in policies for flow in policy.flows}):
        axes.append(Axis("flow", (_NORMAL, *flows)))
    for risk in sorted({risk for policy in policies for risk, levels in policy.risks.items() if "none" in levels}):
        levels = {level for policy in policies for level in policy.risks.get(risk, ())}
        axes.append(Axis("risk", ("none", *sorted({"low", "medium", "high", *levels} - {"none"})), risk))
    strange = sorted({f"{policy.name}: {name}" for policy in policies for name in policy.strange})
    axes += [Axis("strange", (True, False), condition) for condition in strange]
    size = 1
    for axis in axes:
        size *= len(axis.values)
        if size > MOST:
            raise TooMany
    return Space(tuple(axes))


def _hit(policy: Policy, axis: Axis, value: Any) -> bool:
    match axis.kind:
        case "app":
            return _app(policy, value)
        case "client":
            return not policy.clients or value in policy.clients
        case "platform":
            return _chosen(policy.platforms, {value})
        case "place":
            return _chosen(policy.locations, {*value.locations, *([ALL_TRUSTED] if value.trusted else [])})
        case "device":
            return all(value is wanted for rule, wanted in policy.devices if rule == axis.about)
        case "flow":
            return not policy.flows or value in policy.flows
        case "risk":
            return axis.about not in policy.risks or value in policy.risks[axis.about]
        case _:
            named = {f"{policy.name}: {name}" for name in policy.strange}
            return value or axis.about not in named


def in_force(policy: Policy) -> bool:
    """The policy can apply to an ordinary sign-in at all: it aims at apps and does not wait for risk."""
    return bool(policy.apps.include - {"none"}) and all("none" in levels for levels in policy.risks.values())


def unlimited(policy: Policy) -> bool:
    """The policy applies to every sign-in there is."""
    conditions = (policy.clients, policy.devices, policy.risks, policy.flows, policy.strange)
    choices = (policy.apps, policy.platforms, policy.locations)
    return not any(conditions) and all(one is None or (ALL in one.include and not one.exclude) for one in choices)


def _app(policy: Policy, app: str) -> bool:
    if app == OTHER:
        return ALL in policy.apps.include
    return (ALL in policy.apps.include or within(app, policy.apps.include)) and not within(app, policy.apps.exclude)


def _apps(policies: Iterable[Policy]) -> list[str]:
    return sorted({app for p in policies for side in (p.apps.include, p.apps.exclude) for app in side} - {ALL, "none"})


def _mentioned(choices: Iterable[Choice | None]) -> set[str]:
    return {word for choice in choices if choice for side in (choice.include, choice.exclude) for word in side} - {ALL}


def _chosen(choice: Choice | None, found: set[str]) -> bool:
    if choice is None:
        return True
    return bool(choice.include & {ALL, *found}) and not choice.exclude & {ALL, *found}


def _places(policies: Sequence[Policy], locations: Mapping[str, Location]) -> list[Place]:
    """Every way in which named locations can overlap, as far as the policies mention them.

    Ranges of addresses are compared with each other, countries with each other. Nothing offline says in which
    country a range lies, so any range is combined with any country.
    """
    mentioned = _mentioned(p.locations for p in policies)
    trusted = {key for key, one in locations.items() if one.trusted} | {TRUSTED_ADDRESSES}
    if ALL_TRUSTED in mentioned:
        mentioned = mentioned - {ALL_TRUSTED} | trusted
    known = [locations[key] for key in sorted(mentioned) if key in locations]
    regions = [
        _by_address([one for one in known if one.ranges is not None]),
        _by_country([one for one in known if one.countries is not None and not one.by_gps]),
        _by_country([one for one in known if one.countries is not None and one.by_gps]),
    ]
    # Of a location that could not be read, and of the old settings' trusted addresses, nobody knows what lies inside.
    seen = {one.location_id for one in known if one.ranges is not None or one.countries is not None}
    regions += [{frozenset(), frozenset({key})} for key in sorted(mentioned - seen)]
    size = 1
    for one_sort in regions:
        size *= len(one_sort)
        if size > MOST:
            raise TooMany
    inside = {frozenset[str]().union(*parts) for parts in product(*regions)}
    return [Place(keys, bool(keys & trusted)) for keys in sorted(inside, key=lambda keys: (len(keys), sorted(keys)))]


def _by_address(locations: Sequence[Location]) -> set[frozenset[str]]:
    """Sweeps along all addresses and notes each set of locations that some address lies in."""
    found: set[frozenset[str]] = set()
    for version, bits in ((4, 32), (6, 128)):
        borders: list[tuple[int, int, str]] = [(0, 0, "")]
        for one in locations:
            for network in one.ranges or ():
                if network.version == version:
                    first = int(network.network_address)
                    borders += [(first, 1, one.location_id), (first + network.num_addresses, -1, one.location_id)]
        inside: dict[str, int] = {}
        for at, group in groupby(sorted(borders), key=itemgetter(0)):
            for _, step, key in group:
                inside[key] = inside.get(key, 0) + step
            if at < 2**bits:
                found.add(frozenset(key for key, depth in inside.items() if depth))
    return found


def _by_country(locations: Sequence[Location]) -> set[frozenset[str]]:
    """One set for each country that is listed, one for all others, one for addresses of which no country is known."""
    listed = {code for one in locations for code in one.countries or ()}
    found = {frozenset(one.location_id for one in locations if code in (one.countries or ())) for code in listed}
    unknown = frozenset(one.location_id for one in locations if one.unknown_countries)
    return {*found, frozenset(), unknown}
