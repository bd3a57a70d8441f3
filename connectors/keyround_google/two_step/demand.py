"""What the policies about 2-Step Verification, taken together, say of a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .documents import (
    ENFORCEMENT,
    ENROLLMENT,
    GRACE,
    LESS_SECURE,
    TRUST,
    Policy,
    boolean,
    enforced_from,
    seconds,
)
from .effective import Estate, Possible
from .people import Profile
from .words import policy_name, whom

State = tuple[str, datetime | None]
"""on, scheduled, off or unclear; and from when on."""
OFF: State = ("off", None)
YES: bool | None = True
NO: bool | None = False
AT_ONCE: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Demand:
    """What the policies say of everybody with one profile. None: not known.

    `exempt`: where what wins is off, though something weaker is on. `spared`: whom a weaker policy for a group takes
    out of what wins. `period`: seconds that new people have to enrol.
    """

    states: Possible[State]
    exempt: tuple[str, ...]
    spared: str
    policies: tuple[str, ...]
    factors: str | None
    trusted: bool | None
    period: float | None
    may_enroll: bool | None
    old_programs: bool | None

    @property
    def words(self) -> set[str]:
        return {state for state, _ in self.states.values}

    @property
    def dates(self) -> list[datetime]:
        """From when on it is demanded, or may be."""
        return [since for _, since in self.states.values if since]


@dataclass(slots=True)
class Demands:
    """The same for everybody, worked out once for all who are alike."""

    known: Estate
    now: datetime
    found: dict[Profile, Demand] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def of(self, who: Profile) -> Demand:
        if who not in self.found:
            known = self.known
            states = known.effective(ENFORCEMENT, "enforcedFrom", who, self._state, OFF)
            applying = known.applying(ENFORCEMENT, who)
            self.found[who] = Demand(
                states=states,
                exempt=tuple(self._exempt(states, applying)),
                spared=next((whom(one, known) for one in applying if one.group and self._is_off(one)), ""),
                policies=tuple(dict.fromkeys(self.name(one) for one in applying)),
                factors=known.factors(who).value,
                trusted=known.effective(TRUST, "allowTrustingDevice", who, boolean, YES).value,
                period=known.effective(GRACE, "enrollmentGracePeriod", who, seconds, AT_ONCE).value,
                may_enroll=known.effective(ENROLLMENT, "allowEnrollment", who, boolean, YES).value,
                old_programs=known.effective(LESS_SECURE, "allowLessSecureApps", who, boolean, NO).value,
            )
        return self.found[who]

    def _state(self, said: Any) -> State:
        demanded, since = enforced_from(said)
        if demanded is None:
            return "unclear", None
        return OFF if since is None else ("scheduled" if since > self.now else "on", since)

    def _is_off(self, policy: Policy) -> bool:
        return self._state(policy.value.get("enforcedFrom")) == OFF

    def name(self, policy: Policy) -> str:
        if policy.policy_id not in self.names:
            self.names[policy.policy_id] = policy_name(policy, self.known, self.now)
        return self.names[policy.policy_id]

    def _exempt(self, states: Possible[State], applying: list[Policy]) -> Iterator[str]:
        """Where what wins is off, though something weaker is on."""
        winner = states.policy
        if winner is None or states.value != OFF:
            return
        for policy in applying:
            if self._state(policy.value.get("enforcedFrom"))[0] == "on":
                exempt = whom(winner, self.known)
                yield f"Exempt by {exempt}, where it is switched off; otherwise: {self.name(policy)}."
                return
