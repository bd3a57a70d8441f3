"""Which methods single accounts have registered, asked account by account.

Endpoint    GET /users/{id}/authentication/methods  (v1.0), twenty in one $batch
Permission  UserAuthenticationMethod.Read.All
Plan        none: where the registration report needs one that the tenant lacks, this list stands in for it
Gaps        asked of administrators and of whoever the report leaves out, since Microsoft advises against asking for
            everybody; accounts that are switched off are not asked; certificates are not listed; not in China
Source      https://learn.microsoft.com/graph/api/authentication-list-methods
"""

# The password is in everybody's list, also of those who have none: evidence that the account was asked, of nothing
# else. What the policy allows is not looked at, so "capable" is unknown of whoever has a second factor.

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import AuthMethod, MfaRegistration
from keyround.model.methods import STRENGTH, strongest, weakest

from . import one_by_one
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph, Question

GRANTS = "UserAuthenticationMethod.Read.All"
WORDS = {
    "password": "password",
    "email": "email",
    "microsoftauthenticator": "authenticator_push",
    "passwordlessmicrosoftauthenticator": "authenticator_passwordless",
    "softwareoath": "one_time_code_app",
    "hardwareoath": "one_time_code_token",
    "fido2": "security_key",
    "windowshelloforbusiness": "windows_hello",
    "platformcredential": "platform_credential",
    "temporaryaccesspass": "temporary_pass",
    "external": "external_provider",
    "qrcodepin": "qr_code",
}
"""Microsoft's types, lower case and without their ends, in the common words; phones have a kind of their own."""
PHONES = {"mobile": "mobile_phone", "alternatemobile": "alternate_phone", "office": "office_phone"}
IN_THE_APP = frozenset({"de1e552d-db1d-4423-a619-566b625cdc84", "90a3ccdf-635c-4729-a248-9b709135078f"})
"""Models of "security key" that are a passkey in Microsoft's Authenticator, on Android and on iOS."""
NO_SMS_SIGN_IN = frozenset(
    {"notsupported", "notallowedbypolicy", "notenabled", "phonenumbernotunique", "notconfigured"}
)
REPORT = ("registered", "capable", "methods", "strongest", "weakest")
SOURCE = "authentication methods"
UNREAD = "The report cannot say which methods some accounts have registered."
NO_ROLES = "The report cannot say which methods administrators have registered."

_TYPE = re.compile(r"#microsoft\.graph\.(\w+?)(?:AuthenticationMethod)?", re.IGNORECASE)
_NUMBER = re.compile(r"(\+?[\d\s().\-/]+)(?:\s*(?:x|ext\.?)\s*(\d+))?", re.IGNORECASE)
_FEWEST = 6  # digits of a number that can be told from others


class _Method(msgspec.Struct):
    """`createdDateTime` and the rest differ by type."""

    kind: str = msgspec.field(name="@odata.type", default="")
    id: str | None = None
    createdDateTime: str | None = None
    phoneNumber: str | None = None
    phoneType: str | None = None
    smsSignInState: str | None = None
    isUsable: bool | None = None
    aaGuid: str | None = None
    passkeyType: str | None = None


class _Methods(msgspec.Struct):
    value: list[_Method]


class Page(msgspec.Struct, frozen=True):
    """One account's list.

    `reported`: the registration report has a row of its own for the account; `certificates`: people may sign in with
    one, which no list shows; `salt` is the session's own.
    """

    account: str
    bodies: tuple[bytes, ...]
    reported: bool
    certificates: bool
    salt: bytes


def pages(graph: Graph, window: Window) -> Iterator[Page | Without]:
    noted = graph.noted
    accounts = noted.known_accounts()
    holders = [account for account in accounts if account in noted.holders]
    others = [account for account in accounts if account not in noted.holders and account not in noted.reported]
    unread = noted.failed.get("role_assignments") or noted.failed.get("eligible_roles")
    if unread and len(others) < len(accounts):
        yield Without(("method",), unread.about(NO_ROLES))
    for account, answer in one_by_one.answers(graph, [*holders, *others], _question):
        reported = account in noted.reported
        if isinstance(answer, CollectError):
            yield Without(("method",) if reported else ("method", *REPORT), answer.about(UNREAD))
        else:
            yield Page(account, answer, reported, noted.certificates, noted.salt)
    if cut_short := noted.failed.get("users"):
        raise cut_short.about(UNREAD)


def _question(account: str) -> Question:
    from .graph import Question

    return Question(f"users/{account}/authentication/methods", GRANTS, pace="methods")


def rows(page: Page) -> Iterator[AuthMethod | MfaRegistration]:
    methods = [_row(page, method) for body in page.bodies for method in decode(body, _Methods).value]
    yield from methods
    if not page.reported:
        yield _registration(page, methods)


def _row(page: Page, method: _Method) -> AuthMethod:
    word = _word(method)
    sms = (method.smsSignInState or "").lower()
    return AuthMethod(
        account_id=page.account,
        method_id=method.id or word,
        method=word,
        strength=STRENGTH.get(word),
        usable=method.isUsable,
        sms_sign_in=True if sms == "ready" else False if sms in NO_SMS_SIGN_IN else None,
        phone_hash=_hashed(method.phoneNumber, page.salt),
        created_at=instant(method.createdDateTime),
    )


def _word(method: _Method) -> str:
    match = _TYPE.fullmatch(method.kind)
    kind = match[1] if match else method.kind
    if kind.lower() == "phone":  # a phone is weak whichever it is
        return PHONES.get((method.phoneType or "").lower(), "mobile_phone")
    if kind.lower() == "fido2":
        synced = (method.passkeyType or "").lower() == "synced"
        return "passkey" if synced or (method.aaGuid or "").lower() in IN_THE_APP else "security_key"
    return WORDS.get(kind.lower(), kind or "unknown")


def _registration(page: Page, methods: list[AuthMethod]) -> MfaRegistration:
    words = sorted({m.method for m in methods if m.method and m.method != "password" and m.usable is not False})
    # A method of which nobody knows the class, or whether it is there: what it could change is unknown.
    weighed = [*words, "perhaps a certificate"] if page.certificates else words
    classes = {STRENGTH.get(word) for word in weighed}
    registered = True if classes - {"none", None} else None if None in classes else False
    return MfaRegistration(
        account_id=page.account,
        registered=registered,
        capable=False if registered is False else None,
        methods=words,
        strongest=strongest(weighed),
        weakest=weakest(weighed),
        source=SOURCE,
    )


def _hashed(number: str | None, salt: bytes) -> str | None:
    """The same text for the same number however it is written; None for one that is masked, or is none."""
    match = _NUMBER.fullmatch((number or "").strip())
    if not match:
        return None
    country, _, rest = match[1].strip().partition(" ")
    # Graph writes "+49 150 ...": people also type the zero that is dialled at home.
    digits = re.sub(r"\D", "", country) + re.sub(r"\D", "", rest).lstrip("0")
    if len(digits) < _FEWEST:
        return None
    said = f"{digits}x{match[2] or ''}".encode()
    return hashlib.blake2b(said, key=salt, digest_size=16).hexdigest()


DATASET = DataSet(
    name="auth_methods",
    fills=(MfaRegistration, AuthMethod),
    pages=pages,
    rows=rows,
    tells="which methods administrators and accounts outside the report have registered, and on which phones",
    source="https://learn.microsoft.com/graph/api/authentication-list-methods",
    grants=(GRANTS,),
    required=False,
    stands_in_for="mfa_registrations",
    after=("users", "mfa_registrations", "role_assignments", "eligible_roles", "methods_policy"),
)
