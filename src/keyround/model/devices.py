"""Table `devices`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from .schema import Id, Row


@dataclass(frozen=True, slots=True)
class Device(Row):
    """One row per computer or phone and source: the directory, and the device management where there is one."""

    KEY: ClassVar[tuple[str, ...]] = ("device_id", "source")

    device_id: Annotated[Id, "The same in both sources' rows of one device."]
    source: Annotated[str, "directory or management."]
    name: Annotated[str | None, "Name of the device."] = None
    os: Annotated[str | None, "Operating system, in the provider's word."] = None
    os_version: Annotated[str | None, "Its version or build."] = None
    patch_level: Annotated[str | None, "Day of the last security patch, where the system tells it (Android)."] = None
    enabled: Annotated[bool | None, "The device may be used to sign in."] = None
    registered_at: Annotated[datetime | None, "When it became known, UTC."] = None
    last_seen_at: Annotated[datetime | None, "Last contact, UTC; of the directory up to two weeks late."] = None
    managed: Annotated[bool | None, "Under the organisation's device management."] = None
    compliant: Annotated[bool | None, "Meets the rules set for devices."] = None
    compliance: Annotated[str | None, "The same in the provider's own word, which knows more than yes and no."] = None
    encrypted: Annotated[bool | None, "Its disk is encrypted."] = None
    tampered: Annotated[bool | None, "Jailbroken or rooted."] = None
    owner: Annotated[str | None, "company or personal."] = None
    joined: Annotated[str | None, "cloud, hybrid (also on-premises) or registered (a private one)."] = None
    account_id: Annotated[Id | None, "Joins accounts: whose it is."] = None
