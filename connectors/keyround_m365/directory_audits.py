"""Changes of the window that matter for who gets in: second factors, roles, consents, policies, accounts.

Endpoint    GET /auditLogs/directoryAudits  (v1.0)
Permission  AuditLog.Read.All
Plan        none: works on free tenants, which keep 7 days; P1 and P2 keep 30
Gaps        Exchange and SharePoint keep logs of their own; an entry may come some hours late
Source      https://learn.microsoft.com/graph/api/directoryaudit-list
"""

# A busy directory writes a thousand entries for one that we read, so Microsoft is asked for those that begin like
# the names in audit_actions.toml: in several questions, since OData takes a filter of a hundred nodes and no more.

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from keyround.connector import DataSet, Window, decode
from keyround.errors import Unexpected
from keyround.model import AuditEvent

from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

TERMS = 21  # in one filter, each of four nodes
_TABLE = tomllib.loads(files(__package__).joinpath("audit_actions.toml").read_text(encoding="utf-8"))
ASKED: list[str] = _TABLE["asked"]
# Microsoft's words for what a record is about, lower case, in the common ones.
KINDS = {"user": "account", "serviceprincipal": "app", "application": "app", "policy": "policy", "role": "role"}
# Properties of a target whose value says what was given or taken; others are noise of the directory.
_TELLING = {
    "role.displayname", "consentaction.permissions", "delegatedpermissiongrant.scope", "approle.value",
    "keydescription",
}  # fmt: skip
_SCOPES = re.compile(r"Scope: *([^,\]]*)")


class _User(msgspec.Struct):
    id: str | None = None
    displayName: str | None = None
    userPrincipalName: str | None = None
    ipAddress: str | None = None


class _App(msgspec.Struct):
    servicePrincipalId: str | None = None
    appId: str | None = None
    displayName: str | None = None


class _Initiator(msgspec.Struct):
    user: _User | None = None
    app: _App | None = None


class _Property(msgspec.Struct):
    displayName: str | None = None
    oldValue: str | None = None
    newValue: str | None = None


class _Target(msgspec.Struct):
    id: str | None = None
    displayName: str | None = None
    type: str | None = None
    userPrincipalName: str | None = None
    modifiedProperties: list[_Property] | None = None


class _Audit(msgspec.Struct):
    id: str
    activityDateTime: str | None = None
    activityDisplayName: str | None = None
    result: str | None = None
    resultReason: str | None = None
    initiatedBy: _Initiator | None = None
    targetResources: list[_Target] | None = None


class _Audits(msgspec.Struct):
    value: list[_Audit]


def pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question, listing

    within = (
        f"activityDateTime ge {window.since:%Y-%m-%dT%H:%M:%SZ} and "
        f"activityDateTime le {window.until:%Y-%m-%dT%H:%M:%SZ}"
    )

    def asked(filter: str) -> Iterator[bytes]:
        question = Question("auditLogs/directoryAudits", "AuditLog.Read.All", top=1000, filter=filter, pace="reports")
        return listing(graph, question)

    try:
        for start in range(0, len(ASKED), TERMS):
            begins = (f"startswith(activityDisplayName,'{name}')" for name in ASKED[start : start + TERMS])
            yield from asked(f"{within} and ({' or '.join(begins)})")
    except Unexpected as error:  # a filter this cloud does not take
        if not error.code:  # not a refusal
            raise
        yield from asked(within)


def _plain(name: str) -> str:
    return " ".join(re.sub(r"[\u2010-\u2015\u2212]", "-", name).lower().split())


# The longest beginning first.
ACTIONS = sorted(
    ((_plain(name), action) for action, names in _TABLE["actions"].items() for name in names),
    key=lambda pair: -len(pair[0]),
)


def action(activity: str, reason: str = "") -> str | None:
    """The common word for an activity; None for one that we do not follow.

    >>> action("Add member to role completed (PIM activation)"), action("Update group")
    ('role_activated', None)
    """
    said = _plain(activity)
    found = next((word for name, word in ACTIONS if said.startswith(name)), "nothing")
    if found == "security_info_registered_by_admin" and "temporary access pass" in reason.lower():
        return "temporary_pass_created"
    return None if found == "nothing" else found


def rows(page: bytes) -> Iterator[AuditEvent]:
    for audit in decode(page, _Audits).value:
        done = action(audit.activityDisplayName or "", audit.resultReason or "")
        if done is None:
            continue
        when = instant(audit.activityDateTime)
        if when is None:
            raise Unexpected("An entry of the audit log has no readable time.")
        targets = audit.targetResources or []
        accounts = [target for target in targets if (target.type or "").lower() == "user" and target.id]
        details = _details(audit, targets)
        for target in accounts or targets[:1] or [_Target()]:
            yield _row(audit, done, when, target, details)


def _row(audit: _Audit, done: str, when: datetime, target: _Target, details: list[str]) -> AuditEvent:
    by = audit.initiatedBy or _Initiator()
    kind, actor_id, actor, address = None, None, None, None
    if by.user and (by.user.id or by.user.userPrincipalName):
        kind, actor_id, address = "account", by.user.id or None, by.user.ipAddress or None
        actor = by.user.userPrincipalName or by.user.displayName
    elif by.app and (by.app.servicePrincipalId or by.app.appId or by.app.displayName):
        kind, actor_id, actor = "app", by.app.servicePrincipalId or by.app.appId, by.app.displayName
    return AuditEvent(
        event_id=audit.id,
        happened_at=when,
        action=done,
        provider_action=audit.activityDisplayName,
        succeeded={"success": True, "failure": False, "timeout": False}.get((audit.result or "").lower()),
        actor_kind=kind,
        actor_id=actor_id or None,
        actor=actor or None,
        address=address,
        target_kind=KINDS.get((target.type or "").lower(), target.type) or None,
        target_id=target.id or None,
        target=target.userPrincipalName or target.displayName or None,
        details=details,
    )


def _details(audit: _Audit, targets: list[_Target]) -> list[str]:
    """Roles, scopes and methods of an entry, each once and in the order they stand there."""
    found: list[str] = []
    for target in targets:
        if (target.type or "").lower() == "role" and target.displayName:
            found.append(target.displayName)
        for changed in target.modifiedProperties or []:
            name = (changed.displayName or "").lower()
            # What was taken away has no new value.
            if name in _TELLING and (value := _said(changed.newValue) or _said(changed.oldValue)):
                found += _values(name, value)
    if audit.resultReason and "security info" in (audit.activityDisplayName or "").lower():
        found.append(audit.resultReason)
    return list(dict.fromkeys(filter(None, (one.strip() for one in found))))


def _said(value: str | None) -> str:
    return "" if value in (None, '""', "[]", "null") else value or ""


def _values(name: str, text: str) -> list[str]:
    """A new value as Microsoft writes it: JSON inside of text, or for a consent a listing of its own kind."""
    if name == "consentaction.permissions":
        return [scope for scopes in _SCOPES.findall(text.rpartition("=>")[2]) for scope in scopes.split()]
    try:
        value: Any = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        value = text
    if name.endswith("scope") and isinstance(value, str):
        return value.split()
    return [str(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str | bool | int)]


DATASET = DataSet(
    name="directory_audits",
    fills=(AuditEvent,),
    pages=pages,
    rows=rows,
    tells="who lately changed second factors, roles, consents, policies and accounts",
    source="https://learn.microsoft.com/graph/api/directoryaudit-list",
    grants=("AuditLog.Read.All",),
)
