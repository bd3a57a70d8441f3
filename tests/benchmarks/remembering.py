"""A year of weekly scans of a large tenant: how much each seals, and how long the fold over all of them takes."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from keyround import history
from keyround.connector import Window
from keyround.engine import sealed
from keyround.engine.results import Evaluated, Judged, Verdict
from keyround.engine.rule import Rule, parse
from keyround.store import ClientStore, stamped

from .timing import seconds

BEGUN = datetime(2026, 1, 5, 6)
FAILING = (0.0, 0.0, 0.0005, 0.002, 0.01, 0.05)  # how large a part of the accounts fails a rule
CHANGE = 0.002  # of the verdicts from one scan to the next


def measure(accounts: int, rules: int = 40, scans: int = 52) -> None:
    with TemporaryDirectory() as folder:
        store = ClientStore(Path(folder), "bench")
        for number, found in enumerate(_scans(accounts, rules, scans)):
            home = store.scans / stamped(BEGUN + timedelta(weeks=number))
            home.mkdir(parents=True)
            (home / "results.json").write_text(json.dumps(found), "utf-8")
        bytes_each = sum(path.stat().st_size for path in store.scans.glob("*/results.json")) / scans
        texts = [path.read_text("utf-8") for path in store.scans.glob("*/results.json")]
        bare = seconds(lambda: [json.loads(text) for text in texts])
        taken = seconds(lambda: history.remembered(store))
        history.settle(store, store.stamps()[-2])
        based = seconds(lambda: history.remembered(store))
    what = f"{scans} scans, {accounts:,} accounts, {rules} rules: {bytes_each / 1e6:.2f} MB each, folded"
    print(f"{what:<58} {taken:8.3f} s  (json alone {bare:.3f} s)   from a sealed ledger {based:.3f} s", flush=True)


def _scans(accounts: int, rules: int, scans: int) -> Iterator[dict[str, object]]:
    chance = random.Random(1)
    ids = sorted(str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(accounts))
    directory = sealed.Directory("Bench", tuple(ids), True, {key: f"{key[:12]}@bench.example" for key in ids})
    asked = [_rule(number) for number in range(rules)]
    verdicts: list[dict[str, Verdict]] = [
        {key: chance.choices(("pass", "fail", "unknown"), (1, FAILING[number % len(FAILING)], 0.01))[0]  # type: ignore[misc]
         for key in ids if chance.random() < 0.9}
        for number in range(rules)
    ]  # fmt: skip
    for number in range(scans):
        taken_at = BEGUN + timedelta(weeks=number)
        results = [Evaluated(rule, "t", tuple(Judged(*said) for said in of.items()))
                   for rule, of in zip(asked, verdicts, strict=True)]  # fmt: skip
        window = Window(taken_at - timedelta(days=30), taken_at)
        yield sealed.as_json(sealed.seal(taken_at, window, {"t": directory}, results))
        for of in verdicts:
            for key in chance.sample(ids, int(CHANGE * len(of) / 10)):
                of[key] = chance.choices(("pass", "fail"), (9, 1))[0]  # type: ignore[assignment]


def _rule(number: int) -> Rule:
    return parse(f"rule-{number:02}", """
        title = "x"\nseverity = "low"\ntopic = "accounts"\nnature = "state"\nsubject = "accounts"
        effort = "hours"\naction = "x"\nwhy = "x"\nfix = {}\nreferences = []
        select = "select account_id as subject, enabled as failing from accounts"
    """)  # fmt: skip


if __name__ == "__main__":
    begun = time.perf_counter()
    measure(50_000)
    print(f"all of it {time.perf_counter() - begun:.1f} s")
