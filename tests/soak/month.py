"""`python -m tests.soak.month PLAN`: the runner's process through a simulated month, hour by hour.

PLAN is JSON: config, since, until, away (pairs of instants), alike (clients that fail the same way every time), played
(those that are well and get no process of their own: client -> [tenant, connector]). Prints a line of JSON for each
row, and for each day how much memory the process holds.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

from keyround.config import read

from .simulated import Stage, called, healthy, hours, resident

BACK = timedelta(minutes=50)
"""By so much the clock is put back once a week, and put right an hour later."""


def main(plan: str) -> None:
    said = json.loads(Path(plan).read_text("utf-8"))
    config = read(Path(said["config"]))
    since, until = (datetime.fromisoformat(said[key]) for key in ("since", "until"))
    away = [(datetime.fromisoformat(first), datetime.fromisoformat(last)) for first, last in said["away"]]
    tenants = {client: (*tenant, client) for client, tenant in said["played"].items()}
    stage = Stage(
        since, dict.fromkeys(tenants, healthy(config, tenants)), pace=10.0, alike=dict.fromkeys(said["alike"])
    )
    for number, _ in enumerate(hours(stage, since, until, away)):
        if number % 168 == 100:
            stage.now -= BACK
        for row in called(config, stage):
            failure = [row.failure.kind, row.failure.detail, row.failure.remedy] if row.failure else []
            say(at=stage.now.isoformat(), client=row.client, outcome=row.outcome, failure=failure)
        if not number % 24:
            say(day=stage.now.isoformat(), held=resident())


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
