"""The schedulers' own commands: found on PATH, run without a shell, their answer as a value."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """`status` 127: there is no such command here; 124: it did not end."""

    status: int
    out: bytes = b""
    err: str = ""

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def said(self) -> str:
        """What a person is shown of a refusal: on one line."""
        return " ".join(f"{self.err} {self.out.decode(errors='replace')}".split())[:400] or f"exit status {self.status}"


def tool(*words: str, given: bytes = b"") -> Ran:
    """Run one, in the language that programs can read."""
    if not (found := shutil.which(words[0])):
        return Ran(127, err=f"there is no {words[0]} here")
    try:
        ran = subprocess.run(
            [found, *words[1:]], input=given, capture_output=True, timeout=PATIENCE, env={**os.environ, "LC_ALL": "C"}
        )
    except subprocess.TimeoutExpired:
        return Ran(124, err=f"{words[0]} did not end within {PATIENCE:.0f} seconds")
    except OSError as error:
        return Ran(126, err=f"{words[0]}: {error.strerror}")
    return Ran(ran.returncode, ran.stdout, ran.stderr.decode(errors="replace"))


def has(name: str) -> bool:
    return shutil.which(name) is not None


def outputs(ran: Ran) -> dict[str, str]:
    """KEY=value lines, as `systemctl show` writes them."""
    pairs: Sequence[tuple[str, str, str]] = [
        line.partition("=") for line in ran.out.decode(errors="replace").split("\n")
    ]
    return {key: value.strip() for key, equals, value in pairs if equals}
