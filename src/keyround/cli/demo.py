"""`keyround demo`: two invented companies, the real SDKs, a workbook.

The pretend clouds listen on the loopback address only and speak like Microsoft
Graph and Google Workspace; everything else is the same code that scans a real
tenant.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC
from pathlib import Path

import click

from ..config import Client, TenantConfig
from ..connector import Clock
from ..engine import rule
from ..geo import Atlas
from ..judging import reported
from ..presentation import Presentation, Provider
from ..scan import scan
from ..store import ClientStore
from ..terms import from_json
from . import options
from .progress import shown
from .written import write


@click.command(help="Scan two invented companies, one on Microsoft 365 and one on Google, and write their workbook.")
@click.option("--plan", type=click.Choice(["premium", "standard"]), default="premium", show_default=True,
              help="standard: the Microsoft company without Entra ID P1, as many small ones are.")  # fmt: skip
@options.output
@options.formats
@options.language
def command(plan: str, output: Path, formats: tuple[str, ...], language: str | None) -> int:
    from keyround_fixtures import PLACES, Cloud, load
    from keyround_fixtures.tenants import planted

    taken_at = options.now()
    today = taken_at.replace(tzinfo=UTC)
    microsoft, google = load("m365", now=today, plan=plan), load("google", now=today)
    microsoft.looks = 0  # nobody wants to wait for an invented answer
    with Cloud(microsoft, google) as cloud, tempfile.TemporaryDirectory(prefix="keyround-demo-") as folder:
        os.environ["KEYROUND_DEMO_M365"] = cloud.token("m365")
        os.environ["KEYROUND_DEMO_GOOGLE"] = cloud.token("google")
        client = Client("demo", "Hollenstedt Group", (
            TenantConfig("m365", {
                "connector": "m365", "tenant_id": microsoft.id, "credential": "token",
                "token": "env:KEYROUND_DEMO_M365", "graph_url": cloud.url,
            }, Path()),
            TenantConfig("google", {
                "connector": "google", "customer_id": google.id, "credential": "token",
                "token": "env:KEYROUND_DEMO_GOOGLE", "api_url": cloud.url,
            }, Path()),
        ), terms=from_json(planted.terms(today)))  # fmt: skip
        store = ClientStore(Path(folder), client.key)
        rules = rule.load()
        with shown() as progress:
            snapshot, judged = scan(client, store, rules, taken_at, 30, Clock(), progress, atlas=Atlas(PLACES))
        presentation = options.presented(Presentation(provider=Provider("keyround demo")), language)
        with reported(snapshot, store, rules, presentation=presentation, judged=judged) as done:
            write(done, output, "high", store, formats)
    return 0
