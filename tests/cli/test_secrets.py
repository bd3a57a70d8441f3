"""Nothing secret leaves the process: markers are planted, scans go well and badly, and everything written is searched.

Secrets come through env:, file: and keyring:. Searched are what is printed, the store and the reports (Parquet and
Excel unpacked), the home and the temporary folder, and command line and core limit while a scan runs. A secret counts
as found in any form that a library may write it in: as it is, quoted for a URL, in base64, and the lines of a key one
by one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet
import pytest

from keyround_fixtures import Cloud, Fault, load

from .conftest import AT, NOW

KEYRING = """
import json, os
from keyring.backend import KeyringBackend

class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service, name):
        with open(os.environ["KEYRING_FILE"]) as file:
            return json.load(file).get(f"{service}/{name}")

    def set_password(self, service, name, password):
        raise NotImplementedError
"""
WRONG = "hush~Wrong-Secret+of/the=tenant&0c5b2e9d"
BROKEN_KEY = "TUFSS0VSIG9mIGEga2V5IHRoYXQgaXMgbm9uZSBhdCBhbGwgMGM1YjJl"
SILENT = {"PYTHONFAULTHANDLER": "1", "PYTHONWARNINGS": "error::ResourceWarning"}


class Office:
    """Where the command is typed: a folder with everything it may write to, and one beside it with the secrets."""

    def __init__(self, cloud: Cloud, root: Path) -> None:
        self.cloud, self.folder, self.vault = cloud, root / "office", root / "vault"
        self.printed: list[str] = []
        self.seen: list[bytes] = []
        home, temporary = self.folder / "home", self.folder / "tmp"
        for folder in (self.vault, home, temporary):
            folder.mkdir(parents=True, mode=0o700)
        google = cloud.service_account_key("google")
        self.certificate, self.key = cloud.app_certificate("m365"), json.dumps(google)
        self.environment = {
            **os.environ, **SILENT, "HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_CACHE_HOME": str(home),
            "TMPDIR": str(temporary), "REQUESTS_CA_BUNDLE": cloud.ca_pem, "SECRET": cloud.app_secret("m365"),
            "TOKEN": cloud.token("m365"), "PYTHON_KEYRING_BACKEND": "marked_keyring.Keyring",
            "KEYRING_FILE": self._put("keyring.json", json.dumps({"keyround/acme": self.key})),
            "PYTHONPATH": os.pathsep.join([str(self.vault), *sys.path]),
        }  # fmt: skip
        self._put("marked_keyring.py", KEYRING)
        self._put("wrong.txt", WRONG)
        self._put("app.pem", self.certificate)
        broken = f"-----BEGIN PRIVATE KEY-----\n{BROKEN_KEY}\n-----END PRIVATE KEY-----\n"
        self._put("broken.json", json.dumps({**google, "private_key": broken}))

    def _put(self, name: str, text: str) -> str:
        path = self.vault / name
        path.write_text(text)
        path.chmod(0o600)
        return str(path)

    def configure(self) -> None:
        m365 = f'connector = "m365"\nclient_id = "{self.cloud.client_id}"\ngraph_url = "{self.cloud.url}"\n'
        m365 += f'authority = "{self.cloud.tls_url}"\ntenant_id = "{self.cloud.tenant("m365").id}"\n'
        google = f'connector = "google"\ncustomer_id = "{self.cloud.tenant("google").id}"\n'
        google += f'api_url = "{self.cloud.url}"\nsubject = "{self.cloud.tenant("google").subject}"\n'
        secret, account = 'credential = "secret"\nsecret = ', 'credential = "service_account"\nkey = '
        tenants = {
            "good": [m365 + secret + '"env:SECRET"', google + account + '"keyring:acme"'],
            "wrong": [m365 + secret + '"file:../vault/wrong.txt"'],
            "broken": [google + account + '"file:../vault/broken.json"'],
            "swapped": [re.sub("tenant_id = .*", 'tenant_id = "11111111-2222-3333-4444-555555555555"', m365)
                        + 'credential = "token"\ntoken = "env:TOKEN"'],
            "killed": [m365 + 'credential = "certificate"\ncertificate = "file:../vault/app.pem"'],
        }  # fmt: skip
        self.sections = {key: "".join(f"[[client.{key}.tenant]]\n{one}\n" for one in found)
                         for key, found in tenants.items()}  # fmt: skip

    def scan(self, client: str, until: str = "", number: int = 0) -> int:
        """The exit status. With `until` the process is looked at when such a request came, and gets the signal."""
        # Each alone: they name the same tenants, which no two clients in one store may.
        (self.folder / "keyround.toml").write_text(f'store = "store-{client}"\n{self.sections[client]}')
        words = [sys.executable, "-m", "keyround", "scan", client, "--at", AT, "--verbose", "--output", client]
        with subprocess.Popen(words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as started:  # fmt: skip
            if until:
                ends = time.monotonic() + 110
                while not any(until in one.path for one in self.cloud.requests) and time.monotonic() < ends:
                    time.sleep(0.02)
                process = Path("/proc", str(started.pid))
                if process.exists():
                    self.seen += [(process / name).read_bytes() for name in ("cmdline", "limits")]
                started.send_signal(number)
            self.printed.append(started.communicate(timeout=120)[0])
        return started.returncode

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Every file under the folder with what is in it, packed or not; and what was printed and seen."""
        yield from ((f"output {n}", text.encode()) for n, text in enumerate(self.printed))
        yield from ((f"/proc {n}", text) for n, text in enumerate(self.seen))
        for path in self.folder.rglob("*"):
            if path.is_file() and path.name != "keyround.toml":
                yield str(path), path.read_bytes()
                if (
                    path.suffix == ".parquet" and path.read_bytes()[-4:] == b"PAR1"
                ):  # else half of one, of the killed scan
                    yield str(path), json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str).encode()
                elif zipfile.is_zipfile(path):
                    with zipfile.ZipFile(path) as pack:
                        yield from ((f"{path}: {name}", pack.read(name)) for name in pack.namelist())


def forms(secrets: Iterable[str]) -> dict[bytes, str]:
    """Every form in which one of them may be written -> the first letters of the secret."""
    found: dict[bytes, str] = {}
    for secret in secrets:
        whole = secret.encode()
        shapes = {whole, quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()}
        for before in range(3):  # base64 of a text in which the secret begins anywhere
            shapes.add(b64encode(b"x" * before + whole)[4 if before else 0 : -4])
        found |= dict.fromkeys((one for one in shapes if len(one) > 20), secret[:12])
    return found


def lines(pem: str) -> list[str]:
    """Those of the private key in it."""
    private = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.+?)-----END", pem.replace("\\n", "\n"), re.DOTALL)
    return [line for one in private for line in one.split() if len(line) > 30]


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    with Cloud(load("m365", now=NOW), load("google", now=NOW)) as cloud:
        cloud.deny("m365", "IdentityRiskyUser.Read.All", "IdentityRiskEvent.Read.All")  # answered once a second
        here = Office(cloud, tmp_path_factory.mktemp("secrets"))
        here.configure()
        yield here


def test_no_secret_is_written_anywhere(office):
    assert office.scan("good") == 1, office.printed
    assert office.scan("wrong") == 3, office.printed
    assert office.scan("broken") == 2 and "cannot be used" in office.printed[-1]
    assert office.scan("swapped") == 2 and "nothing was stored" in office.printed[-1]
    office.cloud.faults.append(Fault("signIns", kind="slow", delay=30))
    office.cloud.requests.clear()
    if os.name == "posix":
        assert office.scan("killed", "signIns", signal.SIGABRT) == -signal.SIGABRT
        assert "Fatal Python error" in office.printed[-1]  # the dump that is written is searched, too
    if office.seen:
        assert b"scan\0killed" in office.seen[0] and re.search(rb"Max core file size +0 ", office.seen[1])
    own = [office.environment["SECRET"], WRONG, BROKEN_KEY, *lines(office.certificate), *lines(office.key)]
    issued = list(office.cloud.clerk.issued.tokens)
    assert len(issued) >= 5 and len(own) > 40 and "refused the client secret" in office.printed[1]
    wanted = forms([*own, *issued, *(part for token in issued for part in token.split(".") if len(part) > 100)])
    everything = list(office.written())
    names = " ".join(name for name, _ in everything)
    assert all(part in names for part in (".parquet", ".xlsx: ", "store", "good-2026-11-20.json"))
    assert [(name, wanted[one]) for name, text in everything for one in wanted if one in text] == []


def test_the_search_would_find_them(office, tmp_path):
    """In a workbook, in Parquet, and inside base64 of something longer."""
    marks = forms([WRONG])
    office.folder.joinpath("tmp", "b64").write_bytes(b64encode(b"Basic id:" + WRONG.encode() + b":end"))
    table = pyarrow.table({"a": [WRONG]})
    pyarrow.parquet.write_table(table, office.folder / "tmp" / "t.parquet", compression="zstd")
    with zipfile.ZipFile(office.folder / "tmp" / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as pack:
        pack.writestr("sheet", quote(WRONG, safe=""))
    hits = {Path(name.partition(": ")[0]).name for name, text in office.written() for one in marks if one in text}
    assert hits == {"b64", "t.parquet", "t.xlsx"}
