"""The page in a real browser, without a network: it works, it asks for nothing, and everybody can use it.

The browser is the Chromium that $KEYROUND_CHROMIUM names, else the first found on the PATH.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import axe_core_python
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from keyround.export import page, sheets
from keyround.export.blocks import Chart, Charts, Column, Link, Series, Sheet, Table, Text

from .invented import SECOND, company

CHROMIUM = next(
    filter(None, map(shutil.which, (os.environ.get("KEYROUND_CHROMIUM", ""), "chromium", "chromium-browser",
                                    "google-chrome"))), None)  # fmt: skip
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ROWS = 300
pytestmark = pytest.mark.skipif(
    CHROMIUM is None,
    reason="No Chromium was found: install your system's chromium, or name one in KEYROUND_CHROMIUM.",
)

_CHARTS = Charts((
    Chart("Protection", "stacked", ("People",), (Series("Protected", (31,), "good"), Series("With gaps", (6,), "warn"),
          Series("None", (5,), "bad"), Series("Unknown", (3,), "unknown"), Series("Accepted", (9,), "signed")), "31."),
    Chart("Trend", "lines", ("Oct", "Nov", "Dec"), (Series("People", (20, None, 24), "good"),), "From 20 to 24."),
    Chart("Countries", "bars", ("Portugal", "Iran"), (Series("Sign-ins", (7, None)),), "Portugal 7."),
))  # fmt: skip
_SEVERITIES = ("High", "Low", "Critical", "Medium")
_LARGE = Table(
    "large",
    (Column("Name"), Column("Severity", 10, {"Critical": "bad", "High": "bad", "Medium": "warn"}), Column("Count"),
     Column("Day"), Column("Where", 20)),
    tuple(
        (f"Person {number * 7 % ROWS}", _SEVERITIES[number % 4], None if number == 5 else number * 1.5 - 9,
         date(2026, 1 + number % 12, 1 + number % 28), Link("Admin centre", "https://entra.example/"))
        for number in range(ROWS)
    ),
)  # fmt: skip
LARGE = 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of the company: its Summary with charts, with a few more sheets, and with one that holds many rows."""
    scan = company(**SECOND, client_name='"><img src=x onerror=alert(1)> Åse & Søn')
    folder = tmp_path_factory.mktemp("page")
    first, *rest = sheets(scan)
    first = replace(first, blocks=(*first.blocks, _CHARTS))
    page.write([first, *rest[:2], rest[-1]], folder / "short.html", page.head(scan))
    page.write([first], folder / "summary.html", page.head(scan))
    large = Sheet("Large", (Text("Large", "title"), _LARGE))
    page.write([first, large], folder / "large.html", page.head(scan))
    return {file.stem: file for file in folder.iterdir()}


@pytest.fixture
def path(written: dict[str, Path]) -> Path:
    return written["large"]


@dataclass
class Opened:
    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def texts(self, column: int) -> list[str]:
        return self.page.locator(f"#sheet-{LARGE} tbody td:nth-child({column})").all_text_contents()

    @property
    def count(self) -> str:
        return self.page.locator(f"#sheet-{LARGE} output").inner_text()


@contextmanager
def opened(browser: Browser, path: Path, silent: bool = True, **how: Any) -> Iterator[Opened]:
    """The page, with everything it says to the console and asks for. Both must be nothing in the end, if `silent`."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | how)
    try:
        context.set_default_timeout(10_000)
        found = Opened(context.new_page())
        found.page.on("console", lambda message: found.said.append(message.text))
        found.page.on("pageerror", lambda error: found.said.append(str(error)))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(path.as_uri())
        yield found
        assert not silent or found.said == []
        assert not silent or [url for url in found.asked if url != path.as_uri() and not url.startswith("data:")] == []
    finally:
        context.close()


def test_a_table_sorts_by_what_its_cells_mean_and_comes_back(browser: Browser, path: Path) -> None:
    with opened(browser, path) as shown:
        header = shown.page.locator(f"#sheet-{LARGE} th")
        before = shown.texts(1)
        assert len(before) == 250 and before[:2] == ["Person 0", "Person 7"]  # the rest follows on scrolling
        header.nth(0).get_by_role("button").press("Enter")
        assert shown.texts(1)[:3] == ["Person 0", "Person 1", "Person 2"]  # not 0, 1, 10
        assert (header.nth(0).get_attribute("aria-sort"), header.nth(1).get_attribute("aria-sort")) == (
            "ascending",
            None,
        )
        header.nth(0).get_by_role("button").press(" ")
        assert shown.texts(1)[:2] == ["Person 299", "Person 298"]
        assert header.nth(0).get_attribute("aria-sort") == "descending"
        header.nth(1).get_by_role("button").click()
        assert set(shown.texts(2)[:75]) == {"Critical"} and header.nth(0).get_attribute("aria-sort") is None
        header.nth(2).get_by_role("button").click()
        assert shown.texts(3)[:3] == ["-9", "-7.5", "-6"]
        header.nth(3).get_by_role("button").click()
        assert shown.texts(4)[0] == "1 Jan 2026"
        header.nth(3).get_by_role("button").click()
        header.nth(3).get_by_role("button").click()
        assert shown.texts(1) == before and header.nth(3).get_attribute("aria-sort") is None
        assert shown.page.locator(f"#sheet-{LARGE} table").get_attribute("aria-rowcount") == str(ROWS + 1)
        for _ in range(3):
            shown.page.locator(f"#sheet-{LARGE} .scroll").evaluate("one => { one.scrollTop = one.scrollHeight }")
            shown.page.wait_for_timeout(50)
        assert len(shown.texts(1)) == ROWS


def test_a_table_filters_and_says_how_many_rows_are_left(browser: Browser, path: Path) -> None:
    with opened(browser, path) as shown:
        field = shown.page.get_by_role("searchbox", name="Filter the rows of Large")
        assert shown.count == f"{ROWS} of {ROWS} rows"
        field.fill("PERSON  299")
        shown.page.get_by_text(f"1 of {ROWS} rows").wait_for()
        assert shown.texts(1) == ["Person 299"]
        field.fill("")
        shown.page.locator(f"#sheet-{LARGE} select").select_option("Medium")
        assert shown.count == f"75 of {ROWS} rows" and set(shown.texts(2)) == {"Medium"}
        field.fill("nobody at all")
        shown.page.get_by_text(f"0 of {ROWS} rows").wait_for()
        assert shown.page.locator(f"#sheet-{LARGE} output").get_attribute("aria-live") == "polite"


def test_links_lead_to_the_sheets_and_the_first_tab_skips_to_the_report(
    browser: Browser, written: dict[str, Path]
) -> None:
    with opened(browser, written["short"]) as shown:
        shown.page.keyboard.press("Tab")
        assert shown.page.evaluate("document.activeElement.className") == "skip"
        shown.page.keyboard.press("Enter")
        assert shown.page.evaluate("document.activeElement.id") == "report"
        for link in shown.page.locator("nav a").all():
            link.click()
            top = shown.page.evaluate("document.querySelector(location.hash).getBoundingClientRect().top")
            bottom = shown.page.evaluate("document.documentElement.getBoundingClientRect().bottom")
            assert abs(top) < 20 or bottom <= 801, link.inner_text()
        current = shown.page.locator("nav a[aria-current]")
        current.wait_for()
        assert current.count() == 1


def test_nothing_but_the_page_s_own_script_and_style_works(
    browser: Browser, written: dict[str, Path], tmp_path: Path
) -> None:
    evil = tmp_path / "evil.html"
    text = written["short"].read_text(encoding="utf-8")
    inserted = (
        '<p id="evil" style="color:rgb(1,2,3)" onclick="window.ran=1">x</p><script>window.ran=1</script>'
        '<style>#evil{font-size:99px}</style><img src="https://evil.example/x.png">'
    )
    evil.write_text(text.replace("</main>", f"{inserted}</main>"), encoding="utf-8")
    with opened(browser, evil, silent=False) as shown:
        shown.page.locator("#evil").click()
        assert shown.page.evaluate("window.ran") is None
        color, size = shown.page.locator("#evil").evaluate(
            "one => [getComputedStyle(one).color, getComputedStyle(one).fontSize]"
        )
        assert color != "rgb(1, 2, 3)" and size != "99px"
        told = " ".join(shown.said)
        assert told.count("Content Security Policy") == 5 and "https://evil.example/x.png" in told


@pytest.mark.parametrize(
    ("scheme", "how"),
    [
        ("light", ""),
        ("dark", "{include: [['header'], ['nav'], ['#sheet-1'], ['#sheet-3']]}, {runOnly: ['color-contrast']}"),
    ],
)
def test_everybody_can_use_it(browser: Browser, written: dict[str, Path], scheme: str, how: str) -> None:
    with opened(browser, written["short"], color_scheme=scheme) as shown:
        shown.page.evaluate(AXE)
        found = shown.page.evaluate(f"axe.run({how})")
    told = [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found["violations"]
        if rule["impact"] in ("moderate", "serious", "critical")
        for node in rule["nodes"]
    ]
    assert told == []
    (contrast,) = [rule for rule in found["passes"] if rule["id"] == "color-contrast"]
    assert len(contrast["nodes"]) > 100


def test_a_narrow_screen_scrolls_tables_and_not_the_page(browser: Browser, path: Path) -> None:
    with opened(browser, path, viewport={"width": 360, "height": 740}) as shown:
        assert shown.page.evaluate("document.documentElement.scrollWidth") == 360
        scroll = shown.page.locator(f"#sheet-{LARGE} .scroll")
        scroll.scroll_into_view_if_needed()
        shown.page.wait_for_function(
            "one => one.scrollWidth > one.clientWidth && one.clientWidth <= 360", arg=scroll.element_handle()
        )


def test_on_paper_everything_is_there_and_the_summary_stands_alone(
    browser: Browser, path: Path, written: dict[str, Path]
) -> None:
    with opened(browser, written["summary"]) as shown:
        assert len(re.findall(rb"/Type\s*/Page\b", shown.page.pdf(prefer_css_page_size=True))) == 1
    with opened(browser, path, color_scheme="dark") as shown:
        shown.page.emulate_media(media="print")
        hidden = ("nav", ".tools >> nth=0", "header p >> nth=0", "footer")
        assert [shown.page.locator(one).is_visible() for one in hidden] == [False] * 4
        ground, ink = shown.page.evaluate(
            "(one => [one.backgroundColor, one.color])(getComputedStyle(document.documentElement))"
        )
        assert (ground, ink) == ("rgb(255, 255, 255)", "rgb(34, 39, 46)")
        shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert len(shown.texts(1)) == ROWS
        styles = shown.page.evaluate(
            "[...document.querySelectorAll('.sheet')].map(getComputedStyle).map(one => [one.breakAfter, one.page])"
        )
        assert styles == [["page", "auto"], ["auto", "landscape"]]


def test_without_a_script_everything_can_be_read(browser: Browser, path: Path) -> None:
    with opened(browser, path, java_script_enabled=False) as shown:
        assert len(shown.texts(1)) == ROWS
        assert shown.page.locator("button").count() == 0 and not shown.page.locator(".tools").first.is_visible()
