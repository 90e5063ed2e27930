"""Colours of light and dark, letters of other scripts, drawings and definitions: without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest

from boardpack.brand import PALETTE, contrast, mixed, read_brand, readable
from boardpack.figures import chart_html, slim, unpacked
from boardpack.fonts import font_folder
from boardpack.glossary import definitions
from boardpack.render.glyphs import characters, drawn_with, strange, supplies
from boardpack.render.scheme import drawn_rules, heat_steps, in_dark
from boardpack.theme import palette
from boardpack.workspace import SUITE
from values_fixture import small_values

BRAND = read_brand()
LATIN = characters(font_folder() / "SourceSansPro-Regular.ttf")
VALUES = small_values()


@pytest.mark.parametrize("name", ["ink", "accent", "muted", "good", "bad", "warn", "target"])
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_words_can_be_read_in_light_and_dark(name: str, ground: str) -> None:
    for colors in (BRAND.colors, BRAND.dark):
        assert contrast(colors[name], colors[ground]) >= 4.5


def test_every_step_of_a_heatmap_can_be_read_and_told_from_the_next() -> None:
    for colors in (BRAND.colors, BRAND.dark):
        steps = heat_steps(colors)
        assert len(steps) == 6
        assert all(contrast(step["fill"], step["ink"]) >= 4.5 for step in steps)
        strength = [contrast(step["fill"], colors["paper"]) for step in steps]
        assert strength == sorted(strength)
        assert all(after > before * 1.1 for before, after in pairwise(strength))


def test_a_colour_of_the_palette_has_its_partner() -> None:
    assert set(BRAND.dark) == set(BRAND.colors) >= set(PALETTE)
    for name in PALETTE:
        assert in_dark(BRAND.colors[name], BRAND) == BRAND.dark[name]
        assert in_dark(BRAND.colors[name].lower(), BRAND) == BRAND.dark[name]


@pytest.mark.parametrize("pair", list(combinations(("accent", "ink", "paper", "good", "muted"), 2)))
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_tint_stays_as_far_from_the_paper(pair: tuple[str, str], share: float) -> None:
    """What stands out from the paper in light stands out from it in dark."""
    light = mixed(BRAND.colors[pair[0]], BRAND.colors[pair[1]], share)
    dark = in_dark(light, BRAND)
    if "paper" in pair:
        meant = mixed(BRAND.dark[pair[0]], BRAND.dark[pair[1]], share)
        assert contrast(dark, meant) < 1.25
    near = contrast(light, BRAND.colors["paper"]) < 1.5
    assert near or contrast(dark, BRAND.dark["paper"]) > 1.3


def test_colours_of_members_stay_apart_in_the_dark() -> None:
    shades = [in_dark(color, BRAND) for color in palette().members(6)]
    assert len(set(shades)) == 6
    assert all(contrast(shade, BRAND.dark["paper"]) > 2 for shade in shades)


def test_words_within_a_chart_can_be_read_in_the_dark() -> None:
    drawn = "".join(f'<text fill="{color}">' for color in (*palette().members(6), "#777777"))
    rules = drawn_rules(drawn, BRAND)
    for color in re.findall(r'fill="(#\w+)"', drawn):
        found = re.findall(rf'svg (?:text)?\[fill="{color.upper()}" i\] .*, (#\w+)\)', rules)
        assert contrast(found[-1], BRAND.dark["paper"]) >= 4.5


def test_a_brand_without_dark_colours_gets_them(tmp_path: Path) -> None:
    written = (SUITE / "reports" / "_brand.yml").read_text(encoding="utf-8")
    kept = "".join(line for line in written.splitlines(True) if "    dark_" not in line)
    path = tmp_path / "_brand.yml"
    path.write_text(kept.replace("#1D5FA6", "#6A1B9A"), encoding="utf-8")
    brand = read_brand(path)
    assert brand.dark["paper"] == BRAND.dark["paper"]
    assert brand.dark["good"] == BRAND.dark["good"]
    assert brand.dark["accent"] not in (BRAND.dark["accent"], "#6A1B9A")
    assert contrast(brand.dark["accent"], brand.dark["paper"]) >= 4.5


def test_a_brand_may_name_one_dark_colour(tmp_path: Path) -> None:
    written = (SUITE / "reports" / "_brand.yml").read_text(encoding="utf-8")
    path = tmp_path / "_brand.yml"
    path.write_text(re.sub(r"dark_accent: .*", 'dark_accent: "#ABCDEF"', written), encoding="utf-8")
    assert read_brand(path).dark["accent"] == "#ABCDEF"


@pytest.mark.parametrize("paper", ["#FFFFFF", "#0E1523", "#777777"])
@pytest.mark.parametrize("color", ["#000000", "#FFFFFF", "#1D5FA6", "#FFEE00"])
def test_readable_is_readable(paper: str, color: str) -> None:
    assert contrast(readable(color, paper), paper) >= 4.5


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("Plain, Ünïcode – “text” → Київ Ωμέγα", []),
        ("חברה", ["NotoSansHebrew"]),
        ("شركة", ["NotoSansArabic"]),
        ("🚀", ["NotoEmoji"]),
        ("ไทย हिन्दी", ["NotoSansDevanagari", "NotoSansThai"]),
        ("漢字", []),
        ("\u200b\u200d\ufe0f\u00a0\n", []),
    ],
)
def test_letters_come_from_the_font_that_has_them(text: str, fonts: list[str]) -> None:
    found = supplies(text, LATIN, BRAND)
    assert sorted(supply.path.name.partition("[")[0] for supply in found) == fonts
    assert strange(text, BRAND) == ({"漢", "字"} if "漢" in text else set())


def test_what_the_page_lacks_of_the_brands_own_font_comes_from_it() -> None:
    (found,) = supplies("Ж", frozenset(range(256)), BRAND)
    assert found.path.name == "SourceSansPro-Regular.ttf"


def test_words_of_a_drawing_name_their_font() -> None:
    drawing = '<svg><text>Nov חברה 1 &amp; 2</text><text fill="x">Plain</text></svg>'
    assert drawn_with(drawing, BRAND) == (
        '<svg><text>Nov <tspan font-family="Noto Sans Hebrew">חברה</tspan> 1 &amp; 2</text>'
        '<text fill="x">Plain</text></svg>'
    )


@pytest.mark.parametrize(
    ("drawing", "slimmed"),
    [
        ('<svg class="marks"><g class="a" aria-hidden="true"/></svg>', '<svg class="marks"><g/></svg>'),
        ('<svg><text x="1.23456">1.23456</text></svg>', '<svg><text x="1.23">1.23456</text></svg>'),
        ('<svg><text x="1" opacity="1"/></svg>', "<svg></svg>"),
        ('<svg><path d="M0,0h9v9h-9Z" fill="#fff"/></svg>',) * 2,
        ('<svg><path opacity="0.5" d="M1,1"/></svg>',) * 2,
        (
            '<svg><text font-family="A">a</text><text font-family="A">b</text></svg>',
            '<svg font-family="A"><text>a</text><text>b</text></svg>',
        ),
        ('<svg><text font-family="A">a</text><text font-family="B">b</text></svg>',) * 2,
        ('<svg><text aria-label="a > b" opacity="1">c</text></svg>', '<svg><text aria-label="a > b">c</text></svg>'),
    ],
)  # fmt: skip
def test_a_slim_drawing_is_the_same_drawing(drawing: str, slimmed: str) -> None:
    assert slim(drawing) == slimmed


@pytest.mark.parametrize(
    ("columns", "rows", "heads"),
    [
        (["Period", "MRR"], [["2025-11", "$1"], ["2025-12", "$2"]], 0),
        (["Month", "MRR"], [["Nov", "$1"], ["Dec", "$2"]], 2),
        (["Month"], [["Nov"]], 0),
        (["Month", "MRR"], [], 0),
    ],
)
def test_the_first_column_of_a_charts_numbers_names_its_rows(
    columns: list[str], rows: list[list[str]], heads: int
) -> None:
    page = chart_html("<svg/>", {}, "alt", {"columns": columns, "rows": rows})
    assert page.count('<th scope="row">') == heads


def test_definitions_say_how_to_read_a_kpi() -> None:
    block = definitions(VALUES, ["customer_churn_rate", "odd"])
    assert "::: {#def-customer_churn_rate .definition}" in block.markdown
    words = re.sub(r"\\(.)", r"\1", block.markdown)
    for said in (
        "**Customer churn rate** [percent · lower is better · CFO]{.muted}",
        "What Customer churn rate says. [Takes the narrower reading.]{.muted}",
        "[sum of customer_churn_rate from table_of_customer_churn_rate]{.formula}",
        "Odd <b>name</b> | *x* $y$ #z",
    ):
        assert said in words
    assert definitions(VALUES, []).markdown == ""


def test_a_formula_too_long_to_read_is_cut_and_the_whole_is_named() -> None:
    facts = VALUES.kpi("mrr")
    long = replace(facts, formula=" + ".join(f"coalesce(part_{i}, 0) * 2" for i in range(40)))
    block = definitions(replace(VALUES, kpis={"mrr": long}), ["mrr"])
    words = re.sub(r"\\(.)", r"\1", block.markdown)
    assert "coalesce(part_0, 0) × 2 + " in words
    assert "… (whole in facts.json of this edition)" in words
    assert len(words) < 600


def test_no_dark_colour_is_one_of_its_own() -> None:
    assert not any(name.startswith("dark_") for name in (*BRAND.colors, *BRAND.dark))


@pytest.mark.parametrize("text", ["</script><!--", "\u2028 😀 חברה", "`" * 9, "x" * 100_000])
def test_a_specification_travels_small_and_whole(text: str) -> None:
    spec = {"data": {"values": [{"name": text, "value": 0.1}]}, "width": 12}
    page = chart_html("<svg/>", spec, "alt", None)
    sent = re.search(r'class="vega-spec">"([A-Za-z0-9+/=]+)"</script>', page)
    assert sent is not None
    assert unpacked(sent[1]) == spec
    assert len(sent[1]) < 400
