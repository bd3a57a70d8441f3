"""Charts as SVG for the page: pure text out of plain data, coloured by the page's style sheet through classes.

Every picture has a title and a description for those who do not see it, and its numbers stand in it as text. Tones are
told apart by their words and places too, lines by their marks: nobody has to see a colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from ..words import say
from .blocks import Chart, Series
from .clean import clean, short

WIDE = 280
_LABEL = 106  # what the words left of a bar may take
_LETTER = 6.4  # how wide one of them is, on average
_ROW, _BAR, _LEGEND = 24, 34, 19
_MARKS = (
    '<circle cx="{x}" cy="{y}" r="3.5"/>',
    '<path d="M{x} {y}m-4-4h8v8h-8z"/>',
    '<path d="M{x} {y}m0-5l5 9h-10z"/>',
    '<path d="M{x} {y}m0-5l5 5-5 5-5-5z"/>',
)
_DASHES = ("", "7 3", "2 3", "7 3 2 3")


def svg(chart: Chart, id: str) -> str:
    """`<svg>…</svg>`. `id` must be the only one of its kind on the page."""
    draw = {"stacked": _stacked, "bars": _bars, "lines": _lines}[chart.kind]
    parts, height = draw(chart)
    return (
        f'<svg viewBox="0 0 {WIDE} {height:g}" role="img" aria-labelledby="{id}-t {id}-d">'
        f'<title id="{id}-t">{_safe(chart.title)}</title><desc id="{id}-d">{_safe(chart.told)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def _stacked(chart: Chart) -> tuple[list[str], float]:
    """A bar for each category, and under it every part by name and number, also one that is 0 or not known."""
    parts: list[str] = []
    y = 0.0
    for number, category in enumerate(chart.categories):
        if len(chart.categories) > 1:
            parts.append(_text(0, y + 13, category))
            y += _LEGEND
        known = [(one, value) for one in chart.series if (value := one.values[number])]
        parts += _segments(known, y)
        y += _BAR + 8
        for one in chart.series:
            value = one.values[number]
            parts.append(_swatch(one, 0, y + 4))
            parts.append(_text(18, y + 14, short(one.title, 30)))
            parts.append(_text(WIDE, y + 14, _number(value), "end strong" if value is not None else "end quiet"))
            y += _LEGEND
        y += 6
    return parts, y


def _segments(known: list[tuple[Series, float]], y: float) -> Iterator[str]:
    total = sum(value for _, value in known)
    if not total:
        yield f'<rect class="empty" x="0" y="{y:g}" width="{WIDE}" height="{_BAR}"/>'
    x = 0.0
    for one, value in known:
        width = value / total * WIDE
        drawn = max(1.0, width - 2)
        yield f'<rect class="f-{one.tone}" x="{x:.1f}" y="{y:g}" width="{drawn:.1f}" height="{_BAR}"/>'
        said = _number(value)
        if drawn > len(said) * 8 + 8:
            yield f'<text class="in i-{one.tone}" x="{x + drawn / 2:.1f}" y="{y + 22:g}">{_safe(said)}</text>'
        x += width


def _bars(chart: Chart) -> tuple[list[str], float]:
    """Words left, bars in the middle, numbers right of them; all series of a category together."""
    parts: list[str] = []
    y = 0.0
    most = max((value for one in chart.series for value in one.values if value is not None), default=0) or 1
    end = max((len(_number(value)) for one in chart.series for value in one.values), default=1) * _LETTER + 8
    room = WIDE - _LABEL - end
    thin = _ROW if len(chart.series) == 1 else 17
    for number, category in enumerate(chart.categories):
        parts.append(_text(_LABEL - 8, y + 16, short(category, int(_LABEL / _LETTER) - 1), "end"))
        for one in chart.series:
            value = one.values[number]
            width = max(value / most * room, 2 if value else 0) if value is not None else 0
            if value is not None:
                parts.append(f'<rect class="f-{one.tone}" x="{_LABEL}" y="{y + 3:g}" width="{width:.1f}" '
                             f'height="{thin - 6}"/>')  # fmt: skip
            style = "strong" if value is not None else "quiet"
            parts.append(_text(_LABEL + width + 6, y + thin / 2 + 4.5, _number(value), style))
            y += thin
        y += 0 if len(chart.series) == 1 else 6
    parts.append(f'<path class="axis" d="M{_LABEL} 0V{y:g}"/>')
    if len(chart.series) > 1:
        y += 4
        parts += _legend(chart.series, y)
        y += _LEGEND * len(chart.series)
    return parts, y + 2


def _lines(chart: Chart) -> tuple[list[str], float]:
    """A line for each series; where a value is not known it is broken, not drawn as 0. The newest stands below."""
    values = [value for one in chart.series for value in one.values if value is not None]
    steps = _steps(max(values, default=0))
    left, right, top, bottom = max(len(_number(step)) for step in steps) * _LETTER + 10, WIDE - 10.0, 8.0, 112.0

    def across(number: int) -> float:
        return left + (right - left) * (number / (len(chart.categories) - 1) if len(chart.categories) > 1 else 0.5)

    def up(value: float) -> float:
        return bottom - (bottom - top) * value / steps[-1]

    parts: list[str] = []
    for step in steps:
        parts.append(f'<path class="{"grid" if step else "axis"}" d="M{left:g} {up(step):.1f}H{right:g}"/>')
        parts.append(_text(left - 6, up(step) + 4, _number(step), "end quiet"))
    for number in _named(len(chart.categories)):
        place = "start" if number == 0 and len(chart.categories) > 1 else "mid"
        place = "end" if number == len(chart.categories) - 1 and number else place
        parts.append(_text(across(number), bottom + 17, short(chart.categories[number], 16), f"{place} quiet"))
    for index, one in enumerate(chart.series):
        points = [None if v is None else (across(n), up(v)) for n, v in enumerate(one.values)]
        parts += _line(one, points, index)
    y = bottom + 26
    parts += _legend(chart.series, y, lines=True)
    return parts, y + _LEGEND * len(chart.series) + 2


def _line(one: Series, points: Sequence[tuple[float, float] | None], index: int) -> Iterator[str]:
    pen, way = "M", ""
    for point in points:
        if point is None:
            pen = "M"
            continue
        way += f"{pen}{point[0]:.1f} {point[1]:.1f}"
        pen = "L"
    dashes = f' stroke-dasharray="{dash}"' if (dash := _DASHES[index % len(_DASHES)]) else ""
    if way:
        yield f'<path class="line l-{one.tone}" d="{way}"{dashes}/>'
    for point in points:
        if point:
            yield _mark(one, index, *point)


def _legend(series: Sequence[Series], y: float, lines: bool = False) -> Iterator[str]:
    for index, one in enumerate(series):
        if lines:
            dashes = f' stroke-dasharray="{dash}"' if (dash := _DASHES[index % len(_DASHES)]) else ""
            yield f'<path class="line l-{one.tone}" d="M0 {y + 10:g}H26"{dashes}/>{_mark(one, index, 13, y + 10)}'
        else:
            yield _swatch(one, 0, y + 4)
        yield _text(34 if lines else 18, y + 14, short(one.title, 30))
        if lines:
            newest = one.values[-1] if one.values else None
            yield _text(WIDE, y + 14, _number(newest), "end strong" if newest is not None else "end quiet")
        y += _LEGEND


def _mark(one: Series, index: int, x: float, y: float) -> str:
    return f'<g class="f-{one.tone}">{_MARKS[index % len(_MARKS)].format(x=round(x, 1), y=round(y, 1))}</g>'


def _swatch(one: Series, x: float, y: float) -> str:
    return f'<rect class="f-{one.tone}" x="{x:g}" y="{y:g}" width="11" height="11"/>'


def _text(x: float, y: float, text: str, style: str = "") -> str:
    styled = f' class="{style}"' if style else ""
    return f'<text{styled} x="{x:.1f}" y="{y:.1f}">{_safe(text)}</text>'


def _number(value: float | None) -> str:
    if value is None:
        return say("not_known")
    return say("number", n=int(value)) if value == int(value) else f"{value:.1f}"


def _steps(most: float) -> list[float]:
    """0 and two to five round numbers above it, the last of which is no smaller than `most`."""
    if most <= 0:
        return [0, 1]
    unit = 10.0 ** math.floor(math.log10(most))
    step = next(unit * f for f in (0.2, 0.5, 1, 2, 5) if most / (unit * f) <= 5)
    step = max(step, 1.0)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def _named(count: int) -> list[int]:
    """Which moments are written under the axis: few enough not to touch."""
    if count <= 3:
        return list(range(count))
    return [0, (count - 1) // 2, count - 1]


def _safe(text: str) -> str:
    return escape(clean(text))
