"""Writing the workbook of a large tenant, against openpyxl's write-only mode with the same cells and no looks;
then whether its memory grows with the number of rows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from openpyxl import Workbook

from keyround.export import workbook
from keyround.export.blocks import Cell, Column, Sheet, Table, Tone

from .timing import interleaved, say

SEEN = datetime(2026, 11, 20, 8)
TONES: dict[str, Tone] = {"Protected": "good", "With gaps": "warn", "Not protected": "bad"}
PEOPLE = (18, 38, 12, 10, 13, 20, 12, 21, 30, 19, 14, 14)  # widths of the sheets People and Sign-ins abroad
ABROAD = (20, 38, 10, 12, 15, 17, 10, 14, 10, 10, 10, 11, 14, 14, 18)


def measure(people: int, sign_ins: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        taken, bare = interleaved(
            lambda: ours(Path(folder, "ours.xlsx"), people, sign_ins),
            lambda: _bare(Path(folder, "bare.xlsx"), people, sign_ins),
            3,
        )
    say(f"workbook, {people:,} people, {sign_ins:,} sign-ins", taken, bare, "openpyxl write-only", "1.5x")
    small, large = (_peak(people // part, sign_ins // part) for part in (10, 1))
    print(f"{'':<58} {large:6.0f} MB at most, {large / small:.2f}x of that for a tenth of the rows", flush=True)


def ours(path: Path, people: int, sign_ins: int) -> None:
    path.unlink(missing_ok=True)
    one = Table("people", tuple(Column(f"C{n}", width, TONES) for n, width in enumerate(PEOPLE)), _people(people))
    two = Table("abroad", tuple(Column(f"C{n}", width, TONES) for n, width in enumerate(ABROAD)), _sign_ins(sign_ins))
    about = workbook.Properties("Bench", "bench", "Bench", SEEN)
    workbook.write([Sheet("People", (one,)), Sheet("Sign-ins abroad", (two,))], path, about)


def _bare(path: Path, people: int, sign_ins: int) -> None:
    book = Workbook(write_only=True)
    for title, rows in (("People", _people(people)), ("Sign-ins abroad", _sign_ins(sign_ins))):
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)


def _people(count: int) -> Iterator[tuple[Cell, ...]]:
    for n in range(count):
        state = list(TONES)[n % 3]
        demanded = "MFA for all" if n % 3 else None
        gaps = "not from the office network, not for legacy apps" if n % 5 else None
        role = "Global Administrator" if n % 50 == 0 else None
        yield (f"Zoë Müller {n}", f"person.{n}@bench.example", "Microsoft", "Member", state, "Authenticator app, SMS",
               "Strong", demanded, gaps, role, SEEN - timedelta(minutes=n), "Germany, Austria")  # fmt: skip


def _sign_ins(count: int) -> Iterator[tuple[Cell, ...]]:
    for n in range(count):
        yield (f"Zoë Müller {n % 50_000}", f"person.{n % 50_000}@bench.example", "Member", "Microsoft", "Portugal",
               "Success" if n % 2 else "Blocked", n % 9, "on a trip" if n % 7 == 0 else None, n % 3, None, 0, "No",
               SEEN - timedelta(hours=n % 700), SEEN, f"198.51.100.{n % 255}, 203.0.113.{n % 255}")  # fmt: skip


def _peak(people: int, sign_ins: int) -> float:
    """Megabytes that a process of its own needs at most."""
    # Not ru_maxrss: a child inherits the peak of the process that started it.
    code = (
        "import sys, tempfile, pathlib; from tests.benchmarks.handing import ours\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        f"    ours(pathlib.Path(folder, 'a.xlsx'), {people}, {sign_ins})\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return int(said) / 1024
