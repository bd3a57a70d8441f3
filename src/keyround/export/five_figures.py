"""The Summary's five figures, each with what it was last time."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine import figures as kept
from ..engine.figures import Figures, People
from ..engine.results import Scan
from ..errors import NotLicensed
from ..words import listed, say
from .blocks import Figure, Tone
from .clean import short
from .known import home, labels, outcome
from .progress import before
from .standing import Abroad, Standing, Tally, Unused

_MOST_NAMED = 3
_MOST_HOMES = 200


def five(scan: Scan, got: Standing, now: Figures) -> Iterator[Figure]:
    last = scan.past[-1] if scan.past else Figures(scan.taken_at)

    def then(value: str) -> str:
        return before(value, last.taken_at, scan.taken_at) if scan.past else ""

    yield _people(scan, got, people(now.people), then(people(last.people)))
    yield _admins(scan, got, people(now.admins), then(people(last.admins)))
    yield _abroad(scan, got.abroad, abroad(now.abroad), then(abroad(last.abroad)))
    yield _unused(scan, got.unused, unused(now.unused), then(unused(last.unused)))
    yield _checks(got, checks(now.checks), then(checks(last.checks)))


# -- the values, said the same way of every scan; empty where nothing is known ----


def people(count: People | None) -> str:
    if count is None or not count.known:
        return ""
    return say("of_at_least" if count.at_least else "of", n=count.protected, total=count.total)


def abroad(count: kept.Abroad | None) -> str:
    if count is None:
        return ""
    if count.records:
        by = say("summary.by_people", n=count.people)
        return say("summary.abroad_least" if count.at_least else "summary.abroad_some", n=count.records, by=by)
    return say("summary.abroad_none_known" if count.at_least else "summary.abroad_none")


def unused(count: kept.Unused | None) -> str:
    if count is None:
        return ""
    return say("number", n=count.count) if count.count or not count.at_least else say("summary.abroad_none_known")


def checks(count: kept.Checks | None) -> str:
    return say("of", n=count.impossible, total=count.total) if count else ""


# -- the rows -------------------------------------------------------------------


def _people(scan: Scan, got: Standing, value: str, then: str) -> Figure:
    tally = got.people
    notes = [say("summary.people_note"), _parts(tally), _unread(scan, "summary.people_unread", tally.unread)]
    if got.others:
        notes.append(say("summary.others", n=got.others))
    return _figure("people", "people", value, notes, _tone(tally), then)


def _admins(scan: Scan, got: Standing, value: str, then: str) -> Figure:
    tally = got.admins
    notes = [
        _parts(tally),
        say("summary.accepted_of_these", n=len(got.accepted_admins)) if got.accepted_admins else "",
        _unread(scan, "summary.admins_unread", tally.unread),
        say("summary.admins_hidden", n=got.hidden_admins) if got.hidden_admins else "",
        say("summary.emergency", n=got.emergency) if got.emergency else "",
    ]
    tone: Tone = "bad" if got.takeable else _tone(tally)
    tone = "unknown" if tone == "good" and got.hidden_admins else tone
    return _figure("admins", "administrators", value, notes, tone, then)


def _abroad(scan: Scan, found: Abroad, value: str, then: str) -> Figure:
    homes = _homes(scan, found)
    unlicensed = [tenant for tenant in found.unread if _unlicensed(scan, tenant)]
    notes = [
        say("summary.home", homes=homes) if homes else "",
        say("summary.abroad_trips", trips=found.on_trip, n=found.unexplained) if found.on_trip else "",
        say("summary.accepted_of_these", n=found.accepted) if found.accepted else "",
        say("summary.abroad_guests", n=found.guests) if found.guests else "",
        _unread(scan, "summary.abroad_unlicensed", unlicensed),
        _unread(scan, "summary.abroad_unread", [tenant for tenant in found.unread if tenant not in unlicensed]),
        _unread(scan, "summary.abroad_partial", found.partial),
        _unread(scan, "summary.abroad_homeless", [t for t in found.homeless if t not in found.unread]),
        say("summary.abroad_unplaced", n=found.unplaced) if found.unplaced and found.read else "",
    ]
    tone: Tone = "warn" if found.unexplained else "good" if found.certain else "unknown"
    tone = "signed" if found.accepted and not found.unexplained else tone
    return _figure("abroad", "abroad", value, notes, tone, then)


def _unlicensed(scan: Scan, tenant: str) -> bool:
    return isinstance(getattr(outcome(scan, tenant, "sign_ins"), "error", None), NotLicensed)


def _homes(scan: Scan, found: Abroad) -> str:
    """Once where all tenants share them, else tenant by tenant."""
    said = {t.id: home(t) for t in scan.tenants if t.id not in (*found.homeless, *found.unread)}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    name = labels(scan)
    return short("; ".join(f"{name[tenant]}: {homes}" for tenant, homes in said.items()), _MOST_HOMES)


def _unused(scan: Scan, found: Unused, value: str, then: str) -> Figure:
    notes = []
    if found.count and (found.licences_known or found.licensed):
        known = "summary.unused_licensed" if found.licences_known else "summary.unused_licensed_least"
        notes.append(say(known, n=found.licensed))
    if found.accepted:
        notes.append(say("summary.accepted_of_these", n=found.accepted))
    if found.unknown:
        notes.append(say("summary.unused_unknown", n=found.unknown))
    notes.append(_unread(scan, "summary.unused_unread", found.unread))
    tone: Tone = "unknown" if found.unknown or found.unread else "good"
    if found.count:
        tone = "warn" if found.count > found.accepted else "signed"
    return _figure("unused", "findings", value, notes, tone, then)


def _checks(got: Standing, value: str, then: str) -> Figure:
    made = got.checks
    notes = [say("summary.checks_note") if made.impossible else ""]
    if made.in_part:
        notes.append(say("summary.checks_in_part", n=made.in_part))
    return _figure(
        "checks", "not_checked", value, notes, "unknown" if made.impossible or made.in_part else "good", then
    )


def _figure(name: str, sheet: str, value: str, notes: list[str], tone: Tone, then: str) -> Figure:
    tone = tone if value or tone == "bad" else "unknown"
    note, link = " ".join(filter(None, notes)), say(f"sheet.{sheet}")
    return Figure(say(f"summary.{name}"), value or say("not_known"), note, tone, link, then)


def _parts(tally: Tally) -> str:
    parts = listed(
        [
            say("summary.gaps", n=n) if (n := tally.count("gaps")) else "",
            say("summary.without", n=n) if (n := tally.count("none")) else "",
            say("summary.unknown", n=n) if (n := tally.count("unknown")) else "",
        ]
    )
    return f"{parts}." if parts else ""


def _tone(tally: Tally) -> Tone:
    if tally.count("none"):
        return "bad"
    if tally.count("gaps"):
        return "warn"
    return "good" if tally.certain and tally.total else "unknown"


def _unread(scan: Scan, key: str, tenants: list[str]) -> str:
    name = labels(scan)
    return say(key, tenants=_some([name.get(tenant, tenant) for tenant in tenants])) if tenants else ""


def _some(names: list[str]) -> str:
    """The first few, so that a client with many tenants still has one page."""
    if len(names) <= _MOST_NAMED:
        return listed(names)
    return say("summary.some", first=listed(names[:_MOST_NAMED]), n=len(names) - _MOST_NAMED)
