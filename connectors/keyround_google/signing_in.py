"""A person signs in with a browser: OAuth for installed apps, answered on this computer.

The address is always shown, so that it can be opened by hand where no browser
starts; only an answer that carries our own state is believed, and the code in
it is worth nothing without the verifier that never left this process.

Source  https://developers.google.com/identity/protocols/oauth2/native-app
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec

from keyround.connector import decoder
from keyround.errors import ConfigError, Expired, NotGranted, Unexpected

from .settings import Client, SignedIn

PATIENCE = 300.0
"""Seconds a person has to sign in."""
_THANKS = "Thank you. Keyround has the answer; you can close this window."
_DECLINED = {
    "access_denied": (
        "The sign-in was declined, or the account may not use this application.",
        "Sign in again and allow what is asked for. If Google said that the application is being tested: Google Cloud "
        "console > Google Auth Platform > Audience > Test users, add the account there.",
    ),
    "admin_policy_enforced": (
        "The tenant does not let people use this application.",
        "Admin console > Security > Access and data control > API controls > App access control: trust the client id "
        "{client}.",
    ),
}


class _Kept(msgspec.Struct):
    client_id: str
    refresh_token: str
    scopes: list[str]
    ends: str = ""


def sign_in(
    client: Client, scopes: Sequence[str], post: Callable[[str, Mapping[str, str]], Mapping[str, Any]], who: str = ""
) -> SignedIn:
    """What the person granted, which may be less than `scopes`.

    `post` sends a form to an address and gives the answer's JSON, raising the error for a refusal; `who` is the
    account or domain to suggest. Raises NotGranted when the person declines, Expired when nobody comes.
    """
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    with _Answers() as answers:
        asked = {
            "client_id": client.id,
            "redirect_uri": answers.address,
            "response_type": "code",
            "scope": " ".join(scopes),
            "state": answers.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "access_type": "offline",
            "prompt": "select_account consent",
            "hd" if who and "@" not in who else "login_hint": who,
        }
        link = f"{client.auth_uri}?{urlencode({name: value for name, value in asked.items() if value})}"
        print(f"Sign in in the browser that opens, or open this address on this computer:\n{link}", file=sys.stderr,
              flush=True)  # fmt: skip
        _open(link)
        answer = answers.wait(PATIENCE)
    if "code" not in answer:
        raise _declined(answer, client)
    granted = post(client.token_uri, {
        "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": asked["redirect_uri"],
        "client_id": client.id, "client_secret": client.secret, "code_verifier": verifier,
    })  # fmt: skip
    if not granted.get("access_token"):
        raise Unexpected("Google answered the sign-in without a token.")
    said = granted.get("scope")  # RFC 6749: left out where everything was granted
    return SignedIn(
        refresh_token=str(granted.get("refresh_token") or ""),
        scopes=tuple(said.split()) if isinstance(said, str) else tuple(scopes),
        ends=_after(granted.get("refresh_token_expires_in")),
        access_token=str(granted["access_token"]),
        expires=_after(granted.get("expires_in")),
    )


def kept(path: str, client: Client) -> SignedIn | None:
    """The sign-in that `keep` wrote; None where there is none for this client. Raises ConfigError."""
    try:
        found = decoder(_Kept).decode(Path(path).expanduser().read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"`token_file`: {path} cannot be read ({error.strerror}).") from error
    except (msgspec.DecodeError, UnicodeError):
        return None
    if found.client_id != client.id or not found.refresh_token:
        return None
    return SignedIn(found.refresh_token, tuple(found.scopes), found.ends)


def keep(path: str, client: Client, person: SignedIn) -> None:
    """Write the sign-in for this user alone, whole or not at all. Raises ConfigError."""
    target = Path(path).expanduser()
    whole = _Kept(client.id, person.refresh_token, list(person.scopes), person.ends)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".new-", dir=target.parent)  # for this user alone
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(whole))
        try:
            os.replace(name, target)
        except OSError:
            with suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise ConfigError(
            f"`token_file`: {path} cannot be written ({error.strerror}).", "Name a file in a folder of your own."
        ) from error


def forget(path: str) -> None:
    """The sign-in is worth nothing any more: the next command asks the person again."""
    with suppress(OSError):
        Path(path).expanduser().unlink()


def _open(link: str) -> None:
    try:
        opened = webbrowser.open(link)
    except webbrowser.Error:
        opened = False
    if not opened:
        print("No browser could be opened here.", file=sys.stderr, flush=True)


def _declined(answer: Mapping[str, str], client: Client) -> NotGranted:
    word = answer.get("error", "")
    said = f"Google did not complete the sign-in ({word or 'no reason given'})."
    detail, remedy = _DECLINED.get(word, (said, "Sign in again; Google's page says more."))
    return NotGranted(detail, remedy.format(client=client.id), code=word)


def _after(seconds: object) -> str:
    """An ISO instant, naive UTC, so many seconds from now; "" where there is no number."""
    try:
        return (datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=int(str(seconds)))).isoformat()
    except (ValueError, OverflowError):
        return ""


class _Answers(HTTPServer):
    """Waits on the loopback for the one page to which Google sends the browser back.

    Whatever does not carry our `state` is somebody else's, and is left without an answer that helps.
    """

    timeout = 0.25

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.state = secrets.token_urlsafe(24)
        self.answer: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def wait(self, seconds: float) -> dict[str, str]:
        until = time.monotonic() + seconds
        while not self.answer:
            if time.monotonic() > until:
                raise Expired(
                    "Nobody completed the sign-in in time.",
                    "Run the command again, and sign in within five minutes. If Google showed an error instead of its "
                    "consent page, that page says why.",
                )
            self.handle_request()
        return self.answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up early is no news."""


class _Page(BaseHTTPRequestHandler):
    server: _Answers
    timeout = 5  # a browser that opens a connection and says nothing must not hold us up

    def do_GET(self) -> None:
        words = dict(parse_qsl(urlsplit(self.path).query))
        ours = secrets.compare_digest(words.get("state", "").encode(), self.server.state.encode())
        if ours and ("code" in words or "error" in words):
            self.server.answer = words
        self.send_response(200 if ours else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write((_THANKS if ours else "Not the page that is waited for.").encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address holds the answer."""
