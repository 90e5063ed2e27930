from __future__ import annotations

import json
import re
from datetime import date

import altair
import pypandoc
import pytest

import boardpack as bp
from boardpack.blocks import Chart, Shown, Text
from boardpack.objectives import Benchmark, Milestone, NorthStar, Objectives, Target
from boardpack.periods import Period
from boardpack.render.slides.pieces import Cards
from boardpack.render.slides.tree import pieces
from boardpack.values import Values
from goals_fixture import Figures, made, of_suite
from values_fixture import HOSTILE

TREE = NorthStar(
    ("mabv",),
    {"mabv": ("mau", "dashboards_per_user")},
    {"input": ("mau", "dashboards_per_user", "trial_signups"), "output": ("mrr", "arr"),
     "health": ("runway",)},
)  # fmt: skip

FIGURES: Figures = {
    "mabv": [1_000_000, 1_100_000], "mau": [9_000, 9_500], "dashboards_per_user": [4.0, 4.5],
    "trial_signups": [400, 380], "mrr": [180_000, 200_000], "arr": [2_160_000, 2_400_000],
    "runway": [19, None],
}  # fmt: skip


def wanted(value: float, comparator: str = ">=") -> dict[str, object]:
    target = Target(value, comparator)  # type: ignore[arg-type]
    return {"targets": {p.label: target for p in Period.parse("2025-12").last(3)}}


FACTS = {
    "mabv": {"unit": "score", **wanted(2_000_000), "name": HOSTILE},
    "dashboards_per_user": {"unit": "ratio"},
    "trial_signups": wanted(400),
    "mrr": {"unit": "currency", **wanted(150_000)},
    "arr": {"unit": "currency"},
    "runway": {"unit": "months", **wanted(18, ">")},
}


def tree(**more: object) -> Values:
    return made(FIGURES, facts=FACTS, objectives=Objectives(north_star=TREE), **more)  # type: ignore[arg-type]


def bare(markdown: str) -> str:
    """A page without its marked numbers, attributes, pictures and names of periods."""
    text = re.sub(r"!\[\]\([^)]*\)\{[^}]*\}", "", markdown)
    text = re.sub(r"\[(?:\\.|[^\]\\])*\]\{\.n [^}]*\}", "", text)
    text = re.sub(r"\{[^}]*\}", "", text)
    return re.sub(r"(Nov|Dec|December|Q4) 20\d\d", "", text)


def test_the_tree_has_every_kpi_of_the_report_under_its_branch() -> None:
    block = bp.north_star(tree())
    assert isinstance(block, Text)
    text = block.markdown.replace("\\:", ":")
    places = [
        text.index(name) for name in ("Input: leading", "Output: lagging", "Health: guardrails")
    ]
    assert places == sorted(places)
    above, inputs, outputs, health = (
        text[a:b] for a, b in zip([0, *places], [*places, None], strict=True)
    )
    assert "\\$y\\$" in above
    assert "<b>name</b>" not in block.html
    assert "Mau" in above
    assert "Trial signups" in inputs
    # A factor stands in the product and not again in its branch.
    assert "Mau" not in inputs
    assert [name in outputs for name in ("Mrr", "Arr")] == [True, True]
    assert "Runway" in health
    # Boxes within boxes: the root, three branches, and on these a KPI each.
    assert text.count("{.tree}") == 1
    assert text.count("{.node}") == 1 + 3 + 4


def test_each_node_has_value_target_status_and_trend_and_every_number_says_which_it_is() -> None:
    block = bp.north_star(tree())
    said = {(s.kpi, s.what): s.text for s in block.numbers}
    assert said["mabv", "value"] == "1.1M"
    assert said["mabv", "target"] == "2M"
    assert said["mabv", "change"] == "+10.0%"
    assert said["trial_signups", "change"] == "−5.0%"
    assert said["mau", "value"] == "9,500"
    assert said["mrr", "target"] == "$150K"
    text = block.markdown
    assert "✓ met" in text
    assert "[missed]{.missed}" in text
    assert "[off track]{.bad}" in text
    assert "[on track]{.good}" in text
    assert not re.search(r"\d", bare(text)), bare(text)


def test_of_a_large_branch_those_with_a_target_come_first_and_the_rest_is_counted() -> None:
    block = bp.north_star(tree(), most=1)
    outputs = block.markdown[block.markdown.index("Output\\:") : block.markdown.index("Health")]
    assert "Mrr" in outputs
    assert "Arr" not in outputs
    assert "more in this report" in outputs
    chosen = bp.north_star(tree(), ["arr"]).markdown
    assert "Arr" in chosen
    assert "Mrr" not in chosen
    assert "No KPI of this report" in chosen


def test_without_a_north_star_there_is_no_tree() -> None:
    assert bp.north_star(made(FIGURES)).markdown == ""
    assert bp.north_star(made({"mrr": 1.0}, objectives=Objectives(north_star=TREE))).markdown == ""


def path_of_demo(period: str, figures: list[float | None]) -> Values:
    card, _ = of_suite("datainsight_pro", start=date(2023, 1, 1))
    about = Period.parse(period)
    facts = {
        "unit": "score",
        "targets": card.targets("mabv", about.last(40)),
        "milestones": card.milestones("mabv", about),
        "straight": True,
    }
    return made({"mabv": figures}, period=period, facts={"mabv": facts}, objectives=card.objectives)


def test_actual_figures_stand_against_the_interpolated_path_of_the_north_star() -> None:
    block = bp.paths(path_of_demo("2024-12", [10_000.0 * n for n in range(1, 25)]))
    assert isinstance(block, Chart)
    assert block.plot is not None
    actual, path = block.plot.series
    assert (actual.role, path.role) == ("actual", "target")
    # January 2023 to December 2025, the figures up to December 2024.
    assert len(block.plot.categories) == 36
    assert actual.values[:24] == tuple(10_000.0 * n for n in range(1, 25))
    assert actual.values[24:] == (None,) * 12
    by_month = {month: path.values[month - 1] for month in (5, 6, 9, 12, 18, 24, 30, 36)}
    assert by_month == {5: None, 6: 5e4, 9: 125_000, 12: 2e5, 18: 5e5, 24: 8e5, 30: 1.4e6, 36: 2e6}
    assert {m: path.labels[m - 1] for m in (6, 12, 24, 36)} == {
        6: "50K", 12: "200K", 24: "800K", 36: "2M",
    }  # fmt: skip
    milestones = [(s.period, s.text) for s in block.numbers if s.what == "milestone"]
    assert milestones[-4:] == [
        ("2023-06", "50K"), ("2023-12", "200K"), ("2024-12", "800K"), ("2025-12", "2M"),
    ]  # fmt: skip
    assert "50K by June 2023, 200K by December 2023, 800K by December 2024, 2M by" in block.alt
    # From 240K it is 1.76M in twelve months.
    assert "needs 147K more a month to reach 2M by December 2025" in block.title
    assert block.columns == ("Period", "Actual", "Target path")
    assert block.rows[5] == (
        "June 2023", Shown("mabv", "2023-06", "", "60,000"),
        Shown("mabv", "2023-06", "", "50,000", "path"),
    )  # fmt: skip
    assert "<svg" in block.svg


def launch(period: str = "2025-12") -> Values:
    card, _ = of_suite("gtm_launch")
    about, facts = Period.parse(period), {}
    for kpi, unit in (
        ("arr", "currency"),
        ("net_revenue_retention", "percent"),
        ("ltv_cac_ratio", "ratio"),
    ):
        facts[kpi] = {
            "unit": unit, "targets": card.targets(kpi, about.last(20)),
            "milestones": card.milestones(kpi, about), "straight": card.goals[kpi].path is not None,
            "benchmark": card.benchmark(kpi), "stretch": card.goals[kpi].stretch,
        }  # fmt: skip
    figures: Figures = {
        "arr": [4e5 * n for n in range(1, 13)],
        "net_revenue_retention": [100 + n for n in range(12)],
        "ltv_cac_ratio": [4 + n / 10 for n in range(12)],
    }
    return made(figures, period=period, facts=facts, objectives=card.objectives)


def test_the_page_of_three_north_stars_shows_three_paths_with_the_benchmark() -> None:
    block = bp.paths(launch())
    assert isinstance(block, Chart)
    assert block.plot is not None
    assert [panel.title for panel in block.plot.panels] == [
        "Arr",
        "Net revenue retention",
        "Ltv cac ratio",
    ]
    arr, nrr, ratio = block.plot.panels
    assert arr.series[1].values[5::6] == (5e5, 5e6, 25e6)
    benchmark = next(s for s in nrr.series if s.name == "Benchmark")
    assert set(benchmark.values) == {110}
    assert nrr.series[1].values[11::6] == (110, 120)
    assert [s.name for s in ratio.series] == ["Actual", "Target path", "Stretch"]
    assert set(ratio.series[1].values) == {5}
    assert block.columns == ("KPI", "Period", "Actual", "Target path", "Benchmark", "Stretch")
    assert "The benchmark is 110%." in block.alt
    assert ("net_revenue_retention", "110%") in {
        (s.kpi, s.text) for s in block.numbers if s.what == "benchmark"
    }
    tree = bp.north_star(launch())
    order = [
        tree.markdown.index(name) for name in ("Arr", "Net revenue retention", "Ltv cac ratio")
    ]
    assert order == sorted(order)


@pytest.mark.parametrize("values", [launch(), path_of_demo("2025-12", [1.0, 2.0])])
def test_the_drawings_are_valid_vega_lite(values: Values) -> None:
    block = bp.paths(values)
    assert isinstance(block, Chart)
    altair.Chart.from_dict({k: v for k, v in block.spec.items() if k != "usermeta"}, validate=True)
    json.dumps(block.payload())
    assert "<svg" in block.svg


def test_what_has_no_path_or_no_figure_is_left_out() -> None:
    card, _ = of_suite("gtm_launch")
    assert bp.paths(made({"arr": 1.0}, objectives=card.objectives)).payload()["markdown"] == ""
    empty = {
        "arr": {
            "milestones": (Milestone("2025-12-31", 5, "month 12"),),
            "benchmark": Benchmark(3, "x"),
        }
    }
    values = made({"arr": [None, None]}, facts=empty, objectives=card.objectives)
    assert bp.paths(values).payload()["markdown"] == ""


def test_a_path_in_steps_is_not_interpolated() -> None:
    steps = (Milestone("2025-10-31", 5, "month 1"), Milestone("2025-12-31", 9, "month 3"))
    block = bp.paths(made({"mau": [1, 2, 3]}, facts={"mau": {"milestones": steps}}), ["mau"])
    assert isinstance(block, Chart)
    assert block.plot is not None
    assert block.plot.series[1].values == (5, 5, 9)


def test_on_slides_the_root_is_a_card_and_each_branch_another() -> None:
    markdown = bp.north_star(tree()).markdown
    parsed = json.loads(pypandoc.convert_text(markdown, "json", format="markdown"))
    root, branches = pieces(parsed)
    assert isinstance(root, Cards)
    assert isinstance(branches, Cards)
    assert (len(root.cards), len(branches.cards)) == (1, 3)
    heads = [card[0][0].text for card in branches.cards]
    assert heads == ["Input: leading", "Output: lagging", "Health: guardrails"]
