"""Computers and phones, from both lists there are."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from keyround.connector import Complete, Incomplete
from keyround_fixtures import Fault
from keyround_google import devices


@pytest.fixture
def person(cloud):
    users = {user["primaryEmail"].split("@")[0]: user["id"] for user in cloud.tenants[0].tables["users"]}
    return users.__getitem__


def test_devices_and_whose_they_are(gather, settings, person, cloud):
    found = gather(settings, "users", "devices", "mobile_devices")
    assert all(outcome.without == {} for outcome, _ in found.values())
    rows = found["devices"][1]
    of = {row.name: row for row in rows}
    assert len(rows) == 7 and {row.source for row in rows} == {"directory"}
    laptop = of["nele-laptop"]
    assert (laptop.os, laptop.os_version, laptop.encrypted, laptop.owner) == (
        "Windows", "Windows 10.0.19045", False, "personal",
    )  # fmt: skip
    assert laptop.account_id == person("nele.quast") and laptop.registered_at == datetime(2025, 8, 27, 9)
    assert of["laden-pc"].account_id == person("lisa.odermatt")  # who used it last
    assert (of["anna-laptop"].owner, of["anna-laptop"].tampered) == ("company", False)
    assert of["Fon 5"].patch_level == "2023-01-20" and of["Fon 5"].os == "Android"
    assert of["Fon 12"].tampered is True
    assert (of["Tab 8"].enabled, of["Tab 8"].compliance, of["Tab 8"].managed) == (False, "blocked", True)
    phones = found["mobile_devices"][1]
    assert {row.device_id for row in phones} == {row.device_id for row in rows if row.os in ("Android", "iOS")}
    for phone in phones:
        (same,) = (row for row in rows if row.device_id == phone.device_id)
        for name in ("os", "account_id", "patch_level", "tampered", "encrypted", "last_seen_at", "enabled"):
            assert getattr(phone, name) == getattr(same, name)
    asked = [request.path for request in cloud.requests if "evice" in request.path]
    assert len(asked) == 3


def test_off_until_granted_and_each_list_by_itself(gather, settings, cloud):
    cloud.deny(cloud.tenants[0], "cloud-identity.devices.readonly")
    found = gather(settings, "users", "devices", "mobile_devices")
    assert isinstance(found["devices"][0], Incomplete) and found["devices"][0].error.kind == "NotEnabled"
    assert isinstance(found["mobile_devices"][0], Complete) and len(found["mobile_devices"][1]) == 4


def test_without_owners_there_are_still_devices(gather, settings, cloud):
    cloud.faults.append(Fault("/deviceUsers", body="google_html_404", times=99))
    outcome, rows = gather(settings, "users", "devices")["devices"]
    assert isinstance(outcome, Complete) and set(outcome.without) == {"account_id"}
    assert len(rows) == 7 and {row.account_id for row in rows} == {None}


def test_words_that_nobody_knows_stay_words():
    one = {
        "name": "devices/9", "deviceType": "TOASTER", "compromisedState": "COMPROMISED_STATE_UNSPECIFIED",
        "encryptionState": "UNSUPPORTED_BY_DEVICE", "managementState": "FUTURE", "securityPatchTime": "soon",
    }  # fmt: skip
    page = devices.Page(json.dumps({"devices": [one, {"model": "without a name"}]}).encode(), {})
    (row,) = devices.rows(page)
    assert (row.device_id, row.os, row.compliance) == ("9", "TOASTER", "future")
    assert (row.tampered, row.encrypted, row.managed, row.enabled, row.patch_level) == (None,) * 5
    phone = {"resourceId": "3", "deviceCompromisedStatus": "Undetected", "securityPatchLevel": "0", "email": ["x"]}
    (row,) = devices.mobile_rows(devices.Page(json.dumps({"mobiledevices": [phone]}).encode(), {}))
    assert (row.device_id, row.tampered, row.patch_level, row.account_id) == ("3", None, None, None)
