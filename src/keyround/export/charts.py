"""Charts as Excel's own. Part of workbook.py; it too knows openpyxl.

Data        stands in hidden rows below the sheet, which both Excel and LibreOffice draw; the
            charts hold a copy besides, for previews in mails and on phones
Unknown     values leave a gap and are named as such; they are never drawn as 0
Place       from the sheet's left edge to its right one, whatever a program makes of the
            columns' widths; all over one tall row that is reserved for them
"""

from __future__ import annotations

import math
from typing import Any

from openpyxl.chart import BarChart, LineChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.label import DataLabel, DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.legend import Legend
from openpyxl.chart.marker import Marker
from openpyxl.chart.series import Series as ExcelSeries
from openpyxl.chart.series import SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.drawing.text import RichTextProperties as BodyProperties

from ..words import say
from . import look
from .blocks import Chart, Charts, Series
from .clean import short
from .helper import Below

HEIGHT = 168.0  # points
_ABOVE = 5.0  # points between a row's edges and its charts
_MOST_HEIGHT = 400.0
_MOST_LYING = 12  # bars; more of them stand upright
_MOST_NAME = 60
_GAP = 0.012  # of the sheet's width, between two charts
_SHARES = {"stacked": 4, "bars": 4, "lines": 5}  # of the width
_STEPS = 4  # lines across a chart over time
_AS_IT_FITS = -60_000_000  # no angle, so Excel's own word for leaving it to the program; 0 lets LibreOffice break words
_EMU_PER_POINT = 12_700
_EMU_PER_PIXEL = 9_525
_PIXELS = 6  # a character of the default font at 96 dots an inch
_LETTER = 4.6  # points that a letter of an axis takes


def known(chart: Chart) -> bool:
    return any(value is not None for one in chart.series for value in one.values)


def in_words(chart: Chart) -> str:
    """For those who see no picture, and where there is none."""
    return chart.told or (chart.title if known(chart) else say("chart.not_known", name=chart.title))


def height(block: Charts) -> float:
    """Of the row that the charts need, in points."""
    most = max((len(one.categories) for one in block.charts if one.kind == "bars" and _lying(one)), default=0)
    return min(_MOST_HEIGHT, max(HEIGHT, 60.0 + 17 * most))


def draw(ws: Any, block: Charts, row: int, widths: list[int], below: Below) -> None:
    """Every chart with any value, over row number `row`, which is as tall as `height` says."""
    drawn = [one for one in block.charts if known(one)]
    pixels = [math.trunc((256 * width + 128 // _PIXELS) / 256 * _PIXELS) for width in widths]
    shares = [_SHARES[chart.kind] for chart in drawn]
    for number, chart in enumerate(drawn):
        left, right = (sum(shares[:end]) / sum(shares) for end in (number, number + 1))
        made = _chart(chart, below, sum(pixels) * (right - left) * 0.75)
        begin = _marker(pixels, left + (_GAP / 2 if number else 0), row, _ABOVE)
        end = _marker(pixels, right - (_GAP / 2 if number < len(drawn) - 1 else 0), row, height(block) - _ABOVE)
        made.anchor = _Told(_from=begin, to=end, editAs="oneCell")
        made.anchor.told, made.anchor.name = in_words(chart), chart.title
        ws.add_chart(made)


class _Told(TwoCellAnchor):
    """A place that knows what is said to those who see no picture; openpyxl itself has no room for that."""

    __elements__ = TwoCellAnchor.__elements__
    __attrs__ = TwoCellAnchor.__attrs__
    told = name = ""

    def __setattr__(self, key: str, value: Any) -> None:
        if key == "graphicFrame" and value is not None:
            shown = value.nvGraphicFramePr.cNvPr
            shown.descr, shown.name = short(self.told, 1_000), f"{shown.id} {short(self.name, _MOST_NAME)}"
        super().__setattr__(key, value)


def _marker(pixels: list[int], share: float, row: int, down: float) -> AnchorMarker:
    """The point at `share` of the sheet's width, `down` points below the upper edge of `row`."""
    below = {"row": row - 1, "rowOff": round(down * _EMU_PER_POINT)}
    at = share * sum(pixels)
    for number, width in enumerate(pixels):
        if at < width:
            return AnchorMarker(col=number, colOff=round(at * _EMU_PER_PIXEL), **below)
        at -= width
    return AnchorMarker(col=len(pixels), **below)


def _chart(chart: Chart, below: Below, wide: float) -> Any:
    made: Any = LineChart() if chart.kind == "lines" else BarChart()
    for axis in (made.x_axis, made.y_axis):
        axis.delete, axis.title, axis.majorGridlines = False, None, None
        axis.majorTickMark = axis.minorTickMark = "none"
        axis.txPr = _style(8, look.QUIET)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=look.LINE))
    _fill(made, chart, below)
    most = max(value for one in chart.series for value in one.values if value is not None)
    {"stacked": _stacked, "bars": _bars, "lines": _lines}[chart.kind](made, chart, most, wide)
    made.title = _title(short(chart.title, _MOST_NAME))
    made.legend = Legend(legendPos="b", txPr=_style(8, look.INK)) if len(chart.series) > 1 else None
    made.graphical_properties = GraphicalProperties(solidFill="FFFFFF", ln=LineProperties(solidFill=look.LINE))
    made.plot_area.graphicalProperties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    made.roundedCorners = made.varyColors = False
    made.visible_cells_only = False  # its cells are in hidden rows
    made.display_blanks = "gap"
    return made


def _stacked(made: Any, chart: Chart, most: float, wide: float) -> None:
    """Lying, as long as the plot is wide, with the number in each part."""
    made.type, made.grouping, made.overlap, made.gapWidth = "bar", "stacked", 100, 35
    made.x_axis.delete = made.y_axis.delete = True
    made.x_axis.scaling.orientation = "maxMin"
    sums = [sum(one.values[at] or 0 for one in chart.series) for at in range(len(chart.categories))]
    made.y_axis.scaling.min, made.y_axis.scaling.max = 0, max(sums) or 1
    for drawn, (fill, ink) in zip(made.series, _colours(chart.series), strict=True):
        drawn.graphicalProperties = _solid(fill, edge="FFFFFF")
        drawn.dLbls = _labels(chart, "ctr", ink)


def _bars(made: Any, chart: Chart, most: float, wide: float) -> None:
    lying = _lying(chart)
    made.type, made.grouping, made.gapWidth = "bar" if lying else "col", "clustered", 45
    made.y_axis.delete = True
    made.y_axis.scaling.min, made.y_axis.scaling.max = 0, (most or 1) * 1.15  # room for the number at its end
    if lying:
        made.x_axis.scaling.orientation = "maxMin"  # the first on top
    else:
        made.x_axis.tickLblSkip = _skip(chart, wide)
    for drawn, (fill, _) in zip(made.series, _colours(chart.series), strict=True):
        drawn.graphicalProperties = _solid(fill)
        drawn.dLbls = _labels(chart, "outEnd", look.INK)


def _lines(made: Any, chart: Chart, most: float, wide: float) -> None:
    """Over time: a point where something is known, a line between neighbours, the last one with its number."""
    step = _step(most)
    made.y_axis.scaling.min, made.y_axis.scaling.max = 0, step * max(1, math.ceil(most / step))
    made.y_axis.majorUnit, made.y_axis.number_format = step, _format(chart)
    made.y_axis.majorGridlines = _grid()
    made.y_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(noFill=True))
    made.x_axis.tickLblSkip = _skip(chart, wide)
    made.x_axis.number_format = "@"
    shapes: tuple[Any, ...] = ("circle", "square", "triangle", "diamond")
    for number, (drawn, one, (fill, _)) in enumerate(
        zip(made.series, chart.series, _colours(chart.series), strict=True)
    ):
        drawn.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=fill, w=28_575))
        drawn.marker = Marker(symbol=shapes[number % len(shapes)], size=6, spPr=_solid(fill, edge="FFFFFF"))
        drawn.smooth = False
        last = max((at for at, value in enumerate(one.values) if value is not None), default=None)
        if last is not None:
            label = DataLabel(idx=last, dLblPos="t", numFmt=_format(chart), txPr=_style(9, look.INK, True), **_SHOWN)
            drawn.dLbls = DataLabelList(dLbl=[label], **_SHOWN | {"showVal": False})


def _fill(made: Any, chart: Chart, below: Below) -> None:
    """The data: into the hidden rows, and as references to it with a copy of what stands there."""
    silent = [all(one.values[at] is None for one in chart.series) for at in range(len(chart.categories))]
    unnamed = chart.kind == "lines"  # a gap in a line speaks for itself
    categories = [
        say("chart.not_known", name=name) if none and not unnamed else name
        for name, none in zip((short(name, _MOST_NAME) for name in chart.categories), silent, strict=True)
    ]
    names = [
        say("chart.not_known", name=short(one.title, _MOST_NAME)) if not any(v is not None for v in one.values)
        else short(one.title, _MOST_NAME)
        for one in chart.series
    ]  # fmt: skip
    top = below.add([short(chart.title, _MOST_NAME), *names])
    for at, name in enumerate(categories):
        below.add([name, *(one.values[at] for one in chart.series)], _format(chart))
    first, last = top + 1, top + len(categories)
    for number, (one, name) in enumerate(zip(chart.series, names, strict=True)):
        column = number + 2
        values = [NumVal(idx=at, v=str(value)) for at, value in enumerate(one.values) if value is not None]
        numbers = NumRef(numCache=NumData(formatCode=_format(chart), ptCount=len(categories), pt=values))
        series = ExcelSeries(
            idx=number,
            order=number,
            tx=SeriesLabel(strRef=below.promise(_strings([name]), column, top, top)),
            cat=AxDataSource(strRef=below.promise(_strings(categories), 1, first, last)),
            val=NumDataSource(numRef=below.promise(numbers, column, first, last)),
        )
        made.series.append(series)


def _strings(said: list[str]) -> StrRef:
    return StrRef(strCache=StrData(ptCount=len(said), pt=[StrVal(idx=at, v=one) for at, one in enumerate(said)]))


_SHOWN = {"showVal": True, "showLegendKey": False, "showCatName": False, "showSerName": False, "showPercent": False,
          "showBubbleSize": False}  # fmt: skip


def _labels(chart: Chart, place: str, ink: str) -> DataLabelList:
    return DataLabelList(dLblPos=place, numFmt=_format(chart), txPr=_style(9, ink, True), **_SHOWN)


def _format(chart: Chart) -> str:
    """Whole numbers as such; a part of nothing is not labelled. The programs write their own signs."""
    whole = all(value is None or float(value).is_integer() for one in chart.series for value in one.values)
    return ("#,##0" if whole else "#,##0.0") + (";;" if chart.kind == "stacked" else "")


def _colours(series: tuple[Series, ...]) -> list[tuple[str, str]]:
    """A fill for each and the ink on it; those without a tone take the shades in turn."""
    shades = iter(look.SHADES * (len(series) // len(look.SHADES) + 1))
    return [look.STRONG[one.tone] if one.tone in look.STRONG else (next(shades), "FFFFFF") for one in series]


def _lying(chart: Chart) -> bool:
    return len(chart.categories) <= _MOST_LYING


def _step(most: float) -> float:
    """Between two lines of a scale: 1, 2 or 5, or ten times that, or ..."""
    if most <= _STEPS:
        return 1
    scale = 10.0 ** math.floor(math.log10(most / _STEPS))
    return next(scale * one for one in (1, 2, 5, 10) if scale * one * _STEPS >= most)


def _skip(chart: Chart, wide: float) -> int:
    """Every how many categories one is named, so that names lie flat, on some lines, and do not touch."""
    longest = max(len(word) for name in chart.categories for word in short(name, _MOST_NAME).split() or [""])
    room = max(1, int(wide * 0.85 // (longest * _LETTER + 6)))
    return max(1, math.ceil(len(chart.categories) / room))


def _solid(fill: str, edge: str = "") -> GraphicalProperties:
    return GraphicalProperties(
        solidFill=fill, ln=LineProperties(solidFill=edge, w=12_700) if edge else LineProperties(noFill=True)
    )


def _grid() -> Any:
    from openpyxl.chart.axis import ChartLines

    return ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill="E9ECEF", w=6_350)))


def _letters(size: float, ink: str, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=round(size * 100), b=bold, solidFill=ink, latin=Font(typeface=look.FONT))


def _style(size: float, ink: str, bold: bool = False) -> RichText:
    """How the letters of an axis, a legend or a label look."""
    letters = ParagraphProperties(defRPr=_letters(size, ink, bold))
    return RichText(
        bodyPr=BodyProperties(rot=_AS_IT_FITS), p=[Paragraph(pPr=letters, endParaRPr=CharacterProperties())]
    )


def _title(said: str) -> Title:
    letters = _letters(10, look.ACCENT, bold=True)
    run = RegularTextRun(rPr=letters, t=said)
    rich = RichText(bodyPr=BodyProperties(), p=[Paragraph(pPr=ParagraphProperties(defRPr=letters), r=[run])])
    left = Layout(manualLayout=ManualLayout(xMode="edge", yMode="edge", x=0.02, y=0.03))
    return Title(tx=Text(rich=rich), layout=left, overlay=False)
