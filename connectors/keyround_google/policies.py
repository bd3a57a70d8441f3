"""Settings by organisational unit, group and licence: whether 2-Step Verification is demanded, and much beside it.

Endpoint    GET https://cloudidentity.googleapis.com/v1/policies with a filter on the settings we know a use for
Permission  https://www.googleapis.com/auth/cloud-identity.policies.readonly, asked for a super administrator
Plan        every edition
Gaps        settings that nobody ever changed are not in the answer: Google's documented default holds there
Source      https://cloud.google.com/identity/docs/reference/rest/v1/policies/list
            https://cloud.google.com/identity/docs/concepts/supported-policy-api-settings
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, Unexpected
from keyround.model import AccessPolicy, Setting

from .two_step import documents
from .two_step.conditions import Member, Unit, atoms
from .two_step.documents import Policy
from .two_step.words import title

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/cloud-identity.policies.readonly"
SOURCE = "https://cloud.google.com/identity/docs/reference/rest/v1/policies/list"
MASK = "nextPageToken,policies"

# No backslash, which Google's filter and the text within it would each want doubled.
WANTED = (
    "^settings/(security[.].*|api_controls[.].*|multi_party_approval[.].*|rule[.]system_defined_alerts"
    "|gmail[.](auto_forwarding|imap_access|pop_access|mail_delegation))$"
)
_WANTED = re.compile(WANTED)


class _Named(msgspec.Struct):
    type: str | None = None


class _Document(msgspec.Struct):
    name: str | None = None
    setting: _Named | None = None


class _Raw(msgspec.Struct):
    policies: list[msgspec.Raw] | None = None


class Page(msgspec.Struct, frozen=True):
    """Everything that came, and the id of the unit at the top where it is known."""

    bodies: tuple[bytes, ...]
    root: str | None = None


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    bodies: list[bytes] = []
    try:
        for body in _asked(admin):
            if isinstance(body, Without):
                yield body
                continue
            bodies.append(body)
            admin.noted.documents += [bytes(raw) for raw in decode(body, _Raw).policies or ()]
    except CollectError:
        if bodies:
            yield Page(tuple(bodies), admin.noted.root)
        raise
    yield Page(tuple(bodies), admin.noted.root)


def _asked(admin: Admin) -> Iterator[bytes | Without]:
    """With our filter; without it where Google does not take it, or finds nothing at all by it."""
    wanted = f"customer == \"customers/{admin.customer}\" && setting.type.matches('{WANTED}')"
    begun = False
    try:
        for body in _listed(admin, wanted):
            begun = begun or (isinstance(body, bytes) and bool(decode(body, _Raw).policies))
            yield body
    except Unexpected:
        if begun:
            raise
    if not begun:
        yield from _listed(admin, None)


def _listed(admin: Admin, wanted: str | None) -> Iterator[bytes | Without]:
    return admin.listing(admin.identity.policies(), (SCOPE,), {}, pageSize=100, filter=wanted, fields=MASK)


def rows(page: Page) -> Iterator[AccessPolicy | Setting]:
    strongest: dict[tuple[str, str], tuple[float, Setting]] = {}
    for raw in (raw for body in page.bodies for raw in decode(body, _Raw).policies or ()):
        document = decode(bytes(raw), _Document)
        kind = (document.setting and document.setting.type) or ""
        if not _WANTED.fullmatch(kind if kind.startswith("settings/") else f"settings/{kind}"):
            continue
        text = bytes(raw).decode("utf-8", "replace")
        policy = documents.policy(document.name or kind, text)
        yield AccessPolicy(
            policy_id=document.name or f"{kind}/{policy.order if policy else None}",
            kind="policy",
            name=title(kind),
            state="disabled" if policy and _is_off(policy) else "enabled",
            document=text,
            source="v1",
        )
        for setting in _settings(policy, page.root) if policy else ():
            key, order = (setting.name, setting.scope), policy.order if policy and policy.order is not None else -1.0
            if key not in strongest or strongest[key][0] < order:
                strongest[key] = (order, setting)
    for _, setting in strongest.values():
        yield setting


def _is_off(policy: Policy) -> bool:
    demanded, _ = documents.enforced_from(policy.value.get("enforcedFrom"))
    return policy.setting == documents.ENFORCEMENT and demanded is False


def _settings(policy: Policy, root: str | None) -> Iterator[Setting]:
    """What other checks may want, under common names. A policy with conditions of its own stays a document alone."""
    allowed = {Unit(policy.unit or ""), Member(policy.group or "")}
    if policy.setting in SETTINGS and set(atoms(policy.condition)) <= allowed:
        for name, (field, read) in SETTINGS[policy.setting].items():
            if field in policy.value:
                yield Setting(name, read(policy.value[field]), _scope(policy, root), f"settings/{policy.setting}")


def _scope(policy: Policy, root: str | None) -> str:
    unit = policy.unit if policy.unit != root else None
    if policy.group:
        return f"group:{policy.group}" + (f" unit:{unit}" if unit else "")
    return f"unit:{unit}" if unit else "tenant"


def _flag(said: Any) -> str | None:
    found = documents.boolean(said)
    return None if found is None else "true" if found else "false"


def _number(said: Any) -> str | None:
    """Seconds, or a length."""
    found = documents.seconds(said)
    return None if found is None else f"{found:.15g}"


def _word(said: Any) -> str | None:
    return said if isinstance(said, str) and said else None


def _from(said: Any) -> str | None:
    """The day it begins; "never" for 1970."""
    demanded, since = documents.enforced_from(said)
    return f"{since.isoformat()}Z" if since else "never" if demanded is False else None


CONSENT = {
    "BLOCK_ALL_SCOPES": "none",
    "ALLOW_SIGN_IN_SCOPES_ONLY": "low",
    "UNSPECIFIED_UBER_BLOCK": "all",
    "UNSPECIFIED_UBER_ALLOW": "all",
}
"""Which apps of others people may let in where no administrator has decided about the app. The third is what Google
gives where the console says "any", see CISA's ScubaGoggles, GWS.COMMONCONTROLS.10.4."""


def _consent(said: Any) -> str | None:
    return CONSENT.get(said) if isinstance(said, str) else None


_Read = tuple[str, Callable[[Any], str | None]]
SETTINGS: Mapping[str, Mapping[str, _Read]] = {
    documents.ENFORCEMENT: {"two_step_enforced_from": ("enforcedFrom", _from)},
    documents.ENROLLMENT: {"two_step_allowed": ("allowEnrollment", _flag)},
    documents.FACTOR: {"two_step_factors": ("allowedSignInFactorSet", _word)},
    documents.TRUST: {"two_step_trusted_devices": ("allowTrustingDevice", _flag)},
    documents.GRACE: {"two_step_enrolment_period": ("enrollmentGracePeriod", _number)},
    documents.LESS_SECURE: {"less_secure_apps": ("allowLessSecureApps", _flag)},
    "security.password": {
        "password_strength": ("allowedStrength", _word),
        "password_minimum_length": ("minimumLength", _number),
        "password_reuse": ("allowReuse", _flag),
        "password_checked_at_sign_in": ("enforceRequirementsAtLogin", _flag),
        "password_validity": ("expirationDuration", _number),
    },
    "security.session_controls": {"session_length": ("webSessionDuration", _number)},
    "security.super_admin_account_recovery": {"administrators_recover_themselves": ("enableAccountRecovery", _flag)},
    "security.user_account_recovery": {"users_recover_themselves": ("enableAccountRecovery", _flag)},
    "api_controls.unconfigured_third_party_apps": {"user_consent": ("accessLevel", _consent)},
    "gmail.imap_access": {"imap_access": ("enableImapAccess", _flag)},
    "gmail.pop_access": {"pop_access": ("enablePopAccess", _flag)},
    "gmail.auto_forwarding": {"mail_auto_forwarding": ("enableAutoForwarding", _flag)},
    "gmail.mail_delegation": {"mail_delegation": ("enableMailDelegation", _flag)},
}
"""Setting of Google -> our name -> its field, and how to read it. Times are in seconds."""

DATASET = DataSet(
    name="policies",
    fills=(AccessPolicy, Setting),
    pages=pages,
    rows=rows,
    tells="which policy demands 2-Step Verification, from when on, and with which second factors",
    source=SOURCE,
    grants=(SCOPE,),
    after=("org_units",),
)
