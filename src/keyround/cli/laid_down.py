"""What a client lays down in keyround.toml, looked at beside the rules there are and the newest snapshot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..config import Client, Config
from ..config.where import Place
from ..engine import thresholds
from ..engine.results import Scan
from ..engine.rule import Rule
from ..errors import ConfigError, StoreError, nearest
from ..judging import reported
from ..store import ClientStore, Snapshot
from ..terms import Acceptance
from ..words import day

HOW_NAMED = (
    "Name a person by the user name of the sheet People, a group or device by its name, or write tenant for everybody."
)


def newest(store: ClientStore, client: Client) -> Snapshot:
    """The newest snapshot. Raises ConfigError where there is none yet."""
    if not (stamps := store.stamps()):
        raise ConfigError(
            f"There is no snapshot of {client.key} yet to look the names up in.", f"Run `keyround scan {client.key}`."
        )
    return store.snapshot(stamps[-1])


def mistakes(config: Config, client: Client, store: ClientStore, rules: tuple[Rule, ...]) -> list[ConfigError]:
    """Thresholds and accepted risks that name what is not there, with their place.

    Subjects are looked up in the newest snapshot; before the first scan nobody knows them. A snapshot that does not
    open is said, and is no mistake of the configuration.
    """
    known = {one.id: one for one in rules}
    own = client.place or config.place
    found = []
    for mistake in thresholds.applied(rules, client.terms.thresholds).mistakes:
        rule = mistake.detail.partition(":")[0].removeprefix("thresholds.")
        stands = [place.at("thresholds", rule).named_in(mistake.detail, client.terms.thresholds[rule])
                  for place in (own, config.place)]  # fmt: skip
        place = next((place for place in stands if place.there), config.place)
        found.append(ConfigError(f"{place.line}: {mistake.detail}", mistake.remedy))
    places = {one: own.numbered("accept", n) for n, one in enumerate(client.terms.accepted, 1)}
    for one, section in places.items():
        if one.rule not in known:
            found.append(ConfigError(f"{section.at('rule')}: there is no rule {one.rule!r}.", nearest(one.rule, known)))
    named = tuple(one for one in client.terms.accepted if one.rule in known)
    if named and store.stamps():
        asked = [known[name] for name in sorted({one.rule for one in named})]
        try:
            with reported(newest(store, client), store, asked, None, replace(client.terms, accepted=named)) as scan:
                found += _unknown(scan, places)
        except StoreError as error:
            print(f"Whom the accepted risks name could not be looked up. {error}", file=sys.stderr)
    return found


def _unknown(scan: Scan, places: Mapping[Acceptance, Place]) -> Iterator[ConfigError]:
    for one in scan.accepted:
        if one.state in ("unknown_subject", "unknown_tenant"):
            key = "tenant" if one.state == "unknown_tenant" else "subject"
            what = getattr(one.acceptance, key)
            remedy = f"Did you mean {one.nearest!r}?" if one.nearest else HOW_NAMED
            place = places[one.acceptance].at(key)
            yield ConfigError(f"{place}: {what!r} is not in the snapshot of {day(scan.taken_at)}.", remedy)
