"""The tree of organisational units that settings are inherited through.

Endpoint    GET /admin/directory/v1/customer/{customer}/orgunits with type=allIncludingParent; all of it at once
Permission  https://www.googleapis.com/auth/admin.directory.orgunit.readonly
Plan        every edition
Source      https://developers.google.com/workspace/admin/directory/reference/rest/v1/orgunits/list
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keyround.connector import DataSet, Window, decode
from keyround.model import OrgUnit

from .two_step.conditions import bare_id
from .wire import Wire

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/admin.directory.orgunit.readonly"
SOURCE = "https://developers.google.com/workspace/admin/directory/reference/rest/v1/orgunits/list"
MASK = "organizationUnits(name,orgUnitId,orgUnitPath,parentOrgUnitId,parentOrgUnitPath)"


class Unit(Wire):
    name: str | None = None
    orgUnitId: str | None = None
    orgUnitPath: str | None = None
    parentOrgUnitId: str | None = None
    parentOrgUnitPath: str | None = None


class Units(Wire):
    organizationUnits: list[Unit] | None = None


def pages(admin: Admin, window: Window) -> Iterator[bytes]:
    units = admin.directory.orgunits()
    body = admin.fetch(units.list(customerId=admin.customer, type="allIncludingParent", fields=MASK), (SCOPE,))
    admin.noted.root = next((unit.unit_id for unit in rows(body) if unit.path == "/"), None)
    yield body


def rows(page: bytes) -> Iterator[OrgUnit]:
    units = decode(page, Units).organizationUnits or []
    top = {unit.orgUnitPath for unit in units} & {"/"}
    for unit in units:
        if not unit.orgUnitId:
            continue
        yield OrgUnit(
            unit_id=bare_id(unit.orgUnitId),
            path=unit.orgUnitPath,
            parent_id=bare_id(unit.parentOrgUnitId) if unit.parentOrgUnitId else None,
            name=unit.name,
        )
        # Where the answer leaves the unit at the top out, those below it still say which it is.
        if not top and unit.parentOrgUnitPath == "/" and unit.parentOrgUnitId:
            top.add("/")
            yield OrgUnit(bare_id(unit.parentOrgUnitId), "/")


DATASET = DataSet(
    name="org_units",
    fills=(OrgUnit,),
    pages=pages,
    rows=rows,
    tells="which organisational units there are, and therefore for whom a setting holds",
    source=SOURCE,
    grants=(SCOPE,),
)
