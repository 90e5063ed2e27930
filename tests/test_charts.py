from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import pytest

from boardpack.blocks import Block, Chart, Plot, Shown, Text
from boardpack.bridges import bridge
from boardpack.charts import by_member, chart, trend
from boardpack.comparisons import bullet, funnel, ranking
from boardpack.errors import RenderError, UnknownNameError
from boardpack.fonts import font_folder
from boardpack.formats import Formatter
from boardpack.heatmaps import heatmap
from boardpack.movement_stacks import movements
from boardpack.panels import trends
from boardpack.periods import Period
from boardpack.theme import draw, legible, mix, palette
from boardpack.values import Values
from boardpack.variances import variance
from values_fixture import PERIOD, in_locale, open_values, small_values

VALUES = small_values()
MOVEMENTS = ["new_mrr", "expansion_mrr", "reactivation_mrr", "contraction_mrr", "churned_mrr"]
STAGES = ["website_visitors", "trial_signups", "new_customers"]
PANELS = ["gross_margin", "customer_churn_rate", "nps", "mau", "runway"]

VERBS: dict[str, Callable[[Values], Block]] = {
    "trend": lambda v: trend(v, "mrr"),
    "trend-half": lambda v: trend(v, "nps", size="half"),
    "trend-gap": lambda v: trend(v, "runway", size="half"),
    "trend-hostile": lambda v: trend(v, "odd"),
    "trend-member": lambda v: trend(v, "mrr", dims="segment=smb"),
    "trends": lambda v: trends(v, PANELS),
    "trends-one": lambda v: trends(v, ["system_uptime"]),
    "by_member": lambda v: by_member(v, "mrr", "segment"),
    "by_member-rate": lambda v: by_member(v, "customer_churn_rate", "segment", size="half"),
    "bridge": lambda v: bridge(v, "mrr", MOVEMENTS),
    "movements": lambda v: movements(v, MOVEMENTS),
    "ranking": lambda v: ranking(v, "mrr", "segment"),
    "ranking-half": lambda v: ranking(v, "nps", "segment", size="half"),
    "bullet": lambda v: bullet(v, list(v.kpis)),
    "funnel": lambda v: funnel(v, STAGES),
    "variance": lambda v: variance(v, ["mrr", "nps", "customer_churn_rate", "mau"]),
    "variance-alike": lambda v: variance(v, ["new_mrr", "expansion_mrr", "churned_mrr"]),
    "variance-member": lambda v: variance(v, "mrr", "segment"),
    "heatmap": lambda v: heatmap(v, "mrr", "segment"),
    "heatmap-several": lambda v: heatmap(v, ["mrr", "customer_churn_rate", "nps"], "segment"),
}

MAKERS: dict[str, Callable[[], Values]] = {
    "final": small_values,
    "open": open_values,
    "german": lambda: in_locale(small_values(), "de_DE", "EUR"),
}

verbs = pytest.mark.parametrize("verb", VERBS)


@cache
def made(verb: str, values: str = "final") -> Chart:
    """A chart that several tests look at, made once."""
    return drawn(VERBS[verb](MAKERS[values]()))


def drawn(block: Block) -> Chart:
    assert isinstance(block, Chart)
    return block


def texts(svg: str) -> list[str]:
    """What a drawing writes, in order; the lines of one label one by one."""
    found = re.findall(r"<text[^>]*>(.*?)</text>", svg)
    lines = [line for text in found for line in re.split(r"<[^>]+>", text) if line]
    return [html.unescape(line) for line in lines]


def written(row: tuple[str | Shown, ...]) -> list[str]:
    """What the cells of a row say."""
    return [cell.text if isinstance(cell, Shown) else cell for cell in row]


def rows(spec: Any, *, field: str) -> list[dict[str, Any]]:
    """All rows of a spec that have a field."""
    if isinstance(spec, list):
        return [row for part in spec for row in rows(part, field=field)]
    if not isinstance(spec, dict):
        return []
    own = spec.get("values", [])
    found = [row for row in own if isinstance(row, dict) and field in row]
    return found + [row for part in spec.values() for row in rows(part, field=field)]


def figures(values: Values, kpi: str, dims: str = "") -> list[float | None]:
    return [value.value for value in values.series(kpi, 13, dims)]


@verbs
def test_a_chart_says_what_it_shows(verb: str) -> None:
    shown = made(verb)
    assert shown.title
    assert len(shown.alt.split()) > 5
    assert shown.rows
    assert all(len(row) == len(shown.columns) for row in shown.rows)
    assert all(isinstance(cell, str | Shown) for row in shown.rows for cell in row)


@verbs
@pytest.mark.parametrize("make", ["final", "open"])
def test_every_number_is_the_one_of_the_frame(verb: str, make: str) -> None:
    values, shown = MAKERS[make](), made(verb, make)
    formatter = Formatter(values)
    said = " ".join([shown.title, shown.alt, *texts(shown.svg)])
    assert shown.numbers
    for number in shown.numbers:
        assert number.text in said, number
        if number.what == "value":
            value = values.value(number.kpi, Period.parse(number.period), number.member).value
            assert value is not None
            assert number.text == formatter.short(number.kpi, value)


@verbs
@pytest.mark.parametrize("make", ["final", "open"])
def test_each_number_of_the_table_says_which_it_is(verb: str, make: str) -> None:
    values, shown = MAKERS[make](), made(verb, make)
    formatter = Formatter(values)
    cells = [cell for row in shown.rows for cell in row if isinstance(cell, Shown)]
    assert cells
    for cell in cells:
        at = Period.parse(cell.period)
        if cell.what == "value":
            value = values.value(cell.kpi, at, cell.member).value
            assert value is not None
            assert cell.text == formatter.full(cell.kpi, value)
        elif cell.what == "target":
            target = values.target(cell.kpi, at)
            assert target is not None
            assert cell.text == formatter.target(cell.kpi, target, full=True)
        elif cell.what == "limit":
            assert " – " in cell.text
        else:
            assert cell.what in ("net", "share", "rest", "change", "gap")


def plots(plot: Plot | None) -> list[Plot]:
    """The plot and those within it that have series."""
    assert plot is not None
    return [plot] if plot.kind != "panels" else [p for panel in plot.panels for p in plots(panel)]


@verbs
@pytest.mark.parametrize("make", ["final", "open"])
def test_a_plot_has_the_figures_and_writes_what_the_drawing_writes(verb: str, make: str) -> None:
    shown = made(verb, make)
    said = " ".join(texts(shown.svg))
    for plot in plots(shown.plot):
        assert plot.categories
        assert plot.series
        for series in plot.series:
            assert len(series.values) == len(plot.categories)
            assert len(series.labels) in (0, len(plot.categories))
            for label in series.labels:
                assert label in said
            assert all(v is None or math.isfinite(v) for v in series.values)


def test_a_plot_of_a_trend_has_the_roles_of_its_lines() -> None:
    (plot,) = plots(made("trend").plot)
    assert [series.role for series in plot.series] == ["actual", "last_year", "target"]
    assert list(plot.series[0].values) == figures(VALUES, "mrr")
    assert plot.categories[-1] == "Dec 2025"
    assert [series.labels[-1] for series in plot.series] == ["$2.76M", "$1.65M", "$2.9M"]


def test_a_plot_of_a_bridge_adds_up() -> None:
    (plot,) = plots(made("bridge").plot)
    assert [series.role for series in plot.series] == ["balance", "gain", "loss"]
    balance, gains, losses = (series.values for series in plot.series)
    moved = sum(v for v in (*gains, *losses) if v is not None)
    assert balance[0] is not None
    assert balance[-1] == pytest.approx(balance[0] + moved)
    assert all(v is None or v < 0 for v in losses)


@verbs
def test_equal_values_give_an_equal_drawing(verb: str) -> None:
    assert made(verb).payload() == drawn(VERBS[verb](small_values())).payload()


@verbs
def test_the_spec_is_vega_lite_with_its_data_inside(verb: str) -> None:
    spec = made(verb).spec
    assert "/vega-lite/v6" in spec["$schema"]
    alt.Chart.from_dict(spec)
    assert '"url"' not in json.dumps(spec)


@verbs
def test_a_drawing_is_as_wide_as_its_place(verb: str) -> None:
    match = re.search(r'width="([\d.]+)"', made(verb).svg)
    assert match is not None
    width = float(match[1])
    # Panels side by side are as wide as Vega measures them, within a few pixels.
    assert width in (640, 316) or 620 < width < 656


@pytest.mark.parametrize("make", MAKERS)
def test_no_text_is_cut_off_and_none_lies_on_another(
    make: str, tmp_path: Path, visit: Callable[..., Any]
) -> None:
    font = (font_folder() / "SourceSansPro-Regular.ttf").as_uri()
    style = f"<style>@font-face{{font-family:'Source Sans Pro';src:url({font})}}</style>"
    charts = [f"<p id={verb}>{made(verb, make).svg}" for verb in VERBS]
    page = tmp_path / "charts.html"
    page.write_text(f"<meta charset=utf-8>{style}{''.join(charts)}", encoding="utf-8")
    opened = visit(page).page
    opened.evaluate("document.fonts.ready.then(() => true)")
    faults = opened.evaluate(
        """() => [...document.querySelectorAll('p')].flatMap(place => {
          const frame = place.querySelector('svg').getBoundingClientRect();
          const boxes = [...place.querySelectorAll('text')]
            .map(text => [text.textContent, text.getBoundingClientRect()])
            .filter(([text, box]) => text && box.width);
          const cut = boxes.filter(([, box]) => box.left < frame.left - 1
            || box.right > frame.right + 1 || box.top < frame.top - 1
            || box.bottom > frame.bottom + 1);
          const hit = boxes.filter(([, a], i) => boxes.some(([, b], j) => j > i
            && a.left < b.right - 1 && b.left < a.right - 1
            && a.top < b.bottom - 5 && b.top < a.bottom - 5));
          return [...cut.map(([text]) => `${place.id}: ${text} is cut off`),
            ...hit.map(([text]) => `${place.id}: ${text} lies on another`)];
        })"""
    )
    assert faults == []


def test_a_trend_draws_this_year_last_year_and_the_target() -> None:
    spec = drawn(trend(VALUES, "mrr")).spec
    lines = [layer for layer in spec["layer"] if layer["mark"].get("type") == "line"]
    drawn_figures = [[row["value"] for row in rows(line, field="value")] for line in lines]
    targets = [VALUES.target("mrr", period) for period in VALUES.period.last(13)]
    ago = [VALUES.value("mrr", p.year_ago()).value for p in VALUES.period.last(13)]
    assert drawn_figures == [
        [target.value if target else None for target in targets],
        ago,
        figures(VALUES, "mrr"),
    ]


def test_an_open_period_is_dashed_and_hollow() -> None:
    look = palette()
    layers = drawn(trend(open_values(), "mrr")).spec["layer"]
    dashed = [layer for layer in layers if layer["mark"].get("color") == look.accent][-1]
    assert dashed["mark"]["strokeDash"]
    assert [row["period"] for row in rows(dashed, field="value")] == ["2025-11", PERIOD]
    points = [layer for layer in layers if layer["mark"].get("fill")]
    assert [point["mark"]["fill"] for point in points] == [look.paper]
    assert "$2.76M so far" in texts(drawn(trend(open_values(), "mrr")).svg)


def test_a_line_has_a_gap_where_there_is_no_figure() -> None:
    shown = drawn(trend(VALUES, "runway"))
    assert shown.title == "Cash runway has no value for December 2025: the company burns no cash"
    assert "31.5 months in Nov" in texts(shown.svg)
    assert written(shown.rows[-1])[:4] == ["December 2025", "—", "26.0 months", "—"]


def test_a_trend_begins_with_the_first_figure() -> None:
    frame = VALUES.frame[VALUES.frame["period"] >= "2025-09"]
    shown = drawn(trend(replace(VALUES, frame=frame), "mau"))
    assert next(row[0] for row in shown.rows) == "September 2025"
    assert all(row[2] == "—" for row in shown.rows)


def test_a_rate_near_a_hundred_is_not_a_flat_line() -> None:
    spec = drawn(trend(VALUES, "system_uptime")).spec
    domains = {tuple(layer["encoding"]["y"]["scale"]["domain"]) for layer in spec["layer"]}
    ((low, high),) = domains
    assert 99 < low < high < 100.5


def test_an_amount_that_varies_much_starts_at_zero() -> None:
    spec = drawn(trend(VALUES, "mrr")).spec
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"][0] == 0


@pytest.mark.parametrize("last", [1, 2, 7, 13, 25])
def test_any_number_of_periods(last: int) -> None:
    shown = drawn(trend(VALUES, "mrr", last))
    assert len(shown.rows) == last
    assert "Dec" in texts(shown.svg)


@pytest.mark.parametrize("period", ["2025-12-31", "2025-W52", "2025-Q4", "2025"])
def test_any_grain(period: str) -> None:
    at = Period.parse(period)
    months = VALUES.period.last(13)
    names = {month.label: p.label for month, p in zip(months, at.last(13), strict=True)}
    frame = VALUES.frame[VALUES.frame["period"].isin(list(names))].copy()
    frame["period"] = frame["period"].map(names)
    values = replace(VALUES, frame=frame, report=replace(VALUES.report, period=period))
    assert len(drawn(trend(values, "mau")).rows) == min(13, at.look_back)


def test_a_bridge_adds_up() -> None:
    shown = drawn(bridge(VALUES, "mrr", MOVEMENTS))
    bars = rows(shown.spec, field="from")[: len(MOVEMENTS) + 2]
    opening = VALUES.value("mrr", VALUES.period.shift(-1)).value
    assert bars[0]["to"] == opening
    for before, bar in pairwise(bars[:-1]):
        assert bar["from"] == pytest.approx(before["to"])
    signs = [1, 1, 1, -1, -1]
    for bar, kpi, sign in zip(bars[1:], MOVEMENTS, signs, strict=False):
        amount = VALUES.value(kpi).value
        assert amount is not None
        assert bar["to"] - bar["from"] == pytest.approx(sign * amount)
    assert bars[-1]["to"] == VALUES.value("mrr").value == pytest.approx(bars[-2]["to"])
    assert "Unexplained" not in " ".join(texts(shown.svg))


def test_what_the_movements_leave_out_gets_its_own_bar() -> None:
    shown = drawn(bridge(VALUES, "mrr", MOVEMENTS[:2]))
    assert [row[0] for row in shown.rows][-2:] == ["Unexplained", "Dec 2025"]
    name, amount, share, effect = written(shown.rows[-2])
    assert (name, amount[:2], share[0], effect) == ("Unexplained", "−$", "−", "is not explained")


def test_a_bridge_may_name_its_opening() -> None:
    shown = bridge(VALUES, "mrr", MOVEMENTS, opening="runway")
    assert isinstance(shown, Text)
    assert "the company burns no cash" in shown.markdown


def test_losses_hang_below_zero() -> None:
    bars = rows(drawn(movements(VALUES, MOVEMENTS)).spec, field="kpi")
    assert len(bars) == 13 * len(MOVEMENTS)
    for bar in bars:
        value = VALUES.value(bar["kpi"], Period.parse(bar["period"])).value
        sign = -1 if bar["kpi"] in ("contraction_mrr", "churned_mrr") else 1
        assert bar["value"] - bar["base"] == pytest.approx(sign * (value or 0))
        assert bar["value"] * sign >= 0


def test_members_are_the_lines_of_the_frame() -> None:
    spec = drawn(by_member(VALUES, "mrr", "segment")).spec
    lines = [layer for layer in spec["layer"] if layer["mark"]["type"] == "line"]
    assert [[row["value"] for row in rows(line, field="value")] for line in lines] == [
        figures(VALUES, "mrr", f"segment={member}")
        for member in ("enterprise", "mid_market", "smb")
    ]


def test_a_target_is_a_line_at_one() -> None:
    bars = rows(drawn(bullet(VALUES, ["mrr", "nps", "customer_churn_rate"])).spec, field="text")
    by_name = {bar["name"]: bar for bar in bars if "name" in bar}
    assert by_name["Net promoter score"]["value"] == pytest.approx(
        (VALUES.value("nps").value or 0) / 70
    )
    assert by_name["Net promoter score"]["text"] == "52.5, target 70: missed"
    assert by_name["Customer churn rate"]["text"] == "1.9%, limit 2%: met"


def test_a_funnel_says_what_passes_from_stage_to_stage() -> None:
    shown = drawn(funnel(VALUES, STAGES))
    assert [written(row)[1] for row in shown.rows] == ["54,800", "525", "50"]
    labels = texts(shown.svg)
    assert "525, 1.0% of Website visitors" in labels
    assert "50, 9.5% of Trial signups" in labels


@pytest.mark.parametrize(
    "block",
    [
        lambda: trend(VALUES, "backlog"),
        lambda: trends(VALUES, ["backlog"]),
        lambda: by_member(VALUES, "backlog", "segment"),
        lambda: by_member(VALUES, "gross_margin", "segment"),
        lambda: bridge(VALUES, "backlog", MOVEMENTS),
        lambda: movements(VALUES, ["backlog"]),
        lambda: ranking(VALUES, "backlog", "segment"),
        lambda: bullet(VALUES, ["backlog", "mau"]),
        lambda: funnel(VALUES, ["backlog"]),
    ],
)
def test_what_is_not_available_says_why_in_its_place(block: Callable[[], Block]) -> None:
    shown = block()
    assert isinstance(shown, Text)
    assert re.search(r"No figures of .+ for December 2025\\: .{10}", shown.markdown)


def test_the_reason_is_that_of_the_engine() -> None:
    shown = trend(VALUES, "backlog")
    assert isinstance(shown, Text)
    assert "needs the source tickets, which is not connected" in shown.markdown.replace("\\", "")


@pytest.mark.parametrize(
    "block",
    [
        lambda: trends(VALUES, []),
        lambda: bullet(VALUES, []),
        lambda: funnel(VALUES, []),
        lambda: movements(VALUES, []),
    ],
)
def test_where_nothing_was_asked_for_nothing_is_shown(block: Callable[[], Block]) -> None:
    assert block() == Text("")


def test_a_kpi_that_the_notebook_does_not_name_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="Unknown KPI 'mmr'"):
        trend(VALUES, "mmr")


def test_a_chart_of_ones_own_has_the_look_of_the_report() -> None:
    own = alt.Chart(alt.Data(values=[{"x": 1}])).mark_point().encode(x="x:Q")
    shown = chart(own, title="Mine", alt_text="One point.")
    assert shown.spec["config"]["font"] == "Source Sans Pro, sans-serif"
    assert "<svg" in shown.svg


def test_a_drawing_that_fails_says_why() -> None:
    with pytest.raises(RenderError, match="A chart could not be drawn"):
        draw({"mark": "no such mark", "data": {"values": []}})


def test_text_can_be_read_on_paper() -> None:
    pale = mix(palette().accent, "#FFFFFF", 0.6)
    assert legible(pale) != pale
    assert legible(palette().ink) == palette().ink
    assert legible("#FFFFFF") < "#808080"
