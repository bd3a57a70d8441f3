"""Secrets by reference: what others may change is refused, what they may read is said, and nothing of a secret is."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from keyround.errors import ConfigError
from keyround.secrets import is_reference, resolve

posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
MARK = "hush-0c5b2"


@pytest.fixture
def in_public():
    """A folder that everybody on this computer may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="keyround-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def key(folder, mode):
    (folder / "key.pem").write_text(MARK)
    (folder / "key.pem").chmod(mode)


@posix
@pytest.mark.parametrize(
    "mode, refused, warned",
    [
        (0o600, "", ""),
        (0o400, "", ""),
        (0o640, "", "a group of this computer's users"),
        (0o644, "", "can be read by other users of this computer; run: chmod 600"),
        (0o602, "may change", ""),
    ],
)
def test_a_file_in_a_public_folder(in_public, capsys, mode, refused, warned):
    key(in_public, mode)
    if refused:
        with pytest.raises(ConfigError, match=f"every user of this computer {refused} .*chmod 600"):
            resolve("certificate", "file:key.pem", in_public)
    else:
        assert resolve("certificate", "file:key.pem", in_public) == MARK
    said = capsys.readouterr().err
    assert warned in said if warned else not said


@posix
def test_a_closed_folder_keeps_others_out_and_what_is_no_secret_may_be_read(in_public, capsys):
    key(in_public, 0o644)
    assert resolve("client", "file:key.pem", in_public) == MARK and not capsys.readouterr().err
    in_public.chmod(0o700)
    assert resolve("secret", "file:key.pem", in_public) == MARK
    assert "is kept from others by its folder only" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_is_said(in_public):
    key(in_public, 0o640)
    nobody = 65534
    os.chown(in_public / "key.pem", 1, nobody)
    code = f"""
import os, pathlib, resource  # while Python itself may still be read
from keyround.secrets import resolve
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
resolve("secret", "file:key.pem", pathlib.Path({str(in_public)!r}))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "belongs to another user" in done.stderr and done.returncode == 0 and MARK not in done.stderr


@pytest.mark.parametrize("backend, kind", [("fail.Keyring", "NoKeyringError"), ("no_such_module.Keyring", "ModuleNot")])
def test_without_a_keyring_it_is_said_what_to_do(backend, kind):
    code = "from keyround.secrets import resolve; import pathlib; resolve('secret', 'keyring:acme', pathlib.Path())"
    name = f"keyring.backends.{backend}" if backend.startswith("fail") else backend
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={**os.environ, "PYTHON_KEYRING_BACKEND": name}, stdin=subprocess.DEVNULL)  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert f"secret: this computer's keyring cannot be opened ({kind}" in last and "Use file: or env: there." in last


def test_a_file_that_is_no_text_is_not_quoted(tmp_path):
    (tmp_path / "key.pfx").write_bytes(MARK.encode() + b"\xff")
    (tmp_path / "key.pfx").chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        resolve("certificate", "file:key.pfx", tmp_path)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__ and MARK not in str(caught.value)


def test_what_is_no_reference():
    assert all(map(is_reference, ("env:A", "file:a b", "keyring:x/y", r"file:C:\keys\a.pem")))
    assert not any(map(is_reference, ("", "hush", "env:", "file: ", "https://x", "file://x", "sops:x")))
