"""Conditional Access policies, as Microsoft keeps them.

Endpoint    GET /identity/conditionalAccess/policies  (beta, falling back to v1.0)
            GET /policies/authenticationStrengthPolicies  (v1.0), where a policy only names its strength
Permission  Policy.Read.All
Plan        a tenant without Entra ID P1 gets an empty list, which is the truth about it
Gaps        the exceptions of the old multifactor settings (trusted addresses, remembered devices) are not in Graph
Source      https://learn.microsoft.com/graph/api/conditionalaccessroot-list-policies
"""

# v1.0 leaves out policies that use conditions in preview, without a word; beta has them.

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, decode, decoder
from keyround.errors import NotEnabled, NotGranted, Unexpected
from keyround.model import AccessPolicy

from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

PATH = "identity/conditionalAccess/policies"
GRANTS = "Policy.Read.All"
STATES = {"enabled": "enabled", "disabled": "disabled", "enabledforreportingbutnotenforced": "report_only"}


class _Document(msgspec.Struct):
    """What is read of a policy or strength besides the document itself."""

    id: str
    displayName: str | None = None
    state: str | None = None
    modifiedDateTime: str | None = None
    createdDateTime: str | None = None


class _Raw(msgspec.Struct):
    value: list[msgspec.Raw]


class _Strength(msgspec.Struct):
    id: str | None = None
    allowedCombinations: list[str | None] | None = None


class _Controls(msgspec.Struct):
    authenticationStrength: _Strength | None = None


class _Named(msgspec.Struct):
    grantControls: _Controls | None = None


class Page(msgspec.Struct, frozen=True):
    """A page of documents of one `kind`: policy, location or strength. `source` is the version it came from."""

    body: bytes
    kind: str
    source: str


def pages(graph: Graph, window: Window) -> Iterator[Page]:
    from .graph import Question, listing

    named = False
    for page in _policies(graph):
        raw = decode(page.body, _Raw).value
        graph.policies += [bytes(document) for document in raw]
        named = named or any(map(_only_names_its_strength, raw))
        yield page
    if named:
        question = Question("policies/authenticationStrengthPolicies", GRANTS)
        for body in listing(graph, question):
            yield Page(body, "strength", "v1.0")


def _policies(graph: Graph) -> Iterator[Page]:
    from .graph import Question, listing

    begun = False
    try:
        for body in listing(graph, Question(PATH, GRANTS, beta=True, pace="policies")):
            begun = True
            yield Page(body, "policy", "beta")
        return
    except (NotEnabled, NotGranted, Unexpected) as error:
        if begun or not error.code:
            raise
    for body in listing(graph, Question(PATH, GRANTS, pace="policies")):
        yield Page(body, "policy", "v1.0")


def _only_names_its_strength(document: msgspec.Raw) -> bool:
    try:
        controls = decoder(_Named).decode(document).grantControls
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    strength = controls.authenticationStrength if controls else None
    return strength is not None and not strength.allowedCombinations


def rows(page: Page) -> Iterator[AccessPolicy]:
    for raw in decode(page.body, _Raw).value:
        document = decode(bytes(raw), _Document)
        state = document.state
        yield AccessPolicy(
            policy_id=document.id,
            kind=page.kind,
            name=document.displayName,
            state=state and STATES.get(state.lower(), state) if page.kind == "policy" else None,
            document=bytes(raw).decode("utf-8", "replace"),
            changed_at=instant(document.modifiedDateTime or document.createdDateTime),
            source=page.source,
        )


DATASET = DataSet(
    name="access_policies",
    fills=(AccessPolicy,),
    pages=pages,
    rows=rows,
    tells="whether Conditional Access demands a second factor",
    source="https://learn.microsoft.com/graph/api/conditionalaccessroot-list-policies",
    grants=(GRANTS,),
)
