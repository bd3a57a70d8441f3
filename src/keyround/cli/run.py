"""One verb, run; whatever goes wrong becomes sentences and an exit status."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ..errors import CollectError, KeyroundError, StoreError


def run(verb: str, words: Sequence[str]) -> int:
    command: click.Command = import_module(f"keyround.cli.{verb}").command
    try:
        status = command.main(list(words), prog_name=f"keyround {verb}", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        print("Stopped. Nothing half-written is left; earlier snapshots and reports are as they were.", file=sys.stderr)
        return 130
    except KeyroundError as error:
        say(error)
        return 3 if isinstance(error, CollectError | StoreError) else 2
    except BrokenPipeError:  # the reader of our output went away
        sys.stderr.close()
        return 0


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
