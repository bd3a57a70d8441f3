"""What stands in for a person's browser: follows one link as a signed-in administrator who agrees to everything.

BROWSER="python tests/browser.py %s" makes Python's webbrowser use it, and with KEYROUND_TEST_BROWSER=none fail.
`Follower` is the same within a process, which is quicker.
"""

from __future__ import annotations

import html
import os
import re
import sys
import threading
import webbrowser
from typing import Any

import httpx


def follow(link: str) -> None:
    """Open the link; where the page posts a form by itself or sends the browser on, do that."""
    with httpx.Client(verify=False, timeout=20) as client:
        answer = client.get(link)
        if answer.is_redirect:
            client.get(answer.headers["location"])
        elif form := re.search(r'<form method="POST" name="hiddenform" action="([^"]+)">', answer.text):
            fields = re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text)
            client.post(html.unescape(form[1]), data={name: html.unescape(value) for name, value in fields})


class Follower(webbrowser.BaseBrowser):
    """For `webbrowser` to open links with, at once and in the background."""

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        threading.Thread(target=follow, args=(url,)).start()
        return True


def browse(monkeypatch: Any, browser: webbrowser.BaseBrowser | None) -> None:
    """Let this be the only browser there is until the test is over; None: there is none."""
    monkeypatch.setattr(webbrowser, "_tryorder", ["test"] if browser else [])
    monkeypatch.setitem(webbrowser._browsers, "test", [None, browser])  # type: ignore[attr-defined]


if __name__ == "__main__":
    if os.environ.get("KEYROUND_TEST_BROWSER") == "none":
        sys.exit(1)
    # The browser that Python starts must return at once: who waits for the answer is the one who started it.
    if os.fork() == 0:
        follow(sys.argv[1])
        os._exit(0)
