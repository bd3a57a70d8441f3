"""One verb, run; whatever goes wrong becomes sentences and an exit status."""

from __future__ import annotations

import io
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

import click

from ..errors import CollectError, KeyroundError, StoreError, denied
from . import unread


def run(verb: str, words: Sequence[str]) -> int:
    command: click.Command = import_module(f"keyround.cli.{verb}").command
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name must not break a terminal that lacks its letters
    stopped: list[int] = []

    def stop(number: int, frame: object) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        status = command.main(list(words), prog_name=f"keyround {verb}", standalone_mode=False)
        print(end="", flush=True)  # what the reader of our output refuses is met here, not at exit
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt, RuntimeError):
        if not stopped:
            raise
        # DuckDB answers a signal with a RuntimeError of its own.
        print("Stopped. Nothing half-written is left; earlier snapshots and reports are as they were.", file=sys.stderr)
        return 128 + stopped[0]
    except KeyroundError as error:
        say(error)
        return 3 if isinstance(error, CollectError | StoreError) else 2
    except (BrokenPipeError, SystemExit):  # click itself leaves for one reason only, with 1, which means a finding here
        return unread()
    except OSError as error:  # a full or forbidden disk where no layer below has better words for it
        say(denied(error))
        return 3
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def say(error: KeyroundError) -> None:
    """The three sentences, one a line."""
    for sentence in filter(None, (error.detail, error.therefore, error.remedy)):
        print(sentence, file=sys.stderr)


def verbose(on: bool) -> None:
    """Log our own requests and waits; the libraries' logs could hold tokens and stay off."""
    if on:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        for name in ("keyround", "keyround_m365", "keyround_google"):
            logging.getLogger(name).addHandler(handler)
            logging.getLogger(name).setLevel(logging.DEBUG)
