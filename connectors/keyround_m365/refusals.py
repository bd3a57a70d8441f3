"""What Graph's and Entra's error bodies mean, sorted by what helps.

Microsoft changes the wording from year to year: the code decides, then a key
phrase, and the raw code stays with the error for the technician.

Source  https://learn.microsoft.com/graph/errors
        https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import msgspec

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
_NO_P1 = "Nothing to repair: Microsoft keeps this report for plans that include Entra ID P1."
_P1_GLITCH = (
    "Add the permission Directory.Read.All with admin consent: without it Microsoft's licence check for this report "
    "is known to fail."
)
# "The tenant needs an AAD Premium 2 license." is the older wording.
_NEEDS_P2 = ("aadpremiumlicenserequired", "not licensed for this feature", "needs an aad premium 2", "entra id p2")


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    error: _Error


def refusal(status: int, body: bytes, grants: str, premium: bool) -> CollectError:
    """The error of a reply that is neither success nor worth another try.

    `grants` names the permissions the data set needs; `premium` says that the
    tenant's subscriptions include Entra ID P1.
    """
    try:
        error = msgspec.json.decode(body, type=_Body, strict=False).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        error = _Error()
    code = error.code or str(status)
    said = f"{code} {error.message}".lower()
    grant = _GRANT.format(grants=grants or "named by `keyround check`")
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
    if "continuous access evaluation" in said or status == 401:
        return Expired(
            "Microsoft no longer accepts the sign-in of this scan.",
            "Renew the credential or token and scan again.",
            code=code,
        )
    if status == 403:
        return NotGranted("Microsoft refused: the application lacks a permission.", grant, code=code)
    if "segment" in said and "not found" in said:
        return NotEnabled("This Microsoft cloud does not offer the report.", "Nothing to repair.", code=code)
    if code == "Directory_ExpiredPageToken":
        return Expired(
            "The listing took longer than Microsoft keeps its place.",
            "Scan again, best outside office hours.",
            code=code,
        )
    named = "" if code == str(status) else f" ({short(code)})"
    return Unexpected(f"Microsoft answered with the error {status}{named}.", code=code)


def busy(status: int, waited: float) -> CollectError:
    """The error after our patience ran out on a reply that asks to be tried again."""
    if status == 429:
        return Throttled(f"Microsoft kept asking us to slow down; we waited {waited:.0f} seconds in all.", code="429")
    return Unreachable(f"Microsoft's service kept failing with the error {status}.", code=str(status))


_SIGN_IN = tomllib.loads(files(__package__).joinpath("sign_in_refusals.toml").read_text(encoding="utf-8"))


def sign_in_refusal(message: str) -> CollectError:
    """The error of a token request that was refused; `message` is azure-identity's, which quotes Entra's answer."""
    match = re.search(r"AADSTS(\d+)", message)
    code = match[1] if match else ""
    if code in _SIGN_IN:
        known = _SIGN_IN[code]
        return COLLECT_ERRORS[known["kind"]](known["happened"], known["remedy"], code=f"AADSTS{code}")
    named = f" (AADSTS{code})" if code else ""
    return Expired(f"Microsoft refused the sign-in of this scan{named}.",
                   "Check tenant_id, client_id and the credential; `keyround check` tries them one by one.",
                   code=f"AADSTS{code}" if code else "")  # fmt: skip


def short(text: str) -> str:
    """A provider's word, cut and stripped of anything that could disturb a terminal or a sheet."""
    return "".join(c for c in text if c.isprintable())[:80]
