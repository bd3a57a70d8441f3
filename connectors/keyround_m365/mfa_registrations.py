"""Which second factors each Microsoft 365 account has registered.

Endpoint    GET /reports/authenticationMethods/userRegistrationDetails  (v1.0)
Permission  AuditLog.Read.All, application
Plan        Entra ID P1; otherwise 403 Authentication_RequestFromNonPremiumTenantOrB2CTenant
Gaps        disabled accounts are not listed, new ones for a day or two: no row is no answer
Source      https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails
"""

# `isMfaRegistered` also counts methods that the tenant's policy has since switched
# off; `isMfaCapable` counts only those that would work at the next sign-in.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.errors import Unexpected
from keyround.model import MfaRegistration
from keyround.model.methods import strongest, weakest

from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

WORDS = {
    "mobilephone": "mobile_phone",
    "alternatemobilephone": "alternate_phone",
    "officephone": "office_phone",
    "microsoftauthenticatorpush": "authenticator_push",
    "microsoftauthenticatorpasswordless": "authenticator_passwordless",
    "softwareonetimepasscode": "one_time_code_app",
    "onetimepasscode": "one_time_code_app",
    "hardwareonetimepasscode": "one_time_code_token",
    "fido2": "security_key",
    "fido2securitykey": "security_key",
    "passkeydevicebound": "passkey",
    "passkeydeviceboundauthenticator": "passkey",
    "passkeydeviceboundwindowshello": "passkey",
    "passkeysynced": "passkey",
    "windowshelloforbusiness": "windows_hello",
    "macossecureenclavekey": "platform_credential",
    "x509certificatemultifactor": "certificate",
    "externalauthmethod": "external_provider",
    "email": "email",
    "securityquestion": "security_question",
    "temporaryaccesspass": "temporary_pass",
    "qrcode": "qr_code",
}
"""Microsoft's words, lower case, in the common words. Plain `certificate` may be one factor only: it stays as it is."""


class _Registration(msgspec.Struct):
    id: str
    isMfaRegistered: bool | None = None
    isMfaCapable: bool | None = None
    methodsRegistered: list[str | None] | None = None
    lastUpdatedDateTime: str | None = None


class _Registrations(msgspec.Struct):
    value: list[_Registration]


def pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question, listing

    path = "reports/authenticationMethods/userRegistrationDetails"
    select = "id,isMfaRegistered,isMfaCapable,methodsRegistered,lastUpdatedDateTime"
    try:
        yield from listing(graph, Question(path, "AuditLog.Read.All", select=select, top=999, pace="reports"))
    except Unexpected as error:  # neither parameter is documented for this report
        if not error.code:  # not a refusal
            raise
        yield from listing(graph, Question(path, "AuditLog.Read.All", pace="reports"))


def rows(page: bytes) -> Iterator[MfaRegistration]:
    for account in decode(page, _Registrations).value:
        methods = account.methodsRegistered
        words = None if methods is None else sorted({word(method) for method in methods if method})
        yield MfaRegistration(
            account_id=account.id,
            registered=account.isMfaRegistered,
            capable=account.isMfaCapable,
            methods=words,
            strongest=None if words is None else strongest(words),
            weakest=None if words is None else weakest(words),
            updated_at=instant(account.lastUpdatedDateTime),
            source="registration report",
        )


def word(method: str) -> str:
    return WORDS.get(method.lower(), method)


DATASET = DataSet(
    name="mfa_registrations",
    fills=(MfaRegistration,),
    pages=pages,
    rows=rows,
    tells="who has set up a second factor, and which",
    source="https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails",
    grants=("AuditLog.Read.All",),
    needs_plan="P1",
)
