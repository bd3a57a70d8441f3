"""The `keyround` command. Parsing here, work elsewhere.

Exit status   0  nothing at or above --fail-on was found
              1  something was found
              2  the command or the configuration is wrong
              3  something that the plan offers could not be read (what was read is in the report),
                 or the disk refused
              141  whoever read the output went away
              130 or 143  stopped by Ctrl-C or SIGTERM; nothing half-written is left

`--help` and `--version` answer from the tables below, before anything is imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .. import __version__

VERBS = {
    "demo": "scan two invented companies and write their workbook; needs no tenant",
    "init": "write keyround.toml, and say what to do in the tenant next",
    "client": "a provider's clients: add, list, invite, test, forget",
    "cert": "make a key pair for a client's application",
    "consent": "show an administrator what to approve, and wait until it works",
    "check": "ask a client's tenants what may be read, and say what is missing",
    "scan": "scan a client's tenants and write the workbook; --m365 or --google DOMAIN: once, without it",
    "run": "scan all clients that are due, each apart from the others; what a scheduler starts",
    "accept": "answer for a risk until a day: it stays in the report, and raises no alarm",
    "report": "write the workbook again from a stored snapshot, without network",
    "reveal": "say who is behind a code such as P-17; every such look is written down",
    "changes": "what is new, worse, fixed or gone since an earlier scan, without network",
    "portfolio": "write one overview of all clients from their stored scans, without network",
    "schedule": "let this computer's scheduler call, and try once whether it can",
    "tidy": "remove what has been kept long enough, and say what went",
    "send": "show and send the messages that wait for you; list, repeat or drop others",
    "status": "how each client stands: last scan, next one, what failed and what to do; --line for monitoring",
    "rules": "what is checked, and why; try rules of your own, and begin new ones",
    "tables": "what is collected: every table and column",
    "completion": "let Tab complete verbs, options and clients in bash, zsh or fish",
}
GEOLOCATION = "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0"  # as its licence asks
EPILOGUE = """\
  keyround VERB --help says more about each.

Exit status: 0 nothing found, 1 something found, 2 command or configuration wrong,
3 something could not be read (the report says what)."""


def usage() -> str:
    verbs = "\n".join(f"  {verb:<12}{about}" for verb, about in VERBS.items())
    return f"Usage: keyround VERB [OPTIONS]\n\nWho can get in with a password alone?\n\n{verbs}\n\n{EPILOGUE}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and give its exit status; never a traceback for something a user can cause."""
    words = list(sys.argv[1:] if argv is None else argv)
    if asked := os.environ.get("_KEYROUND_COMPLETE"):  # by the shell, at Tab
        from .completion import answer

        return answer(asked)
    if not words or words[0] in ("--help", "-h", "help"):
        return _told(usage(), 0 if words else 2)
    if words[0] in ("--version", "-V"):
        return _told(f"keyround {__version__}\n{GEOLOCATION}", 0)
    if words[0] not in VERBS:
        from ..errors import nearest

        print(f"keyround has no verb {words[0]!r}. {nearest(words[0], VERBS)}", file=sys.stderr)
        return 2
    from .invoke import run

    return run(words[0], words[1:])


def _told(text: str, status: int) -> int:
    """Print, and give `status`: what the reader of our output refuses is met here, not at exit."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        return unread()
    return status


def unread() -> int:
    """The exit status where the reader of our output went away; what is in the buffer must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
