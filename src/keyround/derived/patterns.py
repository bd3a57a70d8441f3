"""What the tables about patterns of sign-ins are computed with: thresholds, codes, and where countries lie."""

from __future__ import annotations

import csv
import functools
from importlib.resources import files
from typing import Any

from ..terms import Terms

FLOOR = {"km": 200, "kmh": 400}
"""What a journey must have to be kept at all; the rule asks for more, and lower thresholds find nothing more."""
THRESHOLDS = {
    "earlier": ("first-country", "earlier", 5),
    "known_days": ("first-country", "known_days", 14),
    "travel_km": ("impossible-travel", "km", 500),
    "travel_kmh": ("impossible-travel", "kmh", 900),
    "travel_people": ("impossible-travel", "people", 5),
    "spray_tries": ("password-spraying", "tries", 10),
    "spray_users": ("password-spraying", "users", 5),
    "guess_tries": ("password-guessing", "tries", 10),
    "guess_hours": ("password-guessing", "hours", 2),
}
"""Parameter of suspicions.sql -> the rule and the parameter whose value it is, and that rule's own default."""
REFUSED = (
    "50034",  # Entra: no such account
    "50053",  # locked after too many attempts, or a known bad address
    "50055",  # password expired
    "50056",  # no or invalid password
    "50057",  # account switched off
    "50126",  # wrong user name or password
    "login_failure",  # Google
)
"""Codes of a sign-in that failed because of its name or its password."""
GIVEN = {
    "first_places": ("since", "until", "asns"),
    "journeys": ("since", "until", "asns", "km", "kmh", "circle_country", "circle_latitude", "circle_longitude",
                 "circle_radius"),
    "password_tries": ("until", "codes"),
    "suspicions": ("since", "until", *THRESHOLDS),
}  # fmt: skip


def parameters(terms: Terms | None) -> dict[str, Any]:
    """What these tables need besides the window, with the client's own thresholds and networks."""
    own = terms or Terms()
    return {
        **FLOOR,
        **{name: own.thresholds.get(rule, {}).get(word, value) for name, (rule, word, value) in THRESHOLDS.items()},
        "asns": [asn for network in own.networks for asn in network.asns],
        "codes": list(REFUSED),
        **{f"circle_{name}": values for name, values in circles().items()},
    }


@functools.cache
def circles() -> dict[str, list[Any]]:
    """Where the people of each country live, as the columns of `countries.csv`: country, latitude, longitude, radius.

    One circle for most countries, several for long and wide ones; the radius, in km, is a little more than that of a
    circle of the country's area. Exclaves far from the rest are left out. Rough on purpose: two countries are never
    said to be farther apart than a plane would show.
    """
    text = files(__package__).joinpath("countries.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    found: dict[str, list[Any]] = {"country": [row["country"] for row in rows]}
    return found | {name: [float(row[name]) for row in rows] for name in ("latitude", "longitude", "radius")}
