"""`python -m tests.soak.drive CONFIG AT [lean]`: one run, in a process of its own, at an instant that one names.

`lean`: a client's process is `tests.soak.lean`, which takes a moment; else it is the real one. Prints a line of JSON
for each row.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from keyround.config import read
from keyround.provider import process, runner, telling
from keyround.provider.attempt import Row
from keyround.provider.world import World


class Lean:
    """The stand-in's process."""

    def __init__(self, words: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        with process.opened(log) as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.lean", *words], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(environment), start_new_session=True,
            )  # fmt: skip

    def poll(self) -> int | None:
        return self.process.poll()

    def stop(self, hard: bool) -> None:
        os.killpg(self.process.pid, signal.SIGKILL if hard else signal.SIGTERM)


def main(file: str, at: str, lean: str = "") -> None:
    config, now = read(Path(file)), datetime.fromisoformat(at)

    def launch(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> process.Process:
        return (Lean if lean and words[0] != "send" else process.launch)(words, log, environment)

    def follows(key: str, row: Row) -> list[tuple[str, Sequence[str]]]:
        waits = telling.pending(config.store / key, now)
        return [(key, ("send", key, "--queued", "--config", file))] if waits else []

    world = World(lambda: now, time.monotonic, time.sleep, launch, lambda: False)
    for row in runner.run(config, list(config.clients), world, 2, hooks=runner.Hooks(follows=follows)):
        kind = row.failure.kind if row.failure else ""
        print(json.dumps({"client": row.client, "outcome": row.outcome, "failure": kind, "why": row.why}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
