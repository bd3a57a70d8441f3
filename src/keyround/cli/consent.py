"""`keyround consent CLIENT`: the link an administrator opens, and with --wait the moment it has worked."""

from __future__ import annotations

import re
import secrets
import sys
import time
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

from .. import setup
from ..config import Client, TenantConfig
from ..connector import Clock
from ..errors import CollectError, ConfigError, NotGranted, WrongTenant
from ..installed import connector
from ..scan import guard, opened
from . import options
from .invoke import verbose
from .whole import fill_in

EVERY = 10.0  # seconds between two looks at the permissions
_THANKS = "Thank you. Keyround has the answer; you can close this window."


class Span(click.ParamType[float]):
    """90s, 20m or 1h, in seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d+)([smh]?)", str(value).strip())
        if not found:
            self.fail(f"{value!r} is not a time such as 90s, 20m or 1h", param, ctx)
        return float(found[1]) * {"": 60, "s": 1, "m": 60, "h": 3600}[found[2]]


@click.command(help="Show the link with which an administrator approves a client's application; with --wait, open it "
                    "and wait until the permissions have arrived.")  # fmt: skip
@options.client
@options.config
@click.option("--wait", is_flag=True, help="Wait for the answer on this computer, and until the permissions work.")
@click.option("--timeout", metavar="SPAN", type=Span(), default="10m", show_default=True, help="How long to wait.")
@click.option("--no-browser", is_flag=True, help="Only show the link: the administrator opens it, here or elsewhere.")
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="The port that waits (default: a free one)."
)
@options.chatty
def command(
    client: str, path: Path | None, wait: bool, timeout: float, no_browser: bool, port: int, chatty: bool
) -> int:
    verbose(chatty)
    config = options.configuration(path)
    chosen = config.client(client)
    tenant, door = _approved(chosen)
    if not wait:
        print(f"An administrator of {chosen.name} opens this link and presses Accept:")
        print(door.consent_link(tenant.settings))
        return 0
    with _Answers(port) as answers:
        link = door.consent_link(tenant.settings, redirect=answers.address, state=answers.state)
        print("An administrator opens this link and presses Accept. On another computer the last page stays empty: "
              "that does no harm.")  # fmt: skip
        print(link, flush=True)
        if not no_browser and not webbrowser.open(link):
            print("No browser could be opened here; open the link by hand.", file=sys.stderr)
        _wait(client, tenant, door, answers, time.monotonic() + timeout)
    print(f"Every permission is there. Next: keyround check {client}")
    return 0


def _approved(client: Client) -> tuple[TenantConfig, setup.SetUp[Any]]:
    """The client's tenant whose application an administrator approves. Raises ConfigError when there is none."""
    reasons = []
    for tenant in client.tenants:
        door = setup.of(connector(tenant.connector))
        if door and door.consent_link(tenant.settings):
            return tenant, door
        reasons.append(getattr(door, "without_consent", ""))
    own = 'Consent is for applications of your own: the section needs client_id and, say, credential = "certificate".'
    raise ConfigError(
        f"No tenant of {client.key!r} has an application to approve.",
        " ".join(dict.fromkeys(reasons)) if all(reasons) else own,
    )


def _wait(client: str, tenant: TenantConfig, door: setup.SetUp[Any], answers: _Answers, until: float) -> None:
    """Until the permissions have arrived. Raises NotGranted when time is up, WrongTenant for another's answer."""
    missing: tuple[str, ...] = ()
    last: CollectError | None = None
    look_at, approved = 0.0, False
    while time.monotonic() < until:
        if (answer := answers.next()) is not None:
            tenant = _answered(client, tenant, door, answer)
            look_at, approved = 0.0, True
        if not tenant.settings.get("tenant_id") or time.monotonic() < look_at:
            continue
        look_at = time.monotonic() + EVERY
        try:
            found = _access(tenant, door)
        except CollectError as error:
            if not setup.waits(connector(tenant.connector), error):
                raise
            last = error
            continue
        if not found.missing and (found.known or approved):
            if not approved and (answer := answers.next()) is not None:  # the browser may still be on its way here
                _answered(client, tenant, door, answer)
            return
        if found.missing and found.missing != missing:
            print(f"Not there yet: {', '.join(found.missing)}.", flush=True)
        missing = found.missing
    lacking = f"These permissions are missing: {', '.join(missing)}." if missing else ""
    raise NotGranted(
        lacking or (last.detail if last else "No administrator has answered."),
        f"Grant them, then run `keyround consent {client} --wait` again; Microsoft may need some minutes.",
        "We waited, and they have not arrived.",
    )


def _answered(client: str, tenant: TenantConfig, door: setup.SetUp[Any], answer: Mapping[str, str]) -> TenantConfig:
    found = door.consented(answer)
    expected = tenant.settings.get("tenant_id")
    if expected and str(expected).lower() != found:
        raise WrongTenant(
            f"The administrator approved the application in the tenant {found}, but {client} is {expected}.",
            "Remove it there (Enterprise applications), and open the link as an administrator of the right tenant.",
        )
    print(f"Approved in the tenant {found}.", flush=True)
    if not expected:
        return fill_in(client, tenant, {"tenant_id": found})
    return replace(tenant, settings={**tenant.settings, "tenant_id": found})


def _access(tenant: TenantConfig, door: setup.SetUp[Any]) -> setup.Access:
    """What a token of this very moment may do. Raises CollectError, ConfigError, WrongTenant."""
    ready = opened(tenant)
    with ready.connector.open(ready.settings, Clock()) as session:
        guard(ready.tenant, ready.connector.identify(session))
        return door.access(session)


class _Answers(HTTPServer):
    """Waits on localhost for the one page to which the provider sends the administrator's browser back.

    Whatever does not carry our `state` is somebody else's, and is left without an answer that helps.
    """

    timeout = 2.0

    def __init__(self, port: int) -> None:
        try:
            super().__init__(("localhost", port), _Handler)
        except OSError as error:
            raise ConfigError(f"Port {port} is taken on this computer.", "Choose another --port, or 0.") from error
        self.state = secrets.token_urlsafe(16)
        self.answer: dict[str, str] | None = None

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_port}"

    def next(self) -> dict[str, str] | None:
        """The answer, when it came within two seconds."""
        self.answer = None
        self.handle_request()
        return self.answer


class _Handler(BaseHTTPRequestHandler):
    server: _Answers
    timeout = 5  # a browser that opens a connection and says nothing must not hold us up

    def do_GET(self) -> None:
        words = dict(parse_qsl(urlsplit(self.path).query))
        ours = secrets.compare_digest(words.get("state", "").encode(), self.server.state.encode())
        if ours:
            self.server.answer = words
        self.send_response(200 if ours else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write((_THANKS if ours else "Not the page that is waited for.").encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the answer."""
