"""What Graph's and Entra's error bodies mean, sorted by what helps.

Microsoft changes the wording from year to year: the code decides, then a key
phrase, and the raw code stays with the error for the technician.

Source  https://learn.microsoft.com/graph/errors
        https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files

import msgspec

from keyround.connector import decoder
from keyround.errors import (
    COLLECT_ERRORS,
    CollectError,
    Expired,
    NotEnabled,
    NotGranted,
    NotLicensed,
    Throttled,
    Unexpected,
    Unreachable,
)

_GRANT = (
    "Grant the application permission {grants} with admin consent: "
    "Entra admin centre > App registrations > API permissions."
)
_PERSON = (
    "Sign in as somebody with the role Global Reader, and agree to {grants} when Microsoft asks; what a role does not "
    "show, only an application of your own can read."
)
_ANSWERED = "Microsoft answered with the error"
_NO_P1 = "Nothing to repair: Microsoft keeps this report for plans that include Entra ID P1."
_P1_GLITCH = (
    "Add the permission Directory.Read.All with admin consent: without it Microsoft's licence check for this report "
    "is known to fail."
)
# "The tenant needs an AAD Premium 2 license." is the older wording.
_NEEDS_P2 = ("aadpremiumlicenserequired", "not licensed for this feature", "needs an aad premium 2", "entra id p2")


_CLOSED = (
    "Exchange refused: an application access policy (the list of mailboxes an application may read) closes the mailbox "
    "to this application, or the application lacks the permission."
)
_OPEN = (
    "Let an Exchange administrator add the mailbox to the application access policy of this application, "
    "or grant {grants} where it is missing."
)
# Ways in which a service says that the tenant does not have it; no list of them is published.
_UNLICENSED = (
    "not licensed", "request not applicable to target tenant", "valid license", "valid licence", "required license",
    "requires a license", "no license", "does not have a license", "license is required", "valid subscription",
)  # fmt: skip
_NO_MAILBOX = ("mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi")


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    error: _Error


def refusal(status: int, body: bytes, grants: str, premium: bool, by_person: bool = False) -> CollectError:
    """The error of a reply that is neither success nor worth another try.

    `grants` names the permissions the data set needs; `premium` says that the
    tenant's subscriptions include Entra ID P1; `by_person` that a person signed
    in, who needs a role besides the permission.
    """
    try:
        error = decoder(_Body, strict=False).decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = _Error()
    code = error.code or str(status)
    said = f"{code} {error.message}".lower()
    grant = (_PERSON if by_person else _GRANT).format(grants=grants or "named by `keyround check`")
    if b"auditingdisabledtenant" in body.lower():  # JSON within JSON, at any depth
        return NotEnabled(
            "The audit log of this tenant is switched off: nobody's sign-ins are on record.",
            "Switch it on: Microsoft Purview portal > Audit > Start recording user and admin activity.",
            code="AuditingDisabledTenant",
        )
    if "nonpremiumtenant" in said or "premium license" in said:
        if premium:
            return NotGranted(
                "Microsoft says the tenant has no P1 licence, but its subscriptions include one.", _P1_GLITCH, code=code
            )
        return NotLicensed("This report needs Entra ID P1, which the tenant does not have.", _NO_P1, code=code)
    if any(phrase in said for phrase in _NEEDS_P2):
        return NotLicensed("This needs Entra ID P2, which the tenant does not have.", "Nothing to repair.", code=code)
    if status == 402 or any(phrase in said for phrase in _UNLICENSED):
        return NotLicensed("The tenant's plan does not include this.", "Nothing to repair.", code=code)
    if code.lower() in _NO_MAILBOX:
        return NotEnabled("The account has no mailbox in the cloud.", "Nothing to repair.", code=code)
    if "continuous access evaluation" in said or status == 401:
        return Expired(
            "Microsoft no longer accepts the sign-in of this scan.",
            "Renew the credential or token and scan again.",
            code=code,
        )
    if code == "ErrorAccessDenied":
        return NotGranted(_CLOSED, _OPEN.format(grants=grants), code=code)
    if status == 403:
        lacking = (
            "whoever signed in lacks a role or a permission" if by_person else "the application lacks a permission"
        )
        return NotGranted(f"Microsoft refused: {lacking}.", grant, code=code)
    if "segment" in said and "not found" in said:
        return NotEnabled("This Microsoft cloud does not offer the report.", "Nothing to repair.", code=code)
    if code == "Directory_ExpiredPageToken":
        return Expired(
            "The listing took longer than Microsoft keeps its place.",
            "Scan again, best outside office hours.",
            code=code,
        )
    named = "" if code == str(status) else f" ({short(code)})"
    return Unexpected(f"{_ANSWERED} {status}{named}.", code=code)


def no_such_page(error: CollectError) -> bool:
    """The address itself is unknown there (404, 501), rather than something that was named in it."""
    return isinstance(error, Unexpected) and error.detail.startswith((f"{_ANSWERED} 404", f"{_ANSWERED} 501"))


def busy(status: int, waited: float, asked: float | None = None) -> CollectError:
    """The error after our patience ran out on a reply that asks to be tried again, perhaps in `asked` seconds."""
    if status == 429 and asked and not waited:
        return Throttled(f"Microsoft asked us to wait {asked:,.0f} seconds, which is too long.", code="429")
    if status == 429:
        return Throttled(f"Microsoft kept asking us to slow down; we waited {waited:.0f} seconds in all.", code="429")
    return Unreachable(f"Microsoft's service kept failing with the error {status}.", code=str(status))


_SIGN_IN = tomllib.loads(files(__package__).joinpath("sign_in_refusals.toml").read_text(encoding="utf-8"))


def known_refusal(message: str) -> CollectError | None:
    """The error of a sign-in that failed for a reason we can explain; `message` is azure-identity's own.

    It quotes Entra's answer with its AADSTS code, or is recognised by a phrase.
    """
    codes = re.findall(r"AADSTS(\d+)", message)
    for code in codes:
        if code in _SIGN_IN:
            return _explained(_SIGN_IN[code], f"AADSTS{code}")
    said = message.lower()
    for name, entry in _SIGN_IN.items():
        if not codes and entry.get("says", "AADSTS") in said:
            return _explained(entry, "" if not name.isdecimal() else f"AADSTS{name}")
    return None


def _explained(entry: Mapping[str, str], code: str) -> CollectError:
    return COLLECT_ERRORS[entry["kind"]](entry["happened"], entry["remedy"], code=code)


def sign_in_refusal(message: str) -> CollectError:
    """The error of a token request that was refused."""
    if known := known_refusal(message):
        return known
    match = re.search(r"AADSTS(\d+)", message)
    code = match[1] if match else ""
    named = f" (AADSTS{code})" if code else ""
    explained = f" Microsoft explains the code at https://login.microsoftonline.com/error?code={code}." if code else ""
    return Expired(f"Microsoft refused the sign-in of this scan{named}.",
                   f"Check tenant_id, client_id and the credential.{explained}",
                   code=f"AADSTS{code}" if code else "")  # fmt: skip


def short(text: str) -> str:
    """A provider's word, cut and stripped of anything that could disturb a terminal or a sheet."""
    return "".join(c for c in text if c.isprintable())[:80]
