"""The most useful actions as decisions: whom it helps, what it costs, what it changes, and a place to tick.

What becomes of the first figure is said only where it follows from the definition of "protected": of actions that set
up or demand a second factor for people who lack nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..engine.results import Scan
from ..engine.rule import Rule
from ..model.protection import protection
from ..words import listed, say
from .actions import Action, ranked
from .blocks import Block, Figure, Figures, Text
from .clean import short
from .effort import cost, hours
from .known import answered, labels
from .roster import Key
from .standing import Standing

_MOST = 5
SETS_UP = frozenset({"admin-no-second-factor", "account-no-second-factor"})
"""Rules whose action sets up a second factor for everybody it names."""
DEMANDS = frozenset({"second-factor-not-demanded", "second-factor-with-gaps"})
"""Rules after whose action it is demanded from everybody they name."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing to decide on: the actions of one rule in all tenants."""

    rule: Rule
    actions: tuple[Action, ...]

    @property
    def concerned(self) -> int:
        return sum(len(action.whom) for action in self.actions)

    @property
    def hours(self) -> float:
        return sum(action.hours for action in self.actions)


def decisions(scan: Scan, got: Standing) -> Iterator[Block]:
    best = most_useful(scan, got)
    if not best:
        yield Text(_none(scan, got))
        return
    reached = becomes(scan, got, best)
    together = say("decision.together", hours=hours(sum(one.hours for one in best)))
    yield Text(" ".join(filter(None, (together, say("decision.arrow") if any(reached) else ""))), "note")
    rows = zip(best, reached, strict=True)
    yield Figures(tuple(_row(scan, rank, one, then) for rank, (one, then) in enumerate(rows, 1)))


def most_useful(scan: Scan, got: Standing) -> list[Decision]:
    """In the order of the best action of each. The last place is for what protects most people, where none of the
    others protects more: many urgent things about a few must not hide that most have no second factor.
    """
    found: dict[str, list[Action]] = {}
    for action in ranked(scan):
        if action.severity != "info":
            found.setdefault(action.rule.id, []).append(action)
    every = [Decision(actions[0].rule, tuple(actions)) for actions in found.values()]
    first, others = every[:_MOST], [one for one in every[_MOST:] if one.rule.id in SETS_UP | DEMANDS]
    if not others:
        return first
    kept = first[: _MOST - 1]
    most = max(others, key=lambda one: protects(scan, got, [*kept, one])[-1])  # the first of equals
    already = protects(scan, got, first)
    return [*kept, most] if protects(scan, got, [*kept, most])[-1] > max(already) else first


def _none(scan: Scan, got: Standing) -> str:
    if not any(map(answered, scan.results)):
        return say("checks.empty")
    few = got.checks.impossible * 2 > got.checks.total
    return say("summary.no_actions_few" if few else "summary.no_actions")


def _row(scan: Scan, rank: int, decision: Decision, then: str) -> Figure:
    rule = decision.rule
    counted = {"accounts": "summary.people_n", "devices": "summary.devices_n", "tenants": "summary.whole_tenant"}
    parts = [
        say(counted[rule.subject], n=decision.concerned),
        hours(decision.hours),
        cost(decision.hours, scan.presentation.provider),
    ]
    said = " · ".join(filter(None, parts)) + (f" → {then}" if then else "")
    name = labels(scan)
    where = listed([name.get(action.tenant, action.tenant) for action in decision.actions])
    why = " · ".join(filter(None, (short(rule.title, 70), short(where, 60) if len(scan.tenants) > 1 else "")))
    what = say("summary.action", rank=rank, action=short(rule.action, 90))
    return Figure(what, say("decision.tick"), f"{said}\n{why}")


def becomes(scan: Scan, got: Standing, best: Sequence[Decision]) -> list[str]:
    """What the first figure is once each decision and all before it are carried out; empty where it moves nothing for
    sure."""
    people = got.people.counted()
    if not people.known:
        return [""] * len(best)
    said, protected = [], people.protected
    key = "decision.then_at_least" if people.at_least else "decision.then"
    for more in protects(scan, got, best):
        protected += more
        said.append(say(key, n=protected, total=people.total) if more else "")
    return said


def protects(scan: Scan, got: Standing, best: Sequence[Decision]) -> list[int]:
    """How many people more each decision protects for sure, after all before it."""
    step = {decision.rule.id: at for at, decision in enumerate(best)}
    named: dict[tuple[str, str], set[int]] = defaultdict(set)  # account -> the decisions that concern it
    for finding in (scan.coded or scan).findings:  # called as `got` calls people
        if finding.counts and finding.rule.id in step:
            named[finding.tenant, finding.judged.subject].add(step[finding.rule.id])
    last: dict[Key, int] = {}  # who -> the decision after which all accounts of this person are protected
    for one in got.open:
        registered, verdict, done = one.registered, one.verdict, len(best)
        for at in sorted(named.get((one.tenant, one.account_id), ())):
            registered = True if best[at].rule.id in SETS_UP else registered
            verdict = "enforced" if best[at].rule.id in DEMANDS else verdict
            if protection(registered, verdict, one.enabled, one.kind) == "protected":
                done = at
                break
        last[one.who] = max(last.get(one.who, 0), done)
    closed = Counter(last.values())
    return [closed[at] for at in range(len(best))]
