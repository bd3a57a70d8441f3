"""How a process of Keyround, or the system's scheduler, starts this very Keyround."""

from __future__ import annotations

import sys


def command(*words: str) -> list[str]:
    """`keyround` with these words, whatever stands in PATH.

    -P: a module called keyround in the working folder is not it. The bundle has no Python beside it to ask for `-m`.
    """
    itself = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-P", "-m", "keyround"]
    return [*itself, *words]
