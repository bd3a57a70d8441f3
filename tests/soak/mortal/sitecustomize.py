"""Put on a process's path, it kills the process at its Nth step on the disk of the store, before that step is done.

MORTAL = "ROLE N FOLDER FILE": the process of that role (runner, child, sender) dies; "both": the child, and just
before it the runner. At N = 0 nobody dies, and each process leaves the number of its steps in FILE.ROLE. A step is
whatever Python does to a file below FOLDER (opening it for writing, renaming, making, removing), a process that is
started, or a connection.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from pathlib import Path

CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def role() -> str:
    said = sys.orig_argv
    if "tests.soak.drive" in said:
        return "runner"
    if "send" in said:
        return "sender"
    return "child" if {"scan", "report"} & set(said) else ""


def arm(dying: str, at: int, folder: str, file: str) -> None:
    steps, lock = [0], threading.Lock()

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not (isinstance(flags, int) and flags & WRITING):
                return
        elif event in CHANGES:
            path = arguments[0]
        elif event in ("subprocess.Popen", "socket.connect"):
            path = folder
        else:
            return
        if not str(path).startswith(folder):
            return
        with lock:
            steps[0] += 1
            if steps[0] != at:
                return
        if dying == "both":
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    if not at:
        atexit.register(lambda: Path(f"{file}.{role()}").write_text(str(steps[0])))


if said := os.environ.get("MORTAL"):
    who, number, store, count = said.split(" ")
    if role() and (role() == ("child" if who == "both" else who) or number == "0"):
        arm(who, int(number), store, count)
