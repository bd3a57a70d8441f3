"""What Google answered when it did not answer, as the error a user can act on.

The sorting is data: `errors.toml`. Tokens and keys never get into a sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

import msgspec

from keyround.errors import COLLECT_ERRORS, CollectError, NotEnabled, NotGranted, Unexpected

from . import permissions
from .settings import PREFIX, Settings

TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    resources.files(__package__).joinpath("errors.toml").read_text("utf-8")
)
DELEGATION = "Admin console > Security > Access and data control > API controls > Domain-wide delegation"
LONGEST = 240
APIS = {
    "/auth/cloud-identity.": "Cloud Identity API",
    "/auth/apps.alerts": "Google Workspace Alert Center API",
    "/auth/apps.licensing": "Enterprise License Manager API",
    "": "Admin SDK API",
}
"""Part of a scope -> how the Google Cloud console calls the API behind it."""
DATA = {
    "admin.directory.user.readonly": "the list of users",
    "admin.directory.rolemanagement.readonly": "administrator roles",
    "admin.directory.group.readonly": "groups and who is in them",
    "admin.directory.domain.readonly": "the tenant's domains",
    "admin.directory.customer.readonly": "the tenant's customer record",
    "admin.directory.orgunit.readonly": "the organisational units",
    "admin.reports.audit.readonly": "the logs of sign-ins and changes",
    "apps.alerts": "the Alert Center",
    "cloud-identity.policies.readonly": "the policies",
    "cloud-identity.inboundsso.readonly": "who signs in through another provider",
    "apps.licensing": "licences",
    "admin.reports.usage.readonly": "the usage report",
    "admin.directory.user.security": "what people let into their accounts",
    "cloud-identity.devices.readonly": "computers and phones",
    "admin.directory.device.mobile.readonly": "the list of phones",
}
NO_PAGE = {"HTTP 404", "HTTP 405", "HTTP 501", "UNIMPLEMENTED"}
OF_ALL = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "accessNotConfigured", "domainCannotUseApis",
    "insufficientPermissions", "insufficientScopes",
}  # fmt: skip
"""Reasons that lie with the token or the project, never with the one thing that was asked about."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The parts of an error body that decide. `where` is the parameter Google complains about."""

    status: int
    reasons: frozenset[str]
    message: str
    where: str = ""

    @property
    def stale_page(self) -> bool:
        names_it = "pagetoken" in f"{self.where} {self.message}".lower().replace(" ", "")
        return self.status == 410 or (self.status == 400 and names_it)

    @property
    def of_all(self) -> bool:
        """Whatever else is asked for with the same token meets the same refusal."""
        return not self.reasons.isdisjoint(OF_ALL)

    @property
    def unknown_field(self) -> str | None:
        """The name in the mask that the server does not know, `` when it does not say which, None otherwise."""
        if self.status != 400 or not re.search(r"(?i)field selection|'fields' parameter", self.message):
            return None
        found = re.search(r"selection\s+(\w+(?:[./]\w+)*)|path '([^']+)'", self.message)
        return re.split(r"[./]", found[1] or found[2])[-1] if found else ""


def read(status: int, content: bytes) -> Refusal:
    """An API's error body; anything at all may come, from a proxy's page to nothing.

    >>> read(403, b'{"error":{"errors":[{"reason":"forbidden"}],"message":"Not Authorized"}}').message
    'Not Authorized.'
    """
    error = _as_dict(_as_dict(_json(content)).get("error"))
    entries = [_as_dict(item) for name in ("errors", "details") for item in _as_list(error.get(name))]
    reasons = {str(entry["reason"]) for entry in entries if entry.get("reason")}
    if error.get("status"):
        reasons.add(str(error["status"]))
    where = next((str(entry["location"]) for entry in entries if entry.get("location")), "")
    # Google's newer APIs say "Request contains an invalid argument." and keep to the details which one.
    violations = (
        _as_dict(one).get("description") for entry in entries for one in _as_list(entry.get("fieldViolations"))
    )
    said = [text for text in (error.get("message"), *violations) if isinstance(text, str)]
    return Refusal(status, frozenset(reasons), _safe(" ".join(dict.fromkeys(said))), where)


def read_token(args: Sequence[Any]) -> Refusal:
    """The arguments of google-auth's RefreshError: a sentence and, mostly, the answer's body."""
    body = _as_dict(next((item for item in args[1:] if isinstance(item, Mapping)), None))
    if error := _as_dict(body.get("error")):  # An API's kind of body, where OAuth has words.
        return Refusal(400, frozenset({str(error.get("status") or "")}) - {""}, _safe(error.get("message")))
    text = str(args[0]) if args else ""
    word, _, rest = text.partition(":")
    reason = str(body.get("error") or (word if re.fullmatch(r"[a-z_]+", word) else ""))
    described = body.get("error_description") or (rest if reason == word else text)
    subtype = str(body.get("error_subtype") or "")
    return Refusal(400, frozenset(filter(None, (reason, subtype))), _safe(described) or _safe(reason))


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait`: the same request may work in a moment; `awaited`: a delegation may still be on its way;
    `over`: the stored sign-in is worth nothing any more."""

    error: CollectError
    wait: bool = False
    awaited: bool = False
    over: bool = False


def judge(refusal: Refusal, table: str, settings: Settings, scopes: Sequence[str]) -> Verdict:
    """The error for `refusal` by the first entry of `table` that fits, and whether waiting may help."""
    entry = next(entry for entry in TABLE[table] if _fits(entry, refusal, settings, scopes))
    words = {
        "said": refusal.message or "it gave no reason.",
        "data": of_scopes(scopes),
        "scopes": ", ".join(scopes),
        "grant": grant(settings, scopes),
        "renew": renew(settings),
        "who": settings.who,
        "power": f"make {settings.who} a super administrator, or give {settings.who}"
        if settings.acts_for_person
        else f"give {settings.account}",
        "client": settings.client_id,
        "account": settings.account,
        "api": next(api for part, api in APIS.items() if any(part in scope for scope in scopes) or not part),
        "project": "of the OAuth client" if settings.credential == "oauth" else "of the service account",
        "status": str(refusal.status),
    }
    kind = COLLECT_ERRORS[entry["kind"]]
    code = next(iter(sorted(refusal.reasons)), "") or f"HTTP {refusal.status}"
    error = kind(entry["detail"].format(**words), entry.get("remedy", "").format(**words), code=code)
    if isinstance(error, NotGranted) and not settings.acts_for_person and _for_people(scopes):
        error = NotEnabled(
            f"A service account that holds a role itself cannot read {words['data']}.",
            'If you want it: delegate to the service account and write credential = "service_account" with an '
            "administrator as `subject`; connectors/keyround_google/README.md shows how.", code=code,
        )  # fmt: skip
    return Verdict(error, entry.get("wait", False), entry.get("awaited", False), entry.get("over", False))


def of_scopes(scopes: Sequence[str]) -> str:
    """What these scopes open, in words."""
    return " and ".join(dict.fromkeys(DATA.get(scope.removeprefix(PREFIX), scope) for scope in scopes))


def no_such_page(error: CollectError) -> bool:
    """The address itself is unknown there, to a gateway or to another server, rather than what was named in it."""
    return isinstance(error, Unexpected) and error.code in NO_PAGE


def newest_day(message: str) -> date | None:
    """The last day of which there is a usage report, where Google tells it to who asked for a later one.

    >>> newest_day("Data for dates later than 2026-11-18 is not yet available. Please check back later")
    datetime.date(2026, 11, 18)
    """
    found = re.search(r"(?i)later than \(?(\d{4}-\d\d-\d\d)", message)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def grant(settings: Settings, scopes: Sequence[str]) -> str:
    """Where to add `scopes`, in the words of the console."""
    if settings.credential == "token":
        return f"Get a new token that includes {', '.join(scopes)}."
    if settings.credential == "oauth":
        return renew(settings, " and tick every box")
    if not settings.delegated:
        return f"Admin console > Account > Admin roles: give {settings.account} a role that may read it."
    return (
        f"{DELEGATION}: add {','.join(scopes)} to client id {client_of(settings)}; it can take up to 24 hours to work."
    )


def client_of(settings: Settings) -> str:
    """The number that delegation knows the service account by, or where it stands."""
    return settings.client_id or f"(the Unique ID of {settings.account} in the Google Cloud console)"


def renew(settings: Settings, more: str = "") -> str:
    """How to get a credential that works again; `more` is what to do better than at the sign-in that is stored."""
    if settings.credential == "token":
        return "Get a new bearer token and put it where `token` points."
    if settings.credential == "oauth":
        if not settings.token_file:
            return f"Sign in again{more}: run the command once more."
        first = f"delete {settings.token_file}, then " if more else ""
        return f"Sign in again{more}: {first}run `keyround check` on this computer."
    if settings.credential == "impersonation":
        return f"Check that {settings.who} is active and that this computer may still act as {settings.account}."
    return (
        f"Check that {settings.who} can sign in and that the service account's key is still listed in the "
        "Google Cloud console, then scan again."
    )


def _for_people(scopes: Sequence[str]) -> bool:
    return any(permissions.PERSON_ONLY.search(scope) for scope in scopes)


def _fits(entry: Mapping[str, Any], refusal: Refusal, settings: Settings, scopes: Sequence[str]) -> bool:
    return (
        ("status" not in entry or refusal.status in entry["status"])
        and ("way" not in entry or settings.credential in entry["way"])
        and ("reason" not in entry or not refusal.reasons.isdisjoint(entry["reason"]))
        and ("scope" not in entry or any(re.search(entry["scope"], scope) for scope in scopes))
        and ("says" not in entry or re.search(entry["says"], refusal.message) is not None)
    )


def _safe(message: object) -> str:
    """Google's words on one line, short, without anything that looks like a credential."""
    text = message if isinstance(message, str) else ""
    text = re.sub(r"ya29\.\S+|eyJ[\w-]+\.\S+|-----BEGIN.*", "(left out)", text, flags=re.DOTALL)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not text:
        return ""
    text = text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
    return text if text[-1] in ".!?…" else text + "."


def _json(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _as_dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
