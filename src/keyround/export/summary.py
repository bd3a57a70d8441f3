"""Sheet "Summary": one printed page from which a director decides. It stands alone."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import Evaluated, Scan
from ..words import day, listed, say, word
from . import actions, not_checked
from .blocks import Block, Figure, Figures, Sheet, Text, Tone
from .clean import short
from .known import home, labels, last_day
from .standing import Abroad, Checks, Standing, Tally, Unused, light, standing, topics
from .tones import LIGHT

_WIDTHS = (36, 17, 52)
_MOST_ACTIONS = 5
_MOST_SILENCES = 4
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
        *_actions(scan),
        *_topics(scan),
        Text(say("summary.silent"), "heading", link=say("sheet.not_checked")),
        *_silent(scan),
        Text(say("summary.key"), "foot"),
        Text(say("summary.disclaimer"), "note"),
    ]
    return Sheet(say("sheet.summary"), tuple(blocks), landscape=False, one_page=True, widths=_WIDTHS)


def _head(scan: Scan) -> Iterator[Text]:
    period = say("summary.period", since=scan.window.since.date(), until=last_day(scan))
    prepared = say("summary.prepared", by=short(scan.prepared_by, 60)) if scan.prepared_by else ""
    yield Text(" · ".join(filter(None, (day(scan.taken_at), period, prepared))))
    for tenant in scan.tenants[:_MOST_TENANTS]:
        name = short(tenant.name, 60)
        yield Text(say("summary.tenant", product=tenant.connector_title, name=name, id=tenant.id), "note")
    if more := max(0, len(scan.tenants) - _MOST_TENANTS):
        yield Text(say("summary.tenants_more", n=more), "note")


def _figures(scan: Scan, got: Standing) -> Iterator[Figure]:
    yield _people(scan, got)
    yield _admins(scan, got)
    yield _abroad(scan, got.abroad)
    yield _unused(got.unused)
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
    note = " ".join(filter(None, (_parts(tally), unread, hidden)))
    tone: Tone = "bad" if got.takeable else _tone(tally)
    tone = "unknown" if tone == "good" and got.hidden_admins else tone
    return Figure(say("summary.admins"), _of(tally), note, tone, say("sheet.administrators"))


def _abroad(scan: Scan, abroad: Abroad) -> Figure:
    label, link = say("summary.abroad"), say("sheet.abroad")
    homes = _homes(scan, abroad)
    notes = [
        say("summary.home", homes=homes) if homes else "",
        _unread(scan, "summary.abroad_unread", abroad.unread),
        _unread(scan, "summary.abroad_partial", abroad.partial),
        _unread(scan, "summary.abroad_homeless", abroad.homeless),
        say("summary.abroad_unplaced", n=abroad.unplaced) if abroad.unplaced and abroad.read else "",
    ]
    note = " ".join(filter(None, notes))
    if not abroad.read:
        return Figure(label, say("not_known"), note, "unknown", link)
    value = say("summary.abroad_none")
    if abroad.records:
        by = say("summary.by_people", n=abroad.people)
        value = say("summary.abroad_some" if abroad.certain else "summary.abroad_least", n=abroad.records, by=by)
    tone: Tone = "warn" if abroad.records else "good" if abroad.certain else "unknown"
    if not abroad.records and not abroad.certain:
        value = say("summary.abroad_none_known")
    return Figure(label, value, note, tone, link)


def _homes(scan: Scan, abroad: Abroad) -> str:
    """Once where all tenants share them, else tenant by tenant."""
    said = {t.id: home(t) for t in scan.tenants if t.id not in abroad.homeless}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    name = labels(scan)
    return "; ".join(f"{name[tenant]}: {homes}" for tenant, homes in said.items())


def _unused(unused: Unused) -> Figure:
    label, link = say("summary.unused"), say("sheet.findings")
    notes = []
    if unused.count and unused.licensed is not None:
        notes.append(say("summary.unused_licensed", n=unused.licensed))
    if unused.unknown:
        notes.append(say("summary.unused_unknown", n=unused.unknown))
    if unused.unread:
        notes.append(say("summary.unused_unread", n=unused.unread))
    if unused.count is None:
        return Figure(label, say("not_known"), " ".join(notes), "unknown", link)
    tone: Tone = "warn" if unused.count else "unknown" if unused.unknown or unused.unread else "good"
    value = say("number", n=unused.count) if unused.count or tone == "good" else say("summary.abroad_none_known")
    return Figure(label, value, " ".join(notes), tone, link)


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
    return any(isinstance(result, Evaluated) for result in scan.results)


def _topics(scan: Scan) -> Iterator[Block]:
    if lit := topics(scan):
        yield Text(say("summary.topics"), "heading", link=say("sheet.checks"))
        yield Figures(tuple(_topic(*topic) for topic in lit))


def _topic(name: str, tone: Tone, text: str) -> Figure:
    return Figure(word("topic", name), word("light_word", LIGHT[tone]), text, tone)


def _actions(scan: Scan) -> Iterator[Block]:
    best = [action for action in actions.ranked(scan) if action.rule.severity != "info"][:_MOST_ACTIONS]
    if not best:
        yield Text(say("summary.no_actions" if _anything_checked(scan) else "checks.empty"))
        return
    yield Figures(tuple(_action(scan, rank, action) for rank, action in enumerate(best, 1)))


def _action(scan: Scan, rank: int, action: actions.Action) -> Figure:
    rule = action.rule
    whom = say("summary.people_n", n=len(action.whom)) if rule.subject == "accounts" else say("summary.whole_tenant")
    tenant = labels(scan).get(action.tenant, action.tenant)
    note = say("summary.action_note", effort=word("effort", rule.effort), title=rule.title, tenant=tenant)
    return Figure(say("summary.action", rank=rank, action=short(rule.action, 90)), whom, note)


def _silent(scan: Scan) -> Iterator[Text]:
    said = not_checked.silences(scan)
    if not said:
        yield Text(say("summary.silent_none" if _anything_checked(scan) else "checks.empty"), "note")
        return
    for line in said[:_MOST_SILENCES]:
        yield Text(f"· {short(line, 160)}", "note")
    if more := max(0, len(said) - _MOST_SILENCES):
        yield Text(say("summary.silent_more", n=more), "note")
