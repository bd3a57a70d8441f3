"""Looking at one value of keyround.toml: what is wrong is named with its place and the nearest right word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigError, nearest
from ..secrets import WAYS, is_reference
from .where import Place

_MISTAKEN = {"UK": "GB", "EL": "GR", "EN": "GB"}  # as people write them -> as the providers do
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "da", "sv", "nb", "fi", "pl", "cs")
# ISO 3166-1 alpha-2, and XK, which the providers write for Kosovo.
_ISO = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
    KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS
    MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS
    RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW
    TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
_CODES = frozenset(_ISO.split())


def countries(found: Any, place: Place | str, key: str = "home_countries") -> tuple[str, ...] | None:
    """Two-letter codes as the providers write them; None when there is none. Raises ConfigError."""
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ConfigError(f"{place}: {key} is a list of two-letter codes.", f'For example {key} = ["DK", "SE"].')
    codes = set()
    for word in found:
        code = word.strip().upper()
        if not re.fullmatch("[A-Z]{2}", code):
            right = _code_of(word)
            remedy = f"Write {right!r}." if right else f'For example {key} = ["DK", "SE"].'
            raise ConfigError(f"{place}: {key}: {word!r} is none of the two-letter codes.", remedy)
        if code not in _CODES:
            remedy = f"Write {_MISTAKEN[code]!r}." if code in _MISTAKEN else "The codes are those of ISO 3166."
            raise ConfigError(f"{place}: {key}: {code!r} is no country's code.", remedy)
        codes.add(code)
    return tuple(sorted(codes)) or None


def _code_of(name: str) -> str:
    """The code of a country that somebody wrote out, in one of a few languages; "" when it is none."""
    from babel import Locale

    wanted = name.strip().casefold()
    for language in _LANGUAGES:
        for code, said in Locale(language).territories.items():
            if code in _CODES and said.casefold() == wanted:
                return str(code)
    return ""


def only(raw: Mapping[str, Any], known: tuple[str, ...], place: Place) -> None:
    for key in raw:
        if key not in known:
            raise ConfigError(f"{place.at(key)}: unknown setting {key!r}.", nearest(key, known))


def table(raw: Mapping[str, Any], key: str, place: Place) -> Mapping[str, Any]:
    found = raw.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{place.at(key)}: {key} is not a table.")
    return found


def tables(raw: Mapping[str, Any], key: str, place: Place) -> Iterator[tuple[Mapping[str, Any], Place]]:
    """The sections of an array of tables, each with its own place."""
    found = raw.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError(
            f"{place.at(key)}: {key} is not a list of tables.", f"Write [[{'.'.join(map(str, place.path))}.{key}]]."
        )
    for number, part in enumerate(found, 1):
        yield part, place.numbered(key, number)


def text(raw: Mapping[str, Any], key: str, place: Place) -> str:
    found = raw.get(key, "")
    if not isinstance(found, str):
        raise ConfigError(f"{place.at(key)}: {key} must be text in quotes.")
    return found.strip()


def reference(raw: Mapping[str, Any], key: str, place: Place) -> str:
    """A reference to a secret. What stands there instead is a secret, maybe: it is not said again."""
    found = text(raw, key, place)
    if found and not is_reference(found):
        raise ConfigError(f"{place.at(key)}: {key} is not a reference to a secret.", WAYS)
    return found


def texts(raw: Mapping[str, Any], key: str, place: Place) -> tuple[str, ...]:
    """One text or a list of them, each once; none is empty."""
    found = raw.get(key, [])
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ConfigError(
            f"{place.at(key)}: {key} is text in quotes or a list of such.", f'For example {key} = "our-rules".'
        )
    return tuple(dict.fromkeys(one.strip() for one in listed))


def usernames(raw: Mapping[str, Any], key: str, place: Place) -> tuple[str, ...]:
    """Sign-in names, lower case, sorted. Raises ConfigError."""
    found = raw.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and "@" in one for one in found):
        raise ConfigError(
            f"{place.at(key)}: {key} is a list of user names.", f'For example {key} = ["notfall@contoso.example"].'
        )
    return tuple(sorted({one.strip().lower() for one in found}))
