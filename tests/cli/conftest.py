"""A configured client with a Microsoft and a Google tenant, and the command as a user types it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from keyround.cli import main
from keyround_fixtures import Cloud, load

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = "2026-11-20T12:00:00Z"


@dataclass
class Desk:
    """Where an administrator works: a folder with keyround.toml, and a cloud out there."""

    folder: Path
    cloud: Cloud
    environment: dict[str, str]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "keyround", *words], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The same in this process, where one of its own is not the point: it has imported all there is to import."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder), patch.dict(os.environ, self.environment),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
        ):  # fmt: skip
            status = main(list(words))
        return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())

    def results(self) -> dict[str, object]:
        (path,) = self.folder.glob("*.json")
        return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    with _furnished(tmp_path) as set_up:
        yield set_up


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Desk]]:
    """One for all tests of a file that only look at it."""
    with _furnished(tmp_path_factory.mktemp("desk")) as set_up:
        yield set_up


@contextmanager
def _furnished(folder: Path) -> Iterator[Callable[..., Desk]]:
    opened: list[Cloud] = []

    def set_up(*keys: str, plan: str = "premium") -> Desk:
        tenants = [load(key, now=NOW, **({"plan": plan} if key == "m365" else {})) for key in keys]
        cloud = Cloud(*tenants)
        cloud.__enter__()
        opened.append(cloud)
        if (
            "m365" in keys
        ):  # two modules less: Microsoft answers their kind once a second, and a process waits in earnest
            cloud.deny("m365", "IdentityRiskyUser.Read.All", "IdentityRiskEvent.Read.All")
        sections = "".join(_section(key, cloud) for key in keys)
        (folder / "keyround.toml").write_text(f'store = "store"\n[client.acme]\nname = "Acme & Söhne"\n{sections}')
        tokens = {f"TOKEN_{key.upper()}": cloud.token(key) for key in keys}
        return Desk(folder, cloud, {**os.environ, **tokens, "PYTHONWARNINGS": "error::ResourceWarning"})

    yield set_up
    for cloud in opened:
        cloud.__exit__(None, None, None)


def _section(key: str, cloud: Cloud) -> str:
    own, url = ("tenant_id", "graph_url") if key == "m365" else ("customer_id", "api_url")
    return f"""
[[client.acme.tenant]]
connector  = "{key}"
{own}      = "{cloud.tenant(key).id}"
credential = "token"
token      = "env:TOKEN_{key.upper()}"
{url}      = "{cloud.url}"
"""
