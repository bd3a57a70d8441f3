"""What a provider arranges: `every`, `at`, `on`, `limit`, `[order]`, `[tell]`, `[keep]`, and how mail leaves.

every = "week"             day, week, month, hour; or several of them: "6 hours", "2 weeks"
at    = "06:30"            in `timezone` (IANA, at the top or at the client; default: this computer's)
on    = "monday"           weekday; or the day of the month, where every = "month"
limit = "1h"               after this a scan is stopped, and tried again later
contact = "chef@contoso.example"   whom the provider writes to at the client
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ..errors import ConfigError, nearest
from ..rounds import UNITS, WEEKDAYS, Arrangement, Keeping, Mail, Order, Schedule, Tell
from ..secrets import is_reference
from .checked import only, reference, table, text, texts
from .where import Place

KEYS = ("every", "at", "on", "timezone", "limit", "order", "tell", "keep", "contact")
"""Settings of a client; `timezone`, `limit` and `keep` may also stand at the top, for all of them."""
WHEN = ("every", "at", "on", "timezone")
ORDER = ("authorised_by", "role", "on", "until")
TELL = ("mail", "channels", "when", "send", "attach", "password", "where")
MAIL = ("server", "port", "security", "user", "password", "from")
KEEP = ("sign_ins", "evidence", "scans", "reason")
ADDRESS = re.compile(r"[!-+.-:=?A-~-]+@[^@\s,;<>]+")
"""Letters such as ü may stand behind the @ only: few mail servers take them before it."""


def arrangement(raw: Mapping[str, Any], place: Place, general: Mapping[str, Any]) -> Arrangement:
    """Of one client; `general` is the top of the file. Raises ConfigError."""
    return Arrangement(
        schedule=schedule({"timezone": timezone(general, place), **raw}, place),
        order=order(raw, place),
        tell=tell(raw, place),
        keeping=keeping({**table(general, "keep", place), **table(raw, "keep", place)}, place.under("keep")),
        limit=limit(raw if "limit" in raw else general, place),
        contact=address(raw, "contact", place),
    )


def address(raw: Mapping[str, Any], key: str, place: Place) -> str:
    """A mail address, or "". Raises ConfigError."""
    found = text(raw, key, place)
    if found and not ADDRESS.fullmatch(found):
        remedy = f'For example {key} = "chef@contoso.example".'
        raise ConfigError(f"{place.at(key)}: {key}: {found!r} is no address.", remedy)
    return found


def schedule(raw: Mapping[str, Any], place: Place) -> Schedule | None:
    """None without `every`. Raises ConfigError."""
    every, at, zone = text(raw, "every", place).lower(), text(raw, "at", place), timezone(raw, place)
    if not every:
        if lonely := next((key for key in ("at", "on") if key in raw), ""):
            raise ConfigError(f"{place.at(lonely)}: {lonely} stands without every.", 'For example every = "week".')
        return None
    found = re.fullmatch(r"(?:(\d{1,3}) +)?([a-z]+?)s?", every)
    if not found or found[2] not in UNITS or found[1] == "0":
        raise ConfigError(
            f"{place.at('every')}: every = {every!r} is no interval.", 'For example every = "week" or "6 hours".'
        )
    if at and not re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", at):
        raise ConfigError(f"{place.at('at')}: at = {at!r} is no time of day.", 'For example at = "06:30".')
    when = datetime.strptime(at, "%H:%M").time() if at else time(2)
    return Schedule(found[2], int(found[1] or 1), _on(raw, found[2], place), when, zone)  # type: ignore[arg-type]


def timezone(raw: Mapping[str, Any], place: Place) -> str:
    """A time zone's IANA name; empty for this computer's. Raises ConfigError."""
    zone = text(raw, "timezone", place)
    if zone:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            remedy = nearest(zone, available_timezones()) if "/" in zone else 'For example "Europe/Berlin".'
            raise ConfigError(f"{place.at('timezone')}: timezone: {zone!r} is none.", remedy) from error
    return zone


def portfolio(raw: Mapping[str, Any], place: Place, general: Mapping[str, Any], top: Place) -> Schedule | None:
    """When the provider gets it: `[provider.portfolio]`. Raises ConfigError."""
    found, where = table(raw, "portfolio", place), place.under("portfolio")
    only(found, WHEN, where)
    return schedule({"timezone": timezone(general, top), **found}, where)


def heartbeat(raw: Mapping[str, Any], place: Place) -> str:
    """The address that every run calls, or a reference to it. Raises ConfigError."""
    found = text(raw, "heartbeat", place)
    if found and not found.startswith("https://") and not is_reference(found):
        remedy = 'Write an https address, or a reference to it: "env:NAME", "file:PATH" or "keyring:NAME".'
        raise ConfigError(f"{place.at('heartbeat')}: heartbeat is no https address.", remedy)
    return found


def _on(raw: Mapping[str, Any], unit: str, place: Place) -> int:
    on = raw.get("on")
    if on is None:
        return 0 if unit == "week" else 1
    if unit == "month":
        if isinstance(on, bool) or not isinstance(on, int) or not 1 <= on <= 31:
            raise ConfigError(f"{place.at('on')}: on is no day of a month.", "For example on = 1; 31 is the last day.")
        return on
    word = on.strip().lower() if isinstance(on, str) else ""
    if unit != "week" or word not in WEEKDAYS:
        remedy = nearest(word, WEEKDAYS) if unit == "week" else "Remove it."
        raise ConfigError(f"{place.at('on')}: on = {on!r} does not fit every = {unit!r}.", remedy)
    return WEEKDAYS.index(word)


def order(raw: Mapping[str, Any], place: Place) -> Order | None:
    """Raises ConfigError."""
    if "order" not in raw:
        return None
    found, where = table(raw, "order", place), place.under("order")
    only(found, ORDER, where)
    if not (by := text(found, "authorised_by", where)):
        raise ConfigError(f"{where}: authorised_by is missing.", "Name the person who ordered the scans.")
    on, until = _day(found, "on", where), _day(found, "until", where)
    if on and until and until < on:
        raise ConfigError(f"{where.at('until')}: until ({until}) is before on ({on}).", "Exchange the two.")
    return Order(by, text(found, "role", where), on, until)


def _day(raw: Mapping[str, Any], key: str, place: Place) -> date | None:
    found = raw.get(key)
    if found is not None and (not isinstance(found, date) or isinstance(found, datetime)):
        raise ConfigError(f"{place.at(key)}: {key} is no day.", f"Write {key} = 2027-06-30, without quotes.")
    return found


def tell(raw: Mapping[str, Any], place: Place) -> Tell:
    """Raises ConfigError."""
    found, where = table(raw, "tell", place), place.under("tell")
    only(found, TELL, where)
    mail = texts(found, "mail", where)
    if wrong := [one for one in mail if not ADDRESS.fullmatch(one)]:
        raise ConfigError(
            f"{where.at('mail')}: mail: {wrong[0]!r} is no address.", 'For example mail = ["chef@contoso.example"].'
        )
    attach = found.get("attach", False)
    if not isinstance(attach, bool):
        raise ConfigError(f"{where.at('attach')}: attach is true or false.")
    password = reference(found, "password", where)
    if attach and not password:
        raise ConfigError(
            f"{where.at('attach')}: attach without password: a workbook is only attached encrypted.",
            'For example password = "keyring:contoso-workbook"; tell it the readers by phone.',
        )
    channels = texts(found, "channels", where)
    if not all(map(is_reference, channels)):
        raise ConfigError(
            f"{where.at('channels')}: channels: an Apprise address holds secrets and is not written here.",
            'Write a reference to it: "env:NAME", "file:PATH" or "keyring:NAME".',
        )
    when, send = _word(found, "when", Tell, where) or "change", _word(found, "send", Tell, where) or "now"
    return Tell(mail, channels, when, send, attach, password, text(found, "where", where))  # type: ignore[arg-type]


def mail(raw: Mapping[str, Any], place: Place) -> Mail | None:
    """How mail leaves: `[provider.mail]`. Raises ConfigError."""
    if "mail" not in raw:
        return None
    found, where = table(raw, "mail", place), place.under("mail")
    only(found, MAIL, where)
    for key in ("server", "from"):
        if not text(found, key, where):
            raise ConfigError(f"{where}: {key} is missing.")
    security = _word(found, "security", Mail, where) or "starttls"
    port = found.get("port", {"starttls": 587, "tls": 465, "none": 25}[security])
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigError(f"{where.at('port')}: port is no port.", "For example port = 587.")
    named = re.fullmatch(r"[^<>]*<([^<>]*)>", found["from"].strip())
    if not ADDRESS.fullmatch(named[1] if named else found["from"].strip()):
        raise ConfigError(
            f"{where.at('from')}: from: {found['from']!r} is no address.",
            'For example from = "Nordlicht IT <keyround@nordlicht.example>".',
        )
    server, sender, user = (text(found, key, where) for key in ("server", "from", "user"))
    return Mail(server, sender, port, security, user, reference(found, "password", where))  # type: ignore[arg-type]


def keeping(raw: Mapping[str, Any], place: Place) -> Keeping:
    """Raises ConfigError: longer than usual only with a written reason."""
    only(raw, KEEP, place)
    usual = Keeping()
    numbers = {}
    for key, least in (("sign_ins", 30), ("evidence", 1), ("scans", 2)):
        found = raw.get(key, getattr(usual, key))
        if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= 3650:
            raise ConfigError(f"{place.at(key)}: {key} is no number from {least} to 3650.")
        numbers[key] = found
    reason = text(raw, "reason", place)
    if not reason and any(number > getattr(usual, key) for key, number in numbers.items()):
        raise ConfigError(
            f"{place}: to keep more than {usual.sign_ins} days or {usual.scans} scans needs a written reason.",
            'Add reason = "...".',
        )
    return Keeping(**numbers, reason=reason)


def limit(raw: Mapping[str, Any], place: Place) -> timedelta:
    """How long a scan may take. Raises ConfigError."""
    written = text(raw, "limit", place).lower()
    if not written:
        return Arrangement().limit
    found = re.fullmatch(r"(\d{1,4})([mh])", written)
    if not found or found[1] == "0":
        raise ConfigError(
            f"{place.at('limit')}: limit = {written!r} is no length of time.", 'For example limit = "90m".'
        )
    return timedelta(minutes=int(found[1]) * (60 if found[2] == "h" else 1))


def _word(raw: Mapping[str, Any], key: str, of: type, place: Place) -> str:
    found, known = text(raw, key, place), get_args(get_type_hints(of)[key])
    if found and found not in known:
        raise ConfigError(f"{place.at(key)}: {key} = {found!r} is none of {', '.join(known)}.", nearest(found, known))
    return found
