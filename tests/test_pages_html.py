"""The HTML page of a report: on every width, in light and dark, by keyboard, read aloud, printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from boardpack.brand import read_brand
from boardpack.render import Rendered, render
from pages_fixture import EMOJI, HEBREW, LONG, axe, gallery
from report_fixture import Desk

Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return gallery(tmp_path_factory.mktemp("gallery"))


def drawn(page: Page) -> Page:
    page.locator(".is-drawn").nth(2).wait_for(state="attached")
    return page


def style(page: Page, selector: str, name: str) -> str:
    return str(
        page.evaluate(
            "([selector, name]) => getComputedStyle(document.querySelector(selector))[name]",
            [selector, name],
        )
    )


def rgb(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing(rendered: Rendered, visit: Visit, width: int, dark: bool) -> None:
    seen = visit(rendered.html, width=width, dark=dark)
    assert axe(drawn(seen.page)) == []
    assert seen.console == []


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_no_page_is_wider_than_its_screen(rendered: Rendered, visit: Visit, width: int) -> None:
    page = drawn(visit(rendered.html, width=width).page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    # Nor does a name of two hundred letters leave its cell.
    cells = page.locator("td, th").filter(has_text=LONG[:30])
    assert cells.count() == 1
    assert cells.evaluate("cell => cell.scrollWidth <= cell.clientWidth + 1")


def test_a_dark_screen_gets_the_dark_colours_of_page_and_charts(
    rendered: Rendered, visit: Visit
) -> None:
    brand = read_brand()
    for dark, colors in ((False, brand.colors), (True, brand.dark)):
        page = drawn(visit(rendered.html, dark=dark).page)
        assert style(page, "body", "backgroundColor") == rgb(colors["paper"])
        assert style(page, "body", "color") == rgb(colors["ink"])
        assert style(page, ".chart-picture rect[fill]", "fill") == rgb(colors["accent"])
        assert style(page, ".chart-live svg", "backgroundColor") == "rgba(0, 0, 0, 0)"


def test_print_is_light_whatever_the_screen_is(rendered: Rendered, visit: Visit) -> None:
    page = visit(rendered.html, dark=True).page
    page.emulate_media(media="print", color_scheme="dark")
    colors = read_brand().colors
    assert style(page, "body", "backgroundColor") == rgb(colors["paper"])
    assert style(page, ".chart-picture rect[fill]", "fill") == rgb(colors["accent"])
    assert not page.locator(".scheme").is_visible()
    assert not page.locator("nav.contents").is_visible()


def test_the_switch_works_by_keyboard_and_is_kept(rendered: Rendered, visit: Visit) -> None:
    page, brand = visit(rendered.html).page, read_brand()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "auto"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "dark"
    assert style(page, "body", "backgroundColor") == rgb(brand.dark["paper"])
    page.reload()
    assert style(page, "body", "backgroundColor") == rgb(brand.dark["paper"])
    assert page.locator(".scheme input[value=dark]").is_checked()
    page.locator(".scheme input[value=auto]").check()
    assert style(page, "body", "backgroundColor") == rgb(brand.colors["paper"])


def test_contents_mark_the_section_that_is_read(rendered: Rendered, visit: Visit) -> None:
    page = drawn(visit(rendered.html, width=1280).page)
    assert page.locator(".contents details").get_attribute("open") is not None
    for heading in ("Scorecard", "Cohorts", "Definitions"):
        page.locator(".contents a", has_text=heading).press("Enter")
        current = page.locator(".contents a[aria-current=location]", has_text=heading)
        current.wait_for(timeout=5000)
    assert page.locator(".contents a[aria-current]").count() == 1


def test_on_a_phone_contents_fold_and_say_where_one_is(rendered: Rendered, visit: Visit) -> None:
    page = drawn(visit(rendered.html, width=390, height=800).page)
    details, summary = page.locator(".contents details"), page.locator(".contents summary")
    assert details.get_attribute("open") is None
    summary.press("Enter")
    assert details.get_attribute("open") is not None
    page.locator(".contents a", has_text="Customers").click()
    assert details.get_attribute("open") is None
    page.locator(".contents .here", has_text="Customers").wait_for(timeout=5000)
    assert page.evaluate("document.querySelector('.contents').getBoundingClientRect().top") == 0


def test_without_scripts_contents_are_open_and_no_switch_is_shown(
    rendered: Rendered, browser: Any
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(rendered.html.as_uri())
    assert page.locator(".contents a").first.is_visible()
    assert not page.locator(".scheme").is_visible()
    context.close()


def test_headings_of_rows_groups_totals_and_heat(rendered: Rendered) -> None:
    page = rendered.html.read_text(encoding="utf-8")
    assert re.search(r'<th [^>]*scope="row">2025-07</th>', page)
    assert re.search(r'<tr class="group">\s*<th [^>]*scope="row"><strong>Growth</strong>', page)
    assert page.count('<tr class="total">') == 2
    assert re.search(r'<td class="heat-5"[^>]*><span class="n" [^>]*>100%</span></td>', page)
    assert "unheard-of" in page


def test_a_name_leads_to_its_definition(rendered: Rendered, visit: Visit) -> None:
    page = visit(rendered.html).page
    card, row = page.locator(".card a"), page.locator(".table-scroll a")
    assert card.first.get_attribute("href") == row.first.get_attribute("href") == "#def-mrr"
    assert row.all_inner_texts() == ["Recurring revenue"] * 2
    card.first.click()
    assert page.evaluate("location.hash") == "#def-mrr"
    assert page.locator("#def-mrr").is_visible()


def test_a_chart_has_its_numbers_behind_it(rendered: Rendered, visit: Visit) -> None:
    page = visit(rendered.html).page
    page.locator(".chart-data summary").first.press("Enter")
    table = page.locator(".chart-data table").first
    assert table.is_visible()
    assert table.locator("tbody th[scope=row]").all_inner_texts() == ["Nov", "Dec"]


def test_small_charts_stand_below_each_other_on_a_phone(
    rendered: Rendered, visit: Visit, tmp_path: Path
) -> None:
    page = visit(rendered.html, width=390).page
    boxes = [chart.bounding_box() for chart in page.locator(".layout-cell .chart").all()]
    assert boxes[0]["x"] == boxes[1]["x"]


def test_the_glyphs_of_other_scripts_travel_with_the_page(
    rendered: Rendered, tmp_path: Path, visit: Visit
) -> None:
    page = rendered.html.read_text(encoding="utf-8")
    carried = re.findall(r"unicode-range: ([^;]+);", page)
    for letter in HEBREW[0] + EMOJI[7]:
        assert any(f"U+{ord(letter):X}" in span for span in carried)
    plain = render(Desk(tmp_path).assemble("Text"), tmp_path, renderer="builtin")
    assert "unicode-range" not in plain.html.read_text(encoding="utf-8")


def test_a_printed_page_has_numbers_and_says_what_it_is(
    rendered: Rendered, visit: Visit, tmp_path: Path
) -> None:
    import pypdf

    page = drawn(visit(rendered.html).page)
    page.pdf(path=tmp_path / "printed.pdf", prefer_css_page_size=True)
    sheets = [sheet.extract_text() for sheet in pypdf.PdfReader(tmp_path / "printed.pdf").pages]
    assert len(sheets) >= 3
    assert f"2 / {len(sheets)}" in sheets[1]
    assert "DataInsight Pro · Board report · December 2025 · Confidential" in sheets[1]
    assert sum("Customer" in s and "MRR" in s for s in sheets) >= 2
