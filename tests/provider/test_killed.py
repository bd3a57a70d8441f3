"""Killed at any step, a run loses nothing, repeats nothing and sends nothing twice; tests/soak tries hundreds."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from tests.soak.killed import ROLES, Practice, post

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
SEEDS = 240 if THOROUGH else 2
FIRST = datetime(2026, 10, 19)
CONFIG = """
store = "store"
[provider.mail]
server   = "127.0.0.1"
port     = {port}
security = "none"
from     = "keyround@nordlicht.example"
[client.ahorn]
every    = "day"
at       = "00:00"
timezone = "UTC"
tell     = {{ mail = ["chef@ahorn.example"], when = "always" }}
[[client.ahorn.tenant]]
connector  = "m365"
tenant_id  = "11111111-2222-3333-4444-555555555555"
credential = "token"
token      = "env:AHORN"
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_at_any_step(tmp_path):
    with post() as (sink, port):
        file = tmp_path / "keyround.toml"
        file.write_text(CONFIG.format(port=port), "utf-8")
        practice = Practice(file, {}, sink)
        of = practice.counted(FIRST)
        for number, (role, step) in enumerate(chosen(of, SEEDS), 1):
            practice.killed(role, step, FIRST + timedelta(days=number), THOROUGH)


def chosen(of: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """Every step of every role once, in a random order that is always the same; then some of them again."""
    chance = random.Random(7)
    every = [(role, step) for role in ROLES for step in range(1, of[role] + 1)]
    return [*chance.sample(every, len(every)), *chance.choices(every, k=most)][:most]
