"""Pages into wire structs through each connector, beside a plain httpx + msgspec loop over the same pages;
then rows into sealed Parquet; then whether memory grows with the number of pages.

The pretend cloud runs in a process of its own and has every page encoded
before anything is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httplib2
import httpx
import msgspec

from keyround.connector import Arrived, DataSet, Window, Without, collect
from keyround.installed import connector
from keyround.store import ClientStore

from ..napping import Nap
from .timing import interleaved, say, seconds

AIM = {"m365": "1.6x", "google": "1.3x"}


@contextmanager
def served(provider: str, accounts: int, sign_ins: int, *more: str) -> Iterator[dict[str, Any]]:
    words = ["--generated", provider, "--accounts", str(accounts), "--sign-ins", str(sign_ins), *more]
    with subprocess.Popen(
        [sys.executable, "-m", "keyround_fixtures", *words], stdout=subprocess.PIPE, text=True
    ) as cloud:
        assert cloud.stdout
        try:
            yield json.loads(cloud.stdout.readline())
        finally:
            cloud.terminate()


def measure(provider: str, accounts: int, sign_ins: int) -> None:
    with served(provider, accounts, sign_ins) as cloud:
        until = datetime.fromisoformat(cloud["now"]).replace(tzinfo=None)
        window = Window(until - timedelta(days=30), until)
        reader = connector(provider)
        own, url = ("tenant_id", "graph_url") if provider == "m365" else ("customer_id", "api_url")
        settings = {own: cloud["tenant_id"], "credential": "token", "token": cloud["token"], url: cloud["url"]}
        events = {"m365": "sign_ins", "google": "login_activities"}[provider]
        with reader.open(settings, Nap().clock) as session:
            for name, count in (("users", accounts), (events, sign_ins)):
                dataset = next(d for d in reader.datasets if d.name == name)
                _pages(provider, dataset, session, window, cloud, f"{provider} {name}, {count:,}")
            _sealed(reader, session, window, until, events, sign_ins)
        _memory(provider, settings, window, events)


def _pages(
    provider: str, dataset: DataSet[Any, Any], session: Any, window: Window, cloud: dict[str, Any], what: str
) -> None:
    module = sys.modules[dataset.rows.__module__]
    shape = next(kind for name, kind in vars(module).items() if name in ("_Users", "_SignIns", "Users", "Activities"))
    ours: Callable[[], None] = lambda: _drain(dataset.pages(session, window), shape)  # noqa: E731
    urls = _recorded(provider, dataset, session, window)  # this walk also warms the cloud

    def bare() -> None:
        with httpx.Client(headers={"authorization": f"Bearer {cloud['token']}"}, timeout=120) as http:
            for address in urls:
                msgspec.json.decode(http.get(address).content, type=shape)

    mine, floor = interleaved(ours, bare, 3)
    say(f"{what}: pages to wire structs", mine, floor, "httpx + msgspec", AIM[provider])


def _drain(pages: Iterator[Any], shape: Any) -> None:
    for page in pages:
        bodies = (
            page if isinstance(page, tuple) else (page if isinstance(page, bytes) else getattr(page, "body", None),)
        )
        for body in filter(None, bodies):
            msgspec.json.decode(body, type=shape)


def _recorded(provider: str, dataset: DataSet[Any, Any], session: Any, window: Window) -> list[str]:
    """The addresses a walk through the data set asks for, learnt by asking."""
    asked: list[str] = []
    owner, name = (httpx.AsyncClient, "send") if provider == "m365" else (httplib2.Http, "request")
    before = getattr(owner, name)

    def note(self: Any, request: Any, *rest: Any, **more: Any) -> Any:
        asked.append(str(getattr(request, "url", request)))
        return before(self, request, *rest, **more)

    setattr(owner, name, note)
    try:
        _drain(dataset.pages(session, window), Any)
    finally:
        setattr(owner, name, before)
    return asked


def _sealed(reader: Any, session: Any, window: Window, until: datetime, events: str, count: int) -> None:
    dataset = next(d for d in reader.datasets if d.name == events)
    pages = [page for page in dataset.pages(session, window) if not isinstance(page, Without | Arrived)]
    with tempfile.TemporaryDirectory() as folder:
        store = ClientStore(Path(folder), "bench")
        with store.locked():
            draft = store.begin(until)
            with draft.writer("t", reader.name, events, dataset.fills[0]) as write:
                converted = seconds(lambda: [write(list(dataset.rows(page))) for page in pages])
            settled = seconds(lambda: draft.settle("t", events, window, True))
            draft.freeze()
            draft.readable({"tenants": []})
            draft.seal(None)
    rate = count / (converted + settled)
    steps = f"rows into Parquet {converted:.2f} s, by day and sealed {settled:.2f} s, {rate:,.0f} rows/s"
    print(f"{reader.name} {events}, {count:,}: {steps}")


def _memory(provider: str, settings: dict[str, Any], window: Window, events: str) -> None:
    peaks = {}
    for share in (0.2, 1.0):
        since = window.until - (window.until - window.since) * share
        words = {"provider": provider, "settings": settings, "events": events,
                 "since": since.isoformat(), "until": window.until.isoformat()}  # fmt: skip
        done = subprocess.run([sys.executable, "-m", "tests.benchmarks.collecting", json.dumps(words)],
                              check=True, capture_output=True, text=True)  # fmt: skip
        rows, peak = map(int, done.stdout.split())
        peaks[share] = (rows, peak)
    (few, low), (many, high) = peaks[0.2], peaks[1.0]
    growth = f"{high >> 10} MiB for {many:,} rows, {low >> 10} MiB for {few:,}: {high / low:.2f}x"
    print(f"{provider} {events}: peak memory {growth}")


def _alone(words: dict[str, Any]) -> None:
    """Collect one data set into a draft and print rows and peak memory in KiB."""
    reader = connector(words["provider"])
    dataset = next(d for d in reader.datasets if d.name == words["events"])
    window = Window(datetime.fromisoformat(words["since"]), datetime.fromisoformat(words["until"]))
    with tempfile.TemporaryDirectory() as folder, reader.open(words["settings"], Nap().clock) as session:
        store = ClientStore(Path(folder), "bench")
        with store.locked():
            draft = store.begin(window.until)
            with draft.writer("t", reader.name, dataset.name, dataset.fills[0]) as write:
                outcome = collect(dataset, session, window, write)
            draft.settle("t", dataset.name, window, True)
            draft.discard()
    # Not ru_maxrss: a child inherits the peak of the process that started it.
    (peak,) = [
        line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    ]
    print(outcome.rows, peak)  # type: ignore[union-attr]


if __name__ == "__main__":
    _alone(json.loads(sys.argv[1]))
