"""How much smaller a sheet of one page has to be printed from the HTML page to stand on one: a browser cannot be asked.

A rough measure in points on A4, calibrated with Chromium; browsers and fonts differ, so some room is left.
"""

from __future__ import annotations

from .blocks import Block, Chart, Charts, Figures, Sheet, Text

_ROOM = {False: (760.0, 527.0), True: (510.0, 774.0)}  # height and width, upright and landscape
_LETTER = 4.1  # how wide one of 8 points is, on average
_SIZES = {"title": 16.0, "heading": 10.5, "light": 11.5, "body": 8.8, "note": 7.6, "foot": 7.6}
_AROUND = {"heading": 8.0, "light": 16.0, "foot": 9.0}
_CHART = {"stacked": 48.0, "bars": 8.0, "lines": 140.0}  # in its own units, without what it has a line for each
_LEAST = 0.6  # smaller cannot be read


def scale(sheet: Sheet) -> float:
    """1 where it fits as it is."""
    high, wide = _ROOM[sheet.landscape]
    fits = 1.0
    while fits > _LEAST and sum(_height(block, wide / fits) for block in sheet.blocks) * fits > high:
        fits -= 0.02
    return round(fits, 2)


def _height(block: Block, wide: float) -> float:
    if isinstance(block, Text):
        size = _SIZES[block.style]
        return _lines(block.text, wide, size) * size * 1.35 + _AROUND.get(block.style, 1.5)
    if isinstance(block, Figures):
        valued = any(one.value for one in block.figures)
        parts = (17 / 52, 11 / 52, 24 / 52) if valued else (13 / 47, 0.1, 34 / 47)
        total = 0.0
        for one in block.figures:
            big = 11.0 if block.large else 8.8
            value = _lines(one.value, parts[1] * wide - 24, big) * big * 1.25 + (2 if one.value else 0)
            total += 5 + max(
                _lines(one.label, parts[0] * wide - 9, 9.4) * 12,
                value + (10 if one.before else 0),
                _lines(one.note, parts[2] * wide - 9, 8) * 10.8,
            )
        return total
    return max(map(_chart, block.charts), default=0.0) if isinstance(block, Charts) else 0.0


def _chart(chart: Chart) -> float:
    """Three stand side by side, each in a third of the page."""
    lines = len(chart.categories) * 24 if chart.kind == "bars" else len(chart.series) * 19
    return 30 + (_CHART[chart.kind] + lines) * 0.62


def _lines(text: str, wide: float, size: float) -> int:
    fitting = max(1, int(wide / (_LETTER * size / 8)))
    return sum(max(1, -(-len(line) // fitting)) for line in text.splitlines())
