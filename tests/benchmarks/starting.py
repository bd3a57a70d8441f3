"""How long `keyround --help` takes beside an interpreter that does nothing."""

from __future__ import annotations

import subprocess
import sys

from .timing import interleaved, say


def measure() -> None:
    def run(*words: str) -> None:
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)

    ours, bare = interleaved(lambda: run("-m", "keyround", "--help"), lambda: run("-c", "pass"), 15)
    say("keyround --help", ours, bare, "python -c pass")
