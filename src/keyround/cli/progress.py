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
        yield _plain
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


def _plain(tenant: str, dataset: str, outcome: Outcome | Cost | None) -> None:
    if outcome is not None:
        print(_line(tenant, dataset, outcome), file=sys.stderr)


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
