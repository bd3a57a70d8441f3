"""What forgetting one client leaves of everybody else: their lines, their files, their rights."""

from __future__ import annotations

import os
from datetime import datetime

import pytest

from keyround.config import read
from keyround.errors import StoreError
from keyround.provider.clients import forgetting
from keyround.provider.telling import Message, Outbox

NOW = datetime(2026, 11, 20)
TENANT = """[[client.{0}.tenant]]
connector = "google"
customer_id = "C{0}"
credential = "token"
token = "env:T"
""".replace("\n", "\r\n")
TOP = '\ufeff# Ours.\r\nstore = "store"\r\n\r\n'
ACME = '# Acme\r\n[client.acme]\r\nreports = "share"\r\n' + TENANT.format("acme")
OTHER = "# Call first!\r\n[client.other]\r\n" + TENANT.format("other")


def test_everybody_else_s_is_as_it_was(tmp_path):
    file, share, root = tmp_path / "keyround.toml", tmp_path / "share", tmp_path / "store" / "acme"
    file.write_bytes((TOP + ACME + OTHER).encode())
    file.chmod(0o600)
    (share / "theirs" / "empty").mkdir(parents=True)
    (share / "acme-2026-11-20-csv").mkdir()
    for name in ("acme-2026-11-20.json", "acme-2026-11-20-csv/people.csv", "acmeous-2026-11-20.json"):
        (share / name).touch()
    (root / "scans" / "20261120T120000Z").mkdir(parents=True)
    (root / "scans" / "20261120T120000Z" / "accounts.parquet").touch()
    (root / "scans" / "20261120T120000Z").chmod(0o500)
    told = Outbox(tmp_path / "store" / ".provider")
    for number, client in enumerate(("acme", "other")):
        told.add(Message(f"{number:016x}", client, "failure", "", "x@hof.example", "mail", "", "", NOW))
    modes = {path: path.stat().st_mode for path in (file, share, share / "theirs")}
    config = read(file)
    found = forgetting.remains(config, "acme", config.client("acme"))
    forgetting.remove(config, "acme", config.client("acme"), found, NOW)
    assert not root.exists() and file.read_bytes() == (TOP + OTHER).encode()
    assert {path: path.stat().st_mode for path in modes} == modes and (share / "theirs" / "empty").is_dir()
    assert {path.name for path in share.iterdir()} == {"theirs", "acmeous-2026-11-20.json"}
    assert [one.client for one in told.messages()] == ["other"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_client_s_folder_that_is_a_link_is_nobody_s(tmp_path):
    (tmp_path / "keyround.toml").write_text('store = "."', encoding="utf-8")
    (tmp_path / "other").mkdir()
    (tmp_path / "acme").symlink_to(tmp_path / "other", target_is_directory=True)
    with pytest.raises(StoreError, match="is a link"):
        forgetting.remains(read(tmp_path / "keyround.toml"), "acme", None)
