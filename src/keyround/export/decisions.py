"""The most useful actions as decisions: whom it helps, what it costs, what it changes, and a place to tick.

What becomes of the first figure is said only where it follows from the definition of "protected": of actions that set
up or demand a second factor for people who lack nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

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
    best = most_useful(scan)
    if not best:
        yield Text(_none(scan, got))
        return
    reached = becomes(scan, got, best)
    if any(reached):
        yield Text(say("decision.arrow"), "note")
    rows = zip(best, reached, strict=True)
    yield Figures(tuple(_row(scan, rank, one, then) for rank, (one, then) in enumerate(rows, 1)))


def most_useful(scan: Scan) -> list[Decision]:
    """In the order of the best action of each."""
    found: dict[str, list[Action]] = {}
    for action in ranked(scan):
        if action.severity != "info":
            found.setdefault(action.rule.id, []).append(action)
    return [Decision(actions[0].rule, tuple(actions)) for actions in islice(found.values(), _MOST)]


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
    said, protected = [], people.protected
    key = "decision.then_at_least" if people.at_least else "decision.then"
    closed = Counter(last.values())
    for at in range(len(best)):
        more = closed[at]
        protected += more
        said.append(say(key, n=protected, total=people.total) if more else "")
    return said
