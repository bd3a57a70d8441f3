"""Where the people of a client are at home, when they travel, and which networks are never abroad."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from ipaddress import IPv6Network, ip_network
from typing import Any

from ..errors import ConfigError
from ..terms import Home, Network, Trip
from .checked import countries, only, tables, text, usernames
from .where import Place

EXAMPLES = """\
# People who are at home in another country, travel, or come through a network of yours: their sign-ins explained.
# [[client.{key}.home]]
# countries = ["PT"]
# people    = ["ada@contoso.example"]        # or a group, a department, an organisational unit: group = "Sales"
#
# [[client.{key}.travel]]
# people    = ["ada@contoso.example"]        # left out: everybody
# countries = ["US"]                         # left out: anywhere
# from      = 2027-05-04
# until     = 2027-05-15
# reason    = "Trade fair"
#
# [[client.{key}.network]]
# name      = "VPN"
# addresses = ["203.0.113.0/24"]
# asns      = [64500]
"""
"""For a new keyround.toml; `{key}` is the client's."""

HOME = ("countries", "people", "group")
TRAVEL = ("people", "countries", "from", "until", "reason")
NETWORK = ("name", "addresses", "asns")
_LONGEST_TRIP = 366  # days
_WIDEST = {4: 8, 6: 19}  # prefix lengths; the widest network that any one organisation holds
_LAST_ASN = 2**32 - 2  # the one after it is reserved


def homes(raw: Mapping[str, Any], place: Place) -> tuple[Home, ...]:
    """Every [[client.NAME.home]]. Raises ConfigError."""
    return tuple(_home(part, where) for part, where in tables(raw, "home", place))


def trips(raw: Mapping[str, Any], place: Place) -> tuple[Trip, ...]:
    """Every [[client.NAME.travel]]. Raises ConfigError."""
    return tuple(_trip(part, where) for part, where in tables(raw, "travel", place))


def networks(raw: Mapping[str, Any], place: Place) -> tuple[Network, ...]:
    """The list `networks` and every [[client.NAME.network]]. Raises ConfigError."""
    listed = raw.get("networks", [])
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ConfigError(
            f"{place.at('networks')}: networks is a list of addresses and AS numbers.",
            'For example networks = ["203.0.113.0/24", "AS64500"].',
        )
    named = [_network(part, where) for part, where in tables(raw, "network", place)]
    return (*(_one(word.strip(), f"{place.at('networks', n)}: networks") for n, word in enumerate(listed)), *named)


def _home(raw: Mapping[str, Any], place: Place) -> Home:
    only(raw, HOME, place)
    people, group = usernames(raw, "people", place), text(raw, "group", place)
    if bool(people) == bool(group):
        raise ConfigError(
            f"{place}: " + ("names people and a group." if people else "does not say whose home it is."),
            'Give one of the two: people = ["ada@contoso.example"], or group = "Sales".',
        )
    there = countries(raw.get("countries", []), place.at("countries"), "countries")
    if not there:
        raise ConfigError(f"{place}: countries is missing.", 'For example countries = ["PT"].')
    return Home(there, people, group)


def _trip(raw: Mapping[str, Any], place: Place) -> Trip:
    only(raw, TRAVEL, place)
    people = usernames(raw, "people", place)
    there = countries(raw.get("countries", []), place.at("countries"), "countries")
    for key, found in (("people", people), ("countries", there)):
        if key in raw and not found:
            raise ConfigError(f"{place.at(key)}: {key} is empty.", f"Name some, or leave {key} out.")
    if not people and not there:
        raise ConfigError(
            f"{place} names neither people nor countries: it would explain every sign-in.", "Name one of the two."
        )
    first, last = _day(raw, "from", place), _day(raw, "until", place)
    if last < first:
        raise ConfigError(f"{place.at('until')}: until ({last}) is before from ({first}).", "Exchange the two.")
    if (last - first).days >= _LONGEST_TRIP:
        raise ConfigError(
            f"{place.at('until')}: {first} to {last} is longer than a year.",
            "Who lives there has a home there: write a home section instead.",
        )
    return Trip(first, last, there or (), people, text(raw, "reason", place))


def _day(raw: Mapping[str, Any], key: str, place: Place) -> date:
    found = raw.get(key)
    if not isinstance(found, date) or isinstance(found, datetime):
        wrong = "is missing" if found is None else f"is {found!s}, which is no day"
        raise ConfigError(f"{place.at(key)}: {key} {wrong}.", f"Write it without quotes: {key} = 2027-05-04.")
    return found


def _network(raw: Mapping[str, Any], place: Place) -> Network:
    only(raw, NETWORK, place)
    name = text(raw, "name", place)
    if not name:
        raise ConfigError(f"{place}: name is missing.", 'The report calls the network by it: name = "VPN".')
    addresses, asns = raw.get("addresses", []), raw.get("asns", [])
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise ConfigError(
            f"{place.at('addresses')}: addresses is a list of texts.", 'For example addresses = ["203.0.113.0/24"].'
        )
    if not isinstance(asns, list):
        raise ConfigError(f"{place.at('asns')}: asns is a list of AS numbers.", "For example asns = [64500].")
    if not addresses and not asns:
        raise ConfigError(f"{place} has neither addresses nor asns.", 'For example addresses = ["203.0.113.0/24"].')
    return Network(
        name,
        tuple(_range(one.strip(), f"{place.at('addresses', n)}: addresses") for n, one in enumerate(addresses)),
        tuple(_asn(one, f"{place.at('asns', n)}: asns") for n, one in enumerate(asns)),
    )


def _one(word: str, place: str) -> Network:
    """One word of the short list: addresses or an AS number, which is its own name."""
    if word[:2].upper() == "AS" and ":" not in word:
        return Network(word.upper(), asns=(_asn(word, place),))
    return Network(word, ranges=(_range(word, place),))


def _range(word: str, place: str) -> str:
    """A range of addresses as Python writes it."""
    try:
        network = ip_network(word)
    except ValueError as error:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            remedy = 'Write a range such as "203.0.113.0/24" or "2001:db8::/32", or one address.'
            raise ConfigError(f"{place}: {word!r} is no range of addresses.", remedy) from error
        alone = word.partition("/")[0]
        raise ConfigError(
            f"{place}: {word!r} begins inside its range.",
            f'Write "{network}" for the whole range, or "{alone}" for the one address.',
        ) from error
    if isinstance(network, IPv6Network) and (inside := network.network_address.ipv4_mapped):
        plain = f"{inside}/{max(0, network.prefixlen - 96)}"
        raise ConfigError(f"{place}: {word!r} is the IPv6 form of IPv4 addresses.", f'Write "{plain}".')
    if network.prefixlen < _WIDEST[network.version]:
        raise ConfigError(
            f"{place}: {word!r} is wider than any one network, so that nearly nobody would be abroad.",
            f"Name the network's own ranges; the widest that is taken is /{_WIDEST[network.version]}.",
        )
    return str(network)


def _asn(found: Any, place: str) -> int:
    digits = found.strip().upper().removeprefix("AS") if isinstance(found, str) else found
    number = int(digits) if isinstance(digits, str) and digits.isdecimal() and len(digits) < 11 else digits
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= _LAST_ASN:
        raise ConfigError(
            f"{place}: {found!r} is no AS number.",
            "It is the number of a provider's network, such as 64500 or AS64500.",
        )
    return number
