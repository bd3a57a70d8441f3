"""Is 2-Step Verification demanded of each person, by what, and where not? Worked out from the snapshot alone.

Google's own flag is what counts today; the policies explain it, tell what is to come, and are shown beside it where
the two disagree. Whoever signs in through another provider is that provider's business: Google does not ask there.

Source  https://support.google.com/a/answer/9176805
        https://support.google.com/a/answer/9464354 (single sign-on; never for super administrators)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from keyround.connector import NOT_READ_THEN, Complete, Derived, Incomplete, Outcome, Tables
from keyround.errors import NotEnabled, NotGranted, NotLicensed
from keyround.model import (
    AccessPolicy,
    Account,
    AccountMeasure,
    AuditEvent,
    FactorUse,
    Group,
    GroupMember,
    LicenseAssignment,
    MfaEnforcement,
    MfaRegistration,
    OrgUnit,
    RoleAssignment,
    Setting,
)

from .two_step import Estate, Possible, estate, resists_phishing
from .two_step.contradictions import against_log, against_policy, against_programs, against_report
from .two_step.demand import Demand, Demands
from .two_step.effective import ROLES
from .two_step.leave import Leave, granted, leave
from .two_step.people import Profile
from .two_step.words import FLAG, GOOGLE, STEP, day
from .users import ENFORCED

RECENT = timedelta(days=30)
ELSEWHERE = frozenset({"saml", "oidc", "external_provider"})
PROVIDER = "Single sign-on with another provider"

TRUSTED = "Not asked again on devices that the person has marked as trusted."
BY_OTHERS = "Signs in through another provider, too: Google does not ask there."
BY_GOOGLE = "Google may demand it of administrators by itself"
OLD_PROGRAMS = "Programs that send nothing but the password are let in (less secure apps)."
MAY_NOT = f"Not enrolled, and {STEP} may not be set up there."


@dataclass(frozen=True, slots=True)
class Use:
    """What the log tells of one account's successes. `bare_at`: the last with a password alone."""

    first_at: datetime | None = None
    bare_at: datetime | None = None
    elsewhere: bool = False


def rows(
    tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]
) -> Iterator[MfaEnforcement]:
    tenant = _Tenant.read(tables, outcomes, now, config)
    for account in tables.rows(Account):
        yield tenant.judged(account)


@dataclass(slots=True)
class _Tenant:
    """Everything the verdicts rest on. `unread…` say why something is not known; "" where it is.

    `broke_off`: the policies, and the assignments to other providers, that should have come and did not. Where they
    are out of reach for good, Google's flag has to do; where they failed once, the next scan may say something else.
    """

    known: Estate
    demands: Demands
    unread: str
    unread_elsewhere: str
    unread_flag: str
    broke_off: tuple[bool, bool]
    flags: Mapping[str, str | None]
    registered: Mapping[str, bool | None]
    granted: Mapping[str, AuditEvent]
    uses: Mapping[str, Use]
    measures: Mapping[str, AccountMeasure]
    configured: frozenset[str]
    now: datetime
    since: datetime | None
    providers: dict[Profile, Possible[bool | None]] = field(default_factory=dict)

    @classmethod
    def read(cls, tables: Tables, outcomes: Mapping[str, Outcome], now: datetime, config: Mapping[str, Any]) -> _Tenant:
        flags = (row for row in tables.rows(Setting) if row.name == ENFORCED)
        known = estate(tables, outcomes, now)
        return cls(
            known=known,
            demands=Demands(known, now),
            unread=_unread(outcomes.get("policies")),
            unread_elsewhere=_unread(outcomes.get("sso")),
            unread_flag=_unread_flag(outcomes.get("users")),
            broke_off=(_broke_off(outcomes.get("policies")), _broke_off(outcomes.get("sso"))),
            flags={row.scope.removeprefix("account:"): row.value for row in flags},
            registered={row.account_id: row.registered for row in tables.rows(MfaRegistration)},
            granted=granted(tables),
            uses=_uses(tables),
            measures={row.account_id: row for row in tables.rows(AccountMeasure)},
            configured=frozenset(config.get("emergency_accounts", ())),
            now=now,
            since=config.get("since"),
        )

    def judged(self, account: Account) -> MfaEnforcement:
        emergency = (account.username or "").lower() in self.configured
        key = account.account_id
        if account.enabled is False:
            word = account.status if account.status in ("suspended", "archived") else "suspended or archived"
            return MfaEnforcement(key, "blocked", report_only=[], reason=f"The account is {word}.", emergency=emergency)
        who = self.known.people.profile(account)
        demand = None if self.unread else self.demands.of(who)
        flag = {"true": True, "false": False}.get(self.flags.get(key) or "")
        elsewhere = self._elsewhere(account, who)
        words = _words(flag, demand, elsewhere.values, who.admin, self.broke_off[0])
        verdict = words.pop() if len(words) == 1 else "unknown"
        registered = self.registered.get(key)
        left = self._left(account, verdict, demand) if registered is False else None
        untold = verdict == "unknown"
        return MfaEnforcement(
            account_id=key,
            verdict=verdict,
            enforced_by=None if untold else self._by(verdict, flag, demand, who),
            gaps=None if untold else self._gaps(verdict, registered, demand, elsewhere, left),
            excluded_by=None if demand is None else list(demand.exempt),
            phishing_resistant=_resistant(verdict, demand),
            reason=self._reason(verdict, flag, demand, elsewhere, who),
            policies=None if demand is None else list(demand.policies),
            report_only=[],  # Google has no policies that only watch.
            verdict_if_enabled="enforced" if verdict == "scheduled" else None,
            legacy_blocked=_kept_out(demand, self.measures.get(key)),
            emergency=emergency,
            contradiction=" ".join(self._contradictions(account, who, flag, registered, demand, left)) or None,
            grace_until=left.until if left else None,
        )

    def _elsewhere(self, account: Account, who: Profile) -> Possible[bool | None]:
        """Whether another provider signs the person in; by its traces where the assignments do not tell."""
        if who not in self.providers:
            self.providers[who] = self.known.signs_in_elsewhere(who)
        found = self.providers[who]
        if who.highest or not (self.unread_elsewhere or found.value is None):
            return found
        measure = self.measures.get(account.account_id)
        seen = measure.single_sign_on_at if measure else None
        if self.uses.get(account.account_id, Use()).elsewhere or (seen and seen > self.now - RECENT):
            return Possible(((None, True),))
        # Some of them arrived: there is such a provider. Or there may be.
        if self.unread_elsewhere and (found.value is not False or self.broke_off[1]):
            return Possible(((None, True), (None, False)))
        return found

    def _by(self, verdict: str, flag: bool | None, demand: Demand | None, who: Profile) -> list[str]:
        match verdict:
            case "third_party":
                return [PROVIDER]
            case "enforced" | "scheduled" if demand and demand.words == {{"enforced": "on"}.get(verdict, verdict)}:
                return [self.demands.name(one) for one, _ in demand.states.winners if one] or [FLAG]
            case "enforced" if demand and flag and who.admin and "on" not in demand.words:
                return [GOOGLE]
            case "enforced":
                return [FLAG]
        return []

    def _gaps(
        self, verdict: str, registered: bool | None, demand: Demand | None, elsewhere: Possible[bool | None],
        left: Leave | None,
    ) -> list[str]:  # fmt: skip
        gaps = []
        if verdict == "scheduled" and demand:
            until = f"Only from {day(min(demand.dates))} on" if demand.dates else "Only later"
            then = "it can be switched off" if registered else "the password alone may be enough"
            gaps.append(f"{until}: before that {then}.")
        if left and verdict == "enforced":
            gaps.append(MAY_NOT if demand and demand.may_enroll is False else left.gap)
        if verdict in ("enforced", "scheduled"):
            gaps += [BY_OTHERS] * (elsewhere.value is True)
        if verdict == "enforced" and demand:
            gaps += [TRUSTED] * (demand.trusted is True and not left) + [OLD_PROGRAMS] * (demand.old_programs is True)
        return gaps

    def _left(self, account: Account, verdict: str, demand: Demand | None) -> Leave | None:
        """Of somebody who must use it and has not enrolled; or will have to, when the time for it is over."""
        if verdict == "enforced":
            return self._time(account, demand)
        if verdict == "not_enforced" and demand and demand.words == {"on"}:
            found = self._time(account, demand)
            return found if found.over is False else None
        return None

    def _time(self, account: Account, demand: Demand | None) -> Leave:
        """How long somebody who has not enrolled may go on so."""
        names = account.account_id, (account.username or "").lower()
        events = [self.granted[name] for name in names if name in self.granted]
        granted = max(events, key=lambda event: event.happened_at, default=None)
        earliest, seen = account.created_at, self.uses.get(account.account_id, Use()).first_at
        # The window of the log begins somewhere: the first sign-in in it is the first for whoever is younger.
        if earliest and seen and self.since and earliest >= self.since:
            earliest = seen
        first = earliest, min(filter(None, (seen, account.last_success_at)), default=None)
        return leave(account, demand.period if demand else None, granted, first, self.now)

    def _contradictions(
        self, account: Account, who: Profile, flag: bool | None, registered: bool | None, demand: Demand | None,
        left: Leave | None,
    ) -> Iterator[str]:  # fmt: skip
        measure = self.measures.get(account.account_id)
        if measure and demand:
            yield from against_programs(measure, demand)
        if flag is None:
            return
        if demand:
            yield from against_policy(flag, demand, who, left, self.now)
        if measure and registered is not None:
            yield from against_report(measure, flag, registered)
        bare_at = self.uses.get(account.account_id, Use()).bare_at
        if flag and demand and left and bare_at:
            yield from against_log(bare_at, demand, left)

    def _reason(
        self, verdict: str, flag: bool | None, demand: Demand | None, elsewhere: Possible[bool | None], who: Profile
    ) -> str:
        said = []
        if verdict == "third_party":
            said.append("Another provider signs this person in: whether it asks for a second factor is decided there.")
        elif flag is None:
            said.append(self.unread_flag)
            if demand and verdict != "unknown":
                said.append("The policies decide instead.")
        elif verdict != "unknown":
            said.append("Google's own flag for this person.")
        if self.unread:
            said.append(f"Which policy is behind it, and what is planned, is not known: {self.unread}")
        why = set(demand.states.why if demand else ())
        if verdict == "unknown" and flag is None and demand and demand.words != {"on"} and who.admin is not False:
            why.add(BY_GOOGLE if who.admin else ROLES)
        if verdict != "third_party" and (flag is not True or verdict == "unknown"):
            why |= elsewhere.why
            if None in elsewhere.values:
                said.append("Google did not say whether another provider signs this person in.")
        if self.unread_elsewhere and verdict != "third_party" and who.highest is not True:
            said.append(f"Single sign-on with another provider is not known: {self.unread_elsewhere}")
        if why:
            start = "It depends on this" if verdict == "unknown" else "Which policy is behind it is not certain"
            said.append(f"{start}: {'; '.join(sorted(why))}.")
        if demand and "unclear" in demand.words:
            said.append("The date of a policy cannot be read.")
        return " ".join(dict.fromkeys(said))


def _words(
    flag: bool | None, demand: Demand | None, elsewhere: set[bool | None], admin: bool | None, broke_off: bool
) -> set[str]:
    """Every verdict that may be true of the person."""
    if flag:
        return {"enforced"}
    if flag is None and (demand is None or "unclear" in demand.words):
        return {"unknown"}
    otherwise = {{True: "third_party", False: "not_enforced", None: "unknown"}[one] for one in elsewhere}
    found: set[str] = set()
    for state in demand.words if demand else {"off", "scheduled"} if broke_off else {"off"}:
        if state in ("scheduled", "unclear"):
            found.add("scheduled")
        if state == "on" and flag is None:
            found.add("enforced")
        elif state != "scheduled":
            found |= otherwise
        if flag is None and admin is not False:
            found.add("enforced")  # by Google itself, which demands it of administrators whatever the policies say
    return found


def _kept_out(demand: Demand | None, measure: AccountMeasure | None) -> bool | None:
    """Whether programs that send nothing but the password are. What Google measured answers where the policies do not;
    that nothing was ever set does not stand against a measure that says otherwise."""
    allowed = demand.old_programs if demand else None
    measured = measure.less_secure_apps if measure else None
    if allowed is None:
        return None if measured is None else not measured
    return None if measured and not allowed else not allowed


def _resistant(verdict: str, demand: Demand | None) -> bool | None:
    if verdict == "enforced":
        return resists_phishing(demand.factors) if demand else None
    return False if verdict in ("scheduled", "not_enforced") else None


def _uses(tables: Tables) -> dict[str, Use]:
    found: dict[str, Use] = {}
    for row in tables.rows(FactorUse):
        before = found.get(row.account_id, Use())
        first = min(filter(None, (before.first_at, row.first_at)), default=None)
        bare = row.last_at if row.method == "password" else before.bare_at
        found[row.account_id] = Use(first, bare, before.elsewhere or row.method in ELSEWHERE)
    return found


def _unread(outcome: Outcome | None) -> str:
    if outcome is None:
        return NOT_READ_THEN
    return outcome.error.detail if isinstance(outcome, Incomplete) else ""


def _broke_off(outcome: Outcome | None) -> bool:
    """It failed on the way: neither refused nor switched off."""
    return isinstance(outcome, Incomplete) and not isinstance(outcome.error, NotGranted | NotEnabled | NotLicensed)


def _unread_flag(outcome: Outcome | None) -> str:
    """Why a flag that is not there is not there."""
    if isinstance(outcome, Incomplete):
        return f"Google's flag for this person was not read: {outcome.error.detail}"
    if isinstance(outcome, Complete) and (lacking := outcome.without.get(f"settings.{ENFORCED}")):
        return f"Google's flag for this person was not read: {lacking.detail}"
    return f"Google did not say whether {STEP} is enforced for this person."


DERIVED = Derived(
    fills=MfaEnforcement,
    reads=(
        Account, MfaRegistration, Setting, AccessPolicy, OrgUnit, Group, GroupMember, RoleAssignment,
        LicenseAssignment, AuditEvent, AccountMeasure, FactorUse,
    ),
    rows=rows,
)  # fmt: skip
