"""What Google answered when it did not answer, as the error a user can act on.

The sorting is data: `errors.toml`. Tokens and keys never get into a sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import msgspec

from keyround.errors import COLLECT_ERRORS, CollectError

from .settings import Settings

TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    resources.files(__package__).joinpath("errors.toml").read_text("utf-8")
)
DELEGATION = "Admin console > Security > Access and data control > API controls > Domain-wide delegation"
LONGEST = 240
DATA = {
    "admin.directory.user.readonly": "the list of users",
    "admin.directory.rolemanagement.readonly": "administrator roles",
    "admin.directory.group.readonly": "groups that hold administrator roles",
    "admin.directory.domain.readonly": "the tenant's domains",
    "admin.directory.customer.readonly": "the tenant's customer record",
    "admin.reports.audit.readonly": "the login log",
}
OF_ALL = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "accessNotConfigured", "domainCannotUseApis",
    "insufficientPermissions", "insufficientScopes",
}  # fmt: skip
"""Reasons that lie with the token or the project, never with the one thing that was asked about."""
PREFIX = "https://www.googleapis.com/auth/"


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
    return Refusal(status, frozenset(reasons), _safe(error.get("message")), where)


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
    error: CollectError
    wait: bool = False


def judge(refusal: Refusal, table: str, settings: Settings, scopes: Sequence[str]) -> Verdict:
    """The error for `refusal` by the first entry of `table` that fits, and whether waiting may help."""
    entry = next(entry for entry in TABLE[table] if _fits(entry, refusal))
    words = {
        "said": refusal.message or "it gave no reason.",
        "data": " and ".join(dict.fromkeys(DATA.get(s.removeprefix(PREFIX), s) for s in scopes)),
        "scopes": ", ".join(scopes),
        "grant": grant(settings, scopes),
        "renew": renew(settings),
        "who": settings.subject or "the owner of the token",
        "client": settings.client_id,
        "status": str(refusal.status),
    }
    kind = COLLECT_ERRORS[entry["kind"]]
    code = next(iter(sorted(refusal.reasons)), "") or f"HTTP {refusal.status}"
    error = kind(entry["detail"].format(**words), entry.get("remedy", "").format(**words), code=code)
    return Verdict(error, entry.get("wait", False))


def grant(settings: Settings, scopes: Sequence[str]) -> str:
    """Where to add `scopes`, in the words of the console."""
    if settings.credential == "token":
        return f"Get a new token that includes {', '.join(scopes)}."
    client = settings.client_id or f"of {settings.key.get('client_email', 'the service account')}"
    return f"{DELEGATION}: add {','.join(scopes)} to client id {client}; it can take up to 24 hours to work."


def renew(settings: Settings) -> str:
    if settings.credential == "token":
        return "Get a new bearer token and put it where `token` points."
    return (
        f"Check that {settings.subject} can sign in and that the service account's key is still listed in the "
        "Google Cloud console, then scan again."
    )


def _fits(entry: Mapping[str, Any], refusal: Refusal) -> bool:
    return (
        ("status" not in entry or refusal.status in entry["status"])
        and ("reason" not in entry or not refusal.reasons.isdisjoint(entry["reason"]))
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
