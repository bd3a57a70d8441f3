"""Which applications may use what here, in whose name, and with which secrets they sign in.

Endpoint    GET /oauth2PermissionGrants, GET /servicePrincipals, GET /servicePrincipals/{id}/appRoleAssignments,
            GET /applications  (v1.0)
Permission  Directory.Read.All for the grants in people's names; for the rest Application.Read.All is enough
Gaps        of Microsoft's own applications only the grants are read; permissions inside of Exchange and of
            single SharePoint sites are kept elsewhere
Source      https://learn.microsoft.com/graph/api/oauth2permissiongrant-list
            https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments
            https://learn.microsoft.com/graph/api/application-list
"""

# An application has two faces: its registration, in the tenant of its maker, and its entry (the service principal) in
# every tenant that uses it. `appId` is the same for both, so it is what rows are joined by.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError
from keyround.model import AppCredential, AppGrant

from . import modules
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph, Question

GRANTS = "Application.Read.All or Directory.Read.All"
MICROSOFT = {"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"}
"""Tenants in which Microsoft makes its own applications."""
GONE = "Request_ResourceNotFound"
NOBODY = "00000000-0000-0000-0000-000000000000"  # the role that only says "may use the application"
_ENTRY = (
    "id,appId,displayName,appOwnerOrganizationId,accountEnabled,verifiedPublisher,createdDateTime,"
    "servicePrincipalType,keyCredentials,passwordCredentials"
)


class _Publisher(msgspec.Struct):
    displayName: str | None = None
    verifiedPublisherId: str | None = None


class _Credential(msgspec.Struct):
    keyId: str | None = None
    displayName: str | None = None
    startDateTime: str | None = None
    endDateTime: str | None = None


class _Role(msgspec.Struct):
    id: str
    value: str | None = None
    displayName: str | None = None


class _App(msgspec.Struct):
    id: str
    appId: str | None = None
    displayName: str | None = None
    appOwnerOrganizationId: str | None = None
    accountEnabled: bool | None = None
    verifiedPublisher: _Publisher | None = None
    createdDateTime: str | None = None
    servicePrincipalType: str | None = None
    keyCredentials: list[_Credential] | None = None
    passwordCredentials: list[_Credential] | None = None
    appRoles: list[_Role] | None = None


class _Apps(msgspec.Struct):
    value: list[_App]


class _Grant(msgspec.Struct):
    id: str
    clientId: str | None = None
    consentType: str | None = None
    principalId: str | None = None
    resourceId: str | None = None
    scope: str | None = None


class _Grants(msgspec.Struct):
    value: list[_Grant]


class _Assigned(msgspec.Struct):
    appRoleId: str | None = None
    resourceId: str | None = None
    resourceDisplayName: str | None = None


class _Assignments(msgspec.Struct):
    value: list[_Assigned]


class GrantPage(msgspec.Struct, frozen=True):
    """One page of grants in people's names, with every page of the entries they speak of and the tenant's own id."""

    body: bytes
    entries: tuple[bytes, ...]
    own: str


class PermissionPage(msgspec.Struct, frozen=True):
    """What one application may do in its own name: its entry, the pages of its permissions (None: unreadable),
    and the entry with the roles of each service they are for."""

    entry: bytes
    assignments: tuple[bytes, ...] | None
    services: tuple[bytes, ...]
    own: str


class CredentialPage(msgspec.Struct, frozen=True):
    """One page of registrations, or of entries."""

    body: bytes
    held_by: str


def _entries(graph: Graph) -> tuple[bytes, ...]:
    """Every page of the tenant's applications, asked for once in a session. Raises CollectError."""
    from .graph import Question, remembered

    return tuple(remembered(graph, Question("servicePrincipals", GRANTS, select=_ENTRY, top=999)))


def _own(graph: Graph) -> str:
    """The tenant's own id; "" where neither the token nor anybody else says it."""
    from .graph import tenant_of

    return tenant_of(graph.token()) or ""


def grant_pages(graph: Graph, window: Window) -> Iterator[GrantPage]:
    from .graph import Question, listing

    entries, own = _entries(graph), _own(graph)
    for body in listing(graph, Question("oauth2PermissionGrants", "Directory.Read.All", top=999)):
        yield GrantPage(body, entries, own)


def grant_rows(page: GrantPage) -> Iterator[AppGrant]:
    entries = {app.id: app for body in page.entries for app in decode(body, _Apps).value}
    for grant in decode(page.body, _Grants).value:
        service = entries.get(grant.resourceId or "")
        one = {"allprincipals": "all", "principal": "one"}.get((grant.consentType or "").lower())
        yield _row(
            entries.get(grant.clientId or ""),
            page.own,
            grant_id=grant.id,
            kind="delegated",
            resource=service.displayName if service else None,
            scopes=None if grant.scope is None else grant.scope.split(),
            consent=one,
            account_id=(grant.principalId or None) if one == "one" else None,
        )


def permission_pages(graph: Graph, window: Window) -> Iterator[PermissionPage | Without]:
    """One page for each application that is not Microsoft's."""
    others = {app.id: app for body in _entries(graph) for app in decode(body, _Apps).value if not _microsoft(app)}
    own = _own(graph)
    read: dict[str, tuple[bytes, ...]] = {}
    closed: list[CollectError] = []
    for question, found in graph.batch(_assigned_to(others)):
        app = question.path.split("/")[1]
        if not isinstance(found, CollectError):
            read[app] = found
        elif found.code != GONE:  # not deleted since the listing
            closed.append(found)
            yield PermissionPage(msgspec.json.encode(others[app]), None, (), own)
    services = _services(graph, {service for bodies in read.values() for service in _named(bodies)})
    for app, bodies in read.items():
        needed = tuple(services[one] for one in sorted(_named(bodies)) if one in services)
        yield PermissionPage(msgspec.json.encode(others[app]), bodies, needed, own)
    if closed:
        therefore = f"The report cannot say what {len(closed)} applications may do in their own name."
        yield Without(("scopes",), closed[0].about(therefore))


def _assigned_to(apps: Iterable[str]) -> Iterator[Question]:
    from .graph import Question

    for app in apps:
        yield Question(f"servicePrincipals/{app}/appRoleAssignments", GRANTS, top=999)


def _named(bodies: tuple[bytes, ...]) -> set[str]:
    """The services that permissions are for."""
    return {one.resourceId for body in bodies for one in decode(body, _Assignments).value if one.resourceId}


def _services(graph: Graph, wanted: set[str]) -> dict[str, bytes]:
    """The entries of services with their roles; of one that is gone or closed the roles keep their ids."""
    from .graph import Question

    asked = [Question(f"servicePrincipals/{one}", GRANTS, select="id,displayName,appRoles") for one in sorted(wanted)]
    return {
        question.path.split("/")[1]: found[0]
        for question, found in graph.batch(asked)
        if not isinstance(found, CollectError)
    }


def permission_rows(page: PermissionPage) -> Iterator[AppGrant]:
    """One row for each service that an application may use in its own name."""
    entry = decode(page.entry, _App)
    services = {service.id: service for body in page.services for service in [decode(body, _App)]}
    if page.assignments is None:
        yield _row(entry, page.own, grant_id=f"{entry.id}/unread", kind="application", consent="all")
        return
    given: dict[str, list[_Assigned]] = {}
    for body in page.assignments:
        for assigned in decode(body, _Assignments).value:
            given.setdefault(assigned.resourceId or "", []).append(assigned)
    for service_id, some in given.items():
        service = services.get(service_id)
        roles = {role.id: role.value or role.displayName or role.id for role in (service and service.appRoles) or []}
        names = [roles.get(one.appRoleId, one.appRoleId) for one in some if one.appRoleId not in (None, NOBODY)]
        if not names:
            continue
        yield _row(
            entry,
            page.own,
            grant_id=f"{entry.id}/{service_id}",
            kind="application",
            resource=(service and service.displayName) or next((s.resourceDisplayName for s in some), None),
            scopes=sorted({name for name in names if name}),
            consent="all",
        )


def _row(
    app: _App | None,
    own: str,
    *,
    grant_id: str,
    kind: str,
    resource: str | None = None,
    scopes: list[str] | None = None,
    consent: str | None = None,
    account_id: str | None = None,
) -> AppGrant:
    app = app or _App("")  # an application that was removed and left its grants behind
    publisher = app.verifiedPublisher
    return AppGrant(
        grant_id=grant_id,
        app_id=app.appId,
        app=app.displayName,
        publisher=publisher.displayName if publisher else None,
        # An application without the mark carries the property, empty.
        verified=None if publisher is None else bool(publisher.verifiedPublisherId),
        third_party=_third_party(app, own),
        enabled=app.accountEnabled,
        created_at=instant(app.createdDateTime),
        kind=kind,
        resource=resource,
        scopes=scopes,
        consent=consent,
        account_id=account_id,
    )


def _microsoft(app: _App) -> bool:
    return (app.appOwnerOrganizationId or "").lower() in MICROSOFT


def _third_party(app: _App, own: str) -> bool | None:
    owner = (app.appOwnerOrganizationId or "").lower()
    return (owner not in MICROSOFT and owner != own) if owner and own else None


def credential_pages(graph: Graph, window: Window) -> Iterator[CredentialPage]:
    from .graph import Question, listing

    fields = "id,appId,displayName,keyCredentials,passwordCredentials"
    for body in listing(graph, Question("applications", GRANTS, select=fields, top=999)):
        yield CredentialPage(body, "registration")
    for body in _entries(graph):
        yield CredentialPage(body, "entry")


def credential_rows(page: CredentialPage) -> Iterator[AppCredential]:
    for app in decode(page.body, _Apps).value:
        if (app.servicePrincipalType or "").lower() == "managedidentity":
            continue  # Azure renews these by itself; nobody holds them
        for kind, some in (("secret", app.passwordCredentials), ("certificate", app.keyCredentials)):
            for credential in some or []:
                if app.appId and credential.keyId:
                    yield AppCredential(
                        app_id=app.appId,
                        credential_id=credential.keyId,
                        held_by=page.held_by,
                        app=app.displayName,
                        kind=kind,
                        name=credential.displayName,
                        starts_at=instant(credential.startDateTime),
                        ends_at=instant(credential.endDateTime),
                    )


DELEGATED = modules.optional(
    DataSet(
        name="app_grants",
        fills=(AppGrant,),
        pages=grant_pages,
        rows=grant_rows,
        tells="which applications may act in people's names",
        source="https://learn.microsoft.com/graph/api/oauth2permissiongrant-list",
        grants=("Directory.Read.All",),
        module="apps",
    )
)
PERMISSIONS = modules.optional(
    DataSet(
        name="app_permissions",
        fills=(AppGrant,),
        pages=permission_pages,
        rows=permission_rows,
        tells="which applications may act in their own name, without anybody there",
        source="https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignments",
        grants=(GRANTS,),
        module="apps",
        after=("app_grants",),  # which asks for the entries that all three need
    )
)
CREDENTIALS = modules.optional(
    DataSet(
        name="app_credentials",
        fills=(AppCredential,),
        pages=credential_pages,
        rows=credential_rows,
        tells="which secrets and certificates applications sign in with, and until when",
        source="https://learn.microsoft.com/graph/api/application-list",
        grants=(GRANTS,),
        module="apps",
        after=("app_permissions",),
    )
)
