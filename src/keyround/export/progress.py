"""What was counted last time, in words: how that time is called, and what moved since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from babel.dates import format_date

from ..engine.figures import Figures
from ..words import language, say

Form = Literal["short", "phrase"]


def when(then: datetime, now: datetime, form: Form) -> str:
    """The month; the day where it is this month, the year too where it is long ago. In a row of figures, in a text."""
    months = (now.year - then.year) * 12 + now.month - then.month
    unit = "day" if months == 0 else "month" if months < 12 else "year"
    return format_date(then, say(f"when.{form}_{unit}"), language())


def before(value: str, then: datetime, now: datetime) -> str:
    """`Oct: 24 of 44`, on one line; an empty value was not known."""
    called = when(then, now, "short")
    flat = " ".join(value.split())
    return say("when.before", when=called, value=flat) if flat else say("when.before_not_known", when=called)


def progress(now: Figures, last: Figures | None) -> str:
    """How many people are protected, and how many that is more or fewer than last time.

    Empty where one of the two counts is not known or not whole. A difference that could be made of people of whom
    nothing was known at one of the times is not called one.
    """
    if last is None or not (now.people and last.people and now.people.known and last.people.known):
        return ""
    if now.people.at_least or last.people.at_least:
        return ""
    people, earlier = now.people, last.people
    said = say("progress.now", n=people.protected, total=people.total)
    called = when(last.taken_at, now.taken_at, "phrase")
    difference = people.protected - earlier.protected
    if difference == 0:
        return say("progress.same", now=said, when=called)
    if abs(difference) <= (earlier if difference > 0 else people).unknown:
        return say("progress.unsure", now=said, when=called, n=earlier.protected, total=earlier.total)
    return say("progress.more" if difference > 0 else "progress.fewer", now=said, when=called, n=abs(difference))


def moments(times: Sequence[datetime]) -> tuple[str, ...]:
    """Short names of moments in a row: months, or days where one month has several."""
    months = {(time.year, time.month) for time in times}
    form = say("when.short_month" if len(months) == len(times) else "when.short_day")
    return tuple(format_date(time, form, language()) for time in times)
