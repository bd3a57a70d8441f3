"""A run that is killed at one of its steps, and the runs after it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.smtp import SMTP

from keyround.config import read
from keyround.provider.telling import Outbox
from keyround.store import ClientStore, runs
from tests.traces import sealed

ROOT = Path(__file__).parents[2]
ROLES = ("runner", "child", "both", "sender")
LOCKS = {".lock", ".run-lock", ".notes-lock", ".sending", ".changing"}


@dataclass
class Post:
    """What arrived at the mail server, each message by its id."""

    arrived: Counter[str] = field(default_factory=Counter)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        content = envelope.content  # type: ignore[attr-defined]
        self.arrived[str(message_from_bytes(content)["Message-ID"])] += 1
        return "250 OK"


@contextmanager
def post() -> Iterator[tuple[Post, int]]:
    """A mail server on a port that is free, in a thread of its own."""
    sink, loop, ready = Post(), asyncio.new_event_loop(), threading.Event()
    servers: list[asyncio.Server] = []

    async def serve() -> None:
        servers.append(await loop.create_server(lambda: SMTP(sink, loop=loop), "127.0.0.1", 0))
        ready.set()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()
        servers[0].close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield sink, servers[0].sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


@dataclass
class Practice:
    """A keyround.toml, the environment in which it works, and whether its clients are played."""

    file: Path
    environment: Mapping[str, str]
    post: Post
    lean: bool = True

    @property
    def store(self) -> Path:
        return read(self.file).store

    def run(self, at: datetime, role: str = "", step: int = 0) -> list[dict[str, str]]:
        """One run; its rows. The process of the role dies at the step; at 0 each leaves the number of its steps."""
        environment = {**os.environ, **self.environment}
        path = [str(ROOT / name) for name in ("src", "connectors", "fixtures", ".")]
        if role:
            path.insert(0, str(Path(__file__).parent / "mortal"))
            environment["MORTAL"] = f"{role} {step} {self.store} {self.steps}"
        environment["PYTHONPATH"] = os.pathsep.join(path)
        words = [sys.executable, "-m", "tests.soak.drive", str(self.file), at.isoformat(), *["lean"] * self.lean]
        done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert "Traceback" not in done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    @property
    def steps(self) -> Path:
        return self.file.with_name("steps")

    def counted(self, at: datetime) -> dict[str, int]:
        """One undisturbed run; how many steps the process of each role takes."""
        rows = self.run(at, "nobody")
        assert {row["outcome"] for row in rows} == {"scanned"}, rows
        found = {role: int(self.steps.with_suffix(f".{role}").read_text()) for role in ("runner", "child", "sender")}
        return {**found, "both": found["child"]}

    def killed(self, role: str, step: int, slot: datetime, thorough: bool) -> None:
        """One slot in which the process of this role dies at a step, and whatever comes after it. Asserts. `thorough`:
        until a run has found nothing more to do.
        """
        before = sealed(self.store)
        sent = Counter(self.post.arrived)
        at = slot + timedelta(minutes=5)
        self.run(at, role, step)
        said = f"{role} died at step {step}"
        for _ in range(40):
            at += timedelta(hours=1)
            rows = self.run(at)
            if any(row["outcome"] == "busy" for row in rows):
                at -= timedelta(hours=1)
                time.sleep(0.2)  # what the run left behind goes on by itself
            elif all(row["outcome"] == "nothing" or not (thorough or row["failure"]) for row in rows):
                break
        else:
            raise AssertionError(f"{said}: it never came to rest")
        after = sealed(self.store)
        assert before.items() <= after.items(), said
        for client in read(self.file).clients:
            root, stamps = self.store / client, ClientStore(self.store, client).stamps()
            new = [
                stamp
                for stamp in stamps
                if f"scans/{stamp}/" not in " ".join(before) and stamp >= f"{slot:%Y%m%dT%H%M%SZ}"
            ]
            assert len(new) == 1, (said, new)
            ClientStore(self.store, client).snapshot(new[0])
            run = runs.read(root)
            assert run.reported == new[0] and not run.failure and not run.started, (said, run)
            messages = [one for one in Outbox(root).messages() if one.about == new[0]]
            assert messages and all(one.state in ("sent", "unknown") for one in messages), (said, messages)
            assert role == "sender" or all(one.state == "sent" for one in messages), (said, messages)
            assert not unfinished(root), (said, unfinished(root))
        assert all(count == 1 for count in (self.post.arrived - sent).values()), (said, self.post.arrived)


def unfinished(root: Path) -> list[str]:
    """What only lies there while somebody is writing."""
    return [
        path.relative_to(root).as_posix()
        for path in root.rglob(".*")
        if path.name not in LOCKS and path.name != ".attempts" and not path.name.endswith(".lock")
    ]
