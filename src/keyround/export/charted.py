"""The Summary's charts: how people are protected, how that moved, and from where people signed in abroad."""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.figures import Figures, People
from ..words import country, listed, say
from .blocks import Block, Chart, Charts, Series, Text, Tone
from .progress import moments
from .standing import Standing

FEW = 3
"""Scans that must have counted everybody before a trend is drawn: two points make every line look like one."""
_MOST_COUNTRIES = 5
_MOST_SCANS = 12
_GROUPS: dict[str, Tone] = {"protected": "good", "gaps": "warn", "none": "bad", "unknown": "unknown"}


def charts(now: Figures, past: tuple[Figures, ...], got: Standing) -> Iterator[Block]:
    drawn = tuple(filter(None, (_protection(now), _trend((*past, now)[-_MOST_SCANS:]), _abroad(got))))
    if drawn:
        yield Charts(drawn)
    counted = sum(_whole(one) is not None for one in (*past, now))
    if counted < FEW:
        yield Text(say("chart.no_trend", n=counted), "note")


def _protection(now: Figures) -> Chart | None:
    people = now.people
    if people is None or not people.known or not people.total:
        return None
    parts = [(group, tone, n) for group, tone in _GROUPS.items() if (n := int(getattr(people, group)))]
    series = tuple(Series(say(f"chart.{group}"), (n,), tone) for group, tone, n in parts)
    told = listed([f"{say(f'chart.{group}')} {say('number', n=n)}" for group, _, n in parts])
    # One colour alone has no legend.
    title = say("chart.people_all", group=series[0].title) if len(series) == 1 else say("chart.people")
    return Chart(title, "stacked", (say("chart.people_bar"),), series, f"{told}.")


def _trend(scans: tuple[Figures, ...]) -> Chart | None:
    """A scan that did not count everybody is a gap in the lines: half a list would look like a fall."""
    counted = [_whole(one) for one in scans]
    if sum(one is not None for one in counted) < FEW:
        return None
    series = tuple(
        Series(say(f"chart.{group}"), tuple(None if one is None else int(getattr(one, group)) for one in counted), tone)
        for group, tone in list(_GROUPS.items())[:3]
    )
    told = [say("about.period", since=scans[0].taken_at.date(), until=scans[-1].taken_at.date())]
    for line in series:
        values = listed([say("not_known") if n is None else say("number", n=int(n)) for n in line.values])
        told.append(f"{line.title}: {values}")
    at = moments([one.taken_at for one in scans])
    return Chart(say("chart.trend"), "lines", at, series, "; ".join(told) + ".")


def _whole(figures: Figures) -> People | None:
    people = figures.people
    return people if people and people.total and people.known and not people.at_least else None


def _abroad(got: Standing) -> Chart | None:
    if not got.abroad.records:
        return None
    most = sorted(got.abroad.countries.items(), key=lambda one: (-one[1], one[0]))
    bars = [(country(code or None), n) for code, n in most[:_MOST_COUNTRIES]]
    if rest := sum(n for _, n in most[_MOST_COUNTRIES:]):
        bars.append((say("chart.others"), rest))
    told = listed([f"{name} {say('number', n=n)}" for name, n in bars])
    series = (Series(say("chart.sign_ins"), tuple(n for _, n in bars), "warn"),)
    return Chart(say("chart.abroad"), "bars", tuple(name for name, _ in bars), series, f"{told}.")
