"""Sheet "Summary": one printed page from which a director decides. It stands alone, and it names nobody.

As text it is the body of a mail: who somebody is stands on the other sheets only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..derived.homes import people_of
from ..engine.figures import Figures as Counted
from ..engine.results import Scan
from ..words import day, listed, say
from . import accepted, changes, not_checked, topics
from .blocks import Block, Figures, Sheet, Text
from .charted import charts
from .clean import short
from .decisions import decisions
from .five_figures import five
from .known import answered, last_day
from .light import light
from .progress import progress
from .standing import Standing, figures, standing
from .tones import LIGHT

_WIDTHS = (38, 24, 64)
_MOST_SILENCES = 4
_MOST_TENANTS = 6


def sheet(scan: Scan) -> Sheet:
    got = standing(scan)
    now = figures(scan, got)
    blocks: list[Block] = [
        Text(say("summary.title", client=short(scan.client_name, 60)), "title"),
        *_head(scan),
        _light(scan, got, now),
        Figures(tuple(five(scan, got, now)), large=True),
        *charts(now, scan.past, got),
        Text(say("summary.decisions"), "heading", link=say("sheet.actions")),
        *decisions(scan, got),
        Text(say("summary.five"), "heading", link=say("sheet.checks")),
        Figures(tuple(topics.lights(scan))),
        Text(say("summary.since"), "heading", link=say("sheet.changes")),
        *_since(scan),
        Text(say("summary.silent"), "heading", link=say("sheet.not_checked")),
        *_silent(scan),
        Text(say("summary.key_accepted" if scan.accepted else "summary.key"), "foot"),
        Text(f"{say('summary.disclaimer')} {scan.presentation.purpose or say('purpose')}", "note"),
    ]
    return Sheet(say("sheet.summary"), tuple(blocks), landscape=False, one_page=True, widths=_WIDTHS)


def _head(scan: Scan) -> Iterator[Text]:
    period = say("summary.period", since=scan.window.since.date(), until=last_day(scan))
    provider = scan.presentation.provider
    by = listed([provider.prepared_by, provider.phone])
    prepared = say("summary.prepared", by=short(by, 90)) if by else ""
    yield Text(" · ".join(filter(None, (day(scan.taken_at), period, prepared))))
    for tenant in scan.tenants[:_MOST_TENANTS]:
        name = "" if tenant.name == tenant.id else short(tenant.name, 60)
        yield Text(say("summary.tenant", product=tenant.connector_title, name=listed([name, tenant.id])), "note")
    if more := max(0, len(scan.tenants) - _MOST_TENANTS):
        yield Text(say("summary.tenants_more", n=more), "note")


def _light(scan: Scan, got: Standing, now: Counted) -> Text:
    tone, sentence = light(got)
    moved = progress(now, scan.past[-1] if scan.past else None)
    said = " ".join(filter(None, (say(f"light.{LIGHT[tone]}"), sentence, moved)))
    return Text(said, "light", tone)


def _since(scan: Scan) -> Iterator[Text]:
    """What changed since the scan before, and what somebody answers for."""
    if scan.previous:
        counts = [say(f"changed.{state}", n=n) for state, n in changes.counted(scan).items()]
        what = listed(counts) or say("summary.unchanged")
        yield Text(say("summary.changed", day=scan.previous.date(), what=what), "note")
    else:
        yield Text(say("summary.first"), "note")
    if scan.accepted:
        held = [one for one in scan.accepted if one.covers]
        said = say("summary.accepted_risks", n=len(held), found=sum(len(one.covers) for one in held))
        if loud := len(accepted.loud(scan)):
            said = f"{said} {say('summary.accepted_loud', n=loud)}"
        yield Text(said, "note", link=say("sheet.accepted"))


def _silent(scan: Scan) -> Iterator[Text]:
    said = not_checked.silences(scan)
    if not said:
        anything = any(map(answered, scan.results))
        yield Text(say("summary.silent_none" if anything else "checks.empty"), "note")
        return
    names = [rf"(?<![\w-]){re.escape(name)}(?![\w-])" for name in people_of(scan.terms)]  # P-1 is not in P-12
    nameless = [line for line in said if not any(re.search(name, line) for name in names)]
    for line in nameless[:_MOST_SILENCES]:
        yield Text(f"· {short(line, 160)}", "note")
    if more := len(said) - len(nameless[:_MOST_SILENCES]):
        yield Text(say("summary.silent_more", n=more), "note")
