"""The notation: each kind of figure looks the same everywhere, and can be told without colour."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from boardpack.blocks import Block, Chart
from boardpack.brand import contrast, read_brand, rgb
from boardpack.charts import by_member, trend
from boardpack.comparisons import bullet, ranking
from boardpack.facts import Finding
from boardpack.formats import Formatter
from boardpack.notation import OPEN, bar, color_of, hatching, line
from boardpack.panels import trends
from boardpack.periods import Period
from boardpack.plots import Scale, fitted, text_width, wrapped, x_axis
from boardpack.readings import is_outside, normal_ranges, read
from boardpack.render.scheme import in_dark
from boardpack.sparklines import picture
from boardpack.theme import HEAT, Palette, dark_palette, draw, palette, styled
from boardpack.values import Values
from boardpack.variances import variance
from values_fixture import PERIOD, open_values, small_values

VALUES = small_values()
LOOKS = {"light": palette(), "dark": dark_palette()}
looks = pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))

#: How eyes without one kind of cone see linear red, green and blue (Machado et al. 2009).
_SEEN = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def lab(color: str, eye: str) -> tuple[float, float, float]:
    """A colour as such an eye sees it, in CIELAB: distances there are as large as they look."""
    shares = (part / 255 for part in rgb(color))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in shares]
    r, g, b = (min(max(sum(m * v for m, v in zip(row, linear, strict=True)), 0.0), 1.0)
               for row in _SEEN[eye])  # fmt: skip
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def drawn(block: Block) -> Chart:
    assert isinstance(block, Chart)
    return block


def layers(spec: Any, kind: str) -> list[dict[str, Any]]:
    """All layers of one kind of mark."""
    if isinstance(spec, list):
        return [found for part in spec for found in layers(part, kind)]
    if not isinstance(spec, dict):
        return []
    mark = spec.get("mark")
    own = [spec] if isinstance(mark, dict) and mark.get("type") == kind else []
    return own + [found for part in spec.values() for found in layers(part, kind)]


@looks
@pytest.mark.parametrize("eye", _SEEN)
@pytest.mark.parametrize("pair", list(combinations(("good", "bad", "accent"), 2)), ids="-".join)
def test_judgements_are_told_apart_by_every_eye(
    look: Palette, eye: str, pair: tuple[str, str]
) -> None:
    one, other = (lab(getattr(look, name), eye) for name in pair)
    assert math.dist(one, other) > 20


@looks
@pytest.mark.parametrize(
    ("one", "other", "least"),
    [
        ("accent", "last_year", 1.9),
        ("accent", "paper", 4.5),
        ("last_year", "paper", 2.2),
        ("target", "paper", 4.5),
        ("good", "bad", 1.4),
        ("good", "paper", 4.5),
        ("bad", "paper", 4.5),
        ("warn", "paper", 4.5),
        ("muted", "paper", 4.5),
        ("ink", "paper", 7.0),
    ],
)
def test_roles_survive_greyscale(look: Palette, one: str, other: str, least: float) -> None:
    assert contrast(getattr(look, one), getattr(look, other)) >= least


@looks
def test_a_number_can_be_read_in_every_step_of_heat(look: Palette) -> None:
    steps = [look.heat(i / (len(HEAT) - 1)) for i in range(len(HEAT))]
    assert len(set(steps)) == len(HEAT)
    for step in steps:
        assert contrast(look.on(step), step) >= 4.5
    grey = [contrast(step, look.paper) for step in steps]
    assert grey == sorted(grey)


@pytest.mark.parametrize("step", range(len(HEAT)))
def test_what_stands_in_a_cell_can_be_read_in_the_dark(step: int) -> None:
    light, brand = palette(), read_brand()
    fill = light.heat(step / (len(HEAT) - 1))
    assert contrast(in_dark(light.on(fill), brand), in_dark(fill, brand)) >= 4.5


def test_each_role_has_a_shape_of_its_own() -> None:
    actual, ago, goal, forecast = (
        bar(role) for role in ("actual", "last_year", "target", "forecast")
    )
    assert contrast(actual["color"], palette().paper) > contrast(ago["color"], palette().paper)
    assert goal["fill"] == palette().paper
    assert goal["stroke"] == palette().target
    assert forecast["fill"]["gradient"] == "linear"
    assert bar("actual", is_open=True)["strokeDash"] == OPEN
    values, scale = VALUES, Scale(0, 1, (0, 1), ("0", "1"))
    x = x_axis(Formatter(values), [values.period], 100)
    marks = [line([], x, scale, role)["mark"] for role in ("actual", "last_year", "target",
                                                           "forecast")]  # fmt: skip
    dashes = [str(mark.get("strokeDash")) for mark in marks]
    assert len({(dash, mark["strokeWidth"]) for dash, mark in zip(dashes, marks, strict=True)}) == 4


def test_a_hatching_is_drawn() -> None:
    rows = [{"x": "a", "y": 3}]
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "data": {"values": rows}, "width": 40, "height": 60, "mark": bar("forecast", height=60),
        "encoding": {
            "x": {"field": "x", "type": "nominal"}, "y": {"field": "y", "type": "quantitative"},
        },
    }  # fmt: skip
    svg = draw(styled(spec))
    assert "<linearGradient" in svg
    assert svg.count("<stop") == len(hatching(palette().accent, palette().paper, 60)["stops"])


@pytest.mark.parametrize(
    "block",
    [
        lambda v: trend(v, "mrr"),
        lambda v: trends(v, ["mrr", "nps", "mau"]),
        lambda v: ranking(v, "mrr", "segment"),
        lambda v: bullet(v, ["mrr", "nps"]),
        lambda v: variance(v, "mrr", "segment"),
    ],
    ids=["trend", "trends", "ranking", "bullet", "variance"],
)
def test_what_may_change_is_dashed_everywhere(block: Any) -> None:
    dash = json.dumps(OPEN)
    assert dash in json.dumps(drawn(block(open_values())).spec)
    assert dash not in json.dumps(drawn(block(VALUES)).spec)


def test_colours_come_from_the_brand() -> None:
    look = palette()
    named = {getattr(look, name) for name in look.__dataclass_fields__}
    spec = json.dumps(drawn(trend(open_values(), "mrr")).spec)
    assert set(re.findall(r"#[0-9A-Fa-f]{6}", spec)) <= named | {look.band}
    assert color_of("gain") == look.good


def spiked(at: str, factor: float) -> Values:
    """The fixture with one figure of the page load time that stands out."""
    frame = VALUES.frame.copy()
    rows = frame[frame["kpi"] == "nps"].copy()
    rows["kpi"], rows["unit"] = "page_load_time", "seconds"
    rows["value"] = [3.0 + 0.1 * (i % 3) for i in range(len(rows))]
    rows.loc[rows["period"] == at, "value"] *= factor
    return replace(VALUES, frame=type(frame)(
        [*frame.to_dict("records"), *rows.to_dict("records")]))  # fmt: skip


def test_a_band_shows_what_was_normal_and_a_ring_what_was_not() -> None:
    values = spiked("2025-09", 3)
    shown = drawn(trend(values, "page_load_time"))
    (band,) = layers(shown.spec, "area")
    assert len(band["data"]["values"]) > 6
    ring = next(found for found in layers(shown.spec, "point") if found["mark"]["size"] == 170)
    assert [row["period"] for row in ring["data"]["values"]] == ["2025-09"]
    assert "outside the normal range: 9.00 sec in September 2025" in shown.alt
    assert "normal range" in shown.svg
    assert shown.columns[-1] == "Normal range"


def test_noise_gets_no_ring() -> None:
    shown = drawn(trend(spiked("2025-09", 1), "page_load_time"))
    assert "every figure is within its normal range" in shown.alt
    assert not [found for found in layers(shown.spec, "point") if found["mark"]["size"] == 170]


def test_one_figure_that_stands_out_is_no_drift() -> None:
    """What comes after it, back at the old level, is no news."""
    values = spiked("2025-11", 3)
    assert not read(values, "page_load_time").is_unusual
    normal = normal_ranges(values, "page_load_time", [values.period])
    assert normal[0] == read(values, "page_load_time").normal
    assert not is_outside(Formatter(values), values.value("page_load_time"), normal[0])


def test_an_open_period_is_not_called_unusual() -> None:
    values = open_values()
    frame = values.frame.copy()
    now = (frame["period"] == PERIOD) & (frame["kpi"] == "customer_churn_rate")
    frame.loc[now, "value"] = 0.1
    assert "outside" not in drawn(trend(replace(values, frame=frame), "customer_churn_rate")).alt


@pytest.mark.parametrize(
    ("kpis", "shared", "told"),
    [
        (["trial_signups", "new_customers"], False, True),
        (["new_mrr", "expansion_mrr"], True, False),
        (["nps", "mabv"], False, False),
        (["mrr", "nps"], False, False),
    ],
)
def test_charts_of_one_unit_share_a_scale_where_their_sizes_allow(
    kpis: list[str], shared: bool, told: bool
) -> None:
    shown = drawn(trends(VALUES, kpis))
    domains = [
        {tuple(found["encoding"]["y"]["scale"]["domain"]) for found in layers(panel, "line")}
        for panel in shown.spec["concat"]
    ]
    assert (domains[0] == domains[1]) is shared
    assert ("scales differ" in shown.title) is told
    own = drawn(trends(VALUES, kpis, scale="own")).spec["concat"]
    assert layers(own[0], "line")[0]["encoding"]["y"] != layers(own[1], "line")[0]["encoding"]["y"]


def test_a_target_far_off_is_named_and_not_drawn() -> None:
    goals = {label: replace(goal, value=5_000.0)
             for label, goal in VALUES.kpi("trial_signups").targets.items()}  # fmt: skip
    facts = {**VALUES.kpis, "trial_signups": replace(VALUES.kpi("trial_signups"), targets=goals)}
    shown = drawn(trend(replace(VALUES, kpis=facts), "trial_signups"))
    assert "target 5,000 ↑" in shown.svg
    (domain,) = {tuple(f["encoding"]["y"]["scale"]["domain"]) for f in layers(shown.spec, "line")}
    assert domain[1] < 1_000


HARD = ("N" * 200, "عميل كبير جدا في المنطقة " * 8, "🚀" * 60, "客户" * 100, "<b>&\"'|=1+1")


@pytest.mark.parametrize("name", HARD, ids=["long", "right to left", "emoji", "wide", "markup"])
def test_hard_names_leave_room_for_the_drawing(name: str) -> None:
    frame = VALUES.frame.copy()
    frame["dims"] = frame["dims"].str.replace("segment=smb", f"segment={name}", regex=False)
    facts = {**VALUES.kpis, "mrr": replace(VALUES.kpi("mrr"), name=name)}
    values = replace(VALUES, frame=frame, kpis=facts)
    for block in (
        by_member(values, "mrr", "segment"), ranking(values, "mrr", "segment"),
        variance(values, "mrr", "segment"), bullet(values, ["mrr", "nps"]),
    ):  # fmt: skip
        shown = drawn(block)
        assert shown.spec["width"] >= 190
        assert shown.svg.startswith("<svg")
        assert name in [*shown.columns, *(cell for row in shown.rows for cell in row)]


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 200), ("x" * 300, 80), ("🚀" * 30, 60), ("مبيعات" * 30, 90)]
)
def test_a_text_is_cut_to_its_place(text: str, width: float) -> None:
    cut = fitted(text, width)
    assert text_width(cut) <= width
    assert cut == text or cut.endswith("…")
    assert len(wrapped(text + " and more " * 30, width, 2)) <= 2


@pytest.mark.parametrize("value", [-5.0, 0.0, 1e12])
def test_a_single_point_is_a_chart(value: float) -> None:
    frame = VALUES.frame[(VALUES.frame["kpi"] == "mau") & (VALUES.frame["period"] == PERIOD)].copy()
    frame["value"] = value
    shown = drawn(trend(replace(VALUES, frame=frame), "mau"))
    assert "A single point" in shown.alt
    assert shown.svg.startswith("<svg")


def test_figures_below_zero_are_drawn_below_zero() -> None:
    frame = VALUES.frame.copy()
    frame.loc[frame["kpi"] == "new_mrr", "value"] *= -1
    values = replace(VALUES, frame=frame)
    for block in (trend(values, "new_mrr"), ranking(values, "new_mrr", "segment"),
                  variance(values, "new_mrr", "segment")):  # fmt: skip
        assert drawn(block).svg.startswith("<svg")
        assert "−$" in drawn(block).alt


@pytest.mark.parametrize(
    ("block", "named"),
    [
        (lambda: trend(VALUES, "mrr"), True),
        (lambda: trend(VALUES, "nps"), False),
        (lambda: ranking(VALUES, "mrr", "segment"), True),
        (lambda: variance(VALUES, ["mrr", "nps"]), True),
    ],
)
def test_the_currency_is_named(block: Any, named: bool) -> None:
    assert ("Amounts are in USD." in drawn(block()).alt) is named


def test_a_small_line_ends_hollow_while_its_figure_may_change() -> None:
    def ends(values: Values) -> Any:
        found = picture(values, "mau", size=(80, 20), shown_width="2cm")
        assert not isinstance(found, str)
        return f'fill="{palette().paper}"' in found.svg

    assert ends(open_values())
    assert not ends(VALUES)


def test_a_figure_whose_data_failed_ends_in_a_diamond() -> None:
    finding = Finding("table_of_mrr", "mrr.rows", "rows are unique", "3 are not", "", "banner")
    report = replace(VALUES.report, verdict="banner", findings=(finding,))
    for block in (trend, lambda v, kpi: trends(v, [kpi, "nps"])):
        marked = json.dumps(drawn(block(replace(VALUES, report=report), "mrr")).spec)
        clean = json.dumps(drawn(block(VALUES, "mrr")).spec)
        assert '"diamond"' in marked
        assert '"diamond"' not in clean


def test_the_range_of_one_day_is_a_bar_and_no_more_is_claimed() -> None:
    """Of days only the last has four weeks before it."""
    days = Period.parse("2025-12-31").last(29)
    one = VALUES.frame[VALUES.frame["kpi"] == "mau"].iloc[:1]
    rows = [
        {**one.iloc[0].to_dict(), "period": day.label, "grain": "day",
         "value": 100.0 + 20 * (i % 7) + i % 3}
        for i, day in enumerate(days)
    ]  # fmt: skip
    report = replace(VALUES.report, period=days[-1].label, grain="day")
    shown = drawn(trend(replace(VALUES, frame=type(one)(rows), report=report), "mau"))
    assert "the figure of December 31, 2025 is within its normal range" in shown.alt
    assert [found for found in layers(shown.spec, "rule") if found["mark"]["strokeWidth"] == 12]
    assert "normal range" in shown.svg
