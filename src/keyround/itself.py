"""How a process of Keyround starts another one of the same Keyround."""

from __future__ import annotations

import sys


def command(*words: str) -> list[str]:
    """`keyround` with these words, whatever stands in PATH: the bundle has no Python beside it to ask for `-m`."""
    itself = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "keyround"]
    return [*itself, *words]
