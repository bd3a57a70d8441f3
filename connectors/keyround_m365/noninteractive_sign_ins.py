"""Sign-ins that apps make on people's behalf with tokens they hold: an option, for there are very many.

Endpoint    GET /auditLogs/signIns with signInEventTypes  (beta alone)
Permission  AuditLog.Read.All, application
Plan        Entra ID P1
Gaps        as sign_ins; they never say whether a second factor was used
Source      https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keyround.connector import Arrived, DataSet, Window
from keyround.errors import NotEnabled
from keyround.model import SignIn

from .sign_ins import rows, sliced

if TYPE_CHECKING:
    from .graph import Graph


def pages(graph: Graph, window: Window) -> Iterator[bytes | Arrived]:
    if not graph.noninteractive:
        raise NotEnabled(
            "Sign-ins by apps on people's behalf are not read unless asked for.",
            "If you want them, and the plan includes Entra ID P1: `noninteractive = true` in the tenant's section of "
            "keyround.toml. There are very many, so scans take longer. Otherwise nothing to do.",
        )
    yield from sliced(graph, window, beta=True, kind="nonInteractiveUser")


DATASET = DataSet(
    name="noninteractive_sign_ins",
    fills=(SignIn,),
    pages=pages,
    rows=rows,
    tells="from where apps signed in on people's behalf",
    source="https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta",
    grants=("AuditLog.Read.All",),
    needs_plan="P1",
    required=False,
    module="sign-ins by apps",
    marks="noninteractive",
)
