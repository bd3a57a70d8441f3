"""`import keyround`: frames with their types, from the frozen store; the documented example runs."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import keyround
from keyround import frames
from keyround.errors import ConfigError, StoreError

ROOT = Path(__file__).parents[1]
STORE = ROOT / "fixtures" / "stores" / "0.1.0"


@pytest.fixture(scope="module")
def report():
    return keyround.open(STORE).client("acme").latest()


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, keyround; print({'pandas', 'duckdb', 'pyarrow'} & set(sys.modules), keyround.open)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set() <function open")


def test_frames_have_their_types_and_unknown_is_na(report):
    assert report.taken_at == datetime(2026, 11, 20, 12, tzinfo=UTC) and report.complete in (True, False)
    people = report.people
    assert str(people.mfa_registered.dtype) == "boolean" and people.mfa_registered.isna().any()
    assert str(people.last_sign_in.dtype) == "datetime64[us, UTC]" and people.last_sign_in.notna().any()
    assert set(people.protection) >= {"protected", "not_protected", "unknown"}
    assert str(report.checks.fail.dtype) == "Int64" and len(report.findings) == report.checks.fail.sum()
    abroad = report.findings[report.findings.rule == "foreign-sign-in"]
    assert {evidence["country"] for evidence in abroad.evidence} == set(abroad.aspect)
    assert len(report.sign_ins) and report.sign_ins.signed_in_at.dt.tz is UTC
    joined = report.sign_ins.merge(people, on=["tenant", "account_id"])
    assert len(joined) == report.sign_ins.account_id.notna().sum()  # bare ids on both sides
    assert report.people is people


def test_a_table_without_rows_has_its_columns(report):
    devices = report.table("devices")
    assert devices.empty and str(devices.encrypted.dtype) == "boolean"


def test_mistakes_name_what_there_is(tmp_path):
    with pytest.raises(StoreError, match="There is no store"):
        keyround.open(tmp_path / "nowhere")
    store = keyround.open(STORE)
    with pytest.raises(ConfigError) as met:
        store.client("acne")
    assert "acme" in met.value.remedy
    with pytest.raises(ConfigError, match="No scan of acme was taken before"):
        store.client("acme").at(datetime(2020, 1, 1))
    with pytest.raises(ConfigError, match="no table 'acounts'"):
        store.client("acme").at(datetime(2026, 12, 1)).table("acounts")


def test_the_documented_example_runs():
    (example,) = re.findall(
        r"```python\n(import keyround\n.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S
    )
    assert textwrap.indent(example, "    ") in str(frames.__doc__)
    given: dict[str, object] = {}
    exec(example.replace('"/var/lib/keyround"', repr(str(STORE))).replace('"contoso"', '"acme"'), given)
    assert isinstance(given["report"].people, pd.DataFrame)
