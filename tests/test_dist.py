"""What people install is whole, holds nothing else, and talks to the tenants' own hosts alone.

The wheel is built and installed into an environment of its own. The libraries
are those of the tests, so that nothing is fetched; Keyround itself comes from
the wheel. There the demo runs, and every address it turns to is written down.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
BIN = "Scripts" if os.name == "nt" else "bin"
EXE = ".exe" if os.name == "nt" else ""
OURS = ("keyround", "keyround_m365", "keyround_google", "keyround_fixtures")

# Runs as the interpreter starts: Python tells it of every name looked up, every connection and every process.
WATCH = """
import os, sys
from urllib.parse import quote

def watch(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        met = f"name {args[0]}"
    elif event in ("socket.connect", "socket.sendto"):
        met = f"address {args[1][0]}:{args[1][1]}" if isinstance(args[1], tuple) else f"path {args[1]}"
    elif event in ("subprocess.Popen", "os.system", "os.posix_spawn"):
        met = f"process {args[0]}"
    else:
        return
    with open(os.environ["WATCHED"], "a", encoding="utf-8") as file:
        file.write(met + "\\n")

if "WATCHED" in os.environ:
    sys.addaudithook(watch)
"""


class Installed(NamedTuple):
    wheel: Path
    source: Path
    home: Path  # a folder that is not the checkout
    folder: Path  # the environment

    def run(self, *words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV", "KEYROUND"))}
        done = subprocess.run(
            [self.folder / BIN / f"{words[0]}{EXE}", *words[1:]], cwd=self.home, env=clean | more,
            capture_output=True, text=True, encoding="utf-8", timeout=300,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done


def hatchling(folder: Path, *words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "hatchling", "build", *words], cwd=folder, check=True, capture_output=True)


def install(python: Path, wheel: Path) -> None:
    """Into that environment and without its dependencies, by the program that `make` installed this one with."""
    own = [sys.executable, "-m", "pip", "--python", python, "install", "--no-index", "--no-compile", "--quiet"]
    uv = ["uv", "pip", "install", "--python", python, "--offline", "--quiet"]
    words = own if importlib.util.find_spec("pip") else uv
    subprocess.run([*words, "--no-deps", wheel], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    home = tmp_path_factory.mktemp("installed")
    hatchling(ROOT, "-d", home)
    (wheel,), (source,) = home.glob("*.whl"), home.glob("*.tar.gz")
    folder = home / "environment"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    install(folder / BIN / f"python{EXE}", wheel)
    packages = next(folder.glob("[lL]ib/**/site-packages"))
    (packages / "watch.py").write_text(WATCH)
    # A line of a .pth file is one more folder, whose own .pth files, the checkout's among them, are not followed.
    (packages / "libraries.pth").write_text(f"import watch\n{sysconfig.get_path('purelib')}\n")
    return Installed(wheel, source, home, folder)


def test_the_wheel_holds_the_packages_and_nothing_else(installed: Installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = {Path(name) for name in wheel.namelist()}
    about = {name for name in names if name.parts[0].endswith(".dist-info")}
    assert {name.parts[0] for name in names - about} == set(OURS)
    assert {"LICENSE", "NOTICE", "entry_points.txt", "METADATA", "RECORD", "WHEEL"} == {name.name for name in about}
    assert not {name for name in names if "__pycache__" in name.parts or name.suffix == ".pyc"}
    folders = ("src", "connectors", "fixtures/keyround_fixtures")
    kept = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=False)
    if kept.returncode == 0:  # in a checkout: nothing that is kept there is missing
        assert {Path(*Path(line).parts[1:]) for line in kept.stdout.splitlines()} <= names - about


def test_the_source_builds_the_same_wheel(installed: Installed, tmp_path: Path):
    with tarfile.open(installed.source) as source:
        source.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    assert not {"demo", "dist", "build", ".venv", ".git"} & {one.name for one in folder.iterdir()}
    assert not [one for one in folder.rglob("*") if one.name == "__pycache__" or one.suffix == ".pyc"]
    assert {"README.md", "INSTALL.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "NOTICE", "tests", ".packaging"} <= {
        one.name for one in folder.iterdir()
    }
    hatchling(folder, "-t", "wheel", "-d", tmp_path)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(installed.wheel) as first, zipfile.ZipFile(again) as second:
        assert {one.filename: one.CRC for one in first.infolist()} == {o.filename: o.CRC for o in second.infolist()}


def test_the_demo_runs_from_the_wheel_and_talks_to_the_pretend_clouds_alone(installed: Installed):
    code = f"import json; print(json.dumps([__import__(name).__file__ for name in {OURS}]))"
    for place in json.loads(installed.run("python", "-c", code).stdout):
        assert Path(place).is_relative_to(installed.folder), f"{place} is not the wheel's"

    watched = installed.home / "watched"
    done = installed.run("keyround", "demo", "--output", "reports", "--format", "json", WATCHED=str(watched))
    (report,) = (installed.home / "reports").glob("demo-*.json")
    results = json.loads(report.read_text(encoding="utf-8"))
    assert len(results["tenants"]) == 2 and results["complete"], done.stdout

    met = set(watched.read_text(encoding="utf-8").splitlines())
    met.discard("process uname")  # Microsoft's SDK tells them the system it runs on
    hosts = {one.rpartition(":")[0] or one for one in met}
    assert hosts <= {"address 127.0.0.1", "name 127.0.0.1", "name localhost"}, met
    assert len([one for one in met if one.startswith("address")]) == 1, "one listener, and no other"
