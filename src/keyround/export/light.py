"""The overall light, and the sentences beside it.

Red     an administrator can be taken over with a password, or there are signs of a takeover
Green   everybody is protected, nothing serious was found, and no unknown could change that
Amber   everything else

What somebody answers for makes no light red. The figures are facts and stay; so nobody unprotected is ever green.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..engine.figures import Light
from ..words import say

if TYPE_CHECKING:
    from .standing import Standing


def light(got: Standing) -> tuple[Light, str]:
    """The overall light and the sentences beside it, the most urgent first."""
    red = list(_red(got))
    if red:
        return "bad", " ".join(red)
    amber = list(_amber(got))
    if amber:
        return "warn", " ".join(amber[:2])
    return "good", say("light.all_good_accepted" if got.accepted else "light.all_good")


def _red(got: Standing) -> Iterator[str]:
    if got.takeable:
        yield say("light.takeable", count=len(got.takeable), n=got.admins.total)
    if got.taken:
        yield say("light.taken", n=got.taken)
    if got.takeovers:
        yield say("light.takeover", n=got.takeovers)


def _amber(got: Standing) -> Iterator[str]:
    if got.switchable:
        yield say("light.switchable", count=len(got.switchable), n=got.admins.total)
    if got.accepted_admins:
        yield say("light.accepted_admins", n=len(got.accepted_admins))
    if open_people := got.people.count("none") + got.people.count("gaps"):
        yield say("light.open", count=open_people, n=got.people.total)
    named = len(got.switchable) + sum(group == "gaps" for group in got.accepted_admins.values())
    if (open_admins := got.admins.count("gaps") - named) > 0:
        yield say("light.open_admins", n=open_admins)
    if got.abroad.unexplained:
        yield say("light.abroad", n=got.abroad.unexplained)
    if got.serious:
        yield say("light.findings", n=got.serious)
    if not got.people.certain or not got.admins.certain or got.hidden_admins:
        yield say("light.people_unknown")
    if not got.people.total:
        yield say("light.nobody")
    if not got.abroad.certain:
        yield say("light.abroad_unknown")
