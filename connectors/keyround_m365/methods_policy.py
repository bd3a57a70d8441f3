"""Which sign-in methods the tenant allows, and how it asks people to set them up.

Endpoint    GET /policies/authenticationMethodsPolicy  (beta, falling back to v1.0)
Permission  Policy.Read.AuthenticationMethod or Policy.Read.All
Gaps        until the move to this policy is completed the older settings of MFA and password reset allow methods too,
            and nobody can read those: "off" is unknown then
Source      https://learn.microsoft.com/graph/api/authenticationmethodspolicy-get
            https://learn.microsoft.com/entra/identity/authentication/how-to-authentication-methods-manage
"""

# Only beta says whether the strongest method is preferred.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from keyround.connector import DataSet, Window, decode
from keyround.errors import NotEnabled, NotGranted, Unexpected
from keyround.model import Setting

from .wire import flag

if TYPE_CHECKING:
    from .graph import Graph

PATH = "policies/authenticationMethodsPolicy"
GRANTS = "Policy.Read.AuthenticationMethod or Policy.Read.All"
WORDS = {
    "fido2": "passkey",
    "microsoftauthenticator": "authenticator_push",
    "temporaryaccesspass": "temporary_pass",
    "softwareoath": "one_time_code_app",
    "hardwareoath": "one_time_code_token",
    "x509certificate": "certificate",
    "qrcodepin": "qr_code",
    "sms": "sms",
    "voice": "voice",
    "email": "email",
}
"""Ids of configurations, lower case, in the common words; text messages and calls go to the same phones."""
ELSEWHERE_TOO = frozenset({"sms", "voice", "email", "microsoftauthenticator", "softwareoath", "hardwareoath"})
"""What the older settings may still allow while the move is under way."""
COMPLETE = "migrationComplete"
EVERYBODY = "all_users"
_EXTERNAL = "externalauthenticationmethodconfiguration"


class _Target(msgspec.Struct):
    id: str | None = None
    isUsableForSignIn: bool | None = None


class _Feature(msgspec.Struct):
    state: str | None = None


class _Features(msgspec.Struct):
    displayAppInformationRequiredState: _Feature | None = None
    displayLocationInformationRequiredState: _Feature | None = None


class _Configuration(msgspec.Struct):
    kind: str = msgspec.field(name="@odata.type", default="")
    id: str | None = None
    state: str | None = None
    includeTargets: list[_Target] | None = None
    excludeTargets: list[_Target] | None = None
    featureSettings: _Features | None = None
    isUsableOnce: bool | None = None


class _Campaign(msgspec.Struct):
    state: str | None = None


class _Enforcement(msgspec.Struct):
    authenticationMethodsRegistrationCampaign: _Campaign | None = None


class _Policy(msgspec.Struct):
    policyMigrationState: str | UnsetType | None = UNSET
    registrationEnforcement: _Enforcement | None = None
    systemCredentialPreferences: _Feature | None = None
    authenticationMethodConfigurations: list[_Configuration] | None = None


def pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question

    try:
        yield graph.one(Question(PATH, GRANTS, beta=True))
    except (NotGranted, NotEnabled, Unexpected):
        yield graph.one(Question(PATH, GRANTS))


def rows(page: bytes) -> Iterator[Setting]:
    policy = decode(page, _Policy)
    # Tenants that never had the older settings say nothing here; not even saying nothing is another thing.
    moved = policy.policyMigrationState
    migration = None if isinstance(moved, UnsetType) else moved or COMPLETE
    yield _setting("methods_migration", migration)
    allowed: dict[str, bool | None] = {}
    for configuration in policy.authenticationMethodConfigurations or []:
        word = _word(configuration)
        state = _allowed(configuration, migration == COMPLETE)
        # Several other providers may be set up: one that is allowed is enough.
        allowed[word] = _either(allowed[word], state) if word in allowed else state
        if word in ("sms", "authenticator_push", "temporary_pass"):
            yield from _details(word, configuration)
        if state:
            yield _setting(f"method_for_everybody.{word}", flag(_for_everybody(configuration)))
    for word, state in allowed.items():
        yield _setting(f"method_allowed.{word}", flag(state))
    enforcement = policy.registrationEnforcement or _Enforcement()
    campaign = enforcement.authenticationMethodsRegistrationCampaign or _Campaign()
    yield _setting("registration_campaign", campaign.state)
    yield _setting("strongest_method_preferred", (policy.systemCredentialPreferences or _Feature()).state)


def _word(configuration: _Configuration) -> str:
    if configuration.kind.lower().endswith(_EXTERNAL):
        return "external_provider"
    name = configuration.id or configuration.kind.rpartition(".")[2] or "unknown"
    return WORDS.get(name.lower(), name)


def _allowed(configuration: _Configuration, complete: bool) -> bool | None:
    """None where nobody says, or where the older settings may allow what this policy does not."""
    match (configuration.state or "").lower():
        case "enabled":
            return True
        case "disabled":
            return None if not complete and (configuration.id or "").lower() in ELSEWHERE_TOO else False
    return None


def _for_everybody(configuration: _Configuration) -> bool | None:
    if configuration.includeTargets is None:
        return None
    everybody = any((target.id or "").lower() == EVERYBODY for target in configuration.includeTargets)
    return everybody and not configuration.excludeTargets


def _details(word: str, configuration: _Configuration) -> Iterator[Setting]:
    on = {"enabled": True, "disabled": False}.get((configuration.state or "").lower())
    if word == "sms":  # the older settings know no text message in place of the password
        usable = [target.isUsableForSignIn for target in configuration.includeTargets or []]
        some = True if True in usable else None if None in usable or configuration.includeTargets is None else False
        yield _setting("sms_sign_in", flag(some if on else on))
    elif word == "temporary_pass":
        yield _setting("temporary_pass_once", flag(configuration.isUsableOnce))
    else:
        features = configuration.featureSettings or _Features()
        yield _setting("authenticator_shows_app", (features.displayAppInformationRequiredState or _Feature()).state)
        yield _setting(
            "authenticator_shows_place", (features.displayLocationInformationRequiredState or _Feature()).state
        )


def _either(one: bool | None, other: bool | None) -> bool | None:
    return True if one or other else None if None in (one, other) else False


def _setting(name: str, value: str | None) -> Setting:
    return Setting(name, value, source=PATH)


DATASET = DataSet(
    name="methods_policy",
    fills=(Setting,),
    pages=pages,
    rows=rows,
    tells="which second factors the tenant allows",
    source="https://learn.microsoft.com/graph/api/authenticationmethodspolicy-get",
    grants=(GRANTS,),
    required=False,
)
