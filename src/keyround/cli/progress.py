"""What is being read, while it is being read: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..connector import Cost, Incomplete, NotOffered, Outcome
from ..scan import Progress


@contextmanager
def shown() -> Iterator[Progress]:
    """A Progress that writes to standard error."""
    if not sys.stderr.isatty():
        with _plain() as progress:
            yield progress
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("Signing in …") as status:
        under_way: list[str] = []

        def live(tenant: str, dataset: str, outcome: Outcome | Cost | None) -> None:
            name = dataset.replace("_", " ")
            if outcome is None:
                under_way.append(name)
            else:
                console.print(_line(tenant, dataset, outcome), markup=False, highlight=False)
                under_way[:] = [other for other in under_way if other != name]
            if under_way:
                status.update(f"{clean(tenant)}: reading {', '.join(under_way)} …")

        yield live


@contextmanager
def _plain() -> Iterator[Progress]:
    """A scan that is stopped says what it was about: nobody watched it."""
    under_way, about = dict[str, None](), "signing in"

    def plain(tenant: str, dataset: str, outcome: Outcome | Cost | None) -> None:
        nonlocal about
        name, about = f"{clean(tenant)}: {dataset.replace('_', ' ')}", "judging what was read"
        if outcome is None:
            under_way[name] = None
        else:
            under_way.pop(name, None)
            print(_line(tenant, dataset, outcome), file=sys.stderr)

    try:
        yield plain
    except KeyboardInterrupt:
        reading = f"reading {', '.join(under_way)}"
        print(f"Stopped while {reading if under_way else about}.", file=sys.stderr)
        raise


def _line(tenant: str, dataset: str, outcome: Outcome | Cost) -> str:
    if isinstance(outcome, Cost):
        requests = sum(outcome.requests.values())
        said = f"{requests:,} request{'s' * (requests != 1)}, waited {outcome.waited:,.0f} s"
    elif isinstance(outcome, NotOffered):
        said = "not offered"
    else:
        said = f"not read: {outcome.error.detail}" if isinstance(outcome, Incomplete) else f"{outcome.rows:,} rows"
        said += f", without {', '.join(outcome.without)}" if outcome.without else ""
    return f"{clean(tenant)}: {dataset.replace('_', ' ')}: {said}"


def clean(text: str) -> str:
    """A tenant chooses its own name: nothing in it may steer the terminal."""
    return "".join(c for c in text if c.isprintable())[:60]
