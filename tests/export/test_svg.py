"""Charts as SVG: every number stands in them as text, and what is not known is never drawn as 0."""

from __future__ import annotations

from xml.etree import ElementTree

from keyround.export.blocks import Chart, Series
from keyround.export.svg import svg

_PROTECTION = (Series("Protected", (31,), "good"), Series("With gaps", (0,), "warn"), Series("<None>", (None,), "bad"))


def drawn(chart: Chart) -> tuple[ElementTree.Element, list[str]]:
    root = ElementTree.fromstring(svg(chart, "c1"))
    assert root.get("aria-labelledby") == "c1-t c1-d" and root.get("role") == "img"
    assert [root.findtext("title"), root.findtext("desc")] == [chart.title, chart.told]
    return root, [str(text.text) for text in root.iter("text")]


def test_a_stacked_bar_names_every_part_also_those_without_a_share() -> None:
    root, texts = drawn(Chart("Protection", "stacked", ("People",), _PROTECTION, "31 & more."))
    assert texts == ["31", "Protected", "31", "With gaps", "0", "<None>", "Not known"]
    assert [rect.get("class") for rect in root.iter("rect") if rect.get("height") == "34"] == ["f-good"]
    nobody = Chart("Protection", "stacked", ("People",), (Series("Protected", (0,), "good"),))
    assert [rect.get("class") for rect in drawn(nobody)[0].iter("rect")] == ["empty", "f-good"]


def test_bars_have_their_numbers_beside_them() -> None:
    chart = Chart("Countries", "bars", ("Portugal", "Nigeria", "Iran"), (Series("Sign-ins", (1200, 0, None)),))
    root, texts = drawn(chart)
    assert texts == ["Portugal", "1,200", "Nigeria", "0", "Iran", "Not known"]
    widths = [float(str(rect.get("width"))) for rect in root.iter("rect")]
    assert len(widths) == 2 and widths[0] > 100 and widths[1] == 0


def test_a_line_is_broken_where_nothing_was_known() -> None:
    chart = Chart("Trend", "lines", ("Aug", "Sep", "Oct", "Nov", "Dec"), (
        Series("People", (20, 24, None, 26, 31), "good"), Series("Nothing", (None,) * 5),
        Series("One", (None, 3, None, None, None)),
    ))  # fmt: skip
    root, texts = drawn(chart)
    lines = [
        path.get("d", "")
        for path in root.iter("path")
        if str(path.get("class")).startswith("line") and "H" not in path.get("d", "")
    ]
    assert [line.count("M") for line in lines] == [2, 1] and [line.count("L") for line in lines] == [2, 0]
    assert texts == [
        "0",
        "10",
        "20",
        "30",
        "40",
        "Aug",
        "Oct",
        "Dec",
        "People",
        "31",
        "Nothing",
        "Not known",
        "One",
        "Not known",
    ]
    for empty in ((), ("Now",)):
        drawn(Chart("Trend", "lines", empty, (Series("People", (None,) * len(empty)),)))
