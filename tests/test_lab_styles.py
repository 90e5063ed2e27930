"""What a cell shows in JupyterLab looks as it does in a report."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

import boardpack as bp
from boardpack.blocks import Shown
from boardpack.brand import read_brand
from boardpack.lab_styles import style_of
from boardpack.markup import Box, Column, Number, Paragraph, Span, Table, text
from values_fixture import small_values


def rgb(color: str) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_cards_and_tables_have_their_look_in_a_browser(browser: Browser) -> None:
    values = small_values()
    colors = read_brand().colors
    cards = bp.headline(values, ["mrr", "nps"]).html
    table = text(
        Box(
            "scorecard",
            (Table((Column("KPI"), Column("Dec", 10, "right")), ((("MRR",), ("$1",)),)),),
        )
    ).html
    words = text(
        Paragraph((Span("missed", ("missed",)), Number(Shown("mrr", "2025-12", "", "$1"))))
    )
    page = browser.new_page()
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.set_content(cards + table + words.html)

    def look(selector: str, name: str) -> str:
        found: str = page.locator(selector).first.evaluate(
            "(element, name) => getComputedStyle(element)[name]", name
        )
        return found

    assert look(".cards", "display") == "grid"
    assert look(".card", "borderTopColor") == rgb(colors["accent"])
    assert look(".card-name", "color") == rgb(colors["muted"])
    assert float(look(".card-value", "fontSize").removesuffix("px")) > 25
    assert look(".missed", "color") == rgb(colors["bad"])
    assert look(".n", "whiteSpace") == "nowrap"
    assert look("td:last-child", "textAlign") == "right"
    assert look("td", "borderBottomColor") == rgb(colors["faint"])
    # Side by side: the second card begins where the first has ended.
    boxes = [page.locator(".card").nth(i).bounding_box() for i in (0, 1)]
    first, second = boxes
    assert first is not None
    assert second is not None
    assert second["x"] >= first["x"] + first["width"]
    assert console == []
    page.close()


@pytest.mark.parametrize(("role", "known"), [("card", True), ("remark", True), ("nobody", False)])
def test_a_role_without_a_look_has_no_style(role: str, known: bool) -> None:
    assert bool(style_of(role)) is known
