from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

import boardpack as bp
from boardpack.objectives import Category, Criterion, Item, Objectives, Stage, Target
from boardpack.periods import Period
from boardpack.stage_checks import StageResult, current, results
from boardpack.values import Values
from goals_fixture import made, of_suite


def stage_at(name: str, period: str, start: date) -> str | None:
    card, _ = of_suite(name, start=start)
    found = current(card.objectives.stages, start, Period.parse(period))
    return found.name if found else None


@pytest.mark.parametrize(
    ("name", "period", "stage"),
    [
        ("datainsight_pro", "2022-12", None),
        ("datainsight_pro", "2023-01", "Product-market fit"),
        ("datainsight_pro", "2023-12", "Product-market fit"),
        ("datainsight_pro", "2023-Q4", "Product-market fit"),
        ("datainsight_pro", "2024-01", "Scaling growth"),
        ("datainsight_pro", "2024", "Scaling growth"),
        ("datainsight_pro", "2025-01-01", "Market leadership"),
        ("datainsight_pro", "2025-12", "Market leadership"),
        ("datainsight_pro", "2026-01", None),
        ("gtm_launch", "2023-06", "First phase"),
        ("gtm_launch", "2023-07", "Second phase"),
        ("gtm_launch", "2023-12", "Second phase"),
        ("gtm_launch", "2024-06", "Third phase"),
        # Days since the kick-off: the 30th day is the first of the next phase.
        ("engagement", "2023-01-30", "Discovery and setup"),
        ("engagement", "2023-01-31", "Implementation"),
        ("engagement", "2023-03-31", "Implementation"),
        ("engagement", "2023-04-01", "Optimisation"),
        ("engagement", "2029-04", "Optimisation"),
    ],
)
def test_the_stage_follows_from_the_age(name: str, period: str, stage: str | None) -> None:
    assert stage_at(name, period, date(2023, 1, 1)) == stage


def checked(
    name: str, figures: dict[str, float | None], period: str, **more: object
) -> StageResult:
    card, _ = of_suite(name)
    values = made(figures, period=period, objectives=card.objectives)
    (found,) = results(values)
    return found


#: Figures of every criterion of a stage, each just met, and one step short of it.
DEMO = {
    "2025-12": ("Product-market fit", {
        "core_feature_adoption_rate": (70, 69.9), "nps": (50.1, 50),
        "customer_churn_rate_annual": (4.9, 5), "arr": (2e6, 2e6 - 1), "ltv_cac_ratio": (3.1, 3),
        "total_customers": (100, 99), "win_rate": (45, 44.9)}),
    "2026-12": ("Scaling growth", {
        "total_customers": (300, 299), "net_revenue_retention": (115, 114.9),
        "system_uptime": (99.9, 99.8), "page_load_time": (2.9, 3), "market_position_rank": (5, 6),
        "ltv_cac_ratio": (5.1, 5), "cac_payback_period": (11.9, 12)}),
    "2027-12": ("Market leadership", {
        "market_position_rank": (1, 2), "gross_margin": (85, 84.9), "ebitda_margin": (20, 19.9),
        "total_customers": (500, 499), "enterprise_readiness": (100, 99)}),
}  # fmt: skip


@pytest.mark.parametrize("period", list(DEMO))
def test_each_target_of_a_stage_is_met_at_its_figure_and_not_short_of_it(period: str) -> None:
    name, edges = DEMO[period]
    enough = checked("datainsight_pro", {kpi: met for kpi, (met, _) in edges.items()}, period)
    assert enough.stage.name == name
    lacking = {"Market leadership": 1}.get(name, 0)
    assert (enough.count("not met"), enough.count("not measurable")) == (0, lacking)
    assert enough.count("met") == len(edges)
    short = checked("datainsight_pro", {kpi: no for kpi, (_, no) in edges.items()}, period)
    assert short.count("met") == 0
    assert short.count("not met") == len(edges)


def test_a_category_is_met_when_all_of_it_is() -> None:
    _, edges = DEMO["2025-12"]
    figures: dict[str, float | None] = {kpi: met for kpi, (met, _) in edges.items()}
    figures |= {"nps": 50.0, "win_rate": None}
    found = checked("datainsight_pro", figures, "2025-12")
    assert {category.name: category.state for category in found.categories} == {
        "Product": "met", "Customer": "not met", "Revenue": "met", "Market": "not measurable",
    }  # fmt: skip


LAUNCH = {"arr": 500_000.0, "unit_economics_health": 2.0, "nps": 51.0, "pmf_score": 41.0,
          "total_customers": 50.0, "total_customers segment=enterprise": 1.0,
          "total_customers segment=mid_market": 9.0, "total_customers segment=smb": 40.0,
          "customer_churn_rate_annual": 9.9, "scalability_headroom": 10.0}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "states"),
    [
        ({}, ["met", "met", "met", "met"]),
        # One part that is not met decides, whatever the others are.
        ({"unit_economics_health": 1.0}, ["not met", "met", "met", "met"]),
        ({"pmf_score": 40.0}, ["met", "not met", "met", "met"]),
        ({"pmf_score": None}, ["met", "not measurable", "met", "met"]),
        ({"pmf_score": None, "nps": 50.0}, ["met", "not met", "met", "met"]),
        ({"customer_churn_rate_annual": 10.0}, ["met", "met", "not met", "met"]),
        ({"total_customers segment=smb": 0.0}, ["met", "met", "not met", "met"]),
        ({"total_customers segment=smb": None}, ["met", "met", "not measurable", "met"]),
        ({"scalability_headroom": 9.9}, ["met", "met", "met", "not met"]),
    ],
)
def test_what_has_several_parts_needs_all_of_them(
    change: dict[str, float | None], states: list[str]
) -> None:
    found = checked("gtm_launch", {**LAUNCH, **change}, "2025-06")
    assert found.stage.name == "First phase"
    assert [item.state for item in found.items] == states
    # The values behind it stand beside each.
    behind = [part.value.value for part in found.items[0].parts if part.value is not None]
    assert behind == [500_000.0, change.get("unit_economics_health", 2.0)]


@pytest.mark.parametrize(
    ("period", "figures", "states"),
    [
        ("2025-12", {"arr": 5e6, "mrr_growth_rate": 20.0}, ["met", *["not measurable"] * 3]),
        ("2025-12", {"arr": 5e6, "mrr_growth_rate": 19.9}, ["not met", *["not measurable"] * 3]),
        # A path to 100M has no figure: what is met of it leaves it open, what is not decides.
        ("2026-06", {"arr": 25e6, "market_position_rank": 1.0},
         ["not measurable", "met", "not measurable", "not measurable"]),
        ("2026-06", {"arr": 24e6, "market_position_rank": 2.0},
         ["not met", "not met", "not measurable", "not measurable"]),
    ],
)  # fmt: skip
def test_the_later_phases_of_a_launch(
    period: str, figures: dict[str, float | None], states: list[str]
) -> None:
    found = checked("gtm_launch", figures, period)
    assert [item.state for item in found.items] == states
    assert all(item.reasons for item in found.items if item.state == "not measurable")


def engaged(kickoffs: dict[str, str], figures: dict[str, float | None], period: str) -> Values:
    card, _ = of_suite("engagement")
    objectives = replace(card.objectives, kickoffs=kickoffs)
    return made(figures, period=period, objectives=objectives)


def test_each_engagement_has_a_phase_of_its_own_and_its_rows_by_priority() -> None:
    figures = {
        "recommendation_adoption_rate engagement=e1": 61.0,
        "quick_win_completion_rate engagement=e1": 90.0,
        "revenue_impact engagement=e2": 100_001.0,
        "process_improvements engagement=e2": 4.0,
        "efficiency_gains": 20.0,
        "data_quality_score": 99.0,
    }
    values = engaged(
        {"e2": "2025-01-01", "e1": "2025-05-15", "e3": "2025-06-10"}, figures, "2025-06"
    )
    e2, e1, e3 = results(values)
    assert [(r.dims, r.age, r.stage.name) for r in (e1, e2, e3)] == [
        ("engagement=e1", 46, "Implementation"), ("engagement=e2", 180, "Optimisation"),
        ("engagement=e3", 20, "Discovery and setup"),
    ]  # fmt: skip
    assert [item.item.priority for item in e1.items] == ["high", "high", "high", "medium", "medium"]
    assert [item.state for item in e1.items] == ["met", "not met", *["not measurable"] * 3]
    # A figure of the company says nothing of one engagement.
    gains = next(i for i in e2.items if i.item.parts and i.item.parts[0].kpi == "efficiency_gains")
    assert (gains.state, gains.reasons) == (
        "not measurable", ("Efficiency gains: not split by engagement",)
    )  # fmt: skip
    written = bp.stages(values).markdown
    assert written.index("**Optimisation**") < written.index("**Implementation**")
    assert "| High |" in written


def test_without_kickoffs_the_phase_is_that_of_the_company() -> None:
    (found,) = results(engaged({}, {"data_quality_score": 95.1}, "2025-01-20"))
    assert (found.dims, found.age, found.stage.name) == ("", 19, "Discovery and setup")
    (before,) = results(engaged({}, {"data_quality_score": 95.0}, "2025-01-20"))
    assert [found.items[0].state, before.items[0].state] == ["met", "not met"]


def test_the_page_of_a_stage_counts_and_says_why() -> None:
    _, edges = DEMO["2027-12"]
    card, _ = of_suite("datainsight_pro")
    figures = {kpi: met for kpi, (met, _) in edges.items()} | {"gross_margin": 80.0}
    values = made(figures, period="2027-12", objectives=card.objectives,
                  facts={"gross_margin": {"unit": "percent", "name": "Gross | margin"}})  # fmt: skip
    block = bp.stages(values)
    counts = [shown.text for shown in block.numbers if shown.what == "count"]
    # months 25 to 36, month 36: 4 of 6 met, 1 not met, 1 not measurable
    assert counts == ["25", "36", "36", "4", "6", "1", "1"]
    targets = {(s.kpi, s.text) for s in block.numbers if s.what == "criterion"}
    assert ("gross_margin", "85%") in targets
    assert "no table says which feature a revenue comes from" in block.markdown
    assert "Gross \\| margin at least" in block.markdown
    assert "✓ met" in block.markdown
    assert "not met" in block.markdown
    every = bp.stages(values, every=True).markdown
    assert [name for name in ("Product\\-market fit", "Scaling growth", "Market leadership")
            if name in every] == ["Product\\-market fit", "Scaling growth", "Market leadership"]  # fmt: skip


def test_a_stage_that_is_over_says_so_and_none_is_shown_before_the_first() -> None:
    stage = Stage(
        "Fit", "month", 2, 3, (Category("C", (Item("", (Criterion("mau", Target(5, ">")),)),)),)
    )
    objectives = Objectives(start="2025-01-01", stages=(stage,))
    late = made({"mau": 6.0}, period="2025-09", objectives=objectives)
    assert "this stage is over" in bp.stages(late).markdown
    assert bp.stages(made({"mau": 6.0}, period="2025-01", objectives=objectives)).markdown == ""
    assert bp.stages(made({"mau": 6.0})).markdown == ""


def test_a_kpi_that_the_report_lacks_is_not_measurable() -> None:
    found = checked("datainsight_pro", {"nps": 60.0}, "2025-12")
    reasons = [reason for item in found.items for reason in item.reasons]
    assert "arr: not in this report" in reasons
    assert found.count("not measurable") == 6
