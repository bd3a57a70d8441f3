"""A year of weekly scans of a large tenant: how much each seals, and how long the fold over all of them takes."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from keyround import history
from keyround.connector import Window
from keyround.engine import sealed
from keyround.store import ClientStore, stamped

from .timing import seconds

BEGUN = datetime(2026, 1, 5, 6)
FAILING = (0.0, 0.0, 0.0005, 0.002, 0.01, 0.05)  # how large a part of the accounts fails a rule
CHANGED = 0.001  # of the verdicts from one scan to the next


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
    scope = [chance.choices("-p", (0.1, 0.9), k=accounts) for _ in range(3)]  # members, enabled, with a licence
    said = [list(scope[number % 3]) for number in range(rules)]
    for number, letters in enumerate(said):
        for place in chance.sample(range(accounts), int(FAILING[number % len(FAILING)] * accounts)):
            letters[place] = "f"
        for place in chance.sample(range(accounts), accounts // 200):
            letters[place] = "u"
    for number in range(scans):
        taken_at = BEGUN + timedelta(weeks=number)
        answers = {
            ("t", f"rule-{rule:02}"): sealed.Answer("A title", "low", "digest", "state", "accounts", True, True,
                                                    "".join(letters), {}, directory)
            for rule, letters in enumerate(said)
        }  # fmt: skip
        window = Window(taken_at - timedelta(days=30), taken_at)
        yield sealed.as_json(sealed.Sealed(taken_at, window, {"t": directory}, answers))
        for letters in said:
            for place in chance.sample(range(accounts), int(CHANGED * accounts)):
                letters[place] = "p" if letters[place] == "f" or chance.random() < 0.9 else "f"
