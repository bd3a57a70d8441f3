"""Sheet "Accepted risks": what somebody answers for, until when, and what has become of it.

Always present, also when empty: management must be able to tell "nothing is accepted" from "nobody says".
"""

from __future__ import annotations

from collections.abc import Iterator

from ..engine.results import Accepted, Finding, Scan
from ..words import say, word
from .blocks import DAY, TENANT, USERNAME, Cell, Column, Sheet, Table, Text
from .evidence import case, place
from .known import labels
from .tones import tones

QUIET = frozenset({"in_force", "not_checked", "nothing_found"})
"""States that nobody has to do anything about today."""


def sheet(scan: Scan) -> Sheet:
    columns = (
        Column(say("column.state"), 19, tones("accepted_state")),
        Column(say("column.risk"), 26),
        Column(say("column.who"), 20),
        Column(say("column.written"), USERNAME),
        Column(say("column.reason"), 34),
        Column(say("column.owner"), 14),
        Column(say("column.until"), DAY),
        Column(say("column.days_left"), 9),
        Column(say("column.covers"), 10),
        Column(say("column.tenant"), TENANT),
        Column(say("column.meaning"), 40),
        Column(say("column.rule_id"), 16),
    )
    return Sheet(
        say("sheet.accepted"),
        (
            Text(say("sheet.accepted"), "title"),
            Text(say("accepted.about"), "note"),
            Table("accepted", columns, _rows(scan), say("accepted.empty")),
        ),
    )


def _rows(scan: Scan) -> Iterator[tuple[Cell, ...]]:
    tenant = labels(scan)
    for one in scan.accepted:
        acceptance = one.acceptance
        yield (
            word("accepted_state", one.state),
            title(one),
            subject(one),
            acceptance.subject or None,
            acceptance.reason,
            acceptance.owner,
            acceptance.until,
            one.days_left,
            len(one.covers),
            tenant.get(acceptance.tenant, acceptance.tenant) or None,
            meaning(one) or None,
            acceptance.rule,
        )


def title(one: Accepted) -> str:
    """What is accepted: the check's title, with the aspect where it is accepted for that alone."""
    said = one.rule.title if one.rule else one.acceptance.rule
    aspect = one.acceptance.aspect
    called = next((case(finding.judged) for finding in (*one.covers, *one.back)), place(aspect))
    return say("accepted.aspect", title=said, aspect=called) if aspect else said


def subject(one: Accepted) -> str:
    """Whom it is accepted for."""
    if one.kind == "tenant":
        return one.name or say("accepted.everybody")
    return say("accepted.group", name=one.name) if one.kind == "group" else one.name


def meaning(one: Accepted) -> str:
    """What follows from the state, and what to do where something is to be done."""
    state = "expired_quiet" if one.state == "expired" and not one.back else one.state
    return _with_nearest(one, say(f"accepted_meaning.{state}", day=one.acceptance.until, n=len(one.back)))


def loud(scan: Scan) -> list[str]:
    """One sentence for each acceptance that somebody has to look at, the loudest first."""
    return [
        _with_nearest(one, say(f"accepted_loud.{one.state}", title=title(one), subject=subject(one),
                               owner=one.acceptance.owner, day=one.acceptance.until))
        for one in scan.accepted
        if one.state not in QUIET and (one.back or one.state != "expired")
    ]  # fmt: skip


def _with_nearest(one: Accepted, said: str) -> str:
    return f"{said} {say('accepted.nearest', word=one.nearest)}" if one.nearest else said


def noted(finding: Finding) -> str:
    """What an acceptance has to do with a finding: who answers for it, or why nobody does any more."""
    made = finding.acceptance
    if made is None:
        return ""
    if finding.state == "accepted":
        return say("accepted.noted", owner=made.owner, day=made.until, reason=made.reason)
    return say(f"accepted.noted_{finding.lapsed}", owner=made.owner, day=made.until)
