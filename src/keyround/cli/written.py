"""Writing what a scan found, saying it in a few lines, and the exit status it deserves."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.results import Scan
from ..engine.rule import SEVERITIES
from ..errors import HARMLESS, NotEnabled
from ..presentation import FORMATS
from ..store import ClientStore
from .progress import clean

if TYPE_CHECKING:
    from ..config import Client, Config
    from ..export.edited import Edited
    from ..handover import Handed
    from ..provider.ended import Ended

_CALLED = {"xlsx": "Workbook:", "json": "Results: ", "html": "Page:    ", "csv": "Sheets:  "}


def write(
    scan: Scan,
    folder: Path,
    fail_on: str,
    store: ClientStore,
    formats: Sequence[str] = FORMATS[:2],
    carry: Sequence[Edited] = (),
    end: Ended | None = None,
    then: Callable[[Scan, Handed], object] | None = None,
) -> int:
    """Write the report into `folder`; gives the exit status. `carry`: what people sent back, `end`: what a run is told
    of it, `then`: what is done with it. Raises StoreError.
    """
    from ..export import accepted
    from ..export.clean import short
    from ..handover import hand_over

    handed = hand_over(scan, folder, store, fail_on, formats, carry)
    for remark in handed.remarks:
        print(short(remark, 400), file=sys.stderr)
    _say_gaps(scan)
    for tenant in scan.tenants:
        for notice in tenant.notices:
            print(f"{clean(tenant.name)}: {notice}", file=sys.stderr)
    for line in (*(f"{mistake.detail} {mistake.remedy}" for mistake in scan.mistakes), *accepted.loud(handed.scan)):
        print(short(line, 400), file=sys.stderr)
    counts = Counter(finding.severity for finding in scan.findings if finding.counts)
    found = ", ".join(f"{counts[level]} {level}" for level in SEVERITIES if counts[level]) or "nothing"
    signed = sum(finding.state == "accepted" for finding in scan.findings)
    print(f"Found: {found}{f'; {signed} more accepted' if signed else ''}.")
    for kind, path in handed.paths.items():
        print(f"{_CALLED[kind]} {path}")
    if end:
        end.paths = {kind: str(path.resolve()) for kind, path in handed.paths.items()}
        end.new = sum(finding.state == "new" for finding in handed.scan.findings)
        end.incomplete = tuple(sorted({error.kind for _, _, error in scan.gaps() if not isinstance(error, HARMLESS)}))
    if then:
        then(scan, handed)
    return status(scan, fail_on)


def carried(paths: Sequence[Path], client: str, store: ClientStore) -> tuple[Edited, ...]:
    """The workbooks of `--carry`, read before anything else is done. Raises ConfigError."""
    if not paths:
        return ()
    from ..handover import handed_in

    return handed_in(paths, client, store)


def telling(
    config: Config, client: Client, scheduled: Path | None, now: datetime
) -> Callable[[Scan, Handed], object] | None:
    """What a scheduled report does besides: it lays down whom to tell of it. None where nobody scheduled it."""
    if scheduled is None:
        return None
    from ..provider import telling

    return lambda scan, handed: telling.queue(config, client, scan, handed, now)


def status(scan: Scan, fail_on: str) -> int:
    """Silence about something that should be there outranks findings elsewhere; the JSON says both."""
    if not scan.complete:
        return 3
    serious = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    return int(any(finding.counts and finding.severity in serious for finding in scan.findings))


def _say_gaps(scan: Scan) -> None:
    """Each reason once: what could not be read, what that means, what helps. Modules nobody wants take one line."""
    said: dict[tuple[str, str], list[str]] = {}
    off: dict[str, None] = {}
    for covered, column, error in scan.gaps():
        if covered.module and not column and isinstance(error, NotEnabled):
            off[covered.module] = None
            continue
        consequences = said.setdefault((error.detail, error.remedy), [])
        if error.therefore not in consequences:
            consequences.append(error.therefore)
    for (detail, remedy), therefore in said.items():
        print("\n".join(filter(None, [detail, *therefore, remedy])), end="\n\n", file=sys.stderr)
    if off:
        print(f"Optional and switched off: {', '.join(off)}. Not checked says what each would add.", file=sys.stderr)
