"""Stands in for the process of one client: seals a few rows, lays one mail into the queue, and says how it ended.

What it does to the disk, and in which order, is what `keyround scan` and `keyround report` do.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from keyround.config import read
from keyround.provider import telling
from keyround.provider.ended import told
from keyround.store import ClientStore

from ..sealing import seal
from .simulated import Asked


def main() -> None:
    asked = Asked(sys.argv[1:])
    config = read(Path(asked["config"]))
    client = config.client(asked.client)
    with told(Path(asked["scheduled"])) as end:
        if asked.verb == "scan":
            tenants = [(str(one.settings["tenant_id"]), one.connector, client.key) for one in client.tenants]
            end.stamp = seal(ClientStore(config.store, client.key), asked.at, *tenants).folder.name
        else:
            end.stamp = asked["snapshot"]
        at = datetime.strptime(end.stamp, "%Y%m%dT%H%M%SZ")
        telling.mail(config, client, f"chef@{client.key}.example", "Report", "Ready.", end.stamp, at)


if __name__ == "__main__":
    main()
