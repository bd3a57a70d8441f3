"""Policies as a manager reads them: what, for whom, since when."""

from __future__ import annotations

from datetime import datetime

from .conditions import Licensed, Member, Unclear, Unit, atoms
from .documents import ADMINS, ENFORCEMENT, Policy, enforced_from
from .effective import Estate

STEP = "2-Step Verification"
GOOGLE = "Google itself, for administrators"
FLAG = f"Google {STEP}"
TITLES = {
    ENFORCEMENT: f"Enforcement of {STEP}",
    "security.two_step_verification_enrollment": f"Whether {STEP} may be set up",
    "security.two_step_verification_enforcement_factor": "Allowed second factors",
    "security.two_step_verification_device_trust": "Trusted devices",
    "security.two_step_verification_grace_period": "Enrolment period of new people",
    "security.two_step_verification_sign_in_code": "Backup codes",
    "security.password": "Password policy",
    "security.session_controls": "Length of a session",
    "security.less_secure_apps": "Less secure apps",
    "security.login_challenges": "Login challenges",
    "security.super_admin_account_recovery": "Account recovery of super administrators",
    "security.user_account_recovery": "Account recovery of people",
    "security.advanced_protection_program": "Advanced Protection Program",
    "security.passkeys_restriction": "Allowed passkeys",
    "gmail.auto_forwarding": "Automatic forwarding of mail",
    "gmail.imap_access": "IMAP access",
    "gmail.pop_access": "POP access",
    "gmail.mail_delegation": "Delegation of mailboxes",
    "api_controls.unconfigured_third_party_apps": "Apps of others",
    "api_controls.internal_apps": "Own apps",
    "api_controls.google_services": "Access of apps to Google services",
    "rule.system_defined_alerts": "Alerts",
    "multi_party_approval.require_approvals": "Approval by a second administrator",
}
"""Settings as the report calls them; of one that nobody knows yet, Google's own name stays."""


def title(setting: str) -> str:
    """
    >>> title("settings/security.password"), title("settings/security.holograms")
    ('Password policy', 'security.holograms')
    """
    name = setting.removeprefix("settings/")
    return TITLES.get(name, name)


def policy_name(policy: Policy, known: Estate, now: datetime) -> str:
    """As in "2-Step Verification for the unit /Sales, since 1 March 2026"."""
    if policy.setting != ENFORCEMENT:
        return f"{title(policy.setting)} for {whom(policy, known)}"
    demanded, since = enforced_from(policy.value.get("enforcedFrom"))
    name = GOOGLE if policy.group == ADMINS and policy.system and demanded else f"{STEP} for {whom(policy, known)}"
    if since:
        return f"{name}, {'from' if since > now else 'since'} {day(since)}"
    return f"{name}, switched off" if demanded is False else name


def whom(policy: Policy, known: Estate) -> str:
    """Everybody it is meant for."""
    unit = _unit(policy.unit, known)
    hangs_on = list(atoms(policy.condition))
    if policy.group == ADMINS:
        said = "all administrators"
    elif policy.group:
        said = known.group(policy.group)
    elif policy.unit or not any(isinstance(atom, Unit | Member) for atom in hangs_on):
        said = unit
    else:
        said = "part of the organisation"
    if policy.group and policy.unit and policy.unit != known.people.root and policy.unit in known.people.names:
        said += f" in {unit}"
    if any(isinstance(atom, Licensed) for atom in hangs_on):
        said += ", with certain licences"
    helped = bool(policy.unit) + bool(policy.group)
    if (
        any(isinstance(atom, Unclear) for atom in hangs_on)
        or sum(not isinstance(a, Licensed) for a in hangs_on) > helped
    ):
        said += ", under a condition"
    return said


def _unit(unit: str | None, known: Estate) -> str:
    if unit is None or unit == known.people.root:
        return "the whole organisation"
    path = known.people.names.get(unit)
    if path:
        return f"the unit {path}"
    return "a unit that was deleted" if known.people.units_whole else f"the unit with the id {unit}"


def day(when: datetime) -> str:
    """
    >>> day(datetime(2026, 3, 1, 9))
    '1 March 2026'
    """
    return f"{when.day} {when:%B %Y}"
