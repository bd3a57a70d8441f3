"""Sheet "Summary": one printed page from which a director decides. It stands alone."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import Scan
from ..errors import NotLicensed
from ..words import day, listed, say, word
from . import accepted, actions, changes, not_checked
from .blocks import Block, Figure, Figures, Sheet, Text, Tone
from .clean import short
from .known import answered, home, labels, last_day, outcome
from .standing import Abroad, Checks, Standing, Tally, Unused, light, standing, topics
from .tones import LIGHT

_WIDTHS = (38, 24, 48)
_MOST_ACTIONS = 5
_MOST_SILENCES = 5
_MOST_ACCEPTED = 3
_MOST_TENANTS = 6


def sheet(scan: Scan) -> Sheet:
    got = standing(scan)
    tone, sentence = light(got)
    blocks: list[Block] = [
        Text(say("summary.title", client=short(scan.client_name, 60)), "title"),
        *_head(scan),
        Text(f"{say(f'light.{LIGHT[tone]}')} {sentence}", "light", tone),
        Figures(tuple(_figures(scan, got)), large=True),
        Text(say("summary.actions"), "heading", link=say("sheet.actions")),
        *_actions(scan, got.checks),
        *_topics(scan),
        *_accepted(scan),
        Text(say("summary.silent"), "heading", link=say("sheet.not_checked")),
        *_silent(scan),
        Text(say("summary.key_accepted" if scan.accepted else "summary.key"), "foot"),
        Text(say("summary.disclaimer"), "note"),
    ]
    return Sheet(say("sheet.summary"), tuple(blocks), landscape=False, one_page=True, widths=_WIDTHS)


def _head(scan: Scan) -> Iterator[Text]:
    period = say("summary.period", since=scan.window.since.date(), until=last_day(scan))
    by = scan.presentation.provider.prepared_by
    prepared = say("summary.prepared", by=short(by, 60)) if by else ""
    yield Text(" · ".join(filter(None, (day(scan.taken_at), period, prepared))))
    if scan.previous:
        counts = [say(f"changed.{state}", n=n) for state, n in changes.counted(scan).items()]
        what = listed(counts) or say("summary.unchanged")
        yield Text(say("summary.changed", day=scan.previous.date(), what=what), "note", link=say("sheet.changes"))
    for tenant in scan.tenants[:_MOST_TENANTS]:
        name = "" if tenant.name == tenant.id else short(tenant.name, 60)
        yield Text(say("summary.tenant", product=tenant.connector_title, name=listed([name, tenant.id])), "note")
    if more := max(0, len(scan.tenants) - _MOST_TENANTS):
        yield Text(say("summary.tenants_more", n=more), "note")


def _figures(scan: Scan, got: Standing) -> Iterator[Figure]:
    yield _people(scan, got)
    yield _admins(scan, got)
    yield _abroad(scan, got.abroad)
    yield _unused(scan, got.unused)
    yield _checks(got.checks)


def _people(scan: Scan, got: Standing) -> Figure:
    tally = got.people
    notes = [say("summary.people_note"), _parts(tally), _unread(scan, "summary.people_unread", tally.unread)]
    if got.others:
        notes.append(say("summary.others", n=got.others))
    label, link = say("summary.people"), say("sheet.people")
    return Figure(label, _of(tally), " ".join(filter(None, notes)), _tone(tally), link)


def _admins(scan: Scan, got: Standing) -> Figure:
    tally = got.admins
    unread = _unread(scan, "summary.admins_unread", tally.unread)
    hidden = say("summary.admins_hidden", n=got.hidden_admins) if got.hidden_admins else ""
    exempt = say("summary.emergency", n=got.emergency) if got.emergency else ""
    owned = say("summary.accepted_of_these", n=len(got.accepted_admins)) if got.accepted_admins else ""
    note = " ".join(filter(None, (_parts(tally), owned, unread, hidden, exempt)))
    tone: Tone = "bad" if got.takeable else _tone(tally)
    tone = "unknown" if tone == "good" and got.hidden_admins else tone
    return Figure(say("summary.admins"), _of(tally), note, tone, say("sheet.administrators"))


def _abroad(scan: Scan, abroad: Abroad) -> Figure:
    label, link = say("summary.abroad"), say("sheet.abroad")
    homes = _homes(scan, abroad)
    unlicensed = [tenant for tenant in abroad.unread if _unlicensed(scan, tenant)]
    notes = [
        say("summary.home", homes=homes) if homes else "",
        say("summary.abroad_trips", trips=abroad.on_trip, n=abroad.unexplained) if abroad.on_trip else "",
        say("summary.accepted_of_these", n=abroad.accepted) if abroad.accepted else "",
        say("summary.abroad_guests", n=abroad.guests) if abroad.guests else "",
        _unread(scan, "summary.abroad_unlicensed", unlicensed),
        _unread(scan, "summary.abroad_unread", [tenant for tenant in abroad.unread if tenant not in unlicensed]),
        _unread(scan, "summary.abroad_partial", abroad.partial),
        _unread(scan, "summary.abroad_homeless", [t for t in abroad.homeless if t not in abroad.unread]),
        say("summary.abroad_unplaced", n=abroad.unplaced) if abroad.unplaced and abroad.read else "",
    ]
    note = " ".join(filter(None, notes))
    if not abroad.read:
        return Figure(label, say("not_known"), note, "unknown", link)
    value = say("summary.abroad_none")
    if abroad.records:
        by = say("summary.by_people", n=len(abroad.who))
        value = say("summary.abroad_some" if abroad.certain else "summary.abroad_least", n=abroad.records, by=by)
    tone: Tone = "warn" if abroad.unexplained else "good" if abroad.certain else "unknown"
    tone = "signed" if abroad.accepted and not abroad.unexplained else tone
    if not abroad.records and not abroad.certain:
        value = say("summary.abroad_none_known")
    return Figure(label, value, note, tone, link)


def _unlicensed(scan: Scan, tenant: str) -> bool:
    return isinstance(getattr(outcome(scan, tenant, "sign_ins"), "error", None), NotLicensed)


def _homes(scan: Scan, abroad: Abroad) -> str:
    """Once where all tenants share them, else tenant by tenant."""
    said = {t.id: home(t) for t in scan.tenants if t.id not in (*abroad.homeless, *abroad.unread)}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    name = labels(scan)
    return "; ".join(f"{name[tenant]}: {homes}" for tenant, homes in said.items())


def _unused(scan: Scan, unused: Unused) -> Figure:
    label, link = say("summary.unused"), say("sheet.findings")
    notes = []
    if unused.count and (unused.licences_known or unused.licensed):
        known = "summary.unused_licensed" if unused.licences_known else "summary.unused_licensed_least"
        notes.append(say(known, n=unused.licensed))
    if unused.accepted:
        notes.append(say("summary.accepted_of_these", n=unused.accepted))
    if unused.unknown:
        notes.append(say("summary.unused_unknown", n=unused.unknown))
    notes.append(_unread(scan, "summary.unused_unread", unused.unread))
    if unused.count is None:
        return Figure(label, say("not_known"), " ".join(filter(None, notes)), "unknown", link)
    counted = unused.count > unused.accepted
    tone: Tone = (
        "warn" if counted else "signed" if unused.count else "unknown" if unused.unknown or unused.unread else "good"
    )
    value = say("number", n=unused.count) if unused.count or tone == "good" else say("summary.abroad_none_known")
    return Figure(label, value, " ".join(filter(None, notes)), tone, link)


def _checks(checks: Checks) -> Figure:
    notes = [say("summary.checks_note") if checks.impossible else ""]
    if checks.in_part:
        notes.append(say("summary.checks_in_part", n=checks.in_part))
    value = say("of", n=checks.impossible, total=checks.total)
    tone: Tone = "unknown" if checks.impossible or checks.in_part else "good"
    return Figure(say("summary.checks"), value, " ".join(filter(None, notes)), tone, say("sheet.not_checked"))


def _of(tally: Tally) -> str:
    if tally.count("unknown") == tally.total and (tally.total or tally.unread):
        return say("not_known")
    return say("of_at_least" if tally.unread else "of", n=tally.count("protected"), total=tally.total)


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
    return say(key, tenants=listed([name.get(tenant, tenant) for tenant in tenants])) if tenants else ""


def _anything_checked(scan: Scan) -> bool:
    return any(map(answered, scan.results))


def _topics(scan: Scan) -> Iterator[Block]:
    if lit := topics(scan):
        yield Text(say("summary.topics"), "heading", link=say("sheet.checks"))
        yield Figures(tuple(_topic(*topic) for topic in lit))


def _topic(name: str, tone: Tone, text: str) -> Figure:
    return Figure(word("topic", name), word("light_word", LIGHT[tone]), text, tone)


def _actions(scan: Scan, checks: Checks) -> Iterator[Block]:
    best = [action for action in actions.ranked(scan) if action.severity != "info"][:_MOST_ACTIONS]
    if not best:
        if not _anything_checked(scan):
            yield Text(say("checks.empty"))
        else:
            few = checks.impossible * 2 > checks.total
            yield Text(say("summary.no_actions_few" if few else "summary.no_actions"))
        return
    yield Figures(tuple(_action(scan, rank, action) for rank, action in enumerate(best, 1)))


def _action(scan: Scan, rank: int, action: actions.Action) -> Figure:
    rule = action.rule
    if rule.subject != "tenants":
        counted = "summary.people_n" if rule.subject == "accounts" else "summary.devices_n"
        effort = say(counted, n=len(action.whom)), word("effort_each", rule.effort)
    else:
        effort = say("summary.whole_tenant"), word("effort_once", rule.effort)
    whom = " · ".join(effort)
    tenant = labels(scan).get(action.tenant, action.tenant)
    note = say("summary.action_note", title=rule.title, tenant=tenant)
    return Figure(say("summary.action", rank=rank, action=short(rule.action, 90)), whom, note)


def _accepted(scan: Scan) -> Iterator[Text]:
    """How many risks somebody answers for, and every acceptance that has to be looked at."""
    if not scan.accepted:
        return
    yield Text(say("sheet.accepted"), "heading", link=say("sheet.accepted"))
    held = [one for one in scan.accepted if one.covers]
    yield Text(say("summary.accepted", n=len(held), found=sum(len(one.covers) for one in held)), "note")
    said = accepted.loud(scan)
    for line in said[:_MOST_ACCEPTED]:
        yield Text(f"· {short(line, 160)}", "note")
    if more := max(0, len(said) - _MOST_ACCEPTED):
        yield Text(say("summary.accepted_more", n=more), "note")


def _silent(scan: Scan) -> Iterator[Text]:
    said = not_checked.silences(scan)
    if not said:
        yield Text(say("summary.silent_none" if _anything_checked(scan) else "checks.empty"), "note")
        return
    for line in said[:_MOST_SILENCES]:
        yield Text(f"· {short(line, 160)}", "note")
    if more := max(0, len(said) - _MOST_SILENCES):
        yield Text(say("summary.silent_more", n=more), "note")
