"""Computers and phones that people read company data with: how old, encrypted, tampered with, and whose.

Endpoint    GET /v1/devices and /v1/devices/-/deviceUsers of Cloud Identity; of phones also
            GET /admin/directory/v1/customer/{customer}/devices/mobile
Permission  https://www.googleapis.com/auth/cloud-identity.devices.readonly, only with domain-wide delegation;
            https://www.googleapis.com/auth/admin.directory.device.mobile.readonly
Plan        every edition; what is known of a device depends on how closely it is managed
Gaps        computers are listed where Chrome's endpoint verification or Google's device management is on them;
            Chromebooks have a list of their own, which is not read
Source      https://cloud.google.com/identity/docs/reference/rest/v1/devices/list
            https://developers.google.com/workspace/admin/directory/reference/rest/v1/mobiledevices/list
"""

# Whose a device is stands in a list of its own, twenty to a page, so it costs five times the requests of the devices.
# One list for all of them is still far cheaper than a question for each.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from keyround.connector import DataSet, Window, Without, decode
from keyround.errors import CollectError, NotGranted
from keyround.model import Device

from . import modules
from .wire import EPOCH, Wire, instant

if TYPE_CHECKING:
    from .admin import Admin

SCOPE = "https://www.googleapis.com/auth/cloud-identity.devices.readonly"
MOBILE = "https://www.googleapis.com/auth/admin.directory.device.mobile.readonly"
WHOSE = "The report cannot say whose the devices are."
MASK = (
    "nextPageToken,devices(name,deviceId,deviceType,hostname,model,osVersion,securityPatchTime,encryptionState,"
    "compromisedState,managementState,ownerType,createTime,lastSyncTime)"
)
COLUMNS = {
    "deviceType": ("os",),
    "osVersion": ("os_version",),
    "securityPatchTime": ("patch_level",),
    "encryptionState": ("encrypted",),
    "compromisedState": ("tampered",),
    "managementState": ("managed", "enabled", "compliance"),
    "ownerType": ("owner",),
    "lastSyncTime": ("last_seen_at",),
}
USER_MASK = "nextPageToken,deviceUsers(name,userEmail,compromisedState,createTime,lastSyncTime)"
MOBILE_MASK = (
    "nextPageToken,mobiledevices(resourceId,deviceId,email,model,os,type,status,firstSync,lastSync,"
    "securityPatchLevel,encryptionStatus,deviceCompromisedStatus)"
)
MOBILE_COLUMNS = {
    "os": ("os_version",),
    "type": ("os",),
    "status": ("managed", "enabled", "compliance"),
    "email": ("account_id",),
    "lastSync": ("last_seen_at",),
    "securityPatchLevel": ("patch_level",),
    "encryptionStatus": ("encrypted",),
    "deviceCompromisedStatus": ("tampered",),
}
SYSTEMS = {
    "ANDROID": "Android", "IOS": "iOS", "IOS_SYNC": "iOS", "WINDOWS": "Windows", "MAC_OS": "macOS", "LINUX": "Linux",
    "CHROME_OS": "ChromeOS", "GOOGLE_SYNC": "Google Sync",
}  # fmt: skip
ENCRYPTED = {"encrypted": True, "not_encrypted": False, "not encrypted": False, "inactive": False}
TAMPERED = {
    "compromised": True, "compromise detected": True,
    "uncompromised": False, "not_compromised": False, "no compromise detected": False,
}  # fmt: skip
MAY_SIGN_IN = {"approved": True, "blocked": False, "wiped": False, "wiping": False}
MANAGED = {"approved": True, "blocked": True, "unprovisioned": False, "unenrolled": False}
UNSPECIFIED = "_UNSPECIFIED"

T = TypeVar("T")


class Known(Wire):
    name: str | None = None
    deviceId: str | None = None
    deviceType: str | None = None
    hostname: str | None = None
    model: str | None = None
    osVersion: str | None = None
    securityPatchTime: str | int | None = None
    encryptionState: str | None = None
    compromisedState: str | None = None
    managementState: str | None = None
    ownerType: str | None = None
    createTime: str | int | None = None
    lastSyncTime: str | int | None = None


class Devices(Wire):
    devices: list[Known] | None = None


class Person(Wire):
    name: str | None = None
    userEmail: str | None = None
    compromisedState: str | None = None
    createTime: str | int | None = None
    lastSyncTime: str | int | None = None


class People(Wire):
    deviceUsers: list[Person] | None = None


class Phone(Wire):
    resourceId: str | None = None
    deviceId: str | None = None
    email: list[str] | None = None
    model: str | None = None
    os: str | None = None
    type: str | None = None
    status: str | None = None
    firstSync: str | int | None = None
    lastSync: str | int | None = None
    securityPatchLevel: str | int | None = None
    encryptionStatus: str | None = None
    deviceCompromisedStatus: str | None = None


class Phones(Wire):
    mobiledevices: list[Phone] | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """Who used a device last, by address; since when somebody did; whether it was found tampered with for anybody."""

    address: str = ""
    last_at: datetime = EPOCH
    first_at: datetime | None = None
    tampered: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of devices; `uses` by the device's name, `accounts` by address."""

    body: bytes
    accounts: Mapping[str, str]
    uses: Mapping[str, Use] = field(default_factory=dict)


def pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    everything = admin.identity.devices()
    customer = f"customers/{admin.customer}"
    uses: dict[str, Use] = {}
    try:
        people = admin.listing(
            everything.deviceUsers(), (SCOPE,), {}, parent="devices/-", customer=customer, pageSize=20,
            fields=USER_MASK,
        )  # fmt: skip
        for body in people:
            if isinstance(body, bytes):
                _note(uses, body)
    except NotGranted:
        raise
    except CollectError as error:
        yield Without(("account_id",), error.about(WHOSE))
    if nobody := admin.noted.lacking("users"):
        yield Without(("account_id",), nobody.about(WHOSE))
    listing = admin.listing(
        everything, (SCOPE,), COLUMNS, customer=customer, view="USER_ASSIGNED_DEVICES", pageSize=100, fields=MASK
    )
    for page in listing:
        yield page if isinstance(page, Without) else Page(page, admin.noted.addresses, uses)


def _note(uses: dict[str, Use], body: bytes) -> None:
    for person in decode(body, People).deviceUsers or ():
        device = (person.name or "").partition("/deviceUsers/")[0]
        known = uses.get(device, Use())
        first = instant(person.createTime)
        last = instant(person.lastSyncTime) or EPOCH
        newer = bool(person.userEmail) and (not known.address or last > known.last_at)
        uses[device] = Use(
            address=(person.userEmail or "").lower() if newer else known.address,
            last_at=last if newer else known.last_at,
            first_at=min(filter(None, (first, known.first_at)), default=None),
            tampered=_worst(known.tampered, _said(TAMPERED, person.compromisedState)),
        )


def rows(page: Page) -> Iterator[Device]:
    for device in decode(page.body, Devices).devices or ():
        key = device.deviceId or (device.name or "").removeprefix("devices/")
        if not key:
            continue
        use = page.uses.get(device.name or "", Use())
        patched = instant(device.securityPatchTime)
        yield Device(
            device_id=key,
            source="directory",
            name=device.hostname or device.model or None,
            os=_system(device.deviceType),
            os_version=device.osVersion or None,
            patch_level=patched.date().isoformat() if patched and patched > EPOCH else None,
            enabled=_said(MAY_SIGN_IN, device.managementState),
            registered_at=instant(device.createTime) or use.first_at,
            last_seen_at=_seen(device.lastSyncTime),
            managed=_said(MANAGED, device.managementState),
            compliance=_word(device.managementState),
            encrypted=_said(ENCRYPTED, device.encryptionState),
            tampered=_worst(_said(TAMPERED, device.compromisedState), use.tampered),
            owner=_said({"company": "company", "byod": "personal"}, device.ownerType),
            account_id=page.accounts.get(use.address),
        )


def mobile_pages(admin: Admin, window: Window) -> Iterator[Page | Without]:
    if nobody := admin.noted.lacking("users"):
        yield Without(("account_id",), nobody.about(WHOSE))
    listing = admin.listing(
        admin.directory.mobiledevices(), (MOBILE,), MOBILE_COLUMNS,
        customerId=admin.customer, maxResults=100, projection="FULL", fields=MOBILE_MASK,
    )  # fmt: skip
    for page in listing:
        yield page if isinstance(page, Without) else Page(page, admin.noted.addresses)


def mobile_rows(page: Page) -> Iterator[Device]:
    for phone in decode(page.body, Phones).mobiledevices or ():
        key = phone.deviceId or phone.resourceId
        if not key:
            continue
        patched = instant(phone.securityPatchLevel)
        yield Device(
            device_id=key,
            source="management",
            name=phone.model or None,
            os=_system(phone.type),
            os_version=phone.os or None,
            patch_level=patched.date().isoformat() if patched and patched > EPOCH else None,
            enabled=_said(MAY_SIGN_IN, phone.status),
            registered_at=_seen(phone.firstSync),
            last_seen_at=_seen(phone.lastSync),
            managed=_said(MANAGED, phone.status),
            compliance=_word(phone.status),
            encrypted=_said(ENCRYPTED, phone.encryptionStatus),
            tampered=_said(TAMPERED, phone.deviceCompromisedStatus),
            account_id=next(filter(None, (page.accounts.get(one.lower()) for one in phone.email or ())), None),
        )


def _said(meanings: Mapping[str, T], word: str | None) -> T | None:
    """What one of Google's words means to us; None for no answer and for a word nobody knows."""
    return meanings.get((word or "").lower())


def _worst(*answers: bool | None) -> bool | None:
    """True beats False beats unknown."""
    return max((answer for answer in answers if answer is not None), default=None)


def _word(word: str | None) -> str | None:
    return None if not word or word.endswith(UNSPECIFIED) else word.lower()


def _system(word: str | None) -> str | None:
    return SYSTEMS.get((word or "").upper(), None if _word(word) is None else word)


def _seen(value: str | int | None) -> datetime | None:
    """An instant; 1970 says never."""
    when = instant(value)
    return when if when and when > EPOCH else None


# Whoever is refused the one list may still have the other; phones are in both, computers only in the first.
DATASET = replace(
    modules.optional(
        DataSet(
            name="devices",
            fills=(Device,),
            pages=pages,
            rows=rows,
            tells="which computers and phones people use, how old their systems are, and whether they are encrypted",
            source="https://cloud.google.com/identity/docs/reference/rest/v1/devices/list",
            grants=(SCOPE,),
            module="devices",
            after=("users",),
        )
    ),
    required=True,
)
PHONES = modules.optional(
    DataSet(
        name="mobile_devices",
        fills=(Device,),
        pages=mobile_pages,
        rows=mobile_rows,
        tells="which phones read company mail, as the older list of phones knows them",
        source="https://developers.google.com/workspace/admin/directory/reference/rest/v1/mobiledevices/list",
        grants=(MOBILE,),
        module="devices",
        after=("users",),
    )
)
