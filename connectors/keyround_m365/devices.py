"""Computers and phones: what the directory knows of them, and what the device management does.

Endpoint    GET /devices, GET /deviceManagement/managedDevices  (v1.0)
Permission  Device.Read.All (Directory.Read.All is accepted); DeviceManagementManagedDevices.Read.All
Plan        the managed ones need Intune; otherwise 400 "Request not applicable to target tenant."
Gaps        the directory's last contact is up to two weeks late; a device nobody registered is not listed at all
Source      https://learn.microsoft.com/graph/api/device-list
            https://learn.microsoft.com/graph/api/intune-devices-manageddevice-list
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import Unexpected
from keyround.model import Device

from . import modules
from .wire import instant

if TYPE_CHECKING:
    from .graph import Graph

GRANTS = "Device.Read.All or Directory.Read.All"
MANAGED = "DeviceManagementManagedDevices.Read.All"
JOINED = {"azuread": "cloud", "serverad": "hybrid", "workplace": "registered"}
WHOSE = ("account_id", "owner", "tampered")
NONE = "00000000-0000-0000-0000-000000000000"
_DIRECTORY = (
    "id,deviceId,displayName,operatingSystem,operatingSystemVersion,approximateLastSignInDateTime,accountEnabled,"
    "isCompliant,isManaged,trustType,registrationDateTime"
)
_MANAGED = (
    "id,deviceName,userId,operatingSystem,osVersion,complianceState,isEncrypted,lastSyncDateTime,enrolledDateTime,"
    "managedDeviceOwnerType,azureADDeviceId,jailBroken,androidSecurityPatchLevel"
)


class _Owner(msgspec.Struct):
    id: str | None = None
    kind: str = msgspec.field(name="@odata.type", default="#microsoft.graph.user")


class _Device(msgspec.Struct):
    id: str
    deviceId: str | None = None
    displayName: str | None = None
    operatingSystem: str | None = None
    operatingSystemVersion: str | None = None
    approximateLastSignInDateTime: str | None = None
    accountEnabled: bool | None = None
    isCompliant: bool | None = None
    isManaged: bool | None = None
    isRooted: bool | None = None
    trustType: str | None = None
    registrationDateTime: str | None = None
    deviceOwnership: str | None = None
    registeredOwners: list[_Owner] | None = None


class _Devices(msgspec.Struct):
    value: list[_Device]


class _Managed(msgspec.Struct):
    id: str
    azureADDeviceId: str | None = None
    deviceName: str | None = None
    userId: str | None = None
    operatingSystem: str | None = None
    osVersion: str | None = None
    complianceState: str | None = None
    isEncrypted: bool | None = None
    lastSyncDateTime: str | None = None
    enrolledDateTime: str | None = None
    managedDeviceOwnerType: str | None = None
    jailBroken: str | None = None
    androidSecurityPatchLevel: str | None = None


class _ManagedDevices(msgspec.Struct):
    value: list[_Managed]


def pages(graph: Graph, window: Window) -> Iterator[bytes | Without]:
    from .graph import Question, listing

    plain = Question("devices", GRANTS, select=_DIRECTORY, top=999)
    more = f"{_DIRECTORY},isRooted,deviceOwnership"
    try:
        yield from listing(graph, replace(plain, select=more, expand="registeredOwners($select=id)"))
    except Unexpected as error:  # perhaps only the owners are refused
        if not error.code:  # not a refusal
            raise
        yield Without(WHOSE, error.about("The report cannot say whose the devices are."))
        yield from listing(graph, plain)


def rows(page: bytes) -> Iterator[Device]:
    for device in decode(page, _Devices).value:
        owners = [
            owner.id for owner in device.registeredOwners or [] if owner.id and owner.kind.lower().endswith("user")
        ]
        yield Device(
            device_id=_id(device.deviceId) or device.id,
            source="directory",
            name=device.displayName,
            os=device.operatingSystem or None,
            os_version=device.operatingSystemVersion or None,
            enabled=device.accountEnabled,
            registered_at=instant(device.registrationDateTime),
            last_seen_at=instant(device.approximateLastSignInDateTime),
            managed=device.isManaged,
            compliant=device.isCompliant,
            tampered=device.isRooted,
            owner=_owner(device.deviceOwnership),
            joined=JOINED.get((device.trustType or "").lower(), device.trustType) or None,
            account_id=owners[0] if owners else None,
        )


def managed_pages(graph: Graph, window: Window) -> Iterator[bytes]:
    from .graph import Question, listing

    yield from listing(graph, Question("deviceManagement/managedDevices", MANAGED, select=_MANAGED, top=999))


def managed_rows(page: bytes) -> Iterator[Device]:
    for device in decode(page, _ManagedDevices).value:
        # Between the two there is a grace period, a conflict, an error: neither yes nor no.
        compliant = {"compliant": True, "noncompliant": False}.get((device.complianceState or "").lower())
        yield Device(
            device_id=_id(device.azureADDeviceId) or device.id,
            source="management",
            name=device.deviceName,
            os=device.operatingSystem or None,
            os_version=device.osVersion or None,
            patch_level=device.androidSecurityPatchLevel or None,
            registered_at=instant(device.enrolledDateTime),
            last_seen_at=instant(device.lastSyncDateTime),
            managed=True,
            compliant=compliant,
            compliance=device.complianceState or None,
            encrypted=device.isEncrypted,
            tampered={"true": True, "false": False}.get((device.jailBroken or "").lower()),
            owner=_owner(device.managedDeviceOwnerType),
            account_id=_id(device.userId),
        )


def _id(text: str | None) -> str | None:
    """An id as the directory writes it; None for absent and for the one made of zeros."""
    return None if (text or NONE) == NONE else (text or "").lower()


def _owner(word: str | None) -> str | None:
    said = (word or "").lower()
    return said if said in ("company", "personal") else None


# Whoever has no Intune still has devices: the directory's rows alone make the table whole.
DIRECTORY = replace(
    modules.optional(
        DataSet(
            name="devices",
            fills=(Device,),
            pages=pages,
            rows=rows,
            tells="which computers and phones are registered, and how old their systems are",
            source="https://learn.microsoft.com/graph/api/device-list",
            grants=(GRANTS,),
            module="devices",
        )
    ),
    required=True,
)
MANAGEMENT = modules.optional(
    DataSet(
        name="managed_devices",
        fills=(Device,),
        pages=managed_pages,
        rows=managed_rows,
        tells="which devices are encrypted and meet the rules set for them",
        source="https://learn.microsoft.com/graph/api/intune-devices-manageddevice-list",
        grants=(MANAGED,),
        needs_plan="Intune",
        module="intune",
    )
)
