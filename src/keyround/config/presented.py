"""`[provider]`, and what a client lays down for how its report looks.

names = "full"              people are called by name: the usual way
names = "coded"             everybody is a code such as P-17, and every device one such as D-3, in every file
names = "initials"          initials for what is so, codes for what somebody did; user names are left out
privacy = "works-council"   names for what is so (codes with `names = "coded"`), codes for what somebody did; no time
                            of day and no count of what one person did, and no sign-in from a home country

Results in JSON follow the same rules, in place of ids too: with codes `account_id` is P-17, with initials it is a key
that leads nobody to a name or a code. `username` is null then. Who is behind a code `keyround reveal` says; the key
lies in the store (`codes.json`) and in no report.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from ..errors import ConfigError, nearest
from ..presentation import Names, Presentation, Provider
from ..words import languages
from .checked import only, text
from .serviced import order
from .where import Place

KEYS = ("language", "names", "privacy", "purpose")
"""Settings of a client; `language` may also stand at the top, for all of them."""
SERVICE = ("mail", "tell", "portfolio", "heartbeat")
"""Settings of the provider that are read elsewhere (`serviced`)."""
PROVIDER = ("name", "contact", "phone", "logo", "hourly_rate", "currency", *SERVICE)
_PRIVACY = ("works-council",)


def provider(raw: Mapping[str, Any], place: Place, folder: Path) -> Provider:
    """Who prepares the reports. Raises ConfigError."""
    only(raw, PROVIDER, place)
    rate = raw.get("hourly_rate")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 100_000):
        raise ConfigError(f"{place.at('hourly_rate')}: hourly_rate is not an amount.", "For example hourly_rate = 95.")
    currency = text(raw, "currency", place).upper() or "EUR"
    if not re.fullmatch("[A-Z]{3}", currency):
        raise ConfigError(f"{place.at('currency')}: currency is one of three letters.", 'For example currency = "EUR".')
    logo = text(raw, "logo", place)
    if logo and not (folder / Path(logo).expanduser()).is_file():
        raise ConfigError(f"{place.at('logo')}: there is no logo {logo}.", "Give the path of a PNG or JPEG file.")
    return Provider(
        name=text(raw, "name", place),
        contact=text(raw, "contact", place),
        phone=text(raw, "phone", place),
        logo=folder / Path(logo).expanduser() if logo else None,
        hourly_rate=None if rate is None else float(rate),
        currency=currency,
    )


def presentation(raw: Mapping[str, Any], place: Place, by: Provider, general: str) -> Presentation:
    """Of one client; `general` is the language of all. Raises ConfigError."""
    return Presentation(
        language=_one_of(raw, "language", languages(), place) or general,
        provider=by,
        names=_one_of(raw, "names", get_args(Names), place) or "full",  # type: ignore[arg-type]
        works_council=bool(_one_of(raw, "privacy", _PRIVACY, place)),
        purpose=text(raw, "purpose", place),
        order=order(raw, place),
    )


def language(raw: Mapping[str, Any], place: Place) -> str:
    """The language of every client that names none. Raises ConfigError."""
    return _one_of(raw, "language", languages(), place) or "en"


def _one_of(raw: Mapping[str, Any], key: str, known: tuple[str, ...], place: Place) -> str:
    found = text(raw, key, place)
    if found and found not in known:
        raise ConfigError(f"{place.at(key)}: {key} = {found!r} is none of {', '.join(known)}.", nearest(found, known))
    return found
