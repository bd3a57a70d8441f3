"""Results as JSON, for other programs. The shape is keyround/schema/results.schema.json; fields are only ever added.

Unknown is null, never false. Ids are the provider's own, instants ISO 8601 in UTC.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..connector import Complete, Incomplete
from ..engine.results import Accepted, Change, DoesNotApply, Evaluated, Finding, Scan
from ..engine.rule import SEVERITIES
from ..errors import CollectError
from ..model import Account, SignInPlace
from ..notes import FIELDS, Note
from . import actions, refs, veil
from .checks import accepted_fails
from .files import beside
from .known import answered, offered, whole
from .roster import Person, everyone

SCHEMA = 1
_OUTCOMES = ("success", "failure", "stopped_after_password", "blocked", "interrupted")
_ATTEMPTS = frozenset({"failure", "stopped_after_password", "blocked"})
_CODE = re.compile(r"P-\d+|[^\W\d_]\.( [^\W\d_]\.)?")
"""What may stand in place of a name: a code, or initials."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def results(scan: Scan, fail_on: str) -> dict[str, Any]:
    """Everything at once. `fail_on` is the lowest severity that counts as failed."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in _private(scan, fail_on)}


def write(scan: Scan, path: Path, fail_on: str) -> Path:
    """The same, streamed, one account or finding to a line; replaces `path`. Raises StoreError."""
    with beside(path) as draft:
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            lead = "{"
            for key, value in _private(scan, fail_on):
                file.write(f"{lead}\n{_dumps(key)}: ")
                lead = ","
                if not isinstance(value, Iterator | list):
                    file.write(_dumps(value))
                    continue
                start = "["
                for item in value:
                    file.write(f"{start}\n  {_dumps(item)}")
                    start = ","
                file.write("\n]" if start == "," else "[]")
            file.write("\n}\n")
        os.replace(draft, path)
    return path


def _dumps(value: Any) -> str:
    return _SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False, allow_nan=False, default=str))


def _private(scan: Scan, fail_on: str) -> Iterator[tuple[str, Any]]:
    """Without names that the report must not say; the few words at the top are no person's."""
    for key, value in _parts(scan, fail_on):
        yield key, veil.plain(value, scan) if isinstance(value, list | dict | Iterator) else value


def _parts(scan: Scan, fail_on: str) -> Iterator[tuple[str, Any]]:
    serious = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    yield "schema", SCHEMA
    yield "client", scan.client
    yield "client_name", scan.client_name
    yield "version", scan.version or None
    yield "scanned_at", plain(scan.taken_at)
    yield "window", {"since": plain(scan.window.since), "until": plain(scan.window.until)}
    yield "complete", scan.complete
    yield "fail_on", fail_on
    yield "failed_at_level", any(f.counts and f.severity in serious for f in scan.findings)
    yield "tenants", [_tenant(scan, i) for i in range(len(scan.tenants))]
    yield "coverage", list(_coverage(scan))
    yield "accounts", (_account(person) for person in everyone(scan))
    yield "sign_ins", _sign_ins(scan)
    yield "actions", _actions(scan)
    yield "findings", _findings(scan)
    yield "checks", list(_checks(scan))
    yield "accepted", [_accepted(one) for one in scan.accepted]
    yield "settings_without_effect", [f"{mistake.detail} {mistake.remedy}" for mistake in scan.mistakes]
    yield "previous_scan", plain(scan.previous)
    yield "changes", (changed(change) for change in scan.changes)


def _tenant(scan: Scan, number: int) -> dict[str, Any]:
    tenant = scan.tenants[number]
    return {
        "tenant": tenant.id,
        "provider": tenant.connector,
        "name": tenant.name,
        "domain": tenant.domain,
        "country": tenant.country,
        "plans": list(tenant.plans),
        "home_countries": None if tenant.home_countries is None else list(tenant.home_countries),
        "home_assumed": tenant.home_assumed,
    }


def _coverage(scan: Scan) -> Iterator[dict[str, Any]]:
    for covered in scan.coverage:
        outcome = covered.outcome
        said: dict[str, Any] = {"tenant": covered.tenant, "dataset": covered.dataset, "tells": covered.tells}
        if isinstance(outcome, Incomplete):
            said |= {"state": "incomplete", "rows": outcome.rows} | _error(outcome.error)
        else:
            state = "complete" if isinstance(outcome, Complete) else "not_offered"
            said |= {"state": state, "rows": outcome.rows if isinstance(outcome, Complete) else None}
            said |= dict.fromkeys(("reason", "therefore", "remedy", "kind", "code"))
        without = getattr(outcome, "without", {})
        yield said | {"without": [{"column": column} | _error(error) for column, error in without.items()]}


def _error(error: CollectError) -> dict[str, Any]:
    return {
        "reason": error.detail,
        "therefore": error.therefore or None,
        "remedy": error.remedy,
        "kind": error.kind,
        "code": error.code or None,
    }


def _account(person: Person) -> dict[str, Any]:
    return {
        "tenant": person.tenant,
        "provider": person.provider,
        "account_id": person.account_id,
        "username": _lower(person.username),
        "display_name": person.display_name,
        "kind": person.kind,
        "external": person.external,
        "enabled": person.enabled,
        "roles": None if person.roles is None else [asdict(role) for role in person.roles],
        "privileged": person.privileged,
        "protection": person.protection,
        "mfa_registered": person.registered,
        "mfa_methods": _list(person.methods),
        "mfa_strength": person.strength,
        "mfa_enforcement": person.enforcement,
        "mfa_enforced_by": _list(person.enforced_by),
        "mfa_gaps": _list(person.gaps),
        "mfa_reason": person.reason,
        "mfa_excluded_by": _list(person.excluded_by),
        "mfa_policies": _list(person.policies),
        "mfa_report_only": _list(person.report_only),
        "mfa_enforcement_if_enabled": person.if_enabled,
        "mfa_enforcement_when_active": person.when_active,
        "mfa_phishing_resistant_demanded": person.resistant_demanded,
        "legacy_clients_blocked": person.legacy_blocked,
        "emergency_account": person.emergency,
        "own_access": person.own_access,
        "mfa_contradiction": person.contradiction,
        "mfa_grace_until": plain(person.grace_until),
        "last_sign_in": plain(person.last_sign_in),
        "sign_in_countries": _list(person.sign_in_countries),
    }


@dataclass(slots=True)
class _Counted:
    """One account's sign-ins; accounts that are not in the directory go by the name in the records."""

    tenant: str
    account_id: str | None
    username: str | None
    placed: bool  # its tenant has home countries
    counts: Counter[str] = field(default_factory=Counter)
    countries: set[str] = field(default_factory=set)
    abroad: set[str] = field(default_factory=set)  # of these, those that are no home of this person


def _sign_ins(scan: Scan) -> dict[str, Any]:
    """Totals of what was read; null where no tenant's sign-ins were. `not_whole` names tenants that lack some."""
    totals: Counter[str] = Counter()
    accounts: list[_Counted] = []
    read = placed = False
    not_whole = []
    for tenant in scan.tenants:
        if not offered(scan, tenant.id, "sign_ins"):
            continue
        found: dict[tuple[str | None, str | None], _Counted] = {}
        for place in scan.rows(SignInPlace, tenant.id):
            classes = _classes(place)
            totals.update(classes)
            key = (place.account_id, None if place.account_id else _lower(place.username))
            one = found.setdefault(
                key, _Counted(tenant.id, place.account_id, place.username, bool(tenant.home_countries))
            )
            one.counts.update(classes)
            one.countries.update([place.country] if place.country else [])
            one.abroad.update([place.country] if place.country and place.abroad else [])
        for account in scan.rows(Account, tenant.id) if found else ():
            if (account.account_id, None) in found and account.username:
                found[account.account_id, None].username = account.username
        is_whole = whole(scan, tenant.id, "sign_ins")
        if not is_whole:
            not_whole.append(tenant.id)
        read = read or is_whole or bool(found)
        placed = placed or bool(tenant.home_countries and (is_whole or found))
        accounts += found.values()
    keys = ("total", *_OUTCOMES, "unclassified", "place_unknown")
    said: dict[str, Any] = {name: totals[name] if read else None for name in keys}
    for name in ("abroad_success", "abroad_on_trip", "abroad_attempts"):
        said[name] = totals[name] if placed else None
    if scan.presentation.works_council:  # whoever never was abroad is not told of, nor how often anybody was
        abroad = [one for one in accounts if one.abroad]
        return said | {"not_whole": not_whole, "by_account": [_uncounted(one) for one in abroad]}
    return said | {"not_whole": not_whole, "by_account": [_by_account(one) for one in accounts]}


def _classes(place: SignInPlace) -> dict[str, int]:
    """Each record in exactly one outcome; abroad and unknown place beside it."""
    n = place.records or 0
    counted = {"total": n, place.outcome if place.outcome in _OUTCOMES else "unclassified": n}
    if place.abroad is None:
        counted["place_unknown"] = n
    elif place.abroad and place.outcome == "success":
        counted["abroad_success"] = n
        counted["abroad_on_trip"] = n if place.explained == "trip" else 0
    elif place.abroad and place.outcome in _ATTEMPTS:
        counted["abroad_attempts"] = n
    return counted


def _by_account(one: _Counted) -> dict[str, Any]:
    return {
        "tenant": one.tenant,
        "account_id": one.account_id,
        "username": _lower(one.username),
        "success": one.counts["success"],
        "abroad_success": one.counts["abroad_success"] if one.placed else None,
        "abroad_on_trip": one.counts["abroad_on_trip"] if one.placed else None,
        "abroad_attempts": one.counts["abroad_attempts"] if one.placed else None,
        "countries": sorted(one.countries),
    }


def _uncounted(one: _Counted) -> dict[str, Any]:
    counts = dict.fromkeys(("success", "abroad_success", "abroad_on_trip", "abroad_attempts"))
    return _by_account(one) | counts | {"countries": sorted(one.abroad)}


def _findings(scan: Scan) -> Iterator[dict[str, Any]]:
    username, ref = _usernames(scan), refs.each(finding.key for finding in scan.findings)
    for finding in scan.findings:
        rule = finding.rule
        yield {
            "tenant": finding.tenant,
            "rule": rule.id,
            "severity": finding.severity,
            "subject": finding.judged.subject,
            "aspect": finding.judged.aspect or None,
            "account": _account_of(finding, username),
            "title": rule.title,
            "evidence": dict(_evidence(finding.judged.evidence)),
            "state": finding.state,
            "first_seen": plain(finding.first_seen),
            "last_seen": plain(finding.last_seen),
            "accepted": _answered_for(finding),
            "acceptance_lapsed": finding.lapsed or None,
            "ref": ref[finding.key],
            **_noted(scan.notes.of(*finding.key)),
        }


def _noted(note: Note) -> dict[str, Any]:
    """`due` as it was typed where it is no day, `status` one of our codes or as it was typed."""
    return {name: getattr(note, name) or None for name in FIELDS}


def _actions(scan: Scan) -> Iterator[dict[str, Any]]:
    """In the order of the sheet."""
    ranked = actions.ranked(scan)
    ref = refs.each(action.key for action in ranked)
    for action in ranked:
        yield {
            "ref": ref[action.key],
            "tenant": action.tenant,
            "rule": action.rule.id,
            "severity": action.severity,
            "action": action.rule.action,
            "people": action.people,
            "hours": round(action.hours, 2),
            **_noted(scan.notes.of(*action.key)),
        }


def _answered_for(finding: Finding) -> dict[str, Any] | None:
    made = finding.acceptance
    if made is None or finding.state != "accepted":
        return None
    return {"reason": made.reason, "owner": made.owner, "until": plain(made.until)}


def _accepted(one: Accepted) -> dict[str, Any]:
    made = one.acceptance
    return {
        "rule": made.rule,
        "title": one.rule.title if one.rule else None,
        "subject": made.subject or None,
        "aspect": made.aspect or None,
        "tenant": made.tenant or None,
        "severity": made.severity or None,
        "reason": made.reason,
        "owner": made.owner,
        "until": plain(made.until),
        "days_left": one.days_left,
        "state": one.state,
        "covers": len(one.covers),
        "counts_again": len(one.back),
        "nearest": one.nearest or None,
    }


def changed(change: Change) -> dict[str, Any]:
    """One of `changes`. `from` is null where nothing was known; `account` is what the subject was called then."""
    return {
        "tenant": change.tenant,
        "rule": change.rule,
        "title": change.title,
        "severity": change.severity,
        "subject": change.subject,
        "aspect": change.aspect or None,
        "account": None if change.subject_table == "tenants" else _lower(change.who),
        "from": change.was,
        "state": change.state,
        "first_seen": plain(change.first_seen),
        "last_seen": plain(change.last_seen),
        "since": plain(change.since),
    }


def _evidence(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        is_username = name in ("account", "username") and isinstance(value, str) and "@" in value
        yield name, _lower(value) if is_username else plain(value)


def _usernames(scan: Scan) -> dict[tuple[str, str], str | None]:
    """User names of the accounts that findings are about, and of no more."""
    wanted = {(f.tenant, f.judged.subject) for f in scan.findings if f.rule.subject == "accounts"}
    return {
        (tenant.id, row.account_id): row.username
        for tenant in scan.tenants
        for row in (scan.rows(Account, tenant.id) if wanted else ())
        if (tenant.id, row.account_id) in wanted
    }


def _account_of(finding: Finding, usernames: dict[tuple[str, str], str | None]) -> str | None:
    if finding.rule.subject == "tenants":
        return None
    # Of a device that could not be looked at again its own name is known, and nobody's user name.
    said = finding.judged.evidence.get("account") or ("" if finding.rule.subject == "devices" else finding.who)
    return _lower(usernames.get((finding.tenant, finding.judged.subject), str(said) if said else None))


def _checks(scan: Scan) -> Iterator[dict[str, Any]]:
    accepted = accepted_fails(scan)
    for result in scan.results:
        if isinstance(result, DoesNotApply):
            continue
        own = {name: result.rule.parameters[name] for name in scan.usual.get(result.rule.id, ())}
        yield {
            "tenant": result.tenant,
            "rule": result.rule.id,
            "title": result.rule.title,
            "severity": result.rule.severity,
            "fail": result.count("fail") if answered(result) else None,
            "pass": result.count("pass") if answered(result) else None,
            "unknown": result.count("unknown") if isinstance(result, Evaluated) else None,
            "evaluated": answered(result),
            "missing": sorted(result.missing),
            "accepted": accepted[result.tenant, result.rule.id] if answered(result) else None,
            "own_thresholds": {name: plain(value) for name, value in own.items()},
        }


def plain(value: Any) -> Any:
    """A value as JSON has it; instants get their Z."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value not in (float("inf"), float("-inf")) and value == value:
        return value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(part) for part in value]
    return None if isinstance(value, float) else str(value)


def _lower(text: str | None) -> str | None:
    """A user name; what stands in its place is written as everywhere."""
    return (text if _CODE.fullmatch(text) else text.lower()) if text else None


def _list(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)
