"""What a provider arranges: `every`, `at`, `on`, `limit`, `[order]`, `[tell]`, `[keep]`, and how mail leaves.

every = "week"             day, week, month, hour; or several of them: "6 hours", "2 weeks"
at    = "06:30"            in `timezone` (IANA, at the top or at the client; default: this computer's)
on    = "monday"           weekday; or the day of the month, where every = "month"
limit = "1h"               after this a scan is stopped, and tried again later
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import ConfigError, nearest
from ..rounds import UNITS, WEEKDAYS, Arrangement, Keeping, Mail, Order, Schedule, Tell
from .checked import only, table, text, texts

KEYS = ("every", "at", "on", "timezone", "limit", "order", "tell", "keep")
"""Settings of a client; `timezone`, `limit` and `keep` may also stand at the top, for all of them."""
_WHEN = ("every", "at", "on", "timezone")


def arrangement(raw: Mapping[str, Any], place: str, general: Mapping[str, Any]) -> Arrangement:
    """Of one client; `general` is the top of the file. Raises ConfigError."""
    return Arrangement(
        schedule=schedule({**{"timezone": text(general, "timezone", place)}, **raw}, place),
        order=order(raw, place),
        tell=tell(raw, place),
        keeping=keeping({**table(general, "keep", place), **table(raw, "keep", place)}, f"{place}: keep"),
        limit=limit(raw if "limit" in raw else general, place),
    )


def schedule(raw: Mapping[str, Any], place: str) -> Schedule | None:
    """None without `every`. Raises ConfigError."""
    every, at, zone = text(raw, "every", place).lower(), text(raw, "at", place), text(raw, "timezone", place)
    if not every:
        if lonely := next((key for key in ("at", "on") if key in raw), ""):
            raise ConfigError(f"{place}: {lonely} stands without every.", 'For example every = "week".')
        return None
    found = re.fullmatch(r"(?:(\d{1,3}) +)?([a-z]+?)s?", every)
    if not found or found[2] not in UNITS or found[1] == "0":
        raise ConfigError(f"{place}: every = {every!r} is no interval.", 'For example every = "week" or "6 hours".')
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(f"{place}: timezone: {zone!r} is none.", 'For example "Europe/Berlin".') from error
    if at and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", at):
        raise ConfigError(f"{place}: at = {at!r} is no time of day.", 'For example at = "06:30".')
    when = datetime.strptime(at, "%H:%M").time() if at else time(2)
    return Schedule(found[2], int(found[1] or 1), _on(raw, found[2], place), when, zone)  # type: ignore[arg-type]


def _on(raw: Mapping[str, Any], unit: str, place: str) -> int:
    on = raw.get("on")
    if on is None:
        return 0 if unit == "week" else 1
    if unit == "month":
        if isinstance(on, bool) or not isinstance(on, int) or not 1 <= on <= 31:
            raise ConfigError(f"{place}: on is no day of a month.", "For example on = 1; 31 is the last day.")
        return on
    word = on.strip().lower() if isinstance(on, str) else ""
    if unit != "week" or word not in WEEKDAYS:
        remedy = nearest(word, WEEKDAYS) if unit == "week" else "Remove it."
        raise ConfigError(f"{place}: on = {on!r} does not fit every = {unit!r}.", remedy)
    return WEEKDAYS.index(word)


def order(raw: Mapping[str, Any], place: str) -> Order | None:
    """Raises ConfigError."""
    if "order" not in raw:
        return None
    found, where = table(raw, "order", place), f"{place}: order"
    only(found, ("authorised_by", "role", "on", "until"), where)
    if not (by := text(found, "authorised_by", where)):
        raise ConfigError(f"{where}: authorised_by is missing.", "Name the person who ordered the scans.")
    return Order(by, text(found, "role", where), _day(found, "on", where), _day(found, "until", where))


def _day(raw: Mapping[str, Any], key: str, place: str) -> date | None:
    found = raw.get(key)
    if found is not None and (not isinstance(found, date) or isinstance(found, datetime)):
        raise ConfigError(f"{place}: {key} is no day.", f"Write {key} = 2027-06-30, without quotes.")
    return found


def tell(raw: Mapping[str, Any], place: str) -> Tell:
    """Raises ConfigError."""
    found, where = table(raw, "tell", place), f"{place}: tell"
    only(found, ("mail", "channels", "when", "send", "attach", "password"), where)
    mail = texts(found, "mail", where)
    if wrong := [one for one in mail if not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", one)]:
        raise ConfigError(f"{where}: mail: {wrong[0]!r} is no address.", 'For example mail = ["chef@contoso.example"].')
    attach = found.get("attach", False)
    if not isinstance(attach, bool):
        raise ConfigError(f"{where}: attach is true or false.")
    if attach and not text(found, "password", where):
        raise ConfigError(
            f"{where}: attach without password: a workbook is only attached encrypted.",
            'For example password = "keyring:contoso-workbook"; tell it the readers by phone.',
        )
    channels = texts(found, "channels", where)
    if any("://" in one for one in channels):
        raise ConfigError(
            f"{where}: channels: an Apprise address holds secrets and is not written here.",
            'Write a reference to it: "env:NAME", "file:PATH" or "keyring:NAME".',
        )
    when, send = _word(found, "when", Tell, where) or "change", _word(found, "send", Tell, where) or "now"
    return Tell(mail, channels, when, send, attach, text(found, "password", where))  # type: ignore[arg-type]


def mail(raw: Mapping[str, Any], place: str) -> Mail | None:
    """How mail leaves: `[provider.mail]`. Raises ConfigError."""
    if "mail" not in raw:
        return None
    found, where = table(raw, "mail", place), f"{place}: mail"
    only(found, ("server", "port", "security", "user", "password", "from"), where)
    for key in ("server", "from"):
        if not text(found, key, where):
            raise ConfigError(f"{where}: {key} is missing.")
    security = _word(found, "security", Mail, where) or "starttls"
    port = found.get("port", {"starttls": 587, "tls": 465, "none": 25}[security])
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError(f"{where}: port is no port.", "For example port = 587.")
    texts_ = {key: text(found, key, where) for key in ("server", "from", "user", "password")}
    return Mail(texts_["server"], texts_["from"], port, security, texts_["user"], texts_["password"])  # type: ignore[arg-type]


def keeping(raw: Mapping[str, Any], place: str) -> Keeping:
    """Raises ConfigError: longer than usual only with a written reason."""
    only(raw, ("sign_ins", "evidence", "scans", "reason"), place)
    usual = Keeping()
    numbers = {}
    for key, least in (("sign_ins", 30), ("evidence", 1), ("scans", 2)):
        found = raw.get(key, getattr(usual, key))
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= 3650:
            raise ConfigError(f"{place}: {key} is no number of at least {least}.")
        numbers[key] = found
    reason = text(raw, "reason", place)
    if not reason and any(numbers[key] > getattr(usual, key) for key in ("sign_ins", "evidence")):
        raise ConfigError(f"{place}: longer than {usual.sign_ins} days needs a written reason.", 'Add reason = "...".')
    return Keeping(**numbers, reason=reason)


def limit(raw: Mapping[str, Any], place: str) -> timedelta:
    """How long a scan may take. Raises ConfigError."""
    written = text(raw, "limit", place).lower()
    if not written:
        return Arrangement().limit
    found = re.fullmatch(r"(\d{1,4})([mh])", written)
    if not found or found[1] == "0":
        raise ConfigError(f"{place}: limit = {written!r} is no length of time.", 'For example limit = "90m".')
    return timedelta(minutes=int(found[1]) * (60 if found[2] == "h" else 1))


def _word(raw: Mapping[str, Any], key: str, of: type, place: str) -> str:
    found, known = text(raw, key, place), get_args(get_type_hints(of)[key])
    if found and found not in known:
        raise ConfigError(f"{place}: {key} = {found!r} is none of {', '.join(known)}.", nearest(found, known))
    return found
