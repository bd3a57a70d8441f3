"""Sheets as plain text: for golden files, mails and terminals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from ..words import say
from .blocks import Block, Cell, Charts, Figures, Link, Sheet, Table, Text
from .clean import clean


def render(sheet: Sheet) -> str:
    """One line per paragraph, figure and row; tones in square brackets, so that a test sees them."""
    lines = [f"# {clean(sheet.name)}"]
    for block in sheet.blocks:
        lines += _lines(block)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _lines(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        heading = block.style in ("title", "heading")
        yield f"{chr(10) + '## ' if heading else ''}{_flat(block.text)}{_tone(block.tone)}"
    elif isinstance(block, Figures):
        for figure in block.figures:
            value = f" | {' '.join(clean(figure.value).split())}{_tone(figure.tone)}" if figure.value else ""
            before = f" ({_flat(figure.before)})" if figure.before else ""
            yield f"{_flat(figure.label)}{value}{before} | {_flat(figure.note)}"
    elif isinstance(block, Charts):
        for chart in block.charts:
            yield f"[{chart.kind}] {_flat(chart.title)}: {_flat(chart.told)}"
    else:
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    yield ""
    yield " | ".join(_flat(column.title) for column in table.columns)
    empty = True
    for row in table.rows:
        empty = False
        yield " | ".join(_cell(value) for value in row)
    if empty:
        yield f"({_flat(table.empty)})"


def _cell(value: Cell) -> str:
    if value is None:
        return "-"
    if isinstance(value, Link):
        return _flat(value.text)
    if isinstance(value, bool):
        return say("yes" if value else "no")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return value.isoformat() if isinstance(value, date) else _flat(str(value))


def _flat(text: str) -> str:
    return " / ".join(clean(text).splitlines())


def _tone(tone: str) -> str:
    return "" if tone == "plain" else f" [{tone}]"
