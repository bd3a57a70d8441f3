"""The five mistakes that sink small companies, as lights: what the checks say of each, and what no check can say.

Green   every tenant was looked at, by at least one check that had something to look at, and nothing was found
Grey    the rest of what is not found: a person has to answer for it, and the sentence says what to ask
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..engine.results import DoesNotApply, Scan
from ..engine.rule import SEVERITIES, Rule
from ..words import say, word
from .blocks import Figure, Tone
from .checks import accepted_fails
from .clean import short
from .known import answered
from .tones import LIGHT

FIVE: dict[str, tuple[str, ...]] = {
    "passwords": ("passwords", "administrators", "sign_ins", "accounts", "apps"),
    "updates": ("updates",),
    "awareness": ("awareness",),
    "backups": (),
    "incident": ("recovery",),
}
"""Each of the five, and the topics of the checks that tell about it."""
_HALF = frozenset({"incident"})
"""What checks can disprove and never prove: emergency accounts that are ready are no plan for the day."""
_SERIOUS = ("critical", "high")


@dataclass(slots=True)
class _Tried:
    """One check over all tenants."""

    rule: Rule
    fail: int = 0
    accepted: int = 0  # of these, somebody answers for them
    scope: int = 0
    partly: bool = False  # somewhere not possible, in part, or unknown for somebody
    worst: str = ""  # the gravest of those nobody answers for: single cases may be graver or lighter than the rule

    @property
    def severity(self) -> str:
        return self.worst or self.rule.severity

    @property
    def found(self) -> bool:
        return self.fail > self.accepted and self.severity != "info"


def lights(scan: Scan) -> Iterator[Figure]:
    """A line for each of the five."""
    tried, asked = _tried(scan)
    everywhere = {tenant.id for tenant in scan.tenants}
    for name, topics in FIVE.items():
        checks = [check for check in tried.values() if check.rule.topic in topics]
        tenants = set().union(*(asked.get(topic, set()) for topic in topics))
        proven = bool(tenants) and everywhere <= tenants and name not in _HALF
        tone, sentence = _light(name, checks, proven)
        yield Figure(word("topic_of_five", name), word("light_word", LIGHT[tone]), sentence, tone)


def _tried(scan: Scan) -> tuple[dict[str, _Tried], dict[str, set[str]]]:
    """Every check that applies anywhere by its id, and by topic the tenants that one had something to look at in."""
    tried: dict[str, _Tried] = {}
    asked: dict[str, set[str]] = {}
    signed = accepted_fails(scan)
    for result in scan.results:
        if isinstance(result, DoesNotApply):
            continue
        check = tried.setdefault(result.rule.id, _Tried(result.rule))
        if not answered(result):
            check.partly = True
            continue
        if result.judged:
            asked.setdefault(result.rule.topic, set()).add(result.tenant)
        check.fail += result.count("fail")
        check.accepted += signed[result.tenant, result.rule.id]
        check.scope += len(result.judged)
        check.partly |= bool(result.missing or result.count("unknown"))
    for finding in scan.findings:
        if finding.state != "accepted" and (of := tried.get(finding.rule.id)):
            of.worst = min(filter(None, (of.worst, finding.severity)), key=SEVERITIES.index)
    return tried, asked


def _light(name: str, checks: list[_Tried], proven: bool) -> tuple[Tone, str]:
    failed = sorted((check for check in checks if check.found), key=_gravest)
    unable = sum(check.partly and not check.found for check in checks)
    accepted = sum(check.accepted > 0 and not check.partly and not check.found for check in checks)
    if failed:
        worst = failed[0]
        fail = worst.fail - worst.accepted
        said = say("topic.worst", title=short(worst.rule.title, 80), fail=fail, n=len(failed) - 1)
        said = f"{said} {say(f'ask.{name}')}" if name in _HALF else said
        return "bad" if worst.severity in _SERIOUS else "warn", said
    if unable or not proven:
        return "unknown", " ".join(filter(None, (say("topic.unable", n=unable) if unable else "", say(f"ask.{name}"))))
    if accepted:
        return "signed", say("topic.accepted", n=accepted)
    return "good", say("topic.passed", n=sum(check.scope > 0 for check in checks))


def _gravest(check: _Tried) -> tuple[int, int, int, str]:
    gravity = SEVERITIES.index(check.severity)
    return gravity, SEVERITIES.index(check.rule.severity), check.accepted - check.fail, check.rule.id
